/* lib/kube/manifest_internal.h: shared by manifest*.c only. */
#ifndef SKF_KUBE_MANIFEST_INTERNAL_H
#define SKF_KUBE_MANIFEST_INTERNAL_H
#include "lib/kube/manifest.h"

/* Takes the bytes over (with a final newline) and computes the hash anew. */
void skf_object_set_text(struct skf_object *o, struct skf_buf *text);
#endif

/* lib/image/layout.h: an OCI image layout on disk. Blocking. */
#ifndef SKF_IMAGE_LAYOUT_H
#define SKF_IMAGE_LAYOUT_H
#include "lib/image/image.h"

/* Asked now and then during long writes; true ends them with SKF_ECANCELED. */
typedef bool skf_cancelled_fn(void *arg);

/* Copies a local blob to blobs/sha256/HEX below `dir`, unless it is there. Written beside and
 * renamed. */
int skf_layout_put(const char *dir, const struct skf_blob *b, skf_cancelled_fn *cancelled,
                   void *arg, struct skf_err *err);
/* oci-layout, and an entry in index.json that replaces one of the same name. Takes a lock: several
 * processes may write to one layout. */
int skf_layout_finish(const char *dir, const struct skf_image *image, const char *name,
                      struct skf_err *err);
#endif

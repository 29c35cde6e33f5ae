/* lib/image/sent.h: which blobs a node or an engine has got from us, kept in the user's cache. Only
 * a hint: a load that turns out to lack something is done again in full. Small files, read and
 * written whole; the last writer wins. */
#ifndef SKF_IMAGE_SENT_H
#define SKF_IMAGE_SENT_H
#include "lib/base/vec.h"

/* target: "containerd SOCKET NAMESPACE". Digests, oldest first. */
void skf_sent_load(const char *target, struct skf_strv *digests);
/* Adds what is new (moves what is not to the end); keeps the newest few hundred. */
void skf_sent_add(const char *target, const struct skf_strv *digests);
void skf_sent_forget(const char *target);
#endif

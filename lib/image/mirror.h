/* lib/image/mirror.h: from where the content of a registry can be read. What this machine's
 * container tools have been told counts for skiff too:
 *  - containerd's certs.d/HOST/hosts.toml, or _default/hosts.toml;
 *  - Docker's daemon.json, "registry-mirrors": for Docker Hub.
 * Nothing is ever written to a mirror, and its answers are checked by digest like all others. */
#ifndef SKF_IMAGE_MIRROR_H
#define SKF_IMAGE_MIRROR_H
#include "lib/image/call.h"

enum skf_mirror_use {
    SKF_MIRROR_RESOLVE, /* what digest a tag has */
    SKF_MIRROR_CONTENT, /* what a digest stands for */
};

/* Place number `i` to read `ref` from: mirrors in their order, the registry itself at last; after
 * that false. *out is for skf_ref_release; only domain and path are set. The files are read once a
 * host; one that is malformed is passed over with a word in the debug log. */
bool skf_mirror_place(struct skf_registry *r, const struct skf_ref *ref, size_t i,
                      enum skf_mirror_use use, struct skf_ref *out, bool *insecure);
void skf_mirror_list_free(void *list);
#endif

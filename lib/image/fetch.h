/* lib/image/fetch.h: brings the content of a blob here, into an unlinked temporary file, and checks
 * it. A broken transfer goes on where it stopped.
 * on cancel: done with SKF_ECANCELED. */
#ifndef SKF_IMAGE_FETCH_H
#define SKF_IMAGE_FETCH_H
#include "lib/image/call.h"

struct skf_fetch {
    struct skf_registry *registry;
    const struct skf_blob *blob; /* with remote_repository; borrowed */
    void *data;
    void (*done)(struct skf_fetch *f, const struct skf_err *err);
    struct skf_blob *local; /* result, owned by the caller: same digest, size and type */
    /* private */
    struct skf_call call;
    struct skf_defer defer;
    struct skf_sha256 hash;
    int fd;
    int64_t at;
    unsigned tries;
    bool call_ready, call_active, answered;
    struct skf_err err;
};
void skf_fetch_start(struct skf_fetch *f);
void skf_fetch_cancel(struct skf_fetch *f);
#endif

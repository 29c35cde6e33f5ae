/* lib/image/fetch.h: brings the content of a layer here and checks it.
 *
 * happy path: from the user's cache, checked in the pool; else from a mirror or the registry, into
 *             the cache (an unlinked temporary file where that cannot be written).
 * failures:   a broken transfer goes on where it stopped; what a mirror lacks or has wrong is taken
 *             from the next place; the registry's own failure is the one that is told.
 * on cancel:  done with SKF_ECANCELED. */
#ifndef SKF_IMAGE_FETCH_H
#define SKF_IMAGE_FETCH_H
#include "lib/image/call.h"
#include "lib/io/work.h"

struct skf_fetch {
    struct skf_registry *registry;
    const struct skf_blob *blob; /* with remote_repository; borrowed */
    void *data;
    void (*done)(struct skf_fetch *f, const struct skf_err *err);
    struct skf_blob *local; /* result, owned by the caller: same digest, size and type */
    unsigned requests;      /* HTTP requests made */
    /* private */
    struct skf_ref ref;
    size_t place; /* of ref: mirrors first */
    struct skf_call call;
    struct skf_defer defer;
    struct skf_work work;
    struct skf_sha256 hash;
    int fd;
    char *path; /* of a file in the cache that is not complete yet, or NULL */
    int64_t at;
    unsigned tries;
    bool call_ready, call_active, working, answered, mirrored, refill, no_cache;
    struct skf_err err;
};
void skf_fetch_start(struct skf_fetch *f);
void skf_fetch_cancel(struct skf_fetch *f);
#endif

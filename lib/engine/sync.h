/* lib/engine/sync.h: brings changed files of one artifact into the running containers of its image.
 *
 * happy path: where each file goes, and one tar of all (pool) -> the running containers of the
 * image
 *             -> in each, at once: the tar is unpacked, what has gone is removed -> done(NULL).
 * failures:   a file that nobody knows a place for, no such container, no tar in one, a container
 *             that refuses: done(err). Some containers may have got the files then.
 * on cancel:  everything that runs is cancelled; done comes with SKF_ECANCELED. */
#ifndef SKF_ENGINE_SYNC_H
#define SKF_ENGINE_SYNC_H
#include "lib/engine/builder.h"
#include "lib/io/flow.h"
#include "lib/io/work.h"
#include "lib/kube/exec.h"

enum { SKF_SYNC_MAX_BYTES = 64 * 1024 * 1024 };

/* By the rules of the artifact alone: is a change of this path one that may be synced? Quick. */
bool skf_sync_wants(const struct skf_artifact *a, const char *dir, const char *path);

struct skf_sync_container;
struct skf_syncing {
    /* --- set by the caller; borrowed until done ----------------------------------------------- */
    struct skf_build_context ctx;
    const struct skf_builder_ops *builder;
    struct skf_kube_api *api;
    const struct skf_strv *namespaces;
    const char *image;             /* what the containers run */
    const char *receiver;          /* of the image, instead of tar; or NULL */
    struct skf_strv changed, gone; /* absolute; owned, released with the rest */
    void *data;
    void (*done)(struct skf_syncing *s, const struct skf_err *err); /* never from inside start */
    /* --- results ------------------------------------------------------------------------------ */
    size_t n_containers;
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_flow flow;
    struct skf_work work;
    struct skf_buf rooted, relative; /* tars; empty: nothing of the kind */
    struct skf_strv removed;         /* paths in the container */
    struct skf_kube_req list;
    bool list_used;
    size_t namespace_at, running;
    SKF_VEC(struct skf_sync_container *) containers;
    struct skf_err failure; /* the first of the containers' */
};
void skf_sync_start(struct skf_syncing *s);
void skf_sync_cancel(struct skf_syncing *s);
void skf_sync_release(struct skf_syncing *s); /* before start or from done on */
#endif

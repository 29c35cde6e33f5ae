/* lib/image/registry.h: the registry client. One a process: it keeps per host the scheme that
 * works, the tokens, and which blobs a repository is known to have. What is read may come from a
 * mirror (mirror.h); layers of bases are kept in the user's cache (layer_cache.h). */
#ifndef SKF_IMAGE_REGISTRY_H
#define SKF_IMAGE_REGISTRY_H
#include <stdbool.h>
#include <uv.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/image/image.h"
#include "lib/image/ref.h"
#include "lib/io/http.h"

struct skf_registry;

enum { SKF_TRANSFER_SHOWN = 8 * 1024 * 1024 };

/* A transfer of a blob of SKF_TRANSFER_SHOWN bytes or more. */
struct skf_transfer {
    const char *doing;  /* "pulling" or "pushing" */
    const char *digest; /* borrowed */
    int64_t done, size;
};

struct skf_registry_options {
    const struct skf_strv *insecure; /* name prefixes: plain http, unverified TLS; or NULL */
    const char *docker_config;       /* directory; NULL = $DOCKER_CONFIG or ~/.docker */
    const char *certs_dir;           /* NULL = /etc/docker/certs.d */
    const char *hosts_dir;           /* NULL = /etc/containerd/certs.d */
    const char *daemon_json;         /* NULL = this user's Docker daemon, else the machine's */
    unsigned retry_ms;               /* first wait between tries; 0 = 500 */
    const char *layer_cache;         /* folder for layers of bases; NULL = none are kept */
    int64_t layer_cache_bytes;       /* at most so much */
    /* All may be NULL. They come from inside the transport: start, cancel and free nothing. */
    void (*on_progress)(void *data, const struct skf_transfer *t);
    /* A word for the user, as why nothing seems to happen; without line end. */
    void (*on_note)(void *data, const char *text);
    void *data;
};
/* `http` is borrowed and must outlive the registry. */
struct skf_registry *skf_registry_new(uv_loop_t *loop, struct skf_http *http,
                                      const struct skf_registry_options *options);
void skf_registry_free(struct skf_registry *r);

/* Reads an image or index: manifest, configs of the children wanted; layers stay remote blobs.
 * Documents are kept by digest in `cache_dir` and verified when read from there. */
struct skf_pull {
    struct skf_registry *registry;
    const char *reference;             /* borrowed */
    const struct skf_platform *wanted; /* which children of an index; NULL, 0 = all */
    size_t n_wanted;
    const char *cache_dir; /* borrowed; NULL = no cache */
    /* true: a tag that was resolved before is taken from the cache without asking (base images in a
     * dev loop), for half a day. false: the registry is always asked. When it cannot be reached,
     * the old answer serves in both cases, and `stale` says so. */
    bool pinned;
    void *data;
    void (*done)(struct skf_pull *p, const struct skf_err *err);
    struct skf_image *image; /* result, owned by the caller of start (unref) */
    bool stale;              /* the registry could not be asked: what the tag was before */
    void *priv;
};
void skf_pull_start(struct skf_pull *p);
void skf_pull_cancel(struct skf_pull *p); /* only asks; done still comes */

/* Pushes an image or index: only blobs that the repository lacks travel; base layers are mounted or
 * streamed from their own registry. */
struct skf_push {
    struct skf_registry *registry;
    struct skf_image *image; /* borrowed until done */
    const char *reference;   /* "host/name:tag", borrowed */
    unsigned parallel;       /* blobs at once; 0 = 4 */
    void *data;
    /* May be NULL. Comes from inside the transport: start, cancel and free nothing in it. */
    void (*on_progress)(struct skf_push *p, int64_t sent, int64_t total);
    void (*done)(struct skf_push *p, const struct skf_err *err);
    /* results, for the ledger and for tests that count work */
    int64_t bytes_sent;
    unsigned blobs_sent, blobs_present, requests;
    void *priv;
};
void skf_push_start(struct skf_push *p);
void skf_push_cancel(struct skf_push *p);
#endif

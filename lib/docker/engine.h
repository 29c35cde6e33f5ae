/* lib/docker/engine.h: one operation on the images of a Docker Engine, through its API or the
 * docker program, whichever reaches it.
 *
 * happy path: start; done(op, NULL) with the results.
 * failures:   done with SKF_ENOTFOUND (no such image), SKF_ENET (nothing listens), SKF_EPROTO (the
 * Engine refuses; its own words). on cancel:  the request or the child ends; done with
 * SKF_ECANCELED. done never comes from inside start. */
#ifndef SKF_DOCKER_ENGINE_H
#define SKF_DOCKER_ENGINE_H
#include "lib/docker/host.h"
#include "lib/docker/stream.h"
#include "lib/io/flow.h"
#include "lib/io/http.h"
#include "lib/io/proc.h"

enum skf_docker_verb {
    SKF_DOCKER_INSPECT, /* id, repo_digests */
    SKF_DOCKER_TAG,     /* name -> repo:tag */
    SKF_DOCKER_PUSH,    /* name is repo:tag -> digest */
    SKF_DOCKER_SAVE,    /* docker-save archive -> fd */
};

struct skf_docker_op {
    /* --- set by the caller
     * ------------------------------------------------------------------------ */
    uv_loop_t *loop;
    struct skf_http *http;
    const struct skf_docker_host *host;
    enum skf_docker_verb verb;
    const char *name;       /* borrowed: reference or id */
    const char *repo, *tag; /* TAG: where to; PUSH: the parts of name */
    const char *auth;       /* PUSH by the API: X-Registry-Auth, borrowed; NULL = anonymous */
    void *data;
    void (*on_line)(struct skf_docker_op *op, const char *line); /* what PUSH says; may be NULL */
    void (*done)(struct skf_docker_op *op, const struct skf_err *err);
    /* --- results
     * ---------------------------------------------------------------------------------- */
    char *id, *digest;            /* owned */
    struct skf_strv repo_digests; /* "repo@sha256:..." */
    int fd;                       /* SAVE: an unlinked file, owned; else -1 */
    int64_t saved_bytes;
    /* --- private
     * ---------------------------------------------------------------------------------- */
    struct skf_flow flow;
    struct skf_http_req req;
    struct skf_proc proc;
    struct skf_docker_messages messages;
    struct skf_buf said;
    struct skf_err failed;
    bool req_used, proc_used;
};
void skf_docker_op_start(struct skf_docker_op *op);
void skf_docker_op_cancel(struct skf_docker_op *op);  /* only asks */
void skf_docker_op_release(struct skf_docker_op *op); /* before start or from done on */

/* The API version that both sides speak (1.N), asked once for an address: 0 = not asked yet. */
int skf_docker_engine_minor(const struct skf_docker_host *h);
void skf_docker_engine_forget(void);
/* Takes the answer of GET /_ping. */
int skf_docker_engine_learn(const struct skf_docker_host *h, const struct skf_http_req *ping,
                            struct skf_err *err);
#endif

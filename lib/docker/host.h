/* lib/docker/host.h: where the Docker Engine is, and which of our two ways reaches it: the Engine
 * API over a Unix socket or TCP, with or without TLS, or the docker program (ssh, contexts we do
 * not speak). */
#ifndef SKF_DOCKER_HOST_H
#define SKF_DOCKER_HOST_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/image/deliver.h"
#include "lib/image/docker_tls.h"

struct skf_docker_host {
    char *address; /* "unix:///var/run/docker.sock"; owned */
    const char
        *origin; /* "DOCKER_HOST", "the docker context 'x'", ...: for messages; static or owned */
    char *origin_owned;
    char *certs; /* folder with ca.pem, cert.pem, key.pem: TLS; NULL = none; owned */
    struct skf_docker_tls tls;
    bool api;   /* the Engine API can be spoken to */
    bool cli;   /* the docker program is in PATH */
    bool given; /* by the target: children are told by skf_docker_host_env */
};

/* The Docker that the target names, if it does (target may be NULL), else the user's: DOCKER_HOST,
 * DOCKER_CONTEXT, the current context of Docker's config.json, the usual sockets. Blocks for small
 * files. Fails with SKF_ENOTFOUND when there is neither a socket nor the docker program, and says
 * what to do. */
int skf_docker_host_find(const struct skf_target *target, struct skf_docker_host *out,
                         struct skf_err *err);
void skf_docker_host_release(struct skf_docker_host *h);
/* Socket missing or forbidden: an error that says how to mend it; 0 else. Only for h->api. */
int skf_docker_host_check(const struct skf_docker_host *h, struct skf_err *err);
/* Adds "cannot reach Docker at ..." to an error of the transport. */
void skf_docker_host_blame(const struct skf_docker_host *h, struct skf_err *err);
/* What a docker program must have in its environment to reach it; nothing for the user's own. */
void skf_docker_host_env(const struct skf_docker_host *h, struct skf_strv *env);
/* Points a request at `path` ("/v1.41/..."). */
void skf_docker_host_address(const struct skf_docker_host *h, struct skf_http_req *r,
                             const char *path);
#endif

/* lib/docker/host.h: where the Docker Engine is, and which of our two ways reaches it: the Engine
 * API over a Unix socket or plain TCP, or the docker program (ssh, TLS, contexts we do not speak).
 */
#ifndef SKF_DOCKER_HOST_H
#define SKF_DOCKER_HOST_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/io/http.h"

struct skf_docker_host {
    char *address; /* "unix:///var/run/docker.sock"; owned */
    const char
        *origin; /* "DOCKER_HOST", "the docker context 'x'", ...: for messages; static or owned */
    char *origin_owned;
    bool api;   /* the Engine API can be spoken to */
    bool cli;   /* the docker program is in PATH */
    bool given; /* by the target: children are told by DOCKER_HOST */
};

/* given: the address that the target names, or NULL: DOCKER_HOST, DOCKER_CONTEXT, the current
 * context of Docker's config.json, the usual sockets. Blocks for small files. Fails with
 * SKF_ENOTFOUND when there is neither a socket nor the docker program, and says what to do. */
int skf_docker_host_find(const char *given, struct skf_docker_host *out, struct skf_err *err);
void skf_docker_host_release(struct skf_docker_host *h);
/* Socket missing or forbidden: an error that says how to mend it; 0 else. Only for h->api. */
int skf_docker_host_check(const struct skf_docker_host *h, struct skf_err *err);
/* Adds "cannot reach Docker at ..." to an error of the transport. */
void skf_docker_host_blame(const struct skf_docker_host *h, struct skf_err *err);
/* Points a request at `path` ("/v1.41/..."). */
void skf_docker_host_address(const struct skf_docker_host *h, struct skf_http_req *r,
                             const char *path);
#endif

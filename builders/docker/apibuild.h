/* builders/docker/apibuild.h: one build by the classic builder of a Docker Engine, over its API.
 *
 * happy path: ping (which API version) -> POST /build with the context as it is read -> the image's
 * ID. failures:   nothing listens: SKF_ENET; a step fails: SKF_EBUILD, its words in the lines
 * before. on cancel:  the connection closes, which ends the build; done comes with SKF_ECANCELED.
 */
#ifndef SKF_BUILDERS_DOCKER_APIBUILD_H
#define SKF_BUILDERS_DOCKER_APIBUILD_H
#include "builders/docker/settings.h"
#include "lib/docker/engine.h"

struct skf_docker_apibuild {
    uv_loop_t *loop;
    struct skf_http *http;
    const struct skf_docker_host *host;
    const struct skf_docker_settings *settings;
    void *data;
    void (*on_line)(struct skf_docker_apibuild *a, const char *line);
    void (*done)(struct skf_docker_apibuild *a, const struct skf_err *err);
    int64_t sent_bytes; /* of the context */
    /* private */
    struct skf_flow flow;
    struct skf_http_req req;
    struct skf_docker_tar *tar;
    struct skf_docker_messages messages;
    struct skf_buf chunk, line;
    struct skf_err failed;
    char *auth;
    bool req_used, tar_ended, has_id;
};
void skf_docker_apibuild_start(struct skf_docker_apibuild *a);
void skf_docker_apibuild_cancel(struct skf_docker_apibuild *a);
void skf_docker_apibuild_release(struct skf_docker_apibuild *a);
#endif

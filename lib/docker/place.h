/* lib/docker/place.h: brings an image that a Docker Engine has to where the cluster takes it from.
 *
 * happy path: inspect (which ID) -> registry: push; Docker: a tag from the ID; node: save, and
 * deliver only the layers that the node lacks. failures:   no such image: SKF_ENOTFOUND; of Docker,
 * of the registry, of the delivery: done(err). on cancel:  what runs is stopped; done comes with
 * SKF_ECANCELED. */
#ifndef SKF_DOCKER_PLACE_H
#define SKF_DOCKER_PLACE_H
#include "lib/docker/engine.h"
#include "lib/image/deliver.h"
#include "lib/io/work.h"

struct skf_docker_place {
    uv_loop_t *loop;
    struct skf_http *http;
    struct skf_registry *registry;
    const struct skf_docker_host *host;
    struct skf_target target;
    const char *reference; /* "name:tag", borrowed */
    const char
        *expected_digest; /* of the last time, or NULL: nothing travels when it is the same */
    void *data;
    void (*on_line)(struct skf_docker_place *p, const char *line); /* of a push; may be NULL */
    void (*done)(struct skf_docker_place *p, const struct skf_err *err);
    /* results, owned */
    char *deployed, *digest;
    int64_t bytes_sent;
    struct skf_image *image; /* NULL where the Engine or a registry has it */
    /* private */
    struct skf_flow flow;
    struct skf_docker_op op;
    struct skf_deliver deliver;
    struct skf_work work;
    struct skf_ref ref;
    char *id, *auth;
    bool deliver_used, op_used, known;
};
void skf_docker_place_start(struct skf_docker_place *p);
void skf_docker_place_cancel(struct skf_docker_place *p);
void skf_docker_place_release(struct skf_docker_place *p); /* before start or from done on */
/* Frees what lib/docker remembers for the life of the process: what was placed, API versions. */
void skf_docker_forget_all(void);
#endif

/* lib/docker/stream.h: the JSON objects that a Docker Engine streams while it builds, pushes or
 * pulls. */
#ifndef SKF_DOCKER_STREAM_H
#define SKF_DOCKER_STREAM_H
#include <jansson.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { SKF_DOCKER_MAX_MESSAGE = 4 * 1024 * 1024 };

struct skf_docker_messages {
    struct skf_buf rest; /* of an object that has not come whole */
};
/* Feeds what came; `on` gets each whole object (borrowed). Fails for what is not JSON or never
 * ends. */
int skf_docker_messages_feed(struct skf_docker_messages *m, const char *data, size_t len,
                             void (*on)(void *ctx, const json_t *message), void *ctx,
                             struct skf_err *err);
void skf_docker_messages_release(struct skf_docker_messages *m);
/* The error that a message carries (borrowed), or NULL. */
const char *skf_docker_message_error(const json_t *message);
#endif

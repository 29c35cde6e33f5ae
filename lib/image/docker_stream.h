/* lib/image/docker_stream.h: what a Docker Engine answers. */
#ifndef SKF_IMAGE_DOCKER_STREAM_H
#define SKF_IMAGE_DOCKER_STREAM_H
#include "lib/base/err.h"
#include "lib/io/http.h"

/* JSON objects back to back: fails on "error"/"errorDetail", and when no "stream" text begins with
 * `marker` before the end. */
int skf_docker_stream(const char *data, size_t len, const char *marker, struct skf_err *err);
/* An answer of 300 and more: {"message": ...} or plain text. */
int skf_docker_error(const struct skf_http_req *r, const char *doing, struct skf_err *err);
#endif

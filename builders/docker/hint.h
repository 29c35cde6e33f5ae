/* builders/docker/hint.h: what would make a Dockerfile quicker to build again. */
#ifndef SKF_BUILDERS_DOCKER_HINT_H
#define SKF_BUILDERS_DOCKER_HINT_H
#include "lib/docker/dockerfile.h"

/* A remark (owned) on a Go build whose caches end with its step, or NULL. Said once for a file in
 * the life of the process. `file` as shown to people. */
char *skf_docker_hint(const struct skf_dockerfile *d, const char *file);
void skf_docker_hint_forget(void);
#endif

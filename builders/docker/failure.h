/* builders/docker/failure.h: the output of a build, kept until it is known whether anybody needs
 * it. */
#ifndef SKF_BUILDERS_DOCKER_FAILURE_H
#define SKF_BUILDERS_DOCKER_FAILURE_H
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/docker/dockerfile.h"

enum { SKF_DOCKER_LOG_LINES = 4000, SKF_DOCKER_LOG_BYTES = 2 * 1024 * 1024 };

/* The last lines; older ones go when there are too many. */
struct skf_docker_log {
    struct skf_strv lines;
    size_t bytes;
    bool dropped;
};
void skf_docker_log_add(struct skf_docker_log *log, const char *line);
void skf_docker_log_release(struct skf_docker_log *log);

/* What a reader needs of a failed build: the step that failed, what it said, and the builder's last
 * words; BuildKit's step numbers and times removed. */
void skf_docker_log_digest(const struct skf_docker_log *log, struct skf_strv *out);
/* SKF_EBUILD with the failing step, and the line of the Dockerfile where it is known (`d` may be
 * NULL); SKF_ENET when the daemon is not there. `fallback` says what happened when the log does
 * not. */
int skf_docker_failure(const struct skf_docker_log *log, const struct skf_dockerfile *d,
                       const char *file, const char *fallback, struct skf_err *err);
/* "BuildKit is enabled but the buildx component is missing or broken." */
bool skf_docker_log_lacks_buildx(const struct skf_docker_log *log);
#endif

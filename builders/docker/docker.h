/* builders/docker/docker.h: the docker builder: a Dockerfile through whatever Docker the user has.
 *
 *   options.c   what may stand under `docker:`       settings.c  templates expanded, names resolved
 *   argv.c      one `docker build`, Skaffold's order  failure.c   a build log to one error
 *   apibuild.c  the classic builder over the API      inputs.c    the seam's `inputs`
 *   where.c     the seam's `where`
 *   build.c     the seam's `start`               hint.c      what would make a build quicker
 *
 * The docker program is used when it is there, with BuildKit; when it has no BuildKit (no buildx)
 * or the project says `useBuildkit: false`, the Engine API's classic builder. Dockerfile and
 * .dockerignore rules and the way of an image to its target are in lib/docker. */
#ifndef SKF_BUILDERS_DOCKER_DOCKER_H
#define SKF_BUILDERS_DOCKER_DOCKER_H
#include "lib/config/field.h"
#include "lib/engine/builder.h"

struct skf_docker_secret {
    const char *id, *src, *env;
};
/* What stands under `docker:`; filled by the config loader from skf_docker_fields. */
struct skf_docker_options {
    const char *dockerfile, *target, *network, *ssh;
    struct skf_pairs build_args;
    struct skf_strings add_host, cache_from, cli_flags;
    bool pull_parent, no_cache, squash;
    struct skf_list secrets; /* struct skf_docker_secret */
};
extern const struct skf_field skf_docker_fields[];
extern const struct skf_builder_ops skf_builder_docker;

void skf_docker_inputs_start(struct skf_inputs_job *j);
void skf_docker_inputs_cancel(struct skf_inputs_job *j);
void skf_docker_build_start(struct skf_build *b);
void skf_docker_build_cancel(struct skf_build *b);
bool skf_docker_where(const struct skf_build_context *ctx, const char *path, bool gone,
                      struct skf_strv *to);
bool skf_docker_cache_key(const struct skf_build_context *ctx,
                          struct skf_buf *out); /* cachekey.c */
#endif

/* builders/docker/settings.h: what one build asks Docker for: options with templates expanded. */
#ifndef SKF_BUILDERS_DOCKER_SETTINGS_H
#define SKF_BUILDERS_DOCKER_SETTINGS_H
#include "builders/docker/docker.h"
#include "lib/docker/context.h"

struct skf_docker_settings {
    const struct skf_docker_options *options; /* never NULL */
    struct skf_docker_files files;
    struct skf_strv build_args; /* "K=V" or "K", sorted by key */
    struct skf_strv cli_flags, cache_from;
    struct skf_strv secrets; /* "id=x,src=/path" */
    char *network;           /* NULL = Docker's default */
    char *platform;          /* NULL = Docker's default */
    char *reference;
};

/* reference: "repo/name:tag". Fails for templates that cannot be expanded and for several
 * platforms. */
int skf_docker_settings_make(const struct skf_build_context *ctx, const char *reference,
                             struct skf_docker_settings *out, struct skf_err *err);
void skf_docker_settings_release(struct skf_docker_settings *s);
/* The alias of a required artifact as Docker can have it: "name:tag", where the image itself went
 * to nodes under a digest of ours. Owned. */
char *skf_docker_required_name(const struct skf_build *b, size_t i);
/* What Skaffold passes only to a Dockerfile that declares it. */
void skf_docker_settings_add_declared(struct skf_docker_settings *s, const struct skf_dockerfile *d,
                                      const struct skf_build *b);
/* Does it ask for what only BuildKit does? Names it, or NULL. */
const char *skf_docker_settings_buildkit_only(const struct skf_docker_settings *s,
                                              const struct skf_dockerfile *d);

/* One `docker build`, in Skaffold's order (argv.c). */
void skf_docker_argv(const struct skf_docker_settings *s, bool buildkit, struct skf_strv *argv);
/* The query of POST /build, without the `?` (argv.c): the same for the classic builder. */
char *skf_docker_query(const struct skf_docker_settings *s, const char *dockerfile_in_tar);
#endif

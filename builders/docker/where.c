/* Where in the image a file of the context is: by COPY and ADD of the Dockerfile. */
#include <string.h>

#include "builders/docker/settings.h"
#include "lib/base/path.h"

bool skf_docker_where(const struct skf_build_context *ctx, const char *path, bool gone,
                      struct skf_strv *to)
{
    struct skf_docker_settings s = { 0 };
    struct skf_dockerfile d = { 0 };
    struct skf_docker_sources sources = { 0 };
    struct skf_err unknown = SKF_ERR_INIT;
    bool known = false;
    skf_autofree char *reference = skf_xasprintf("%s:latest", ctx->artifact->image);
    if (gone) /* what is below it is known to a build only */
        return false;
    if (skf_docker_settings_make(ctx, reference, &s, &unknown) < 0)
        return false;
    const struct skf_docker_question q = { .build_args = &s.build_args,
                                           .target = s.options->target,
                                           .platform = s.platform };
    if (skf_docker_files_parse(&s.files, &d, &unknown) == 0 &&
        skf_docker_sources_find(&d, s.files.dockerfile, &q, &sources, &unknown) == 0)
        known = skf_docker_copies_place(&sources, ctx->dir, path + strlen(ctx->dir) + 1, to);
    skf_docker_sources_release(&sources);
    skf_dockerfile_release(&d);
    skf_docker_settings_release(&s);
    return known;
}

/* What decides an image besides the context and what skaffold.yaml says: the values of build
 * arguments that come from the environment. `noCache` and `pullParent` ask for a build each time.
 */
#include <stdlib.h>
#include <string.h>

#include "builders/docker/settings.h"
#include "lib/base/log.h"

bool skf_docker_cache_key(const struct skf_build_context *ctx, struct skf_buf *out)
{
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_docker_settings_make(ctx, "name:tag", &s, &err) < 0) {
        skf_log_debug("artifact cache: %s", err.msg); /* the build says it */
        return false;
    }
    bool each_time = s.options->no_cache || s.options->pull_parent;
    for (size_t i = 0; i < s.build_args.n; i++) {
        const char *arg = s.build_args.v[i];
        const char *given = strchr(arg, '=') ? NULL : getenv(arg);
        skf_buf_addf(out, "\n%s=%s", arg, given ? given : "");
    }
    for (size_t i = 0; i < s.cli_flags.n; i++)
        skf_buf_addf(out, "\n%s", s.cli_flags.v[i]);
    skf_docker_settings_release(&s);
    return !each_time;
}

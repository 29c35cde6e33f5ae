/* What decides an image besides the sources and what skaffold.yaml says: the toolchain, and the
 * variables that Go, cgo and ko heed. Where a commit or a tag that moves decides too, the build
 * itself has to look: it does so without Go (build_keep.c). */
#include <string.h>
#include <sys/stat.h>

#include "builders/ko/base.h"
#include "builders/ko/ko.h"
#include "builders/ko/vcs.h"
#include "lib/base/log.h"

extern char **environ;

static bool decides(const char *variable)
{
    static const char *const prefixes[] = {
        "GO", "CGO_", "KO_", "CC=", "CXX=", "FC=", "AR=", "PKG_CONFIG", "SOURCE_DATE_EPOCH="
    };
    static const char *const not_these[] = { "GOCACHE=", "GOTMPDIR=", "GOMODCACHE=", "GOPATH=",
                                             "KO_DOCKER_REPO=" };
    bool yes = false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(prefixes); i++)
        yes = yes || strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0;
    for (size_t i = 0; i < SKF_ARRAY_LEN(not_these); i++)
        yes = yes && strncmp(variable, not_these[i], strlen(not_these[i])) != 0;
    return yes;
}

/* Is the base image the same as long as its name is? In dev a tag stays what it was. */
static bool base_is_fixed(const struct skf_build_context *ctx, const struct skf_ko_plan *plan)
{
    if (ctx->dev)
        return true;
    return !skf_map_count(&plan->yaml.overrides) &&
           skf_ko_base_is_fixed(skf_ko_base_choose(plan, ""));
}

bool skf_ko_cache_key(const struct skf_build_context *ctx, struct skf_buf *out)
{
    struct skf_ko_plan plan;
    struct skf_err err = SKF_ERR_INIT;
    struct stat st;
    if (skf_ko_plan_load(ctx, NULL, NULL, &plan, &err) < 0) {
        skf_log_debug("artifact cache: %s", err.msg); /* the build says it */
        return false;
    }
    bool env_only = true;
    for (size_t i = 0; i < plan.roots.n; i++)
        env_only = env_only && strncmp(plan.roots.v[i], "Env", 3) == 0 &&
                   (plan.roots.v[i][3] == '\0' || plan.roots.v[i][3] == '.');
    skf_autostrv struct skf_strv variables = SKF_STRV_INIT;
    for (char **v = environ; *v; v++)
        if (plan.roots.n || decides(*v))
            skf_strv_add(&variables, *v);
    skf_strv_sort(&variables);
    skf_autofree char *joined = skf_strv_join(&variables, "\n");
    bool have_go = stat(plan.go, &st) == 0;
    skf_buf_addf(out, "\n%s\n%d %s %lld %lld %lld", joined, (int)ctx->services->compression,
                 plan.go, have_go ? (long long)st.st_ino : 0, have_go ? (long long)st.st_size : 0,
                 have_go ? (long long)st.st_mtim.tv_sec : 0);
    bool fixed = base_is_fixed(ctx, &plan) && !skf_ko_vcs_counts(&plan.flags.text, plan.run_dir);
    skf_ko_plan_release(&plan);
    return env_only && fixed; /* git, the date and the tag are no contents */
}

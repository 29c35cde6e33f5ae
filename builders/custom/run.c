#include "builders/custom/run.h"

#include <string.h>

#include "lib/config/template.h"
#include "lib/image/ref.h"

static void add(struct skf_strv *out, const char *name, const char *value)
{
    if (!getenv(name))
        skf_strv_addf(out, "%s=%s", name, value);
}

int skf_custom_env(const struct skf_build_context *ctx, const char *reference, bool push,
                   struct skf_strv *out, struct skf_err *err)
{
    struct skf_ref ref = { 0 };
    if (skf_ref_parse(reference, &ref, err) < 0)
        return -(int)err->code;
    bool any = !ctx->platforms || !ctx->platforms->n;
    skf_autofree char *platforms = any ? skf_xstrdup("all") : skf_strv_join(ctx->platforms, ",");
    add(out, "IMAGE", reference);
    add(out, "PUSH_IMAGE", push ? "true" : "false");
    add(out, "BUILD_CONTEXT", ctx->dir);
    add(out, "PLATFORMS", platforms);
    add(out, "SKIP_TEST", "false");
    add(out, "IMAGE_REPO", ref.name);
    add(out, "IMAGE_TAG", ref.tag ? ref.tag : "latest");
    skf_ref_release(&ref);
    return 0;
}

static const char *from_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

int skf_custom_expand(const char *text, const char *field, char **out, struct skf_err *err)
{
    extern char **environ;
    skf_autostrv struct skf_strv own = SKF_STRV_INIT;
    if (!skf_template_has(text)) {
        *out = skf_xstrdup(text);
        return 0;
    }
    for (char **e = environ; *e; e++)
        skf_strv_add(&own, *e);
    struct skf_tmap root = skf_tmap_envv_template;
    root.data = &own;
    const struct skf_template_env te = {
        .root = &root, .sprig = true, .name = field, .getenv = from_env
    };
    if (skf_template_expand(text, &te, out, err) == 0)
        return 0;
    err->line = err->col = 0; /* a place inside the text */
    return skf_err_wrap(err, "%s", field);
}

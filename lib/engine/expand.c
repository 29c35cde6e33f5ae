#include "lib/engine/expand.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/template.h"
#include "lib/doc/doc.h"
#include "lib/image/ref.h"

/* `name` is added thrice: as it is or with the image's number, and with the image's own name. */
static void add(struct skf_strv *vars, const char *name, size_t number, const char *image,
                const char *value)
{
    if (number == 0)
        skf_strv_addf(vars, "%s=%s", name, value);
    else
        skf_strv_addf(vars, "%s%zu=%s", name, number + 1, value);
    skf_strv_addf(vars, "%s_%s=%s", name, image, value);
}

/* What is before the first '/' of a name, when it can be a host. */
static char *domain_of(const char *name)
{
    const char *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;
    bool host = len > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-.:") >= len;
    return skf_xstrndup(name, host ? len : 0);
}

void skf_expand_images(const struct skf_pair *images, size_t n, struct skf_strv *vars)
{
    for (size_t i = 0; i < n; i++) {
        const char *full = images[i].value;
        skf_autofree char *image = skf_xstrdup(images[i].key);
        struct skf_ref ref = { 0 };
        struct skf_err ignored = SKF_ERR_INIT;
        for (char *p = image; *p; p++)
            if (strchr(".-/:", *p))
                *p = '_';
        add(vars, "IMAGE_NAME", i, image, images[i].key);
        add(vars, "IMAGE_FULLY_QUALIFIED", i, image, full);
        add(vars, "DIGEST", i, image, full); /* as old charts' templates expect it */
        if (skf_ref_parse(full, &ref, &ignored) < 0)
            continue;
        skf_autofree char *domain = domain_of(ref.name);
        add(vars, "IMAGE_REPO", i, image, ref.name);
        add(vars, "IMAGE_TAG", i, image, ref.tag ? ref.tag : "");
        add(vars, "IMAGE_DIGEST", i, image, ref.digest ? ref.digest : "");
        add(vars, "IMAGE_DOMAIN", i, image, domain);
        add(vars, "IMAGE_REPO_NO_DOMAIN", i, image,
            domain[0] ? ref.name + strlen(domain) + 1 : ref.name);
        skf_ref_release(&ref);
    }
}

static const char *from_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

int skf_expand(const char *text, const struct skf_strv *vars, const char *field,
               const struct skf_node *at, char **out, struct skf_err *err)
{
    extern char **environ;
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    if (!skf_template_has(text)) {
        *out = skf_xstrdup(text);
        return 0;
    }
    for (char **e = environ; *e; e++)
        skf_strv_add(&all, *e);
    if (vars)
        skf_strv_addv(&all, vars);
    struct skf_tmap root = skf_tmap_envv_template;
    root.data = &all;
    const struct skf_template_env te = {
        .root = &root, .sprig = true, .fail_missing = true, .name = field, .getenv = from_env
    };
    if (skf_template_expand(text, &te, out, err) == 0)
        return 0;
    err->line = err->col = 0; /* a place inside the text */
    err->file[0] = '\0';
    skf_err_wrap(err, "%s", field);
    if (at)
        skf_err_at(err, at->doc->file, at->line, at->col);
    return -(int)err->code;
}

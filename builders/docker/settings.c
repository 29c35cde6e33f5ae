#include "builders/docker/settings.h"

#include <string.h>

#include "lib/base/path.h"
#include "lib/config/template.h"
#include "lib/doc/doc.h"
#include "lib/image/ref.h"

/* --- templates -------------------------------------------------------------------------------- */

struct names {
    char *repo, *name, *tag;
};

/* "reg.io/team/app:v1" -> "reg.io/team", "app", "v1"; without a "/" repo and name stay empty, as in
 * Skaffold. */
static int split_reference(const char *reference, struct names *out, struct skf_err *err)
{
    struct skf_ref ref = { 0 };
    if (skf_ref_parse(reference, &ref, err) < 0)
        return -(int)err->code;
    const char *slash = strrchr(ref.name, '/');
    out->repo = slash ? skf_xstrndup(ref.name, (size_t)(slash - ref.name)) : skf_xstrdup("");
    out->name = skf_xstrdup(slash ? slash + 1 : "");
    out->tag = skf_xstrdup(ref.tag ? ref.tag : "latest");
    skf_ref_release(&ref);
    return 0;
}

static const char *from_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static int expand(const struct names *names, const char *text, const struct skf_node *at,
                  const char *field, char **out, struct skf_err *err)
{
    extern char **environ;
    skf_autostrv struct skf_strv own = SKF_STRV_INIT;
    if (!skf_template_has(text)) {
        *out = skf_xstrdup(text);
        return 0;
    }
    for (char **e = environ; *e; e++)
        skf_strv_add(&own, *e);
    const struct skf_tpair pairs[] = {
        { "IMAGE_REPO", { .kind = SKF_TV_STRING, .str = names->repo } },
        { "IMAGE_NAME", { .kind = SKF_TV_STRING, .str = names->name } },
        { "IMAGE_TAG", { .kind = SKF_TV_STRING, .str = names->tag } },
        { NULL },
    };
    struct skf_tmap pair_map = skf_tmap_pairs_template, env_map = skf_tmap_envv_template;
    struct skf_tmap root = skf_tmap_overlay_template;
    pair_map.data = pairs;
    env_map.data = &own;
    const struct skf_tmap *const layers[2] = { &pair_map, &env_map };
    root.data = layers;
    const struct skf_template_env te = {
        .root = &root, .sprig = true, .name = field, .getenv = from_env
    };
    if (skf_template_expand(text, &te, out, err) == 0)
        return 0;
    err->line = err->col = 0; /* so far a place inside the text */
    skf_err_wrap(err, "%s", field);
    return at && at->doc ? skf_err_at(err, at->doc->file, at->line, at->col) : -(int)err->code;
}

/* --- options ---------------------------------------------------------------------------------- */

static int expand_args(const struct skf_docker_options *o, const struct names *names,
                       struct skf_strv *out, struct skf_err *err)
{
    for (size_t i = 0; i < o->build_args.n; i++) {
        const struct skf_pair *p = &o->build_args.v[i];
        skf_autofree char *value = NULL;
        if (!p->value) {
            skf_strv_add(out, p->key); /* Docker takes the value of the environment */
            continue;
        }
        if (expand(names, p->value, p->at, "buildArgs", &value, err) < 0)
            return -(int)err->code;
        skf_strv_addf(out, "%s=%s", p->key, value);
    }
    skf_strv_sort(out);
    return 0;
}

static int expand_flags(const struct skf_docker_options *o, const struct names *names,
                        struct skf_strv *out, struct skf_err *err)
{
    for (size_t i = 0; i < o->cli_flags.n; i++) {
        char *flag;
        const struct skf_node *at = o->cli_flags.at ? o->cli_flags.at[i] : NULL;
        if (expand(names, o->cli_flags.v[i], at, "cliFlags", &flag, err) < 0)
            return -(int)err->code;
        skf_strv_take(out, flag);
    }
    return 0;
}

static void add_secrets(const struct skf_docker_options *o, struct skf_strv *out)
{
    const struct skf_docker_secret *s = o->secrets.v;
    const char *home = getenv("HOME");
    for (size_t i = 0; i < o->secrets.n; i++) {
        if (s[i].src && strncmp(s[i].src, "~/", 2) == 0 && home)
            skf_strv_addf(out, "id=%s,src=%s%s", s[i].id, home, s[i].src + 1);
        else if (s[i].src)
            skf_strv_addf(out, "id=%s,src=%s", s[i].id, s[i].src);
        else if (s[i].env)
            skf_strv_addf(out, "id=%s,env=%s", s[i].id, s[i].env);
        else
            skf_strv_addf(out, "id=%s", s[i].id);
    }
}

/* An entry that names the artifact itself means the image that was built last. */
static void add_cache_from(const struct skf_docker_options *o, const char *image,
                           const char *reference, struct skf_strv *out)
{
    bool adjust = !getenv("SKAFFOLD_DISABLE_DOCKER_CACHE_ADJUSTMENT");
    for (size_t i = 0; i < o->cache_from.n; i++)
        skf_strv_add(out, adjust && strcmp(o->cache_from.v[i], image) == 0 ? reference
                                                                           : o->cache_from.v[i]);
}

static int choose_platform(const struct skf_build_context *ctx, struct skf_docker_settings *s,
                           struct skf_err *err)
{
    if (ctx->platforms && ctx->platforms->n > 1) {
        skf_autofree char *all = skf_strv_join(ctx->platforms, ", ");
        return skf_err_set(
            err, SKF_EUNSUPPORTED,
            "the docker builder builds for one platform at a time, not for %s: choose "
            "one with --platform or 'platforms'",
            all);
    }
    if (ctx->platforms && ctx->platforms->n && strchr(ctx->platforms->v[0], '/'))
        s->platform = skf_xstrdup(ctx->platforms->v[0]);
    return 0;
}

static int fill(const struct skf_build_context *ctx, const struct names *names,
                struct skf_docker_settings *s, struct skf_err *err)
{
    const struct skf_docker_options *o = s->options;
    if (choose_platform(ctx, s, err) < 0 || expand_args(o, names, &s->build_args, err) < 0 ||
        expand_flags(o, names, &s->cli_flags, err) < 0)
        return -(int)err->code;
    if (o->network && expand(names, o->network, NULL, "network", &s->network, err) < 0)
        return -(int)err->code;
    add_secrets(o, &s->secrets);
    add_cache_from(o, ctx->artifact->image, s->reference, &s->cache_from);
    skf_docker_files_find(ctx->dir, o->dockerfile, ctx->services->cwd, &s->files);
    return 0;
}

int skf_docker_settings_make(const struct skf_build_context *ctx, const char *reference,
                             struct skf_docker_settings *out, struct skf_err *err)
{
    static const struct skf_docker_options no_options;
    struct skf_docker_settings s = { .options = ctx->artifact->options };
    struct names names = { 0 };
    if (!s.options)
        s.options = &no_options;
    s.reference = skf_xstrdup(reference);
    int rc = split_reference(reference, &names, err);
    if (rc == 0)
        rc = fill(ctx, &names, &s, err);
    free(names.repo);
    free(names.name);
    free(names.tag);
    if (rc < 0) {
        skf_docker_settings_release(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void skf_docker_settings_release(struct skf_docker_settings *s)
{
    skf_docker_files_release(&s->files);
    skf_strv_release(&s->build_args);
    skf_strv_release(&s->cli_flags);
    skf_strv_release(&s->cache_from);
    skf_strv_release(&s->secrets);
    free(s->network);
    free(s->platform);
    free(s->reference);
    memset(s, 0, sizeof *s);
}

static bool has_arg(const struct skf_docker_settings *s, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < s->build_args.n; i++)
        if (strncmp(s->build_args.v[i], name, len) == 0 &&
            (s->build_args.v[i][len] == '=' || !s->build_args.v[i][len]))
            return true;
    return false;
}

static void add_declared(struct skf_docker_settings *s, const struct skf_dockerfile *d,
                         const char *name, const char *value)
{
    if (skf_dockerfile_declares(d, name) && !has_arg(s, name))
        skf_strv_addf(&s->build_args, "%s=%s", name, value);
}

char *skf_docker_required_name(const struct skf_build *b, size_t i)
{
    bool on_node = b->target.kind == SKF_TARGET_CONTAINERD || b->target.kind == SKF_TARGET_NODES;
    const char *value = b->required[i].value;
    /* The digest of what went to a node is ours: Docker knows the image by its tag. */
    return skf_xstrndup(value, on_node ? strcspn(value, "@") : strlen(value));
}

void skf_docker_settings_add_declared(struct skf_docker_settings *s, const struct skf_dockerfile *d,
                                      const struct skf_build *b)
{
    add_declared(s, d, "SKAFFOLD_RUN_MODE", b->ctx.debug ? "debug" : b->ctx.dev ? "dev" : "run");
    if (b->ctx.debug)
        add_declared(s, d, "SKAFFOLD_GO_GCFLAGS", "all=-N -l");
    for (size_t i = 0; i < b->n_required; i++) {
        skf_autofree char *reference = skf_docker_required_name(b, i);
        add_declared(s, d, b->required[i].key, reference);
    }
    skf_strv_sort(&s->build_args);
}

const char *skf_docker_settings_buildkit_only(const struct skf_docker_settings *s,
                                              const struct skf_dockerfile *d)
{
    if (s->secrets.n)
        return "'secrets'";
    if (s->options->ssh)
        return "'ssh'";
    if (d->other_syntax)
        return "the line '# syntax=' of the Dockerfile";
    for (size_t i = 0; i < d->list.n; i++) {
        const struct skf_docker_instruction *in = &d->list.v[i];
        bool run = strcmp(in->name, "RUN") == 0, copy = strcmp(in->name, "COPY") == 0;
        if (run && skf_docker_flag(in, "mount"))
            return "'RUN --mount'";
        for (size_t j = 0; (run || copy) && !in->json && j < in->words.n; j++)
            if (skf_docker_is_heredoc(in->words.v[j]))
                return "a heredoc in the Dockerfile";
    }
    return NULL;
}

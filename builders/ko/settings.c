/* From a plan to what one `go build` is given: templates expanded, flags checked. */
#include <string.h>

#include "builders/ko/plan.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"

static int at_text(const struct skf_ko_plan *p, const struct skf_ko_texts *t, size_t i,
                   struct skf_err *err)
{
    const struct skf_node *n = t->at ? t->at[i] : NULL;
    err->line = err->col = 0; /* so far a place inside the text */
    skf_err_wrap(err, "%s", t->field);
    if (n && n->doc)
        return skf_err_at(err, n->doc->file, n->line, n->col);
    if (p->yaml.found) {
        skf_autofree char *show = skf_path_show(p->yaml.file);
        return skf_err_at(err, show, 0, 0);
    }
    return -(int)err->code;
}

int skf_ko_plan_collect_roots(struct skf_ko_plan *p, const struct skf_ko_texts *t,
                              struct skf_err *err)
{
    for (size_t i = 0; i < t->text.n; i++) {
        skf_autostrv struct skf_strv roots = SKF_STRV_INIT;
        if (!skf_template_has(t->text.v[i]))
            continue;
        if (skf_template_roots(t->text.v[i], &roots, err) < 0)
            return at_text(p, t, i, err);
        skf_strv_addv(&p->roots, &roots);
    }
    return 0;
}

/* --- templates -------------------------------------------------------------------------------- */

static struct skf_tvalue str(const char *s)
{
    return (struct skf_tvalue){ .kind = SKF_TV_STRING, .str = s ? s : "" };
}
static struct skf_tvalue num(long long n)
{
    return (struct skf_tvalue){ .kind = SKF_TV_INT, .num = n };
}
static struct skf_tvalue yes(bool b)
{
    return (struct skf_tvalue){ .kind = SKF_TV_BOOL, .yes = b };
}
static struct skf_tvalue map(const struct skf_tmap *m)
{
    return (struct skf_tvalue){ .kind = SKF_TV_MAP, .map = m };
}

static const char *from_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static void add_environ(struct skf_strv *out)
{
    extern char **environ;
    for (char **e = environ; *e; e++)
        skf_strv_add(out, *e);
}

/* All of `t` expanded. `env` is the build's environment as far as it is known: what .Env holds. */
static int expand(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                  const struct skf_strv *env, const struct skf_ko_texts *t, struct skf_strv *out,
                  struct skf_err *err)
{
    static const struct skf_ko_facts no_facts;
    const struct skf_ko_facts *f = facts ? facts : &no_facts;
    skf_autostrv struct skf_strv own = SKF_STRV_INIT, all = SKF_STRV_INIT, go = SKF_STRV_INIT;
    add_environ(&own);
    skf_strv_add(&all, "LDFLAGS=");
    skf_strv_addv(&all, &own);
    skf_strv_addv(&all, env);
    skf_strv_addv(&go, &f->go_env);
    skf_strv_addv(&go, env);

    struct skf_tmap env_map = skf_tmap_envv_template, go_map = skf_tmap_envv_template;
    struct skf_tmap own_map = skf_tmap_envv_template, git_map = skf_tmap_pairs_template;
    struct skf_tmap roots_map = skf_tmap_pairs_template, root = skf_tmap_overlay_template;
    long long now = p->source_epoch >= 0 ? p->source_epoch : skf_clock_wall_ms() / 1000;
    skf_autofree char *date = skf_ko_date(now);
    const struct skf_tpair git[] = {
        { "Branch", str(f->branch) },
        { "Tag", str(f->tag) },
        { "ShortCommit", str(f->short_commit) },
        { "FullCommit", str(f->full_commit) },
        { "CommitDate", str(f->commit_date ? f->commit_date : "0001-01-01T00:00:00Z") },
        { "CommitTimestamp", num(f->commit_s) },
        { "IsDirty", yes(f->dirty) },
        { "IsClean", yes(!f->dirty) },
        { "TreeState", str(f->dirty ? "dirty" : "clean") },
        { NULL },
    };
    const struct skf_tpair roots[] = {
        { "Env", map(&env_map) },
        { "GoEnv", map(&go_map) },
        { "Git", map(&git_map) },
        { "Date", str(date) },
        { "Timestamp", num(now) },
        { "IMAGE_REPO", str(p->repo) },
        { "IMAGE_NAME", str(p->name) },
        { "IMAGE_TAG", str(p->tag) },
        { NULL },
    };
    env_map.data = &all;
    go_map.data = &go;
    own_map.data = &own;
    git_map.data = git;
    roots_map.data = roots;
    const struct skf_tmap *const layers[2] = { &roots_map, &own_map };
    root.data = layers;
    const struct skf_template_env te = {
        .root = &root, .sprig = true, .fail_missing = true, .name = "argsTmpl", .getenv = from_env
    };
    for (size_t i = 0; i < t->text.n; i++) {
        char *text = NULL;
        if (!skf_template_has(t->text.v[i]))
            text = skf_xstrdup(t->text.v[i]);
        else if (skf_template_expand(t->text.v[i], &te, &text, err) < 0)
            return at_text(p, t, i, err);
        skf_strv_take(out, text);
    }
    return 0;
}

/* --- settings --------------------------------------------------------------------------------- */

static bool is_toolexec(const char *flag)
{
    if (flag[0] != '-')
        return false;
    const char *name = flag + 1 + (flag[1] == '-');
    return strncmp(name, "toolexec", 8) == 0 && (name[8] == '\0' || name[8] == '=');
}

static int check_flags(const struct skf_strv *flags, const struct skf_strv *env,
                       struct skf_err *err)
{
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    const char *goflags = getenv("GOFLAGS");
    skf_strv_addv(&all, flags);
    if (goflags)
        skf_strv_split(&all, goflags, " \t\n");
    for (size_t i = 0; i < env->n; i++)
        if (strncmp(env->v[i], "GOFLAGS=", 8) == 0)
            skf_strv_split(&all, env->v[i] + 8, " \t\n");
    for (size_t i = 0; i < all.n; i++)
        if (is_toolexec(all.v[i]))
            return skf_err_set(err, SKF_ECONFIG,
                               "cannot set -toolexec: it would run programs of somebody's choice");
    for (size_t i = 0; i < flags->n; i++) {
        if (strcmp(flags->v[i], "-o") == 0 || strncmp(flags->v[i], "-o=", 3) == 0)
            return skf_err_set(err, SKF_ECONFIG, "flags: '-o' is skiff's own: take it out");
        if (flags->v[i][0] && strcmp(flags->v[i], "--") == 0)
            return skf_err_set(err, SKF_ECONFIG, "flags: '--' would end the flags: take it out");
    }
    return 0;
}

void skf_ko_settings_release(struct skf_ko_settings *s)
{
    skf_strv_release(&s->env);
    skf_strv_release(&s->flags);
    free(s->ldflags);
    memset(s, 0, sizeof *s);
}

/* Our own environment beats the platform's values, the configuration beats both. */
static int build_env(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                     const struct skf_platform *platform, struct skf_strv *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv defaults = SKF_STRV_INIT, config = SKF_STRV_INIT;
    int rc = skf_ko_platform_env(platform, &defaults, err);
    rc = rc < 0 ? rc : expand(p, facts, &defaults, &p->env, &config, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < config.n; i++)
        if (!strchr(config.v[i], '=') || config.v[i][0] == '=')
            return skf_err_set(err, SKF_ECONFIG, "env: '%s' is not K=V", config.v[i]);
    rc = skf_ko_platform_check_env(platform, &config, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < defaults.n; i++) {
        skf_autofree char *key = skf_xstrndup(defaults.v[i], strcspn(defaults.v[i], "="));
        if (!getenv(key))
            skf_strv_add(out, defaults.v[i]);
    }
    skf_strv_addv(out, &config);
    return 0;
}

static bool flag_is(const char *word, const char *name)
{
    size_t len = strlen(name);
    if (word[0] != '-')
        return false;
    word += 1 + (word[1] == '-');
    return strncmp(word, name, len) == 0 && (word[len] == '\0' || word[len] == '=');
}

/* A second -ldflags would replace the first, wherever that stands. */
static bool may_drop_debug_info(const struct skf_ko_plan *p, const struct skf_strv *flags,
                                const char *ldflags)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT, all = SKF_STRV_INIT;
    const char *goflags = getenv("GOFLAGS");
    if (!p->dev || p->no_optimizations || p->debug)
        return false;
    skf_strv_split(&words, ldflags, " \t\n");
    for (size_t i = 0; i < words.n; i++)
        if (flag_is(words.v[i], "w") || flag_is(words.v[i], "linkmode"))
            return false;
    skf_strv_addv(&all, flags);
    if (goflags)
        skf_strv_split(&all, goflags, " \t\n");
    for (size_t i = 0; i < all.n; i++)
        if (flag_is(all.v[i], "ldflags") || flag_is(all.v[i], "gcflags"))
            return false;
    return true;
}

int skf_ko_plan_settings(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                         const struct skf_platform *platform, struct skf_ko_settings *out,
                         struct skf_err *err)
{
    struct skf_ko_settings s = { 0 };
    skf_autostrv struct skf_strv ldflags = SKF_STRV_INIT;
    int rc = build_env(p, facts, platform, &s.env, err);
    rc = rc < 0 ? rc : expand(p, facts, &s.env, &p->flags, &s.flags, err);
    rc = rc < 0 ? rc : expand(p, facts, &s.env, &p->ldflags, &ldflags, err);
    rc = rc < 0 ? rc : check_flags(&s.flags, &s.env, err);
    if (rc < 0) {
        skf_ko_settings_release(&s);
        return rc;
    }
    s.ldflags = skf_strv_join(&ldflags, " ");
    s.no_debug_info = may_drop_debug_info(p, &s.flags, s.ldflags);
    if (s.no_debug_info)
        skf_replace(&s.ldflags, skf_xasprintf("%s%s-w", s.ldflags, s.ldflags[0] ? " " : ""));
    *out = s;
    return 0;
}

int skf_ko_plan_labels(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                       struct skf_strv *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv none = SKF_STRV_INIT, values = SKF_STRV_INIT;
    int rc = expand(p, facts, &none, &p->labels, &values, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < values.n; i++) {
        skf_strv_add(out, p->label_keys.v[i]);
        skf_strv_add(out, values.v[i]);
    }
    skf_strv_addv(out, &p->arg_labels);
    return 0;
}

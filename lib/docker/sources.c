#include "lib/docker/sources.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/path.h"

struct stage {
    char *name; /* lower case; NULL = none */
    long base;  /* index of the stage it is built from, -1 = an image */
    struct skf_map env, args;
    struct skf_docker_sources reads; /* and copies */
    char *workdir;                   /* NULL: that of the base */
    SKF_VEC(size_t) needs;           /* other stages, by --from */
    struct skf_strv onbuild;         /* for stages built from this one */
    bool wanted;
};

struct fold {
    const struct skf_dockerfile *d;
    const char *file;
    const struct skf_docker_question *q;
    struct skf_err *err;
    struct skf_map given;  /* build arguments */
    struct skf_map global; /* ARG before the first FROM */
    struct skf_map preset; /* TARGETARCH ... */
    SKF_VEC(struct stage) stages;
};

/* --- variables -------------------------------------------------------------------------------- */

static void set(struct skf_map *m, const char *name, const char *value)
{
    free(skf_map_put(m, name, skf_xstrdup(value)));
}

static void copy_map(struct skf_map *to, const struct skf_map *from)
{
    for (struct skf_map_iter it = skf_map_first(from); it.key; skf_map_next(&it))
        set(to, it.key, it.value);
}

static const char *lookup_global(const void *ctx, const char *name)
{
    const struct fold *f = ctx;
    const char *value = skf_map_get(&f->global, name);
    return value ? value : skf_map_get(&f->preset, name);
}

static const char *lookup_stage(const void *ctx, const char *name)
{
    const struct stage *s = ctx;
    const char *value = skf_map_get(&s->env, name);
    return value ? value : skf_map_get(&s->args, name);
}

static int expand(struct fold *f, const struct stage *s, const struct skf_docker_instruction *in,
                  const char *text, struct skf_buf *out)
{
    skf_buf_clear(out);
    int rc = skf_docker_expand(text, f->d->escape, s ? lookup_stage : lookup_global,
                               s ? (const void *)s : f, out, f->err);
    return rc < 0 ? skf_err_at(f->err, f->file, in->line, 0) : 0;
}

/* "K=V" words where quotes group; they stay, for the expansion. */
static void split_pairs(const char *p, char escape, struct skf_strv *out)
{
    while (*(p += strspn(p, " \t"))) {
        const char *start = p;
        char quote = '\0';
        for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
            if (*p == escape && p[1])
                p++;
            else if (quote ? *p == quote : *p == '"' || *p == '\'')
                quote = quote ? '\0' : *p;
        }
        skf_strv_addn(out, start, (size_t)(p - start));
    }
}

static int run_arg(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT;
    skf_autobuf struct skf_buf value = SKF_BUF_INIT;
    split_pairs(in->rest, f->d->escape, &words);
    for (size_t i = 0; i < words.n; i++) {
        char *eq = strchr(words.v[i], '=');
        skf_autofree char *name =
            skf_xstrndup(words.v[i], eq ? (size_t)(eq - words.v[i]) : strlen(words.v[i]));
        if (eq && expand(f, s, in, eq + 1, &value) < 0)
            return -(int)f->err->code;
        const char *known = skf_map_get(&f->given, name);
        if (!known && eq)
            known = value.data;
        if (!known && s)
            known = lookup_global(f, name);
        if (known)
            set(s ? &s->args : &f->global, name, known);
    }
    return 0;
}

static int run_env(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT, values = SKF_STRV_INIT;
    skf_autobuf struct skf_buf value = SKF_BUF_INIT;
    split_pairs(in->rest, f->d->escape, &words);
    if (words.n && !strchr(words.v[0], '=')) { /* the old form: ENV K all the rest */
        const char *rest = in->rest + strcspn(in->rest, " \t");
        rest += strspn(rest, " \t");
        if (expand(f, s, in, rest, &value) < 0)
            return -(int)f->err->code;
        set(&s->env, words.v[0], value.data);
        return 0;
    }
    /* All pairs of a line see the values from before it. */
    for (size_t i = 0; i < words.n; i++) {
        const char *eq = strchr(words.v[i], '=');
        if (expand(f, s, in, eq ? eq + 1 : "", &value) < 0)
            return -(int)f->err->code;
        skf_strv_add(&values, value.data);
    }
    for (size_t i = 0; i < words.n; i++) {
        skf_autofree char *name = skf_xstrndup(words.v[i], strcspn(words.v[i], "="));
        set(&s->env, name, values.v[i]);
    }
    return 0;
}

/* --- sources ---------------------------------------------------------------------------------- */

static bool is_url(const char *word)
{
    static const char *const schemes[] = { "http://", "https://", "git://", "ssh://", "git@" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(schemes); i++)
        if (strncmp(word, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

/* "/x", "./x" and "../x" all mean the context. */
static char *within_context(const char *word)
{
    skf_autofree char *rooted = skf_xasprintf("/%s", word);
    skf_autofree char *clean = skf_path_clean(rooted);
    return skf_xstrdup(clean[1] ? clean + 1 : ".");
}

static void add_source(struct skf_docker_sources *to, const char *word, bool glob, int line)
{
    char *path = within_context(word);
    for (size_t i = 0; i < to->list.n; i++)
        if (strcmp(to->list.v[i].path, path) == 0) {
            free(path);
            return;
        }
    struct skf_docker_source s = { path, glob && strpbrk(path, "*?[\\"), line };
    skf_vec_push(&to->list, s);
}

static long find_stage(const struct fold *f, const char *name, size_t before)
{
    long long index;
    for (size_t i = before; i-- > 0;)
        if (f->stages.v[i].name && strcasecmp(f->stages.v[i].name, name) == 0)
            return (long)i;
    if (skf_num_parse(name, 0, (long long)before - 1, &index))
        return (long)index;
    return -1;
}

static int need_stage(struct fold *f, struct stage *s, const struct skf_docker_instruction *in,
                      const char *from)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    if (expand(f, s, in, from, &name) < 0)
        return -(int)f->err->code;
    long index = find_stage(f, name.data, (size_t)(s - f->stages.v));
    if (index >= 0)
        skf_vec_push(&s->needs, (size_t)index);
    return 0;
}

/* Relative to WORKDIR; a slash at the end says that it is a directory, and stays. */
static char *destination(const struct stage *s, const char *word)
{
    skf_autofree char *path = skf_path_is_abs(word) || !s->workdir
                                  ? skf_path_clean(word)
                                  : skf_path_join(s->workdir, word);
    size_t len = strlen(word);
    bool slash = len && (word[len - 1] == '/' || strcmp(word, ".") == 0);
    return skf_xasprintf("%s%s", path, slash && strcmp(path, "/") != 0 ? "/" : "");
}

static void add_copy(struct stage *s, const struct skf_docker_instruction *in, const char *word,
                     const char *dest)
{
    struct skf_docker_copy c = { .path = within_context(word),
                                 .unpacks = strcmp(in->name, "ADD") == 0,
                                 .many = in->words.n > 2,
                                 .dest = destination(s, dest) };
    c.glob = strpbrk(c.path, "*?[\\") != NULL;
    skf_vec_push(&s->reads.copies, c);
}

/* What was copied below an unknown working directory is nowhere once another one is set. */
static int run_workdir(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    if (expand(f, s, in, in->rest, &path) < 0)
        return -(int)f->err->code;
    for (size_t i = 0; !s->workdir && i < s->reads.copies.n; i++) {
        struct skf_docker_copy *c = &s->reads.copies.v[i];
        if (c->dest && !skf_path_is_abs(c->dest))
            skf_replace(&c->dest, NULL);
    }
    if (s->workdir || skf_path_is_abs(path.data))
        skf_replace(&s->workdir, skf_path_join(s->workdir ? s->workdir : "", path.data));
    return 0;
}

static int run_copy(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    skf_autobuf struct skf_buf dest = SKF_BUF_INIT;
    skf_autobuf struct skf_buf word = SKF_BUF_INIT;
    bool add = strcmp(in->name, "ADD") == 0;
    const char *from = skf_docker_flag(in, "from");
    if (from && !add)
        return need_stage(f, s, in, from);
    if (in->words.n && expand(f, s, in, in->words.v[in->words.n - 1], &dest) < 0)
        return -(int)f->err->code;
    for (size_t i = 0; i + 1 < in->words.n; i++) {
        if (!in->json && skf_docker_is_heredoc(in->words.v[i]))
            continue;
        if (expand(f, s, in, in->words.v[i], &word) < 0)
            return -(int)f->err->code;
        if (is_url(word.data))
            continue;
        add_source(&s->reads, word.data, true, in->line);
        add_copy(s, in, word.data, dest.data);
    }
    return 0;
}

/* RUN --mount=type=bind,source=S reads the context unless it says from where else. */
static int run_mount(struct fold *f, struct stage *s, const struct skf_docker_instruction *in,
                     const char *value)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    skf_autobuf struct skf_buf word = SKF_BUF_INIT;
    const char *type = "bind", *source = ".", *from = NULL;
    skf_strv_split(&parts, value, ",");
    for (size_t i = 0; i < parts.n; i++) {
        const char *p = parts.v[i];
        if (strncmp(p, "type=", 5) == 0)
            type = p + 5;
        else if (strncmp(p, "source=", 7) == 0)
            source = p + 7;
        else if (strncmp(p, "src=", 4) == 0)
            source = p + 4;
        else if (strncmp(p, "from=", 5) == 0)
            from = p + 5;
    }
    if (from)
        return need_stage(f, s, in, from);
    if (strcmp(type, "bind") != 0)
        return 0;
    if (expand(f, s, in, source, &word) < 0)
        return -(int)f->err->code;
    add_source(&s->reads, word.data, false, in->line);
    return 0;
}

static int run_run(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->flags.n; i++)
        if (strncmp(in->flags.v[i], "mount=", 6) == 0)
            rc = run_mount(f, s, in, in->flags.v[i] + 6);
    return rc;
}

/* --- stages ----------------------------------------------------------------------------------- */

static int run_instruction(struct fold *f, struct stage *s, const struct skf_docker_instruction *in)
{
    if (strcmp(in->name, "ARG") == 0)
        return run_arg(f, s, in);
    if (strcmp(in->name, "ENV") == 0)
        return run_env(f, s, in);
    if (strcmp(in->name, "COPY") == 0 || strcmp(in->name, "ADD") == 0)
        return run_copy(f, s, in);
    if (strcmp(in->name, "RUN") == 0)
        return run_run(f, s, in);
    if (strcmp(in->name, "WORKDIR") == 0)
        return run_workdir(f, s, in);
    if (strcmp(in->name, "ONBUILD") == 0)
        skf_strv_add(&s->onbuild, in->rest);
    return 0;
}

static int run_onbuild(struct fold *f, struct stage *s, const struct skf_strv *texts, int line)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < texts->n; i++) {
        struct skf_docker_instruction in;
        skf_docker_instruction_read(texts->v[i], line, f->d->escape, &in);
        if (strcmp(in.name, "ONBUILD") != 0)
            rc = run_instruction(f, s, &in);
        skf_docker_instruction_release(&in);
    }
    return rc;
}

static int run_from(struct fold *f, const struct skf_docker_instruction *in)
{
    skf_autobuf struct skf_buf image = SKF_BUF_INIT;
    struct stage s = { .base = -1 };
    if (f->stages.n >= SKF_DOCKER_MAX_STAGES) {
        skf_err_set(f->err, SKF_ETOOBIG, "more than %d stages", SKF_DOCKER_MAX_STAGES);
        return skf_err_at(f->err, f->file, in->line, 0);
    }
    if (expand(f, NULL, in, in->words.n ? in->words.v[0] : "", &image) < 0)
        return -(int)f->err->code;
    if (in->words.n == 3 && strcasecmp(in->words.v[1], "AS") == 0)
        s.name = skf_xstrdup(in->words.v[2]);
    /* An image is never named by an index. */
    if (image.len && !isdigit((unsigned char)image.data[0]))
        s.base = find_stage(f, image.data, f->stages.n);
    skf_vec_push(&f->stages, s);
    if (s.base < 0)
        return 0;
    struct stage *made = &f->stages.v[f->stages.n - 1];
    const struct stage *base = &f->stages.v[s.base];
    copy_map(&made->env, &base->env);
    copy_map(&made->args, &base->args);
    made->workdir = skf_xstrdup_null(base->workdir);
    return run_onbuild(f, made, &base->onbuild, in->line);
}

static void want(struct fold *f, size_t index)
{
    struct stage *s = &f->stages.v[index]; /* needs and base point backwards: the depth is capped */
    if (s->wanted)
        return;
    s->wanted = true;
    if (s->base >= 0)
        want(f, (size_t)s->base);
    for (size_t i = 0; i < s->needs.n; i++)
        want(f, s->needs.v[i]);
}

/* Of the image itself: the stage, and before it those that it is built from. */
static void take_copies(struct fold *f, struct stage *s, struct skf_docker_sources *out)
{
    if (s->base >= 0)
        take_copies(f, &f->stages.v[s->base], out);
    for (size_t i = 0; i < s->reads.copies.n; i++)
        skf_vec_push(&out->copies, s->reads.copies.v[i]);
    s->reads.copies.n = 0; /* handed over */
}

static int choose_stages(struct fold *f, struct skf_docker_sources *out)
{
    long target = (long)f->stages.n - 1;
    if (f->q->target && f->q->target[0]) {
        target = find_stage(f, f->q->target, f->stages.n);
        if (target < 0) {
            skf_err_set(f->err, SKF_ECONFIG, "the target '%s' is no stage of '%s'", f->q->target,
                        f->file);
            return -(int)f->err->code;
        }
    }
    for (long i = 0; f->q->all_stages && i < target; i++)
        f->stages.v[i].wanted = true;
    want(f, (size_t)target);
    take_copies(f, &f->stages.v[target], out);
    return 0;
}

static int fold_all(struct fold *f)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->d->list.n; i++) {
        const struct skf_docker_instruction *in = &f->d->list.v[i];
        if (strcmp(in->name, "FROM") == 0)
            rc = run_from(f, in);
        else if (f->stages.n)
            rc = run_instruction(f, &f->stages.v[f->stages.n - 1], in);
        else if (strcmp(in->name, "ARG") == 0)
            rc = run_arg(f, NULL, in);
    }
    return rc;
}

/* --- what a build has without ARG ------------------------------------------------------------- */

static void preset_platform(struct fold *f, const char *prefix, const char *platform)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    static const char *const names[] = { "OS", "ARCH", "VARIANT" };
    skf_strv_split(&parts, platform, "/");
    skf_autofree char *whole = skf_xasprintf("%sPLATFORM", prefix);
    set(&f->preset, whole, platform);
    for (size_t i = 0; i < 3; i++) {
        skf_autofree char *name = skf_xasprintf("%s%s", prefix, names[i]);
        set(&f->preset, name, i < parts.n ? parts.v[i] : "");
    }
}

static const char *own_platform(void)
{
    struct utsname u;
    if (uname(&u) == 0 && strcmp(u.machine, "aarch64") == 0)
        return "linux/arm64";
    return "linux/amd64";
}

static void preset(struct fold *f)
{
    const char *own = own_platform();
    preset_platform(f, "BUILD", own);
    preset_platform(f, "TARGET", f->q->platform && f->q->platform[0] ? f->q->platform : own);
    for (size_t i = 0; f->q->build_args && i < f->q->build_args->n; i++) {
        const char *arg = f->q->build_args->v[i];
        skf_autofree char *name = skf_xstrndup(arg, strcspn(arg, "="));
        const char *value = strchr(arg, '=') ? strchr(arg, '=') + 1 : getenv(name);
        if (value)
            set(&f->given, name, value);
    }
}

/* --- result ----------------------------------------------------------------------------------- */

void skf_docker_sources_release(struct skf_docker_sources *s)
{
    for (size_t i = 0; i < s->list.n; i++)
        free(s->list.v[i].path);
    skf_vec_release(&s->list);
    for (size_t i = 0; i < s->copies.n; i++) {
        free(s->copies.v[i].path);
        free(s->copies.v[i].dest);
    }
    skf_vec_release(&s->copies);
}

static void fold_release(struct fold *f)
{
    skf_map_release_with(&f->given, free);
    skf_map_release_with(&f->global, free);
    skf_map_release_with(&f->preset, free);
    for (size_t i = 0; i < f->stages.n; i++) {
        struct stage *s = &f->stages.v[i];
        free(s->name);
        free(s->workdir);
        skf_map_release_with(&s->env, free);
        skf_map_release_with(&s->args, free);
        skf_docker_sources_release(&s->reads);
        skf_vec_release(&s->needs);
        skf_strv_release(&s->onbuild);
    }
    skf_vec_release(&f->stages);
}

int skf_docker_sources_find(const struct skf_dockerfile *d, const char *file,
                            const struct skf_docker_question *q, struct skf_docker_sources *out,
                            struct skf_err *err)
{
    struct fold f = { .d = d, .file = file, .q = q, .err = err };
    struct skf_docker_sources found = { 0 };
    preset(&f);
    int rc = fold_all(&f);
    if (rc == 0)
        rc = choose_stages(&f, &found);
    for (size_t i = 0; rc == 0 && i < f.stages.n; i++) {
        const struct stage *s = &f.stages.v[i];
        for (size_t j = 0; s->wanted && j < s->reads.list.n; j++)
            add_source(&found, s->reads.list.v[j].path, s->reads.list.v[j].glob,
                       s->reads.list.v[j].line);
    }
    fold_release(&f);
    if (rc < 0) {
        skf_docker_sources_release(&found);
        return rc;
    }
    *out = found;
    return 0;
}

bool skf_docker_source_matches(const char *pattern, const char *path)
{
    /* Docker walks the context: a pattern with a slash in a class or an escape is nobody's habit.
     */
    return fnmatch(pattern, path, FNM_PATHNAME) == 0;
}

#include "builders/ko/args.h"

#include <string.h>

#include "lib/base/suggest.h"
#include "lib/doc/doc.h"

enum effect {
    PLATFORM,
    LABEL,
    ANNOTATION,
    LDFLAGS,
    USER,
    NO_OPTIMIZATIONS,
    NAMING,  /* skiff names the image after the artifact */
    NOTHING, /* has no meaning in one build */
    SBOM,
    REFUSED,
};

struct ko_flag {
    const char *name; /* without dashes */
    bool value;
    enum effect effect;
};

static const struct ko_flag ko_flags[] = {
    { "platform", true, PLATFORM },
    { "image-label", true, LABEL },
    { "image-annotation", true, ANNOTATION },
    { "image-user", true, USER },
    { "ldflags", true, LDFLAGS },
    { "disable-optimizations", false, NO_OPTIMIZATIONS },
    { "bare", false, NAMING },
    { "B", false, NAMING },
    { "base-import-paths", false, NAMING },
    { "P", false, NAMING },
    { "preserve-import-paths", false, NAMING },
    { "L", false, NAMING },
    { "local", false, NAMING },
    { "push", false, NAMING },
    { "t", true, NAMING },
    { "tags", true, NAMING },
    { "tag-only", false, NAMING },
    { "insecure-registry", false, NAMING },
    { "j", true, NOTHING },
    { "jobs", true, NOTHING },
    { "image-refs", true, REFUSED },
    { "oci-layout-path", true, REFUSED },
    { "tarball", true, REFUSED },
    { "sbom", true, SBOM },
    { "sbom-dir", true, REFUSED },
    { "debug", false, REFUSED },
};

/* Flags of `go build` that make sense here; `value`: the next argument belongs to it. */
static const struct ko_flag go_flags[] = {
    { "a", false },      { "asan", false },   { "asmflags", true },  { "buildvcs", false },
    { "gcflags", true }, { "ldflags", true }, { "mod", true },       { "modfile", true },
    { "msan", false },   { "overlay", true }, { "p", true },         { "pgo", true },
    { "race", false },   { "tags", true },    { "trimpath", false }, { "v", false },
    { "work", false },   { "x", false },      { "buildmode", true },
};

void skf_ko_args_release(struct skf_ko_args *a)
{
    skf_strv_release(&a->platforms);
    skf_strv_release(&a->labels);
    skf_strv_release(&a->annotations);
    skf_strv_release(&a->ldflags);
    skf_strv_release(&a->build_flags);
    skf_strv_release(&a->notes);
    skf_replace(&a->user, NULL);
}

static const struct ko_flag *find(const struct ko_flag *table, size_t n, const char *name,
                                  size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static int add_pair(struct skf_strv *to, const char *value, const char *flag,
                    const struct skf_node *at, struct skf_err *err)
{
    const char *eq = strchr(value, '=');
    if (!eq || eq == value)
        return skf_node_err(err, at, SKF_ECONFIG, "'%s' wants KEY=VALUE, not '%s'", flag, value);
    skf_strv_addn(to, value, (size_t)(eq - value));
    skf_strv_add(to, eq + 1);
    return 0;
}

/* A list as ko's flags take one: comma-separated, "a,b" in quotes is one element. */
static void split_list(struct skf_strv *out, const char *text)
{
    struct skf_buf item = SKF_BUF_INIT;
    bool quoted = false;
    for (const char *p = text; *p; p++) {
        if (*p == '"' && quoted && p[1] == '"')
            skf_buf_addc(&item, *p++);
        else if (*p == '"' && (quoted || item.len == 0))
            quoted = !quoted;
        else if (*p == ',' && !quoted)
            skf_strv_take(out, skf_buf_take(&item));
        else
            skf_buf_addc(&item, *p);
    }
    if (text[0])
        skf_strv_take(out, skf_buf_take(&item));
}

static int add_pairs(struct skf_strv *to, const char *value, const char *flag,
                     const struct skf_node *at, struct skf_err *err)
{
    skf_autostrv struct skf_strv items = SKF_STRV_INIT;
    int rc = 0;
    split_list(&items, value);
    for (size_t i = 0; i < items.n && rc == 0; i++)
        rc = add_pair(to, items.v[i], flag, at, err);
    return rc;
}

static bool says_no(const char *value)
{
    static const char *const no[] = { "false", "False", "FALSE", "f", "F", "0" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(no); i++)
        if (strcmp(value, no[i]) == 0)
            return true;
    return false;
}

static int apply(const struct ko_flag *f, const char *arg, const char *value,
                 const struct skf_node *at, struct skf_ko_args *out, struct skf_err *err)
{
    switch (f->effect) {
    case PLATFORM:
        split_list(&out->platforms, value);
        return 0;
    case LABEL:
        return add_pairs(&out->labels, value, "--image-label", at, err);
    case ANNOTATION:
        return add_pairs(&out->annotations, value, "--image-annotation", at, err);
    case LDFLAGS:
        split_list(&out->ldflags, value);
        return 0;
    case USER:
        skf_replace(&out->user, skf_xstrdup(value));
        return 0;
    case NO_OPTIMIZATIONS:
        out->no_optimizations = !says_no(value);
        return 0;
    case NAMING:
        skf_strv_addf(&out->notes,
                      "ko: args: '%s' has no effect: names, tags and push follow skaffold.yaml",
                      arg);
        return 0;
    case NOTHING:
        skf_strv_addf(&out->notes, "ko: args: '%s' has no effect: Go itself uses all processors",
                      arg);
        return 0;
    case SBOM:
        out->no_sbom = strcmp(value, "none") == 0;
        if (out->no_sbom || strcmp(value, "spdx") == 0)
            return 0;
        return skf_node_err(err, at, SKF_EUNSUPPORTED,
                            "'--sbom=%s' is not done by skiff: 'spdx' and 'none' are", value);
    case REFUSED:
        if (!f->value && says_no(value))
            return 0;
        break;
    }
    return skf_node_err(err, at, SKF_EUNSUPPORTED,
                        "'%s' is not done by skiff: take it out of 'args'", arg);
}

static int unknown(const char *arg, const char *name, size_t len, const struct skf_node *at,
                   struct skf_err *err)
{
    const char *names[SKF_ARRAY_LEN(ko_flags) + SKF_ARRAY_LEN(go_flags)];
    size_t n = 0;
    for (size_t i = 0; i < SKF_ARRAY_LEN(ko_flags); i++)
        names[n++] = ko_flags[i].name;
    for (size_t i = 0; i < SKF_ARRAY_LEN(go_flags); i++)
        names[n++] = go_flags[i].name;
    skf_autofree char *word = skf_xstrndup(name, len);
    const char *near = len > 2 ? skf_suggest(word, names, n) : NULL;
    if (near)
        return skf_node_err(err, at, SKF_ECONFIG,
                            "'%s' is no flag of ko or go build: did you mean '%s'?", arg, near);
    return skf_node_err(err, at, SKF_ECONFIG, "'%s' is no flag of ko or go build", arg);
}

int skf_ko_args_parse(const struct skf_strings *args, struct skf_ko_args *out, struct skf_err *err)
{
    for (size_t i = 0; i < args->n; i++) {
        const char *arg = args->v[i];
        const struct skf_node *at = args->at ? args->at[i] : NULL;
        if (arg[0] != '-') {
            /* "ko build ./cmd/x": the package is what `main` says. */
            return skf_node_err(err, at, SKF_ECONFIG,
                                "'%s' is no flag: say the main package with 'main: %s'", arg, arg);
        }
        bool two = arg[1] == '-';
        const char *name = arg + 1 + two;
        const char *eq = strchr(name, '=');
        size_t len = eq ? (size_t)(eq - name) : strlen(name);
        const struct ko_flag *ko = find(ko_flags, SKF_ARRAY_LEN(ko_flags), name, len);
        const struct ko_flag *go = find(go_flags, SKF_ARRAY_LEN(go_flags), name, len);
        const char *attached = NULL;
        if (!ko && !go && !two && name[0] == 'j' && !name[1 + strspn(name + 1, "0123456789")]) {
            ko = find(ko_flags, SKF_ARRAY_LEN(ko_flags), name, 1); /* "-j4" */
            attached = name + 1;
        }
        /* Long names with one dash are Go's way of writing; ko's own need two. */
        const struct ko_flag *f = ko && (two || len == 1 || !go) ? ko : go;
        if (!f)
            return unknown(arg, name, len, at, err);
        const char *value = eq ? eq + 1 : attached;
        bool takes_next = f->value && !value;
        if (takes_next && i + 1 == args->n)
            return skf_node_err(err, at, SKF_ECONFIG, "'%s' wants a value", arg);
        if (takes_next)
            value = args->v[++i];
        if (f == ko) {
            int rc = apply(f, arg, value ? value : "", at, out, err);
            if (rc < 0)
                return rc;
            continue;
        }
        skf_strv_add(&out->build_flags, arg);
        if (takes_next)
            skf_strv_add(&out->build_flags, value);
    }
    return 0;
}

#include "builders/ko/koyaml.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/base/path.h"
#include "lib/base/suggest.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

enum { MAX_FILE = 1024 * 1024, MAX_BUILDS = 1000 };

void skf_koyaml_release(struct skf_koyaml *k)
{
    free(k->file);
    free(k->default_base);
    skf_map_release_with(&k->overrides, free);
    skf_strv_release(&k->platforms);
    skf_strv_release(&k->env);
    skf_strv_release(&k->flags);
    skf_strv_release(&k->ldflags);
    for (size_t i = 0; i < k->builds.n; i++) {
        struct skf_ko_build_entry *e = &k->builds.v[i];
        free(e->id);
        free(e->dir);
        free(e->main);
        skf_strv_release(&e->env);
        skf_strv_release(&e->flags);
        skf_strv_release(&e->ldflags);
    }
    skf_vec_release(&k->builds);
    skf_strv_release(&k->notes);
    memset(k, 0, sizeof *k);
}

/* Keys of .ko.yaml ignore case. */
static const struct skf_node *value_of(const struct skf_node *map, const char *key)
{
    for (size_t i = 0; map && i < map->n; i++) {
        const char *text = skf_node_str(map->entries[i].key);
        if (text && strcasecmp(text, key) == 0)
            return map->entries[i].value;
    }
    return NULL;
}

static int want_text(const struct skf_node *map, const char *key, char **out, struct skf_err *err)
{
    const struct skf_node *n = value_of(map, key);
    if (skf_node_is_null(n))
        return 0;
    const char *text = skf_node_str(n);
    if (!text)
        return skf_node_err(err, n, SKF_ECONFIG, "'%s' is %s: expected text", key,
                            skf_node_kind_words(n));
    if (text[0])
        skf_replace(out, skf_xstrdup(text));
    return 0;
}

/* A list; or one text, which is split at blanks or kept whole. */
static int want_list(const struct skf_node *map, const char *key, bool split, struct skf_strv *out,
                     struct skf_err *err)
{
    const struct skf_node *n = value_of(map, key);
    if (skf_node_is_null(n))
        return 0;
    if (n->kind == SKF_SCALAR) {
        if (split)
            skf_strv_split(out, n->text, " \t\r\n");
        else if (n->text[0])
            skf_strv_add(out, n->text);
        return 0;
    }
    if (n->kind != SKF_SEQUENCE)
        return skf_node_err(err, n, SKF_ECONFIG, "'%s' is %s: expected a list", key,
                            skf_node_kind_words(n));
    for (size_t i = 0; i < n->n; i++) {
        const char *text = skf_node_str(n->items[i]);
        if (!text)
            return skf_node_err(err, n->items[i], SKF_ECONFIG, "'%s' holds %s: expected text", key,
                                skf_node_kind_words(n->items[i]));
        skf_strv_add(out, text);
    }
    return 0;
}

static void note_unknown(const struct skf_node *map, const char *const *known, size_t n,
                         struct skf_koyaml *k)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct skf_node *key = map->entries[i].key;
        const char *text = skf_node_str(key);
        bool found = false;
        for (size_t j = 0; text && j < n && !found; j++)
            found = strcasecmp(text, known[j]) == 0;
        if (found || !text)
            continue;
        const char *near = skf_suggest(text, known, n);
        skf_autofree char *show = skf_path_show(k->file);
        if (near)
            skf_strv_addf(&k->notes, "%s:%d: '%s' means nothing to ko: did you mean '%s'?", show,
                          key->line, text, near);
        else
            skf_strv_addf(&k->notes, "%s:%d: '%s' means nothing to ko and is ignored", show,
                          key->line, text);
    }
}

static int read_build(const struct skf_node *n, size_t index, struct skf_koyaml *k,
                      struct skf_err *err)
{
    /* What goreleaser has and ko ignores is listed so that nobody is told about a misspelling. */
    static const char *const known[] = { "id",
                                         "dir",
                                         "main",
                                         "env",
                                         "flags",
                                         "ldflags",
                                         "linux_capabilities",
                                         "goos",
                                         "goarch",
                                         "goarm",
                                         "targets",
                                         "binary",
                                         "asmflags",
                                         "gcflags",
                                         "mod_timestamp",
                                         "gobinary",
                                         "hooks" };
    if (n->kind != SKF_MAPPING)
        return skf_node_err(err, n, SKF_ECONFIG, "'builds' holds %s: expected a mapping",
                            skf_node_kind_words(n));
    note_unknown(n, known, SKF_ARRAY_LEN(known), k);
    skf_autostrv struct skf_strv caps = SKF_STRV_INIT;
    skf_vec_push(&k->builds, (struct skf_ko_build_entry){ .line = n->line, .col = n->col });
    struct skf_ko_build_entry *e = &k->builds.v[k->builds.n - 1];
    e->id = skf_xasprintf("#%zu", index);
    e->dir = skf_xstrdup(".");
    e->main = skf_xstrdup(".");
    int rc = want_text(n, "id", &e->id, err);
    rc = rc < 0 ? rc : want_text(n, "dir", &e->dir, err);
    rc = rc < 0 ? rc : want_text(n, "main", &e->main, err);
    rc = rc < 0 ? rc : want_list(n, "env", true, &e->env, err);
    rc = rc < 0 ? rc : want_list(n, "flags", true, &e->flags, err);
    rc = rc < 0 ? rc : want_list(n, "ldflags", false, &e->ldflags, err);
    rc = rc < 0 ? rc : want_list(n, "linux_capabilities", true, &caps, err);
    struct skf_err why = SKF_ERR_INIT;
    if (rc == 0 && skf_ko_filecaps_parse(&caps, &e->caps, &why) < 0)
        rc = skf_node_err(err, value_of(n, "linux_capabilities"), why.code,
                          "linux_capabilities: %s", why.msg);
    return rc;
}

static int read_builds(const struct skf_node *root, struct skf_koyaml *k, struct skf_err *err)
{
    const struct skf_node *list = value_of(root, "builds");
    if (skf_node_is_null(list))
        return 0;
    if (list->kind != SKF_SEQUENCE || list->n > MAX_BUILDS)
        return skf_node_err(err, list, SKF_ECONFIG, "'builds' is %s: expected a list of at most %d",
                            skf_node_kind_words(list), MAX_BUILDS);
    for (size_t i = 0; i < list->n; i++) {
        int rc = read_build(list->items[i], i, k, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void put_override(struct skf_koyaml *k, const char *path, const char *ref)
{
    skf_autofree char *key = skf_xstrdup(path);
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    free(skf_map_put(&k->overrides, key, skf_xstrdup(ref)));
}

static int read_overrides(const struct skf_node *map, struct skf_koyaml *k, struct skf_err *err)
{
    if (skf_node_is_null(map))
        return 0;
    if (map->kind != SKF_MAPPING)
        return skf_node_err(err, map, SKF_ECONFIG, "'baseImageOverrides' is %s: expected a mapping",
                            skf_node_kind_words(map));
    for (size_t i = 0; i < map->n; i++) {
        const char *key = skf_node_str(map->entries[i].key);
        const char *ref = skf_node_str(map->entries[i].value);
        if (!key || (!ref && !skf_node_is_null(map->entries[i].value)))
            return skf_node_err(err, map->entries[i].key, SKF_ECONFIG,
                                "'baseImageOverrides' maps an import path to an image reference");
        if (ref && ref[0])
            put_override(k, key, ref);
    }
    return 0;
}

static int read_tree(const struct skf_node *root, struct skf_koyaml *k, struct skf_err *err)
{
    static const char *const known[] = { "defaultBaseImage", "baseImageOverrides",
                                         "defaultPlatforms", "defaultEnv",
                                         "defaultFlags",     "defaultLdflags",
                                         "builds",           "verification" };
    if (skf_node_is_null(root))
        return 0;
    if (root->kind != SKF_MAPPING)
        return skf_node_err(err, root, SKF_ECONFIG, "the file is %s: expected a mapping",
                            skf_node_kind_words(root));
    note_unknown(root, known, SKF_ARRAY_LEN(known), k);
    int rc = want_text(root, "defaultBaseImage", &k->default_base, err);
    rc = rc < 0 ? rc : read_overrides(value_of(root, "baseImageOverrides"), k, err);
    rc = rc < 0 ? rc : want_list(root, "defaultPlatforms", true, &k->platforms, err);
    rc = rc < 0 ? rc : want_list(root, "defaultEnv", true, &k->env, err);
    rc = rc < 0 ? rc : want_list(root, "defaultFlags", true, &k->flags, err);
    rc = rc < 0 ? rc : want_list(root, "defaultLdflags", true, &k->ldflags, err);
    return rc < 0 ? rc : read_builds(root, k, err);
}

static int read_file(struct skf_koyaml *k, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *show = skf_path_show(k->file);
    int rc = skf_file_read(k->file, MAX_FILE, &text, err);
    if (rc < 0)
        return skf_err_wrap(err, "reading ko's config file");
    struct skf_doc *doc = NULL;
    rc = skf_doc_parse(show, text.data, text.len, &doc, err);
    rc = rc < 0 ? rc : skf_doc_check_dups(doc, err);
    if (rc == 0 && doc->n_parts > 0)
        rc = read_tree(doc->parts[0].root, k, err);
    skf_doc_free(doc);
    return rc;
}

/* Which file: KO_CONFIG_PATH (a file of any name, or a directory), else .ko.yaml or .ko.yml here.
 */
static int locate(const char *workdir, struct skf_koyaml *k, struct skf_err *err)
{
    const char *given = getenv("KO_CONFIG_PATH");
    struct stat st;
    if (given && given[0]) {
        k->file = skf_path_abs(NULL, given);
        if (stat(k->file, &st) == 0 && S_ISDIR(st.st_mode))
            skf_replace(&k->file, skf_path_join(k->file, ".ko.yaml"));
        if (stat(k->file, &st) < 0)
            return skf_err_errno(err, errno, "KO_CONFIG_PATH: cannot read '%s'", k->file);
        if (!S_ISREG(st.st_mode))
            return skf_err_set(err, SKF_ECONFIG, "KO_CONFIG_PATH: '%s' is not a regular file",
                               k->file);
        k->found = true;
        return 0;
    }
    k->file = skf_path_join(workdir, ".ko.yaml");
    k->found = skf_file_exists(k->file);
    if (!k->found) {
        skf_autofree char *other = skf_path_join(workdir, ".ko.yml");
        k->found = skf_file_exists(other);
        if (k->found)
            skf_replace(&k->file, skf_take(&other));
    }
    return 0;
}

static void env_list(const char *name, struct skf_strv *out)
{
    const char *value = getenv(name);
    if (!value || !value[0])
        return;
    skf_strv_clear(out);
    skf_strv_split(out, value, " \t\r\n");
}

static int read_environment(struct skf_koyaml *k, struct skf_err *err)
{
    const char *base = getenv("KO_DEFAULTBASEIMAGE");
    if (base && base[0])
        skf_replace(&k->default_base, skf_xstrdup(base));
    env_list("KO_DEFAULTPLATFORMS", &k->platforms);
    env_list("KO_DEFAULTENV", &k->env);
    env_list("KO_DEFAULTFLAGS", &k->flags);
    env_list("KO_DEFAULTLDFLAGS", &k->ldflags);
    const char *json = getenv("KO_BASEIMAGEOVERRIDES");
    if (!json || !json[0])
        return 0;
    struct skf_doc *doc = NULL;
    int rc = skf_doc_parse_json("KO_BASEIMAGEOVERRIDES", json, strlen(json), &doc, err);
    if (rc == 0) {
        skf_map_release_with(&k->overrides, free);
        rc = read_overrides(doc->parts[0].root, k, err);
    }
    skf_doc_free(doc);
    return rc;
}

int skf_koyaml_load(const char *workdir, struct skf_koyaml *out, struct skf_err *err)
{
    struct skf_koyaml k = { 0 };
    int rc = locate(workdir, &k, err);
    if (rc == 0 && k.found)
        rc = read_file(&k, err);
    rc = rc < 0 ? rc : read_environment(&k, err);
    if (rc < 0)
        skf_koyaml_release(&k);
    else
        *out = k;
    return rc;
}

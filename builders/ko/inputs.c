#include "builders/ko/inputs.h"

#include <string.h>

#include "builders/ko/kodata.h"
#include "lib/base/glob.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

/* A glob knows no "but not": these are all ways not to end in "_test", shorter and longer ones. */
const char skf_ko_go_glob[] = "{[!._],[!._]*[!t],[!._]t,[!._]*[!s]t,[!._]st,[!._]*[!e]st,[!._]est,"
                              "[!._]*[!t]est,[!._]test,[!._]*[!_]test}.go";

enum { MAX_MANIFEST = 4 * 1024 * 1024 };

static void add_pair(struct skf_strv *dirs, const char *dir, const char *glob)
{
    for (size_t i = 0; i + 1 < dirs->n; i += 2)
        if (strcmp(dirs->v[i], dir) == 0 && strcmp(dirs->v[i + 1], glob) == 0)
            return;
    skf_strv_add(dirs, dir);
    skf_strv_add(dirs, glob);
}

/* A file that decides which files there are. It need not exist: that it appears counts too. */
static void add_manifest(struct skf_inputs *in, const char *dir, const char *name)
{
    skf_autofree char *path = skf_path_join(dir, name);
    skf_strv_add(&in->files, path);
    skf_strv_add(&in->manifests, path);
}

static void add_existing_manifest(struct skf_inputs *in, const char *dir, const char *name)
{
    skf_autofree char *path = skf_path_join(dir, name);
    if (skf_file_exists(path))
        add_manifest(in, dir, name);
}

static bool is_local_path(const char *word)
{
    return word[0] == '/' || strcmp(word, ".") == 0 || strcmp(word, "..") == 0 ||
           strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0;
}

/* Modules that a go.mod or go.work names by their directories ("=> ./x", "use ./x"): what they
 * require counts, also when nothing of them is imported. */
static void add_local_modules(struct skf_inputs *in, const char *path)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autofree char *dir = skf_path_dir(path);
    if (skf_file_read(path, MAX_MANIFEST, &text, &ignored) < 0)
        return;
    skf_strv_split(&lines, text.data, "\r\n");
    for (size_t i = 0; i < lines.n; i++) {
        skf_autostrv struct skf_strv words = SKF_STRV_INIT;
        char *comment = strstr(lines.v[i], "//");
        if (comment)
            *comment = '\0';
        skf_strv_split(&words, lines.v[i], " \t\"`");
        if (!words.n || !is_local_path(words.v[words.n - 1]))
            continue;
        skf_autofree char *module = skf_path_abs(dir, words.v[words.n - 1]);
        add_manifest(in, module, "go.mod");
        add_manifest(in, module, "go.sum");
    }
}

static void add_module(struct skf_inputs *in, const char *gomod)
{
    skf_autofree char *dir = skf_path_dir(gomod);
    if (skf_strv_has(&in->manifests, gomod))
        return;
    skf_strv_add(&in->files, gomod);
    skf_strv_add(&in->manifests, gomod);
    add_manifest(in, dir, "go.sum");
    add_existing_manifest(in, dir, "vendor/modules.txt");
    add_local_modules(in, gomod);
}

/* The go.work that counts: GOWORK names one or says "off"; else the nearest above. */
static void add_workspace(struct skf_inputs *in, const char *run_dir)
{
    const char *given = getenv("GOWORK");
    if (given && strcmp(given, "off") == 0)
        return;
    skf_autofree char *dir = given && given[0] ? skf_path_dir(given) : skf_xstrdup(run_dir);
    for (;;) {
        skf_autofree char *work = skf_path_join(dir, "go.work");
        if (skf_file_exists(work)) {
            add_manifest(in, dir, "go.work");
            add_local_modules(in, work);
            add_manifest(in, dir, "go.work.sum");
            add_existing_manifest(in, dir, "vendor/modules.txt");
            return;
        }
        if (strcmp(dir, "/") == 0 || strcmp(dir, ".") == 0 || (given && given[0]))
            return;
        skf_replace(&dir, skf_path_dir(dir));
    }
}

/* New files count where a pattern would take them. */
static void add_embed(struct skf_inputs *in, const char *dir, const char *pattern)
{
    if (strncmp(pattern, "all:", 4) == 0)
        pattern += 4;
    skf_autofree char *full = skf_path_join(dir, pattern);
    if (!skf_glob_has_meta(pattern)) {
        if (skf_file_is_dir(full))
            skf_strv_add(&in->trees, full);
        else
            skf_strv_add(&in->files, full); /* also one that is still missing */
        return;
    }
    skf_autofree char *parent = skf_path_dir(full);
    if (!skf_glob_has_meta(parent)) {
        add_pair(&in->dirs, parent, skf_path_base(full));
        return;
    }
    while (skf_glob_has_meta(parent))
        skf_replace(&parent, skf_path_dir(parent));
    skf_strv_add(&in->trees, parent);
}

static void add_package(struct skf_inputs *in, const struct skf_ko_package *p)
{
    for (size_t i = 0; i < p->go_files.n; i++) {
        skf_autofree char *path = skf_path_join(p->dir, p->go_files.v[i]);
        skf_strv_add(&in->files, path);
        skf_strv_add(&in->manifests, path);
    }
    for (size_t i = 0; i < p->more_files.n; i++)
        skf_strv_take(&in->files, skf_path_join(p->dir, p->more_files.v[i]));
    for (size_t i = 0; i < p->embed_patterns.n; i++)
        add_embed(in, p->dir, p->embed_patterns.v[i]);
    add_pair(&in->dirs, p->dir, skf_ko_go_glob);
    if (p->gomod[0])
        add_module(in, p->gomod);
}

/* An import of a package that is not there: where it would be, if it belongs to a module we watch.
 */
static void add_missing(struct skf_inputs *in, const struct skf_ko_packages *all,
                        const struct skf_ko_package *missing)
{
    for (size_t i = 0; i < all->list.n; i++) {
        const struct skf_ko_package *p = &all->list.v[i];
        size_t len = strlen(p->module_path);
        if (!len || p->module_cached || !p->module_dir[0] ||
            strncmp(missing->import_path, p->module_path, len) != 0 ||
            missing->import_path[len] != '/')
            continue;
        skf_autofree char *dir = skf_path_join(p->module_dir, missing->import_path + len + 1);
        add_pair(&in->dirs, dir, skf_ko_go_glob);
        return;
    }
}

static void add_main(struct skf_inputs *in, const struct skf_ko_package *p)
{
    struct skf_kodata k = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autofree char *kodata = skf_path_join(p->dir, "kodata");
    skf_strv_add(&in->trees, kodata);
    if (skf_kodata_walk(p->dir, &k, &ignored) == 0) {
        for (size_t i = 0; i < k.outside.n; i++)
            skf_strv_add(skf_file_is_dir(k.outside.v[i]) ? &in->trees : &in->files, k.outside.v[i]);
        skf_kodata_release(&k);
    }
    /* -pgo=auto reads it when it is there */
    skf_strv_take(&in->files, skf_path_join(p->dir, "default.pgo"));
}

static void tidy(struct skf_inputs *in)
{
    struct skf_strv *lists[] = { &in->files, &in->trees, &in->manifests };
    for (size_t i = 0; i < SKF_ARRAY_LEN(lists); i++) {
        skf_strv_sort(lists[i]);
        skf_strv_uniq(lists[i]);
    }
}

void skf_ko_inputs_from_packages(const struct skf_ko_packages *packages,
                                 const struct skf_ko_plan *plan, bool no_module,
                                 struct skf_inputs *out)
{
    bool found_main = false;
    for (size_t i = 0; i < packages->list.n; i++) {
        const struct skf_ko_package *p = &packages->list.v[i];
        if (p->standard || p->module_cached)
            continue;
        if (!p->dir[0]) {
            add_missing(out, packages, p);
            continue;
        }
        add_package(out, p);
        if (p->dep_only)
            continue;
        found_main = true;
        add_main(out, p);
        if (no_module)
            add_manifest(out, p->dir, "go.mod");
    }
    if (!found_main && !plan->strict) {
        /* Go could not even find it: whatever appears there counts. */
        skf_autofree char *dir = skf_path_abs(plan->run_dir, plan->pattern);
        add_pair(&out->dirs, dir, skf_ko_go_glob);
        add_manifest(out, plan->run_dir, "go.mod");
    }
    add_workspace(out, plan->run_dir);
    skf_strv_add(&out->files, plan->yaml.file);
    skf_strv_add(&out->manifests, plan->yaml.file);
    tidy(out);
}

/* --- the user's own globs --------------------------------------------------------------------- */

static bool is_ignored(const struct skf_strings *ignore, const char *rel)
{
    for (size_t i = 0; i < ignore->n; i++) {
        size_t len = strlen(ignore->v[i]);
        if (skf_glob_match(ignore->v[i], rel))
            return true;
        /* a directory stands for all below it */
        while (len && ignore->v[i][len - 1] == '/')
            len--;
        if (len && strncmp(rel, ignore->v[i], len) == 0 && rel[len] == '/')
            return true;
    }
    return false;
}

void skf_ko_inputs_ignore(const char *root, const struct skf_strings *ignore, struct skf_inputs *in)
{
    struct skf_strv *lists[] = { &in->files, &in->manifests };
    for (size_t l = 0; ignore->n && l < SKF_ARRAY_LEN(lists); l++)
        for (size_t i = lists[l]->n; i-- > 0;) {
            skf_autofree char *rel =
                skf_path_within(root, lists[l]->v[i]) ? skf_path_rel(root, lists[l]->v[i]) : NULL;
            if (rel && is_ignored(ignore, rel))
                skf_strv_remove(lists[l], i);
        }
}

static int add_glob(const char *root, const char *pattern, const struct skf_node *at,
                    const struct skf_strings *ignore, struct skf_inputs *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    if (skf_file_glob(root, pattern, &found, err) < 0)
        return -(int)err->code;
    if (!found.n)
        return skf_node_err(err, at, SKF_ECONFIG,
                            "dependencies.paths: '%s' matches no file in '%s'", pattern, root);
    skf_autofree char *whole = skf_path_abs(root, pattern);
    if (!skf_glob_has_meta(pattern) && skf_file_is_dir(whole)) {
        skf_strv_add(&out->trees, whole);
        return 0;
    }
    const char *name = skf_path_base(pattern);
    for (size_t i = 0; i < found.n; i++) {
        if (is_ignored(ignore, found.v[i]))
            continue;
        skf_autofree char *path = skf_path_join(root, found.v[i]);
        skf_autofree char *dir = skf_path_dir(path);
        skf_strv_add(&out->files, path);
        if (skf_glob_has_meta(name))
            add_pair(&out->dirs, dir, strcmp(name, "**") == 0 ? "*" : name);
    }
    return 0;
}

int skf_ko_inputs_from_globs(const char *root, const struct skf_ko_dependencies *deps,
                             struct skf_inputs *out, struct skf_err *err)
{
    for (size_t i = 0; i < deps->paths.n; i++) {
        int rc = add_glob(root, deps->paths.v[i], deps->paths.at ? deps->paths.at[i] : NULL,
                          &deps->ignore, out, err);
        if (rc < 0)
            return rc;
    }
    tidy(out);
    return 0;
}

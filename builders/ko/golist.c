#include "builders/ko/golist.h"

#include <jansson.h>
#include <string.h>

#include "builders/ko/goerror.h"
#include "builders/ko/goscan.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_SOURCE = 4 * 1024 * 1024, MAX_PACKAGES = 50000, MAX_OUTPUT = 256 * 1024 * 1024 };

#define FIELDS                                                                                     \
    "-json=ImportPath,Name,Dir,Error,Standard,DepOnly,Module,GoFiles,CgoFiles,IgnoredGoFiles,"     \
    "CFiles,CXXFiles,"                                                                             \
    "MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,EmbedFiles,EmbedPatterns"

/* --- the answer ------------------------------------------------------------------------------- */

void skf_ko_package_release(struct skf_ko_package *p)
{
    free(p->import_path);
    free(p->name);
    free(p->dir);
    free(p->error);
    free(p->error_pos);
    free(p->module_path);
    free(p->module_dir);
    free(p->gomod);
    skf_strv_release(&p->go_files);
    skf_strv_release(&p->ignored);
    skf_strv_release(&p->more_files);
    skf_strv_release(&p->embed_patterns);
    memset(p, 0, sizeof *p);
}

void skf_ko_package_copy(struct skf_ko_package *to, const struct skf_ko_package *from)
{
    struct skf_ko_package p = *from;
    p.import_path = skf_xstrdup(from->import_path);
    p.name = skf_xstrdup(from->name);
    p.dir = skf_xstrdup(from->dir);
    p.error = skf_xstrdup(from->error);
    p.error_pos = skf_xstrdup(from->error_pos);
    p.module_path = skf_xstrdup(from->module_path);
    p.module_dir = skf_xstrdup(from->module_dir);
    p.gomod = skf_xstrdup(from->gomod);
    p.go_files = p.ignored = p.more_files = p.embed_patterns = (struct skf_strv)SKF_STRV_INIT;
    skf_strv_addv(&p.go_files, &from->go_files);
    skf_strv_addv(&p.ignored, &from->ignored);
    skf_strv_addv(&p.more_files, &from->more_files);
    skf_strv_addv(&p.embed_patterns, &from->embed_patterns);
    *to = p;
}

bool skf_ko_package_is_cgo_only(const struct skf_ko_package *p)
{
    bool found = false;
    for (size_t i = 0; i < p->ignored.n && !found && !p->go_files.n; i++) {
        skf_autofree char *path = skf_path_join(p->dir, p->ignored.v[i]);
        skf_autobuf struct skf_buf text = SKF_BUF_INIT, part = SKF_BUF_INIT;
        struct skf_err ignored = SKF_ERR_INIT;
        if (skf_file_read(path, MAX_SOURCE, &text, &ignored) == 0)
            skf_goscan(text.data, text.len, &part);
        found = part.len && strstr(part.data, "\"C\"");
    }
    return found;
}

void skf_ko_packages_release(struct skf_ko_packages *p)
{
    for (size_t i = 0; i < p->list.n; i++)
        skf_ko_package_release(&p->list.v[i]);
    skf_vec_release(&p->list);
}

static char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return skf_xstrdup(s ? s : "");
}

static void names_of(const json_t *object, const char *key, struct skf_strv *out)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(object, key), i, item)
    {
        if (json_is_string(item))
            skf_strv_add(out, json_string_value(item));
    }
}

/* A directory of the module cache has "@v1.2.3" in one of its elements. */
static bool has_version(const char *dir)
{
    const char *at = strstr(dir, "@v");
    return at && at[2] >= '0' && at[2] <= '9';
}

static void read_package(const json_t *o, struct skf_ko_package *p)
{
    static const char *const more[] = { "CFiles",    "CXXFiles",  "MFiles",    "HFiles",
                                        "FFiles",    "SFiles",    "SwigFiles", "SwigCXXFiles",
                                        "SysoFiles", "EmbedFiles" };
    p->import_path = text_of(o, "ImportPath");
    p->name = text_of(o, "Name");
    p->dir = text_of(o, "Dir");
    p->standard = json_is_true(json_object_get(o, "Standard"));
    p->dep_only = json_is_true(json_object_get(o, "DepOnly"));
    const json_t *error = json_object_get(o, "Error");
    p->error = text_of(error, "Err");
    p->error_pos = text_of(error, "Pos");
    const json_t *module = json_object_get(o, "Module");
    p->module_path = text_of(module, "Path");
    p->module_dir = text_of(module, "Dir");
    p->gomod = text_of(module, "GoMod");
    const char *version = json_string_value(json_object_get(module, "Version"));
    p->module_cached = version && version[0] && has_version(p->dir);
    names_of(o, "GoFiles", &p->go_files);
    names_of(o, "CgoFiles", &p->go_files);
    names_of(o, "IgnoredGoFiles", &p->ignored);
    names_of(o, "EmbedPatterns", &p->embed_patterns);
    for (size_t i = 0; i < SKF_ARRAY_LEN(more); i++)
        names_of(o, more[i], &p->more_files);
}

int skf_ko_packages_parse(const char *text, size_t len, size_t limit, struct skf_ko_packages *out,
                          struct skf_err *err)
{
    struct skf_ko_packages got = { 0 };
    size_t pos = 0;
    while (pos < len) {
        if (strchr(" \t\r\n", text[pos])) {
            pos++;
            continue;
        }
        json_error_t e;
        json_t *o = json_loadb(text + pos, len - pos, JSON_DISABLE_EOF_CHECK, &e);
        if (!json_is_object(o) || got.list.n >= limit) {
            int rc = !json_is_object(o)
                         ? skf_err_set(err, SKF_EPROTO, "cannot read the answer of 'go list': %s",
                                       o ? "not an object" : e.text)
                         : skf_err_set(err, SKF_ETOOBIG, "'go list' names more than %zu packages",
                                       limit);
            json_decref(o);
            skf_ko_packages_release(&got);
            return rc;
        }
        skf_vec_push(&got.list, (struct skf_ko_package){ 0 });
        read_package(o, &got.list.v[got.list.n - 1]);
        json_decref(o);
        pos += (size_t)e.position;
    }
    *out = got;
    return 0;
}

/* --- the question ----------------------------------------------------------------------------- */

void skf_ko_golist_flags(const struct skf_strv *build_flags, struct skf_strv *out)
{
    static const struct {
        const char *name;
        bool value;
    } wanted[] = { { "tags", true },  { "mod", true },   { "modfile", true }, { "overlay", true },
                   { "race", false }, { "msan", false }, { "asan", false },   { "pgo", true } };
    for (size_t i = 0; build_flags && i < build_flags->n; i++) {
        const char *flag = build_flags->v[i];
        if (flag[0] != '-')
            continue;
        const char *name = flag + 1 + (flag[1] == '-');
        size_t len = strcspn(name, "=");
        for (size_t j = 0; j < SKF_ARRAY_LEN(wanted); j++) {
            if (strlen(wanted[j].name) != len || strncmp(wanted[j].name, name, len) != 0)
                continue;
            skf_strv_add(out, flag);
            if (wanted[j].value && !name[len] && i + 1 < build_flags->n)
                skf_strv_add(out, build_flags->v[++i]);
            break;
        }
    }
}

/* In GOPATH mode Go refuses -mod and -modfile, also in GOFLAGS. */
static void without_module_flags(struct skf_proc *p)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT;
    const char *goflags = getenv("GOFLAGS");
    for (size_t i = p->argv.n; i-- > 0;)
        if (strncmp(p->argv.v[i], "-mod", 4) == 0 || strncmp(p->argv.v[i], "--mod", 5) == 0) {
            if (!strchr(p->argv.v[i], '=') && i + 1 < p->argv.n)
                skf_strv_remove(&p->argv, i + 1);
            skf_strv_remove(&p->argv, i);
        }
    skf_strv_split(&words, goflags ? goflags : "", " \t\n");
    for (size_t i = words.n; i-- > 0;)
        if (strncmp(words.v[i], "-mod", 4) == 0 || strncmp(words.v[i], "--mod", 5) == 0)
            skf_strv_remove(&words, i);
    skf_autofree char *rest = skf_strv_join(&words, " ");
    if (goflags)
        skf_strv_addf(&p->env, "GOFLAGS=%s", rest);
    skf_strv_add(&p->env, "GO111MODULE=off");
}

static void on_exit_of_go(struct skf_proc *p, const struct skf_err *err);

static void ask(struct skf_ko_golist *l)
{
    skf_proc_init(&l->proc);
    l->proc.data = l;
    l->proc.cwd = skf_xstrdup(l->dir);
    l->proc.capture_max = MAX_OUTPUT;
    l->proc.stop_ms = 30; /* it only reads: nothing to tidy up */
    skf_proc_args(&l->proc, l->go, "list", "-e", FIELDS, "-buildvcs=false", NULL);
    /* Without a go.mod the files of a directory are found in GOPATH mode, where imports are not
     * looked at: they mean something else there. */
    bool find = !l->deps || l->mode == SKF_GOLIST_GOPATH;
    skf_proc_args(&l->proc, find ? "-find" : "-deps", NULL);
    skf_ko_golist_flags(l->flags, &l->proc.argv);
    skf_proc_args(&l->proc, "--", NULL);
    if (l->mode == SKF_GOLIST_FILES)
        skf_strv_addv(&l->proc.argv, &l->files);
    else
        skf_strv_add(&l->proc.argv, l->pattern);
    skf_strv_addv(&l->proc.env, l->env);
    skf_strv_addf(&l->proc.env, "PWD=%s", l->dir);
    if (l->mode == SKF_GOLIST_GOPATH)
        without_module_flags(&l->proc);
    skf_proc_start(l->loop, &l->proc, on_exit_of_go);
}

static bool is_local(const char *pattern)
{
    return pattern[0] == '/' || strcmp(pattern, ".") == 0 || strcmp(pattern, "..") == 0 ||
           strncmp(pattern, "./", 2) == 0 || strncmp(pattern, "../", 3) == 0;
}

static bool says_no_module(const struct skf_ko_golist *l)
{
    return l->mode == SKF_GOLIST_MODULE && is_local(l->pattern) &&
           (strstr(l->proc.errout.data, "go.mod file not found") ||
            strstr(l->proc.errout.data, "cannot find main module"));
}

/* The files that GOPATH mode found become arguments, as `go build ./a.go ./b.go` takes them. */
static int take_files(struct skf_ko_golist *l, struct skf_err *err)
{
    struct skf_ko_package *p = l->packages.list.n == 1 ? &l->packages.list.v[0] : NULL;
    if (!p)
        return skf_err_set(err, SKF_ECONFIG, "'%s' names %zu packages, expected 1", l->pattern,
                           l->packages.list.n);
    if (p->go_files.n == 0)
        return skf_err_set(err, SKF_EBUILD, "no Go files in '%s'%s%s", l->dir,
                           p->error[0] ? ": " : "", p->error);
    for (size_t i = 0; i < p->go_files.n; i++) {
        skf_autofree char *full = skf_path_join(p->dir, p->go_files.v[i]);
        skf_autofree char *rel = skf_path_rel(l->dir, full);
        if (strncmp(rel, "../", 3) == 0)
            skf_strv_add(&l->files, rel);
        else
            skf_strv_addf(&l->files, "./%s", rel);
    }
    return 0;
}

/* Go calls such a package "command-line-arguments"; a directory has a better name for it. */
static void name_after_directory(struct skf_ko_package *p)
{
    const char *base = skf_path_base(p->dir);
    size_t plain =
        strspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    bool good = base[0] && !base[plain] && base[0] != '.' && base[0] != '-';
    skf_replace(&p->import_path, skf_xstrdup(good ? base : "ko-app"));
}

static void finish(struct skf_ko_golist *l, const struct skf_err *err)
{
    if (!err && l->no_module)
        for (size_t i = 0; i < l->packages.list.n; i++)
            if (!l->packages.list.v[i].dep_only && !l->packages.list.v[i].standard)
                name_after_directory(&l->packages.list.v[i]);
    l->done(l, err);
}

static void on_exit_of_go(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_ko_golist *l = p->data;
    struct skf_err e = SKF_ERR_INIT;
    bool again = false;
    if (err && err->code == SKF_ECHILD && says_no_module(l)) {
        l->no_module = again = true;
        l->mode = SKF_GOLIST_GOPATH;
    } else if (err) {
        e = *err;
        if (err->code == SKF_ECHILD)
            skf_goerror_from_text(p->errout.data, l->dir, &e);
    } else {
        skf_ko_packages_release(&l->packages);
        skf_ko_packages_parse(p->out.data, p->out.len, MAX_PACKAGES, &l->packages, &e);
        if (!e.code && l->mode == SKF_GOLIST_GOPATH)
            take_files(l, &e);
        again = !e.code && l->mode == SKF_GOLIST_GOPATH && l->deps;
        if (again)
            l->mode = SKF_GOLIST_FILES;
    }
    skf_proc_release(&l->proc);
    if (again)
        ask(l);
    else
        finish(l, e.code ? &e : NULL);
}

void skf_ko_golist_start(uv_loop_t *loop, struct skf_ko_golist *l,
                         void (*done)(struct skf_ko_golist *l, const struct skf_err *err))
{
    l->loop = loop;
    l->done = done;
    l->mode = SKF_GOLIST_MODULE;
    ask(l);
}

void skf_ko_golist_cancel(struct skf_ko_golist *l)
{
    skf_proc_stop(&l->proc);
}

void skf_ko_golist_release(struct skf_ko_golist *l)
{
    skf_ko_packages_release(&l->packages);
    skf_strv_release(&l->files);
}

/* What to watch for the sources of a Dockerfile. A directory without anything ignored is a tree:
 * new folders count there. One with ignored entries is watched name by name below the ignored ones.
 */
#include <string.h>
#include <sys/stat.h>

#include "lib/base/glob.h"
#include "lib/base/path.h"
#include "lib/docker/context.h"
#include "lib/docker/except.h"
#include "lib/io/file.h"

enum { MAX_ENTRIES = 2 * 1000 * 1000, MAX_DEPTH = 256 };

struct finder {
    const struct skf_docker_files *f;
    const struct skf_docker_ignore *ig;
    bool (*cancelled)(void *);
    void *arg;
    struct skf_docker_watch *out;
    struct skf_err *err;
    size_t seen;
};

static void add_pair(struct skf_strv *dirs, const char *dir, const char *glob)
{
    skf_strv_add(dirs, dir);
    skf_strv_add(dirs, glob);
}

static char *absolute(const struct finder *x, const char *rel)
{
    return skf_path_join(x->f->dir, rel);
}

static int stop(struct finder *x)
{
    if (x->cancelled && x->cancelled(x->arg))
        return skf_err_set(x->err, SKF_ECANCELED, "cancelled");
    if (++x->seen > MAX_ENTRIES)
        return skf_err_set(
            x->err, SKF_ETOOBIG,
            "the context '%s' has more than %d files: leave some out by .dockerignore", x->f->dir,
            MAX_ENTRIES);
    return 0;
}

/* What a directory with ignored entries gives: kept files, and (for new ones) globs. */
struct part {
    struct skf_strv files, dirs, trees;
};

static void part_release(struct part *p)
{
    skf_strv_release(&p->files);
    skf_strv_release(&p->dirs);
    skf_strv_release(&p->trees);
}

static void part_move(struct part *from, struct part *to)
{
    skf_strv_addv(&to->files, &from->files);
    skf_strv_addv(&to->dirs, &from->dirs);
    skf_strv_addv(&to->trees, &from->trees);
}

/* `hits`: of this directory. *clean: nothing below it is left out. */
static int walk(struct finder *x, const char *rel, const bool *hits, bool ignored, int depth,
                struct part *out, bool *clean)
{
    skf_autofree char *dir = absolute(x, rel);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autofree bool *below = skf_xcalloc(x->ig->n + 1, sizeof *below);
    struct skf_err unreadable = SKF_ERR_INIT;
    struct part parts = { 0 };
    skf_autostrv struct skf_strv left_out = SKF_STRV_INIT; /* files directly in it */
    bool any_kept = false, all_kept = true;
    int rc = 0;

    if (depth > MAX_DEPTH || skf_file_list(dir, &names, &unreadable) < 0)
        return 0; /* the build will say so */
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        struct stat st;
        skf_autofree char *path = skf_path_join(strcmp(rel, ".") == 0 ? "" : rel, names.v[i]);
        skf_autofree char *full = absolute(x, path);
        bool out_ = skf_docker_ignored_below(x->ig, path, hits, below);
        bool child_clean = false;
        rc = stop(x);
        if (rc < 0 || lstat(full, &st) < 0)
            continue;
        all_kept = all_kept && !out_;
        any_kept = any_kept || !out_;
        if (!S_ISDIR(st.st_mode)) {
            skf_strv_add(out_ ? &left_out : &parts.files, out_ ? names.v[i] : full);
            continue;
        }
        if (out_ && skf_docker_ignore_prunes(x->ig, path, false))
            continue;
        rc = walk(x, path, below, out_, depth + 1, &parts, &child_clean);
        all_kept = all_kept && child_clean;
    }
    *clean = rc == 0 && all_kept && !ignored;
    if (*clean) {
        skf_strv_add(&out->trees, dir);
    } else if (rc == 0) {
        if (!ignored || any_kept)
            skf_docker_add_except(&parts.dirs, dir, &left_out);
        part_move(&parts, out);
    }
    part_release(&parts);
    return rc;
}

static int add_dir(struct finder *x, const char *rel)
{
    skf_autofree char *dir = absolute(x, rel);
    struct part part = { 0 };
    bool clean;
    if (!x->ig->n) {
        skf_strv_add(&x->out->trees, dir);
        return 0;
    }
    skf_autofree bool *hits = skf_xcalloc(x->ig->n + 1, sizeof *hits);
    bool ignored = false;
    if (strcmp(rel, ".") != 0) {
        skf_autofree char *part_of = skf_xstrdup(rel);
        for (size_t i = 1;; i++) {
            if (rel[i] && rel[i] != '/')
                continue;
            part_of[i] = '\0';
            ignored = skf_docker_ignored_below(x->ig, part_of, hits, hits);
            part_of[i] = rel[i];
            if (!rel[i])
                break;
        }
    }
    int rc = 0;
    if (!ignored || !skf_docker_ignore_prunes(x->ig, rel, false))
        rc = walk(x, rel, hits, ignored, 0, &part, &clean);
    if (rc == 0) {
        skf_strv_addv(&x->out->files, &part.files);
        skf_strv_addv(&x->out->dirs, &part.dirs);
        skf_strv_addv(&x->out->trees, &part.trees);
    }
    part_release(&part);
    return rc;
}

/* A path without wildcards; it need not exist: that it appears counts too. */
static int add_path(struct finder *x, const char *rel)
{
    skf_autofree char *full = absolute(x, rel);
    int rc = stop(x);
    if (rc < 0)
        return rc;
    if (skf_file_is_dir(full))
        return add_dir(x, rel);
    if (!skf_docker_ignored(x->ig, rel))
        skf_strv_add(&x->out->files, full);
    return 0;
}

/* Element by element below `base`. */
static int add_glob(struct finder *x, const char *base, const char *pattern)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err missing = SKF_ERR_INIT;
    size_t len = strcspn(pattern, "/");
    const char *rest = pattern[len] ? pattern + len + 1 : NULL;
    skf_autofree char *element = skf_xstrndup(pattern, len);
    skf_autofree char *dir = absolute(x, base);
    int rc = 0;
    if (!strpbrk(element, "*?[\\")) {
        skf_autofree char *next = skf_path_join(base, element);
        return rest ? add_glob(x, next, rest) : add_path(x, next);
    }
    if (!rest)
        add_pair(&x->out->dirs, dir, element);
    if (skf_file_list(dir, &names, &missing) < 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        if (!skf_docker_source_matches(element, names.v[i]))
            continue;
        skf_autofree char *next = skf_path_join(base, names.v[i]);
        rc = rest ? add_glob(x, next, rest) : add_path(x, next);
    }
    return rc;
}

static void tidy(struct skf_strv *list)
{
    skf_strv_sort(list);
    skf_strv_uniq(list);
}

int skf_docker_watch_find(const struct skf_docker_files *f, const struct skf_docker_ignore *ig,
                          const struct skf_docker_sources *sources, bool (*cancelled)(void *),
                          void *arg, struct skf_docker_watch *out, struct skf_err *err)
{
    struct skf_docker_watch found = { 0 };
    struct finder x = {
        .f = f, .ig = ig, .cancelled = cancelled, .arg = arg, .out = &found, .err = err
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sources->list.n; i++) {
        const struct skf_docker_source *s = &sources->list.v[i];
        rc = s->glob ? add_glob(&x, "", s->path) : add_path(&x, s->path);
    }
    if (rc < 0) {
        skf_docker_watch_release(&found);
        return rc;
    }
    tidy(&found.files);
    tidy(&found.trees);
    *out = found;
    return 0;
}

void skf_docker_watch_release(struct skf_docker_watch *w)
{
    skf_strv_release(&w->files);
    skf_strv_release(&w->dirs);
    skf_strv_release(&w->trees);
}

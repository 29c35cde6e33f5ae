#include "builders/custom/reads.h"

#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

struct reads {
    char *dir;
    struct skf_strv patterns; /* absolute; a directory stands for all below it */
    struct skf_strv ignore;   /* relative to dir */
};

static void reads_free(void *data)
{
    struct reads *r = data;
    free(r->dir);
    skf_strv_release(&r->patterns);
    skf_strv_release(&r->ignore);
    free(r);
}

/* Does the pattern match the path or a directory it lies in? Then *rest is what lies below that. */
static bool matches(const char *pattern, const char *path, const char **rest)
{
    skf_autofree char *part = skf_xstrdup(path);
    for (size_t i = 1;; i++) {
        if (path[i] && path[i] != '/')
            continue;
        part[i] = '\0';
        if (skf_glob_match(pattern, part)) {
            *rest = path[i] ? path + i + 1 : path + i;
            return true;
        }
        part[i] = path[i];
        if (!path[i])
            return false;
    }
}

/* Git writes there all the time; who names it gets it. */
static bool in_git(const char *rest)
{
    return skf_path_has(rest, ".git");
}

static bool is_ignored(const struct reads *r, const char *path)
{
    const char *rest;
    if (!skf_path_within(r->dir, path) || strcmp(r->dir, path) == 0)
        return false;
    const char *rel = path + strlen(r->dir) + 1;
    for (size_t i = 0; i < r->ignore.n; i++)
        if (matches(r->ignore.v[i], rel, &rest))
            return true;
    return false;
}

/* Can something below this directory match? Where elements cannot be compared one by one: yes. */
static bool may_hold(const char *pattern, const char *dir)
{
    while (*pattern && *dir) {
        size_t n = strcspn(pattern, "/"), m = strcspn(dir, "/");
        skf_autofree char *want = skf_xstrndup(pattern, n), *got = skf_xstrndup(dir, m);
        if (strcmp(want, "**") == 0 || strchr(want, '{'))
            return true;
        if (!skf_glob_match(want, got))
            return false;
        pattern += n + (pattern[n] == '/');
        dir += m + (dir[m] == '/');
    }
    return *pattern;
}

static bool skip(void *data, const char *path, bool is_dir)
{
    const struct reads *r = data;
    const char *rest;
    bool read = false;
    for (size_t i = 0; !read && i < r->patterns.n; i++)
        read = (matches(r->patterns.v[i], path, &rest) && !in_git(rest)) ||
               (is_dir && may_hold(r->patterns.v[i] + 1, path + 1));
    return !read || is_ignored(r, path);
}

/* The directory from which on a pattern has wildcards. */
static char *base_of(const char *pattern)
{
    char *base = skf_xstrdup(pattern);
    while (skf_glob_has_meta(base))
        skf_replace(&base, skf_path_dir(base));
    return base;
}

void skf_custom_reads(const char *dir, const struct skf_strings *paths,
                      const struct skf_strings *ignore, struct skf_inputs *in)
{
    struct reads *r = skf_xcalloc(1, sizeof *r);
    r->dir = skf_xstrdup(dir);
    for (size_t i = 0; i < ignore->n; i++)
        skf_strv_take(&r->ignore, skf_path_clean(ignore->v[i]));
    for (size_t i = 0; i < paths->n; i++) {
        char *pattern = skf_path_abs(dir, paths->v[i]);
        skf_strv_take(&r->patterns, pattern);
        if (skf_glob_has_meta(pattern) || skf_file_is_dir(pattern))
            skf_strv_take(&in->trees, base_of(pattern));
        else if (!is_ignored(r, pattern)) /* it may still appear */
            skf_strv_add(&in->files, pattern);
    }
    skf_strv_sort(&in->trees);
    skf_strv_uniq(&in->trees);
    in->skips = skip;
    in->skip_data = r;
    in->skip_free = reads_free;
}

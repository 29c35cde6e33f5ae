/* Does a build read this path of its context? The sources of COPY, ADD and bind mounts on one side,
 * the ignore rules on the other; asked for each path, so that what appears later is judged too. */
#include <string.h>

#include "lib/base/path.h"
#include "lib/docker/context.h"
#include "lib/io/file.h"

struct skf_docker_reads {
    char *dir;
    struct skf_docker_ignore ignore;
    struct skf_docker_sources sources;
};

enum cover {
    NOT_READ,
    ABOVE, /* something below is named */
    READ,
};

/* Is the rest of a path, below what a source names, in a .git? Nobody's image wants that, and git
 * writes there all the time; who names it gets it. */
static bool in_git(const char *rest)
{
    return skf_path_has(rest, ".git");
}

static enum cover below(const char *rest)
{
    return in_git(rest) ? NOT_READ : READ;
}

static enum cover plain_covers(const char *source, const char *rel)
{
    size_t n = strlen(source), m = strlen(rel);
    if (strcmp(source, ".") == 0)
        return below(rel);
    if (strncmp(source, rel, n < m ? n : m) != 0)
        return NOT_READ;
    if (m <= n)
        return m == n ? READ : source[m] == '/' ? ABOVE : NOT_READ;
    return rel[n] == '/' ? below(rel + n + 1) : NOT_READ;
}

/* Element by element: no wildcard crosses a slash. */
static enum cover glob_covers(const char *pattern, const char *rel)
{
    for (;;) {
        size_t n = strcspn(pattern, "/"), m = strcspn(rel, "/");
        skf_autofree char *want = skf_xstrndup(pattern, n), *got = skf_xstrndup(rel, m);
        if (!skf_docker_source_matches(want, got))
            return NOT_READ;
        pattern += n + (pattern[n] == '/');
        rel += m + (rel[m] == '/');
        if (!*pattern)
            return below(rel);
        if (!*rel)
            return ABOVE;
    }
}

static enum cover cover_of(const struct skf_docker_reads *r, const char *rel)
{
    enum cover best = NOT_READ;
    for (size_t i = 0; best < READ && i < r->sources.list.n; i++) {
        const struct skf_docker_source *s = &r->sources.list.v[i];
        enum cover c = s->glob ? glob_covers(s->path, rel) : plain_covers(s->path, rel);
        best = c > best ? c : best;
    }
    return best;
}

bool skf_docker_reads_skip(void *reads, const char *path, bool is_dir)
{
    const struct skf_docker_reads *r = reads;
    size_t n = strlen(r->dir);
    if (strncmp(path, r->dir, n) != 0 || path[n] != '/')
        return false; /* the context itself */
    const char *rel = path + n + 1;
    enum cover c = cover_of(r, rel);
    if (c == NOT_READ || (c == ABOVE && !is_dir))
        return true;
    return skf_docker_ignored(&r->ignore, rel) &&
           !(is_dir && !skf_docker_ignore_prunes(&r->ignore, rel, false));
}

void skf_docker_reads_free(void *reads)
{
    struct skf_docker_reads *r = reads;
    if (!r)
        return;
    free(r->dir);
    skf_docker_ignore_release(&r->ignore);
    skf_docker_sources_release(&r->sources);
    free(r);
}

/* A file that is named counts by itself, also before it is there. */
static void add_files(const struct skf_docker_reads *r, struct skf_strv *files)
{
    for (size_t i = 0; i < r->sources.list.n; i++) {
        const struct skf_docker_source *s = &r->sources.list.v[i];
        skf_autofree char *path = skf_path_join(r->dir, s->path);
        if (!s->glob && !skf_file_is_dir(path) && !skf_docker_ignored(&r->ignore, s->path))
            skf_strv_add(files, path);
    }
}

int skf_docker_watch_find(const struct skf_docker_files *f, const struct skf_docker_question *q,
                          struct skf_docker_watch *out, struct skf_err *err)
{
    struct skf_dockerfile d = { 0 };
    struct skf_docker_reads *r = skf_xcalloc(1, sizeof *r);
    int rc = skf_docker_files_parse(f, &d, err);
    r->dir = skf_xstrdup(f->dir);
    if (rc == 0)
        rc = skf_docker_files_ignore(f, &r->ignore, err);
    if (rc == 0)
        rc = skf_docker_sources_find(&d, f->dockerfile, q, &r->sources, err);
    if (rc == 0) {
        memset(out, 0, sizeof *out);
        add_files(r, &out->files);
        out->reads = r->sources.list.n ? skf_take(&r) : NULL;
    }
    skf_docker_reads_free(r);
    skf_dockerfile_release(&d);
    return rc;
}

void skf_docker_watch_release(struct skf_docker_watch *w)
{
    skf_strv_release(&w->files);
    skf_docker_reads_free(w->reads);
    w->reads = NULL;
}

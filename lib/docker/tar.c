/* The context as a tar stream. A stack of directories is walked name by name; no file is held
 * whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/digest.h"
#include "lib/base/path.h"
#include "lib/docker/context.h"
#include "lib/io/file.h"
#include "lib/io/tar.h"

enum { CHUNK = 256 * 1024, MAX_DEPTH = 256 };

struct level {
    char *rel; /* "" at the top */
    struct skf_strv names;
    size_t next;
    bool *hits;
};

struct skf_docker_tar {
    const struct skf_docker_files *f; /* borrowed */
    struct skf_docker_ignore ig;
    char *dockerfile_in; /* its name in the tar */
    char *ignore_in;     /* of the ignore file; NULL = outside */
    bool outside;        /* the Dockerfile is not in the context: added under another name */
    SKF_VEC(struct level) stack;
    struct skf_tar *tar;
    int fd; /* of the file being copied, or -1 */
    int64_t left;
    char *copying;
    bool ended;
};

static void pop(struct skf_docker_tar *t)
{
    struct level *l = &t->stack.v[--t->stack.n];
    free(l->rel);
    free(l->hits);
    skf_strv_release(&l->names);
}

static int push(struct skf_docker_tar *t, const char *rel, const bool *hits, struct skf_err *err)
{
    struct level l = { 0 };
    skf_autofree char *dir = skf_path_join(t->f->dir, rel);
    if (t->stack.n >= MAX_DEPTH)
        return skf_err_set(err, SKF_ETOOBIG, "the context is deeper than %d directories",
                           MAX_DEPTH);
    if (skf_file_list(dir, &l.names, err) < 0)
        return skf_err_wrap(err, "reading the build context");
    l.rel = skf_xstrdup(rel);
    l.hits = skf_xcalloc(t->ig.n + 1, sizeof *l.hits);
    if (hits)
        memcpy(l.hits, hits, t->ig.n * sizeof *l.hits);
    skf_vec_push(&t->stack, l);
    return 0;
}

static char *name_in(const struct skf_docker_files *f, const char *path)
{
    return skf_path_within(f->dir, path) ? skf_path_rel(f->dir, path) : NULL;
}

struct skf_docker_tar *skf_docker_tar_new(const struct skf_docker_files *f, struct skf_err *err)
{
    struct skf_docker_tar *t = skf_xcalloc(1, sizeof *t);
    t->f = f;
    t->fd = -1;
    t->tar = skf_tar_new();
    t->ignore_in = name_in(f, f->ignore_file);
    t->dockerfile_in = name_in(f, f->dockerfile);
    t->outside = !t->dockerfile_in;
    if (t->outside) {
        char digest[SKF_DIGEST_TEXT];
        skf_digest_of(f->dockerfile, strlen(f->dockerfile), digest);
        t->dockerfile_in = skf_xasprintf(".dockerfile.%.20s", skf_digest_hex(digest));
    }
    if (skf_docker_files_ignore(f, &t->ig, err) < 0 || push(t, "", NULL, err) < 0) {
        skf_docker_tar_free(t);
        return NULL;
    }
    return t;
}

void skf_docker_tar_free(struct skf_docker_tar *t)
{
    if (!t)
        return;
    while (t->stack.n)
        pop(t);
    skf_vec_release(&t->stack);
    skf_docker_ignore_release(&t->ig);
    skf_tar_free(t->tar);
    if (t->fd >= 0)
        close(t->fd);
    free(t->copying);
    free(t->dockerfile_in);
    free(t->ignore_in);
    free(t);
}

const char *skf_docker_tar_dockerfile(const struct skf_docker_tar *t)
{
    return t->dockerfile_in;
}

/* --- one entry -------------------------------------------------------------------------------- */

static int open_file(struct skf_docker_tar *t, const char *path, const char *name,
                     struct skf_err *err)
{
    struct stat st;
    t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return skf_err_errno(err, errno, "cannot read '%s' of the build context", path);
    const struct skf_tar_entry e = { .name = name,
                                     .mode = S_IFREG | (st.st_mode & 07777),
                                     .size = st.st_size,
                                     .mtime = st.st_mtime };
    t->left = st.st_size;
    skf_replace(&t->copying, skf_xstrdup(path));
    return skf_tar_add(t->tar, &e, err);
}

static int add_link(struct skf_docker_tar *t, const char *path, const char *name,
                    const struct stat *st, struct skf_err *err)
{
    char to[PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    if (n < 0)
        return skf_err_errno(err, errno, "cannot read the link '%s'", path);
    to[n] = '\0';
    const struct skf_tar_entry e = {
        .name = name, .mode = S_IFLNK | 0777, .mtime = st->st_mtime, .link = to
    };
    return skf_tar_add(t->tar, &e, err);
}

static bool must_travel(const struct skf_docker_tar *t, const char *rel)
{
    return strcmp(rel, t->dockerfile_in) == 0 || (t->ignore_in && strcmp(rel, t->ignore_in) == 0);
}

/* A directory that is left out is still entered when something below it may be kept. */
static bool must_enter(const struct skf_docker_tar *t, const char *rel)
{
    size_t len = strlen(rel);
    const char *kept[] = { t->outside ? NULL : t->dockerfile_in, t->ignore_in };
    for (size_t i = 0; i < SKF_ARRAY_LEN(kept); i++)
        if (kept[i] && strncmp(kept[i], rel, len) == 0 && kept[i][len] == '/')
            return true;
    return !skf_docker_ignore_prunes(&t->ig, rel, true);
}

static int add_entry(struct skf_docker_tar *t, const char *rel, const bool *parent,
                     struct skf_err *err)
{
    struct stat st;
    skf_autofree char *path = skf_path_join(t->f->dir, rel);
    skf_autofree bool *hits = skf_xcalloc(t->ig.n + 1, sizeof *hits);
    bool ignored = skf_docker_ignored_below(&t->ig, rel, parent, hits) && !must_travel(t, rel);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : skf_err_errno(err, errno, "cannot read '%s'", path);
    if (S_ISDIR(st.st_mode)) {
        if (ignored && !must_enter(t, rel))
            return 0;
        const struct skf_tar_entry e = { .name = rel,
                                         .mode = S_IFDIR | (st.st_mode & 07777),
                                         .mtime = st.st_mtime };
        int rc = ignored ? 0 : skf_tar_add(t->tar, &e, err);
        return rc < 0 ? rc : push(t, rel, hits, err);
    }
    if (ignored)
        return 0;
    if (S_ISLNK(st.st_mode))
        return add_link(t, path, rel, &st, err);
    return S_ISREG(st.st_mode) ? open_file(t, path, rel, err) : 0; /* sockets, devices: no */
}

static int copy_some(struct skf_docker_tar *t, struct skf_err *err)
{
    static char chunk[CHUNK]; /* loop thread only */
    size_t want = t->left < CHUNK ? (size_t)t->left : CHUNK;
    ssize_t n = 0;
    if (want) {
        do {
            n = read(t->fd, chunk, want);
        } while (n < 0 && errno == EINTR);
        if (n <= 0)
            return skf_err_set(err, SKF_EIO, "'%s' %s while it was being sent", t->copying,
                               n ? "cannot be read" : "became shorter");
    }
    t->left -= n;
    if (t->left == 0) {
        close(t->fd);
        t->fd = -1;
    }
    return skf_tar_data(t->tar, chunk, (size_t)n, err);
}

static int step(struct skf_docker_tar *t, struct skf_err *err)
{
    if (t->fd >= 0)
        return copy_some(t, err);
    if (!t->stack.n) {
        if (t->outside) {
            t->outside = false;
            return open_file(t, t->f->dockerfile, t->dockerfile_in, err);
        }
        t->ended = true;
        return skf_tar_end(t->tar, err);
    }
    struct level *l = &t->stack.v[t->stack.n - 1];
    if (l->next >= l->names.n) {
        pop(t);
        return 0;
    }
    skf_autofree char *rel = skf_path_join(l->rel, l->names.v[l->next++]);
    return add_entry(t, rel, l->hits, err);
}

int skf_docker_tar_next(struct skf_docker_tar *t, struct skf_buf *out, struct skf_err *err)
{
    struct skf_buf *made = skf_tar_output(t->tar);
    while (!t->ended && made->len < CHUNK) {
        int rc = step(t, err);
        if (rc < 0)
            return rc;
    }
    skf_buf_add(out, made->data, made->len);
    skf_buf_clear(made);
    return !t->ended;
}

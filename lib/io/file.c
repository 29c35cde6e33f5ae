#include "lib/io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

/* A descriptor may be non-blocking without our doing (a terminal that another process shares, a
 * stdout that libuv has seen): then wait, do not spin. */
static void await_fd(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    poll(&p, 1, -1);
}

int skf_file_read_fd(int fd, size_t max, struct skf_buf *out, struct skf_err *err)
{
    skf_autobuf struct skf_buf got = SKF_BUF_INIT;
    for (;;) {
        ssize_t n = skf_buf_read(&got, fd, 64 * 1024);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            await_fd(fd, POLLIN);
            continue;
        }
        if (n < 0)
            return skf_err_errno(err, errno, "cannot read");
        if (n == 0)
            break;
        if (got.len > max)
            return skf_err_set(err, SKF_ETOOBIG, "more than %zu bytes", max);
    }
    skf_buf_swap(out, &got); /* the only line that touches the caller's data */
    return 0;
}

/* Opens something that has an end: a fifo would wait for its writer. Returns a descriptor or -code.
 */
static int open_readable(const char *path, bool devices, struct skf_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot open '%s'", path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        skf_err_errno(err, errno, "cannot stat '%s'", path);
    else if (S_ISDIR(st.st_mode))
        skf_err_errno(err, EISDIR, "cannot read '%s'", path);
    else if (!S_ISREG(st.st_mode) && !(devices && S_ISCHR(st.st_mode)))
        skf_err_set(err, SKF_EINVAL, "cannot read '%s': not a regular file", path);
    else
        return fd;
    close(fd);
    return -(int)err->code;
}

int skf_file_read(const char *path, size_t max, struct skf_buf *out, struct skf_err *err)
{
    skf_autoclose int fd = open_readable(path, true, err);
    if (fd < 0)
        return fd;
    int rc = skf_file_read_fd(fd, max, out, err);
    return rc < 0 ? skf_err_wrap(err, "'%s'", path) : 0;
}

int skf_file_write_all(int fd, const void *data, size_t len, struct skf_err *err)
{
    const char *p = data;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            await_fd(fd, POLLOUT);
            continue;
        }
        if (n < 0)
            return skf_err_errno(err, errno, "cannot write");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int skf_file_write_atomic(const char *path, mode_t mode, const void *data, size_t len,
                          struct skf_err *err)
{
    skf_autofree char *temp = skf_xasprintf("%s.tmp.XXXXXX", path);
    skf_autoclose int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot write '%s'", path);
    int rc = skf_file_write_all(fd, data, len, err);
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = skf_err_errno(err, errno, "cannot set the mode");
    int closed = close(fd); /* a full or remote disk may say so only here */
    fd = -1;
    if (rc == 0 && closed < 0)
        rc = skf_err_errno(err, errno, "cannot write");
    if (rc == 0 && rename(temp, path) < 0)
        rc = skf_err_errno(err, errno, "cannot rename");
    if (rc < 0) {
        unlink(temp);
        return skf_err_wrap(err, "'%s'", path);
    }
    return 0;
}

int skf_file_mkdirs(const char *path, mode_t mode, struct skf_err *err)
{
    skf_autofree char *copy = skf_xstrdup(path);
    if (!path[0])
        return skf_err_set(err, SKF_EINVAL, "cannot make a directory without a name");
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return skf_err_errno(err, errno, "cannot make the directory '%s'", copy);
        if (!end)
            break;
        *p = end;
    }
    if (!skf_file_is_dir(path))
        return skf_err_errno(err, ENOTDIR, "cannot make the directory '%s'", path);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0; /* gone meanwhile: fine */
}

int skf_file_remove_tree(const char *path, struct skf_err *err)
{
    if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return skf_err_errno(err, errno, "cannot remove '%s'", path);
    return 0;
}

int skf_file_temp(struct skf_err *err)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Some file systems (overlay of old kernels, NFS) have no O_TMPFILE. */
    skf_autofree char *path = skf_xasprintf("%s/skiff-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot make a temporary file in '%s'", dir);
    unlink(path);
    return fd;
}

char *skf_file_temp_dir(const char *prefix, struct skf_err *err)
{
    const char *root = getenv("TMPDIR");
    char *path = skf_xasprintf("%s/%s.XXXXXX", root && root[0] ? root : "/tmp", prefix);
    if (!mkdtemp(path)) {
        skf_err_errno(err, errno, "cannot make a temporary directory '%s'", path);
        free(path);
        return NULL;
    }
    return path;
}

bool skf_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool skf_file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int skf_file_digest(const char *path, char out[SKF_DIGEST_TEXT], int64_t *size, struct skf_err *err)
{
    enum { CHUNK = 256 * 1024 };
    skf_autoclose int fd = open_readable(path, false, err);
    if (fd < 0)
        return fd;
    skf_autofree char *chunk = skf_xmalloc(CHUNK);
    struct skf_sha256 h;
    int64_t total = 0;
    skf_sha256_init(&h);
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            skf_sha256_release(&h);
            return skf_err_errno(err, errno, "cannot read '%s'", path);
        }
        if (n == 0)
            break;
        skf_sha256_add(&h, chunk, (size_t)n);
        total += n;
    }
    skf_sha256_end(&h, out);
    if (size)
        *size = total;
    return 0;
}

static void move_all(struct skf_strv *to, struct skf_strv *from)
{
    for (size_t i = 0; i < from->n; i++)
        skf_strv_take(to, from->v[i]);
    from->n = 0;
}

int skf_file_list(const char *path, struct skf_strv *out, struct skf_err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return skf_err_errno(err, errno, "cannot list '%s'", path);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct dirent *e;
    while (errno = 0, (e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            skf_strv_add(&names, e->d_name);
    int errnum = errno;
    closedir(dir);
    if (errnum)
        return skf_err_errno(err, errnum, "cannot list '%s'", path);
    move_all(out, &names);
    skf_strv_sort(out);
    return 0;
}

/* --- globs ------------------------------------------------------------------------------------ */

enum { MAX_GLOB_DEPTH = 100, MAX_GLOB_FILES = 1000000 };

struct glob_walk {
    const char *root, *pattern;
    struct skf_strv *out;
};

static int walk(struct glob_walk *g, const char *rel, int depth, struct skf_err *err)
{
    skf_autofree char *dir = skf_path_join(g->root, rel);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err listing;
    if (depth > MAX_GLOB_DEPTH)
        return skf_err_set(err, SKF_ETOOBIG, "'%s' is nested too deeply", dir);
    if (skf_file_list(dir, &names, &listing) < 0)
        return 0; /* unreadable or just removed: not there, as for a shell's glob */
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *name =
            rel[0] ? skf_xasprintf("%s/%s", rel, names.v[i]) : skf_xstrdup(names.v[i]);
        skf_autofree char *full = skf_path_join(g->root, name);
        struct stat link, st;
        if (lstat(full, &link) < 0)
            continue;
        if (S_ISDIR(link.st_mode)) {
            int rc = walk(g, name, depth + 1, err);
            if (rc < 0)
                return rc;
        } else if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && /* a fifo cannot be packed */
                   skf_glob_match(g->pattern, name)) {
            if (g->out->n >= MAX_GLOB_FILES)
                return skf_err_set(err, SKF_ETOOBIG, "'%s' matches more than %d files", g->pattern,
                                   MAX_GLOB_FILES);
            skf_strv_add(g->out, name);
        }
    }
    return 0;
}

int skf_file_glob(const char *root, const char *pattern, struct skf_strv *out, struct skf_err *err)
{
    skf_autofree char *clean = skf_path_clean(pattern);
    skf_autofree char *full = skf_path_join(root, clean);
    skf_autofree char *below = NULL;
    struct stat st;
    if (!skf_glob_has_meta(clean)) {
        if (stat(full, &st) < 0)
            return 0;
        if (!S_ISDIR(st.st_mode)) {
            if (S_ISREG(st.st_mode)) {
                skf_strv_add(out, clean);
                skf_strv_sort(out);
                skf_strv_uniq(out);
            }
            return 0;
        }
        below = strcmp(clean, ".") == 0 ? skf_xstrdup("**") : skf_xasprintf("%s/**", clean);
    }
    /* Start at the deepest directory that the pattern names without a glob character. */
    const char *effective = below ? below : clean;
    size_t fixed = 0;
    for (size_t i = 0; effective[i] && !strchr("*?[{\\", effective[i]); i++)
        if (effective[i] == '/')
            fixed = i;
    skf_autofree char *start = skf_xstrndup(effective, fixed);
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    struct glob_walk g = { .root = root, .pattern = effective, .out = &found };
    int rc = walk(&g, start, 0, err);
    if (rc < 0)
        return rc;
    move_all(out, &found);
    skf_strv_sort(out);
    skf_strv_uniq(out);
    return 0;
}

/* --- skiff's own folders ---------------------------------------------------------------------- */

static char *own_dir(const char *variable, const char *below_home, struct skf_err *err)
{
    const char *root = getenv(variable);
    const char *home = getenv("HOME");
    char *path;
    if (root && root[0] == '/')
        path = skf_path_join(root, "skiff");
    else if (home && home[0] == '/')
        path = skf_xasprintf("%s/%s/skiff", home, below_home);
    else {
        skf_err_set(err, SKF_ENOTFOUND, "neither %s nor HOME is set: set HOME", variable);
        return NULL;
    }
    if (skf_file_mkdirs(path, 0700, err) < 0) {
        free(path);
        return NULL;
    }
    return path;
}

char *skf_dir_cache(struct skf_err *err)
{
    return own_dir("XDG_CACHE_HOME", ".cache", err);
}

char *skf_dir_state(struct skf_err *err)
{
    return own_dir("XDG_STATE_HOME", ".local/state", err);
}

char *skf_dir_config(struct skf_err *err)
{
    return own_dir("XDG_CONFIG_HOME", ".config", err);
}

/* --- locks ------------------------------------------------------------------------------------ */

static int lock(const char *path, int how, bool *busy, struct skf_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot open '%s'", path);
    int rc;
    do {
        rc = flock(fd, how);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    int errnum = errno;
    close(fd);
    if (errnum == EWOULDBLOCK && busy) {
        *busy = true;
        return -1;
    }
    return skf_err_errno(err, errnum, "cannot lock '%s'", path);
}

int skf_lock_take(const char *path, struct skf_err *err)
{
    return lock(path, LOCK_EX, NULL, err);
}

int skf_lock_try(const char *path, bool *busy, struct skf_err *err)
{
    *busy = false;
    return lock(path, LOCK_EX | LOCK_NB, busy, err);
}

void skf_lock_release(int fd)
{
    if (fd >= 0)
        close(fd);
}

#include "lib/engine/inputdigest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

enum { CHUNK = 64 * 1024 };

static int add_content(struct skf_md5 *h, int fd, char *chunk)
{
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : 0;
        skf_md5_add(h, chunk, (size_t)n);
    }
}

/* --- what is known of a file ------------------------------------------------------------------ */

struct known {
    dev_t dev;
    ino_t ino;
    off_t size;
    mode_t mode;
    struct timespec mtime, ctime;
    char md5[SKF_MD5_HEX];
};

struct skf_digest_memo {
    struct skf_map files; /* path -> struct known */
};

struct skf_digest_memo *skf_digest_memo_new(void)
{
    return skf_xcalloc(1, sizeof(struct skf_digest_memo));
}

void skf_digest_memo_free(struct skf_digest_memo *m)
{
    if (m)
        skf_map_release_with(&m->files, free);
    free(m);
}

size_t skf_digest_memo_count(const struct skf_digest_memo *m)
{
    return skf_map_count(&m->files);
}

static bool is_as(const struct known *k, const struct stat *st)
{
    return k->dev == st->st_dev && k->ino == st->st_ino && k->size == st->st_size &&
           k->mode == st->st_mode && k->mtime.tv_sec == st->st_mtim.tv_sec &&
           k->mtime.tv_nsec == st->st_mtim.tv_nsec && k->ctime.tv_sec == st->st_ctim.tv_sec &&
           k->ctime.tv_nsec == st->st_ctim.tv_nsec;
}

/* A file that was written a moment ago could be written again under the same stamps. */
static bool is_settled(const struct stat *st)
{
    int64_t age_ms =
        skf_clock_wall_ms() - (int64_t)st->st_ctim.tv_sec * 1000 - st->st_ctim.tv_nsec / 1000000;
    return age_ms > (st->st_ctim.tv_nsec ? 50 : 2100);
}

static void remember(struct skf_digest_memo *m, const char *path, const struct stat *st,
                     const char md5[SKF_MD5_HEX])
{
    if (!m || !is_settled(st))
        return;
    struct known *k = skf_xcalloc(1, sizeof *k);
    *k = (struct known){ .dev = st->st_dev,
                         .ino = st->st_ino,
                         .size = st->st_size,
                         .mode = st->st_mode,
                         .mtime = st->st_mtim,
                         .ctime = st->st_ctim };
    memcpy(k->md5, md5, SKF_MD5_HEX);
    free(skf_map_put(&m->files, path, k));
}

static bool recall(const struct skf_digest_memo *m, const char *path, char out[SKF_MD5_HEX])
{
    const struct known *k = m ? skf_map_get(&m->files, path) : NULL;
    struct stat st;
    if (!k || stat(path, &st) != 0 || !is_as(k, &st))
        return false;
    memcpy(out, k->md5, SKF_MD5_HEX);
    return true;
}

/* --- one file --------------------------------------------------------------------------------- */

/* *gone: it is not there any more. */
static int digest_file(const char *path, const char *dir, bool modes, struct skf_digest_memo *memo,
                       char *chunk, char out[SKF_MD5_HEX], bool *gone, struct skf_err *err)
{
    *gone = false;
    if (recall(memo, path, out))
        return 0;
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct skf_md5 h;
    *gone = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (*gone)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return skf_err_errno(err, errno, "cannot read '%s'", path);
    skf_autofree char *rel = skf_path_rel(dir, path);
    skf_md5_init(&h);
    skf_md5_add(&h, rel, strlen(rel));
    if (modes && (st.st_mode & S_IXUSR))
        skf_md5_add(&h, "\0x", 2); /* no path ends so */
    int failed = S_ISREG(st.st_mode) ? add_content(&h, fd, chunk) : 0;
    if (failed) {
        skf_md5_release(&h);
        return skf_err_errno(err, failed, "cannot read '%s'", path);
    }
    skf_md5_end(&h, out);
    remember(memo, path, &st, out);
    return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

int skf_input_digest(const struct skf_strv *files, const char *dir, bool modes,
                     bool (*stop)(void *data), void *data, char out[SKF_SHA256_HEX],
                     struct skf_err *err)
{
    return skf_input_digest_memo(files, dir, modes, stop, data, NULL, out, err);
}

int skf_input_digest_memo(const struct skf_strv *files, const char *dir, bool modes,
                          bool (*stop)(void *data), void *data, struct skf_digest_memo *memo,
                          char out[SKF_SHA256_HEX], struct skf_err *err)
{
    skf_autofree char *chunk = skf_xmalloc(CHUNK);
    char text[SKF_DIGEST_TEXT];
    struct skf_sha256 all;
    size_t n = 0;
    int rc = 0;
    /* The bytes of a JSON array of texts and a line end. */
    skf_sha256_init(&all);
    for (size_t i = 0; rc == 0 && i < files->n; i++) {
        char one[SKF_MD5_HEX];
        bool gone;
        if (stop && stop(data))
            rc = skf_err_set(err, SKF_ECANCELED, "cancelled");
        else
            rc = digest_file(files->v[i], dir, modes, memo, chunk, one, &gone, err);
        if (rc < 0 || gone)
            continue;
        skf_sha256_add(&all, n++ ? ",\"" : "[\"", 2);
        skf_sha256_add(&all, one, sizeof one - 1);
        skf_sha256_add(&all, "\"", 1);
    }
    if (rc < 0) {
        skf_sha256_release(&all);
        return rc;
    }
    if (!n)
        skf_sha256_add(&all, "null", 4); /* what Go makes of a list that nothing was put in */
    else
        skf_sha256_add(&all, "]", 1);
    skf_sha256_add(&all, "\n", 1);
    skf_sha256_end(&all, text);
    memcpy(out, skf_digest_hex(text), SKF_SHA256_HEX);
    return 0;
}

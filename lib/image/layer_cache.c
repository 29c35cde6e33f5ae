#include "lib/image/layer_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/base/vec.h"
#include "lib/io/file.h"

enum { LEFT_BEHIND_S = 24 * 3600, HEX = 64 };

static char *path_of(const char *dir, const char *digest)
{
    return skf_xasprintf("%s/layers/%s", dir, skf_digest_hex(digest));
}

int skf_layer_cache_open(const char *dir, const char *digest, int64_t size)
{
    struct stat st;
    if (!dir)
        return -1;
    skf_autofree char *path = path_of(dir, digest);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size) {
        futimens(fd, NULL); /* by its age it is found when room is needed */
        return fd;
    }
    close(fd);
    return -1;
}

void skf_layer_cache_drop(const char *dir, const char *digest)
{
    skf_autofree char *path = path_of(dir, digest);
    skf_log_debug("cache: '%s' is damaged; reading it again from the registry", path);
    unlink(path);
}

int skf_layer_cache_new(const char *dir, const char *digest, char **path)
{
    struct skf_err why = SKF_ERR_INIT;
    if (!dir)
        return -1;
    skf_autofree char *folder = skf_path_join(dir, "layers");
    skf_autofree char *temp = skf_xasprintf("%s/%.16s.XXXXXX", folder, skf_digest_hex(digest));
    int fd = -1;
    if (skf_file_mkdirs(folder, 0700, &why) == 0) {
        fd = mkostemp(temp, O_CLOEXEC);
        if (fd < 0)
            skf_err_errno(&why, errno, "cannot write '%s'", folder);
    }
    if (fd < 0)
        skf_log_debug("cache: %s", why.msg);
    else
        *path = skf_take(&temp);
    return fd;
}

void skf_layer_cache_keep(const char *dir, const char *path, const char *digest)
{
    skf_autofree char *name = path_of(dir, digest);
    if (rename(path, name) == 0)
        return;
    skf_log_debug("cache: cannot rename '%s'", path);
    unlink(path);
}

/* --- making room ------------------------------------------------------------------------------ */

struct kept {
    char *path;
    struct timespec used;
    int64_t size;
};

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct kept *)a)->used,
                          *y = &((const struct kept *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static void prune(const char *folder, int64_t limit)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    SKF_VEC(struct kept) files = { 0 };
    int64_t total = 0;
    if (skf_file_list(folder, &names, &why) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        char *path = skf_path_join(folder, names.v[i]);
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || names.v[i][0] == '.') {
            free(path);
        } else if (strlen(names.v[i]) != HEX) {
            if (skf_clock_wall_ms() / 1000 - st.st_mtime > LEFT_BEHIND_S)
                unlink(path);
            free(path);
        } else {
            total += st.st_size;
            skf_vec_push(&files, (struct kept){ path, st.st_mtim, st.st_size });
        }
    }
    if (files.n)
        qsort(files.v, files.n, sizeof *files.v, by_age);
    for (size_t i = 0; i < files.n; i++) {
        if (total > limit && unlink(files.v[i].path) == 0) {
            total -= files.v[i].size;
            skf_log_debug("cache: removed '%s' to make room", files.v[i].path);
        }
        free(files.v[i].path);
    }
    skf_vec_release(&files);
}

void skf_layer_cache_prune(const char *dir, int64_t limit)
{
    struct skf_err why = SKF_ERR_INIT;
    bool busy;
    skf_autofree char *folder = skf_path_join(dir, "layers");
    skf_autofree char *lock_path = skf_path_join(folder, ".lock");
    int lock = skf_file_is_dir(folder) ? skf_lock_try(lock_path, &busy, &why) : -1;
    if (lock < 0)
        return; /* somebody else is at it */
    prune(folder, limit);
    skf_lock_release(lock);
}

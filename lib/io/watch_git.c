/* While git rewrites a working tree it holds index.lock; what changes meanwhile is told in one go.
 */
#include "lib/io/watch_private.h"

#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

/* The lock of the repository whose top `dir` is, or NULL: ".git" is a directory, or in a linked
 * worktree a file that says where it is. */
static char *lock_of(const char *dir)
{
    skf_autofree char *git = skf_path_join(dir, ".git");
    struct stat st;
    if (stat(git, &st) != 0)
        return NULL;
    if (S_ISDIR(st.st_mode))
        return skf_path_join(git, "index.lock");
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (!S_ISREG(st.st_mode) || skf_file_read(git, 4096, &text, &err) != 0)
        return NULL;
    skf_buf_trim(&text);
    if (strncmp(text.data, "gitdir: ", 8) != 0)
        return NULL;
    skf_autofree char *where = skf_path_abs(dir, text.data + 8);
    return skf_path_join(where, "index.lock");
}

/* "" when the directory is in no repository. Kept for one round only. */
static const char *find_lock(struct skf_watch *w, const char *dir)
{
    const char *known = skf_map_get(&w->git_seen, dir);
    if (known)
        return known;
    char *lock = lock_of(dir);
    if (!lock && strcmp(dir, "/") != 0) {
        skf_autofree char *up = skf_path_dir(dir);
        lock = skf_xstrdup(find_lock(w, up));
    }
    if (!lock)
        lock = skf_xstrdup("");
    skf_map_put(&w->git_seen, dir, lock);
    return lock;
}

bool skf_wgit_locked(struct skf_watch *w, const char *path, int64_t first_ms)
{
    skf_autofree char *dir = skf_path_dir(path);
    const char *lock = find_lock(w, dir);
    struct stat st;
    if (!lock[0] || lstat(lock, &st) != 0)
        return false;
    /* A lock that a killed git left behind must not delay every save. */
    int64_t age_ms = skf_clock_wall_ms() - (int64_t)st.st_ctim.tv_sec * 1000;
    if (age_ms > GIT_HOLD_MS + 1000)
        return false;
    return skf_wsettle_now() < first_ms + GIT_HOLD_MS;
}

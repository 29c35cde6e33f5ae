/* lib/io/watch.h: tells when files change. Watches directories, decides by content: an event names
 * a path, and a hash says whether it really changed, so that touch, chmod and writing the same
 * bytes are silent, and atomic saves, renames and re-created trees are not. Owners, time stamps and
 * permissions are not content, but for one: whether its owner may execute a file.
 *
 * What is watched is a set of absolute paths: files (that may not exist yet) and trees. The set may
 * be replaced at any time; paths that stay keep their state, so nothing between is lost.
 *
 * on_change is called from the loop, after a quiet window that starts short and grows with a burst,
 * with the paths whose content differs from what was last reported, sorted by path. The window: 10
 * ms after one save, up to 50 ms in a burst, at most 500 ms for writers that never pause. A file
 * that is still open for writing waits for its close, at most 50 ms after its last write. A file
 * that has become empty or has gone waits a little longer (100 and 50 ms): many writers truncate,
 * or delete, first. While git holds index.lock of a repository, changes in it wait, at most 5 s.
 *
 * Hashes: sets of up to 2000 files and 64 MB are hashed when they become current, in pool work. In
 * a larger set a file has a hash only from its first change on; until then the same bytes written
 * again count as a change, and touch and chmod do not. Files over 256 MB are judged by stat alone.
 *
 * Links are followed to what they point at, and that is watched too. In a tree, a linked directory
 * is entered unless it leads back into the tree or to a directory it lies in.
 *
 * A rescan (asked for, after an overflow or a suspend) stats all files on the loop: about 2 us
 * each.
 *
 * Where the kernel cannot tell (network file systems, watch limit reached) directories are polled,
 * and on_trouble says so. No timer runs while nothing is pending and nothing is polled. */
#ifndef SKF_IO_WATCH_H
#define SKF_IO_WATCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

enum {
    SKF_WATCH_MAX_PATHS = 2 * 1000 * 1000
}; /* files and directories of a set; more are left out */

struct skf_watch;

struct skf_watch_change {
    const char *path; /* absolute; valid during the callback */
    bool gone;        /* the file is not there any more */
    void *owner;      /* as given with the path; a path of several owners comes once for each */
};

/* May call any function here, skf_watch_free too. */
typedef void skf_watch_fn(void *data, const struct skf_watch_change *changes, size_t n);

enum skf_watch_trouble {
    SKF_WATCH_LIMIT,      /* fewer watches allowed than needed: the rest is polled */
    SKF_WATCH_UNREADABLE, /* a directory cannot be read; the rest is watched */
    SKF_WATCH_POLLED,     /* on a file system that does not tell: polled */
    SKF_WATCH_OVERFLOW,   /* the kernel dropped events: all was checked again */
    SKF_WATCH_CLOCK,      /* after a suspend or a clock jump all was checked again */
    SKF_WATCH_TOO_MANY,   /* SKF_WATCH_MAX_PATHS */
};
/* A calm line for the user; each cause is named once. */
typedef void skf_watch_trouble_fn(void *data, enum skf_watch_trouble what, const char *text);

struct skf_watch *skf_watch_new(uv_loop_t *loop, skf_watch_fn *on_change, void *data);
/* Its handles close on the loop; no callback comes after the call. */
void skf_watch_free(struct skf_watch *w);
/* Called from the loop. What skf_watch_commit puts into `err` is not told again here. */
void skf_watch_on_trouble(struct skf_watch *w, skf_watch_trouble_fn *fn, void *data);

/* Builds the next set: begin, add ..., commit. */
void skf_watch_begin(struct skf_watch *w);
/* One file, present or not. */
void skf_watch_add_file(struct skf_watch *w, const char *path, void *owner);
/* Files directly in `dir` whose name matches the glob (NULL = all): new ones count as changes. */
void skf_watch_add_dir(struct skf_watch *w, const char *dir, const char *name_glob, void *owner);
/* All files below `dir`, new directories too; ".git" is left out. */
void skf_watch_add_tree(struct skf_watch *w, const char *dir, void *owner);
/* As add_tree, and `skip` says what to leave out (".git" too then): asked with absolute paths, for
 * a directory before anything in it, which is neither watched nor read when skipped. `skip_data`
 * must live until the next commit has returned, or skf_watch_free. Same answer for the same path.
 */
typedef bool skf_watch_skip_fn(void *skip_data, const char *path, bool is_dir);
void skf_watch_add_tree_except(struct skf_watch *w, const char *dir, skf_watch_skip_fn *skip,
                               void *skip_data, void *owner);
/* For the set being built: files new to it that were written after this moment (skf_clock_wall_ms)
 * are reported as changed. Take the moment before listing what a build reads, and nothing is lost
 * between. */
void skf_watch_since(struct skf_watch *w, int64_t wall_ms);
/* Makes the set current. Files that are new to the set are remembered as they are now and not
 * reported. A directory that cannot be watched (limit, unreadable) is named in `err`, and the rest
 * is watched: -code then, once for each directory. */
int skf_watch_commit(struct skf_watch *w, struct skf_err *err);
/* As if the kernel had said "anything may have changed": checks all by content. */
void skf_watch_rescan(struct skf_watch *w);
/* Is there anything that has been written and not been judged yet? What the kernel has to tell is
 * read first. (Of what is polled nobody knows.) */
bool skf_watch_pending(struct skf_watch *w);
/* The content of these paths is known to be what we last wrote ourselves: not a change. For a
 * directory: all that is known below it. */
void skf_watch_forget(struct skf_watch *w, const char *path);
/* Polls everything below `dir` instead of trusting the kernel (a mount that detection does not
 * know). Call before commit. interval_ms is for all that is polled; 0 keeps it (1000). */
void skf_watch_poll_below(struct skf_watch *w, const char *dir, unsigned interval_ms);

/* For tests and doctor. Directories whose entries are watched or polled; files that are there. */
size_t skf_watch_dir_count(const struct skf_watch *w);
size_t skf_watch_file_count(const struct skf_watch *w);
size_t skf_watch_polled_count(const struct skf_watch *w);
#endif

/* lib/io/file.h: files, whole. These calls block: use them at start-up, in pool work, or for small
 * local files whose size is capped. */
#ifndef SKF_IO_FILE_H
#define SKF_IO_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

/* Replaces the content of `out` with all of `path`. More than `max` bytes: SKF_ETOOBIG. A directory
 * or fifo is refused. On failure `out` is as it was. */
int skf_file_read(const char *path, size_t max, struct skf_buf *out, struct skf_err *err);
/* Same, from a descriptor up to its end (stdin). */
int skf_file_read_fd(int fd, size_t max, struct skf_buf *out, struct skf_err *err);
/* Writes beside and renames over: readers see the old or the new content, never a part. */
int skf_file_write_atomic(const char *path, mode_t mode, const void *data, size_t len,
                          struct skf_err *err);
/* All of the bytes, through short writes and EINTR. */
int skf_file_write_all(int fd, const void *data, size_t len, struct skf_err *err);
/* mkdir -p; existing directories are fine. */
int skf_file_mkdirs(const char *path, mode_t mode, struct skf_err *err);
/* rm -rf; does not follow symbolic links; missing is fine. */
int skf_file_remove_tree(const char *path, struct skf_err *err);
/* A new private directory (0700) below $TMPDIR or /tmp; owned path. */
char *skf_file_temp_dir(const char *prefix, struct skf_err *err);
/* An unlinked file there: nobody else sees it, and it goes with its descriptor. A descriptor >= 0,
 * or -code. */
int skf_file_temp(struct skf_err *err);
bool skf_file_exists(const char *path);
bool skf_file_is_dir(const char *path);
/* SHA-256 of the content; *size may be NULL. */
int skf_file_digest(const char *path, char out[SKF_DIGEST_TEXT], int64_t *size,
                    struct skf_err *err);
/* Names in a directory, bytewise sorted, without "." and "..". */
int skf_file_list(const char *path, struct skf_strv *out, struct skf_err *err);
/* Files matching doublestar globs relative to `root` (absolute); results are relative, sorted,
 * unique. Directories are not results. Symbolic links to files are; linked directories are not
 * entered. A pattern without glob characters that names a directory gives all files below it. */
int skf_file_glob(const char *root, const char *pattern, struct skf_strv *out, struct skf_err *err);

/* skiff's own folders, created 0700 when missing; owned: $XDG_CACHE_HOME/skiff (~/.cache/skiff) ...
 */
char *skf_dir_cache(struct skf_err *err);
char *skf_dir_state(struct skf_err *err);
char *skf_dir_config(struct skf_err *err);

/* An advisory lock on a file (created 0600). Blocks. The lock ends with skf_lock_release or the
 * process. Returns a descriptor >= 0, or -code. */
int skf_lock_take(const char *path, struct skf_err *err);
/* As take, but *busy = true and -1 when somebody else holds it. */
int skf_lock_try(const char *path, bool *busy, struct skf_err *err);
void skf_lock_release(int fd);
#endif

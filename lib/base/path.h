/* lib/base/path.h: file names as text. Nothing here touches the file system but skf_path_abs
 * (working directory). All results are owned by the caller. */
#ifndef SKF_BASE_PATH_H
#define SKF_BASE_PATH_H
#include <stdbool.h>

bool skf_path_is_abs(const char *path);
/* a + "/" + b, cleaned; b alone when b is absolute or a is empty. */
char *skf_path_join(const char *a, const char *b);
/* Removes "//", "." and inner ".."; "" becomes ".". Lexical, as Go's filepath.Clean. */
char *skf_path_clean(const char *path);
/* Absolute and clean, relative to `base` (NULL: the working directory). */
char *skf_path_abs(const char *base, const char *path);
/* "/a/b" -> "/a", "a" -> ".". */
char *skf_path_dir(const char *path);
/* Last element; points into `path`, which has no trailing slash. */
const char *skf_path_base(const char *path);
/* Is `path` the folder `dir` itself or below it? Both absolute and clean. */
bool skf_path_within(const char *dir, const char *path);
/* Is one of its elements `name`? */
bool skf_path_has(const char *path, const char *name);
/* `path` relative to `dir`, both absolute and clean; uses ".." where it must. */
char *skf_path_rel(const char *dir, const char *path);
/* With the home directory shortened to "~" and the working directory to "."; for people. */
char *skf_path_show(const char *path);
/* ".yaml" or "" ; points into `path`. */
const char *skf_path_ext(const char *path);
#endif

/* lib/base/glob.h: doublestar globs on relative paths, as skaffold.yaml uses them. */
#ifndef SKF_BASE_GLOB_H
#define SKF_BASE_GLOB_H
#include <stdbool.h>

/* "*" and "?" stay within a path element, "**" as a whole element spans any number of them (also
 * none), [a-z] [^a-z] [!a-z] classes, {a,b} alternatives, backslash escapes. A
 * pattern of 4096 bytes or more matches nothing. */
bool skf_glob_match(const char *pattern, const char *path);
/* Does the text hold any of * ? [ { ? */
bool skf_glob_has_meta(const char *text);
#endif

/* lib/image/memo.h: small lists of lines kept in the user's cache, a file for each (kind, target).
 * Only hints: what they say may have become wrong, and then the long way is taken. Read and written
 * whole; the last writer wins. A line is known by its first word.
 *
 * "sent", NODE OR ENGINE:  a digest a line: what it has got from us.
 * "homes", REGISTRY:       "DIGEST REPOSITORY": from where a layer can be mounted. */
#ifndef SKF_IMAGE_MEMO_H
#define SKF_IMAGE_MEMO_H
#include "lib/base/vec.h"

/* Appends the lines that begin with a digest, oldest first. */
void skf_memo_load(const char *kind, const char *target, struct skf_strv *lines);
/* Adds what is new (moves what is not to the end); keeps the newest few hundred. */
void skf_memo_add(const char *kind, const char *target, const struct skf_strv *lines);
void skf_memo_forget(const char *kind, const char *target);
#endif

/* builders/ko/seen.h: what the files that a build reads looked like at one moment. Two of these
 * tell whether anything has changed between; the one of the last build is kept for the next
 * process.
 *
 * A file is the same when the kernel says so (device, inode, size, time of change), and when it
 * does not, by its content. The time of change cannot be set back by anybody, but it has grains: a
 * file changed within the last one is looked at again each time. */
#ifndef SKF_BUILDERS_KO_SEEN_H
#define SKF_BUILDERS_KO_SEEN_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/engine/builder.h"

struct skf_ko_seen_file {
    char *path; /* owned */
    /* 'f' a file, 'd' names in a directory, 'l' where a symbolic link leads, '-' not there */
    char kind;
    bool fresh; /* changed just before it was seen */
    int64_t dev, ino, size, mtime_ns, ctime_ns;
    char digest[SKF_DIGEST_TEXT]; /* of content, names, target; "" = too large, or not asked for */
};
struct skf_ko_seen {
    SKF_VEC(struct skf_ko_seen_file) files;
    bool whole; /* false: more than we care to look at, never the same as another */
};

/* Looks at the files, directories and trees of `in`, and at `more` (may be NULL) beside. Only
 * fresh files are read. Blocks: pool work; `stopped` (may be NULL) is asked now and then. */
void skf_ko_seen_take(const struct skf_inputs *in, const struct skf_strv *more,
                      bool (*stopped)(void *), void *arg, struct skf_ko_seen *out);
/* Reads all small files, so that a later look can go by their content; `known` spares those it has
 * seen. Blocks. */
void skf_ko_seen_read(struct skf_ko_seen *s, const struct skf_ko_seen *known);
/* Nothing has changed from `before` to `now`. Reads files where times tell nothing: blocks. */
bool skf_ko_seen_same(const struct skf_ko_seen *before, const struct skf_ko_seen *now);
/* Nothing can have changed while a build ran that began behind `before` and ended before `after`.
 */
bool skf_ko_seen_stable(const struct skf_ko_seen *before, const struct skf_ko_seen *after);
void skf_ko_seen_release(struct skf_ko_seen *s);

json_t *skf_ko_seen_to_json(const struct skf_ko_seen *s);
/* false: damaged; `out` is empty then. */
bool skf_ko_seen_from_json(const json_t *doc, struct skf_ko_seen *out);
#endif

/* lib/engine/inputs.h: what a builder's list of inputs (struct skf_inputs) means: which files it
 * names now, and why a path belongs to it. The watcher follows the same rules. */
#ifndef SKF_ENGINE_INPUTS_H
#define SKF_ENGINE_INPUTS_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/engine/builder.h"

/* Most files that are listed or hashed for one artifact. */
enum { SKF_INPUTS_MAX_FILES = 500 * 1000 };

/* The regular files that are there now: absolute, sorted, unique. Links are followed; a directory
 * that leads back to one it lies in is not entered; what cannot be read is left out, as it would
 * be for a build. Blocks: pool work. `stop` (may be NULL) is asked now and then; true ends it with
 * SKF_ECANCELED. More than SKF_INPUTS_MAX_FILES: SKF_ETOOBIG. */
int skf_inputs_list(const struct skf_inputs *in, bool (*stop)(void *data), void *data,
                    struct skf_strv *out, struct skf_err *err);
/* Does a change of this absolute, clean path count? Then `rule` (may be NULL) gets the reason for
 * people: "named as a file", "'*.go' in DIR", "below DIR". Else it gets why not, where a rule says
 * so ("ignored below DIR"), or stays as it is. */
bool skf_inputs_match(const struct skf_inputs *in, const char *path, struct skf_buf *rule);
#endif

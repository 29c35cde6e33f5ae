/* lib/engine/inputdigest.h: one digest of the contents of files: what the tag policy inputDigest
 * gives, and what tells whether an artifact was built from the same sources before. */
#ifndef SKF_ENGINE_INPUTDIGEST_H
#define SKF_ENGINE_INPUTDIGEST_H
#include <stdbool.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

/* Hex of the SHA-256 over one entry a file, in the order given: its path relative to `dir` and its
 * content (skaffold-behaviour.md 4.4); with `modes` also whether it can be executed, which changes
 * an image and not a tag. `files`: absolute, sorted (skf_inputs_list); one that is gone is left
 * out, as if it had not been listed. Blocks: pool work. `stop` as in skf_inputs_list. */
int skf_input_digest(const struct skf_strv *files, const char *dir, bool modes,
                     bool (*stop)(void *data), void *data, char out[SKF_SHA256_HEX],
                     struct skf_err *err);
#endif

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

/* What a file's content was, as long as stat says that it is the same file with the same stamps.
 * One thread at a time. */
struct skf_digest_memo;
struct skf_digest_memo *skf_digest_memo_new(void);
void skf_digest_memo_free(struct skf_digest_memo *m); /* NULL is fine */
size_t skf_digest_memo_count(const struct skf_digest_memo *m);
/* The same; files that the memo knows are not read again. `memo` may be NULL. */
int skf_input_digest_memo(const struct skf_strv *files, const char *dir, bool modes,
                          bool (*stop)(void *data), void *data, struct skf_digest_memo *memo,
                          char out[SKF_SHA256_HEX], struct skf_err *err);
#endif

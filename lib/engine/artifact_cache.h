/* lib/engine/artifact_cache.h: what was built of which contents, kept over restarts in the user's
 * cache folder and shared by every skiff of the user.
 *
 * One small file a KEY (builder, options, platforms, target, environment: all that is known without
 * looking at sources), with the last few results: the list of inputs as the builder gave it, the
 * digest of their contents, and what was built. So whether nothing has changed is known without
 * asking the builder, which for Go means without starting Go: as long as the files that decide the
 * list are the same, so is the list.
 *
 * Files are written beside and renamed, under a lock; one that cannot be read is as good as none.
 * Whether the target still has the image is artifact_check.h's to say. All of this blocks. */
#ifndef SKF_ENGINE_ARTIFACT_CACHE_H
#define SKF_ENGINE_ARTIFACT_CACHE_H
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/engine/builder.h"
#include "lib/engine/inputdigest.h"

struct skf_artifact_result {
    struct skf_inputs inputs; /* empty when `ask` */
    bool ask;                 /* the list cannot be kept (it skips by rules): ask the builder */
    char sources[SKF_SHA256_HEX];
    char *required;          /* digests of what it requires, as text */
    char *deployed, *digest; /* as of struct skf_build */
};
void skf_artifact_result_release(struct skf_artifact_result *r);

/* A question; all borrowed. */
struct skf_artifact_question {
    const char *cache_dir, *key;
    const char *dir; /* of the artifact */
    const char *required;
    const struct skf_inputs *known; /* as the builder gave them just now, or NULL */
    struct skf_digest_memo *memo;   /* or NULL */
    bool (*stop)(void *data);
    void *data;
};
enum skf_artifact_answer { SKF_ARTIFACT_NEW, SKF_ARTIFACT_KNOWN, SKF_ARTIFACT_ASK };
/* KNOWN: *out is filled. ASK: there are results whose inputs only the builder can list. */
enum skf_artifact_answer skf_artifact_cache_find(const struct skf_artifact_question *q,
                                                 struct skf_artifact_result *out);

/* Remembers a result that was made of `known` by a build that began at `began_wall_ms`; when any of
 * them has been written since, the result may be of older contents, and is not remembered. */
void skf_artifact_cache_put(const struct skf_artifact_question *q, int64_t began_wall_ms,
                            const char *deployed, const char *digest);
#endif

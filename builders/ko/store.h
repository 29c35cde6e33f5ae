/* builders/ko/store.h: what one process leaves for the next: JSON documents in the user's cache, by
 * a key. Written beside and renamed, with a digest of their own: several skiffs may write the same
 * one, and a damaged one is none. What cannot be written only costs time later. Blocks: pool work.
 */
#ifndef SKF_BUILDERS_KO_STORE_H
#define SKF_BUILDERS_KO_STORE_H
#include <jansson.h>

#include "lib/base/digest.h"

/* NULL: nothing there that is good. Owned. */
json_t *skf_ko_store_load(const char *cache_dir, const char *key);
/* Takes over doc. */
void skf_ko_store_save(const char *cache_dir, const char *key, json_t *doc);
/* Removes what was not used for `max_age_s`. */
void skf_ko_store_clean(const char *cache_dir, long long max_age_s);
#endif

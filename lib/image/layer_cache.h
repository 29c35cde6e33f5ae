/* lib/image/layer_cache.h: layers of base images in the user's cache, by digest, up to a limit; the
 * least recently used go first. Files are written beside and renamed, and checked when they are
 * used: several skiffs share the folder, and one that is removed stays readable to those who have
 * it open. Failures only cost time later: they go to the debug log. */
#ifndef SKF_IMAGE_LAYER_CACHE_H
#define SKF_IMAGE_LAYER_CACHE_H
#include <stdint.h>

/* `dir` may be NULL everywhere: nothing is there, nothing can be written. */

/* A file of that size under this digest, not checked yet: a descriptor, or -1. It counts as used.
 */
int skf_layer_cache_open(const char *dir, const char *digest, int64_t size);
/* It turned out to be damaged. */
void skf_layer_cache_drop(const char *dir, const char *digest);
/* An empty file for a layer that is on its way: a descriptor and its path (owned), or -1. */
int skf_layer_cache_new(const char *dir, const char *digest, char **path);
/* It is complete and checked: it gets its name. */
void skf_layer_cache_keep(const char *dir, const char *path, const char *digest);
/* Removes the least recently used until no more than `limit` bytes are left, and what others left
 * behind half-written a day ago. Blocks: pool work. */
void skf_layer_cache_prune(const char *dir, int64_t limit);
#endif

/* lib/image/cache.h: documents of base images by digest, and what digest a tag had. Small files,
 * written beside and renamed, checked when read: several skiffs share the folder. Failures to write
 * only cost time later, so they go to the debug log. */
#ifndef SKF_IMAGE_CACHE_H
#define SKF_IMAGE_CACHE_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"

/* dir may be NULL: nothing is there. */
bool skf_cache_get(const char *dir, const char *digest, size_t max, struct skf_buf *out);
void skf_cache_put(const char *dir, const char *digest, const void *data, size_t len);
/* *old: the registry should be asked again, when it can be. */
bool skf_cache_pin(const char *dir, const char *reference, char digest[SKF_DIGEST_TEXT], bool *old);
void skf_cache_set_pin(const char *dir, const char *reference, const char *digest);
#endif

/* lib/base/suggest.h: "did you mean". */
#ifndef SKF_BASE_SUGGEST_H
#define SKF_BASE_SUGGEST_H
#include <stddef.h>

/* The candidate nearest to `word` by edits (a swap counts as one), or NULL when none is near enough
 * to be a typo. Borrowed from `candidates`. */
const char *skf_suggest(const char *word, const char *const *candidates, size_t n);
#endif

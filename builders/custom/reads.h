/* builders/custom/reads.h: which files `dependencies.paths` and `ignore` mean, asked for each path,
 * so that what appears later is judged too. */
#ifndef SKF_BUILDERS_CUSTOM_READS_H
#define SKF_BUILDERS_CUSTOM_READS_H
#include "lib/engine/builder.h"

/* Fills files, trees and skips of an empty list. dir: the context, absolute. Looks at the disk. */
void skf_custom_reads(const char *dir, const struct skf_strings *paths,
                      const struct skf_strings *ignore, struct skf_inputs *in);
#endif

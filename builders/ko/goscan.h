/* builders/ko/goscan.h: the part of a Go file that decides what a build reads: package clause,
 * imports, build constraints and //go: directives. A save that leaves it alone cannot change the
 * list of inputs, so Go need not be asked again. */
#ifndef SKF_BUILDERS_KO_GOSCAN_H
#define SKF_BUILDERS_KO_GOSCAN_H
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"

/* Appends that part of `text` to `out`. Any bytes are fine; broken code gives what can be
 * recognised. */
void skf_goscan(const char *text, size_t len, struct skf_buf *out);
/* Adds the names and that part of all Go files of a directory (no tests, no "_x.go", no ".x.go").
 * A directory that is not there adds nothing. Raises *newest_us (may be NULL) to the latest time of
 * change of such a file. Blocks. */
void skf_goscan_dir(const char *dir, struct skf_sha256 *h, int64_t *newest_us);
/* Adds what stat says of a file, or that it is not there. Blocks. */
void skf_goscan_stat(const char *path, struct skf_sha256 *h);
/* A Go file that a build may read, by its name? */
bool skf_goscan_is_source(const char *name);
#endif

/* lib/image/gzip.h: compresses a stream into an unlinked temporary file and hashes what comes out,
 * so that a layer of any size takes no memory. Blocks: pool work. */
#ifndef SKF_IMAGE_GZIP_H
#define SKF_IMAGE_GZIP_H
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/image/blob.h"

struct skf_gzip;
struct skf_gzip *skf_gzip_new(struct skf_err *err);
void skf_gzip_free(struct skf_gzip *gz);
int skf_gzip_add(struct skf_gzip *gz, const void *data, size_t len, struct skf_err *err);
/* diff_id: digest of what was added. */
struct skf_blob *skf_gzip_finish(struct skf_gzip *gz, const char *diff_id, const char *media_type,
                                 struct skf_err *err);
/* An unlinked file in $TMPDIR or /tmp; a descriptor >= 0, or -code. */
int skf_temp_file(struct skf_err *err);
#endif

/* lib/image/pack.h: compresses a stream into an unlinked temporary file and hashes what comes out,
 * so that a layer of any size takes no memory. The stream is cut into chunks of one size, which
 * some threads compress at a time, each to a gzip member or zstd frame of its own: the bytes do not
 * depend on how many threads there are. Blocks: pool work. */
#ifndef SKF_IMAGE_PACK_H
#define SKF_IMAGE_PACK_H
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/image/blob.h"
#include "lib/image/layer.h"

struct skf_pack;
/* how: SKF_LAYER_GZIP or SKF_LAYER_ZSTD. */
struct skf_pack *skf_pack_new(enum skf_compression how, struct skf_err *err);
void skf_pack_free(struct skf_pack *p);
int skf_pack_add(struct skf_pack *p, const void *data, size_t len, struct skf_err *err);
/* diff_id: digest of what was added. */
struct skf_blob *skf_pack_finish(struct skf_pack *p, const char *diff_id, const char *media_type,
                                 struct skf_err *err);
#endif

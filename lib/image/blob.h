/* lib/image/blob.h: bytes with a digest that need not be in memory. A blob is a list of pieces:
 * bytes held here, or a range of an open file. A layer of a 300 MB binary is a 1.5 KB header, the
 * file, and padding: nothing is copied. */
#ifndef SKF_IMAGE_BLOB_H
#define SKF_IMAGE_BLOB_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"

struct skf_blob_piece {
    char *bytes;    /* owned; NULL = a file range */
    int fd;         /* owned by the blob (dup), -1 for bytes */
    int64_t offset; /* in the file */
    int64_t size;
};

/* Reference-counted: an image, an upload and a cache may hold one. Not for several threads at once,
 * but for skf_blob_read, which is. */
struct skf_blob {
    int refs;
    char digest[SKF_DIGEST_TEXT];
    int64_t size;
    char media_type[96];
    struct skf_blob_piece *pieces; /* none: the content is elsewhere (see remote_*) */
    size_t n_pieces;
    /* Where the content can be had when it is not here: a repository and the same digest. */
    char *remote_repository; /* "docker.io/library/alpine"; NULL = unknown */
    bool remote_insecure;
};

struct skf_blob *skf_blob_new_bytes(const void *data, size_t len, const char *media_type);
/* Content known to be elsewhere only. */
struct skf_blob *skf_blob_new_remote(const char *digest, int64_t size, const char *media_type,
                                     const char *repository, bool insecure);
struct skf_blob *skf_blob_ref(struct skf_blob *b);
void skf_blob_unref(struct skf_blob *b);
bool skf_blob_is_local(const struct skf_blob *b);
/* Reads up to len bytes at `offset` of the blob; 0 at the end, -1 on error (errno). Blocks. */
ssize_t skf_blob_read(const struct skf_blob *b, int64_t offset, void *to, size_t len);
#endif

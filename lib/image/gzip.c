#include "lib/image/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/io/file.h"

enum { OUT_SIZE = 64 * 1024, WINDOW_GZIP = 15 + 16 };

/* The layer of three empty directories is in every image that ko ever made, compressed by Go's
 * encoder. With these very bytes a registry that has seen one has ours too. */
static const char empty_kodata_diff_id[] =
    "sha256:ffe56a1c5f3878e9b5f803842adb9e2ce81584b6bd027e8599582aefe14a975b";
static const unsigned char empty_kodata[127] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0xff, 0xec, 0xd1, 0x41, 0x0a, 0x84, 0x30,
    0x0c, 0x85, 0xe1, 0x1c, 0x65, 0x6e, 0xd0, 0xd7, 0x91, 0x90, 0xf3, 0x74, 0x2d, 0x28, 0x54, 0xeb,
    0xf9, 0x25, 0x81, 0x82, 0xb8, 0x2b, 0x12, 0x41, 0xc8, 0xb7, 0x09, 0xba, 0x69, 0xda, 0x3f, 0x1d,
    0xa5, 0x92, 0x33, 0x00, 0x60, 0x66, 0x9b, 0x00, 0xee, 0x53, 0xf5, 0x7f, 0x8a, 0x00, 0x11, 0x99,
    0xe8, 0xc7, 0xce, 0x7b, 0x99, 0xb6, 0xed, 0xa5, 0x12, 0x60, 0x1f, 0x0f, 0xe8, 0xe6, 0xd7, 0xcb,
    0x7d, 0x84, 0xf6, 0x4f, 0xb5, 0x2d, 0x9e, 0xeb, 0xea, 0xbb, 0x0c, 0xf5, 0xcf, 0x60, 0x91, 0xe8,
    0xff, 0x86, 0xde, 0x3f, 0xcd, 0xab, 0xdb, 0x71, 0xe3, 0xfd, 0xf3, 0x3f, 0x23, 0xfa, 0x87, 0x10,
    0x82, 0xa7, 0x33, 0x00, 0x00, 0xff, 0xff, 0xe3, 0x37, 0xa8, 0x7f, 0x00, 0x0a, 0x00, 0x00,
};

struct skf_gzip {
    z_stream z;
    int fd;
    int64_t size;
    struct skf_sha256 hash;
    unsigned char out[OUT_SIZE];
};

int skf_temp_file(struct skf_err *err)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Some file systems (overlay of old kernels, NFS) have no O_TMPFILE. */
    skf_autofree char *path = skf_xasprintf("%s/skiff-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot make a temporary file in '%s'", dir);
    unlink(path);
    return fd;
}

struct skf_gzip *skf_gzip_new(struct skf_err *err)
{
    int fd = skf_temp_file(err);
    if (fd < 0)
        return NULL;
    struct skf_gzip *gz = skf_xcalloc(1, sizeof *gz);
    gz->fd = fd;
    skf_sha256_init(&gz->hash);
    if (deflateInit2(&gz->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    return gz;
}

void skf_gzip_free(struct skf_gzip *gz)
{
    if (!gz)
        return;
    deflateEnd(&gz->z);
    skf_sha256_release(&gz->hash);
    if (gz->fd >= 0)
        close(gz->fd);
    free(gz);
}

static int run(struct skf_gzip *gz, int flush, struct skf_err *err)
{
    int rc;
    do {
        gz->z.next_out = gz->out;
        gz->z.avail_out = sizeof gz->out;
        rc = deflate(&gz->z, flush);
        size_t len = sizeof gz->out - gz->z.avail_out;
        skf_sha256_add(&gz->hash, gz->out, len);
        gz->size += (int64_t)len;
        if (len && skf_file_write_all(gz->fd, gz->out, len, err) < 0)
            return skf_err_wrap(err, "cannot write the compressed layer (TMPDIR may be full)");
    } while (gz->z.avail_out == 0 || (flush == Z_FINISH && rc != Z_STREAM_END));
    return 0;
}

int skf_gzip_add(struct skf_gzip *gz, const void *data, size_t len, struct skf_err *err)
{
    gz->z.next_in = (z_const Bytef *)(uintptr_t)data;
    gz->z.avail_in = (uInt)len;
    return run(gz, Z_NO_FLUSH, err);
}

struct skf_blob *skf_gzip_finish(struct skf_gzip *gz, const char *diff_id, const char *media_type,
                                 struct skf_err *err)
{
    if (strcmp(diff_id, empty_kodata_diff_id) == 0)
        return skf_blob_new_bytes(empty_kodata, sizeof empty_kodata, media_type);
    gz->z.next_in = NULL;
    gz->z.avail_in = 0;
    if (run(gz, Z_FINISH, err) < 0)
        return NULL;
    struct skf_blob *b = skf_xcalloc(1, sizeof *b);
    b->refs = 1;
    b->size = gz->size;
    snprintf(b->media_type, sizeof b->media_type, "%s", media_type);
    skf_sha256_end(&gz->hash, b->digest);
    b->pieces = skf_xcalloc(1, sizeof *b->pieces);
    b->n_pieces = 1;
    b->pieces[0] = (struct skf_blob_piece){ .fd = gz->fd, .size = gz->size };
    gz->fd = -1;
    return b;
}

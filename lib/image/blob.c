#include "lib/image/blob.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

static void set_type(struct skf_blob *b, const char *media_type)
{
    snprintf(b->media_type, sizeof b->media_type, "%s", media_type ? media_type : "");
}

struct skf_blob *skf_blob_new_bytes(const void *data, size_t len, const char *media_type)
{
    struct skf_blob *b = skf_xcalloc(1, sizeof *b);
    b->refs = 1;
    b->size = (int64_t)len;
    skf_digest_of(data, len, b->digest);
    set_type(b, media_type);
    b->pieces = skf_xcalloc(1, sizeof *b->pieces);
    b->n_pieces = 1;
    b->pieces[0].bytes = skf_xmalloc(len + 1); /* NUL behind: documents are also read as text */
    if (len)
        memcpy(b->pieces[0].bytes, data, len);
    b->pieces[0].bytes[len] = '\0';
    b->pieces[0].fd = -1;
    b->pieces[0].size = (int64_t)len;
    return b;
}

struct skf_blob *skf_blob_new_remote(const char *digest, int64_t size, const char *media_type,
                                     const char *repository, bool insecure)
{
    struct skf_blob *b = skf_xcalloc(1, sizeof *b);
    b->refs = 1;
    b->size = size;
    snprintf(b->digest, sizeof b->digest, "%s", digest);
    set_type(b, media_type);
    b->remote_repository = skf_xstrdup_null(repository);
    b->remote_insecure = insecure;
    return b;
}

struct skf_blob *skf_blob_ref(struct skf_blob *b)
{
    b->refs++;
    return b;
}

void skf_blob_unref(struct skf_blob *b)
{
    if (!b)
        return;
    assert(b->refs > 0);
    if (--b->refs)
        return;
    for (size_t i = 0; i < b->n_pieces; i++) {
        free(b->pieces[i].bytes);
        if (b->pieces[i].fd >= 0)
            close(b->pieces[i].fd);
    }
    free(b->pieces);
    free(b->remote_repository);
    free(b);
}

bool skf_blob_is_local(const struct skf_blob *b)
{
    return b->n_pieces > 0;
}

/* Reads from one piece; a file that ends early is an error: its size is part of the digest. */
static ssize_t read_piece(const struct skf_blob_piece *p, int64_t offset, void *to, size_t len)
{
    if (p->bytes) {
        memcpy(to, p->bytes + offset, len);
        return (ssize_t)len;
    }
    ssize_t n;
    do {
        n = pread(p->fd, to, len, p->offset + offset);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        errno = EIO;
        return -1;
    }
    return n;
}

ssize_t skf_blob_read(const struct skf_blob *b, int64_t offset, void *to, size_t len)
{
    size_t got = 0;
    int64_t start = 0;
    if (!b->n_pieces) {
        errno = ENODATA;
        return -1;
    }
    for (size_t i = 0; i < b->n_pieces && got < len; start += b->pieces[i].size, i++) {
        const struct skf_blob_piece *p = &b->pieces[i];
        while (got < len && offset >= start && offset < start + p->size) {
            int64_t left = start + p->size - offset;
            size_t want = len - got;
            if ((int64_t)want > left)
                want = (size_t)left;
            ssize_t n = read_piece(p, offset - start, (char *)to + got, want);
            if (n < 0)
                return got ? (ssize_t)got : -1;
            got += (size_t)n;
            offset += n;
        }
    }
    return (ssize_t)got;
}

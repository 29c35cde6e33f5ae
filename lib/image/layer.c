#include "lib/image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/vec.h"
#include "lib/image/pack.h"
#include "lib/io/ustar.h"

enum { READ_SIZE = 256 * 1024 };

struct source {
    char *name; /* for errors */
    size_t piece;
};

struct skf_layer {
    SKF_VEC(struct skf_blob_piece) pieces;
    SKF_VEC(struct source) sources; /* the pieces that are files */
    struct skf_buf tail;            /* bytes after the last file piece */
    unsigned uid, gid;
};

struct skf_layer *skf_layer_new(void)
{
    struct skf_layer *l = skf_xcalloc(1, sizeof *l);
    skf_buf_init(&l->tail);
    return l;
}

void skf_layer_free(struct skf_layer *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->pieces.n; i++) {
        free(l->pieces.v[i].bytes);
        if (l->pieces.v[i].fd >= 0)
            close(l->pieces.v[i].fd);
    }
    for (size_t i = 0; i < l->sources.n; i++)
        free(l->sources.v[i].name);
    skf_vec_release(&l->pieces);
    skf_vec_release(&l->sources);
    skf_buf_release(&l->tail);
    free(l);
}

void skf_layer_owner(struct skf_layer *l, unsigned uid, unsigned gid)
{
    l->uid = uid;
    l->gid = gid;
}

static void header(struct skf_layer *l, const char *name, char type, mode_t mode, int64_t mtime,
                   int64_t size, const char *link, const unsigned char *caps)
{
    skf_ustar_header(&l->tail, &(struct skf_ustar_entry){ .name = name,
                                                          .type = type,
                                                          .mode = mode,
                                                          .uid = l->uid,
                                                          .gid = l->gid,
                                                          .mtime = mtime,
                                                          .size = size,
                                                          .link = link,
                                                          .caps = caps });
}

static void pad(struct skf_layer *l, size_t len)
{
    static const char zero[2 * SKF_USTAR_BLOCK];
    skf_buf_add(&l->tail, zero, len);
}

static void flush_tail(struct skf_layer *l)
{
    if (!l->tail.len)
        return;
    int64_t size = (int64_t)l->tail.len;
    skf_vec_push(&l->pieces, (struct skf_blob_piece){
                                 .bytes = skf_buf_take(&l->tail), .fd = -1, .size = size });
}

void skf_layer_dir(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime)
{
    header(l, name, '5', mode, mtime, 0, NULL, NULL);
}

void skf_layer_symlink(struct skf_layer *l, const char *name, const char *to, int64_t mtime)
{
    header(l, name, '2', 0777, mtime, 0, to, NULL);
}

void skf_layer_bytes(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime,
                     const void *data, size_t len)
{
    header(l, name, '0', mode, mtime, (int64_t)len, NULL, NULL);
    skf_buf_add(&l->tail, data, len);
    pad(l, skf_ustar_padding((int64_t)len));
}

static int add_file(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime, int fd,
                    const unsigned char *caps, struct skf_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return skf_err_errno(err, errno, "cannot read '%s'", name);
    if (!S_ISREG(st.st_mode))
        return skf_err_set(err, SKF_EINVAL, "'%s' is not a regular file", name);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return skf_err_errno(err, errno, "cannot keep '%s' open", name);
    header(l, name, '0', mode, mtime, st.st_size, NULL, caps);
    flush_tail(l);
    skf_vec_push(&l->sources, (struct source){ skf_xstrdup(name), l->pieces.n });
    skf_vec_push(&l->pieces, (struct skf_blob_piece){ .fd = own, .size = st.st_size });
    pad(l, skf_ustar_padding(st.st_size));
    return 0;
}

int skf_layer_file(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime, int fd,
                   struct skf_err *err)
{
    return add_file(l, name, mode, mtime, fd, NULL, err);
}

int skf_layer_file_caps(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime, int fd,
                        const unsigned char caps[20], struct skf_err *err)
{
    return add_file(l, name, mode, mtime, fd, caps, err);
}

static int check_sizes(const struct skf_layer *l, struct skf_err *err)
{
    for (size_t i = 0; i < l->sources.n; i++) {
        const struct skf_blob_piece *p = &l->pieces.v[l->sources.v[i].piece];
        struct stat st;
        if (fstat(p->fd, &st) < 0)
            return skf_err_errno(err, errno, "cannot read '%s'", l->sources.v[i].name);
        if (st.st_size != p->size)
            return skf_err_set(err, SKF_EINVAL,
                               "'%s' changed while the image was made: it had %lld bytes, now %lld",
                               l->sources.v[i].name, (long long)p->size, (long long)st.st_size);
    }
    return 0;
}

/* The pieces become the blob's; the layer stays behind empty. */
static struct skf_blob *take_blob(struct skf_layer *l, const char *media_type)
{
    struct skf_blob *b = skf_xcalloc(1, sizeof *b);
    b->refs = 1;
    snprintf(b->media_type, sizeof b->media_type, "%s", media_type);
    for (size_t i = 0; i < l->pieces.n; i++)
        b->size += l->pieces.v[i].size;
    b->pieces = l->pieces.v;
    b->n_pieces = l->pieces.n;
    l->pieces.v = NULL;
    l->pieces.n = l->pieces.cap = 0;
    return b;
}

static int hash_blob(const struct skf_blob *b, struct skf_pack *pack, char diff_id[SKF_DIGEST_TEXT],
                     bool (*cancelled)(void *), void *arg, struct skf_err *err)
{
    skf_autofree char *chunk = skf_xmalloc(READ_SIZE);
    struct skf_sha256 hash;
    skf_sha256_init(&hash);
    int rc = 0;
    for (int64_t at = 0; !rc && at < b->size;) {
        if (cancelled && cancelled(arg)) {
            rc = skf_err_set(err, SKF_ECANCELED, "making the layer was cancelled");
            break;
        }
        ssize_t n = skf_blob_read(b, at, chunk, READ_SIZE);
        if (n <= 0) {
            rc = skf_err_errno(err, n < 0 ? errno : EIO, "cannot read what goes into the layer");
            break;
        }
        skf_sha256_add(&hash, chunk, (size_t)n);
        if (pack)
            rc = skf_pack_add(pack, chunk, (size_t)n, err);
        at += n;
    }
    if (rc)
        skf_sha256_release(&hash);
    else
        skf_sha256_end(&hash, diff_id);
    return rc;
}

struct skf_blob *skf_layer_finish(struct skf_layer *l, enum skf_compression how,
                                  const char *media_type, char diff_id[SKF_DIGEST_TEXT],
                                  bool (*cancelled)(void *), void *arg, struct skf_err *err)
{
    pad(l, 2 * SKF_USTAR_BLOCK);
    flush_tail(l);
    if (check_sizes(l, err) < 0)
        return NULL;
    struct skf_pack *pack = NULL;
    if (how != SKF_LAYER_PLAIN) {
        pack = skf_pack_new(how, err);
        if (!pack)
            return NULL;
    }
    char digest[SKF_DIGEST_TEXT];
    struct skf_blob *b = take_blob(l, media_type), *packed = NULL;
    if (hash_blob(b, pack, digest, cancelled, arg, err) < 0)
        goto fail;
    if (pack) {
        packed = skf_pack_finish(pack, digest, media_type, err);
        if (!packed)
            goto fail;
        skf_blob_unref(b);
        b = packed;
    } else {
        memcpy(b->digest, digest, sizeof digest);
    }
    skf_pack_free(pack);
    memcpy(diff_id, digest, sizeof digest);
    return b;
fail:
    skf_pack_free(pack);
    skf_blob_unref(b);
    return NULL;
}

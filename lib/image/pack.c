/* One thread, the caller's, fills chunks and writes the results in order; the others compress. A
 * ring of slots is between them: each is filled, ready, packed, and filled again. With one chunk,
 * or one processor, no thread is started. */
#include "lib/image/pack.h"

#include <assert.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/io/file.h"

enum {
    CHUNK = 128 * 1024, /* the window of gzip is a quarter of it; memory, a few times it a thread */
    MAX_THREADS = 4,
    MAX_SLOTS = MAX_THREADS + 1,
    GZIP_LEVEL = 1, /* as ko: the network is seldom slower than a better level */
    ZSTD_LEVEL = 3,
};

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

enum slot_state { FILLING, READY, TAKEN, PACKED };

struct slot {
    enum slot_state state;
    char *in, *out;
    size_t in_len, out_len;
};

/* What one thread compresses with. */
struct packer {
    struct libdeflate_compressor *gzip;
    ZSTD_CCtx *zstd;
};

struct skf_pack {
    enum skf_compression how;
    size_t bound; /* of a packed chunk */
    struct slot slots[MAX_SLOTS];
    unsigned n_slots, n_threads;
    unsigned filling;   /* slot that the caller fills */
    unsigned unwritten; /* oldest slot that is not written yet, when it is not the one above */
    struct packer own;  /* for the caller, when there are no threads */

    pthread_t threads[MAX_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t ready, packed;
    bool stop;

    int fd;
    int64_t size;
    struct skf_sha256 hash;
};

/* --- compressing ------------------------------------------------------------------------------ */

static void packer_init(struct packer *k, enum skf_compression how)
{
    *k = (struct packer){ 0 };
    if (how == SKF_LAYER_GZIP)
        k->gzip = libdeflate_alloc_compressor(GZIP_LEVEL);
    else
        k->zstd = ZSTD_createCCtx();
    if (!k->gzip && !k->zstd)
        abort();
}

static void packer_release(struct packer *k)
{
    libdeflate_free_compressor(k->gzip);
    ZSTD_freeCCtx(k->zstd);
}

static void pack_slot(const struct skf_pack *p, const struct packer *k, struct slot *s)
{
    if (k->gzip)
        s->out_len = libdeflate_gzip_compress(k->gzip, s->in, s->in_len, s->out, p->bound);
    else
        s->out_len = ZSTD_compressCCtx(k->zstd, s->out, p->bound, s->in, s->in_len, ZSTD_LEVEL);
    /* The room is what the library itself asked for. */
    assert(s->out_len && (k->gzip || !ZSTD_isError(s->out_len)));
}

static struct slot *find_ready(struct skf_pack *p)
{
    for (unsigned i = 0; i < p->n_slots; i++) {
        struct slot *s = &p->slots[(p->unwritten + i) % p->n_slots];
        if (s->state == READY)
            return s;
    }
    return NULL;
}

static void *work(void *arg)
{
    struct skf_pack *p = arg;
    struct packer k;
    packer_init(&k, p->how);
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct slot *s = find_ready(p);
        if (!s) {
            pthread_cond_wait(&p->ready, &p->lock);
            continue;
        }
        s->state = TAKEN;
        pthread_mutex_unlock(&p->lock);
        pack_slot(p, &k, s);
        pthread_mutex_lock(&p->lock);
        s->state = PACKED;
        pthread_cond_signal(&p->packed);
    }
    pthread_mutex_unlock(&p->lock);
    packer_release(&k);
    return NULL;
}

/* --- start and end ---------------------------------------------------------------------------- */

struct skf_pack *skf_pack_new(enum skf_compression how, struct skf_err *err)
{
    int fd = skf_file_temp(err);
    if (fd < 0)
        return NULL;
    struct skf_pack *p = skf_xcalloc(1, sizeof *p);
    p->fd = fd;
    p->how = how;
    p->n_slots = 1;
    packer_init(&p->own, how);
    p->bound = how == SKF_LAYER_GZIP ? libdeflate_gzip_compress_bound(p->own.gzip, CHUNK)
                                     : ZSTD_compressBound(CHUNK);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->ready, NULL);
    pthread_cond_init(&p->packed, NULL);
    skf_sha256_init(&p->hash);
    return p;
}

static void stop_threads(struct skf_pack *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->ready);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    p->n_threads = 0;
}

void skf_pack_free(struct skf_pack *p)
{
    if (!p)
        return;
    stop_threads(p);
    packer_release(&p->own);
    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        free(p->slots[i].in);
        free(p->slots[i].out);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->ready);
    pthread_cond_destroy(&p->packed);
    skf_sha256_release(&p->hash);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

/* There is more than one chunk: as many threads as processors, and a chunk for each. */
static void start_threads(struct skf_pack *p)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = cpus > MAX_THREADS ? MAX_THREADS : (unsigned)cpus;
    if (cpus < 2 || p->n_slots > 1)
        return;
    pthread_mutex_lock(&p->lock); /* they look at the slots as soon as they run */
    while (p->n_threads < want && pthread_create(&p->threads[p->n_threads], NULL, work, p) == 0)
        p->n_threads++;
    p->n_slots = p->n_threads + 1;
    pthread_mutex_unlock(&p->lock);
}

/* --- the stream ------------------------------------------------------------------------------- */

static int write_slot(struct skf_pack *p, struct slot *s, struct skf_err *err)
{
    skf_sha256_add(&p->hash, s->out, s->out_len);
    p->size += (int64_t)s->out_len;
    if (skf_file_write_all(p->fd, s->out, s->out_len, err) < 0)
        return skf_err_wrap(err, "cannot write the compressed layer (TMPDIR may be full)");
    return 0;
}

/* Waits for the oldest slot and writes it. */
static int write_oldest(struct skf_pack *p, struct skf_err *err)
{
    struct slot *s = &p->slots[p->unwritten];
    pthread_mutex_lock(&p->lock);
    while (s->state != PACKED)
        pthread_cond_wait(&p->packed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    int rc = write_slot(p, s, err);
    pthread_mutex_lock(&p->lock);
    s->state = FILLING;
    s->in_len = 0;
    p->unwritten = (p->unwritten + 1) % p->n_slots;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* Hands the chunk on, and makes the next slot free. */
static int end_chunk(struct skf_pack *p, struct skf_err *err)
{
    struct slot *s = &p->slots[p->filling];
    if (!p->n_threads) {
        pack_slot(p, &p->own, s);
        s->in_len = 0;
        return write_slot(p, s, err);
    }
    pthread_mutex_lock(&p->lock);
    s->state = READY;
    pthread_cond_signal(&p->ready);
    pthread_mutex_unlock(&p->lock);
    p->filling = (p->filling + 1) % p->n_slots;
    return p->filling == p->unwritten ? write_oldest(p, err) : 0;
}

int skf_pack_add(struct skf_pack *p, const void *data, size_t len, struct skf_err *err)
{
    const char *from = data;
    while (len) {
        struct slot *s = &p->slots[p->filling];
        if (s->in_len == CHUNK) {
            start_threads(p);
            if (end_chunk(p, err) < 0)
                return -(int)err->code;
            continue;
        }
        if (!s->in) {
            s->in = skf_xmalloc(CHUNK);
            s->out = skf_xmalloc(p->bound);
        }
        size_t n = CHUNK - s->in_len < len ? CHUNK - s->in_len : len;
        memcpy(s->in + s->in_len, from, n);
        s->in_len += n;
        from += n;
        len -= n;
    }
    return 0;
}

struct skf_blob *skf_pack_finish(struct skf_pack *p, const char *diff_id, const char *media_type,
                                 struct skf_err *err)
{
    if (p->how == SKF_LAYER_GZIP && strcmp(diff_id, empty_kodata_diff_id) == 0)
        return skf_blob_new_bytes(empty_kodata, sizeof empty_kodata, media_type);
    if (p->slots[p->filling].in_len && end_chunk(p, err) < 0)
        return NULL;
    while (p->n_threads && p->unwritten != p->filling)
        if (write_oldest(p, err) < 0)
            return NULL;
    struct skf_blob *b = skf_xcalloc(1, sizeof *b);
    b->refs = 1;
    b->size = p->size;
    snprintf(b->media_type, sizeof b->media_type, "%s", media_type);
    skf_sha256_end(&p->hash, b->digest);
    b->pieces = skf_xcalloc(1, sizeof *b->pieces);
    b->n_pieces = 1;
    b->pieces[0] = (struct skf_blob_piece){ .fd = p->fd, .size = p->size };
    p->fd = -1;
    return b;
}

#include "lib/image/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/image/layer_cache.h"
#include "lib/image/mirror.h"
#include "lib/io/file.h"

static void ask(struct skf_fetch *f);

static void drop_call(struct skf_fetch *f)
{
    if (!f->call_ready)
        return;
    f->requests += f->call.requests;
    skf_call_release(&f->call);
    f->call_ready = false;
}

static void drop_file(struct skf_fetch *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->path)
        unlink(f->path);
    f->fd = -1;
    skf_replace(&f->path, NULL);
}

static void finish(struct skf_fetch *f)
{
    struct skf_err err = f->err;
    if (err.code) {
        skf_blob_unref(f->local);
        f->local = NULL;
    }
    drop_call(f);
    drop_file(f);
    skf_sha256_release(&f->hash);
    skf_ref_release(&f->ref);
    f->done(f, err.code ? &err : NULL);
}

static void fail(struct skf_fetch *f, enum skf_code code, const char *what)
{
    skf_err_set(&f->err, code, "reading the layer %.19s of '%s': %s", f->blob->digest,
                f->blob->remote_repository, what);
}

static void give(struct skf_fetch *f)
{
    struct skf_blob *b = skf_blob_new_remote(f->blob->digest, f->blob->size, f->blob->media_type,
                                             f->blob->remote_repository, f->blob->remote_insecure);
    b->pieces = skf_xcalloc(1, sizeof *b->pieces);
    b->n_pieces = 1;
    b->pieces[0] = (struct skf_blob_piece){ .fd = f->fd, .size = f->blob->size };
    f->fd = -1;
    f->local = b;
}

/* --- where it is written ---------------------------------------------------------------------- */

static const char *cache_of(const struct skf_fetch *f)
{
    const struct skf_registry *r = f->registry;
    return f->no_cache || f->blob->size > r->layer_cache_bytes ? NULL : r->layer_cache;
}

/* An empty file: in the cache, or one that nobody sees. */
static void open_file(struct skf_fetch *f)
{
    drop_file(f);
    f->fd = skf_layer_cache_new(cache_of(f), f->blob->digest, &f->path);
    if (f->fd < 0)
        f->fd = skf_file_temp(&f->err);
    skf_sha256_release(&f->hash);
    skf_sha256_init(&f->hash);
    f->at = 0;
}

static void start_over(struct skf_fetch *f)
{
    skf_sha256_release(&f->hash);
    skf_sha256_init(&f->hash);
    f->at = 0;
    if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
        fail(f, SKF_EIO, "cannot rewind the temporary file");
}

/* --- bytes as they come ----------------------------------------------------------------------- */

/* The first bytes of an answer: is it the part that was asked for? */
static bool check_answer(struct skf_fetch *f, struct skf_call *c)
{
    if (f->answered)
        return true;
    f->answered = true;
    if (c->range_from == 0)
        return true;
    const char *range = skf_http_header(&c->http, "content-range");
    skf_autofree char *want = skf_xasprintf("bytes %lld-", (long long)f->at);
    if (c->http.status != 206 || !range || strncmp(range, want, strlen(want)) != 0)
        start_over(f); /* the server sends all of it again */
    return !f->err.code;
}

static bool on_bytes(struct skf_call *c, const char *data, size_t len)
{
    struct skf_fetch *f = c->data;
    struct skf_err why = SKF_ERR_INIT;
    if (!check_answer(f, c))
        return false;
    if ((int64_t)len > f->blob->size - f->at) {
        fail(f, SKF_EPROTO, "the registry sends more bytes than the layer has");
        return false;
    }
    if (skf_file_write_all(f->fd, data, len, &why) < 0) {
        f->refill = f->path != NULL; /* no room in the cache: once more, past it */
        if (f->refill)
            skf_log_debug("cache: %s", why.msg);
        else
            f->err = why;
        if (!f->refill)
            skf_err_wrap(&f->err, "cannot keep a layer (TMPDIR may be full)");
        return false;
    }
    skf_sha256_add(&f->hash, data, len);
    f->at += (int64_t)len;
    skf_registry_progress(f->registry, f->blob, "pulling", f->at);
    return true;
}

/* --- the end of a transfer -------------------------------------------------------------------- */

static void prune(struct skf_work *w)
{
    const struct skf_fetch *f = SKF_CONTAINER_OF(w, struct skf_fetch, work);
    skf_layer_cache_prune(f->registry->layer_cache, f->registry->layer_cache_bytes);
}

static void on_pruned(struct skf_work *w)
{
    struct skf_fetch *f = SKF_CONTAINER_OF(w, struct skf_fetch, work);
    f->working = false;
    finish(f);
}

static bool next_place(struct skf_fetch *f);

static void complete(struct skf_fetch *f)
{
    char digest[SKF_DIGEST_TEXT];
    skf_sha256_end(&f->hash, digest);
    if (strcmp(digest, f->blob->digest) != 0) {
        fail(f, SKF_EPROTO, "the registry sent wrong bytes: the digest does not match");
        if (!next_place(f))
            finish(f);
        return;
    }
    give(f);
    if (!f->path) {
        finish(f);
        return;
    }
    skf_layer_cache_keep(f->registry->layer_cache, f->path, digest);
    skf_replace(&f->path, NULL);
    f->working = true;
    skf_work_start(f->registry->loop, &f->work, prune, on_pruned);
}

static void on_pause_over(struct skf_defer *d)
{
    struct skf_fetch *f = SKF_CONTAINER_OF(d, struct skf_fetch, defer);
    if (f->err.code)
        finish(f);
    else
        ask(f);
}

static bool try_again(struct skf_fetch *f, const char *why)
{
    if (++f->tries >= (f->mirrored ? 2u : (unsigned)SKF_CALL_TRIES))
        return false;
    long ms = skf_call_delay(&f->call, f->tries);
    if (ms < 0)
        return false;
    skf_call_tell_wait(&f->call, ms);
    skf_log_debug("registry: layer %.19s stopped at %lld of %lld bytes (%s); going on in %ld ms",
                  f->blob->digest, (long long)f->at, (long long)f->blob->size, why, ms);
    skf_defer_start(f->registry->loop, &f->defer, (unsigned)ms, on_pause_over);
    return true;
}

static void on_answer(struct skf_call *c, const struct skf_err *err)
{
    struct skf_fetch *f = c->data;
    bool ok = !err && (c->http.status == 200 || c->http.status == 206);
    f->call_active = false;
    if (f->refill && f->err.code != SKF_ECANCELED) {
        f->refill = false;
        f->no_cache = true;
        open_file(f);
        if (f->err.code)
            finish(f);
        else
            ask(f);
        return;
    }
    if (f->err.code) {
        if (!next_place(f))
            finish(f);
        return;
    }
    if (ok && f->at == f->blob->size) {
        complete(f);
        return;
    }
    if (!err && c->http.status == 416)
        start_over(f);
    bool again = ok || c->http.status == 416 || skf_call_transient(c, err);
    if (!f->err.code && again && try_again(f, err ? err->msg : "short answer"))
        return;
    if (!f->err.code && err)
        f->err = *err;
    else if (!f->err.code && ok)
        fail(f, SKF_EPROTO, "the registry sends fewer bytes than the layer has");
    else if (!f->err.code) {
        skf_autofree char *doing = skf_xasprintf("reading the layer %.19s of '%s'", f->blob->digest,
                                                 f->blob->remote_repository);
        skf_call_fail(c, doing, &f->err);
    }
    if (!next_place(f))
        finish(f);
}

static void ask(struct skf_fetch *f)
{
    skf_call_again(&f->call, "GET");
    f->call.path = skf_xasprintf("blobs/%s", f->blob->digest);
    f->call.single = true; /* tries are counted here, across parts */
    f->call.impatient = f->mirrored;
    f->call.range_from = f->at;
    f->call.on_body = on_bytes;
    f->call.data = f;
    f->answered = false;
    f->call_active = true;
    skf_call_start(&f->call, on_answer);
}

/* --- where it comes from ---------------------------------------------------------------------- */

static bool begin_place(struct skf_fetch *f)
{
    struct skf_ref ref = { 0 };
    bool insecure = false;
    if (!skf_mirror_place(f->registry, &f->ref, f->place, SKF_MIRROR_CONTENT, &ref, &insecure))
        return false;
    drop_call(f);
    skf_call_init(&f->call, f->registry, &ref, insecure || f->blob->remote_insecure);
    f->call_ready = true;
    f->mirrored = strcmp(ref.domain, f->ref.domain) != 0;
    skf_ref_release(&ref);
    f->tries = 0;
    return true;
}

/* A mirror failed: the next one, the registry itself at last. False: there is none left, or it is
 * not the place that failed. */
static bool next_place(struct skf_fetch *f)
{
    if (f->err.code == SKF_ECANCELED || f->err.code == SKF_EIO)
        return false;
    struct skf_err before = f->err;
    f->place++;
    if (!begin_place(f))
        return false;
    skf_log_debug("registry: %s; asking '%s'", before.msg, f->call.host->name);
    skf_err_clear(&f->err);
    open_file(f);
    if (f->err.code)
        return false;
    ask(f);
    return true;
}

static void begin_transfer(struct skf_fetch *f)
{
    open_file(f);
    if (!f->err.code && !begin_place(f))
        fail(f, SKF_EBUG, "no place to read it from");
    if (f->err.code)
        finish(f);
    else if (f->blob->size == 0)
        complete(f);
    else
        ask(f);
}

/* --- from the cache --------------------------------------------------------------------------- */

static void verify(struct skf_work *w)
{
    enum { READ_SIZE = 128 * 1024 };
    struct skf_fetch *f = SKF_CONTAINER_OF(w, struct skf_fetch, work);
    skf_autofree char *chunk = skf_xmalloc(READ_SIZE);
    char digest[SKF_DIGEST_TEXT];
    struct skf_sha256 hash;
    ssize_t n = 0;
    skf_sha256_init(&hash);
    for (int64_t at = 0; !skf_work_cancelled(w); at += n) {
        n = pread(f->fd, chunk, READ_SIZE, at);
        if (n <= 0)
            break;
        skf_sha256_add(&hash, chunk, (size_t)n);
    }
    skf_sha256_end(&hash, digest);
    if (n != 0 || strcmp(digest, f->blob->digest) != 0)
        skf_err_set(&w->err, SKF_EPROTO, "the digest does not match");
}

static void on_verified(struct skf_work *w)
{
    struct skf_fetch *f = SKF_CONTAINER_OF(w, struct skf_fetch, work);
    f->working = false;
    if (f->err.code) {
        finish(f);
    } else if (w->err.code) {
        skf_layer_cache_drop(f->registry->layer_cache, f->blob->digest);
        begin_transfer(f);
    } else {
        give(f);
        finish(f);
    }
}

static void begin(struct skf_defer *d)
{
    struct skf_fetch *f = SKF_CONTAINER_OF(d, struct skf_fetch, defer);
    if (!f->err.code && !f->blob->remote_repository)
        skf_err_set(&f->err, SKF_ENOTFOUND, "the layer %.19s is nowhere to be had",
                    f->blob->digest);
    if (f->err.code || skf_ref_parse(f->blob->remote_repository, &f->ref, &f->err) < 0) {
        finish(f);
        return;
    }
    f->fd = skf_layer_cache_open(cache_of(f), f->blob->digest, f->blob->size);
    if (f->fd < 0) {
        begin_transfer(f);
        return;
    }
    f->working = true;
    skf_work_start(f->registry->loop, &f->work, verify, on_verified);
}

/* --- start and cancel ------------------------------------------------------------------------- */

void skf_fetch_start(struct skf_fetch *f)
{
    f->fd = -1;
    f->at = 0;
    f->tries = f->requests = 0;
    f->place = 0;
    f->path = NULL;
    f->local = NULL;
    f->hash.ctx = NULL;
    f->ref = (struct skf_ref){ 0 };
    f->call_ready = f->call_active = f->working = f->refill = f->no_cache = false;
    skf_err_clear(&f->err);
    skf_defer_start(f->registry->loop, &f->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct skf_fetch, defer));
}

void skf_fetch_cancel(struct skf_fetch *f)
{
    if (f->err.code)
        return;
    skf_err_set(&f->err, SKF_ECANCELED, "cancelled");
    if (f->defer.open)
        skf_defer_cancel(&f->defer, on_dropped);
    else if (f->call_active)
        skf_call_cancel(&f->call);
    else if (f->working)
        skf_work_cancel(&f->work);
}

#include "lib/image/fetch.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/image/gzip.h"
#include "lib/io/file.h"

static void ask(struct skf_fetch *f);

static void finish(struct skf_fetch *f)
{
    struct skf_err err = f->err;
    if (f->call_ready)
        skf_call_release(&f->call);
    f->call_ready = false;
    skf_sha256_release(&f->hash);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->done(f, err.code ? &err : NULL);
}

static void fail(struct skf_fetch *f, enum skf_code code, const char *what)
{
    skf_err_set(&f->err, code, "reading the layer %.19s of '%s': %s", f->blob->digest,
                f->blob->remote_repository, what);
}

static void start_over(struct skf_fetch *f)
{
    skf_sha256_release(&f->hash);
    skf_sha256_init(&f->hash);
    f->at = 0;
    if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
        fail(f, SKF_EIO, "cannot rewind the temporary file");
}

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
    if (!check_answer(f, c))
        return false;
    if ((int64_t)len > f->blob->size - f->at) {
        fail(f, SKF_EPROTO, "the registry sends more bytes than the layer has");
        return false;
    }
    if (skf_file_write_all(f->fd, data, len, &f->err) < 0) {
        skf_err_wrap(&f->err, "cannot keep a layer (TMPDIR may be full)");
        return false;
    }
    skf_sha256_add(&f->hash, data, len);
    f->at += (int64_t)len;
    return true;
}

static void complete(struct skf_fetch *f)
{
    char digest[SKF_DIGEST_TEXT];
    skf_sha256_end(&f->hash, digest);
    if (strcmp(digest, f->blob->digest) != 0) {
        fail(f, SKF_EPROTO, "the registry sent wrong bytes: the digest does not match");
    } else {
        struct skf_blob *b =
            skf_blob_new_remote(digest, f->blob->size, f->blob->media_type,
                                f->blob->remote_repository, f->blob->remote_insecure);
        b->pieces = skf_xcalloc(1, sizeof *b->pieces);
        b->n_pieces = 1;
        b->pieces[0] = (struct skf_blob_piece){ .fd = f->fd, .size = f->at };
        f->fd = -1;
        f->local = b;
    }
    finish(f);
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
    if (++f->tries >= SKF_CALL_TRIES)
        return false;
    long ms = skf_call_delay(&f->call, f->tries);
    if (ms < 0)
        return false;
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
    if (f->err.code) {
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
    finish(f);
}

static void ask(struct skf_fetch *f)
{
    skf_call_again(&f->call, "GET");
    f->call.path = skf_xasprintf("blobs/%s", f->blob->digest);
    f->call.single = true; /* tries are counted here, across parts */
    f->call.range_from = f->at;
    f->call.on_body = on_bytes;
    f->call.data = f;
    f->answered = false;
    f->call_active = true;
    skf_call_start(&f->call, on_answer);
}

static void begin(struct skf_defer *d)
{
    struct skf_fetch *f = SKF_CONTAINER_OF(d, struct skf_fetch, defer);
    struct skf_ref ref = { 0 };
    if (!f->err.code && !f->blob->remote_repository)
        skf_err_set(&f->err, SKF_ENOTFOUND, "the layer %.19s is nowhere to be had",
                    f->blob->digest);
    if (!f->err.code)
        f->fd = skf_temp_file(&f->err);
    if (f->err.code || skf_ref_parse(f->blob->remote_repository, &ref, &f->err) < 0) {
        finish(f);
        return;
    }
    skf_call_init(&f->call, f->registry, &ref, f->blob->remote_insecure);
    f->call_ready = true;
    skf_ref_release(&ref);
    skf_sha256_init(&f->hash);
    if (f->blob->size == 0)
        complete(f);
    else
        ask(f);
}

void skf_fetch_start(struct skf_fetch *f)
{
    f->fd = -1;
    f->at = 0;
    f->tries = 0;
    f->local = NULL;
    f->hash.ctx = NULL;
    f->call_ready = f->call_active = false;
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
}

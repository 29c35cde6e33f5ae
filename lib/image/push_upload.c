/* The content of one blob.
 *
 * happy path: POST opens an upload -> PUT of all of it, in one request: what every registry takes.
 * too large for the server or a proxy before it (413): in chunks, PATCH after PATCH, then PUT; the
 *             host is remembered as one that wants chunks.
 * lost on the way: GET says how much is stored, and a PATCH goes on from there. A registry that
 *             does not know any more gets a new upload, at most SKF_CALL_TRIES without progress. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/image/push_internal.h"

enum {
    CHUNK_FIRST = 16 * 1024 * 1024, /* ECR wants 5 MiB and more */
    CHUNK_LAST = 1024 * 1024,       /* nginx lets this much through when nobody told it more */
    RESUME_MIN = 1024 * 1024,       /* less is sent again sooner than asked about */
};

static struct skf_blob *content(struct lane *l)
{
    return l->local ? l->local : l->blob;
}

static bool take_location(struct lane *l)
{
    char *location = skf_call_location(&l->call);
    if (location)
        skf_replace(&l->location, location);
    return location != NULL;
}

static void on_sent(struct skf_call *c)
{
    struct lane *l = c->data;
    skf_lane_report(l, l->at + c->body_at);
    skf_registry_progress(l->u->p->registry, l->blob, "pushing", l->at + c->body_at);
}

static char *closing_url(const struct lane *l)
{
    return skf_xasprintf("%s%cdigest=%s", l->location, strchr(l->location, '?') ? '&' : '?',
                         l->blob->digest);
}

static void send_whole(struct lane *l)
{
    skf_lane_request(l, UPLOAD, "PUT");
    l->call.url = closing_url(l);
    l->call.content_type = "application/octet-stream";
    l->call.body = content(l);
    l->call.single = true;
    l->call.on_sent = on_sent;
    skf_lane_start(l);
}

static void send_chunk(struct lane *l)
{
    int64_t left = l->blob->size - l->at, most = l->call.host->chunk_bytes;
    skf_lane_request(l, CHUNK, "PATCH");
    l->call.url = skf_xstrdup(l->location);
    l->call.content_type = "application/octet-stream";
    l->call.body = content(l);
    l->call.body_from = l->at;
    l->call.body_size = most && left > most ? most : left;
    l->call.single = true;
    l->call.on_sent = on_sent;
    skf_lane_start(l);
}

static void close_upload(struct lane *l)
{
    skf_lane_request(l, CLOSE, "PUT");
    l->call.url = closing_url(l);
    l->call.content_type = "application/octet-stream";
    l->call.single = true;
    skf_lane_start(l);
}

static void ask_status(struct lane *l)
{
    skf_lane_request(l, STATUS, "GET");
    l->call.url = skf_xstrdup(l->location);
    skf_lane_start(l);
}

/* What is left to send, or the end of it. */
static void go_on(struct lane *l)
{
    if (l->at == l->blob->size && l->at > 0)
        close_upload(l);
    else if (l->at > 0 || l->call.host->chunk_bytes)
        send_chunk(l);
    else
        send_whole(l);
}

void skf_upload_open(struct lane *l)
{
    skf_lane_request(l, OPEN, "POST");
    l->call.path = skf_xstrdup("blobs/uploads/");
    skf_lane_start(l);
}

void skf_upload_opened(struct lane *l)
{
    struct skf_err err = SKF_ERR_INIT;
    l->at = 0;
    if (take_location(l)) {
        go_on(l);
        return;
    }
    skf_err_set(&err, SKF_EPROTO, "registry '%s' opened an upload without a Location",
                l->call.host->name);
    skf_lane_fail(l, &err);
}

/* --- after a loss ----------------------------------------------------------------------------- */

static void on_pause_over(struct skf_defer *d)
{
    struct lane *l = SKF_CONTAINER_OF(d, struct lane, defer);
    if (l->u->err.code)
        skf_lane_end(l);
    else if (l->resume)
        ask_status(l);
    else
        skf_upload_open(l);
}

static bool start_over(struct lane *l)
{
    if (++l->tries >= SKF_CALL_TRIES)
        return false;
    long ms = skf_call_delay(&l->call, l->tries);
    if (ms < 0)
        return false;
    skf_call_tell_wait(&l->call, ms);
    skf_log_debug("registry: upload of %.19s was lost after %lld bytes; %s in %ld ms",
                  l->blob->digest, (long long)(l->at + l->call.body_at),
                  l->resume ? "asking where to go on" : "starting over", ms);
    if (!l->resume)
        skf_lane_report(l, 0);
    skf_defer_start(l->u->p->registry->loop, &l->defer, (unsigned)ms, on_pause_over);
    return true;
}

static bool is_lost(const struct lane *l, const struct skf_err *err)
{
    if (skf_call_transient(&l->call, err))
        return true;
    return !err && (l->call.http.status == 404 || l->call.http.status == 416 ||
                    skf_call_has_code(&l->call, "BLOB_UPLOAD_INVALID") ||
                    skf_call_has_code(&l->call, "BLOB_UPLOAD_UNKNOWN"));
}

static bool upload_again(struct lane *l, const struct skf_err *err)
{
    bool transient = skf_call_transient(&l->call, err);
    if (!is_lost(l, err))
        return false;
    l->resume = transient && l->location && l->at + l->call.body_at >= RESUME_MIN;
    return start_over(l);
}

/* The body was too large for somebody: smaller ones. */
static bool in_chunks(struct lane *l)
{
    int64_t *chunk = &l->call.host->chunk_bytes, sent = l->call.http.send_size;
    if (l->call.http.status != 413 || sent <= CHUNK_LAST)
        return false;
    if (!*chunk || sent <= *chunk) /* else another lane has made them smaller meanwhile */
        *chunk = sent > CHUNK_FIRST ? CHUNK_FIRST : CHUNK_LAST;
    skf_log_debug("registry: '%s' takes no body of %lld bytes: going on in chunks of %lld",
                  l->call.host->name, (long long)sent, (long long)*chunk);
    if (l->at == 0) /* what was refused may have spoiled the upload */
        skf_upload_open(l);
    else
        send_chunk(l);
    return true;
}

/* "0-1023" of a status answer: bytes stored. "0-0" is none or one: none is always right. */
static int64_t stored_bytes(const struct lane *l)
{
    const char *range = skf_http_header(&l->call.http, "range");
    const char *dash = range ? strchr(range, '-') : NULL;
    long long last;
    if (!dash || !skf_num_parse(dash + 1, 0, l->blob->size - 1, &last))
        return -1;
    return last == 0 ? 0 : last + 1;
}

static void on_status(struct lane *l)
{
    int64_t stored = stored_bytes(l);
    if (l->call.http.status != 204 || stored <= 0) {
        l->at = 0;
        skf_lane_report(l, 0);
        skf_lane_ask(l); /* all of it may have arrived, and only the answer was lost */
        return;
    }
    if (stored > l->at)
        l->tries = 0;
    l->at = stored;
    take_location(l);
    skf_log_debug("registry: upload of %.19s goes on at %lld of %lld bytes", l->blob->digest,
                  (long long)l->at, (long long)l->blob->size);
    go_on(l);
}

void skf_upload_answer(struct lane *l, const struct skf_err *err)
{
    int status = l->call.http.status;
    bool stored = !err && l->state == CHUNK && (status == 202 || status == 201);
    if (stored && take_location(l)) {
        l->at += l->call.http.send_size;
        l->tries = 0;
        go_on(l);
    } else if (!err && (l->state == UPLOAD || l->state == CLOSE) && status == 201) {
        l->u->p->blobs_sent++;
        l->u->p->bytes_sent += l->blob->size;
        skf_lane_there(l);
    } else if (l->state == STATUS && !err) {
        on_status(l);
    } else if (err || !in_chunks(l)) {
        if (upload_again(l, err))
            return;
        if (err)
            skf_lane_fail(l, err);
        else
            skf_lane_refused(l);
    }
}

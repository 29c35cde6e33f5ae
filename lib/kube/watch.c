/* happy path: list (in pages) -> stream from its resourceVersion -> lines -> events; the server
 * ends a stream after some minutes: the next one goes on from the last version seen. failures: see
 * watch.h; `retry` is the only place that decides on another try. on cancel:  the request is
 * cancelled or the pause cut short; the timer's close calls done. */
#include "lib/kube/watch.h"

#include <assert.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/kube/jget.h"

enum {
    PAGE = 500,
    MAX_LINE = 16 * 1024 * 1024, /* an object has at most 1.5 MB in etcd */
    STREAM_S = 290,
    FIRST_PAUSE_MS = 100,
    MAX_PAUSE_MS = 5000,
};

/* What is remembered of an object, to say that it is gone. */
struct known {
    char *namespace_, *name;
    unsigned round;
};

static void known_free(void *value)
{
    struct known *k = value;
    free(k->namespace_);
    free(k->name);
    free(k);
}

void skf_kube_watch_init(struct skf_kube_watch *w)
{
    memset(w, 0, sizeof *w);
    skf_kube_req_init(&w->req);
    skf_buf_init(&w->line);
}

void skf_kube_watch_release(struct skf_kube_watch *w)
{
    assert(!w->active);
    free(w->path);
    free(w->query);
    free(w->version);
    free(w->more);
    w->path = w->query = w->version = w->more = NULL;
    skf_map_release_with(&w->known, known_free);
    skf_buf_release(&w->line);
    skf_kube_req_release(&w->req);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct skf_kube_watch *w = handle->data;
    w->active = false;
    w->done(w, &w->failure);
}

static void end(struct skf_kube_watch *w, const struct skf_err *err)
{
    if (w->closing)
        return;
    w->closing = true;
    if (w->cancelled)
        skf_err_set(&w->failure, SKF_ECANCELED, "cancelled");
    else
        w->failure = *err;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

/* --- events ----------------------------------------------------------------------------------- */

static void report(struct skf_kube_watch *w, enum skf_kube_event event, json_t *object)
{
    const char *uid = skf_jstr(object, "metadata.uid");
    if (!uid)
        return;
    struct known *k = skf_map_get(&w->known, uid);
    if (event == SKF_KUBE_DELETED) {
        if (k) {
            skf_map_del(&w->known, uid);
            known_free(k);
        }
    } else if (k) {
        event = SKF_KUBE_MODIFIED;
        k->round = w->round;
    } else {
        event = SKF_KUBE_ADDED;
        k = skf_xcalloc(1, sizeof *k);
        k->namespace_ = skf_xstrdup(skf_jtext(object, "metadata.namespace"));
        k->name = skf_xstrdup(skf_jtext(object, "metadata.name"));
        k->round = w->round;
        skf_map_put(&w->known, uid, k);
    }
    w->on_event(w, event, object);
}

/* After a list: what is known and was not in it has gone. */
static void report_vanished(struct skf_kube_watch *w)
{
    for (struct skf_map_iter it = skf_map_first(&w->known); it.key && !w->cancelled;
         skf_map_next(&it)) {
        struct known *k = it.value;
        if (k->round == w->round)
            continue;
        json_t *gone = json_pack("{s:{s:s, s:s, s:s}}", "metadata", "uid", it.key, "name", k->name,
                                 "namespace", k->namespace_);
        skf_map_del(&w->known, it.key);
        known_free(k);
        if (gone)
            w->on_event(w, SKF_KUBE_DELETED, gone);
        json_decref(gone);
    }
}

static void on_line(struct skf_kube_watch *w, const char *line, size_t len)
{
    json_t *event = json_loadb(line, len, 0, NULL);
    const char *type = skf_jtext(event, "type");
    json_t *object = json_object_get(event, "object");
    if (strcmp(type, "ERROR") == 0) {
        w->expired = true; /* most often 410; whatever it is, a new list heals it */
        skf_log_debug("watch %s: %s", w->path, skf_jtext(object, "message"));
        json_decref(event);
        return;
    }
    const char *version = skf_jstr(object, "metadata.resourceVersion");
    if (version)
        skf_replace(&w->version, skf_xstrdup(version));
    if (strcmp(type, "ADDED") == 0)
        report(w, SKF_KUBE_ADDED, object);
    else if (strcmp(type, "MODIFIED") == 0)
        report(w, SKF_KUBE_MODIFIED, object);
    else if (strcmp(type, "DELETED") == 0)
        report(w, SKF_KUBE_DELETED, object);
    json_decref(event);
}

static void on_data(struct skf_kube_req *r, const char *data, size_t len)
{
    struct skf_kube_watch *w = r->data;
    w->tries = 0;
    w->in_trouble = false;
    while (len && !w->cancelled && !w->expired) {
        const char *eol = memchr(data, '\n', len);
        size_t part = eol ? (size_t)(eol - data) : len;
        if (w->line.len + part > MAX_LINE)
            w->expired = true;
        else if (eol && !w->line.len)
            on_line(w, data, part);
        else
            skf_buf_add(&w->line, data, part);
        if (eol && w->line.len) {
            on_line(w, w->line.data, w->line.len);
            skf_buf_clear(&w->line);
        }
        data += part + (eol ? 1 : 0);
        len -= part + (eol ? 1 : 0);
    }
    if (w->expired)
        skf_kube_req_cancel(r);
}

/* --- requests --------------------------------------------------------------------------------- */

static void list(struct skf_kube_watch *w);
static void stream(struct skf_kube_watch *w);

static void on_pause_over(uv_timer_t *timer)
{
    struct skf_kube_watch *w = timer->data;
    if (w->cancelled)
        end(w, NULL);
    else if (w->listed)
        stream(w);
    else
        list(w);
}

/* Pauses differ a little: a server that comes back is not asked by all watches in one instant. */
static void again(struct skf_kube_watch *w, unsigned pause_ms)
{
    pause_ms += (unsigned)(uv_hrtime() / 1024 % (pause_ms / 4 + 1));
    uv_timer_start(&w->timer, on_pause_over, pause_ms, 0);
}

static void retry(struct skf_kube_watch *w, const struct skf_err *err)
{
    bool hopeless =
        w->req.status >= 400 && w->req.status < 500 && w->req.status != 429 && w->req.status != 408;
    if (w->cancelled || (hopeless && w->req.status != 410) ||
        (w->req.status == 0 &&
         (err->code == SKF_EDENIED || err->code == SKF_EINVAL || err->code == SKF_ENOTFOUND))) {
        end(w, err);
        return;
    }
    if (w->req.status == 410) {
        w->listed = false;
        skf_replace(&w->more, NULL);
    }
    if (!w->in_trouble && w->on_trouble && w->req.status != 410)
        w->on_trouble(w, err);
    w->in_trouble = true;
    unsigned pause = FIRST_PAUSE_MS << (w->tries < 6 ? w->tries : 6);
    w->tries++;
    again(w, pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS);
}

static void on_stream_done(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_kube_watch *w = r->data;
    skf_buf_clear(&w->line); /* half a line: the object comes again */
    if (w->cancelled) {
        end(w, NULL);
    } else if (w->expired) {
        w->expired = w->listed = false;
        again(w, w->tries++ ? FIRST_PAUSE_MS : 0);
    } else if (err) {
        retry(w, err);
    } else {
        /* The server's own end. One that ends streams at once must not make us spin. */
        again(w, w->tries ? FIRST_PAUSE_MS << (w->tries < 5 ? w->tries : 5) : 0);
        w->tries++;
    }
}

static void stream(struct skf_kube_watch *w)
{
    w->req.on_data = on_data;
    skf_kube_get(w->api, &w->req,
                 skf_xasprintf("%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&"
                               "resourceVersion=%s%s%s",
                               w->path, STREAM_S, w->version, w->query ? "&" : "",
                               w->query ? w->query : ""),
                 on_stream_done);
}

static void on_listed(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_kube_watch *w = r->data;
    if (err || w->cancelled) {
        retry(w, err);
        return;
    }
    const json_t *items = skf_jget(r->json, "items");
    for (size_t i = 0; i < json_array_size(items) && !w->cancelled; i++)
        report(w, SKF_KUBE_ADDED, json_array_get(items, i));
    const char *version = skf_jstr(r->json, "metadata.resourceVersion");
    const char *more = skf_jstr(r->json, "metadata.continue");
    skf_replace(&w->version, skf_xstrdup(version ? version : "0"));
    skf_replace(&w->more, more && *more ? skf_http_escape(more) : NULL);
    json_decref(r->json);
    r->json = NULL;
    w->tries = 0;
    w->in_trouble = false;
    if (!w->more && !w->cancelled) {
        report_vanished(w);
        w->listed = true;
        if (w->on_list && !w->cancelled)
            w->on_list(w);
    }
    if (w->cancelled)
        end(w, NULL);
    else if (w->more)
        list(w);
    else
        stream(w);
}

static void list(struct skf_kube_watch *w)
{
    if (!w->more)
        w->round++;
    w->req.on_data = NULL;
    skf_kube_get(w->api, &w->req,
                 skf_xasprintf("%s?limit=%d%s%s%s%s", w->path, PAGE, w->more ? "&continue=" : "",
                               w->more ? w->more : "", w->query ? "&" : "",
                               w->query ? w->query : ""),
                 on_listed);
}

void skf_kube_watch_start(struct skf_kube_api *api, struct skf_kube_watch *w,
                          void (*done)(struct skf_kube_watch *w, const struct skf_err *err))
{
    assert(!w->active && w->path && w->on_event);
    w->api = api;
    w->done = done;
    w->active = true;
    w->req.data = w;
    uv_timer_init(skf_kube_api_loop(api), &w->timer);
    w->timer.data = w;
    list(w);
}

void skf_kube_watch_cancel(struct skf_kube_watch *w)
{
    if (!w->active || w->cancelled || w->closing)
        return;
    w->cancelled = true;
    if (w->req.state != SKF_REQ_IDLE)
        skf_kube_req_cancel(&w->req);
    else if (uv_is_active((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, on_pause_over, 0, 0);
    /* else: we are inside one of our own callbacks, which looks at `cancelled` next */
}

/* happy path: accepted -> a ready pod -> WebSocket -> bytes both ways -> either end closes -> all
 * closed. no pod:     waits up to WAIT_MS; a pod that runs and is not ready is taken after
 * READY_MS. failures:   before the pod has said anything, another pod is tried (what the client
 * sent is sent again); later the connection just closes, as it would without us. on close: client,
 * timer and WebSocket close; the last one ends with skf_portfwd_conn_gone. */
#include "lib/kube/portfwd_conn.h"

#include <string.h>

#include "lib/base/mem.h"

enum {
    READY_MS = 3000,
    WAIT_MS = 15000,
    LINGER_MS = 5000,      /* after the client's end, for the rest of the answer ... */
    FIRST_WORD_MS = 60000, /* ... and for its beginning */
    REDIAL_MS = 150,
    MAX_TRIES = 20,
    MAX_EARLY = 64 * 1024,
    HIGH_WATER = 512 * 1024,
    CHANNEL_DATA = 0,
    CHANNEL_ERROR = 1,
};

static void dial(struct skf_portfwd_conn *c);

/* --- the end ---------------------------------------------------------------------------------- */

static void one_closed(struct skf_portfwd_conn *c)
{
    if (--c->handles > 0)
        return;
    skf_buf_release(&c->early);
    skf_buf_release(&c->error);
    free(c->uid);
    free(c->pod);
    skf_portfwd_conn_gone(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

void skf_portfwd_conn_close(struct skf_portfwd_conn *c)
{
    if (c->ending)
        return;
    c->ending = true;
    uv_close((uv_handle_t *)&c->client, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    skf_ws_close(&c->ws);
}

static void give_up(struct skf_portfwd_conn *c, const char *text)
{
    skf_portfwd_tell(c->forward, SKF_PORTFWD_TROUBLE, text);
    skf_portfwd_conn_close(c);
}

static void on_linger_over(uv_timer_t *timer)
{
    skf_portfwd_conn_close(timer->data);
}

/* --- from the pod ----------------------------------------------------------------------------- */

struct write {
    uv_write_t req;
    char data[];
};

static void on_written(uv_write_t *req, int status)
{
    struct skf_portfwd_conn *c = req->data;
    free(SKF_CONTAINER_OF(req, struct write, req));
    if (c->ending)
        return;
    if (status < 0 || (c->pod_done && c->client.write_queue_size == 0))
        skf_portfwd_conn_close(c);
    else if (c->writing_blocked && c->client.write_queue_size < HIGH_WATER / 2) {
        c->writing_blocked = false;
        skf_ws_pause(&c->ws, false);
    }
}

static void to_client(struct skf_portfwd_conn *c, const char *data, size_t len)
{
    struct write *w = skf_xmalloc(sizeof *w + len);
    memcpy(w->data, data, len);
    w->req.data = c;
    uv_buf_t buf = uv_buf_init(w->data, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&c->client, &buf, 1, on_written) < 0) {
        free(w);
        skf_portfwd_conn_close(c);
        return;
    }
    if (c->client.write_queue_size > HIGH_WATER && !c->writing_blocked) {
        c->writing_blocked = true;
        skf_ws_pause(&c->ws, true);
    }
}

static void on_message(struct skf_ws *ws, const char *data, size_t len)
{
    struct skf_portfwd_conn *c = ws->data;
    unsigned channel = len ? (unsigned char)data[0] : 2;
    if (channel > CHANNEL_ERROR || c->ending)
        return;
    data++;
    len--;
    if (!c->seen[channel]) {
        c->seen[channel] = true; /* the first frame of a channel names the port */
        return;
    }
    if (!len)
        return;
    if (channel == CHANNEL_ERROR) {
        if (c->error.len < 2048)
            skf_buf_add(&c->error, data, len);
        skf_ws_close(&c->ws);
        return;
    }
    c->answered = true;
    skf_buf_release(&c->early);
    if (c->client_done)
        uv_timer_start(&c->timer, on_linger_over, LINGER_MS, 0);
    to_client(c, data, len);
}

/* --- from the client -------------------------------------------------------------------------- */

static void to_pod(struct skf_portfwd_conn *c, const char *data, size_t len)
{
    skf_autobuf struct skf_buf frame = SKF_BUF_INIT;
    skf_buf_addc(&frame, CHANNEL_DATA);
    skf_buf_add(&frame, data, len);
    skf_ws_send(&c->ws, frame.data, frame.len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(skf_xmalloc(32 * 1024), 32 * 1024);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void read_client(struct skf_portfwd_conn *c, bool on)
{
    if (c->reading == on || c->ending || c->client_done)
        return;
    c->reading = on;
    if (on)
        uv_read_start((uv_stream_t *)&c->client, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->client);
}

/* What would have to be said again to another pod. A long tale (an upload) is told once only: if it
 * breaks off, the client has to begin anew. */
static void keep_early(struct skf_portfwd_conn *c, const char *data, size_t len)
{
    if (c->answered || c->committed)
        return;
    skf_buf_add(&c->early, data, len);
    if (c->open && c->early.len > MAX_EARLY) {
        c->committed = true;
        skf_buf_release(&c->early);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct skf_portfwd_conn *c = stream->data;
    if (n > 0) {
        if (c->open)
            to_pod(c, buf->base, (size_t)n);
        keep_early(c, buf->base, (size_t)n);
        if ((!c->open && c->early.len > MAX_EARLY) || skf_ws_queued(&c->ws) > HIGH_WATER)
            read_client(c, false);
    }
    free(buf->base);
    if (n == UV_EOF && c->answered) {
        /* The WebSocket has no half-close: the rest of the answer has this long. */
        read_client(c, false);
        c->client_done = true;
        uv_timer_start(&c->timer, on_linger_over, LINGER_MS, 0);
    } else if (n == UV_EOF && (c->early.len || c->committed)) {
        read_client(c, false);
        c->client_done = true;
        if (c->open)
            uv_timer_start(&c->timer, on_linger_over, FIRST_WORD_MS, 0);
    } else if (n < 0) {
        skf_portfwd_conn_close(c);
    }
}

static void on_drained(struct skf_ws *ws)
{
    struct skf_portfwd_conn *c = ws->data;
    if (c->open)
        read_client(c, true);
}

/* --- dialling --------------------------------------------------------------------------------- */

static void on_open(struct skf_ws *ws)
{
    struct skf_portfwd_conn *c = ws->data;
    c->open = true;
    if (c->early.len)
        to_pod(c, c->early.data, c->early.len);
    if (c->client_done)
        uv_timer_start(&c->timer, on_linger_over, FIRST_WORD_MS, 0);
    else if (skf_ws_queued(&c->ws) <= HIGH_WATER)
        read_client(c, true);
}

static void on_retry_timer(uv_timer_t *timer)
{
    struct skf_portfwd_conn *c = timer->data;
    dial(c);
}

static void on_ws_closed(struct skf_ws *ws, const struct skf_err *err)
{
    struct skf_portfwd_conn *c = ws->data;
    c->dialling = c->open = false;
    c->handles--; /* never the last one: client and timer are open, or closing */
    if (c->ending) {
        c->handles++;
        one_closed(c);
        return;
    }
    bool failed = err || c->error.len;
    if (c->answered || c->committed || !failed) {
        /* All that the pod said is in the client's queue: close behind it, however slowly it
         * reads. */
        read_client(c, false);
        uv_timer_stop(&c->timer);
        c->pod_done = c->client_done = true;
        if (c->client.write_queue_size == 0)
            skf_portfwd_conn_close(c);
        return;
    }
    struct skf_target_view now;
    bool other =
        skf_kube_target_pick(&c->forward->target, true, &now) && strcmp(now.uid, c->uid) != 0;
    bool pod_gone = err && err->code == SKF_ENOTFOUND;
    if ((other || pod_gone || (err && err->code == SKF_ENET)) && ++c->tries < MAX_TRIES) {
        uv_timer_start(&c->timer, on_retry_timer, other ? 0 : REDIAL_MS, 0);
        return;
    }
    skf_autofree char *text = NULL;
    skf_buf_trim(&c->error);
    if (strstr(c->error.data, "connection refused"))
        text = skf_xasprintf("nothing listens on port %u in pod '%s'", c->port, c->pod);
    else
        text = skf_xasprintf("port %u of pod '%s' cannot be reached: %s", c->port, c->pod,
                             c->error.len ? c->error.data : err->msg);
    give_up(c, text);
}

static void on_wait_over(uv_timer_t *timer)
{
    struct skf_portfwd_conn *c = timer->data;
    skf_autofree char *text =
        skf_xasprintf("%s '%s' has no running pod: a connection was closed after %d s",
                      c->forward->kind, c->forward->name, WAIT_MS / 1000);
    give_up(c, text);
}

static void on_ready_over(uv_timer_t *timer)
{
    struct skf_portfwd_conn *c = timer->data;
    struct skf_target_view now;
    if (skf_kube_target_pick(&c->forward->target, true, &now)) {
        c->tries = MAX_TRIES / 2; /* not ready: take it as it is */
        dial(c);
    } else {
        uv_timer_start(&c->timer, on_wait_over, WAIT_MS - READY_MS, 0);
    }
}

static void dial(struct skf_portfwd_conn *c)
{
    struct skf_target_view to;
    if (c->ending || c->dialling)
        return;
    if (!skf_kube_target_pick(&c->forward->target, c->tries > 0, &to)) {
        if (!uv_is_active((uv_handle_t *)&c->timer))
            uv_timer_start(&c->timer, on_ready_over, READY_MS, 0);
        return;
    }
    uv_timer_stop(&c->timer);
    skf_replace(&c->uid, skf_xstrdup(to.uid));
    skf_replace(&c->pod, skf_xstrdup(to.pod));
    c->port = to.port;
    c->seen[0] = c->seen[1] = false;
    skf_buf_clear(&c->error);
    c->dialling = true;
    c->handles++;
    skf_autofree char *pod = skf_kube_path("Pod", c->forward->namespace_, to.pod);
    skf_autofree char *path = skf_xasprintf("%s/portforward?ports=%u", pod, to.port);
    skf_ws_start(c->forward->api, &c->ws, path, "v4.channel.k8s.io");
}

void skf_portfwd_conn_retry(struct skf_portfwd_conn *c)
{
    if (!c->dialling && !c->open && !c->answered && !c->ending && c->tries == 0)
        dial(c);
}

void skf_portfwd_accept(struct skf_portfwd *f)
{
    struct skf_portfwd_conn *c = skf_xcalloc(1, sizeof *c);
    c->forward = f;
    skf_buf_init(&c->early);
    skf_buf_init(&c->error);
    uv_tcp_init(skf_kube_api_loop(f->api), &c->client);
    uv_timer_init(skf_kube_api_loop(f->api), &c->timer);
    c->client.data = c->timer.data = c->ws.data = c;
    c->handles = 2;
    c->ws.on_open = on_open;
    c->ws.on_message = on_message;
    c->ws.on_drained = on_drained;
    c->ws.closed = on_ws_closed;
    skf_vec_push(&f->conns, c);
    if (uv_accept((uv_stream_t *)&f->listener, (uv_stream_t *)&c->client) < 0) {
        skf_portfwd_conn_close(c);
        return;
    }
    f->connections++;
    uv_tcp_nodelay(&c->client, 1);
    read_client(c, true);
    dial(c);
}

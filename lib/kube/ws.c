/* happy path: credentials -> connect (pool) -> handshake (poll) -> frames (poll) -> poll closed ->
 * curl cleaned up -> closed. failures:   the first error is kept; then as on close. on close:   a
 * running request or connect is cancelled and waited for; an open socket is closed. */
#include "lib/kube/ws.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/io/work.h"
#include "lib/kube/api_internal.h"
#include "lib/kube/jget.h"

enum { CONNECT_MS = 5000, MAX_HANDSHAKE = 64 * 1024, MAX_MESSAGE = 8 * 1024 * 1024 };

struct skf_ws_link {
    struct skf_ws *ws;
    struct skf_kube_api *api;
    struct skf_kube_req hello; /* only when credentials have to be fetched first */
    struct skf_work work;
    struct skf_kube_credentials *credentials;
    /* What the pool thread reads: owned copies, or what outlives it. */
    char *url, *host, *path, *protocol;
    char *chosen; /* of the protocols */
    CURL *easy;
    struct curl_slist *connect_to;
    uv_poll_t poll;
    wslay_event_context_ptr frames;
    struct skf_buf in, out; /* handshake; `in` keeps what came behind it */
    struct skf_err failure;
    bool hello_runs, connecting, polling, open, closing, paused, was_queued;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void destroy(struct skf_ws_link *l)
{
    struct skf_ws *ws = l->ws;
    struct skf_err err = l->failure;
    if (l->easy)
        curl_easy_cleanup(l->easy);
    curl_slist_free_all(l->connect_to);
    if (l->frames)
        wslay_event_context_free(l->frames);
    skf_kube_credentials_unref(l->credentials);
    skf_kube_req_release(&l->hello);
    skf_buf_release(&l->in);
    skf_buf_release(&l->out);
    char *owned[] = { l->url, l->host, l->path, l->protocol, l->chosen };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
    free(l);
    ws->link = NULL;
    ws->closed(ws, err.code ? &err : NULL);
}

static void on_poll_closed(uv_handle_t *handle)
{
    destroy(handle->data);
}

static void shut(struct skf_ws_link *l)
{
    if (l->closing)
        return;
    l->closing = true;
    l->open = false;
    if (l->hello_runs)
        skf_kube_req_cancel(&l->hello);
    else if (l->connecting)
        skf_work_cancel(&l->work);
    else
        uv_close((uv_handle_t *)&l->poll, on_poll_closed);
}

static void fail(struct skf_ws_link *l, enum skf_code code, const char *text)
{
    if (!l->failure.code)
        skf_err_set(&l->failure, code, "%s", text);
    shut(l);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch_socket(struct skf_ws_link *l)
{
    if (l->closing || !l->polling)
        return;
    int events = l->paused ? 0 : UV_READABLE;
    if (l->open ? wslay_event_want_write(l->frames) : l->out.len > 0)
        events |= UV_WRITABLE;
    if (events)
        uv_poll_start(&l->poll, events, on_poll);
    else
        uv_poll_stop(&l->poll);
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
    struct skf_ws_link *l = arg;
    (void)flags;
    if (l->in.len) {
        size_t n = l->in.len < len ? l->in.len : len;
        memcpy(buf, l->in.data, n);
        skf_buf_drop(&l->in, n);
        return (ssize_t)n;
    }
    size_t got = 0;
    CURLcode code = l->paused || l->closing ? CURLE_AGAIN : curl_easy_recv(l->easy, buf, len, &got);
    if (code == CURLE_OK && got > 0)
        return (ssize_t)got;
    wslay_event_set_error(ctx,
                          code == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct skf_ws_link *l = arg;
    size_t sent = 0;
    (void)flags;
    CURLcode code = curl_easy_send(l->easy, data, len, &sent);
    if (code == CURLE_OK)
        return (ssize_t)sent;
    wslay_event_set_error(ctx,
                          code == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int on_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
    (void)ctx, (void)arg;
    return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m,
                       void *arg)
{
    struct skf_ws_link *l = arg;
    (void)ctx;
    if (l->closing || wslay_is_ctrl_frame(m->opcode))
        return;
    l->ws->on_message(l->ws, (const char *)m->msg, m->msg_length);
}

static void pump(struct skf_ws_link *l)
{
    bool lost = (!l->paused && wslay_event_want_read(l->frames) && wslay_event_recv(l->frames) < 0);
    if (!l->closing && !lost && wslay_event_want_write(l->frames))
        lost = wslay_event_send(l->frames) < 0;
    if (l->closing)
        return;
    if (wslay_event_get_close_received(l->frames)) {
        shut(l);
        return;
    }
    if (lost) {
        fail(l, SKF_ENET, "the connection to the API server was lost");
        return;
    }
    if (l->was_queued && !wslay_event_want_write(l->frames)) {
        l->was_queued = false;
        if (l->ws->on_drained)
            l->ws->on_drained(l->ws);
    }
    if (!l->closing)
        watch_socket(l);
}

/* --- handshake -------------------------------------------------------------------------------- */

static void refused(struct skf_ws_link *l, const char *body)
{
    json_t *status = json_loads(body, 0, NULL);
    const char *message = skf_jtext(status, "message");
    int code = 0;
    sscanf(l->in.data, "HTTP/1.%*d %d", &code);
    if (!l->failure.code) {
        if (*message)
            skf_err_set(&l->failure, code == 404 ? SKF_ENOTFOUND : SKF_EDENIED, "%s", message);
        else
            skf_err_set(&l->failure, code == 404 ? SKF_ENOTFOUND : SKF_EPROTO,
                        "the API server answered %d to a WebSocket", code);
    }
    json_decref(status);
    shut(l);
}

static bool is_offered(const char *list, const char *chosen)
{
    skf_autofree char *all = skf_xasprintf(", %s,", list);
    skf_autofree char *one = skf_xasprintf(", %s,", chosen);
    return strstr(all, one) != NULL;
}

/* The Sec-WebSocket-Accept hash guards against caches that replay; over an authenticated connection
 * to the API server the status line and the protocol say enough. */
static void on_handshake(struct skf_ws_link *l)
{
    char *end = strstr(l->in.data, "\r\n\r\n");
    if (!end) {
        if (l->in.len > MAX_HANDSHAKE)
            fail(l, SKF_EPROTO, "the API server's answer to a WebSocket is too long");
        return;
    }
    if (strncmp(l->in.data, "HTTP/1.1 101", 12) != 0) {
        refused(l, end + 4);
        return;
    }
    *end = '\0';
    const char *protocol = strcasestr(l->in.data, "\r\nSec-WebSocket-Protocol:");
    protocol = protocol ? protocol + strlen("\r\nSec-WebSocket-Protocol:") : "";
    protocol += strspn(protocol, " ");
    l->chosen = skf_xstrndup(protocol, strcspn(protocol, "\r\n "));
    if (!is_offered(l->protocol, l->chosen)) {
        fail(l, SKF_EPROTO,
             "the API server does not speak the WebSocket protocol that was asked for");
        return;
    }
    skf_buf_drop(&l->in, (size_t)(end + 4 - l->in.data));
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .genmask_callback = on_mask,
        .on_msg_recv_callback = on_message,
    };
    if (wslay_event_context_client_init(&l->frames, &callbacks, l) != 0)
        abort(); /* out of memory */
    wslay_event_config_set_max_recv_msg_length(l->frames, MAX_MESSAGE);
    l->open = true;
    l->ws->on_open(l->ws);
    if (!l->closing)
        pump(l);
}

static void shake_hands(struct skf_ws_link *l)
{
    while (l->out.len) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(l->easy, l->out.data, l->out.len, &sent);
        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK) {
            fail(l, SKF_ENET, "the connection to the API server was lost");
            return;
        }
        explicit_bzero(l->out.data, sent);
        skf_buf_drop(&l->out, sent);
    }
    for (;;) {
        char bytes[4096];
        size_t got = 0;
        CURLcode code = curl_easy_recv(l->easy, bytes, sizeof bytes, &got);
        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK || got == 0) {
            if (strstr(l->in.data, "\r\n\r\n"))
                break;
            fail(l, SKF_ENET, "the API server closed the connection");
            return;
        }
        skf_buf_add(&l->in, bytes, got);
        if (l->in.len > MAX_HANDSHAKE || strstr(l->in.data, "\r\n\r\n"))
            break;
    }
    on_handshake(l);
    if (!l->open && !l->closing)
        watch_socket(l);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct skf_ws_link *l = poll->data;
    (void)events;
    if (l->closing)
        return;
    if (status < 0)
        fail(l, SKF_ENET, "the connection to the API server was lost");
    else if (l->open)
        pump(l);
    else
        shake_hands(l);
}

static void write_request(struct skf_ws_link *l)
{
    unsigned char nonce[16];
    if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce)
        memset(nonce, 7, sizeof nonce); /* only has to differ for caches */
    skf_autofree char *key = skf_base64_encode(nonce, sizeof nonce);
    const struct skf_kube_context *context = skf_kube_api_context(l->api);
    skf_buf_addf(&l->out,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: skiff\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
                 "Sec-WebSocket-Protocol: %s\r\n",
                 l->path, l->host, key, l->protocol);
    if (l->credentials->authorization)
        skf_buf_addf(&l->out, "%s\r\n", l->credentials->authorization);
    if (context->impersonate_user && !l->credentials->unix_socket) {
        skf_autostrv struct skf_strv headers = SKF_STRV_INIT;
        skf_kube_api_impersonate(context, &headers);
        for (size_t i = 0; i < headers.n; i++)
            skf_buf_addf(&l->out, "%s\r\n", headers.v[i]);
    }
    skf_buf_adds(&l->out, "\r\n");
}

/* --- connect ---------------------------------------------------------------------------------- */

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return skf_work_cancelled(arg); /* non-zero ends the transfer */
}

static void set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob = { (void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY };
    curl_easy_setopt(easy, option, &blob);
}

static void set_options(struct skf_ws_link *l)
{
    const struct skf_kube_context *context = skf_kube_api_context(l->api);
    CURL *easy = l->easy;
    curl_easy_setopt(easy, CURLOPT_URL, l->url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &l->work);
    skf_autofree char *no_proxy = skf_http_no_proxy();
    if (context->proxy_url || l->credentials->unix_socket)
        curl_easy_setopt(easy, CURLOPT_PROXY,
                         l->credentials->unix_socket ? "" : context->proxy_url);
    else
        curl_easy_setopt(easy, CURLOPT_NOPROXY, no_proxy);
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L); /* what follows is no request of curl's */
    if (l->credentials->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, l->credentials->unix_socket);
    if (context->ca_pem)
        set_blob(easy, CURLOPT_CAINFO_BLOB, context->ca_pem);
    if (l->credentials->cert_pem && l->credentials->key_pem) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, l->credentials->cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, l->credentials->key_pem);
    }
    if (context->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

/* Pool thread: touches only the easy handle. */
static void connect_run(struct skf_work *w)
{
    struct skf_ws_link *l = SKF_CONTAINER_OF(w, struct skf_ws_link, work);
    CURLcode code = curl_easy_perform(l->easy);
    if (code != CURLE_OK)
        skf_err_set(&w->err, SKF_ENET, "cannot connect to the API server: %s",
                    curl_easy_strerror(code));
}

static void connect_done(struct skf_work *w)
{
    struct skf_ws_link *l = SKF_CONTAINER_OF(w, struct skf_ws_link, work);
    l->connecting = false;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (!l->closing && !w->err.code)
        curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (l->closing || w->err.code || fd == CURL_SOCKET_BAD) {
        if (!l->closing && w->err.code)
            l->failure = w->err;
        else if (!l->closing)
            skf_err_set(&l->failure, SKF_ENET, "the API server closed the connection");
        destroy(l);
        return;
    }
    curl_easy_setopt(l->easy, CURLOPT_NOPROGRESS, 1L);
    uv_poll_init_socket(skf_kube_api_loop(l->api), &l->poll, fd);
    l->poll.data = l;
    l->polling = true;
    write_request(l);
    shake_hands(l);
}

static void connect_start(struct skf_ws_link *l)
{
    l->credentials = skf_kube_api_credentials(l->api);
    l->easy = curl_easy_init();
    if (!l->easy)
        abort();
    const char *base = skf_kube_api_base(l->api);
    l->url = skf_xstrdup(base);
    const char *host = strstr(base, "://") + 3;
    size_t len = strcspn(host, "/");
    l->host = skf_xstrndup(host, len);
    skf_autofree char *path = skf_take(&l->path);
    l->path = skf_xasprintf("%s%s", host + len, path);
    const char *sni = skf_kube_api_context(l->api)->tls_server_name;
    if (sni) {
        /* The certificate names sni; the connection goes to the real host. */
        const char *port = strrchr(l->host, ':');
        bool has_port = port && !strchr(port, ']');
        size_t bare = has_port ? (size_t)(port - l->host) : strlen(l->host);
        const char *number = has_port ? port + 1 : "443";
        skf_autofree char *to =
            skf_xasprintf("%s:%s:%.*s:%s", sni, number, (int)bare, l->host, number);
        l->connect_to = curl_slist_append(NULL, to);
        skf_replace(&l->url, skf_xasprintf("https://%s:%s", sni, number));
    }
    set_options(l);
    if (l->connect_to)
        curl_easy_setopt(l->easy, CURLOPT_CONNECT_TO, l->connect_to);
    l->connecting = true;
    skf_work_start(skf_kube_api_loop(l->api), &l->work, connect_run, connect_done);
}

static void on_hello(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_ws_link *l = r->data;
    l->hello_runs = false;
    if (l->closing || err) {
        if (!l->closing)
            l->failure = *err;
        destroy(l);
        return;
    }
    connect_start(l);
}

/* --- public ----------------------------------------------------------------------------------- */

void skf_ws_start(struct skf_kube_api *api, struct skf_ws *ws, const char *path,
                  const char *protocol)
{
    assert(!ws->link);
    struct skf_ws_link *l = skf_xcalloc(1, sizeof *l);
    ws->link = l;
    l->ws = ws;
    l->api = api;
    l->path = skf_xstrdup(path);
    l->protocol = skf_xstrdup(protocol);
    skf_buf_init(&l->in);
    skf_buf_init(&l->out);
    skf_kube_req_init(&l->hello);
    l->hello.data = l;
    if (skf_kube_api_has_credentials(api)) {
        connect_start(l);
        return;
    }
    l->hello_runs = true;
    skf_kube_get(api, &l->hello, skf_xstrdup("/version"), on_hello);
}

void skf_ws_send(struct skf_ws *ws, const void *data, size_t len)
{
    struct skf_ws_link *l = ws->link;
    if (!l || !l->open)
        return;
    struct wslay_event_msg m = { WSLAY_BINARY_FRAME, data, len };
    wslay_event_queue_msg(l->frames, &m);
    l->was_queued = true;
    watch_socket(l);
}

const char *skf_ws_protocol(const struct skf_ws *ws)
{
    return ws->link && ws->link->chosen ? ws->link->chosen : "";
}

size_t skf_ws_queued(const struct skf_ws *ws)
{
    return ws->link && ws->link->open ? wslay_event_get_queued_msg_length(ws->link->frames) : 0;
}

void skf_ws_pause(struct skf_ws *ws, bool pause)
{
    struct skf_ws_link *l = ws->link;
    if (!l || l->paused == pause)
        return;
    l->paused = pause;
    if (!pause && l->open && !l->closing)
        /* TLS may hold bytes that the socket does not announce again: a writable one wakes us. */
        uv_poll_start(&l->poll, UV_READABLE | UV_WRITABLE, on_poll);
    else
        watch_socket(l);
}

void skf_ws_close(struct skf_ws *ws)
{
    if (ws->link)
        shut(ws->link);
}

/* happy path: easy handle into the multi; curl says which sockets and when; socket_action; drain
 *             info_read after each; done from there.
 * failures:   curl's code is turned into ours once, in fail_of.
 * on cancel:  taken out of the multi, and done comes from the client's own timer, never from inside
 *             cancel.
 * curl's callbacks only mark: nothing is added, removed or freed inside them. */
#include "lib/io/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"

enum { DEFAULT_MAX_BODY = 8 * 1024 * 1024, DEFAULT_CONNECT_MS = 30000, MAX_HEADERS = 200 };

struct skf_http {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;               /* curl's time-outs */
    uv_timer_t soon;                /* ends of cancelled requests */
    struct skf_http_req *active;    /* in the multi */
    struct skf_http_req *cancelled; /* out of it, done still to come */
    int open_handles;
    bool freed;
    bool in_curl;  /* one of our callbacks runs inside curl: nothing may be taken out now */
    bool unwanted; /* a request was cancelled meanwhile */
};

struct socket_watch {
    uv_poll_t poll;
    struct skf_http *client;
    curl_socket_t fd;
    int events;
};

/* --- lists ------------------------------------------------------------------------------------ */

static void list_add(struct skf_http_req **head, struct skf_http_req *r)
{
    r->prev = NULL;
    r->next = *head;
    if (*head)
        (*head)->prev = r;
    *head = r;
}

static void list_del(struct skf_http_req **head, struct skf_http_req *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        *head = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->prev = r->next = NULL;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void fail_of(struct skf_http_req *r, CURLcode code)
{
    const char *text = r->curl_error[0] ? r->curl_error : curl_easy_strerror(code);
    if (r->failure.code)
        return;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        skf_err_set(&r->failure, SKF_ETIMEDOUT, "%s", text);
        break;
    case CURLE_FILESIZE_EXCEEDED:
        skf_err_set(&r->failure, SKF_ETOOBIG, "%s", text);
        break;
    case CURLE_URL_MALFORMAT:
        skf_err_set(&r->failure, SKF_EINVAL, "%s", text);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL: /* in the URL, or an answer that is not HTTP/1 */
        skf_err_set(&r->failure, strstr(text, "HTTP/0.9") ? SKF_EPROTO : SKF_EINVAL, "%s", text);
        break;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
        skf_err_set(&r->failure, SKF_EPROTO, "%s", text);
        break;
    default:
        skf_err_set(&r->failure, SKF_ENET, "%s", text);
    }
    char *msg =
        r->failure.msg; /* "Failed to connect" -> "failed to connect", but "SSL ..." stays */
    if (msg[0] >= 'A' && msg[0] <= 'Z' && msg[1] >= 'a' && msg[1] <= 'z')
        msg[0] = (char)(msg[0] - 'A' + 'a');
}

/* Takes the request out of curl; its results stay. */
static void detach(struct skf_http_req *r)
{
    char *url = NULL;
    long status = 0;
    curl_off_t up = 0, down = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    r->status = (int)status;
    skf_replace(&r->final_url, skf_xstrdup_null(url));
    r->sent_bytes = up;
    r->received_bytes = down;
    curl_multi_remove_handle(r->client->multi, r->easy);
    curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->header_list);
    curl_slist_free_all(r->connect_to);
    r->easy = NULL;
    r->header_list = r->connect_to = NULL;
    r->active = false;
}

static void end_soon(struct skf_http_req *r);

/* Requests that were cancelled from inside a callback of curl's. */
static void drop_unwanted(struct skf_http *c)
{
    struct skf_http_req *next;
    c->unwanted = false;
    for (struct skf_http_req *r = c->active; r; r = next) {
        next = r->next;
        if (r->failure.code != SKF_ECANCELED)
            continue;
        list_del(&c->active, r);
        detach(r);
        end_soon(r);
    }
}

static void drain(struct skf_http *c)
{
    CURLMsg *m;
    int left;
    if (c->unwanted)
        drop_unwanted(c);
    while (!c->freed && (m = curl_multi_info_read(c->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        struct skf_http_req *r = NULL;
        CURLcode code = m->data.result; /* m is gone after the cleanup in detach */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        list_del(&c->active, r);
        if (code != CURLE_OK)
            fail_of(r, code);
        detach(r);
        r->done(r, r->failure.code ? &r->failure : NULL);
    }
}

static void on_soon(uv_timer_t *timer)
{
    struct skf_http *c = timer->data;
    while (c->cancelled) {
        struct skf_http_req *r = c->cancelled;
        list_del(&c->cancelled, r);
        r->done(r, &r->failure);
    }
}

static void end_soon(struct skf_http_req *r)
{
    list_add(&r->client->cancelled, r);
    uv_timer_start(&r->client->soon, on_soon, 0, 0);
}

/* --- curl on the loop ------------------------------------------------------------------------- */

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *s = poll->data;
    struct skf_http *c = s->client;
    int running, flags = 0;
    if (status < 0) {
        /* libuv stops a poll on an error. curl shall read what the other side said before, and the
         * error itself, from the socket; it must hear of the socket again if it wants to go on with
         * it. */
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
        uv_poll_start(poll, s->events, on_socket_event);
    }
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, s->fd, flags, &running);
    drain(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct skf_http *c = timer->data;
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(c);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct skf_http *c = arg;
    (void)multi;
    if (c->freed || timeout_ms < 0) {
        uv_timer_stop(&c->timer);
        return 0;
    }
    uv_update_time(c->loop); /* the loop's clock stands still while a callback works */
    uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct skf_http *c = arg;
    struct socket_watch *s = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(c->multi, fd, NULL);
            uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *)&s->poll, on_poll_closed);
        }
        return 0;
    }
    if (!s) {
        s = skf_xcalloc(1, sizeof *s);
        s->client = c;
        s->fd = fd;
        if (uv_poll_init_socket(c->loop, &s->poll, fd) < 0) {
            free(s);
            return -1;
        }
        s->poll.data = s;
        curl_multi_assign(c->multi, fd, s);
    }
    int events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= UV_WRITABLE;
    s->events = events;
    uv_poll_start(&s->poll, events, on_socket_event);
    return 0;
}

struct skf_http *skf_http_new(uv_loop_t *loop)
{
    static bool curl_ready;
    if (!curl_ready) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        curl_ready = true;
    }
    struct skf_http *c = skf_xcalloc(1, sizeof *c);
    c->loop = loop;
    c->multi = curl_multi_init();
    if (!c->multi)
        abort();
    uv_timer_init(loop, &c->timer);
    uv_timer_init(loop, &c->soon);
    c->timer.data = c->soon.data = c;
    c->open_handles = 2;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    return c;
}

static void on_client_handle_closed(uv_handle_t *handle)
{
    struct skf_http *c = handle->data;
    if (--c->open_handles == 0)
        free(c);
}

void skf_http_free(struct skf_http *c)
{
    if (!c)
        return;
    assert(!c->active && !c->cancelled);
    c->freed = true;
    curl_multi_cleanup(c->multi); /* closes kept connections: their polls close on the loop */
    uv_close((uv_handle_t *)&c->timer, on_client_handle_closed);
    uv_close((uv_handle_t *)&c->soon, on_client_handle_closed);
}

/* --- one request ------------------------------------------------------------------------------ */

void skf_http_req_init(struct skf_http_req *r)
{
    memset(r, 0, sizeof *r);
    r->method = "GET";
    r->max_body = DEFAULT_MAX_BODY;
    r->connect_ms = DEFAULT_CONNECT_MS;
    skf_buf_init(&r->send);
    skf_buf_init(&r->body);
}

void skf_http_req_release(struct skf_http_req *r)
{
    assert(!r->active);
    skf_replace(&r->url, NULL);
    skf_replace(&r->final_url, NULL);
    skf_strv_release(&r->headers);
    skf_strv_release(&r->answer_headers);
    skf_buf_release(&r->send);
    skf_buf_release(&r->body);
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct skf_http_req *r = arg;
    size_t len = size * n;
    size_t text = len;
    while (text && (data[text - 1] == '\r' || data[text - 1] == '\n'))
        text--;
    if (len >= 5 && strncmp(data, "HTTP/", 5) == 0) { /* a new hop, or after 100 Continue */
        skf_strv_clear(&r->answer_headers);
    } else if (text) {
        if (r->answer_headers.n < MAX_HEADERS) {
            char *line = skf_xstrndup(data, text);
            for (char *p = line; *p && *p != ':'; p++)
                if (*p >= 'A' && *p <= 'Z')
                    *p = (char)(*p - 'A' + 'a');
            skf_strv_take(&r->answer_headers, line);
        }
    } else {
        long status = 0;
        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        r->status = (int)status;
        bool hop =
            r->max_redirects > 0 && status >= 300 && status < 400 && skf_http_header(r, "location");
        if (status >= 200 && !hop && !r->told_headers) { /* also comes behind trailers */
            r->told_headers = true;
            r->client->in_curl = true;
            if (r->on_headers)
                r->on_headers(r);
            r->client->in_curl = false;
        }
    }
    return r->failure.code ? 0 : len;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct skf_http_req *r = arg;
    size_t len = size * n;
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    if (r->failure.code) /* cancelled since */
        return 0;
    if (r->on_body) {
        r->client->in_curl = true;
        bool go_on = r->on_body(r, data, len);
        r->client->in_curl = false;
        if (!go_on && !r->failure.code)
            skf_err_set(&r->failure, SKF_ECANCELED, "cancelled");
        return r->failure.code ? 0 : len;
    }
    if (r->body.len + len > r->max_body) {
        skf_err_set(&r->failure, SKF_ETOOBIG, "the answer has more than %zu bytes", r->max_body);
        return 0;
    }
    skf_buf_add(&r->body, data, len);
    return len;
}

static size_t on_send(char *to, size_t size, size_t n, void *arg)
{
    struct skf_http_req *r = arg;
    size_t room = size * n;
    if (r->read_body) {
        /* Exactly what was announced: less would leave both sides waiting for the other. */
        bool sized = r->send_size >= 0;
        if (sized && room > (uint64_t)r->send_size - r->sent)
            room = (size_t)r->send_size - r->sent;
        if (!room)
            return 0;
        r->client->in_curl = true;
        ssize_t got = r->read_body(r, to, room);
        r->client->in_curl = false;
        if ((got < 0 || (sized && got == 0)) && !r->failure.code)
            skf_err_set(&r->failure, SKF_EIO, "cannot read what is to be sent");
        if (r->failure.code)
            return CURL_READFUNC_ABORT;
        r->sent += (size_t)got;
        return (size_t)got;
    }
    size_t left = r->send.len - r->sent;
    if (left > room)
        left = room;
    memcpy(to, r->send.data + r->sent, left);
    r->sent += left;
    return left;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct skf_http_req *r = arg;
    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    r->sent = 0;
    if (r->read_body)
        return r->rewind_body && r->rewind_body(r) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
    return CURL_SEEKFUNC_OK;
}

static void set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob = { (void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY };
    curl_easy_setopt(easy, option, &blob);
}

char *skf_http_no_proxy(void)
{
    const char *named = getenv("no_proxy") ? getenv("no_proxy") : getenv("NO_PROXY");
    if (named && strcmp(named, "*") == 0)
        return skf_xstrdup("*"); /* all hosts, and only alone */
    return skf_xasprintf("%s%slocalhost,127.0.0.1,::1", named ? named : "", named ? "," : "");
}

/* A network that has gone away (sleep, another Wi-Fi) says nothing: an idle connection is asked for
 * a sign of life, and one that answers nothing for so long is given up. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    int idle_s = 15, again_s = 5, times = 3;
    unsigned lost_ms = 30 * 1000;
    (void)arg, (void)purpose;
#ifdef TCP_USER_TIMEOUT
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again_s, sizeof again_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_ms, sizeof lost_ms);
#endif
    return CURL_SOCKOPT_OK;
}

static void set_transport(CURL *easy, const struct skf_http_transport *t, const char *url)
{
    if (t->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
    if (t->ca_pem || t->ca_file) /* these and nobody else: curl would add the system's directory */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (t->ca_pem)
        set_blob(easy, CURLOPT_CAINFO_BLOB, t->ca_pem);
    else if (t->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
    else if (getenv("SSL_CERT_FILE"))
        curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (!t->ca_pem && !t->ca_file && getenv("SSL_CERT_DIR"))
        curl_easy_setopt(easy, CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
    if (t->client_cert_pem && t->client_key_pem) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, t->client_cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, t->client_key_pem);
    }
    if (t->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (t->proxy || t->unix_socket) {
        curl_easy_setopt(easy, CURLOPT_PROXY, t->unix_socket ? "" : t->proxy);
    } else {
        /* curl reads the name in lower case only, for fear of CGI; Go, kubectl and Docker read
         * both. */
        const char *http_proxy = getenv("HTTP_PROXY");
        if (http_proxy && !getenv("http_proxy") && !getenv("all_proxy") && !getenv("ALL_PROXY") &&
            strncasecmp(url, "http:", 5) == 0)
            curl_easy_setopt(easy, CURLOPT_PROXY, http_proxy);
        /* Loopback is never proxied. */
        skf_autofree char *none = skf_http_no_proxy();
        curl_easy_setopt(easy, CURLOPT_NOPROXY, none);
    }
}

/* The server's certificate is for another name than the URL's host: ask for that name, connect to
 * the host, and keep its Host header. curl has no plain option for it. */
static void set_server_name(CURL *easy, struct skf_http_req *r)
{
    const char *name = r->transport.tls_server_name;
    char *host = NULL, *port = NULL, *url = NULL;
    CURLU *u = curl_url();
    if (!u)
        abort();
    if (curl_url_set(u, CURLUPART_URL, r->url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK) {
        skf_autofree char *way = skf_xasprintf("%s:%s:%s:%s", name, port, host, port);
        skf_autofree char *header = skf_xasprintf("Host: %s:%s", host, port);
        r->connect_to = curl_slist_append(NULL, way);
        r->header_list = curl_slist_append(r->header_list, header);
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, r->connect_to);
        curl_easy_setopt(easy, CURLOPT_URL, url);
    }
    curl_free(host);
    curl_free(port);
    curl_free(url);
    curl_url_cleanup(u);
}

static void set_body(CURL *easy, struct skf_http_req *r)
{
    bool none = !r->has_body && !r->read_body && !r->send.len;
    if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (none) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
        if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "DELETE") != 0)
            r->header_list = curl_slist_append(r->header_list, "Content-Length: 0");
    } else {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                         (curl_off_t)(r->read_body ? r->send_size : (int64_t)r->send.len));
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(easy, CURLOPT_READDATA, r);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, r);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
        /* 100-continue costs up to a second with servers that ignore it. */
        r->header_list = curl_slist_append(r->header_list, "Expect:");
    }
}

/* Neither the query nor "user:password@": they may be secrets. */
static void log_start(const struct skf_http_req *r)
{
    const char *host = strstr(r->url, "://");
    host = host ? host + 3 : r->url;
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    const char *shown = at ? at + 1 : host;
    skf_log_debug("http: %s %.*s%.*s", r->method, (int)(host - r->url), r->url,
                  (int)strcspn(shown, "?"), shown);
}

void skf_http_start(struct skf_http *client, struct skf_http_req *r,
                    void (*done)(struct skf_http_req *r, const struct skf_err *err))
{
    assert(!r->active && r->url);
    r->client = client;
    r->done = done;
    r->status = 0;
    r->sent = 0;
    r->sent_bytes = r->received_bytes = 0;
    r->told_headers = false;
    skf_replace(&r->final_url, NULL);
    r->curl_error[0] = '\0';
    skf_err_clear(&r->failure);
    skf_strv_clear(&r->answer_headers);
    skf_buf_clear(&r->body);

    CURL *easy = curl_easy_init();
    if (!easy)
        abort();
    r->easy = easy;
    r->active = true;
    for (size_t i = 0; i < r->headers.n; i++)
        r->header_list = curl_slist_append(r->header_list, r->headers.v[i]);
    set_body(easy, r);
    set_transport(easy, &r->transport, r->url);
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
    if (r->transport.tls_server_name && strncasecmp(r->url, "https:", 6) == 0)
        set_server_name(easy, r);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->curl_error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->header_list);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "skiff/" SKIFF_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* a cancel does not wait for a slow name server */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     strncasecmp(r->url, "https:", 6) == 0 ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, r->max_redirects > 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)r->max_redirects);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    /* Rather share an HTTP/2 connection than open another. Only TLS tells at once whether it is
     * one: on plain HTTP all others would wait for the first answer, which a watch may never give.
     */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncasecmp(r->url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (r->trickles ? 8L : 128L) * 1024);
    if (r->idle_ms) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(r->idle_ms + 999) / 1000);
    }
    if (r->limit_ms)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)r->limit_ms);
    log_start(r);
    list_add(&client->active, r);
    CURLMcode code = curl_multi_add_handle(client->multi, easy);
    if (code != CURLM_OK) {
        skf_err_set(&r->failure, SKF_ENET, "%s", curl_multi_strerror(code));
        list_del(&client->active, r);
        detach(r);
        end_soon(r);
    }
}

void skf_http_cancel(struct skf_http_req *r)
{
    if (!r->active)
        return; /* never started, or its done is on the way */
    struct skf_http *c = r->client;
    skf_err_set(&r->failure, SKF_ECANCELED, "cancelled");
    if (c->in_curl) {
        /* Once curl has returned; if it is for something else, from its timer. */
        c->unwanted = true;
        return;
    }
    list_del(&c->active, r);
    detach(r);
    end_soon(r);
}

const char *skf_http_header(const struct skf_http_req *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < r->answer_headers.n; i++) {
        const char *line = r->answer_headers.v[i];
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " \t");
    }
    return NULL;
}

char *skf_http_escape(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    struct skf_buf out = SKF_BUF_INIT;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
            strchr("-._~", *p)) {
            skf_buf_addc(&out, (char)*p);
        } else {
            skf_buf_addc(&out, '%');
            skf_buf_addc(&out, hex[*p >> 4]);
            skf_buf_addc(&out, hex[*p & 15]);
        }
    }
    return skf_buf_take(&out);
}

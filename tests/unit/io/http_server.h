/* tests/unit/io/http_server.h: a small HTTP/1.1 server on the test's own loop. It answers by path,
 * keeps connections open, and misbehaves on request. Included by test_http.c only. */
#ifndef SKF_TESTS_HTTP_SERVER_H
#define SKF_TESTS_HTTP_SERVER_H
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "tests/support/loop_fixture.h"

struct conn;
struct server {
    uv_tcp_t tcp;
    uv_pipe_t pipe;
    bool has_pipe;
    int port;
    int connections, requests, open;
    struct conn *first;
    struct skf_buf seen; /* heads of all requests */
    struct skf_buf body; /* of the last one */
};

struct conn {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } h;
    struct server *server;
    struct conn *next;
    struct skf_buf in;
    bool closing;
};

static void conn_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    struct conn **at = &c->server->first;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->server->open--;
    skf_buf_release(&c->in);
    free(c);
}

static void conn_close(struct conn *c)
{
    if (!c->closing)
        uv_close((uv_handle_t *)&c->h.stream, conn_closed);
    c->closing = true;
}

static void conn_reset(struct conn *c)
{
    c->closing = true;
    uv_tcp_close_reset(&c->h.tcp, conn_closed);
}

struct answer {
    uv_write_t req;
    struct conn *conn;
    bool last;
    char data[];
};

static void answer_sent(uv_write_t *req, int status)
{
    struct answer *a = SKF_CONTAINER_OF(req, struct answer, req);
    if (status == 0 && a->last)
        conn_close(a->conn);
    free(a);
}

static void say(struct conn *c, const char *data, size_t len, bool last)
{
    struct answer *a = skf_xmalloc(sizeof *a + len);
    memcpy(a->data, data, len);
    a->conn = c;
    a->last = last;
    uv_buf_t b = uv_buf_init(a->data, (unsigned)len);
    assert_int_equal(uv_write(&a->req, &c->h.stream, &b, 1, answer_sent), 0);
}

static void says(struct conn *c, const char *text)
{
    say(c, text, strlen(text), false);
}

static void say_body(struct conn *c, int status, const char *headers, const void *body, size_t len)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_buf_addf(&out, "HTTP/1.1 %d Text\r\n%sContent-Length: %zu\r\n\r\n", status, headers, len);
    skf_buf_add(&out, body, len);
    say(c, out.data, out.len, false);
}

static char *header_of(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1 + strspn(line + len + 1, " ");
            return skf_xstrndup(line, strcspn(line, "\r"));
        }
    }
    return NULL;
}

static void respond(struct conn *c, const char *head, const struct skf_buf *body)
{
    skf_autofree char *method = skf_xstrndup(head, strcspn(head, " "));
    const char *start = head + strlen(method) + 1;
    skf_autofree char *path = skf_xstrndup(start, strcspn(start, " "));
    const char *query = strchr(path, '?');
    if (strcmp(path, "/hello") == 0 && strcmp(method, "HEAD") == 0) {
        says(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    } else if (strcmp(path, "/hello") == 0) {
        say_body(c, 200, "X-Two: 1\r\nx-TWO:  2\r\nContent-Type: Text/Plain\r\n", "hello", 5);
    } else if (strcmp(path, "/echo") == 0) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        skf_buf_addf(&out, "%s ", method);
        skf_buf_add(&out, body->data, body->len);
        say_body(c, 201, "", out.data, out.len);
    } else if (strcmp(path, "/auth") == 0) {
        skf_autofree char *value = header_of(head, "Authorization");
        say_body(c, 200, "", value ? value : "none", strlen(value ? value : "none"));
    } else if (strcmp(path, "/host") == 0) {
        skf_autofree char *value = header_of(head, "Host");
        say_body(c, 200, "", value, strlen(value));
    } else if (strcmp(path, "/chunked") == 0) {
        says(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                "Trailer: X-End\r\n\r\n3\r\nabc\r\n");
        says(c, "A;ext=1\r\n0123456789\r\n0\r\nX-End: yes\r\n\r\n");
    } else if (strcmp(path, "/until-close") == 0) {
        const char text[] = "HTTP/1.1 200 OK\r\n\r\nall of it";
        say(c, text, sizeof text - 1, true);
    } else if (strncmp(path, "/status/", 8) == 0) {
        say_body(c, (int)strtol(path + 8, NULL, 10), "", "no", 2);
    } else if (strncmp(path, "/big/", 5) == 0) {
        size_t len = (size_t)strtol(path + 5, NULL, 10);
        skf_autofree char *data = skf_xmalloc(len + 1);
        memset(data, 'b', len);
        say_body(c, 200, "", data, len);
    } else if (strncmp(path, "/redirect/", 10) == 0 && query) {
        skf_autofree char *to = skf_xasprintf("Location: %s\r\n", query + 1);
        say_body(c, (int)strtol(path + 10, NULL, 10), to, "moved", 5);
    } else if (strcmp(path, "/hang") == 0) {
        return;
    } else if (strcmp(path, "/part") == 0) {
        says(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
    } else if (strcmp(path, "/reset") == 0) {
        conn_reset(c);
    } else if (strcmp(path, "/part-close") == 0) {
        const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
        say(c, text, sizeof text - 1, true);
    } else if (strcmp(path, "/garbage") == 0) {
        const char text[] = "SSH-2.0-OpenSSH\r\n\r\n";
        say(c, text, sizeof text - 1, true);
    } else if (strcmp(path, "/many-headers") == 0) {
        skf_autobuf struct skf_buf h = SKF_BUF_INIT;
        for (int i = 0; i < 1000; i++)
            skf_buf_addf(&h, "X-%d: %d\r\n", i, i);
        say_body(c, 200, h.data, "", 0);
    } else {
        say_body(c, 404, "", "?", 1);
    }
}

/* One whole request at the front of c->in? Answers it and takes it away. */
static bool take_request(struct conn *c)
{
    char *end = strstr(c->in.data, "\r\n\r\n");
    if (!end)
        return false;
    size_t head_len = (size_t)(end - c->in.data) + 4, used = head_len;
    skf_autofree char *head = skf_xstrndup(c->in.data, head_len);
    skf_autofree char *length = header_of(head, "Content-Length");
    skf_autofree char *encoding = header_of(head, "Transfer-Encoding");
    skf_autobuf struct skf_buf body = SKF_BUF_INIT;
    if (strncmp(head, "PUT /early", 10) == 0) { /* does not want to read it */
        const char text[] =
            "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
        c->server->requests++;
        skf_buf_clear(&c->in);
        say(c, text, sizeof text - 1, true);
        return false;
    }
    if (strncmp(head, "PUT /part-reset", 15) == 0) {
        conn_reset(c);
        return false;
    }
    if (encoding) {
        for (;;) {
            char *line = c->in.data + used, *eol = strstr(line, "\r\n");
            if (!eol)
                return false;
            size_t size = (size_t)strtol(line, NULL, 16);
            used = (size_t)(eol - c->in.data) + 2;
            if (used + size + 2 > c->in.len)
                return false;
            skf_buf_add(&body, c->in.data + used, size);
            used += size + 2;
            if (!size)
                break;
        }
    } else if (length) {
        size_t size = (size_t)strtol(length, NULL, 10);
        if (c->in.len < head_len + size)
            return false;
        skf_buf_add(&body, c->in.data + head_len, size);
        used += size;
    }
    skf_buf_drop(&c->in, used);
    c->server->requests++;
    skf_buf_adds(&c->server->seen, head);
    skf_buf_clear(&c->server->body);
    skf_buf_add(&c->server->body, body.data, body.len);
    respond(c, head, &body);
    return !c->closing;
}

static void conn_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    *buf = uv_buf_init(skf_xmalloc(suggested), (unsigned)suggested);
}

static void conn_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = s->data;
    if (n > 0)
        skf_buf_add(&c->in, buf->base, (size_t)n);
    free(buf->base);
    if (n < 0)
        conn_close(c);
    else
        while (!c->closing && c->in.len && take_request(c))
            ;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    assert_int_equal(status, 0);
    struct conn *c = skf_xcalloc(1, sizeof *c);
    c->server = s;
    skf_buf_init(&c->in);
    if (listener == (uv_stream_t *)&s->pipe)
        uv_pipe_init(listener->loop, &c->h.pipe, 0);
    else
        uv_tcp_init(listener->loop, &c->h.tcp);
    c->h.stream.data = c;
    c->next = s->first;
    s->first = c;
    s->connections++;
    s->open++;
    assert_int_equal(uv_accept(listener, &c->h.stream), 0);
    uv_read_start(&c->h.stream, conn_alloc, conn_read);
}

static void server_open(uv_loop_t *loop, struct server *s, const char *pipe_path)
{
    struct sockaddr_in address;
    int len = sizeof address;
    memset(s, 0, sizeof *s);
    skf_buf_init(&s->seen);
    skf_buf_init(&s->body);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &s->tcp);
    s->tcp.data = s->pipe.data = s;
    assert_int_equal(uv_tcp_bind(&s->tcp, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->tcp, 128, on_connection), 0);
    uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&address, &len);
    s->port = ntohs(address.sin_port);
    if (pipe_path) {
        uv_pipe_init(loop, &s->pipe, 0);
        assert_int_equal(uv_pipe_bind(&s->pipe, pipe_path), 0);
        assert_int_equal(uv_listen((uv_stream_t *)&s->pipe, 128, on_connection), 0);
        s->has_pipe = true;
    }
}

static void server_close(struct server *s)
{
    uv_close((uv_handle_t *)&s->tcp, NULL);
    if (s->has_pipe)
        uv_close((uv_handle_t *)&s->pipe, NULL);
    for (struct conn *c = s->first; c; c = c->next)
        conn_close(c);
    skf_buf_release(&s->seen);
    skf_buf_release(&s->body);
}
#endif

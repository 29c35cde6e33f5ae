/* A tiny HTTP server on the test's own loop. Each request goes to `on_request`, which answers now
 * or later with fake_send and fake_end. Header only. */
#ifndef SKF_TESTS_FAKE_API_H
#define SKF_TESTS_FAKE_API_H
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

struct fake_conn;
struct fake_api {
    uv_tcp_t listener;
    unsigned port;
    void *data;
    void (*on_request)(struct fake_api *f, struct fake_conn *c, const char *head);
    SKF_VEC(struct fake_conn *) conns;
    struct skf_strv requests; /* request lines, in order */
};
struct fake_conn {
    uv_tcp_t tcp;
    struct fake_api *api;
    struct skf_buf in;
    bool closing;
};

static inline void fake_conn_closed(uv_handle_t *h)
{
    struct fake_conn *c = h->data;
    for (size_t i = 0; i < c->api->conns.n; i++) {
        if (c->api->conns.v[i] == c) {
            skf_vec_remove(&c->api->conns, i);
            break;
        }
    }
    skf_buf_release(&c->in);
    free(c);
}

static inline void fake_end(struct fake_conn *c)
{
    if (!c->closing)
        uv_close((uv_handle_t *)&c->tcp, fake_conn_closed);
    c->closing = true;
}

static inline void fake_send(struct fake_conn *c, const char *text)
{
    /* Blocking for a moment: small texts into an empty socket buffer. */
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
}

/* A whole answer; the connection closes. */
static inline void fake_answer(struct fake_conn *c, int status, const char *body)
{
    skf_autofree char *text =
        skf_xasprintf("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n\r\n%s",
                      status, strlen(body), body);
    fake_send(c, text);
    fake_end(c);
}

/* The head of a stream that goes on until fake_end. */
static inline void fake_stream(struct fake_conn *c)
{
    fake_send(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static inline void fake_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    (void)h, (void)n;
    *b = uv_buf_init(malloc(8192), 8192);
}

static inline void fake_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct fake_conn *c = s->data;
    if (n > 0)
        skf_buf_add(&c->in, b->base, (size_t)n);
    free(b->base);
    if (n < 0) {
        fake_end(c);
        return;
    }
    char *end = strstr(c->in.data, "\r\n\r\n");
    if (!end || c->closing)
        return;
    end[2] = '\0';
    skf_strv_addn(&c->api->requests, c->in.data, strcspn(c->in.data, "\r"));
    char *head = skf_buf_take(&c->in);
    c->api->on_request(c->api, c, head);
    free(head);
}

static inline void fake_accept(uv_stream_t *s, int status)
{
    struct fake_api *f = s->data;
    if (status < 0)
        return;
    struct fake_conn *c = skf_xcalloc(1, sizeof *c);
    c->api = f;
    c->tcp.data = c;
    skf_buf_init(&c->in);
    uv_tcp_init(s->loop, &c->tcp);
    skf_vec_push(&f->conns, c);
    if (uv_accept(s, (uv_stream_t *)&c->tcp) == 0)
        uv_read_start((uv_stream_t *)&c->tcp, fake_alloc, fake_read);
    else
        fake_end(c);
}

static inline void fake_open(struct fake_api *f, uv_loop_t *loop)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int len = sizeof a;
    uv_tcp_init(loop, &f->listener);
    f->listener.data = f;
    uv_tcp_bind(&f->listener, (struct sockaddr *)&a, 0);
    uv_listen((uv_stream_t *)&f->listener, 16, fake_accept);
    uv_tcp_getsockname(&f->listener, (struct sockaddr *)&a, &len);
    f->port = ntohs(a.sin_port);
}

static inline void fake_close(struct fake_api *f)
{
    for (size_t i = 0; i < f->conns.n; i++)
        fake_end(f->conns.v[i]);
    uv_close((uv_handle_t *)&f->listener, NULL);
}

/* After the loop has closed. */
static inline void fake_release(struct fake_api *f)
{
    skf_vec_release(&f->conns);
    skf_strv_release(&f->requests);
}
#endif

/* tests/unit/io/test_http.c: the client against a server on the same loop. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/io/file.h"
#include "lib/io/http.h"
#include "lib/io/proc.h"
#include "tests/unit/io/http_server.h"

struct call {
    struct skf_http_req r;
    int dones, headers, status_at_headers, seeks;
    struct skf_err err;
    size_t got, source_at, source_size;
    bool refuse, cancel_at_headers, cancel_at_body, short_source;
    struct call *victim; /* cancelled from our callback or done */
    struct call *then;   /* started from our done */
};

static struct lf lf;
static struct server server;
static struct skf_http *client;
static char *dir;

static size_t open_fds(void)
{
    struct skf_err e;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    assert_int_equal(skf_file_list("/proc/self/fd", &names, &e), 0);
    return names.n;
}

static int set_up(void **state)
{
    struct skf_err e;
    (void)state;
    dir = skf_file_temp_dir("skiff-test", &e);
    assert_non_null(dir);
    lf_open(&lf);
    skf_autofree char *path = skf_xasprintf("%s/socket", dir);
    server_open(&lf.loop, &server, path);
    client = skf_http_new(&lf.loop);
    return 0;
}

static int tear_down(void **state)
{
    struct skf_err e;
    (void)state;
    skf_http_free(client);
    server_close(&server);
    lf_close(&lf);
    assert_int_equal(server.open, 0);
    static size_t before;
    if (!before)
        before = open_fds();
    assert_int_equal(open_fds(), before);
    assert_int_equal(skf_file_remove_tree(dir, &e), 0);
    skf_replace(&dir, NULL);
    return 0;
}

static void on_done(struct skf_http_req *r, const struct skf_err *err)
{
    struct call *c = r->data;
    c->dones++;
    if (err)
        c->err = *err;
    if (c->victim)
        skf_http_cancel(&c->victim->r);
    if (c->then) {
        skf_http_start(client, &c->then->r, on_done);
        assert_int_equal(c->then->dones, 0);
    }
}

static void on_headers(struct skf_http_req *r)
{
    struct call *c = r->data;
    c->headers++;
    c->status_at_headers = r->status;
    if (c->cancel_at_headers) {
        skf_http_cancel(r);
        if (c->victim)
            skf_http_cancel(&c->victim->r);
        assert_int_equal(c->dones, 0);
    }
}

static bool on_body(struct skf_http_req *r, const char *data, size_t len)
{
    struct call *c = r->data;
    (void)data;
    assert_int_equal(c->headers, 1); /* first the headers */
    c->got += len;
    if (c->cancel_at_body)
        skf_http_cancel(r);
    return !c->refuse;
}

static ssize_t read_source(struct skf_http_req *r, char *to, size_t len)
{
    struct call *c = r->data;
    size_t left = c->source_size - c->source_at;
    if (c->short_source && c->source_at > c->source_size / 2)
        return 0;
    if (len > 10007)
        len = 10007;
    if (len > left)
        len = left;
    for (size_t i = 0; i < len; i++)
        to[i] = (char)('a' + (c->source_at + i) % 26);
    c->source_at += len;
    return (ssize_t)len;
}

static ssize_t fail_source(struct skf_http_req *r, char *to, size_t len)
{
    (void)r, (void)to, (void)len;
    return -1;
}

static bool rewind_source(struct skf_http_req *r)
{
    struct call *c = r->data;
    c->seeks++;
    c->source_at = 0;
    return true;
}

static void init_url(struct call *c, const char *method, char *url)
{
    memset(c, 0, sizeof *c);
    skf_http_req_init(&c->r);
    c->r.method = method;
    c->r.url = url;
    c->r.data = c;
    c->r.on_headers = on_headers;
}

static void init(struct call *c, const char *method, const char *path)
{
    init_url(c, method, skf_xasprintf("http://127.0.0.1:%d%s", server.port, path));
}

static void start(struct call *c)
{
    skf_http_start(client, &c->r, on_done);
    assert_int_equal(c->dones, 0);
}

static void finish(struct call *c)
{
    LF_UNTIL(&lf, c->dones);
    assert_int_equal(c->dones, 1);
}

static void release(struct call *c)
{
    assert_int_equal(c->dones, 1);
    skf_http_req_release(&c->r);
}

static void get(struct call *c, const char *path)
{
    init(c, "GET", path);
    start(c);
    finish(c);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void test_get(void **state)
{
    (void)state;
    struct call c;
    get(&c, "/hello");
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.r.status, 200);
    assert_string_equal(c.r.body.data, "hello");
    assert_int_equal(c.headers, 1);
    assert_int_equal(c.status_at_headers, 200);
    assert_string_equal(skf_http_header(&c.r, "content-type"), "Text/Plain");
    assert_string_equal(skf_http_header(&c.r, "x-two"), "1");
    assert_null(skf_http_header(&c.r, "x-tw"));
    assert_int_equal(c.r.answer_headers.n, 4);
    assert_string_equal(c.r.final_url, c.r.url);
    assert_int_equal(c.r.received_bytes, 5);
    assert_non_null(strstr(server.seen.data, "User-Agent: skiff/"));
    release(&c);
    get(&c, "/status/503");
    assert_int_equal(c.err.code, 0); /* a status is not an error */
    assert_int_equal(c.r.status, 503);
    assert_string_equal(c.r.body.data, "no");
    release(&c);
}

static void test_head(void **state)
{
    (void)state;
    struct call c;
    init(&c, "HEAD", "/hello");
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_string_equal(skf_http_header(&c.r, "content-length"), "5");
    assert_int_equal(c.r.body.len, 0);
    release(&c);
}

static void test_bodies(void **state)
{
    static const char *const methods[] = { "PUT", "POST", "PATCH", "DELETE", "GET" };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(methods); i++) {
        for (int kind = 0; kind < 3; kind++) { /* no body, an empty one, one */
            struct call c;
            init(&c, methods[i], "/echo");
            skf_strv_add(&c.r.headers, "Content-Type: a/b");
            c.r.has_body = kind == 1;
            if (kind == 2)
                skf_buf_add(&c.r.send, "x\0y", 3);
            skf_buf_clear(&server.seen);
            start(&c);
            finish(&c);
            assert_int_equal(c.err.code, 0);
            assert_int_equal(c.r.status, 201);
            size_t name = strlen(methods[i]);
            assert_memory_equal(c.r.body.data, methods[i], name);
            assert_int_equal(c.r.body.len, name + 1 + (kind == 2 ? 3 : 0));
            assert_null(strstr(server.seen.data, "Expect:"));
            assert_null(strstr(server.seen.data, "chunked"));
            assert_non_null(strstr(server.seen.data, "Content-Type: a/b"));
            bool sized = strstr(server.seen.data, "Content-Length: ") != NULL;
            assert_int_equal(sized, kind || i < 3);
            release(&c);
        }
    }
}

static void test_body_from_a_source(void **state)
{
    (void)state;
    struct call c;
    for (int unknown = 0; unknown < 2; unknown++) {
        init(&c, "PUT", "/echo");
        c.source_size = 1000000;
        c.r.read_body = read_source;
        c.r.send_size = unknown ? -1 : 1000000;
        c.r.max_body = 1000004;
        start(&c);
        finish(&c);
        assert_int_equal(c.err.code, 0);
        assert_int_equal(server.body.len, 1000000);
        for (size_t i = 0; i < server.body.len; i++)
            assert_int_equal(server.body.data[i], 'a' + i % 26);
        assert_int_equal(c.r.sent_bytes >= 1000000, 1);
        release(&c);
    }
    /* More than announced is not sent; the connection stays in step. */
    init(&c, "PUT", "/echo");
    c.source_size = 1000;
    c.r.read_body = read_source;
    c.r.send_size = 10;
    start(&c);
    finish(&c);
    assert_string_equal(c.r.body.data, "PUT abcdefghij");
    release(&c);
}

static void test_source_fails(void **state)
{
    (void)state;
    struct call c;
    init(&c, "PUT", "/echo");
    c.r.read_body = fail_source;
    c.r.send_size = 10;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_EIO);
    release(&c);
    init(&c, "PUT", "/echo"); /* ends before its announced size: an error, and no waiting */
    c.source_size = 100000;
    c.short_source = true;
    c.r.read_body = read_source;
    c.r.send_size = 100000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_EIO);
    release(&c);
}

static void test_chunked(void **state)
{
    (void)state;
    struct call c;
    get(&c, "/chunked");
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.r.status, 200);
    assert_string_equal(c.r.body.data, "abc0123456789");
    assert_int_equal(c.headers, 1); /* neither for 100 nor for the trailer */
    assert_int_equal(c.status_at_headers, 200);
    release(&c);
    get(&c, "/until-close");
    assert_string_equal(c.r.body.data, "all of it");
    release(&c);
}

static void test_streamed_body(void **state)
{
    (void)state;
    struct call c;
    init(&c, "GET", "/big/5000000");
    c.r.on_body = on_body;
    c.r.max_body = 10; /* for `body` only */
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.got, 5000000);
    assert_int_equal(c.r.body.len, 0);
    release(&c);
    init(&c, "GET", "/big/5000000");
    c.r.on_body = on_body;
    c.refuse = true;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ECANCELED);
    assert_true(c.got < 5000000);
    release(&c);
}

static void test_caps(void **state)
{
    (void)state;
    struct call c;
    init(&c, "GET", "/big/1000");
    c.r.max_body = 1000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.r.body.len, 1000);
    release(&c);
    init(&c, "GET", "/big/1001");
    c.r.max_body = 1000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ETOOBIG);
    assert_true(c.r.body.len <= 1000);
    release(&c);
    get(&c, "/many-headers");
    assert_int_equal(c.r.answer_headers.n, 200);
    release(&c);
}

static void test_same_struct_again(void **state)
{
    (void)state;
    struct call c;
    get(&c, "/big/100");
    c.dones = 0;
    skf_replace(&c.r.url, skf_xasprintf("http://127.0.0.1:%d/hello", server.port));
    start(&c);
    finish(&c);
    assert_string_equal(c.r.body.data, "hello");
    assert_int_equal(c.headers, 2);
    release(&c);
}

/* --- redirects -------------------------------------------------------------------------------- */

static void test_redirects(void **state)
{
    (void)state;
    struct call c;
    get(&c, "/redirect/302?/hello"); /* not followed by itself */
    assert_int_equal(c.r.status, 302);
    assert_string_equal(skf_http_header(&c.r, "location"), "/hello");
    assert_string_equal(c.r.body.data, "moved");
    assert_int_equal(c.headers, 1);
    release(&c);
    init(&c, "GET", "/redirect/302?/redirect/307?/hello");
    c.r.max_redirects = 2;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.r.status, 200);
    assert_string_equal(c.r.body.data, "hello");
    assert_int_equal(c.headers, 1); /* of the last hop only */
    assert_null(skf_http_header(&c.r, "location"));
    assert_non_null(strstr(c.r.final_url, "/hello"));
    release(&c);
    init(&c, "GET", "/redirect/302?/redirect/307?/hello");
    c.r.max_redirects = 1;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_EPROTO);
    release(&c);
    init(&c, "GET", "/redirect/302?file:///etc/passwd");
    c.r.max_redirects = 5;
    start(&c);
    finish(&c);
    assert_int_not_equal(c.err.code, 0);
    assert_int_equal(c.r.body.len, 0);
    release(&c);
}

static void test_credentials_do_not_cross_hosts(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        struct call c;
        skf_autofree char *path = skf_xasprintf("/redirect/307?http://%s:%d/auth",
                                                other ? "localhost" : "127.0.0.1", server.port);
        init(&c, "GET", path);
        skf_strv_add(&c.r.headers, "Authorization: Bearer secret");
        c.r.max_redirects = 5;
        start(&c);
        finish(&c);
        assert_int_equal(c.err.code, 0);
        assert_string_equal(c.r.body.data, other ? "none" : "Bearer secret");
        release(&c);
    }
}

static void test_body_is_sent_again_after_307(void **state)
{
    (void)state;
    struct call c;
    init(&c, "PUT", "/redirect/307?/echo");
    skf_buf_adds(&c.r.send, "again");
    c.r.max_redirects = 1;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_string_equal(c.r.body.data, "PUT again");
    release(&c);
    init(&c, "PUT", "/redirect/307?/echo");
    c.source_size = 300000;
    c.r.read_body = read_source;
    c.r.rewind_body = rewind_source;
    c.r.send_size = 300000;
    c.r.max_redirects = 1;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_int_equal(server.body.len, 300000);
    assert_int_equal(server.body.data[299999], 'a' + 299999 % 26);
    assert_true(c.seeks >= 1);
    release(&c);
    init(&c, "PUT", "/redirect/307?/echo"); /* one that cannot be rewound */
    c.source_size = 300000;
    c.r.read_body = read_source;
    c.r.send_size = 300000;
    c.r.max_redirects = 1;
    start(&c);
    finish(&c);
    assert_int_not_equal(c.err.code, 0);
    release(&c);
}

/* --- failures --------------------------------------------------------------------------------- */

static void test_cannot_reach(void **state)
{
    (void)state;
    struct call c;
    uv_tcp_t closed;
    struct sockaddr_in address;
    int len = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&lf.loop, &closed); /* bound, does not listen: refused, and nobody else takes it */
    assert_int_equal(uv_tcp_bind(&closed, (struct sockaddr *)&address, 0), 0);
    uv_tcp_getsockname(&closed, (struct sockaddr *)&address, &len);
    init_url(&c, "GET", skf_xasprintf("http://127.0.0.1:%d/", ntohs(address.sin_port)));
    start(&c);
    finish(&c);
    uv_close((uv_handle_t *)&closed, NULL);
    assert_int_equal(c.err.code, SKF_ENET);
    assert_int_equal(c.r.status, 0);
    assert_true(c.err.msg[0] >= 'a' && c.err.msg[0] <= 'z');
    release(&c);
    static const struct {
        const char *url;
        enum skf_code code;
    } bad[] = { { "ftp://127.0.0.1/", SKF_EINVAL },
                { "file:///etc/passwd", SKF_EINVAL },
                { "http://", SKF_EINVAL },
                { "http://[::1/", SKF_EINVAL },
                { "", SKF_EINVAL },
                { "http://no-such-host.invalid/", SKF_ENET } };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        init_url(&c, "GET", skf_xstrdup(bad[i].url));
        start(&c);
        finish(&c);
        if (c.err.code != bad[i].code)
            fail_msg("'%s': %d %s", bad[i].url, c.err.code, c.err.msg);
        release(&c);
    }
}

static void test_server_breaks_off(void **state)
{
    static const char *const paths[] = { "/reset", "/part-close" };
    (void)state;
    struct call c;
    for (size_t i = 0; i < SKF_ARRAY_LEN(paths); i++) {
        get(&c, paths[i]);
        assert_int_equal(c.err.code, SKF_ENET);
        release(&c);
    }
    init(&c, "GET", "/part"); /* reset in the middle of the body */
    start(&c);
    LF_UNTIL(&lf, c.r.body.len == 4);
    conn_reset(server.first);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ENET);
    assert_int_equal(c.r.status, 200);
    release(&c);
    get(&c, "/garbage");
    assert_int_equal(c.err.code, SKF_EPROTO);
    release(&c);
    get(&c, "/hello"); /* the client is as good as new */
    assert_int_equal(c.err.code, 0);
    release(&c);
}

static void test_upload_breaks_off(void **state)
{
    (void)state;
    struct call c;
    init(&c, "PUT", "/part-reset");
    c.source_size = 20000000;
    c.r.read_body = read_source;
    c.r.send_size = 20000000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ENET);
    release(&c);
    init(&c, "PUT", "/early"); /* answers before it has read all: the answer counts if it arrives */
    skf_buf_adds(&c.r.send, "some text");
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    assert_int_equal(c.r.status, 413);
    release(&c);
}

static void test_time_limits(void **state)
{
    (void)state;
    struct call c;
    init(&c, "GET", "/hang");
    c.r.limit_ms = 50;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ETIMEDOUT);
    release(&c);
    init(&c, "GET", "/part");
    c.r.idle_ms = 1000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ETIMEDOUT);
    assert_string_equal(c.r.body.data, "some");
    release(&c);
    init(&c, "GET", "/hello");
    c.r.limit_ms = 20000;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, 0);
    release(&c);
}

static void test_connect_limit(void **state)
{
    (void)state;
    struct call c[3];
    uv_tcp_t full;
    struct sockaddr_in address;
    int len = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&lf.loop, &full);
    assert_int_equal(uv_tcp_bind(&full, (struct sockaddr *)&address, 0), 0);
    uv_tcp_getsockname(&full, (struct sockaddr *)&address, &len);
    uv_os_fd_t fd;
    uv_fileno((uv_handle_t *)&full, &fd);
    assert_int_equal(listen(fd, 0), 0); /* nobody accepts: the queue holds one or two */
    for (int i = 0; i < 3; i++) {
        init_url(&c[i], "GET", skf_xasprintf("http://127.0.0.1:%d/", ntohs(address.sin_port)));
        c[i].r.connect_ms = 100;
        c[i].r.limit_ms = 1000;
        start(&c[i]);
    }
    for (int i = 0; i < 3; i++) {
        finish(&c[i]);
        assert_int_equal(c[i].err.code, SKF_ETIMEDOUT);
        release(&c[i]);
    }
    uv_close((uv_handle_t *)&full, NULL);
}

/* --- cancel ----------------------------------------------------------------------------------- */

static void is_cancelled(struct call *c)
{
    int dones = c->dones;
    skf_http_cancel(&c->r);
    skf_http_cancel(&c->r);
    assert_int_equal(c->dones, dones);
    finish(c);
    assert_int_equal(c->err.code, SKF_ECANCELED);
    skf_http_cancel(&c->r); /* after done: nothing */
    release(c);
}

static void test_cancel_at_each_stage(void **state)
{
    (void)state;
    struct call c;
    init(&c, "GET", "/hang"); /* before anything has happened */
    start(&c);
    is_cancelled(&c);
    init_url(&c, "GET", skf_xasprintf("http://localhost:%d/hang", server.port)); /* resolving */
    start(&c);
    lf_turn(&lf);
    is_cancelled(&c);
    int connections = server.connections;
    init(&c, "GET", "/hang"); /* connected */
    start(&c);
    LF_UNTIL(&lf, server.connections == connections + 1);
    is_cancelled(&c);
    int requests = server.requests;
    init(&c, "GET", "/hang"); /* sent */
    start(&c);
    LF_UNTIL(&lf, server.requests == requests + 1);
    is_cancelled(&c);
    init(&c, "GET", "/part"); /* in the middle of the answer */
    start(&c);
    LF_UNTIL(&lf, c.r.body.len);
    is_cancelled(&c);
    init(&c, "PUT", "/echo"); /* in the middle of the upload */
    c.source_size = 100000000;
    c.r.read_body = read_source;
    c.r.send_size = 100000000;
    start(&c);
    LF_UNTIL(&lf, c.source_at);
    is_cancelled(&c);
    init(&c, "GET", "/hang"); /* before its first start */
    skf_http_cancel(&c.r);
    c.dones = 1;
    release(&c);
    LF_UNTIL(&lf, server.open == 0); /* each of these connections is gone */
}

static void test_cancel_inside_callbacks(void **state)
{
    (void)state;
    struct call c, other;
    for (int at_body = 0; at_body < 2; at_body++) {
        init(&other, "GET", "/hang");
        start(&other);
        init(&c, "GET", "/part");
        c.r.on_body = on_body;
        c.cancel_at_body = at_body;
        c.cancel_at_headers = !at_body;
        c.victim = &other;
        start(&c);
        finish(&c);
        finish(&other);
        assert_int_equal(c.err.code, SKF_ECANCELED);
        assert_int_equal(other.err.code, SKF_ECANCELED);
        assert_int_equal(c.got, at_body ? 4 : 0);
        release(&c);
        release(&other);
    }
}

static void test_cancel_inside_done(void **state)
{
    (void)state;
    struct call a, b, c;
    init(&a, "GET", "/hello"); /* a running one, from the done of a normal end */
    init(&b, "GET", "/hang");
    a.victim = &b;
    start(&b);
    start(&a);
    finish(&b);
    assert_int_equal(a.dones, 1);
    assert_int_equal(b.err.code, SKF_ECANCELED);
    release(&a);
    release(&b);
    init(&a, "GET", "/hang"); /* from the done of a cancelled one; in a ring */
    init(&b, "GET", "/hang");
    init(&c, "GET", "/hang");
    a.victim = &b;
    b.victim = &c;
    c.victim = &a;
    start(&a);
    start(&b);
    start(&c);
    skf_http_cancel(&a.r);
    finish(&c);
    assert_int_equal(b.dones, 1);
    assert_int_equal(c.err.code, SKF_ECANCELED);
    release(&a);
    release(&b);
    release(&c);
}

/* Several end in one turn; the first one's done cancels the others, whose ends wait in curl. */
static void test_cancel_of_finished_ones_inside_done(void **state)
{
    (void)state;
    enum { N = 8 };
    static struct call c[N];
    for (int i = 0; i < N; i++)
        init(&c[i], "GET", "/hello");
    for (int i = 0; i < N; i++)
        c[i].victim = &c[(i + 1) % N];
    for (int i = 0; i < N; i++)
        start(&c[i]);
    for (int i = 0; i < N; i++)
        LF_UNTIL(&lf, c[i].dones);
    lf_turn(&lf);
    for (int i = 0; i < N; i++)
        release(&c[i]);
}

static void test_start_inside_done(void **state)
{
    (void)state;
    struct call a, b, c;
    init(&a, "GET", "/hello");
    init(&b, "GET", "/hang");
    init(&c, "GET", "/hello");
    a.then = &b;
    b.then = &c;
    start(&a);
    int requests = server.requests;
    LF_UNTIL(&lf, server.requests == requests + 2);
    skf_http_cancel(&b.r);
    finish(&c);
    assert_int_equal(b.err.code, SKF_ECANCELED);
    assert_string_equal(c.r.body.data, "hello");
    release(&a);
    release(&b);
    release(&c);
}

static struct skf_http *own;
static int own_dones;

static void free_client_in_done(struct skf_http_req *r, const struct skf_err *err)
{
    (void)r, (void)err;
    own_dones++;
    skf_http_free(own);
}

static void test_last_done_frees_the_client(void **state)
{
    (void)state;
    for (int cancel = 0; cancel < 2; cancel++) {
        struct call c;
        own = skf_http_new(&lf.loop);
        own_dones = 0;
        init(&c, "GET", cancel ? "/hang" : "/hello");
        skf_http_start(own, &c.r, free_client_in_done);
        if (cancel)
            skf_http_cancel(&c.r);
        LF_UNTIL(&lf, own_dones == 1);
        skf_http_req_release(&c.r);
    }
    skf_http_free(NULL);
}

/* --- connections ------------------------------------------------------------------------------ */

static void test_connections_are_kept(void **state)
{
    (void)state;
    struct call c;
    for (int i = 0; i < 20; i++) {
        get(&c, i % 2 ? "/chunked" : "/hello");
        release(&c);
    }
    assert_int_equal(server.requests, 20);
    assert_int_equal(server.connections, 1);
    conn_close(server.first); /* the server drops it meanwhile: noticed, no error */
    LF_UNTIL(&lf, server.open == 0);
    get(&c, "/hello");
    assert_int_equal(c.err.code, 0);
    assert_int_equal(server.connections, 2);
    release(&c);
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { N = 100 };
    static struct call c[N];
    for (int i = 0; i < N; i++) {
        skf_autofree char *path = skf_xasprintf("/big/%d", i * 1000);
        init(&c[i], "GET", path);
        start(&c[i]);
    }
    for (int i = 0; i < N; i += 10)
        skf_http_cancel(&c[i].r);
    for (int i = 0; i < N; i++) {
        finish(&c[i]);
        assert_int_equal(c[i].err.code, i % 10 ? 0 : SKF_ECANCELED);
        if (i % 10)
            assert_int_equal(c[i].r.body.len, i * 1000);
        release(&c[i]);
    }
}

/* A watch that has nothing to say yet, or a long poll: the others do not wait for it. */
static void test_a_silent_answer_holds_up_nobody(void **state)
{
    (void)state;
    struct call silent, c;
    skf_autofree char *path = skf_xasprintf("%s/socket", dir);
    for (int local = 0; local < 2; local++) {
        init(&silent, "GET", "/hang");
        silent.r.transport.unix_socket = local ? path : NULL;
        init(&c, "GET", "/hello");
        c.r.transport.unix_socket = local ? path : NULL;
        start(&silent);
        start(&c);
        finish(&c);
        assert_string_equal(c.r.body.data, "hello");
        is_cancelled(&silent);
        release(&c);
    }
}

static void test_unix_socket(void **state)
{
    (void)state;
    struct call c;
    skf_autofree char *path = skf_xasprintf("%s/socket", dir);
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* does not concern a local socket */
    init_url(&c, "GET", skf_xstrdup("http://docker/host"));
    c.r.transport.unix_socket = path;
    start(&c);
    finish(&c);
    unsetenv("http_proxy");
    assert_int_equal(c.err.code, 0);
    assert_string_equal(c.r.body.data, "docker");
    release(&c);
    skf_autofree char *none = skf_xasprintf("%s/none", dir);
    init_url(&c, "GET", skf_xstrdup("http://docker/host"));
    c.r.transport.unix_socket = none;
    start(&c);
    finish(&c);
    assert_int_equal(c.err.code, SKF_ENET);
    release(&c);
}

static void test_proxies(void **state)
{
    static const struct {
        const char *no_proxy, *proxy, *url;
        bool proxied;
    } cases[] = {
        { NULL, NULL, "http://far.invalid/hello", true },
        { "other.invalid", NULL, "http://far.invalid/hello", true },
        { "far.invalid", NULL, "http://far.invalid/hello", false },
        { "*", NULL, "http://far.invalid/hello", false },
        { NULL, "", "http://far.invalid/hello", false },
        { NULL, NULL, "http://127.0.0.1:1/hello", false },
    };
    (void)state;
    skf_autofree char *proxy = skf_xasprintf("http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct call c;
        if (cases[i].no_proxy)
            setenv("no_proxy", cases[i].no_proxy, 1);
        else
            unsetenv("no_proxy");
        int requests = server.requests;
        init_url(&c, "GET", skf_xstrdup(cases[i].url));
        c.r.transport.proxy = cases[i].proxy;
        start(&c);
        finish(&c);
        if ((server.requests > requests) != cases[i].proxied)
            fail_msg("case %zu: %d requests", i, server.requests - requests);
        release(&c);
    }
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}

static void test_escape(void **state)
{
    (void)state;
    skf_autofree char *text = skf_http_escape("aZ0-._~ /?&=+%\xc3\xa4");
    assert_string_equal(text, "aZ0-._~%20%2F%3F%26%3D%2B%25%C3%A4");
    skf_autofree char *empty = skf_http_escape("");
    assert_string_equal(empty, "");
}

/* --- TLS -------------------------------------------------------------------------------------- */

static int tls_port;
static bool tls_ended;

static void on_tls_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    (void)p, (void)from, (void)len;
    const char *colon = strrchr(line, ':');
    if (strncmp(line, "ACCEPT", 6) == 0 && colon)
        tls_port = (int)strtol(colon + 1, NULL, 10);
}

static void on_tls_done(struct skf_proc *p, const struct skf_err *err)
{
    (void)err;
    skf_proc_release(p);
    tls_ended = true;
}

static void make_certificate(const char *name, const char *alt_name)
{
    struct skf_proc p;
    skf_autofree char *alt = skf_xasprintf("subjectAltName=%s", alt_name);
    skf_autofree char *key = skf_xasprintf("%s/%s.key", dir, name);
    skf_autofree char *cert = skf_xasprintf("%s/%s.pem", dir, name);
    tls_ended = false;
    skf_proc_init(&p);
    skf_proc_args(&p, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                  "-subj", "/CN=skiff.test", "-addext", alt, "-keyout", key, "-out", cert, NULL);
    skf_proc_start(&lf.loop, &p, on_tls_done);
    LF_UNTIL(&lf, tls_ended);
    assert_true(skf_file_exists(cert));
}

static char *pem(const char *name)
{
    struct skf_err e;
    struct skf_buf b = SKF_BUF_INIT;
    skf_autofree char *path = skf_xasprintf("%s/%s", dir, name);
    assert_int_equal(skf_file_read(path, 100000, &b, &e), 0);
    return skf_buf_take(&b);
}

static int tls_get(const struct skf_http_transport *t)
{
    struct call c;
    init_url(&c, "GET", skf_xasprintf("https://127.0.0.1:%d/", tls_port));
    c.r.transport = *t;
    start(&c);
    finish(&c);
    int code = (int)c.err.code;
    if (!code)
        assert_int_equal(c.r.status, 200);
    release(&c);
    return code;
}

/* `alt` is the server's name; with `client_auth` it wants the certificate "me". */
static void with_tls_server(const char *alt, bool client_auth, void (*body)(void))
{
    struct skf_proc p;
    make_certificate("server", alt);
    make_certificate("me", "DNS:me");
    skf_autofree char *key = skf_xasprintf("%s/server.key", dir);
    skf_autofree char *cert = skf_xasprintf("%s/server.pem", dir);
    skf_autofree char *mine = skf_xasprintf("%s/me.pem", dir);
    skf_proc_init(&p);
    skf_proc_args(&p, "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-key", key, "-cert",
                  cert, NULL);
    if (client_auth) {
        skf_proc_args(&p, "-CAfile", mine, "-Verify", "1", "-verify_return_error", NULL);
    }
    p.on_line = on_tls_line;
    p.use_stdin = true;
    tls_port = 0;
    tls_ended = false;
    skf_proc_start(&lf.loop, &p, on_tls_done);
    LF_UNTIL(&lf, tls_port || tls_ended);
    assert_true(tls_port > 0);
    body();
    skf_proc_stop(&p);
    LF_UNTIL(&lf, tls_ended);
}

static void trust_and_refuse(void)
{
    skf_autofree char *right = pem("server.pem");
    skf_autofree char *wrong = pem("me.pem");
    skf_autofree char *right_file = skf_xasprintf("%s/server.pem", dir);
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_pem = right }), 0);
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_file = right_file }), 0);
    assert_int_equal(tls_get(&(struct skf_http_transport){ .insecure = true }), 0);
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_pem = wrong }), SKF_ENET);
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_pem = "nonsense" }), SKF_ENET);
    assert_int_equal(tls_get(&(struct skf_http_transport){ 0 }), SKF_ENET);
    setenv("SSL_CERT_FILE", right_file, 1);
    assert_int_equal(tls_get(&(struct skf_http_transport){ 0 }), 0);
    unsetenv("SSL_CERT_FILE");
    assert_int_equal(
        tls_get(&(struct skf_http_transport){ .ca_pem = right, .tls_server_name = "skiff.test" }),
        SKF_ENET); /* not a name of this one */
}

static void other_name(void)
{
    skf_autofree char *right = pem("server.pem");
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_pem = right }), SKF_ENET);
    assert_int_equal(
        tls_get(&(struct skf_http_transport){ .ca_pem = right, .tls_server_name = "kubernetes" }),
        0);
}

static void client_certificate(void)
{
    skf_autofree char *right = pem("server.pem");
    skf_autofree char *cert = pem("me.pem");
    skf_autofree char *key = pem("me.key");
    assert_int_equal(tls_get(&(struct skf_http_transport){ .ca_pem = right }), SKF_ENET);
    assert_int_equal(tls_get(&(struct skf_http_transport){
                         .ca_pem = right, .client_cert_pem = cert, .client_key_pem = key }),
                     0);
}

static void test_tls(void **state)
{
    (void)state;
    with_tls_server("IP:127.0.0.1", false, trust_and_refuse);
}

static void test_tls_server_name(void **state)
{
    (void)state;
    with_tls_server("DNS:kubernetes", false, other_name);
}

static void test_tls_client_certificate(void **state)
{
    (void)state;
    with_tls_server("IP:127.0.0.1", true, client_certificate);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    static const char *const ours[] = {
        "http_proxy",  "https_proxy", "all_proxy", "no_proxy",
        "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY",  "SSL_CERT_FILE"
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(ours); i++)
        unsetenv(ours[i]);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_head),
        TEST(test_bodies),
        TEST(test_body_from_a_source),
        TEST(test_source_fails),
        TEST(test_chunked),
        TEST(test_streamed_body),
        TEST(test_caps),
        TEST(test_same_struct_again),
        TEST(test_redirects),
        TEST(test_credentials_do_not_cross_hosts),
        TEST(test_body_is_sent_again_after_307),
        TEST(test_cannot_reach),
        TEST(test_server_breaks_off),
        TEST(test_upload_breaks_off),
        TEST(test_time_limits),
        TEST(test_connect_limit),
        TEST(test_cancel_at_each_stage),
        TEST(test_cancel_inside_callbacks),
        TEST(test_cancel_inside_done),
        TEST(test_cancel_of_finished_ones_inside_done),
        TEST(test_start_inside_done),
        TEST(test_last_done_frees_the_client),
        TEST(test_connections_are_kept),
        TEST(test_many_at_once),
        TEST(test_a_silent_answer_holds_up_nobody),
        TEST(test_unix_socket),
        TEST(test_proxies),
        TEST(test_escape),
        TEST(test_tls),
        TEST(test_tls_server_name),
        TEST(test_tls_client_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

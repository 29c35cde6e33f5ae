/* The classic builder over the API, against an Engine that is played here and fails in turn. */
#include "tests/unit/builders/support.h"

#include <string.h>

#include "builders/docker/apibuild.h"
#include "lib/io/loop.h"

struct world {
    uv_loop_t loop;
    uv_timer_t cap;
    uv_tcp_t server;
    struct skf_http *http;
    struct skf_docker_host host;
    struct skf_docker_settings settings;
    struct skf_docker_options options;
    struct skf_strv lines;
    struct skf_err err;
    struct skf_buf request;    /* of the build, whole */
    const char *ping, *answer; /* NULL answer: never */
    bool over, cancel_when_asked;
    struct skf_docker_apibuild *running;
};

/* --- the Engine ------------------------------------------------------------------------------- */

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    struct world *w;
    struct skf_buf got;
    bool answered;
};

static void on_closed(uv_handle_t *h)
{
    struct connection *c = h->data;
    skf_buf_release(&c->got);
    free(c);
}

static void drop(struct connection *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    drop(req->data);
}

static void answer(struct connection *c, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    c->answered = true;
    c->write.data = c;
    assert_int_equal(uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written), 0);
}

static bool ends_with(const struct skf_buf *b, const char *tail)
{
    size_t n = strlen(tail);
    return b->len >= n && memcmp(b->data + b->len - n, tail, n) == 0;
}

static void on_request(struct connection *c)
{
    struct world *w = c->w;
    if (strncmp(c->got.data, "GET /_ping", 10) == 0) {
        if (ends_with(&c->got, "\r\n\r\n"))
            answer(c, w->ping);
        return;
    }
    if (!ends_with(&c->got, "0\r\n\r\n")) /* the last chunk */
        return;
    skf_buf_clear(&w->request);
    skf_buf_add(&w->request, c->got.data, c->got.len);
    if (w->cancel_when_asked)
        skf_docker_apibuild_cancel(w->running);
    else if (w->answer)
        answer(c, w->answer);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    static char room[65536];
    (void)h;
    (void)size;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = s->data;
    if (n < 0) {
        drop(c);
        return;
    }
    skf_buf_add(&c->got, buf->base, (size_t)n);
    if (!c->answered)
        on_request(c);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct world *w = server->data;
    struct connection *c = skf_xcalloc(1, sizeof *c);
    assert_int_equal(status, 0);
    c->w = w;
    skf_buf_init(&c->got);
    uv_tcp_init(&w->loop, &c->tcp);
    c->tcp.data = c;
    assert_int_equal(uv_accept(server, (uv_stream_t *)&c->tcp), 0);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* --- the world -------------------------------------------------------------------------------- */

#define PING                                                                                       \
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("no end after 20 s");
}

static void open_world(struct world *w, void **state)
{
    struct sockaddr_in any, bound;
    int len = sizeof bound;
    *w = (struct world){ .ping = PING, .request = SKF_BUF_INIT };
    assert_int_equal(skf_loop_init(&w->loop, &w->err), 0);
    w->http = skf_http_new(&w->loop);
    uv_timer_init(&w->loop, &w->cap);
    uv_timer_start(&w->cap, on_cap, 20000, 0);
    uv_ip4_addr("127.0.0.1", 0, &any);
    uv_tcp_init(&w->loop, &w->server);
    w->server.data = w;
    assert_int_equal(uv_tcp_bind(&w->server, (const struct sockaddr *)&any, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&w->server, 8, on_connection), 0);
    uv_tcp_getsockname(&w->server, (struct sockaddr *)&bound, &len);
    w->host = (struct skf_docker_host){ .address = skf_xasprintf("tcp://127.0.0.1:%d",
                                                                 ntohs(bound.sin_port)),
                                        .origin = "test",
                                        .api = true };
    put(*state, "ctx/Dockerfile", "FROM scratch\nCOPY secret-marker /\n");
    skf_autofree char *dir = skf_path_join(*state, "ctx");
    skf_docker_files_find(dir, NULL, NULL, &w->settings.files);
    w->settings.options = &w->options;
    w->settings.reference = skf_xstrdup("t/app:v1");
    setenv("DOCKER_CONFIG", dir, 1); /* no credentials */
}

static void close_world(struct world *w)
{
    skf_docker_engine_forget();
    uv_close((uv_handle_t *)&w->cap, NULL);
    uv_close((uv_handle_t *)&w->server, NULL);
    skf_http_free(w->http);
    assert_true(skf_loop_close(&w->loop));
    skf_docker_settings_release(&w->settings);
    skf_docker_host_release(&w->host);
    skf_strv_release(&w->lines);
    skf_buf_release(&w->request);
}

static void on_line(struct skf_docker_apibuild *a, const char *line)
{
    struct world *w = a->data;
    skf_strv_add(&w->lines, line);
}

static void on_done(struct skf_docker_apibuild *a, const struct skf_err *err)
{
    struct world *w = a->data;
    w->over = true;
    w->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

static void run(struct world *w)
{
    struct skf_docker_apibuild a = { .loop = &w->loop,
                                     .http = w->http,
                                     .host = &w->host,
                                     .settings = &w->settings,
                                     .data = w,
                                     .on_line = on_line,
                                     .done = on_done };
    w->over = false;
    w->running = &a;
    skf_strv_clear(&w->lines);
    skf_docker_apibuild_start(&a);
    assert_false(w->over);
    while (!w->over)
        uv_run(&w->loop, UV_RUN_ONCE);
    skf_docker_apibuild_release(&a);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_success(void **state)
{
    struct world w;
    open_world(&w, state);
    w.answer =
        OK "{\"stream\":\"Step 1/2 : FROM \"}\r\n{\"stream\":\"scratch\\n\"}\r\n"
           "{\"aux\":{\"ID\":\"sha256:11\"}}\r\n{\"stream\":\"Successfully built 11\\n\"}\r\n";
    run(&w);
    if (w.err.code)
        fail_msg("%s", w.err.msg);
    assert_string_equal(w.lines.v[0], "Step 1/2 : FROM scratch"); /* a line that came in pieces */
    static const char start[] = "POST /v1.41/build?dockerfile=Dockerfile&t=t%2Fapp%3Av1&";
    assert_memory_equal(w.request.data, start, sizeof start - 1);
    assert_non_null(memmem(w.request.data, w.request.len, "COPY secret-marker", 18));
    close_world(&w);
}

static void test_failures(void **state)
{
    static const struct {
        const char *answer;
        enum skf_code code;
        const char *part;
    } cases[] = {
        { OK "{\"stream\":\"Step 1/2\\n\"}\r\n{\"errorDetail\":{\"message\":\"it broke\"},"
             "\"error\":\"it broke\"}\r\n",
          SKF_EBUILD, "it broke" },
        { OK "{\"stream\":\"Successfully built 11\\n\"}\r\n", SKF_EPROTO,
          "ended without an image" },
        { OK "<html>no engine</html>\r\n", SKF_EPROTO, "not JSON" },
        { "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"message\":\"dockerfile parse "
          "error line 2: unknown instruction: COPPY\"}",
          SKF_EBUILD, "parse error line 2" },
        { "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nplain text", SKF_EPROTO, "plain text" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n"
          "{\"aux\":{\"ID\":\"sha256:11\"}}\r\n",
          SKF_ENET, "cannot reach Docker at 'tcp://127.0.0.1:" }, /* cut off */
    };
    struct world w;
    open_world(&w, state);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        w.answer = cases[i].answer;
        run(&w);
        if (w.err.code != cases[i].code || !strstr(w.err.msg, cases[i].part))
            fail_msg("case %zu: %d '%s'", i, (int)w.err.code, w.err.msg);
    }
    close_world(&w);
}

static void test_no_engine(void **state)
{
    struct world w;
    open_world(&w, state);
    w.ping = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    run(&w);
    assert_int_equal(w.err.code, SKF_EPROTO);
    assert_non_null(strstr(w.err.msg, "is not a Docker Engine"));
    assert_int_equal(w.request.len, 0);
    close_world(&w);
}

static void test_version_is_ours_at_most(void **state)
{
    struct world w;
    open_world(&w, state);
    w.ping =
        "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
    w.answer = OK "{\"aux\":{\"ID\":\"sha256:11\"}}\r\n";
    run(&w);
    assert_int_equal(w.err.code, 0);
    assert_memory_equal(w.request.data, "POST /v1.52/build?", 18);
    close_world(&w);
}

static void test_cancel(void **state)
{
    struct world w;
    open_world(&w, state);
    w.cancel_when_asked = true;
    run(&w);
    assert_int_equal(w.err.code, SKF_ECANCELED);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),   cmocka_unit_test(test_failures),
        cmocka_unit_test(test_no_engine), cmocka_unit_test(test_version_is_ours_at_most),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

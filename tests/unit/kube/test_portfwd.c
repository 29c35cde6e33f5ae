#include "lib/kube/portfwd.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_cluster.h"

#define RUNS "\"state\":{\"running\":{}}"

struct fixture {
    struct fake_cluster k;
    struct skf_portfwd forward;
    struct skf_buf events;
    int done;
    bool refuses; /* nobody listens on the pod's port */
    /* the client */
    uv_tcp_t client;
    uv_connect_t connect;
    struct skf_buf got;
    bool connected, ended, client_open;
};

/* --- the kubelet: an echo over WebSocket ------------------------------------------------------ */

static void send_frame(struct fake_conn *c, unsigned channel, const char *data, size_t len)
{
    char frame[128] = { (char)0x82, (char)(len + 1), (char)channel };
    memcpy(frame + 3, data, len);
    uv_buf_t buf = uv_buf_init(frame, (unsigned)(len + 3));
    uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
}

/* Short, whole, masked frames: what the tests send. */
static void on_frames(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct fake_conn *c = s->data;
    struct fixture *f = ((struct fake_cluster *)c->api->data)->data;
    if (n > 0)
        skf_buf_add(&c->in, b->base, (size_t)n);
    free(b->base);
    if (n < 0) {
        fake_end(c);
        return;
    }
    while (c->in.len >= 6) {
        unsigned char *p = (unsigned char *)c->in.data;
        size_t len = p[1] & 0x7f;
        assert_true(len < 126 && (p[1] & 0x80));
        if (c->in.len < 6 + len)
            return;
        for (size_t i = 0; i < len; i++)
            p[6 + i] ^= p[2 + i % 4];
        if ((p[0] & 0x0f) == 2 && f->refuses) {
            static const char text[] = "connection refused";
            send_frame(c, 1, text, sizeof text - 1);
        } else if ((p[0] & 0x0f) == 2) {
            send_frame(c, 0, (char *)p + 7, len - 1);
        }
        skf_buf_drop(&c->in, 6 + len);
    }
}

static void on_stream(struct fake_cluster *k, struct fake_conn *c, const char *head)
{
    (void)k;
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"));
    fake_send(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n");
    uv_read_stop((uv_stream_t *)&c->tcp);
    uv_read_start((uv_stream_t *)&c->tcp, fake_alloc, on_frames);
    send_frame(c, 0, "\x90\x1f", 2); /* the first of each channel names the port */
    send_frame(c, 1, "\x90\x1f", 2);
}

/* --- the client ------------------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *h)
{
    struct fixture *f = h->data;
    f->client_open = false;
}

static void on_client_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct fixture *f = s->data;
    if (n > 0)
        skf_buf_add(&f->got, b->base, (size_t)n);
    f->ended = f->ended || n < 0;
    free(b->base);
}

static void on_connected(uv_connect_t *r, int status)
{
    struct fixture *f = r->data;
    assert_int_equal(status, 0);
    f->connected = true;
    uv_read_start(r->handle, fake_alloc, on_client_read);
}

static void client_says(struct fixture *f, const char *text)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)f->forward.local_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (!f->client_open) {
        uv_tcp_init(&f->k.lf.loop, &f->client);
        f->client.data = f->connect.data = f;
        f->client_open = true;
        f->connected = f->ended = false;
        skf_buf_clear(&f->got);
        uv_tcp_connect(&f->connect, &f->client, (struct sockaddr *)&to, on_connected);
        LF_UNTIL(&f->k.lf, f->connected);
    }
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    assert_int_equal(uv_try_write((uv_stream_t *)&f->client, &buf, 1), (int)buf.len);
}

static void client_leaves(struct fixture *f)
{
    if (!f->client_open)
        return;
    uv_close((uv_handle_t *)&f->client, on_client_closed);
    LF_UNTIL(&f->k.lf, !f->client_open);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void on_event(struct skf_portfwd *p, enum skf_portfwd_event event, const char *text)
{
    static const char *const names[] = { "to ", "nobody", "trouble: " };
    struct fixture *f = p->data;
    skf_buf_addf(&f->events, "%s%s|", names[event], text);
}

static void on_done(struct skf_portfwd *p)
{
    struct fixture *f = p->data;
    f->done++;
}

static int setup(void **state)
{
    struct fixture *f = skf_xcalloc(1, sizeof *f);
    struct skf_err err = SKF_ERR_INIT;
    skf_buf_init(&f->events);
    skf_buf_init(&f->got);
    f->k.data = f;
    f->k.on_stream = on_stream;
    cluster_open(&f->k);
    skf_portfwd_init(&f->forward);
    f->forward.kind = skf_xstrdup("Deployment");
    f->forward.namespace_ = skf_xstrdup("default");
    f->forward.name = skf_xstrdup("web");
    f->forward.port = skf_xstrdup("80");
    f->forward.data = f;
    f->forward.on_event = on_event;
    assert_int_equal(skf_portfwd_start(f->k.api, &f->forward, &err), 0);
    assert_true(f->forward.local_port >= 1024);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    skf_portfwd_stop(&f->forward, on_done);
    assert_int_equal(f->done, 0); /* never from inside stop */
    LF_UNTIL(&f->k.lf, f->done == 1);
    client_leaves(f);
    skf_portfwd_release(&f->forward);
    cluster_close(&f->k);
    assert_int_equal(f->done, 1);
    skf_buf_release(&f->events);
    skf_buf_release(&f->got);
    free(f);
    return 0;
}

static void test_bytes_both_ways(void **state)
{
    struct fixture *f = *state;
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS);
    client_says(f, "hello");
    LF_UNTIL(&f->k.lf, strcmp(f->got.data, "hello") == 0);
    client_says(f, " again");
    LF_UNTIL(&f->k.lf, strcmp(f->got.data, "hello again") == 0);
    assert_int_equal(cluster_asked(&f->k, "/namespaces/default/pods/a/portforward?ports=80 "), 1);
    assert_string_equal(f->events.data, "to a|");
}

static void test_a_connection_waits_for_a_pod(void **state)
{
    struct fixture *f = *state;
    cluster_pod(&f->k, "ADDED", "a", 1, false, RUNS);
    client_says(f, "early");
    LF_UNTIL(&f->k.lf, f->forward.connections == 1);
    assert_int_equal(cluster_asked(&f->k, "/portforward"), 0);
    cluster_pod(&f->k, "MODIFIED", "a", 1, true, RUNS);
    LF_UNTIL(&f->k.lf, strcmp(f->got.data, "early") == 0);
    assert_false(f->ended);
}

static void test_the_port_stays_and_leads_to_the_newest_pod(void **state)
{
    struct fixture *f = *state;
    unsigned port = f->forward.local_port;
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS);
    client_says(f, "1");
    LF_UNTIL(&f->k.lf, strcmp(f->got.data, "1") == 0);
    client_leaves(f);
    cluster_pod(&f->k, "ADDED", "b", 2, true, RUNS);
    LF_UNTIL(&f->k.lf, strstr(f->events.data, "to b|"));
    cluster_pod(&f->k, "DELETED", "a", 1, true, RUNS);
    client_says(f, "2");
    LF_UNTIL(&f->k.lf, strcmp(f->got.data, "2") == 0);
    assert_int_equal(f->forward.local_port, port);
    assert_int_equal(cluster_asked(&f->k, "/pods/b/portforward"), 1);
    cluster_pod(&f->k, "DELETED", "b", 2, true, RUNS);
    LF_UNTIL(&f->k.lf, strstr(f->events.data, "nobody|"));
}

static void test_nobody_listens_in_the_pod(void **state)
{
    struct fixture *f = *state;
    f->refuses = true;
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS);
    client_says(f, "hello");
    LF_UNTIL(&f->k.lf, f->ended);
    assert_int_equal(f->got.len, 0);
    assert_string_equal(f->events.data, "to a|trouble: nothing listens on port 80 in pod 'a'|");
}

static void test_stop_with_a_connection_open(void **state)
{
    struct fixture *f = *state;
    cluster_pod(&f->k, "ADDED", "a", 1, true, RUNS);
    client_says(f, "hello"); /* teardown stops while this is on its way */
}

static void test_what_cannot_be_forwarded(void **state)
{
    struct fixture *f = *state;
    struct skf_portfwd other;
    struct skf_err err = SKF_ERR_INIT;
    skf_portfwd_init(&other);
    other.kind = skf_xstrdup("ConfigMap");
    other.namespace_ = skf_xstrdup("default");
    other.name = skf_xstrdup("web");
    other.port = skf_xstrdup("80");
    assert_int_equal(skf_portfwd_start(f->k.api, &other, &err), -SKF_EINVAL);
    skf_replace(&other.kind, skf_xstrdup("Pod"));
    skf_replace(&other.address, skf_xstrdup("here"));
    assert_int_equal(skf_portfwd_start(f->k.api, &other, &err), -SKF_EINVAL);
    skf_portfwd_release(&other);
}

/* The ports that Skaffold would take: what is asked for, the ten behind it, its own range. */
static void test_choice_of_ports(void **state)
{
    struct fixture *f = *state;
    static const char *const addresses[] = { "127.0.0.1", "localhost", "0.0.0.0", "::1", "::" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(addresses); i++) {
        unsigned any = skf_portfwd_choose(addresses[i], 0);
        assert_true(any >= 4503);
    }
    unsigned taken = f->forward.local_port; /* it listens */
    unsigned next = skf_portfwd_choose("127.0.0.1", taken);
    assert_true(next > taken && next <= taken + 10);
    assert_true(skf_portfwd_choose("127.0.0.1", 65535) >= 4503); /* does not run over the end */
}

static void test_ipv6(void **state)
{
    struct fixture *f = *state;
    struct skf_portfwd other;
    struct skf_err err = SKF_ERR_INIT;
    skf_portfwd_init(&other);
    other.kind = skf_xstrdup("Deployment");
    other.namespace_ = skf_xstrdup("default");
    other.name = skf_xstrdup("web");
    other.port = skf_xstrdup("80");
    other.address = skf_xstrdup("::1");
    other.data = f;
    assert_int_equal(skf_portfwd_start(f->k.api, &other, &err), 0);
    struct sockaddr_in6 at = { .sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)other.local_port),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    LF_UNTIL(&f->k.lf, other.connections == 1);
    close(fd);
    skf_portfwd_stop(&other, on_done);
    LF_UNTIL(&f->k.lf, f->done == 1);
    f->done = 0;
    skf_portfwd_release(&other);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_bytes_both_ways),
        T(test_a_connection_waits_for_a_pod),
        T(test_the_port_stays_and_leads_to_the_newest_pod),
        T(test_nobody_listens_in_the_pod),
        T(test_stop_with_a_connection_open),
        T(test_what_cannot_be_forwarded),
        T(test_choice_of_ports),
        T(test_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

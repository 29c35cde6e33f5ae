#include "lib/kube/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_api.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"
#include "lib/kube/jget.h"
#include "lib/kube/tail.h"
#include "lib/kube/watch.h"
#include "tests/support/loop_fixture.h"

struct fixture {
    struct lf lf;
    struct fake_api server;
    struct skf_http *http;
    struct skf_kube_context context;
    struct skf_kube_api *api;
    struct skf_kube_req req;
    struct skf_kube_watch watch;
    int done, events, lists, troubles, phase;
    struct skf_err err;
    struct skf_buf seen;
    struct fake_conn *stream;
};

static void open_fixture(struct fixture *f,
                         void (*on_request)(struct fake_api *, struct fake_conn *, const char *))
{
    memset(f, 0, sizeof *f);
    skf_buf_init(&f->seen);
    lf_open(&f->lf);
    f->server.on_request = on_request;
    f->server.data = f;
    fake_open(&f->server, &f->lf.loop);
    f->context.name = skf_xstrdup("test");
    f->context.user = skf_xstrdup("bob");
    f->context.server = skf_xasprintf("http://127.0.0.1:%u", f->server.port);
    f->http = skf_http_new(&f->lf.loop);
    skf_kube_req_init(&f->req);
    f->req.data = f;
}

static void start_api(struct fixture *f)
{
    f->api = skf_kube_api_new(&f->lf.loop, f->http, &f->context);
}

static void close_fixture(struct fixture *f)
{
    skf_kube_req_release(&f->req);
    skf_kube_api_free(f->api);
    fake_close(&f->server);
    skf_http_free(f->http);
    lf_close(&f->lf);
    fake_release(&f->server);
    skf_kube_context_release(&f->context);
    skf_buf_release(&f->seen);
}

static void on_done(struct skf_kube_req *r, const struct skf_err *err)
{
    struct fixture *f = r->data;
    f->done++;
    f->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

/* --- requests --------------------------------------------------------------------------------- */

static void answer_simple(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    skf_buf_adds(&f->seen, head);
    if (strstr(head, "/denied"))
        fake_answer(c, 403, "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}");
    else if (strstr(head, "/broken"))
        fake_answer(c, 200, "<html>");
    else if (!strstr(head, "/never"))
        fake_answer(c, 200, "{\"a\":{\"b\":7}}");
}

static void test_get(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    f.context.token = skf_xstrdup("tok");
    f.context.impersonate_user = skf_xstrdup("alice");
    skf_strv_add(&f.context.impersonate, "Impersonate-Group: dev");
    start_api(&f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/ok"), on_done);
    assert_int_equal(f.done, 0); /* never from inside start */
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_OK);
    assert_int_equal(skf_jint(f.req.json, "a.b", 0), 7);
    assert_non_null(strstr(f.seen.data, "Authorization: Bearer tok\r\n"));
    assert_non_null(strstr(f.seen.data, "Impersonate-User: alice\r\nImpersonate-Group: dev\r\n"));
    skf_kube_get(f.api, &f.req, skf_xstrdup("/denied"), on_done);
    LF_UNTIL(&f.lf, f.done == 2);
    assert_int_equal(f.err.code, SKF_EDENIED);
    assert_string_equal(f.err.msg, "pods is forbidden");
    skf_kube_get(f.api, &f.req, skf_xstrdup("/broken"), on_done);
    LF_UNTIL(&f.lf, f.done == 3);
    assert_int_equal(f.err.code, SKF_EPROTO);
    close_fixture(&f);
}

static void test_cancel(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    start_api(&f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/ok"), on_done);
    skf_kube_req_cancel(&f.req);
    skf_kube_req_cancel(&f.req);
    assert_int_equal(f.done, 0);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_ECANCELED);
    assert_int_equal(f.server.requests.n, 0); /* it never left */
    skf_kube_get(f.api, &f.req, skf_xstrdup("/never"), on_done);
    LF_UNTIL(&f.lf, f.server.requests.n == 1);
    skf_kube_req_cancel(&f.req);
    LF_UNTIL(&f.lf, f.done == 2);
    assert_int_equal(f.err.code, SKF_ECANCELED);
    close_fixture(&f);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    skf_replace(&f.context.server, skf_xstrdup("http://127.0.0.1:1"));
    start_api(&f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/ok"), on_done);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_ENET);
    assert_non_null(strstr(f.err.msg, "127.0.0.1:1"));
    close_fixture(&f);
}

/* --- exec plugins ----------------------------------------------------------------------------- */

static void answer_401_first(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    skf_buf_adds(&f->seen, head);
    if (s->requests.n == 1)
        fake_answer(c, 401, "{}");
    else
        fake_answer(c, 200, "{}");
}

static void plugin(struct fixture *f, const char *script)
{
    struct skf_exec_plugin *p = skf_xcalloc(1, sizeof *p);
    p->command = skf_xstrdup("/bin/sh");
    p->api_version = skf_xstrdup("client.authentication.k8s.io/v1");
    p->provide_cluster_info = true;
    skf_strv_add(&p->args, "-c");
    skf_strv_add(&p->args, script);
    skf_strv_add(&p->env, "TOKEN=t1");
    f->context.exec = p;
}

#define ANSWER                                                                                     \
    "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","       \
    "\"status\":{\"token\":\"'$TOKEN'\"}}'"

static void on_said(void *data, const char *line)
{
    struct fixture *f = data;
    skf_buf_addf(&f->seen, "said: %s\n", line);
}

static void test_exec_talks_to_the_user(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    plugin(&f, "echo 'open the page' >&2; echo 'and wait' >&2; " ANSWER);
    start_api(&f);
    skf_kube_api_on_said(f.api, on_said, &f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_OK);
    assert_non_null(strstr(f.seen.data, "said: open the page\nsaid: and wait\n"));
    assert_null(strstr(f.seen.data, "said: {"));
    close_fixture(&f);
}

static void test_exec_is_cached_and_renewed(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_401_first);
    plugin(&f, "case $KUBERNETES_EXEC_INFO in *127.0.0.1*) " ANSWER ";; *) exit 9;; esac");
    start_api(&f);
    unsigned long before = skf_proc_count();
    struct skf_kube_req second;
    skf_kube_req_init(&second);
    second.data = &f;
    skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_OK);
    assert_int_equal(skf_proc_count() - before, 2); /* once, and once more after the 401 */
    assert_non_null(strstr(f.seen.data, "Authorization: Bearer t1\r\n"));
    skf_kube_get(f.api, &f.req, skf_xstrdup("/two"), on_done);
    skf_kube_get(f.api, &second, skf_xstrdup("/three"), on_done);
    LF_UNTIL(&f.lf, f.done == 3);
    assert_int_equal(skf_proc_count() - before, 2);
    skf_kube_req_release(&second);
    close_fixture(&f);
}

static void test_exec_failures(void **state)
{
    (void)state;
    static const struct {
        const char *script, *text;
    } cases[] = {
        { "echo 'please log in' >&2; exit 3", "exit 3): please log in" },
        { "echo garbage", "did not answer JSON" },
        { "echo '{}'", "ExecCredential" },
        { "echo "
          "'{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\","
          "\"status\":{\"token\":\"secret\"}}'",
          "answered apiVersion" },
        { "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
          "\"status\":{}}'",
          "neither a token nor a certificate" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct fixture f;
        open_fixture(&f, answer_simple);
        plugin(&f, cases[i].script);
        start_api(&f);
        skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
        LF_UNTIL(&f.lf, f.done == 1);
        assert_int_equal(f.err.code, SKF_EDENIED);
        if (!strstr(f.err.msg, cases[i].text))
            fail_msg("%s", f.err.msg);
        assert_null(strstr(f.err.msg, "secret"));
        assert_int_equal(f.server.requests.n, 0);
        close_fixture(&f);
    }
}

static void test_exec_missing_and_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    plugin(&f, "");
    skf_replace(&f.context.exec->command, skf_xstrdup("skiff-no-such-program"));
    f.context.exec->install_hint = skf_xstrdup("apt install it");
    start_api(&f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_EDENIED);
    assert_non_null(strstr(f.err.msg, "apt install it"));
    close_fixture(&f);
    open_fixture(&f, answer_simple);
    plugin(&f, "exec sleep 100");
    start_api(&f);
    unsigned long before = skf_proc_count();
    skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
    LF_UNTIL(&f.lf, skf_proc_count() == before + 1);
    skf_kube_req_cancel(&f.req);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_ECANCELED);
    close_fixture(&f); /* free ends the child */
}

/* --- kubectl proxy ---------------------------------------------------------------------------- */

static void test_proxy_that_fails(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_simple);
    f.context.unsupported = skf_xstrdup("auth-provider 'x'");
    char *path = skf_xstrdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    start_api(&f);
    skf_kube_get(f.api, &f.req, skf_xstrdup("/one"), on_done);
    LF_UNTIL(&f.lf, f.done == 1);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(f.err.code, SKF_ENOTFOUND);
    assert_non_null(strstr(f.err.msg, "kubectl is not installed"));
    assert_non_null(strstr(skf_kube_api_note(f.api), "auth-provider 'x'"));
    close_fixture(&f);
}

/* --- watches ---------------------------------------------------------------------------------- */

#define POD(uid, version)                                                                          \
    "{\"metadata\":{\"uid\":\"" uid "\",\"name\":\"" uid "\",\"namespace\":\"n\","                 \
    "\"resourceVersion\":\"" version "\"}}"

static void on_event(struct skf_kube_watch *w, enum skf_kube_event event, json_t *o)
{
    struct fixture *f = w->data;
    f->events++;
    skf_buf_addf(&f->seen, "%c%s ", "AMD"[event], skf_jtext(o, "metadata.uid"));
}

static void on_list(struct skf_kube_watch *w)
{
    struct fixture *f = w->data;
    f->lists++;
}

static void on_trouble(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct fixture *f = w->data;
    (void)err;
    f->troubles++;
}

static void on_watch_done(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct fixture *f = w->data;
    f->done++;
    f->err = *err;
}

static void start_watch(struct fixture *f)
{
    skf_kube_watch_init(&f->watch);
    f->watch.data = f;
    f->watch.path = skf_xstrdup("/pods");
    f->watch.query = skf_xstrdup("labelSelector=a");
    f->watch.on_event = on_event;
    f->watch.on_list = on_list;
    f->watch.on_trouble = on_trouble;
    skf_kube_watch_start(f->api, &f->watch, on_watch_done);
}

static void end_watch(struct fixture *f)
{
    skf_kube_watch_cancel(&f->watch);
    LF_UNTIL(&f->lf, f->done == 1);
    assert_int_equal(f->err.code, SKF_ECANCELED);
    skf_kube_watch_release(&f->watch);
}

static void answer_watch(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    assert_non_null(strstr(head, "labelSelector=a"));
    if (strstr(head, "watch=1")) {
        fake_stream(c);
        f->stream = c;
        return;
    }
    static const char *const lists[] = {
        "{\"metadata\":{\"resourceVersion\":\"10\",\"continue\":\"x/y\"},\"items\":[" POD("a",
                                                                                          "1") "]}",
        "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[" POD("b", "2") "]}",
        "{\"metadata\":{\"resourceVersion\":\"20\"},\"items\":[" POD("b", "3") "]}",
    };
    fake_answer(c, 200, lists[f->phase++]);
}

static void test_watch(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_watch);
    start_api(&f);
    start_watch(&f);
    LF_UNTIL(&f.lf, f.lists == 1 && f.stream);
    assert_string_equal(f.seen.data, "Aa Ab ");
    assert_non_null(strstr(f.server.requests.v[1], "continue=x%2Fy"));
    assert_non_null(strstr(f.server.requests.v[2], "resourceVersion=10"));
    /* Events in pieces, a bookmark, then the server's own end. */
    fake_send(f.stream, "{\"type\":\"ADDED\",\"object\":" POD("c", "11") "}\n{\"type\":\"MODI");
    LF_UNTIL(&f.lf, f.events == 3);
    fake_send(
        f.stream,
        "FIED\",\"object\":" POD(
            "a",
            "12") "}\n"
                  "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"15\"}}}\n"
                  "{\"type\":\"DELETED\",\"object\":" POD("c", "16") "}\n");
    LF_UNTIL(&f.lf, f.events == 5);
    assert_string_equal(f.seen.data, "Aa Ab Ac Ma Dc ");
    struct fake_conn *old = f.stream;
    f.stream = NULL;
    fake_end(old);
    LF_UNTIL(&f.lf, f.stream);
    assert_non_null(strstr(f.server.requests.v[3], "resourceVersion=16"));
    assert_int_equal(f.troubles, 0);
    /* The history has expired: listed again; what vanished meanwhile is told. */
    skf_buf_clear(&f.seen);
    old = f.stream;
    f.stream = NULL;
    fake_send(old, "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"too old\"}}\n");
    LF_UNTIL(&f.lf, f.lists == 2 && f.stream);
    assert_string_equal(f.seen.data, "Mb Da ");
    end_watch(&f);
    close_fixture(&f);
}

static void answer_after_trouble(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    if (strstr(head, "watch=1"))
        fake_stream(c);
    else if (f->phase++ == 0)
        fake_answer(c, 503, "{\"message\":\"starting\"}");
    else if (f->phase == 2)
        fake_end(c); /* the connection breaks */
    else
        fake_answer(c, 200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}");
}

static void test_watch_survives(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_after_trouble);
    start_api(&f);
    start_watch(&f);
    LF_UNTIL(&f.lf, f.lists == 1);
    assert_int_equal(f.troubles, 1); /* one outage, told once */
    assert_int_equal(f.done, 0);
    end_watch(&f);
    close_fixture(&f);
}

static void answer_forbidden(struct fake_api *s, struct fake_conn *c, const char *head)
{
    (void)s, (void)head;
    fake_answer(c, 403, "{\"message\":\"no\"}");
}

static void test_watch_denied(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_forbidden);
    start_api(&f);
    start_watch(&f);
    LF_UNTIL(&f.lf, f.done == 1);
    assert_int_equal(f.err.code, SKF_EDENIED);
    assert_int_equal(f.server.requests.n, 1);
    skf_kube_watch_release(&f.watch);
    close_fixture(&f);
}

static void test_watch_cancelled_in_a_pause(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, answer_after_trouble);
    start_api(&f);
    start_watch(&f);
    LF_UNTIL(&f.lf, f.troubles == 1);
    end_watch(&f);
    close_fixture(&f);
}

/* --- tails ------------------------------------------------------------------------------------ */

static void on_line(struct skf_tail *t, const char *text, size_t len, int64_t ns)
{
    struct fixture *f = t->data;
    (void)len, (void)ns;
    skf_buf_addf(&f->seen, "%s|", text);
}

static void on_tail_closed(struct skf_tail *t)
{
    struct fixture *f = t->data;
    f->done++;
}

static void status(struct skf_tail *t, const char *id, bool running)
{
    json_t *o = json_pack("{s:s, s:{s:{}}}", "containerID", id, "state",
                          running ? "running" : "terminated");
    skf_tail_status(t, o);
    json_decref(o);
}

static void answer_log(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    (void)head;
    fake_stream(c);
    f->stream = c;
}

static void next_stream(struct fixture *f)
{
    struct fake_conn *old = f->stream;
    f->stream = NULL;
    if (old)
        fake_end(old);
    LF_UNTIL(&f->lf, f->stream);
}

#define S1 "2026-11-23T12:00:00.1Z "
#define S2 "2026-11-23T12:00:00.12Z "
#define S3 "2026-11-23T12:00:00.123456789Z "

static void test_tail_tells_no_line_twice(void **state)
{
    (void)state;
    struct fixture f;
    struct skf_tail t;
    open_fixture(&f, answer_log);
    start_api(&f);
    skf_tail_init(&t);
    t.api = f.api;
    t.data = &f;
    t.namespace_ = skf_xstrdup("n");
    t.pod = skf_xstrdup("p");
    t.container = skf_xstrdup("c");
    t.on_line = on_line;
    t.closed = on_tail_closed;
    skf_tail_open(&t);
    status(&t, "i1", true);
    next_stream(&f);
    assert_null(strstr(f.server.requests.v[0], "sinceTime"));
    fake_send(f.stream, S1 "one\n" S2 "two\n" S2 "two again\n" S2);
    LF_UNTIL(&f.lf, strstr(f.seen.data, "two again|"));
    /* The connection breaks; what comes again is known, the half line too is whole now. */
    next_stream(&f);
    assert_non_null(strstr(f.server.requests.v[1], "sinceTime=2026-11-23T12:00:00Z"));
    fake_send(f.stream,
              S1 "one\n" S2 "two\n" S2 "two again\n" S2 "more\nno stamp\n" S3 "three\r\n");
    LF_UNTIL(&f.lf, strstr(f.seen.data, "three|"));
    /* A restart while the stream is open: the next one follows its end. */
    status(&t, "i2", true);
    next_stream(&f);
    fake_send(f.stream, S3 "three\n2026-11-23T12:00:09Z new run");
    fake_end(f.stream);
    status(&t, "i2", false);
    LF_UNTIL(&f.lf, strstr(f.seen.data, "new run|"));
    assert_string_equal(f.seen.data, "one|two|two again|more|three|new run|");
    skf_tail_gone(&t);
    LF_UNTIL(&f.lf, f.done == 1);
    skf_tail_release(&t);
    close_fixture(&f);
}

static void test_stamps(void **state)
{
    (void)state;
    size_t text = 0;
    static const char line[] = "2026-11-23T12:00:00.000000001Z x";
    assert_int_equal(skf_tail_stamp(line, sizeof line - 1, &text), 1795435200000000001);
    assert_int_equal(text, 31);
    assert_int_equal(skf_tail_stamp("hello", 5, &text), -1);
    assert_int_equal(skf_jtime_ms("2026-11-23T13:00:00.5+01:00"), 1795435200500);
    assert_int_equal(skf_jtime_ms("2026-13-23T13:00:00Z"), -1);
    assert_int_equal(skf_jtime_ms(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_exec_is_cached_and_renewed),
        cmocka_unit_test(test_exec_talks_to_the_user),
        cmocka_unit_test(test_exec_failures),
        cmocka_unit_test(test_exec_missing_and_cancelled),
        cmocka_unit_test(test_proxy_that_fails),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_survives),
        cmocka_unit_test(test_watch_denied),
        cmocka_unit_test(test_watch_cancelled_in_a_pause),
        cmocka_unit_test(test_tail_tells_no_line_twice),
        cmocka_unit_test(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

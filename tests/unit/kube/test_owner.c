/* Whose objects are: marks, sessions, and the survey of what is in the cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_api.h"
#include "lib/kube/owner.h"
#include "lib/kube/survey.h"
#include "tests/support/loop_fixture.h"

static void parse(const char *text, struct skf_objects *out)
{
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_parse("k8s.yaml", text, strlen(text), out, &err), 0);
}

static void test_marks(void **state)
{
    (void)state;
    struct skf_objects o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    struct skf_owner owner = { skf_xstrdup("shop-1"), skf_xstrdup("dev:x") };
    parse("# keep\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n", &o);
    assert_int_equal(skf_owner_mark(&o.v[0], &owner, &err), 0);
    assert_non_null(strstr(o.v[0].text, "# keep"));
    assert_non_null(strstr(o.v[0].text, "skiff.dev/project: shop-1"));
    assert_non_null(strstr(o.v[0].text, "skiff.dev/session: dev:x"));
    skf_objects_release(&o);
    /* Labels that are the selector too: the selector must stay as it is. */
    parse("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  labels: &l {app: a}\n"
          "spec:\n  selector: {matchLabels: *l}\n",
          &o);
    assert_int_equal(skf_owner_mark(&o.v[0], &owner, &err), 0);
    const char *first = strstr(o.v[0].text, "skiff.dev/project");
    assert_non_null(first);
    assert_null(strstr(first + 1, "skiff.dev/project"));
    skf_objects_release(&o);
    skf_owner_release(&owner);
}

static void test_sessions(void **state)
{
    (void)state;
    char *mine = skf_owner_session("dev"), *once = skf_owner_session("run");
    assert_int_equal(skf_owner_session_state(mine), SKF_SESSION_SELF);
    assert_int_equal(skf_owner_session_state(once), SKF_SESSION_DEAD);
    /* The same process number with another start is another process; its own start is in there. */
    char *pid = strchr(strchr(mine, ':') + 1, ':') + 1;
    char *start = strchr(pid, ':') + 1;
    start[0] = start[0] == '9' ? '8' : (char)(start[0] + 1);
    assert_int_equal(skf_owner_session_state(mine), SKF_SESSION_DEAD);
    assert_int_equal(skf_owner_session_state("dev:bob@elsewhere:1:2:3"), SKF_SESSION_FOREIGN);
    assert_int_equal(skf_owner_session_state("nonsense"), SKF_SESSION_FOREIGN);
    char *words = skf_owner_session_words("dev:bob@elsewhere:1:2:3");
    assert_string_equal(words, "'skiff dev' of bob@elsewhere (process 1)");
    free(words);
    free(mine);
    free(once);
}

/* --- the survey ------------------------------------------------------------------------------- */

struct fixture {
    struct lf lf;
    struct fake_api server;
    struct skf_kube_context context;
    struct skf_survey survey;
    struct skf_buf asked;
    struct skf_err err;
    int done;
};

static void answer(struct fake_api *s, struct fake_conn *c, const char *head)
{
    struct fixture *f = s->data;
    skf_buf_add(&f->asked, head, strcspn(head, "\r"));
    skf_buf_addc(&f->asked, '\n');
    if (strstr(head, "/apis/example.com/v1 "))
        fake_answer(c, 200,
                    "{\"resources\":[{\"name\":\"things/status\",\"kind\":\"Thing\"},"
                    "{\"name\":\"things\",\"kind\":\"Thing\",\"namespaced\":true}]}");
    else if (strstr(head, "/things/one "))
        fake_answer(c, 200, "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}");
    else if (strstr(head, "/configmaps/mine "))
        fake_answer(c, 200,
                    "{\"metadata\":{\"labels\":{\"skiff.dev/project\":\"p\"},"
                    "\"annotations\":{\"skiff.dev/session\":\"s\"}}}");
    else if (strstr(head, "/secrets/closed "))
        fake_answer(c, 403, "{\"message\":\"secrets is forbidden\"}");
    else if (strstr(head, "/configmaps/broken "))
        fake_answer(c, 503, "{\"message\":\"busy\"}");
    else
        fake_answer(c, 404, "{\"message\":\"not found\"}");
}

static void on_done(struct skf_survey *s, const struct skf_err *err)
{
    struct fixture *f = s->data;
    f->done++;
    if (err)
        f->err = *err;
}

static void survey(struct fixture *f, const char *manifests, bool cancel)
{
    struct skf_objects o = { 0 };
    parse(manifests, &o);
    memset(f, 0, sizeof *f);
    skf_buf_init(&f->asked);
    lf_open(&f->lf);
    f->server.on_request = answer;
    f->server.data = f;
    fake_open(&f->server, &f->lf.loop);
    f->context.name = skf_xstrdup("test");
    f->context.server = skf_xasprintf("http://127.0.0.1:%u", f->server.port);
    struct skf_http *http = skf_http_new(&f->lf.loop);
    struct skf_kube_api *api = skf_kube_api_new(&f->lf.loop, http, &f->context);
    f->survey.data = f;
    skf_survey_start(api, &f->survey, &o, "team", on_done);
    if (cancel)
        skf_survey_cancel(&f->survey);
    skf_objects_release(&o);
    assert_int_equal(f->done, 0);
    LF_UNTIL(&f->lf, f->done == 1);
    skf_kube_api_free(api);
    fake_close(&f->server);
    skf_http_free(http);
    lf_close(&f->lf);
    fake_release(&f->server);
    skf_kube_context_release(&f->context);
}

static void drop(struct fixture *f)
{
    skf_survey_release(&f->survey);
    skf_buf_release(&f->asked);
}

static void test_survey(void **state)
{
    (void)state;
    struct fixture f;
    survey(&f,
           "{apiVersion: v1, kind: ConfigMap, metadata: {name: mine}}\n---\n"
           "{apiVersion: v1, kind: ConfigMap, metadata: {name: new, namespace: other}}\n---\n"
           "{apiVersion: v1, kind: Secret, metadata: {name: closed}}\n---\n"
           "{apiVersion: example.com/v1, kind: Thing, metadata: {name: one}}\n---\n"
           "{apiVersion: example.com/v1, kind: Thing, metadata: {name: two}}\n---\n"
           "{apiVersion: not.there/v1, kind: Thing, metadata: {name: x}}\n",
           false);
    assert_int_equal(f.err.code, SKF_OK);
    static const int states[] = { SKF_SURVEY_PRESENT, SKF_SURVEY_ABSENT, SKF_SURVEY_UNKNOWN,
                                  SKF_SURVEY_PRESENT, SKF_SURVEY_ABSENT, SKF_SURVEY_ABSENT };
    for (size_t i = 0; i < SKF_ARRAY_LEN(states); i++)
        assert_int_equal(f.survey.items[i].state, states[i]);
    assert_string_equal(f.survey.items[0].owner.project, "p");
    assert_string_equal(f.survey.items[0].owner.session, "s");
    assert_true(f.survey.items[3].leaving);
    assert_non_null(strstr(f.asked.data, "/api/v1/namespaces/other/configmaps/new "));
    assert_non_null(strstr(f.asked.data, "/apis/example.com/v1/namespaces/team/things/two "));
    const char *group = strstr(f.asked.data, "/apis/example.com/v1 ");
    assert_null(strstr(group + 1, "/apis/example.com/v1 ")); /* asked once for both */
    drop(&f);
}

static void test_survey_ends(void **state)
{
    (void)state;
    struct fixture f;
    survey(&f, "{apiVersion: v1, kind: ConfigMap, metadata: {name: broken}}\n", false);
    assert_int_equal(f.err.code, SKF_ENET);
    drop(&f);
    survey(&f, "{apiVersion: example.com/v1, kind: Thing, metadata: {name: one}}\n", true);
    assert_int_equal(f.err.code, SKF_ECANCELED);
    drop(&f);
    survey(&f, "", false);
    assert_int_equal(f.err.code, SKF_OK);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_survey),
        cmocka_unit_test(test_survey_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

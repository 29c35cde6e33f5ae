/* The control socket over a real engine with fake seams: each command, the socket's own safety, and
 * clients that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/engine/control.h"
#include "lib/engine/control_client.h"
#include "lib/engine/state.h"
#include "tests/support/engine_world.h"

/* --- a client on the same loop: never blocks -------------------------------------------------- */

struct client {
    struct world *w;
    int fd;
    struct skf_buf in;
    bool eof;
};

static char *socket_path(void)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_control_dir(&err);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    assert_non_null(dir);
    assert_int_equal(skf_file_list(dir, &names, &err), 0);
    return names.n == 1 ? skf_path_join(dir, names.v[0]) : NULL;
}

static void ask(struct world *w, struct client *c, const char *line)
{
    skf_autofree char *path = socket_path();
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    assert_non_null(path);
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    *c = (struct client){ .w = w, .in = SKF_BUF_INIT };
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(c->fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
}

/* Has the answer got this far? */
static bool heard(struct client *c, const char *text)
{
    char chunk[4096];
    ssize_t n;
    while ((n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
        skf_buf_add(&c->in, chunk, (size_t)n);
    c->eof = c->eof || n == 0;
    return strstr(c->in.data, text) != NULL;
}

static bool ended(struct client *c)
{
    heard(c, "");
    return c->eof;
}

static void hang_up(struct client *c)
{
    close(c->fd);
    skf_buf_release(&c->in);
}

/* The whole answer to one request. */
static char *answer_of(struct world *w, const char *line)
{
    struct client c;
    ask(w, &c, line);
    LF_UNTIL(&w->lf, ended(&c));
    close(c.fd);
    return skf_buf_take(&c.in);
}

#define EXPECT_ANSWER(w, line, part)                                                               \
    do {                                                                                           \
        skf_autofree char *got_ = answer_of(w, line);                                              \
        if (!strstr(got_, part))                                                                   \
            fail_msg("'%s' is not in: %s", part, got_);                                            \
    } while (0)

static int set_up(void **state)
{
    world_set_up(state);
    struct world *w = *state;
    skf_autofree char *runtime = skf_path_join(w->dir, "run");
    assert_int_equal(mkdir(runtime, 0700), 0);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    w->options.control_dir = w->dir;
    return 0;
}

/* --- the socket ------------------------------------------------------------------------------- */

static void the_socket_is_private_and_goes_with_the_session(void **state)
{
    struct world *w = *state;
    struct stat st;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_autofree char *path = socket_path();
    assert_non_null(path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    skf_autofree char *dir = skf_path_dir(path);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    stop(w);
    assert_int_equal(stat(path, &st), -1);
}

static void a_directory_that_others_can_use_is_refused(void **state)
{
    struct world *w = *state;
    skf_autofree char *dir = skf_path_join(w->dir, "run/skiff");
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1); /* and dev goes on without */
    assert_int_equal(w->counts[SKF_EV_WARNING], 1);
    assert_non_null(strstr(w->last_text[SKF_EV_WARNING], "nobody else can use"));
    stop(w);
}

static void nonsense_gets_an_error_and_harms_nobody(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    EXPECT_ANSWER(w, "hello\n", "\"error\"");
    EXPECT_ANSWER(w, "{\"command\":7}\n", "one line of JSON");
    EXPECT_ANSWER(w, "{\"command\":\"dance\"}\n", "does not know");
    EXPECT_ANSWER(w, "{\"command\":\"wait\",\"for\":\"rain\"}\n", "'ready' or 'error'");
    EXPECT_ANSWER(w, "{\"command\":\"why\",\"path\":\"x\"}\n", "absolute");
    struct client c;
    skf_autobuf struct skf_buf longest = SKF_BUF_INIT;
    while (longest.len < 100 * 1000)
        skf_buf_adds(&longest, "xxxxxxxxxxxxxxxx");
    ask(w, &c, longest.data);
    LF_UNTIL(&w->lf, heard(&c, "too long"));
    hang_up(&c);
    ask(w, &c, "{\"comm"); /* and never the rest */
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    stop(w);
    hang_up(&c);
}

static void the_client_finds_its_session_from_below(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_control_client c;
    skf_autofree char *below = skf_path_join(w->dir, "app/deep/er");
    skf_autofree char *stale = NULL;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_autofree char *path = socket_path();
    stale = skf_xasprintf("%.*s.1.sock", (int)(strrchr(path, '/') - path) + 17, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strncpy(at.sun_path, stale, sizeof at.sun_path - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd); /* the name of a session that was killed */
    assert_int_equal(skf_control_connect(below, 0, &c, &err), 0);
    skf_control_client_close(&c);
    assert_int_equal(access(stale, F_OK), -1);
    assert_int_equal(skf_control_connect(below, 4242, &c, &err), -SKF_ENOTFOUND);
    assert_int_equal(skf_control_connect("/", 0, &c, &err), -SKF_ENOTFOUND);
    stop(w);
}

/* --- commands --------------------------------------------------------------------------------- */

static void state_tells_the_build_and_the_app_apart(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    EXPECT_ANSWER(w, "{\"command\":\"state\"}\n", "\"phase\":\"watching\"");
    put(w, "app/src.txt", "bad");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    skf_autofree char *got = answer_of(w, "{\"command\":\"state\"}\n");
    assert_non_null(strstr(got, "\"app\":{\"status\":\"Failed\"")); /* the image called app */
    assert_non_null(strstr(got, "syntax error"));
    assert_non_null(strstr(got, "\"deploy\":{\"status\":\"Succeeded\"}"));
    assert_non_null(strstr(got, "\"failed\":\"build\""));
    stop(w);
}

static void events_come_with_their_past_and_live(void **state)
{
    struct world *w = *state;
    struct client c;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    ask(w, &c, "{\"command\":\"events\"}\n");
    LF_UNTIL(&w->lf, heard(&c, "\"event\":\"watching\""));
    assert_true(heard(&c, "\"event\":\"build-started\",\"artifact\":\"app\""));
    assert_false(heard(&c, "\"event\":\"changed\""));
    put(w, "app/src.txt", "two");
    LF_UNTIL(&w->lf, heard(&c, "\"event\":\"changed\""));
    LF_UNTIL(&w->lf, heard(&c, "\"ledger\":{\"noticeMs\""));
    stop(w);
    assert_true(ended(&c));
    hang_up(&c);
}

static void wait_answers_after_the_save_that_came_before_it(void **state)
{
    struct world *w = *state;
    struct client c;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    EXPECT_ANSWER(w, "{\"command\":\"wait\",\"for\":\"ready\"}\n", "\"result\":\"ready\"");
    put(w, "app/src.txt", "bad"); /* nobody has judged it yet */
    ask(w, &c, "{\"command\":\"wait\",\"for\":\"ready\"}\n");
    LF_UNTIL(&w->lf, ended(&c));
    assert_non_null(strstr(c.in.data, "\"result\":\"error\""));
    assert_non_null(strstr(c.in.data, "\"stage\":\"build\""));
    assert_int_equal(fake.failed, 1);
    hang_up(&c);
    put(w, "app/src.txt", "three");
    EXPECT_ANSWER(w, "{\"command\":\"wait\",\"for\":\"ready\"}\n", "\"result\":\"ready\"");
    assert_int_equal(fake.applied, 2);
    stop(w);
}

static void wait_for_an_error_waits_for_one(void **state)
{
    struct world *w = *state;
    struct client c, gone;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    ask(w, &c, "{\"command\":\"wait\",\"for\":\"error\"}\n");
    ask(w, &gone, "{\"command\":\"wait\",\"for\":\"error\"}\n");
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    hang_up(&gone); /* lost interest */
    assert_false(heard(&c, "result"));
    put(w, "skaffold.yaml", "kind: [\n");
    LF_UNTIL(&w->lf, heard(&c, "\"stage\":\"config\""));
    hang_up(&c);
    ask(w, &c, "{\"command\":\"wait\",\"for\":\"ready\"}\n");
    LF_UNTIL(&w->lf, heard(&c, "\"stage\":\"config\""));
    hang_up(&c);
    stop(w);
}

static void why_knows_the_rules_of_the_session(void **state)
{
    struct world *w = *state;
    fake.tree = true;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_autofree char *source =
        skf_xasprintf("{\"command\":\"why\",\"path\":\"%s/app/src.txt\"}\n", w->dir);
    skf_autofree char *ignored =
        skf_xasprintf("{\"command\":\"why\",\"path\":\"%s/app/out/x\"}\n", w->dir);
    skf_autofree char *manifest =
        skf_xasprintf("{\"command\":\"why\",\"path\":\"%s/k8s.yaml\"}\n", w->dir);
    skf_autofree char *other = skf_xasprintf("{\"command\":\"why\",\"path\":\"%s/x\"}\n", w->dir);
    EXPECT_ANSWER(w, source, "\"reasons\":[{\"artifact\":\"app\",\"rule\":\"below");
    EXPECT_ANSWER(w, ignored, "\"ignored\":[{\"artifact\":\"app\"");
    EXPECT_ANSWER(w, manifest, "\"what\":\"manifests\"");
    EXPECT_ANSWER(w, other, "\"matters\":false");
    stop(w);
}

/* --- triggers --------------------------------------------------------------------------------- */

static void what_is_held_is_done_by_one_trigger(void **state)
{
    struct world *w = *state;
    w->options.hold_builds = w->options.hold_deploys = true;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1); /* the first loop needs no trigger */
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_HELD, 1);
    put(w, "app/src.txt", "three");
    WAIT_FOR(w, SKF_EV_CHANGED, 2);
    assert_int_equal(fake.started, 1);
    EXPECT_ANSWER(w, "{\"command\":\"wait\",\"for\":\"ready\"}\n", "\"result\":\"held\"");
    EXPECT_ANSWER(w, "{\"command\":\"trigger\"}\n", "\"ok\":true");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    assert_int_equal(fake.applied, 2);
    put(w, "app/src.txt", "four"); /* it was good for one loop */
    WAIT_FOR(w, SKF_EV_HELD, 2);
    assert_int_equal(fake.started, 2);
    stop(w);
}

static void builds_go_on_while_deploys_are_held(void **state)
{
    struct world *w = *state;
    w->options.hold_deploys = true;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_HELD, 1);
    assert_int_equal(fake.built, 2);
    assert_int_equal(fake.applied, 1);
    EXPECT_ANSWER(w, "{\"command\":\"trigger\"}\n", "ok");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    assert_int_equal(fake.applied, 2);
    stop(w);
}

static void a_trigger_without_changes_builds_all_again(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    EXPECT_ANSWER(w, "{\"command\":\"trigger\"}\n", "ok");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    assert_int_equal(fake.applied, 1); /* the same image: nothing to deploy */
    put(w, "app/src.txt", "bad");
    WAIT_FOR(w, SKF_EV_WATCHING, 3);
    EXPECT_ANSWER(w, "{\"command\":\"trigger\"}\n", "ok"); /* what failed is tried again */
    WAIT_FOR(w, SKF_EV_WATCHING, 4);
    assert_int_equal(fake.failed, 2);
    stop(w);
}

static void a_pause_collects_and_going_on_builds(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    EXPECT_ANSWER(w, "{\"command\":\"pause\"}\n", "ok");
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_HELD, 1);
    EXPECT_ANSWER(w, "{\"command\":\"state\"}\n", "\"phase\":\"paused\"");
    EXPECT_ANSWER(w, "{\"command\":\"resume\"}\n", "ok");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    EXPECT_ANSWER(w, "{\"command\":\"wait\",\"for\":\"ready\"}\n", "\"result\":\"ready\"");
    stop(w);
}

/* A message that was cut in the middle of a letter; programs that print what they like. */
static void what_is_no_utf8_is_told_all_the_same(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "f\xc3\xbcr", "\"f\xc3\xbcr\"" },
        { "f\xc3\xbc, cut: \xc3", "\"f\xc3\xbc, cut: \xef\xbf\xbd\"" },
        { "\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf4\x90\x80\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"" },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        json_t *got = skf_text_json(cases[i].text, strlen(cases[i].text));
        skf_autofree char *text = json_dumps(got, JSON_ENCODE_ANY);
        assert_string_equal(text, cases[i].json);
        json_decref(got);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_utf8_is_told_all_the_same),
        T(the_socket_is_private_and_goes_with_the_session),
        T(a_directory_that_others_can_use_is_refused),
        T(nonsense_gets_an_error_and_harms_nobody),
        T(the_client_finds_its_session_from_below),
        T(state_tells_the_build_and_the_app_apart),
        T(events_come_with_their_past_and_live),
        T(wait_answers_after_the_save_that_came_before_it),
        T(wait_for_an_error_waits_for_one),
        T(why_knows_the_rules_of_the_session),
        T(what_is_held_is_done_by_one_trigger),
        T(builds_go_on_while_deploys_are_held),
        T(a_trigger_without_changes_builds_all_again),
        T(a_pause_collects_and_going_on_builds),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}

#include <stdlib.h>

#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/engine/plan_check.h"
#include "lib/engine/tests.h"

struct testing {
    struct skf_tests tests;
    struct session *session;
    struct skf_err err;
    bool done;
};

static void tell(struct skf_tests *t, enum skf_event_kind kind, const char *text)
{
    const struct testing *all = t->data;
    const struct skf_event ev = { .kind = kind, .text = text };
    console_event(&all->session->console, &ev);
}

static void on_start(struct skf_tests *t, const struct skf_test_case *c)
{
    skf_autofree char *text =
        skf_xasprintf("Running custom test command: \"%s\"", c->custom->command);
    tell(t, SKF_EV_TEST_LINE, text);
}

static void on_line(struct skf_tests *t, const char *line)
{
    tell(t, SKF_EV_TEST_LINE, line);
}

static void on_pass(struct skf_tests *t, const struct skf_test_case *c)
{
    (void)c;
    tell(t, SKF_EV_TEST_LINE, "Command finished successfully.");
}

static void on_done(struct skf_tests *t, const struct skf_err *err)
{
    struct testing *all = t->data;
    if (err)
        all->err = *err;
    all->done = true;
    uv_stop(&all->session->loop); /* a turn that began with this timer must not go on to wait */
}

static int run_tests(struct session *s, const struct skf_pair *images, size_t n)
{
    struct testing t = { .session = s,
                         .tests = { .config = &s->config,
                                    .images = images,
                                    .n_images = n,
                                    .on_start = on_start,
                                    .on_line = on_line,
                                    .on_pass = on_pass,
                                    .done = on_done } };
    t.tests.data = &t;
    tell(&t.tests, SKF_EV_TEST_STARTED, NULL);
    skf_tests_start(&s->loop, &t.tests);
    while (!t.done) {
        if (s->stop.signum)
            skf_tests_cancel(&t.tests);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    skf_tests_release(&t.tests);
    if (s->stop.signum)
        return 128 + s->stop.signum;
    if (!t.err.code)
        return EXIT_CODE_OK;
    console_error(&s->console, &t.err);
    return EXIT_CODE_FAILED;
}

int cmd_test(const struct options *o)
{
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv given = SKF_STRV_INIT;
    int code = session_open(&s, o, "test", NEEDS_NO_CLUSTER, false);
    enum skf_stage stage = SKF_STAGE_CONFIG;
    if (code == 0 && skf_plan_check_tests(&s.config, &err) == 0) {
        stage = SKF_STAGE_TEST;
        if (artifacts_read(o, &given, &err) == 0 && !given.n)
            skf_err_set(&err, SKF_EUSAGE,
                        "name the images to test: --build-artifacts FILE, as 'skiff build "
                        "--file-output' writes it, or --images NAME=TAG");
    }
    if (code == 0 && err.code) {
        console_error(&s.console, &err);
        code = exit_code_of(stage, &err);
    }
    if (code == 0) {
        skf_autofree struct skf_pair *images = skf_xcalloc(given.n / 2, sizeof *images);
        for (size_t i = 0; i + 1 < given.n; i += 2)
            images[i / 2] = (struct skf_pair){ .key = given.v[i], .value = given.v[i + 1] };
        code = run_tests(&s, images, given.n / 2);
    }
    session_close(&s);
    return code;
}

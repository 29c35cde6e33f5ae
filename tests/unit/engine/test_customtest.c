/* Custom tests with real commands, and what they depend on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/tests.h"
#include "lib/io/file.h"
#include "tests/support/loop_fixture.h"

struct world {
    struct lf lf;
    char *dir;
    struct skf_custom_test custom[2];
    struct skf_test_dependencies dependencies;
    struct skf_test test;
    struct skf_module module;
    struct skf_config config;
    struct skf_tests run;
    struct skf_buf said;
    int passed;
    bool ended;
    struct skf_err outcome;
};

static const struct skf_pair image = { .key = "app", .value = "app:v1" };

static int set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    lf_open(&w->lf);
    w->dir = skf_file_temp_dir("skiff-tests", &err);
    assert_non_null(w->dir);
    skf_buf_init(&w->said);
    w->test = (struct skf_test){ .image = "app", .context = ".", .custom = { w->custom, 1 } };
    w->module = (struct skf_module){ .dir = w->dir, .tests = &w->test, .n_tests = 1 };
    w->config = (struct skf_config){ .modules = &w->module, .n_modules = 1 };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_tests_release(&w->run);
    lf_close(&w->lf);
    skf_file_remove_tree(w->dir, &err);
    skf_buf_release(&w->said);
    free(w->dir);
    free(w);
    return 0;
}

static void on_start(struct skf_tests *t, const struct skf_test_case *c)
{
    (void)t;
    assert_string_equal(c->reference, "app:v1");
}

static void on_line(struct skf_tests *t, const char *line)
{
    struct world *w = t->data;
    skf_buf_addf(&w->said, "%s\n", line);
}

static void on_pass(struct skf_tests *t, const struct skf_test_case *c)
{
    struct world *w = t->data;
    (void)c;
    w->passed++;
}

static void on_done(struct skf_tests *t, const struct skf_err *err)
{
    struct world *w = t->data;
    w->ended = true;
    if (err)
        w->outcome = *err;
}

static void start(struct world *w)
{
    w->run = (struct skf_tests){ .config = &w->config,
                                 .images = &image,
                                 .n_images = 1,
                                 .data = w,
                                 .on_start = on_start,
                                 .on_line = on_line,
                                 .on_pass = on_pass,
                                 .done = on_done };
    skf_tests_start(&w->lf.loop, &w->run);
}

static void a_test_is_given_image_and_context(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "echo $IMAGE; test \"$TEST_CONTEXT\" = \"$PWD\"";
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(w->passed, 1);
    assert_string_equal(w->said.data, "app:v1\n");
}

static void the_first_failure_ends_it(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "exit 2";
    w->custom[1].command = "echo never";
    w->test.custom.n = 2;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECHILD);
    assert_non_null(strstr(w->outcome.msg, "test 'exit 2' of image 'app'"));
    assert_int_equal(w->said.len, 0);
}

static void a_test_that_takes_too_long(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "sleep 600";
    w->custom[0].timeout_s = 1;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ETIMEDOUT);
    assert_non_null(strstr(w->outcome.msg, "longer than 1 s"));
}

static void a_dependency_command_names_files(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "true";
    w->custom[0].dependencies = &w->dependencies;
    w->dependencies.command = "echo '[\"a.txt\", \"/b\"]'";
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(w->run.files.n, 1);
    skf_autofree char *own = skf_path_join(w->dir, "a.txt");
    assert_string_equal(w->run.files.v[0].paths.v[0], own);
    assert_string_equal(w->run.files.v[0].paths.v[1], "/b");
}

static void a_dependency_command_that_prints_no_list(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "echo never";
    w->custom[0].dependencies = &w->dependencies;
    w->dependencies.command = "echo a.txt";
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_EINVAL);
    assert_int_equal(w->said.len, 0);
}

static void cancel_ends_the_command(void **state)
{
    struct world *w = *state;
    w->custom[0].command = "echo on; sleep 600";
    start(w);
    LF_UNTIL(&w->lf, w->said.len > 0);
    skf_tests_cancel(&w->run);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
}

static void paths_count_but_for_what_is_ignored(void **state)
{
    struct world *w = *state;
    const char *paths[] = { "t/**/*.sh", "data" }, *ignore[] = { "t/tmp" };
    struct skf_inputs in = { 0 };
    w->dependencies.paths = (struct skf_strings){ .v = paths, .n = 2 };
    w->dependencies.ignore = (struct skf_strings){ .v = ignore, .n = 1 };
    w->custom[0].dependencies = &w->dependencies;
    skf_test_inputs(&w->module, &w->test, &w->custom[0], &in);
    static const struct {
        const char *path;
        bool skipped;
    } cases[] = { { "t/a.sh", false },
                  { "t/x/b.sh", false },
                  { "t/a.txt", true },
                  { "t/tmp/c.sh", true },
                  { "data/any", false } };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autofree char *full = skf_path_join(w->dir, cases[i].path);
        assert_int_equal(in.skips(in.skip_data, full, false), cases[i].skipped);
    }
    skf_inputs_release(&in);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_test_is_given_image_and_context),
        T(the_first_failure_ends_it),
        T(a_test_that_takes_too_long),
        T(a_dependency_command_names_files),
        T(a_dependency_command_that_prints_no_list),
        T(cancel_ends_the_command),
        T(paths_count_but_for_what_is_ignored),
    };
    return cmocka_run_group_tests_name("customtest", tests, NULL, NULL);
}

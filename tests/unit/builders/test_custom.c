/* The custom builder: what its command is given, and what it is said to read. */
#include "tests/unit/builders/support.h"

#include <string.h>
#include <unistd.h>

#include "builders/custom/run.h"
#include "lib/engine/inputs.h"
#include "lib/io/loop.h"

struct world {
    uv_loop_t loop;
    uv_timer_t cap;
    struct skf_services services;
    struct skf_module module;
    struct skf_artifact artifact;
    struct skf_custom_options options;
    struct skf_strv platforms;
    char *dir;
    struct skf_err err;
    struct skf_strv lines;
    bool over;
};

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("no end after 20 s");
}

static void open_world(struct world *w, void **state, const char *name)
{
    *w = (struct world){ .dir = skf_path_join(*state, name) };
    put(w->dir, "a.txt", "a\n");
    assert_int_equal(skf_loop_init(&w->loop, &w->err), 0);
    w->services = (struct skf_services){ .loop = &w->loop, .cwd = *state };
    w->artifact = (struct skf_artifact){ .image = "app", .options = &w->options };
    uv_timer_init(&w->loop, &w->cap);
    uv_timer_start(&w->cap, on_cap, 20000, 0);
}

static void close_world(struct world *w)
{
    uv_close((uv_handle_t *)&w->cap, NULL);
    assert_true(skf_loop_close(&w->loop));
    skf_strv_release(&w->platforms);
    skf_strv_release(&w->lines);
    free(w->dir);
}

static struct skf_build_context context(struct world *w)
{
    return (struct skf_build_context){ .services = &w->services,
                                       .module = &w->module,
                                       .artifact = &w->artifact,
                                       .dir = w->dir,
                                       .platforms = &w->platforms };
}

static void run(struct world *w)
{
    while (!w->over)
        uv_run(&w->loop, UV_RUN_ONCE);
    w->over = false;
}

/* --- environment ------------------------------------------------------------------------------ */

static void test_environment(void **state)
{
    struct world w;
    open_world(&w, state, "env");
    struct skf_build_context ctx = context(&w);
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    unsetenv("IMAGE");
    assert_int_equal(skf_custom_env(&ctx, "127.0.0.1:5000/t/app:v1", true, &env, &w.err), 0);
    skf_autofree char *dir = skf_xasprintf("BUILD_CONTEXT=%s", w.dir);
    static const char *const want[] = {
        "IMAGE=127.0.0.1:5000/t/app:v1",   "PUSH_IMAGE=true", "PLATFORMS=all", "SKIP_TEST=false",
        "IMAGE_REPO=127.0.0.1:5000/t/app", "IMAGE_TAG=v1"
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(want); i++)
        assert_true(skf_strv_has(&env, want[i]));
    assert_true(skf_strv_has(&env, dir));

    skf_strv_clear(&env);
    skf_strv_add(&w.platforms, "linux/amd64");
    skf_strv_add(&w.platforms, "linux/arm64");
    setenv("IMAGE", "the user's", 1); /* what the user has wins, as in Skaffold */
    assert_int_equal(skf_custom_env(&ctx, "app", false, &env, &w.err), 0);
    assert_true(skf_strv_has(&env, "PLATFORMS=linux/amd64,linux/arm64"));
    assert_true(skf_strv_has(&env, "PUSH_IMAGE=false"));
    assert_true(skf_strv_has(&env, "IMAGE_TAG=latest"));
    for (size_t i = 0; i < env.n; i++)
        assert_true(strncmp(env.v[i], "IMAGE=", 6) != 0);
    unsetenv("IMAGE");
    close_world(&w);
}

static void test_templates(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *out = NULL;
    setenv("SKIFF_TEST_VALUE", "v", 1);
    assert_int_equal(skf_custom_expand("make {{.SKIFF_TEST_VALUE}}", "buildCommand", &out, &err),
                     0);
    assert_string_equal(out, "make v");
    skf_autofree char *none = NULL;
    assert_true(skf_custom_expand("{{.X", "buildCommand", &none, &err) < 0);
    assert_memory_equal(err.msg, "buildCommand: ", 14);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void on_inputs(struct skf_inputs_job *j, const struct skf_err *err)
{
    struct world *w = j->data;
    w->over = true;
    w->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

static struct skf_inputs inputs(struct world *w)
{
    struct skf_inputs_job j = { .ctx = context(w), .data = w, .done = on_inputs };
    skf_custom_inputs_start(&j);
    assert_false(w->over);
    run(w);
    return j.inputs;
}

static bool counts(const struct world *w, const struct skf_inputs *in, const char *name)
{
    skf_autofree char *path = skf_path_join(w->dir, name);
    return skf_inputs_match(in, path, NULL);
}

static void test_inputs_by_paths(void **state)
{
    struct world w;
    const char *paths[] = { "*.txt", "sub", "not-there.yaml", "src/**/*.c" };
    const char *ignore[] = { "out.txt", "sub/*.tmp", "**/gen" };
    struct skf_custom_dependencies deps = { .paths = { paths, NULL, 4 },
                                            .ignore = { ignore, NULL, 3 } };
    static const struct {
        const char *name;
        bool yes;
    } cases[] = {
        { "a.txt", true },           { "new.txt", true },       { "out.txt", false },
        { "sub/x.c", true },         { "sub/new/dir/x", true }, { "sub/x.tmp", false },
        { "not-there.yaml", true },  { "other.yaml", false },   { "src/x.c", true },
        { "src/deep/er/x.c", true }, { "src/x.h", false },      { "src/gen/x.c", false },
        { "sub/gen/x", false },      { "sub/.git/x", false },   { "txt/x", false },
    };
    open_world(&w, state, "paths");
    put(w.dir, "sub/x.c", "x\n");
    w.options.dependencies = &deps;
    struct skf_inputs in = inputs(&w);
    assert_int_equal(w.err.code, 0);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        if (counts(&w, &in, cases[i].name) != cases[i].yes)
            fail_msg("%s", cases[i].name);
    skf_inputs_release(&in);

    deps.paths.n = 0; /* what is ignored, of everything */
    in = inputs(&w);
    assert_true(counts(&w, &in, "other.yaml"));
    assert_false(counts(&w, &in, "out.txt"));
    skf_inputs_release(&in);
    close_world(&w);
}

static void test_inputs_by_default(void **state)
{
    struct world w;
    open_world(&w, state, "default");
    struct skf_inputs in = inputs(&w);
    assert_int_equal(in.trees.n, 1);
    assert_string_equal(in.trees.v[0], w.dir);
    skf_inputs_release(&in);
    close_world(&w);
}

static void test_inputs_by_command(void **state)
{
    struct world w;
    struct skf_custom_dependencies deps = { .command = "cat list.json" };
    open_world(&w, state, "command");
    put(w.dir, "list.json", "[\"a.txt\", \"/abs/b\"]\n");
    w.options.dependencies = &deps;
    struct skf_inputs in = inputs(&w);
    assert_true(has_path(&in.files, w.dir, "a.txt"));
    assert_true(skf_strv_has(&in.files, "/abs/b"));
    assert_true(has_path(&in.manifests, w.dir, "a.txt"));
    skf_inputs_release(&in);

    put(w.dir, "list.json", "{}");
    in = inputs(&w);
    assert_int_equal(w.err.code, SKF_ECONFIG);
    assert_non_null(strstr(w.err.msg, "must print a JSON list"));
    skf_inputs_release(&in);
    deps.command = "cat nothing.json";
    in = inputs(&w);
    assert_int_equal(w.err.code, SKF_ECHILD);
    assert_non_null(strstr(w.err.msg, "nothing.json"));
    skf_inputs_release(&in);
    close_world(&w);
}

static void test_inputs_by_dockerfile(void **state)
{
    struct world w;
    struct skf_pair args[] = { { .key = "WHAT", .value = "{{.SKIFF_TEST_VALUE}}.txt" } };
    struct skf_custom_dockerfile file = { .path = "Dockerfile", .build_args = { args, 1 } };
    struct skf_custom_dependencies deps = { .dockerfile = &file };
    setenv("SKIFF_TEST_VALUE", "a", 1);
    open_world(&w, state, "dockerfile");
    put(w.dir, "Dockerfile", "FROM scratch\nARG WHAT\nCOPY $WHAT /\n");
    w.options.dependencies = &deps;
    struct skf_inputs in = inputs(&w);
    assert_true(has_path(&in.files, w.dir, "a.txt"));
    assert_true(has_path(&in.manifests, w.dir, "Dockerfile"));
    assert_false(counts(&w, &in, "b.txt"));
    skf_inputs_release(&in);
    put(w.dir, "Dockerfile", "RUN <<EOF\n"); /* broken: everything counts until it is mended */
    in = inputs(&w);
    assert_int_equal(w.err.code, 0);
    assert_true(skf_strv_has(&in.trees, w.dir));
    assert_true(has_path(&in.manifests, w.dir, "Dockerfile"));
    skf_inputs_release(&in);
    close_world(&w);
}

/* --- build ------------------------------------------------------------------------------------ */

static void on_line(struct skf_build *b, const char *line)
{
    struct world *w = b->data;
    skf_strv_add(&w->lines, line);
    if (strcmp(line, "ready") == 0)
        skf_custom_build_cancel(b);
}

static void on_done(struct skf_build *b, const struct skf_err *err)
{
    struct world *w = b->data;
    w->over = true;
    w->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

static struct skf_build build(struct world *w, const char *command)
{
    struct skf_build b = {
        .ctx = context(w), .reference = "app:v1", .data = w, .on_line = on_line, .done = on_done
    };
    const struct skf_pair required[] = { { .key = "BASE", .value = "base:v1" } };
    b.required = required;
    b.n_required = 1;
    w->options.build_command = command;
    skf_strv_clear(&w->lines);
    skf_custom_build_start(&b);
    assert_false(w->over);
    run(w);
    return b;
}

static void test_failing_command(void **state)
{
    struct world w;
    open_world(&w, state, "failing");
    struct skf_build b = build(&w, "echo $IMAGE $PUSH_IMAGE $BASE; pwd; echo bad >&2; exit 3");
    assert_int_equal(w.err.code, SKF_EBUILD);
    assert_non_null(strstr(w.err.msg, "'app' failed"));
    assert_non_null(strstr(w.err.msg, "3"));
    assert_string_equal(w.lines.v[0], "app:v1 false base:v1");
    assert_string_equal(w.lines.v[1], w.dir);
    assert_string_equal(w.lines.v[2], "bad");
    skf_build_release(&b);
    close_world(&w);
}

/* A zombie that nobody has fetched yet does not run. */
static bool runs(const char *pid)
{
    skf_autofree char *path = skf_xasprintf("/proc/%s/stat", pid);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err gone = SKF_ERR_INIT;
    if (skf_file_read(path, 65536, &text, &gone) < 0)
        return false;
    const char *close = strrchr(text.data, ')');
    return close && close[1] && close[2] != 'Z';
}

/* The whole group ends: also what the command left in the background. */
static void test_cancel(void **state)
{
    struct world w;
    open_world(&w, state, "cancel");
    struct skf_build b = build(&w, "sleep 300 & echo $!; echo ready; wait");
    assert_int_equal(w.err.code, SKF_ECANCELED);
    assert_int_equal(w.lines.n, 2);
    assert_false(runs(w.lines.v[0]));
    skf_build_release(&b);
    close_world(&w);
}

static void test_check(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    const char *ignore[] = { "x" };
    struct skf_custom_dependencies deps = { .ignore = { ignore, NULL, 1 } };
    struct skf_custom_options o = { 0 };
    const struct skf_artifact a = { .image = "app", .options = &o };
    assert_int_equal(skf_builder_custom.check(&a, &err), -SKF_ECONFIG);
    o.build_command = "make";
    assert_int_equal(skf_builder_custom.check(&a, &err), 0);
    o.dependencies = &deps;
    assert_int_equal(skf_builder_custom.check(&a, &err), -SKF_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_inputs_by_paths),
        cmocka_unit_test(test_inputs_by_default),
        cmocka_unit_test(test_inputs_by_command),
        cmocka_unit_test(test_inputs_by_dockerfile),
        cmocka_unit_test(test_failing_command),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

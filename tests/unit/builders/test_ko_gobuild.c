#include "tests/unit/builders/support.h"

#include <unistd.h>

#include "builders/ko/gobuild.h"
#include "lib/io/loop.h"

static void expect_argv(const struct skf_ko_plan *p, const struct skf_ko_settings *s,
                        const struct skf_strv *files, const char *expected)
{
    skf_autostrv struct skf_strv argv = SKF_STRV_INIT;
    skf_ko_gobuild_argv(p, s, "/out/web", "example.com/app/cmd/web", files, &argv);
    skf_autofree char *text = skf_strv_join(&argv, "|");
    assert_string_equal(text, expected);
}

static void test_argv(void **state)
{
    (void)state;
    char go[] = "/usr/bin/go", none[] = "", ldflags[] = "-s -X a=b c";
    struct skf_ko_plan p = { .go = go };
    struct skf_ko_settings s = { .ldflags = none };
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    expect_argv(&p, &s, NULL, "/usr/bin/go|build|-trimpath|-o|/out/web|example.com/app/cmd/web");
    skf_strv_add(&s.flags, "-tags");
    skf_strv_add(&s.flags, "netgo");
    s.ldflags = ldflags;
    p.no_optimizations = true;
    expect_argv(
        &p, &s, NULL,
        "/usr/bin/go|build|-tags|netgo|-trimpath|-gcflags|all=-N -l|-ldflags=-s -X a=b c|-o|"
        "/out/web|example.com/app/cmd/web");
    skf_strv_add(&files, "./main.go");
    skf_strv_add(&files, "./b.go");
    p.no_optimizations = false;
    s.ldflags = none;
    expect_argv(&p, &s, &files,
                "/usr/bin/go|build|-tags|netgo|-trimpath|-o|/out/web|./main.go|./b.go");
    skf_strv_release(&s.flags);
}

static void test_key(void **state)
{
    (void)state;
    char go[] = "/nowhere/go", dir[] = "/src", none[] = "", ldflags[] = "-w";
    struct skf_ko_plan p = { .go = go, .run_dir = dir };
    struct skf_ko_settings s = { .ldflags = none };
    struct skf_platform amd64 = { .os = "linux", .arch = "amd64" };
    struct skf_platform arm64 = { .os = "linux", .arch = "arm64" };
    char first[33], key[33];
    skf_ko_outdir_key(&p, &s, "a/b", &amd64, first);
    assert_int_equal(strlen(first), 32);
    skf_ko_outdir_key(&p, &s, "a/b", &amd64, key);
    assert_string_equal(first, key);
    skf_ko_outdir_key(&p, &s, "a/c", &amd64, key);
    assert_string_not_equal(first, key);
    skf_ko_outdir_key(&p, &s, "a/b", &arm64, key);
    assert_string_not_equal(first, key);
    s.ldflags = ldflags;
    skf_ko_outdir_key(&p, &s, "a/b", &amd64, key);
    assert_string_not_equal(first, key);
    s.ldflags = none;
    skf_strv_add(&s.env, "A=1");
    skf_ko_outdir_key(&p, &s, "a/b", &amd64, key);
    assert_string_not_equal(first, key);
    skf_strv_release(&s.env);
}

static void test_place_is_not_shared(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_outdir a, b;
    assert_int_equal(skf_ko_outdir_take(*state, "k", "web", &a, &err), 0);
    assert_int_equal(skf_ko_outdir_take(*state, "k", "web", &b, &err), 0);
    assert_false(a.is_private);
    assert_true(b.is_private);
    assert_string_not_equal(a.out, b.out);
    put(a.dir, "web", "x");
    put(a.tmp, "go-build1/b001/x", "left by a killed go");
    put(b.dir, "web", "y");
    skf_autofree char *private_dir = skf_xstrdup(b.dir), *out = skf_xstrdup(a.out);
    skf_autofree char *tmp = skf_xstrdup(a.tmp);
    skf_ko_outdir_release(&a);
    skf_ko_outdir_release(&b);
    assert_false(skf_file_exists(private_dir));
    assert_true(skf_file_exists(out)); /* what Go compares with next time */
    assert_false(skf_file_exists(tmp));
    assert_int_equal(skf_ko_outdir_take(*state, "k", "web", &a, &err), 0);
    assert_false(a.is_private);
    skf_ko_outdir_release(&a);
    skf_ko_outdir_clean(*state, 3600);
    assert_true(skf_file_exists(out));
    skf_ko_outdir_clean(*state, -1);
    assert_false(skf_file_exists(out));
}

/* --- one `go build`, with a program that plays Go --------------------------------------------- */

struct run {
    uv_loop_t loop;
    struct skf_ko_gobuild go;
    struct skf_err err;
    struct skf_strv lines;
    bool over, cancel_on_line;
    uv_timer_t cap;
};

static void on_line(struct skf_ko_gobuild *g, const char *line)
{
    struct run *r = g->data;
    skf_strv_add(&r->lines, line);
    if (r->cancel_on_line)
        skf_ko_gobuild_cancel(g);
}

static void on_done(struct skf_ko_gobuild *g, const struct skf_err *err)
{
    struct run *r = g->data;
    assert_false(r->over);
    r->over = true;
    if (err)
        r->err = *err;
    uv_close((uv_handle_t *)&r->cap, NULL);
}

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("no end after 20 s");
}

static void run_go(const char *root, const char *script, struct run *r)
{
    char none[] = "";
    put(root, "bin/fakego", script);
    put(root, "src/main.go", "package main\n");
    skf_autofree char *go = skf_path_join(root, "bin/fakego"), *src = skf_path_join(root, "src");
    skf_autofree char *cache = skf_path_join(root, "cache");
    assert_int_equal(chmod(go, 0755), 0);
    struct skf_ko_plan plan = { .go = go, .run_dir = src };
    struct skf_ko_settings settings = { .ldflags = none };
    struct skf_err err = SKF_ERR_INIT;
    skf_strv_add(&settings.env, "GOOS=plan9");
    assert_int_equal(skf_loop_init(&r->loop, &err), 0);
    uv_timer_init(&r->loop, &r->cap);
    uv_timer_start(&r->cap, on_cap, 20000, 0);
    r->go = (struct skf_ko_gobuild){ .plan = &plan,
                                     .settings = &settings,
                                     .platform = { .os = "linux", .arch = "amd64" },
                                     .cache_dir = cache,
                                     .import_path = "example.com/web",
                                     .name = "web",
                                     .data = r,
                                     .on_line = on_line };
    assert_int_equal(skf_ko_gobuild_start(&r->loop, &r->go, on_done, &err), 0);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_true(r->over);
    assert_true(skf_loop_close(&r->loop));
    skf_strv_release(&settings.env);
}

static void run_release(struct run *r)
{
    skf_ko_gobuild_release(&r->go);
    skf_strv_release(&r->lines);
}

static void test_success(void **state)
{
    struct run r = { 0 };
    char text[64] = "";
    run_go(*state,
           "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\n"
           "echo \"$GOOS in $(basename $PWD)\" > $2\necho building $3\n",
           &r);
    assert_int_equal(r.err.code, SKF_OK);
    assert_string_equal(r.lines.v[0], "building example.com/web");
    assert_true(pread(r.go.fd, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "plan9 in src\n");
    run_release(&r);
}

static void test_compile_error(void **state)
{
    struct run r = { 0 };
    run_go(*state,
           "#!/bin/sh\necho '# example.com/web'; echo './main.go:3:5: undefined: x' >&2; exit 1\n",
           &r);
    assert_int_equal(r.err.code, SKF_EBUILD);
    assert_int_equal(r.err.line, 3);
    assert_int_equal(r.err.col, 5);
    assert_non_null(strstr(r.err.file, "src/main.go"));
    assert_string_equal(r.err.msg, "undefined: x");
    assert_int_equal(r.lines.n, 2);
    assert_int_equal(r.go.fd, -1);
    run_release(&r);
}

static void test_not_a_program(void **state)
{
    struct run r = { 0 };
    run_go(*state, "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\nprintf '!<arch>\\n' > $2\n",
           &r);
    assert_int_equal(r.err.code, SKF_EBUILD);
    assert_non_null(strstr(r.err.msg, "not package main"));
    run_release(&r);
}

static void test_cancel_reaches_children(void **state)
{
    struct run r = { .cancel_on_line = true };
    /* A Go that ignores SIGTERM, with a child that holds the pipe open. */
    run_go(*state,
           "#!/bin/sh\ntrap '' TERM\nmkdir $GOTMPDIR/work\nsleep 1000 & echo started; wait; sleep "
           "1000\n",
           &r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    assert_int_equal(r.lines.n, 1);
    skf_autofree char *bin = skf_path_join(*state, "cache/ko/bin");
    skf_autostrv struct skf_strv keys = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_file_list(bin, &keys, &err), 0);
    for (size_t i = 0; i < keys.n; i++) {
        skf_autofree char *tmp = skf_xasprintf("%s/%s/.tmp", bin, keys.v[i]);
        assert_false(skf_file_exists(tmp));
    }
    run_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argv),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_place_is_not_shared),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_compile_error),
        cmocka_unit_test(test_not_a_program),
        cmocka_unit_test(test_cancel_reaches_children),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

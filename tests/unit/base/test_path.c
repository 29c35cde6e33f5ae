/* tests/unit/base/test_path.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"

#define SAME(expression, expected)                                                                 \
    do {                                                                                           \
        skf_autofree char *got_ = (expression);                                                    \
        assert_string_equal(got_, expected);                                                       \
    } while (0)

static void test_clean(void **state)
{
    static const char *const cases[][2] = {
        { "", "." },
        { ".", "." },
        { "/", "/" },
        { "//a//b/", "/a/b" },
        { "a/./b", "a/b" },
        { "a/../b", "b" },
        { "a/..", "." },
        { "../a", "../a" },
        { "../../a", "../../a" },
        { "a/../../b", "../b" },
        { "/..", "/" },
        { "/../a", "/a" },
        { "/a/../../b", "/b" },
        { "...", "..." },
        { "a/...", "a/..." },
        { "./a", "a" },
        { " ", " " },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        SAME(skf_path_clean(cases[i][0]), cases[i][1]);
}

static void test_join(void **state)
{
    (void)state;
    SAME(skf_path_join("a", "b"), "a/b");
    SAME(skf_path_join("a/", "/b"), "/b");
    SAME(skf_path_join("", "b/"), "b");
    SAME(skf_path_join("/r", ""), "/r");
    SAME(skf_path_join("/r", "../.."), "/");
    SAME(skf_path_join("", ""), ".");
}

static void test_parts(void **state)
{
    (void)state;
    SAME(skf_path_dir("/a/b"), "/a");
    SAME(skf_path_dir("/a"), "/");
    SAME(skf_path_dir("a"), ".");
    SAME(skf_path_dir("/"), "/");
    assert_string_equal(skf_path_base("/a/b.c"), "b.c");
    assert_string_equal(skf_path_base("b"), "b");
    assert_string_equal(skf_path_ext("a.b/c.yaml"), ".yaml");
    assert_string_equal(skf_path_ext("a.b/c"), "");
    assert_string_equal(skf_path_ext(".gitignore"), "");
    assert_string_equal(skf_path_ext("x.tar.gz"), ".gz");
    assert_true(skf_path_is_abs("/x"));
    assert_false(skf_path_is_abs("x"));
    assert_false(skf_path_is_abs(""));
}

static void test_within(void **state)
{
    (void)state;
    assert_true(skf_path_within("/a", "/a"));
    assert_true(skf_path_within("/a", "/a/b"));
    assert_false(skf_path_within("/a", "/ab"));
    assert_false(skf_path_within("/a/b", "/a"));
    assert_true(skf_path_has("a/.git/b", ".git"));
    assert_true(skf_path_has(".git", ".git"));
    assert_false(skf_path_has("a/.github", ".git"));
    assert_false(skf_path_has("", ".git"));
    assert_true(skf_path_within("/", "/a"));
    assert_true(skf_path_within("/", "/"));
}

static void test_rel(void **state)
{
    static const char *const cases[][3] = {
        { "/a/b", "/a/b", "." },      { "/a/b", "/a/b/c", "c" },
        { "/a/b", "/a/bc", "../bc" }, { "/", "/a", "a" },
        { "/a", "/", ".." },          { "/a/b/c", "/x/y", "../../../x/y" },
        { "/a/bc", "/a/b", "../b" },  { "/a/b", "/a", ".." },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        SAME(skf_path_rel(cases[i][0], cases[i][1]), cases[i][2]);
}

static void test_abs_and_show(void **state)
{
    (void)state;
    char dir[] = "/tmp/skiff-path.XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    setenv("HOME", "/home/someone", 1);
    SAME(skf_path_abs("/base", "a/../b"), "/base/b");
    SAME(skf_path_abs("/base", "/x/."), "/x");
    skf_autofree char *here = skf_path_abs(NULL, ".");
    assert_string_equal(here, dir);
    skf_autofree char *below = skf_path_join(dir, "sub/f");
    SAME(skf_path_abs("sub", "f"), below);
    SAME(skf_path_show(below), "sub/f");
    SAME(skf_path_show(dir), ".");
    SAME(skf_path_show("/home/someone/x"), "~/x");
    SAME(skf_path_show("/home/someoneelse/x"), "/home/someoneelse/x");
    /* The working directory goes away under us: not "/" in its place. */
    setenv("PWD", dir, 1);
    assert_int_equal(rmdir(dir), 0);
    SAME(skf_path_abs("sub", "f"), below);
    assert_int_equal(chdir("/"), 0);
    SAME(skf_path_show("/etc/x"), "/etc/x");
}

static void test_longer_than_path_max(void **state)
{
    (void)state;
    size_t n = 100000;
    char *deep = malloc(2 * n + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(deep + 2 * i, "/a", 2);
    deep[2 * n] = '\0';
    SAME(skf_path_clean(deep), deep);
    SAME(skf_path_rel("/", deep), deep + 1);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_rel),
        cmocka_unit_test(test_abs_and_show),
        cmocka_unit_test(test_longer_than_path_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

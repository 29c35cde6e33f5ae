#include "tests/unit/builders/support.h"

#include "builders/ko/goscan.h"

static char *scan(const char *text)
{
    struct skf_buf b = SKF_BUF_INIT;
    skf_goscan(text, strlen(text), &b);
    return skf_buf_take(&b);
}

static bool same(const char *a, const char *b)
{
    skf_autofree char *x = scan(a), *y = scan(b);
    return strcmp(x, y) == 0;
}

#define HEAD "// hello\npackage main\n\nimport (\n\t\"fmt\"\n\tx \"a/b\" // why\n)\n"

static void test_bodies_do_not_count(void **state)
{
    (void)state;
    assert_true(
        same(HEAD "func main() { fmt.Println(1) }\n", HEAD "func main() { fmt.Println(2) }\n"));
    assert_true(same(HEAD "var s = `import \"y\"`\n", HEAD));
    assert_true(same("/* a */ package main\nfunc x() {}", "/* b */ package main\nvar y = 1"));
}

static void test_heads_count(void **state)
{
    (void)state;
    assert_false(same(HEAD, "package main\nimport \"fmt\"\n"));
    assert_false(same("package main", "package other"));
    assert_false(
        same("package main\nimport \"a\"\nimport \"b\"\n", "package main\nimport \"a\"\n"));
    assert_false(same("//go:build linux\n\npackage main\n", "//go:build !linux\n\npackage main\n"));
    assert_false(same(HEAD "//go:embed a\nvar a string\n", HEAD "//go:embed b\nvar a string\n"));
    assert_false(same("package p; import (\"a\"; \"b\")\nvar x=1",
                      "package p; import (\"a\"; \"c\")\nvar x=1"));
}

static void test_any_bytes(void **state)
{
    (void)state;
    static const char *const bad[] = { "",         "import",     "import (",    "import ( \"a",
                                       "package",  "/*",         "import \"\\", "\xff\xfe",
                                       "import `", "import ) x", "//go:",       "// +build" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        size_t len = strlen(bad[i]);
        char *exact =
            skf_xmemdup(bad[i], len ? len : 1); /* not terminated: the sanitizer watches */
        struct skf_buf b = SKF_BUF_INIT;
        skf_goscan(exact, len, &b);
        skf_buf_release(&b);
        free(exact);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(skf_goscan_is_source("a.go"));
    assert_true(skf_goscan_is_source("_.go") == false);
    assert_false(skf_goscan_is_source("a_test.go"));
    assert_false(skf_goscan_is_source(".a.go"));
    assert_false(skf_goscan_is_source("a.goo"));
    assert_false(skf_goscan_is_source(".go"));
    assert_true(skf_goscan_is_source("test.go"));
}

static void digest(const char *dir, char out[SKF_DIGEST_TEXT])
{
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_goscan_dir(dir, &h, NULL);
    skf_sha256_end(&h, out);
}

static void test_directory(void **state)
{
    char a[SKF_DIGEST_TEXT], b[SKF_DIGEST_TEXT];
    put(*state, "d/a.go", HEAD "var x = 1\n");
    skf_autofree char *dir = skf_path_join(*state, "d");
    digest(dir, a);
    put(*state, "d/a.go", HEAD "var x = 2\n");
    put(*state, "d/a_test.go", "package main\n");
    put(*state, "d/README", "x");
    digest(dir, b);
    assert_string_equal(a, b);
    put(*state, "d/b.go", "package main\n");
    digest(dir, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_do_not_count), cmocka_unit_test(test_heads_count),
        cmocka_unit_test(test_any_bytes),           cmocka_unit_test(test_names),
        cmocka_unit_test(test_directory),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

#include "tests/unit/builders/support.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/docker/ignore.h"

static struct skf_docker_ignore parsed(const char *text)
{
    struct skf_docker_ignore ig = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_docker_ignore_parse(text, strlen(text), ".dockerignore", &ig, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return ig;
}

/* One row of the fixture: the measured answers of Docker's matcher. */
static void check_case(char *row)
{
    char *path = strchr(row, '\t'), *want = path ? strchr(path + 1, '\t') : NULL;
    assert_non_null(want);
    *path++ = *want++ = '\0';
    skf_autobuf struct skf_buf patterns = SKF_BUF_INIT;
    for (const char *p = row; *p;) {
        const char *sign = strstr(p, "⏎");
        skf_buf_add(&patterns, p, sign ? (size_t)(sign - p) : strlen(p));
        skf_buf_addc(&patterns, '\n');
        p = sign ? sign + strlen("⏎") : p + strlen(p);
    }
    struct skf_docker_ignore ig = parsed(patterns.data);
    if (skf_docker_ignored(&ig, path) != (want[0] == 'I'))
        fail_msg("'%s' on '%s' should be %c", row, path, want[0]);
    skf_docker_ignore_release(&ig);
}

static void test_measured_cases(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    size_t cases = 0;
    assert_int_equal(skf_file_read(FIXTURES "/docker/ignore-cases.txt", 65536, &text, &err), 0);
    char *save = NULL;
    for (char *row = strtok_r(text.data, "\n", &save); row; row = strtok_r(NULL, "\n", &save))
        if (strncmp(row, "# ", 2) != 0) {
            check_case(row);
            cases++;
        }
    assert_true(cases > 80);
}

static void expect_error(const char *text, int line, const char *part)
{
    struct skf_docker_ignore ig = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_docker_ignore_parse(text, strlen(text), "x/.dockerignore", &ig, &err),
                     -SKF_ECONFIG);
    assert_int_equal(err.line, line);
    assert_string_equal(err.file, "x/.dockerignore");
    assert_non_null(strstr(err.msg, part));
}

static void test_errors(void **state)
{
    (void)state;
    expect_error("!\n", 1, "illegal exclusion pattern: \"!\"");
    expect_error("foo\n\n! \n", 3, "illegal exclusion pattern");
    expect_error("[a", 1, "syntax error in pattern '[a'");
    expect_error("foo\\", 1, "syntax error");
    expect_error("a[]", 1, "syntax error");
}

static void test_text(void **state)
{
    (void)state;
    struct skf_docker_ignore ig = parsed("\xef\xbb\xbf"
                                         "# comment\r\n*.log\r\n\r\n  !keep.log \r\n");
    assert_int_equal(ig.n, 2);
    assert_true(ig.exceptions);
    assert_true(skf_docker_ignored(&ig, "a.log"));
    assert_false(skf_docker_ignored(&ig, "keep.log"));
    assert_false(skf_docker_ignored(&ig, "."));
    skf_docker_ignore_release(&ig);
    ig = parsed("f?o\n");
    assert_true(skf_docker_ignored(&ig, "fäo")); /* one character of two bytes */
    assert_false(skf_docker_ignored(&ig, "fääo"));
    skf_docker_ignore_release(&ig);
}

static void test_walk_agrees(void **state)
{
    (void)state;
    struct skf_docker_ignore ig = parsed("a\n!a/b\na/b/c\n");
    bool top[3], mid[3], leaf[3];
    assert_true(skf_docker_ignored_below(&ig, "a", NULL, top));
    assert_false(skf_docker_ignored_below(&ig, "a/b", top, mid));
    assert_true(skf_docker_ignored_below(&ig, "a/b/c", mid, leaf));
    assert_false(skf_docker_ignored_below(&ig, "a/b/d", mid, leaf));
    skf_docker_ignore_release(&ig);
}

static void test_pruning(void **state)
{
    (void)state;
    struct skf_docker_ignore ig = parsed("node_modules\n");
    assert_true(skf_docker_ignore_prunes(&ig, "node_modules", false));
    skf_docker_ignore_release(&ig);
    ig = parsed("*\n!src/**/*.go\n");
    assert_false(skf_docker_ignore_prunes(&ig, "docs", false)); /* BuildKit looks everywhere */
    assert_true(skf_docker_ignore_prunes(&ig, "docs", true));
    assert_false(skf_docker_ignore_prunes(&ig, "src", true));
    skf_docker_ignore_release(&ig);
    ig = parsed("*\n!src/**\n");
    assert_true(skf_docker_ignore_prunes(&ig, "docs", false));
    assert_false(skf_docker_ignore_prunes(&ig, "src", false));
    skf_docker_ignore_release(&ig);
}

/* Patterns that make a backtracking matcher explode. */
static void test_hostile(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf pattern = SKF_BUF_INIT, path = SKF_BUF_INIT;
    for (int i = 0; i < 100; i++)
        skf_buf_adds(&pattern, "*a");
    skf_buf_adds(&pattern, "b\n");
    for (int i = 0; i < 4000; i++)
        skf_buf_addc(&path, 'a');
    struct skf_docker_ignore ig = parsed(pattern.data);
    assert_false(skf_docker_ignored(&ig, path.data));
    skf_docker_ignore_release(&ig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured_cases), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_text),           cmocka_unit_test(test_walk_agrees),
        cmocka_unit_test(test_pruning),        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

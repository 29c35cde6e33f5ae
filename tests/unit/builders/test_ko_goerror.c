#include "tests/unit/builders/support.h"

#include "builders/ko/goerror.h"

static void test_split(void **state)
{
    (void)state;
    size_t len;
    int line, col;
    const char *rest;
    assert_true(
        skf_goerror_split("./main.go:6:2: declared and not used: x", &len, &line, &col, &rest));
    assert_int_equal(len, 9);
    assert_int_equal(line, 6);
    assert_int_equal(col, 2);
    assert_string_equal(rest, "declared and not used: x");
    assert_true(skf_goerror_split("go.mod:4: unknown directive: x", &len, &line, &col, &rest));
    assert_int_equal(col, 0);
    assert_string_equal(rest, "unknown directive: x");
    assert_false(skf_goerror_split("package x: not there", &len, &line, &col, &rest));
    assert_false(skf_goerror_split(":3:4: x", &len, &line, &col, &rest));
}

static void test_first_place_wins(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_goerror_from_text("# example.com/app\n./main.go:3:8: \"fmt\" imported and not used\n"
                          "./main.go:6:2: declared and not used: x\n",
                          "/src/app", &err);
    assert_int_equal(err.code, SKF_EBUILD);
    assert_string_equal(err.file, "/src/app/main.go");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.col, 8);
    assert_string_equal(err.msg, "\"fmt\" imported and not used (and 1 more)");
}

static void test_advice(void **state)
{
    (void)state;
    static const struct {
        const char *said, *advice;
    } cases[] = {
        { "go: go.mod file not found in current directory or any parent directory; see 'go help "
          "modules'",
          "go mod init" },
        { "main.go:3:2: no required module provides package x; to add it:\n\tgo get x", "go get" },
        { "missing go.sum entry for module providing package x", "go mod tidy" },
        { "go: inconsistent vendoring in /x:", "go mod vendor" },
        { "pattern ./x: directory prefix x does not contain modules listed in go.work",
          "GOWORK=off" },
        { "error obtaining VCS status: exit status 128", "-buildvcs=false" },
        { "package foo is not in std (/usr/local/go/src/foo)", "'./dir'" },
        { "go: go.mod requires go >= 1.99 (running go 1.26)", "install a newer Go" },
        { "package x: build constraints exclude all Go files in /x", "-tags" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        skf_goerror_from_text(cases[i].said, "/", &err);
        assert_int_equal(err.code, SKF_EBUILD);
        assert_non_null(strstr(err.msg, cases[i].advice));
    }
}

static void test_progress_is_no_error(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_goerror_from_text("go: downloading example.com/x v1.0.0\ngo: something broke\n", "/", &err);
    assert_string_equal(err.msg, "something broke");
    skf_goerror_from_text("", "/", &err);
    assert_int_equal(err.code, SKF_EBUILD);
    assert_true(err.msg[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_first_place_wins),
        cmocka_unit_test(test_advice),
        cmocka_unit_test(test_progress_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

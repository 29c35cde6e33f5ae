/* tests/unit/base/test_err.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/base/err.h"

static void test_set_and_format(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    char text[64];
    assert_int_equal(skf_err_set(&e, SKF_EINVAL, "bad '%s'", "x"), -SKF_EINVAL);
    assert_int_equal(e.code, SKF_EINVAL);
    assert_string_equal(e.msg, "bad 'x'");
    skf_err_format(&e, text, sizeof text);
    assert_string_equal(text, "bad 'x'");
    assert_int_equal(skf_err_at(&e, "a.yaml", 0, 0), -SKF_EINVAL);
    skf_err_format(&e, text, sizeof text);
    assert_string_equal(text, "a.yaml: bad 'x'");
    skf_err_at(&e, "b.yaml", 3, 0);
    skf_err_format(&e, text, sizeof text);
    assert_string_equal(text, "a.yaml:3: bad 'x'");
    e.line = 0;
    skf_err_at(&e, NULL, 4, 7);
    skf_err_at(&e, NULL, 9, 9); /* the first position stays */
    skf_err_format(&e, text, sizeof text);
    assert_string_equal(text, "a.yaml:4:7: bad 'x'");
    skf_err_format(&e, text, 4);
    assert_string_equal(text, "a.y");
    skf_err_clear(&e);
    assert_int_equal(e.code, SKF_OK);
    assert_string_equal(e.msg, "");
}

static void test_set_drops_the_old_position(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_err_set(&e, SKF_EIO, "one");
    skf_err_at(&e, "f", 1, 1);
    e.sys = 3;
    skf_err_set(&e, SKF_EINVAL, "two");
    assert_int_equal(e.line, 0);
    assert_int_equal(e.sys, 0);
    assert_string_equal(e.file, "");
}

static void test_errno(void **state)
{
    static const struct {
        int errnum;
        enum skf_code code;
    } cases[] = {
        { ENOENT, SKF_ENOTFOUND },  { ENOTDIR, SKF_ENOTFOUND },   { EACCES, SKF_EDENIED },
        { EPERM, SKF_EDENIED },     { EEXIST, SKF_EEXIST },       { ETIMEDOUT, SKF_ETIMEDOUT },
        { ECONNREFUSED, SKF_ENET }, { ECANCELED, SKF_ECANCELED }, { ENOSPC, SKF_EIO },
        { 99999, SKF_EIO },         { ECONNABORTED, SKF_ENET },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct skf_err e = SKF_ERR_INIT;
        assert_int_equal(skf_err_errno(&e, cases[i].errnum, "x"), -(int)cases[i].code);
        assert_int_equal(e.sys, cases[i].errnum);
        struct skf_err u = SKF_ERR_INIT;
        if (cases[i].errnum < 3000)
            assert_int_equal(skf_err_uv(&u, -cases[i].errnum, "x"), -(int)cases[i].code);
    }
    struct skf_err e = SKF_ERR_INIT;
    skf_err_errno(&e, ENOENT, "cannot open '%s'", "a");
    assert_string_equal(e.msg, "cannot open 'a': no such file or directory");
    skf_err_uv(&e, -4095, "cannot read"); /* UV_EOF is no errno */
    assert_int_equal(e.code, SKF_EIO);
}

static void test_wrap(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_err_errno(&e, EACCES, "no");
    skf_err_at(&e, "f", 2, 3);
    assert_int_equal(skf_err_wrap(&e, "deploying '%s'", "web"), -SKF_EDENIED);
    assert_string_equal(e.msg, "deploying 'web': no: permission denied");
    assert_int_equal(e.sys, EACCES);
    assert_int_equal(e.line, 2);
}

static void test_long_texts(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    char *name = malloc(5001);
    memset(name, 'n', 5000);
    name[5000] = '\0';
    skf_err_errno(&e, ENOENT, "%s", name);
    assert_true(strlen(e.msg) < sizeof e.msg);
    assert_non_null(strstr(e.msg, "...: no such file")); /* the reason survives a long name */
    skf_err_set(&e, SKF_EIO, "%s", name);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    skf_err_wrap(&e, "%s", name);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    skf_err_at(&e, name, 1, 1);
    assert_int_equal(strlen(e.file), sizeof e.file - 1);
    free(name);
}

static void test_arguments_from_the_error_itself(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_err_set(&e, SKF_EIO, "inner");
    skf_err_set(&e, SKF_EBUILD, "outer (%s)", e.msg);
    assert_string_equal(e.msg, "outer (inner)");
    skf_err_wrap(&e, "<%s>", e.msg);
    assert_string_equal(e.msg, "<outer (inner)>: outer (inner)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_format),
        cmocka_unit_test(test_set_drops_the_old_position),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_arguments_from_the_error_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

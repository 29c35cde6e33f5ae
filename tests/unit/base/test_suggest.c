/* tests/unit/base/test_suggest.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/suggest.h"

static const char *of(const char *word)
{
    static const char *const names[] = { "build",  "run",    "dev", "render",
                                         "deploy", "delete", "n",   "kubeContext" };
    return skf_suggest(word, names, sizeof names / sizeof names[0]);
}

static void test_typos(void **state)
{
    (void)state;
    assert_string_equal(of("biuld"), "build");
    assert_string_equal(of("BUILD"), "build");
    assert_string_equal(of("rnder"), "render");
    assert_string_equal(of("dve"), "dev");
    assert_string_equal(of("deplyo"), "deploy");
    assert_string_equal(of("kubecontxt"), "kubeContext");
    assert_string_equal(of("dev"), "dev");
}

static void test_no_typos(void **state)
{
    (void)state;
    assert_null(of(""));
    assert_null(of("x")); /* a letter is as near to any other */
    assert_null(of("xyzzy"));
    assert_null(of("kubernetes"));
    assert_null(skf_suggest("a", NULL, 0));
    char word[500];
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_null(of(word));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_typos),
                                        cmocka_unit_test(test_no_typos) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/base/test_glob.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"

static void test_cases(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } cases[] = {
        { "a.go", "a.go", true },
        { "a.go", "a.goo", false },
        { "a.goo", "a.go", false },
        { "*.go", "a.go", true },
        { "*.go", "d/a.go", false },
        { "*", "", true },
        { "*", ".hidden", true },
        { "?.go", "a.go", true },
        { "?.go", ".go", false },
        { "a?b", "a/b", false },
        { "?.go", "\xc3\xa4.go", true },
        { "a*c", "abbc", true },
        { "a*c", "ab/c", false },
        { "*a*b*c*", "xxaxbxcx", true },
        { "*a*b*c*", "xxaxcxbx", false },
        { "**", "a/b/c", true },
        { "**", "", true },
        { "**/*.go", "a.go", true },
        { "**/*.go", "x/y/a.go", true },
        { "**/*.go", "x/y/a.c", false },
        { "a/**", "a/b/c", true },
        { "a/**", "a", true },
        { "a/**", "ab", false },
        { "a/**/b", "a/b", true },
        { "a/**/b", "a/x/y/b", true },
        { "a/**/b", "a/xb", false },
        { "a/**/b", "ab", false },
        { "**/a/**", "a", true },
        { "**/a/**", "x/a/y", true },
        { "**/**/a", "a", true },
        { "**/**/a", "x/y/z/a", true },
        { "a**/b", "ab", false },
        { "a**/b", "axx/b", true },
        { "a**/b", "a/x/b", false },
        { "a**", "ab", true },
        { "a**", "a/b", false },
        { "**a", "xa", true },
        { "**a", "x/a", false },
        { "a/***/b", "a/x/b", true },
        { "[a-c]x", "bx", true },
        { "[a-c]x", "dx", false },
        { "[^a-c]x", "dx", true },
        { "[!a-c]x", "ax", false },
        { "[]]", "]", true },
        { "[^]]", "]", false },
        { "[a-]", "-", true },
        { "[\\]]", "]", true },
        { "[a", "[a", false },
        { "[", "[", false },
        { "a[^x]b", "a/b", false },
        { "[\\a-\\c]", "b", true },
        { "{a,b}.go", "a.go", true },
        { "{a,b}.go", "b.go", true },
        { "{a,b}.go", "c.go", false },
        { "{a,{b,c}d}", "cd", true },
        { "{a,{b,c}d}", "d", false },
        { "x{,y}", "x", true },
        { "x{,y}", "xy", true },
        { "{**/a,b}", "x/y/a", true },
        { "a/{b,c/**}", "a/c/d/e", true },
        { "{a", "{a", true },
        { "a}", "a}", true },
        { "{a\\,b,c}", "a,b", true },
        { "\\*", "*", true },
        { "\\*", "a", false },
        { "a\\", "a\\", true },
        { "./a", "a", true },
        { "./**/b", "x/b", true },
        { "", "", true },
        { "", "a", false },
        { "a/", "a", false },
        { "../x/*.go", "../x/a.go", true },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        if (skf_glob_match(cases[i].pattern, cases[i].path) != cases[i].match)
            fail_msg("'%s' on '%s': expected %d", cases[i].pattern, cases[i].path, cases[i].match);
}

static char *repeat(const char *piece, size_t n)
{
    size_t len = strlen(piece);
    char *out = skf_xmalloc(n * len + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * len, piece, len);
    out[n * len] = '\0';
    return out;
}

/* Each of these must end: their naive cost is exponential, or their depth would end the stack. */
static void test_hostile(void **state)
{
    static const char *const pieces[] = { "*a",     "**/", "**/a/", "{a,", "{a,aa}",
                                          "{*,*a}", "{}*", "*{,a}", "[",   "[a",
                                          "\\",     "?",   "{{{{,", "*?",  "/**" };
    (void)state;
    skf_autofree char *letters = repeat("a", 100000);
    skf_autofree char *dirs = repeat("a/", 50000);
    for (size_t i = 0; i < SKF_ARRAY_LEN(pieces); i++) {
        skf_autofree char *few = repeat(pieces[i], 40);
        skf_autofree char *most = repeat(pieces[i], 4000 / strlen(pieces[i]));
        skf_autofree char *many = repeat(pieces[i], 200000);
        const char *patterns[] = { few, most, many };
        for (size_t k = 0; k < 3; k++) {
            skf_autofree char *never = skf_xasprintf("%s!", patterns[k]);
            assert_false(skf_glob_match(never, letters));
            assert_false(skf_glob_match(never, dirs));
        }
    }
}

static void test_has_meta(void **state)
{
    (void)state;
    assert_true(skf_glob_has_meta("a*"));
    assert_true(skf_glob_has_meta("?"));
    assert_true(skf_glob_has_meta("[a]"));
    assert_true(skf_glob_has_meta("{a}"));
    assert_false(skf_glob_has_meta("a/b.go"));
    assert_false(skf_glob_has_meta(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_has_meta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

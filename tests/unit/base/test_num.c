/* tests/unit/base/test_num.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        long long min, max, expect;
        bool ok;
    } cases[] = {
        { "0", 0, 10, 0, true },
        { "-0", 0, 10, 0, true },
        { "10", 0, 10, 10, true },
        { "11", 0, 10, 0, false },
        { "-1", 0, 10, 0, false },
        { "007", 0, 10, 7, true },
        { "", 0, 10, 0, false },
        { "-", -5, 10, 0, false },
        { "+1", 0, 10, 0, false },
        { " 1", 0, 10, 0, false },
        { "1 ", 0, 10, 0, false },
        { "0x1", 0, 10, 0, false },
        { "--1", -5, 5, 0, false },
        { "1.0", 0, 10, 0, false },
        { "9223372036854775807", 0, LLONG_MAX, LLONG_MAX, true },
        { "9223372036854775808", 0, LLONG_MAX, 0, false },
        { "-9223372036854775808", LLONG_MIN, 0, LLONG_MIN, true },
        { "99999999999999999999999999", LLONG_MIN, LLONG_MAX, 0, false },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        long long n = 4711;
        bool ok = skf_num_parse(cases[i].text, cases[i].min, cases[i].max, &n);
        if (ok != cases[i].ok || n != (ok ? cases[i].expect : 4711))
            fail_msg("'%s': %d, %lld", cases[i].text, ok, n);
    }
}

static void test_duration(void **state)
{
    static const struct {
        const char *text;
        long long ms; /* -1: refused */
    } cases[] = {
        { "0", 0 },
        { "0s", 0 },
        { "300ms", 300 },
        { "1m30s", 90000 },
        { "2h", 7200000 },
        { "1.5h", 5400000 },
        { "1.001s", 1001 },
        { "0.3s", 300 },
        { "1h2m3s4ms", 3723004 },
        { "2000us", 2 },
        { "2000\xc2\xb5s", 2 },
        { "2000\xce\xbcs", 2 },
        { "1500000ns", 1 },
        { ".5s", 500 },
        { "1.s", 1000 },
        { "", -1 },
        { "5", -1 },
        { "s", -1 },
        { "1x", -1 },
        { "1s ", -1 },
        { " 1s", -1 },
        { "-1s", -1 },
        { "1..2s", -1 },
        { ".s", -1 },
        { "1d", -1 },
        { "1e3s", -1 },
        { "1sm", -1 },
        { "3000000h", -1 },
        { "99999999999999999999h", -1 },
        { "111111111111111111111s", -1 },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        long long ms = -1;
        bool ok = skf_num_parse_duration_ms(cases[i].text, &ms);
        if (ok != (cases[i].ms >= 0) || ms != cases[i].ms)
            fail_msg("'%s': %d, %lld", cases[i].text, ok, ms);
    }
}

static void test_size(void **state)
{
    static const struct {
        const char *text;
        long long bytes;
    } cases[] = {
        { "0", 0 },           { "500", 500 },        { "500b", 500 },     { "512K", 512 * 1024 },
        { "64MB", 64 << 20 }, { "2GiB", 2LL << 30 }, { "1t", 1LL << 40 }, { "", -1 },
        { "G", -1 },          { "-1", -1 },          { "1.5G", -1 },      { "1X", -1 },
        { "1iB", -1 },        { "1 G", -1 },         { "1GG", -1 },       { "99999999999T", -1 },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        long long bytes = -1;
        bool ok = skf_num_parse_size(cases[i].text, &bytes);
        if (ok != (cases[i].bytes >= 0) || bytes != cases[i].bytes)
            fail_msg("'%s': %d, %lld", cases[i].text, ok, bytes);
    }
}

static void test_bool(void **state)
{
    static const char *const yes[] = { "true", "TRUE", "Yes", "on", "1", "t", "y" };
    static const char *const no[] = { "false", "No", "OFF", "0", "F", "n" };
    static const char *const bad[] = { "", "2", "tru", "true ", "null" };
    (void)state;
    bool b;
    for (size_t i = 0; i < SKF_ARRAY_LEN(yes); i++) {
        b = false;
        assert_true(skf_num_parse_bool(yes[i], &b) && b);
    }
    for (size_t i = 0; i < SKF_ARRAY_LEN(no); i++) {
        b = true;
        assert_true(skf_num_parse_bool(no[i], &b) && !b);
    }
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        b = true;
        assert_false(skf_num_parse_bool(bad[i], &b));
        assert_true(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_bool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

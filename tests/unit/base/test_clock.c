#include <limits.h>
/* tests/unit/base/test_clock.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "lib/base/clock.h"

static void test_monotonic(void **state)
{
    (void)state;
    int64_t last = skf_clock_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now = skf_clock_us();
        assert_true(now >= last);
        last = now;
    }
    assert_true(skf_clock_ms() >= last / 1000);
}

static void test_wall(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t ms = skf_clock_wall_ms();
    int64_t after = (int64_t)time(NULL) + 1;
    assert_true(ms / 1000 >= before && ms / 1000 <= after);
}

static void test_seconds(void **state)
{
    (void)state;
    assert_int_equal(skf_seconds_ms(0), 0);
    assert_int_equal(skf_seconds_ms(-1), 0);
    assert_int_equal(skf_seconds_ms(90), 90000);
    assert_int_equal(skf_seconds_ms(4294968), 4294967000u); /* not 0.7 s */
    assert_int_equal(skf_seconds_ms(INT_MAX), 4294967000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_monotonic),
                                        cmocka_unit_test(test_wall),
                                        cmocka_unit_test(test_seconds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

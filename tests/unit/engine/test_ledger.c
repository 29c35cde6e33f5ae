/* tests/unit/engine/test_ledger.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/engine/ledger.h"

static void shows(const struct skf_ledger *l, const char *expected)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_ledger_format(l, &out);
    assert_string_equal(out.data, expected);
}

static void test_format(void **state)
{
    (void)state;
    struct skf_ledger l;
    skf_ledger_clear(&l);
    shows(&l, "= 0 ms");
    static const int64_t us[SKF_LEDGER_COUNT] = { 12000, -1, 610000, 31000, 18000, 160000, 900000 };
    for (int i = 0; i < SKF_LEDGER_COUNT; i++) {
        l.us[i] = us[i];
        l.total_us += us[i];
    }
    shows(&l, "notice 12 · build 610 · layer 31 · deliver 18 · apply 160 · ready 900 = 1731 ms");
    l.us[SKF_LEDGER_BUILD] = l.us[SKF_LEDGER_LAYER] = l.us[SKF_LEDGER_DELIVER] = -1;
    l.us[SKF_LEDGER_NOTICE] = 0; /* happened, and took no time */
    l.total_us = 1060000;
    shows(&l, "notice 0 · apply 160 · ready 900 = 1060 ms");
}

/* Whatever the fractions are, the printed parts add up to the printed total. */
static void test_parts_add_up(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        struct skf_ledger l;
        skf_ledger_clear(&l);
        for (int i = 0; i < SKF_LEDGER_COUNT; i++) {
            seed = seed * 1103515245 + 12345;
            if (seed >> 29) /* one in eight did not happen */
                l.us[i] = (seed >> 8) % 3000;
            if (l.us[i] > 0)
                l.total_us += l.us[i];
        }
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        skf_ledger_format(&l, &out);
        long sum = 0, total = -1;
        for (char *p = out.data; *p;) {
            if (*p >= '0' && *p <= '9') {
                bool is_total = p > out.data + 1 && p[-2] == '=';
                long n = strtol(p, &p, 10);
                if (is_total)
                    total = n;
                else
                    sum += n;
            } else {
                p++;
            }
        }
        if (sum != total)
            fail_msg("'%s'", out.data);
    }
}

static void test_percentiles(void **state)
{
    (void)state;
    struct skf_ledger_history h = { 0 };
    struct skf_ledger l;
    skf_ledger_clear(&l);
    assert_int_equal(skf_ledger_percentile_us(&h, 50), 0);
    l.total_us = 7;
    skf_ledger_remember(&h, &l);
    for (int q = 0; q <= 100; q++)
        assert_int_equal(skf_ledger_percentile_us(&h, q), 7);
    for (int i = 100; i >= 2; i--) { /* not in order; with the 7: 100 values */
        l.total_us = i == 7 ? 1 : i;
        skf_ledger_remember(&h, &l);
    }
    assert_int_equal(skf_ledger_percentile_us(&h, 0), 1);
    assert_int_equal(skf_ledger_percentile_us(&h, 1), 1);
    assert_int_equal(skf_ledger_percentile_us(&h, 50), 50);
    assert_int_equal(skf_ledger_percentile_us(&h, 95), 95);
    assert_int_equal(skf_ledger_percentile_us(&h, 100), 100);
    assert_int_equal(h.totals_us.v[1], 100); /* the question leaves the order alone */
    skf_ledger_history_release(&h);
    skf_ledger_history_release(&h);
}

static void test_history_is_capped(void **state)
{
    (void)state;
    struct skf_ledger_history h = { 0 };
    struct skf_ledger l;
    skf_ledger_clear(&l);
    for (int i = 0; i < 10500; i++) {
        l.total_us = i;
        skf_ledger_remember(&h, &l);
    }
    assert_int_equal(h.totals_us.n, 10000);
    assert_int_equal(skf_ledger_percentile_us(&h, 0), 500); /* the oldest went */
    assert_int_equal(skf_ledger_percentile_us(&h, 100), 10499);
    skf_ledger_history_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parts_add_up),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_history_is_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

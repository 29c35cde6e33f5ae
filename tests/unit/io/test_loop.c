/* tests/unit/io/test_loop.c */
#include <signal.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/io/loop.h"
#include "tests/support/loop_fixture.h"

static int calls, closes;
static struct skf_defer *again;

static void fn(struct skf_defer *d)
{
    assert_false(d->open); /* may be used or freed from here on */
    calls++;
}

static void fn_again(struct skf_defer *d)
{
    if (++calls < 3)
        skf_defer_start(again->timer.loop, d, 1, fn_again);
}

static void fn_free(struct skf_defer *d)
{
    calls++;
    free(d);
}

static void closed(struct skf_defer *d)
{
    assert_false(d->open);
    closes++;
}

static void test_defer(void **state)
{
    (void)state;
    struct lf lf;
    struct skf_defer d;
    calls = closes = 0;
    lf_open(&lf);
    skf_defer_start(&lf.loop, &d, 0, fn);
    assert_int_equal(calls, 0);
    assert_true(d.armed && d.open);
    LF_UNTIL(&lf, calls == 1);
    assert_false(d.armed || d.open);
    calls = 0;
    again = &d;
    skf_defer_start(&lf.loop, &d, 1, fn_again);
    LF_UNTIL(&lf, calls == 3);
    lf_close(&lf);
    assert_int_equal(calls, 3);
}

static void test_defer_frees_itself(void **state)
{
    (void)state;
    struct lf lf;
    calls = 0;
    lf_open(&lf);
    for (int i = 0; i < 10; i++)
        skf_defer_start(&lf.loop, skf_xcalloc(1, sizeof(struct skf_defer)), (unsigned)i, fn_free);
    LF_UNTIL(&lf, calls == 10);
    lf_close(&lf);
}

static void test_cancel(void **state)
{
    (void)state;
    struct lf lf;
    struct skf_defer d;
    calls = closes = 0;
    lf_open(&lf);
    skf_defer_start(&lf.loop, &d, 3600 * 1000, fn);
    skf_defer_cancel(&d, closed);
    assert_int_equal(closes, 0);
    assert_true(d.open);
    LF_UNTIL(&lf, closes == 1);
    skf_defer_start(&lf.loop, &d, 0, fn);
    skf_defer_cancel(&d, NULL);
    skf_defer_cancel(&d, closed); /* twice: the last one says what to call */
    LF_UNTIL(&lf, closes == 2);
    assert_int_equal(calls, 0);
    lf_close(&lf);
}

static struct skf_defer early, late;

static void cancel_late(struct skf_defer *d)
{
    (void)d;
    calls++;
    skf_defer_cancel(&late, closed);
}

/* Both are due in one turn: the first one's fn cancels the second, whose timer has fired already.
 */
static void test_cancel_when_due(void **state)
{
    (void)state;
    struct lf lf;
    calls = closes = 0;
    lf_open(&lf);
    skf_defer_start(&lf.loop, &late, 0, fn);
    skf_defer_start(&lf.loop, &early, 0, cancel_late); /* closes are run last in, first out */
    LF_UNTIL(&lf, calls && (closes || calls == 2));
    lf_close(&lf);
    assert_int_equal(calls, 1);
    assert_int_equal(closes, 1);
}

static void on_close_free(uv_handle_t *h)
{
    free(h);
}

static void test_loop_close(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct skf_err e;
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(skf_loop_init(&loop, &e), 0);
    assert_ptr_equal(signal(SIGPIPE, SIG_IGN), SIG_IGN);
    uv_timer_t *t = skf_xcalloc(1, sizeof *t);
    uv_timer_init(&loop, t);
    uv_close((uv_handle_t *)t, on_close_free);
    assert_true(skf_loop_close(&loop)); /* runs what is closing */
}

static void test_loop_close_names_what_is_open(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct skf_err e;
    uv_timer_t t;
    assert_int_equal(skf_loop_init(&loop, &e), 0);
    uv_timer_init(&loop, &t);
    assert_false(skf_loop_close(&loop));
    uv_close((uv_handle_t *)&t, NULL);
    assert_true(skf_loop_close(&loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defer),      cmocka_unit_test(test_defer_frees_itself),
        cmocka_unit_test(test_cancel),     cmocka_unit_test(test_cancel_when_due),
        cmocka_unit_test(test_loop_close), cmocka_unit_test(test_loop_close_names_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

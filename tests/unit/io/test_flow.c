/* tests/unit/io/test_flow.c: every way through a step table, and a cancel in each of its steps. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/io/flow.h"
#include "lib/io/loop.h"
#include "tests/support/loop_fixture.h"

/* A flow whose waits end by a skf_defer, as an operation of the real kind does. */
struct job {
    struct skf_flow flow;
    struct skf_defer op;
    int steps, aborts, dones, fail_at, cancel_inside, wait_ms, limit_ms;
    bool op_cancelled;
    struct skf_err end;
};

static struct job *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct job, flow);
}

static void on_op_end(struct skf_defer *d)
{
    struct job *j = SKF_CONTAINER_OF(d, struct job, op);
    struct skf_err e = SKF_ERR_INIT;
    if (j->op_cancelled)
        skf_err_set(&e, SKF_ECANCELED, "the operation was cancelled");
    else if (j->steps == j->fail_at)
        skf_err_set(&e, SKF_EBUILD, "step %d", j->steps);
    skf_flow_resume(&j->flow, e.code ? &e : NULL);
}

static void abort_op(struct skf_flow *f)
{
    struct job *j = of(f);
    j->aborts++;
    j->op_cancelled = true;
    if (j->op.open && j->op.armed)
        skf_defer_cancel(&j->op, on_op_end);
}

static enum skf_next waiting(struct skf_flow *f)
{
    struct job *j = of(f);
    j->steps++;
    unsigned ms = (unsigned)j->wait_ms;
    if (j->steps == j->cancel_inside) {
        skf_flow_cancel(f); /* what an event listener may do */
        ms = 3600 * 1000;   /* ends only by the abort */
    }
    f->abort = abort_op;
    skf_defer_start(f->timer.loop, &j->op, ms, on_op_end);
    if (j->limit_ms)
        skf_flow_limit(f, (unsigned)j->limit_ms);
    return SKF_WAIT;
}

static enum skf_next at_once(struct skf_flow *f)
{
    struct job *j = of(f);
    j->steps++;
    if (j->steps == j->cancel_inside)
        skf_flow_cancel(f);
    if (j->steps == j->fail_at)
        skf_err_set(&f->err, SKF_EBUILD, "step %d", j->steps);
    return SKF_NEXT;
}

static const struct skf_step table[] = {
    { "one", at_once },  { "two", waiting },  { "three", waiting },
    { "four", at_once }, { "five", waiting }, { 0 },
};

static void on_done(struct skf_flow *f)
{
    struct job *j = of(f);
    j->dones++;
    j->end = f->err;
}

static void test_happy_path(void **state)
{
    (void)state;
    struct lf lf;
    struct job j = { 0 };
    lf_open(&lf);
    skf_flow_start(&lf.loop, &j.flow, table, on_done);
    assert_int_equal(j.steps, 0); /* nothing runs inside start */
    LF_UNTIL(&lf, j.dones);
    assert_int_equal(j.steps, 5);
    assert_int_equal(j.end.code, 0);
    assert_int_equal(j.aborts, 0);
    lf_close(&lf);
    assert_int_equal(j.dones, 1);
}

static void test_empty_table(void **state)
{
    (void)state;
    static const struct skf_step none[] = { { 0 } };
    struct lf lf;
    struct job j = { 0 };
    lf_open(&lf);
    skf_flow_start(&lf.loop, &j.flow, none, on_done);
    LF_UNTIL(&lf, j.dones);
    assert_int_equal(j.end.code, 0);
    j.dones = 0;
    skf_flow_start(&lf.loop, &j.flow, none, on_done);
    skf_flow_cancel(&j.flow);
    LF_UNTIL(&lf, j.dones);
    assert_int_equal(j.end.code, SKF_ECANCELED);
    lf_close(&lf);
}

static void test_failure_in_each_step(void **state)
{
    (void)state;
    for (int at = 1; at <= 5; at++) {
        struct lf lf;
        struct job j = { .fail_at = at };
        lf_open(&lf);
        skf_flow_start(&lf.loop, &j.flow, table, on_done);
        LF_UNTIL(&lf, j.dones);
        assert_int_equal(j.steps, at); /* no later step */
        assert_int_equal(j.end.code, SKF_EBUILD);
        lf_close(&lf);
        assert_int_equal(j.dones, 1);
    }
}

/* From outside, while step `at` waits (0: before the first tick). */
static void test_cancel_in_each_step(void **state)
{
    static const int waits[] = { 0, 2, 3, 5 };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(waits); i++) {
        struct lf lf;
        struct job j = { .wait_ms = 5 };
        lf_open(&lf);
        skf_flow_start(&lf.loop, &j.flow, table, on_done);
        LF_UNTIL(&lf, j.steps == waits[i]);
        skf_flow_cancel(&j.flow);
        skf_flow_cancel(&j.flow);
        assert_int_equal(j.dones, 0); /* cancel only asks */
        LF_UNTIL(&lf, j.dones);
        skf_flow_cancel(&j.flow); /* late: nothing */
        assert_int_equal(j.steps, waits[i]);
        assert_int_equal(j.end.code, SKF_ECANCELED);
        assert_int_equal(j.aborts, waits[i] ? 1 : 0);
        lf_close(&lf);
        assert_int_equal(j.dones, 1);
    }
}

/* From inside the step itself, before it has set abort. */
static void test_cancel_inside_each_step(void **state)
{
    (void)state;
    for (int at = 1; at <= 5; at++) {
        struct lf lf;
        struct job j = { .cancel_inside = at };
        lf_open(&lf);
        skf_flow_start(&lf.loop, &j.flow, table, on_done);
        LF_UNTIL(&lf, j.dones);
        assert_int_equal(j.steps, at);
        assert_int_equal(j.end.code, SKF_ECANCELED);
        lf_close(&lf);
        assert_int_equal(j.dones, 1);
    }
}

static void test_limit(void **state)
{
    (void)state;
    struct lf lf;
    struct job j = { .wait_ms = 3600 * 1000, .limit_ms = 20 };
    lf_open(&lf);
    skf_flow_start(&lf.loop, &j.flow, table, on_done);
    LF_UNTIL(&lf, j.dones);
    assert_int_equal(j.end.code, SKF_ETIMEDOUT); /* not the SKF_ECANCELED that the operation gave */
    assert_string_equal(j.end.msg, "two: took longer than 0.02 s");
    assert_int_equal(j.aborts, 1);
    lf_close(&lf);
}

static void test_limit_not_reached(void **state)
{
    (void)state;
    struct lf lf;
    struct job j = { .wait_ms = 1, .limit_ms = 15000 };
    lf_open(&lf);
    skf_flow_start(&lf.loop, &j.flow, table, on_done);
    LF_UNTIL(&lf, j.dones);
    assert_int_equal(j.end.code, 0);
    lf_close(&lf);
}

static int freed;

static void free_job(struct skf_flow *f)
{
    freed++;
    free(of(f));
}

static void test_done_may_free(void **state)
{
    (void)state;
    struct lf lf;
    lf_open(&lf);
    for (int cancel = 0; cancel < 2; cancel++) {
        struct job *j = skf_xcalloc(1, sizeof *j);
        freed = 0;
        skf_flow_start(&lf.loop, &j->flow, table, free_job);
        if (cancel)
            skf_flow_cancel(&j->flow);
        LF_UNTIL(&lf, freed == 1);
    }
    lf_close(&lf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_happy_path),
        cmocka_unit_test(test_empty_table),
        cmocka_unit_test(test_failure_in_each_step),
        cmocka_unit_test(test_cancel_in_each_step),
        cmocka_unit_test(test_cancel_inside_each_step),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_not_reached),
        cmocka_unit_test(test_done_may_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

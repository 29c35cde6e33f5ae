/* tests/unit/io/test_work.c */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/io/work.h"
#include "tests/support/loop_fixture.h"

enum { MANY = 200 };

struct task {
    struct skf_work work;
    int runs, dones, code;
    bool fail;
};

static uv_sem_t gate;
static uv_thread_t loop_thread;
static int on_loop_thread;

static void run(struct skf_work *w)
{
    struct task *t = SKF_CONTAINER_OF(w, struct task, work);
    uv_thread_t self = uv_thread_self();
    t->runs++;
    if (uv_thread_equal(&self, &loop_thread))
        on_loop_thread++;
    if (t->fail)
        skf_err_set(&w->err, SKF_EPROTO, "failed");
}

static void run_at_gate(struct skf_work *w)
{
    SKF_CONTAINER_OF(w, struct task, work)->runs++;
    uv_sem_wait(&gate);
}

static void run_until_cancelled(struct skf_work *w)
{
    SKF_CONTAINER_OF(w, struct task, work)->runs++;
    uv_sem_post(&gate); /* "I run" */
    while (!skf_work_cancelled(w))
        ;
}

static void done(struct skf_work *w)
{
    struct task *t = SKF_CONTAINER_OF(w, struct task, work);
    t->dones++;
    t->code = (int)w->err.code;
}

static void done_free(struct skf_work *w)
{
    free(SKF_CONTAINER_OF(w, struct task, work));
    on_loop_thread = -1;
}

static void test_runs_in_the_pool(void **state)
{
    (void)state;
    struct lf lf;
    static struct task tasks[MANY];
    loop_thread = uv_thread_self();
    on_loop_thread = 0;
    lf_open(&lf);
    for (int i = 0; i < MANY; i++) {
        tasks[i].fail = i % 2;
        skf_work_start(&lf.loop, &tasks[i].work, run, done);
        assert_int_equal(tasks[i].dones, 0);
    }
    for (int i = 0; i < MANY; i++) {
        LF_UNTIL(&lf, tasks[i].dones);
        assert_int_equal(tasks[i].runs, 1);
        assert_int_equal(tasks[i].code, i % 2 ? SKF_EPROTO : 0);
    }
    assert_int_equal(on_loop_thread, 0);
    lf_close(&lf);
}

static void test_cancel_queued(void **state)
{
    (void)state;
    struct lf lf;
    static struct task blockers[4], queued[8]; /* the pool has 4 threads */
    uv_sem_init(&gate, 0);
    lf_open(&lf);
    for (int i = 0; i < 4; i++)
        skf_work_start(&lf.loop, &blockers[i].work, run_at_gate, done);
    for (int i = 0; i < 8; i++)
        skf_work_start(&lf.loop, &queued[i].work, run, done);
    for (int i = 0; i < 8; i++) {
        skf_work_cancel(&queued[i].work);
        skf_work_cancel(&queued[i].work);
        assert_int_equal(queued[i].dones, 0);
    }
    for (int i = 0; i < 8; i++)
        LF_UNTIL(&lf, queued[i].dones);
    for (int i = 0; i < 4; i++)
        uv_sem_post(&gate);
    for (int i = 0; i < 4; i++)
        LF_UNTIL(&lf, blockers[i].dones);
    lf_close(&lf);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(queued[i].runs, 0);
        assert_int_equal(queued[i].dones, 1);
        assert_int_equal(queued[i].code, SKF_ECANCELED);
    }
    assert_int_equal(blockers[0].code, 0);
    uv_sem_destroy(&gate);
}

static void test_cancel_running(void **state)
{
    (void)state;
    struct lf lf;
    struct task t = { 0 };
    uv_sem_init(&gate, 0);
    lf_open(&lf);
    skf_work_start(&lf.loop, &t.work, run_until_cancelled, done);
    uv_sem_wait(&gate);
    skf_work_cancel(&t.work);
    assert_int_equal(t.dones, 0);
    LF_UNTIL(&lf, t.dones);
    lf_close(&lf);
    assert_int_equal(t.runs, 1);
    assert_int_equal(t.dones, 1);
    assert_int_equal(t.code, SKF_ECANCELED);
    uv_sem_destroy(&gate);
}

static void test_again_and_free(void **state)
{
    (void)state;
    struct lf lf;
    lf_open(&lf);
    struct task *t = skf_xcalloc(1, sizeof *t);
    t->fail = true;
    skf_work_start(&lf.loop, &t->work, run, done);
    LF_UNTIL(&lf, t->dones == 1);
    t->fail = false;
    skf_work_start(&lf.loop, &t->work, run, done); /* no error is left of the first time */
    LF_UNTIL(&lf, t->dones == 2);
    assert_int_equal(t->code, 0);
    on_loop_thread = 0;
    skf_work_start(&lf.loop, &t->work, run, done_free);
    LF_UNTIL(&lf, on_loop_thread == -1);
    lf_close(&lf);
}

int main(void)
{
    setenv("UV_THREADPOOL_SIZE", "4", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_in_the_pool),
        cmocka_unit_test(test_cancel_queued),
        cmocka_unit_test(test_cancel_running),
        cmocka_unit_test(test_again_and_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

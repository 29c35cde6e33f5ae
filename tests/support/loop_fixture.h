/* tests/support/loop_fixture.h: runs a loop until something has happened, with a cap. Header only.
 *
 *     struct lf lf;
 *     lf_open(&lf);
 *     start_something(&lf.loop, ...);
 *     LF_UNTIL(&lf, done == 1);
 *     lf_close(&lf); // all handles must be closed: names what is still open
 *
 * A cap that is reached fails the test; nothing here sleeps for a fixed time but lf_quiet, which
 * shows that something does *not* happen and is for that only. */
#ifndef SKF_TESTS_LOOP_FIXTURE_H
#define SKF_TESTS_LOOP_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include <cmocka.h>

enum { LF_CAP_MS = 20000 };

struct lf {
    uv_loop_t loop;
    uv_timer_t cap;
    uint64_t end_ns;
    bool expired;
};

enum { LF_TICK_MS = 5 };

/* Ticks, for a turn must always end: UV_RUN_ONCE runs timers before it waits, and would wait for
 * ever for what has just happened. */
static inline void lf_on_cap(uv_timer_t *t)
{
    struct lf *lf = t->data;
    lf->expired = uv_hrtime() >= lf->end_ns;
}

static inline void lf_open(struct lf *lf)
{
    lf->expired = false;
    assert_int_equal(uv_loop_init(&lf->loop), 0);
    assert_int_equal(uv_timer_init(&lf->loop, &lf->cap), 0);
    lf->cap.data = lf;
}

/* One turn that waits for an event, until `ms` from lf_begin have passed. */
static inline void lf_begin(struct lf *lf, unsigned ms)
{
    lf->expired = false;
    lf->end_ns = uv_hrtime() + (uint64_t)ms * 1000000;
    uv_timer_start(&lf->cap, lf_on_cap, 0, LF_TICK_MS);
}

/* true while there is time left. */
static inline bool lf_turn(struct lf *lf)
{
    if (!lf->expired)
        uv_run(&lf->loop, UV_RUN_ONCE);
    return !lf->expired;
}

static inline void lf_end(struct lf *lf)
{
    uv_timer_stop(&lf->cap);
}

#define LF_UNTIL(lf, condition)                                                                    \
    do {                                                                                           \
        lf_begin((lf), LF_CAP_MS);                                                                 \
        while (!(condition) && lf_turn(lf))                                                        \
            ;                                                                                      \
        lf_end(lf);                                                                                \
        if (!(condition))                                                                          \
            fail_msg("%s:%d: after %d ms still not: %s", __FILE__, __LINE__, LF_CAP_MS,            \
                     #condition);                                                                  \
    } while (0)

/* Runs the loop for `ms` whatever happens: for tests that nothing happens. */
static inline void lf_quiet(struct lf *lf, unsigned ms)
{
    lf_begin(lf, ms);
    while (lf_turn(lf))
        ;
    lf_end(lf);
}

static inline void lf_name_handle(uv_handle_t *h, void *data)
{
    (void)data;
    fprintf(stderr, "still open: %s%s%s\n", uv_handle_type_name(h->type),
            uv_is_active(h) ? " active" : "", uv_is_closing(h) ? " closing" : "");
}

static inline void lf_on_late(uv_timer_t *t)
{
    uv_stop(t->loop);
}

/* Lets what is closing close, then the loop must close: nothing may be left open. */
static inline void lf_close(struct lf *lf)
{
    /* Not counted as a reason to go on, and yet a stop: what was left open would run for ever. */
    uv_update_time(&lf->loop);
    uv_timer_start(&lf->cap, lf_on_late, LF_CAP_MS, 0);
    uv_unref((uv_handle_t *)&lf->cap);
    uv_run(&lf->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&lf->cap, NULL);
    uv_run(&lf->loop, UV_RUN_NOWAIT);
    int r = uv_loop_close(&lf->loop);
    if (r != 0)
        uv_walk(&lf->loop, lf_name_handle, NULL);
    assert_int_equal(r, 0);
}
#endif

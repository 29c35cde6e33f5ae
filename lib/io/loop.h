/* lib/io/loop.h: one loop, one thread that decides. A thin layer over uv_loop_t. */
#ifndef SKF_IO_LOOP_H
#define SKF_IO_LOOP_H
#include <stdbool.h>
#include <uv.h>

struct skf_err;

/* Runs `fn(arg)` once from the loop, at the next turn: how a start function reports what it found
 * at once. The memory of `d` is in use until fn is called or, after a cancel, `closed` is. */
struct skf_defer {
    uv_timer_t timer;
    void (*fn)(struct skf_defer *d);
    bool armed; /* fn is still to come */
    bool open;  /* the handle is not closed yet */
    void (*closed)(struct skf_defer *d);
};

/* Prepares the process (SIGPIPE ignored) and the loop. */
int skf_loop_init(uv_loop_t *loop, struct skf_err *err);
/* Runs what is left to close, at most 10 s, and closes the loop. Handles still open: false, and
 * their names go to the debug log. */
bool skf_loop_close(uv_loop_t *loop);

/* A timer that closes itself: fn runs once, after `delay_ms`; then the struct is free to use again.
 * On cancel, fn does not run; the handle closes on the loop and `closed` (may be NULL) says when
 * the memory may go. */
void skf_defer_start(uv_loop_t *loop, struct skf_defer *d, unsigned delay_ms,
                     void (*fn)(struct skf_defer *d));
/* Begins the delay anew; one whose fn is about to run is left alone. */
void skf_defer_restart(struct skf_defer *d, unsigned delay_ms);
void skf_defer_cancel(struct skf_defer *d, void (*closed)(struct skf_defer *d));
#endif

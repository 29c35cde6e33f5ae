/* lib/io/work.h: blocking work (hashing, tar, compression, large parses) in libuv's pool. The work
 * function runs on a pool thread with its own copy of everything it reads and never touches loop
 * state; done runs on the loop, exactly once. */
#ifndef SKF_IO_WORK_H
#define SKF_IO_WORK_H
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "lib/base/err.h"

struct skf_work {
    uv_work_t req;
    /* Pool thread. Sets w->err to fail. Long work asks skf_work_cancelled now and then. */
    void (*run)(struct skf_work *w);
    /* Loop thread; w->err.code says how it ended (SKF_ECANCELED when cancelled). May free w. */
    void (*done)(struct skf_work *w);
    struct skf_err err;
    atomic_bool cancel;
};

void skf_work_start(uv_loop_t *loop, struct skf_work *w, void (*run)(struct skf_work *w),
                    void (*done)(struct skf_work *w));
void skf_work_cancel(struct skf_work *w);
bool skf_work_cancelled(struct skf_work *w);
#endif

#include "lib/io/work.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static void on_run(uv_work_t *req)
{
    struct skf_work *w = SKF_CONTAINER_OF(req, struct skf_work, req);
    if (!skf_work_cancelled(w))
        w->run(w);
}

static void on_after(uv_work_t *req, int status)
{
    struct skf_work *w = SKF_CONTAINER_OF(req, struct skf_work, req);
    if (status == UV_ECANCELED || skf_work_cancelled(w))
        skf_err_set(&w->err, SKF_ECANCELED, "cancelled");
    w->done(w);
}

void skf_work_start(uv_loop_t *loop, struct skf_work *w, void (*run)(struct skf_work *w),
                    void (*done)(struct skf_work *w))
{
    w->run = run;
    w->done = done;
    skf_err_clear(&w->err);
    atomic_store(&w->cancel, false);
    if (uv_queue_work(loop, &w->req, on_run, on_after) < 0)
        abort(); /* only for a NULL function */
}

void skf_work_cancel(struct skf_work *w)
{
    atomic_store(&w->cancel, true);
    uv_cancel((uv_req_t *)&w->req); /* fails when it runs already: then the flag serves */
}

bool skf_work_cancelled(struct skf_work *w)
{
    return atomic_load(&w->cancel);
}

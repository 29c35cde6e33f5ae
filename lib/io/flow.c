#include "lib/io/flow.h"

#include <assert.h>
#include <string.h>

#include "lib/base/mem.h"

static void on_closed(uv_handle_t *handle)
{
    struct skf_flow *f = SKF_CONTAINER_OF(handle, struct skf_flow, timer);
    f->done(f);
}

static void on_limit(uv_timer_t *timer)
{
    struct skf_flow *f = SKF_CONTAINER_OF(timer, struct skf_flow, timer);
    if (!f->err.code)
        skf_err_set(&f->err, SKF_ETIMEDOUT, "%s: took longer than %g s", f->step->name,
                    f->limit_ms / 1000.0);
    if (f->abort)
        f->abort(f);
}

static void advance(struct skf_flow *f)
{
    while (!f->err.code && f->step->run) {
        f->limit_ms = 0;
        if (f->step->run(f) == SKF_WAIT) {
            assert(f->abort);
            if (f->err.code) { /* cancelled from inside the step, maybe before it set abort */
                f->abort(f);
                return;
            }
            uv_update_time(f->timer.loop); /* the step may have taken long: not off its limit */
            if (f->limit_ms)
                uv_timer_start(&f->timer, on_limit, f->limit_ms, 0);
            return; /* what it started calls skf_flow_resume, later */
        }
        if (!f->err.code)
            f->step++;
    }
    uv_close((uv_handle_t *)&f->timer, on_closed); /* on_closed calls f->done */
}

static void on_first_tick(uv_timer_t *timer)
{
    advance(SKF_CONTAINER_OF(timer, struct skf_flow, timer));
}

void skf_flow_start(uv_loop_t *loop, struct skf_flow *f, const struct skf_step *table,
                    void (*done)(struct skf_flow *f))
{
    memset(f, 0, sizeof *f);
    f->step = table;
    f->done = done;
    uv_timer_init(loop, &f->timer);
    uv_timer_start(&f->timer, on_first_tick, 0, 0);
}

void skf_flow_resume(struct skf_flow *f, const struct skf_err *err)
{
    assert(f->abort); /* else: resumed twice, or nothing was waiting */
    f->abort = NULL;
    uv_timer_stop(&f->timer);
    if (err && !f->err.code)
        f->err = *err;
    if (!f->err.code)
        f->step++;
    advance(f);
}

void skf_flow_limit(struct skf_flow *f, unsigned limit_ms)
{
    f->limit_ms = limit_ms;
}

void skf_flow_cancel(struct skf_flow *f)
{
    if (f->err.code || uv_is_closing((uv_handle_t *)&f->timer))
        return;
    skf_err_set(&f->err, SKF_ECANCELED, "%s: cancelled", f->step->run ? f->step->name : "end");
    if (f->abort)
        f->abort(f); /* asks the running operation; it reports through resume */
}

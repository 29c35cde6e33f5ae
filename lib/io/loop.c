#include "lib/io/loop.h"

#include <assert.h>
#include <signal.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

enum { CLOSE_LIMIT_MS = 10000 };

int skf_loop_init(uv_loop_t *loop, struct skf_err *err)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an EPIPE, not our end */
    int status = uv_loop_init(loop);
    if (status < 0)
        return skf_err_uv(err, status, "cannot start the event loop");
    return 0;
}

static void name_open_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    skf_log_debug("loop: handle still open: %s%s", uv_handle_type_name(handle->type),
                  uv_is_closing(handle) ? " (closing)" : "");
}

static void on_patience_over(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

bool skf_loop_close(uv_loop_t *loop)
{
    /* A handle that was forgotten would keep the loop running for ever. */
    uv_timer_t patience;
    uv_update_time(loop);
    uv_timer_init(loop, &patience);
    uv_timer_start(&patience, on_patience_over, CLOSE_LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(loop, UV_RUN_NOWAIT); /* closes it */
    if (uv_loop_close(loop) == 0)
        return true;
    uv_walk(loop, name_open_handle, NULL);
    return false;
}

static void on_defer_closed(uv_handle_t *handle)
{
    struct skf_defer *d = SKF_CONTAINER_OF(handle, struct skf_defer, timer);
    d->open = false;
    if (d->armed) {
        d->armed = false;
        d->fn(d);
    } else if (d->closed) {
        d->closed(d);
    }
}

static void on_defer_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_defer_closed);
}

void skf_defer_start(uv_loop_t *loop, struct skf_defer *d, unsigned delay_ms,
                     void (*fn)(struct skf_defer *d))
{
    d->fn = fn;
    d->closed = NULL;
    d->armed = d->open = true;
    uv_update_time(loop); /* the loop's clock stands still while a callback works */
    uv_timer_init(loop, &d->timer);
    uv_timer_start(&d->timer, on_defer_timer, delay_ms, 0);
}

void skf_defer_restart(struct skf_defer *d, unsigned delay_ms)
{
    assert(d->open);
    if (!uv_is_closing((uv_handle_t *)&d->timer))
        uv_timer_start(&d->timer, on_defer_timer, delay_ms, 0);
}

void skf_defer_cancel(struct skf_defer *d, void (*closed)(struct skf_defer *d))
{
    assert(d->open);
    d->armed = false;
    d->closed = closed;
    if (!uv_is_closing((uv_handle_t *)&d->timer))
        uv_close((uv_handle_t *)&d->timer, on_defer_closed);
}

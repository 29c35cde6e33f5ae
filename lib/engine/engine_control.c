/* What the control socket is asked. A new command: a function here (or in a file beside), and a
 * line in the table below. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/sources.h"
#include "lib/io/loop.h"

enum { PAST_EVENTS = 256, LOOK_AGAIN_MS = 20 };

/* --- events ----------------------------------------------------------------------------------- */

static void send_event(struct skf_control_call *call, const struct skf_event *ev)
{
    skf_control_send(call, skf_event_json(ev));
}

static void run_events(struct skf_control_call *call)
{
    const struct skf_engine *e = call->data;
    bool past = !json_is_false(json_object_get(call->request, "past"));
    for (size_t i = 0; past && i < e->past.n; i++)
        skf_control_send(call, json_loads(e->past.v[i], 0, NULL));
    call->on_event = send_event;
}

/* Lines of programs are passed on as they come, and not kept. */
static void keep_past(struct skf_engine *e, const struct skf_event *ev)
{
    if (ev->kind == SKF_EV_LOG || ev->kind == SKF_EV_BUILD_LINE ||
        ev->kind == SKF_EV_BUILD_PROGRESS)
        return;
    if (e->past.n == PAST_EVENTS) {
        free(e->past.v[0]);
        skf_vec_remove(&e->past, 0);
    }
    json_t *line = skf_event_json(ev);
    skf_vec_push(&e->past, json_dumps(line, JSON_COMPACT));
    json_decref(line);
}

/* --- state ------------------------------------------------------------------------------------ */

static void run_state(struct skf_control_call *call)
{
    const struct skf_engine *e = call->data;
    json_t *state = skf_state_json(&e->state);
    json_object_set_new(state, "pid", json_integer(getpid()));
    json_object_set_new(state, "project",
                        skf_text_json(e->opts.control_dir, strlen(e->opts.control_dir)));
    json_object_set_new(state, "watchedFiles",
                        json_integer((json_int_t)(e->watch ? skf_watch_file_count(e->watch) : 0)));
    skf_control_send(call, state);
    skf_control_end(call);
}

/* --- trigger, pause --------------------------------------------------------------------------- */

static void answer_ok(struct skf_control_call *call)
{
    skf_control_send(call, json_pack("{s:b}", "ok", 1));
    skf_control_end(call);
}

static void run_trigger(struct skf_control_call *call)
{
    skf_engine_trigger(call->data);
    answer_ok(call);
}

static void run_pause(struct skf_control_call *call)
{
    skf_engine_pause(call->data, true);
    answer_ok(call);
}

static void run_resume(struct skf_control_call *call)
{
    skf_engine_pause(call->data, false);
    answer_ok(call);
}

/* --- wait ------------------------------------------------------------------------------------- */

struct waiter {
    struct skf_control_call *call;
    struct skf_defer look;
    bool looking;
    bool for_error;
    int64_t since_ms;
};

static void on_waiter_closed(struct skf_defer *d)
{
    free(SKF_CONTAINER_OF(d, struct waiter, look));
}

static void end_waiter(struct skf_control_call *call)
{
    struct waiter *w = call->priv;
    if (w->looking)
        skf_defer_cancel(&w->look, on_waiter_closed);
    else
        free(w);
}

static void conclude(struct waiter *w, const char *result, const char *stage,
                     const struct skf_err *err)
{
    struct skf_control_call *call = w->call; /* a send that fails ends the waiter */
    const struct skf_engine *e = call->data;
    json_t *o = json_pack("{s:s,s:I}", "result", result, "waitedMs",
                          (json_int_t)(skf_clock_ms() - w->since_ms));
    if (stage)
        json_object_set_new(o, "stage", json_string(stage));
    if (err)
        json_object_set_new(o, "error", skf_err_json(err));
    if (e->state.loops)
        json_object_set_new(o, "ledger", skf_ledger_json(&e->state.ledger));
    skf_control_send(call, o);
    skf_control_end(call);
}

static void judge(struct waiter *w);

static void on_look(struct skf_defer *d)
{
    struct waiter *w = SKF_CONTAINER_OF(d, struct waiter, look);
    w->looking = false;
    judge(w);
}

/* A save of a moment ago counts, though the watch has not judged it yet: whoever writes and then
 * waits must not be told about the version before. */
static void judge(struct waiter *w)
{
    struct skf_engine *e = w->call->data;
    const char *stage;
    const struct skf_err *err = skf_state_error(&e->state, &stage);
    if (w->looking || e->phase != ENGINE_RUNNING)
        return;
    if (e->watch && skf_watch_pending(e->watch)) {
        w->looking = true;
        skf_defer_start(e->services.loop, &w->look, LOOK_AGAIN_MS, on_look);
        return;
    }
    if (e->in_loop)
        return; /* its end is an event */
    if (e->state.held && !w->for_error)
        conclude(w, "held", NULL, NULL);
    else if (err)
        conclude(w, "error", stage, err);
    else if (e->state.loops && !w->for_error)
        conclude(w, "ready", NULL, NULL);
}

static void look_again(struct skf_control_call *call, const struct skf_event *ev)
{
    struct waiter *w = call->priv;
    if (ev->kind != SKF_EV_WATCHING && ev->kind != SKF_EV_HELD && ev->kind != SKF_EV_CONFIG_BROKEN)
        return;
    if (!w->looking) { /* not inside the event: the loop is about to end, or begins again */
        w->looking = true;
        skf_defer_start(((struct skf_engine *)call->data)->services.loop, &w->look, 0, on_look);
    }
}

static void run_wait(struct skf_control_call *call)
{
    const char *what = json_string_value(json_object_get(call->request, "for"));
    bool for_error = what && strcmp(what, "error") == 0;
    if (!for_error && (!what || strcmp(what, "ready") != 0)) {
        struct skf_err err = SKF_ERR_INIT;
        skf_err_set(&err, SKF_EUSAGE, "wait for 'ready' or 'error'");
        skf_control_fail(call, &err);
        return;
    }
    struct waiter *w = skf_xcalloc(1, sizeof *w);
    w->call = call;
    w->for_error = for_error;
    w->since_ms = skf_clock_ms();
    call->priv = w;
    call->closed = end_waiter;
    call->on_event = look_again;
    judge(w);
}

/* --- why -------------------------------------------------------------------------------------- */

static void run_why(struct skf_control_call *call)
{
    const struct skf_engine *e = call->data;
    const char *path = json_string_value(json_object_get(call->request, "path"));
    if (!path || path[0] != '/') {
        struct skf_err err = SKF_ERR_INIT;
        skf_err_set(&err, SKF_EUSAGE, "why needs an absolute \"path\"");
        skf_control_fail(call, &err);
        return;
    }
    skf_autofree const struct skf_inputs **inputs = skf_xcalloc(e->n_units + 1, sizeof *inputs);
    for (size_t i = 0; i < e->n_units; i++)
        inputs[i] = &e->units[i].inputs;
    skf_control_send(call, skf_sources_why(&e->plan, inputs, path));
    skf_control_end(call);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct skf_control_command commands[] = {
    { "events", run_events },   /* past: true|false -> every event, a line each, without end */
    { "state", run_state },     /* -> one line */
    { "trigger", run_trigger }, /* build and deploy what waits, else build all again -> ok */
    { "pause", run_pause },     /* -> ok */
    { "resume", run_resume },   /* -> ok */
    { "wait", run_wait },       /* for: ready|error -> {"result": ready|error|held, ...} */
    { "why", run_why },         /* path: absolute -> reasons */
    { NULL, NULL },
};

void control_start(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    if (!e->opts.control_dir)
        return;
    e->control = skf_control_start(e->services.loop, e->opts.control_dir, commands, e, &err);
    if (!e->control) {
        skf_err_wrap(&err, "no control socket");
        engine_emit(e, SKF_EV_WARNING, NULL, err.msg);
    }
}

void control_event(struct skf_engine *e, const struct skf_event *ev)
{
    if (!e->control)
        return;
    keep_past(e, ev);
    skf_control_event(e->control, ev);
}

void control_free(struct skf_engine *e)
{
    skf_control_free(e->control);
    e->control = NULL;
    for (size_t i = 0; i < e->past.n; i++)
        free(e->past.v[i]);
    skf_vec_release(&e->past);
}

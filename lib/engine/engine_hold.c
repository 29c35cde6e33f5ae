/* Changes that wait: while paused, and where building or deploying was asked to wait for a trigger.
 * They are collected as always, so that the trigger does all of them in one loop. */
#include "lib/base/clock.h"
#include "lib/engine/engine_impl.h"

bool hold_builds(const struct skf_engine *e)
{
    return e->opts.dev && !e->may_build && (e->paused || e->opts.hold_builds);
}

bool hold_deploys(const struct skf_engine *e)
{
    return e->opts.dev && !e->may_deploy && (e->paused || e->opts.hold_deploys);
}

void hold_loop(struct skf_engine *e, const char *what)
{
    e->in_loop = false;
    deploy_unprepare(e);
    if (!e->held_told)
        engine_emit(e, SKF_EV_HELD, NULL, what);
    e->held_told = true;
}

static bool anything_waits(const struct skf_engine *e)
{
    bool waits = e->deploy_due || e->manifests_dirty || e->config_dirty;
    for (size_t i = 0; i < e->n_units; i++)
        waits = waits || e->units[i].dirty;
    return waits;
}

static bool anything_failed(const struct skf_engine *e)
{
    bool failed = e->deploy_failed;
    for (size_t i = 0; i < e->n_units; i++)
        failed = failed || e->units[i].failed;
    return failed;
}

void skf_engine_trigger(struct skf_engine *e)
{
    if (e->phase != ENGINE_RUNNING || !e->opts.dev)
        return;
    bool all = !anything_waits(e) && !anything_failed(e);
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = &e->units[i];
        if (!all && !u->failed)
            continue;
        u->dirty = true;
        u->failed = false;
        u->cache.fresh = true;
    }
    e->may_build = e->may_deploy = true;
    e->deploy_due = e->deploy_due || e->deploy_failed;
    e->deploy_failed = false;
    engine_loop_begin(e, skf_clock_wall_ms());
    e->ledger.us[SKF_LEDGER_NOTICE] = -1; /* nobody saved */
    engine_emit(e, SKF_EV_TRIGGERED, NULL,
                all ? "all images are built again" : "what has changed is built and deployed");
    for (size_t i = 0; all && i < e->n_units; i++)
        if (e->units[i].busy)
            unit_cancel(&e->units[i]);
    engine_pump(e);
}

void skf_engine_pause(struct skf_engine *e, bool paused)
{
    if (e->phase != ENGINE_RUNNING || !e->opts.dev || e->paused == paused)
        return;
    e->paused = paused;
    engine_emit(e, paused ? SKF_EV_PAUSED : SKF_EV_RESUMED, NULL, NULL);
    if (!paused && anything_waits(e) && !e->in_loop)
        engine_loop_begin(e, skf_clock_wall_ms());
    engine_pump(e);
}

bool skf_engine_is_paused(const struct skf_engine *e)
{
    return e->paused;
}

/* File sync in the loop: changes that an artifact's rules take go into its running containers; what
 * no rule takes, and what cannot be brought there, is a new image after all.
 * happy path: a change is noted -> when nothing is built, applied or waited for: hooks before ->
 *             transfer -> hooks after.
 * failures:   any: told, and the artifact is dirty.
 * on stop:    what runs is cancelled. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/hooks.h"
#include "lib/engine/sync.h"
#include "lib/io/file.h"

struct unit_sync {
    struct unit *unit;
    struct skf_flow flow;
    struct skf_hook_run hooks;
    struct skf_syncing transfer;
    struct skf_strv env, namespaces;
    char *image; /* of its own: a build may end meanwhile */
    int64_t began_us;
};

static struct unit_sync *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct unit_sync, flow);
}

/* --- which changes ---------------------------------------------------------------------------- */

static bool is_required(const struct unit *u)
{
    const struct skf_engine *e = u->engine;
    for (size_t i = 0; i < e->n_units; i++) {
        const struct skf_list *list = &e->units[i].planned->artifact->requires;
        const struct skf_artifact_requires *r = list->v;
        for (size_t k = 0; k < list->n; k++)
            if (strcmp(r[k].image, u->planned->artifact->image) == 0)
                return true;
    }
    return false;
}

static void note_once(struct unit *u, const char *text)
{
    if (!skf_map_put(&u->engine->warned, text, u))
        engine_emit(u->engine, SKF_EV_NOTE, u->planned->artifact->image, text);
}

bool sync_takes(struct unit *u, const char *path, bool gone)
{
    const struct skf_artifact *a = u->planned->artifact;
    if (!a->sync || !u->engine->api || !u->engine->opts.deploys)
        return false;
    if (!u->deployed || u->dirty || u->busy || u->failed || !u->engine->applied_us ||
        u->engine->paused)
        return false;
    if (is_required(u)) {
        note_once(u, "another image is built on it: no file is synced");
        return false;
    }
    if (!skf_sync_wants(a, u->planned->dir, path))
        return false;
    skf_strv_add(gone ? &u->sync_gone : &u->sync_changed, path);
    u->touched = true;
    return true;
}

void sync_drop(struct unit *u)
{
    skf_strv_clear(&u->sync_changed);
    skf_strv_clear(&u->sync_gone);
}

bool sync_pending(const struct unit *u)
{
    return u->sync_changed.n || u->sync_gone.n;
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void set_env(struct unit_sync *s)
{
    struct skf_engine *e = s->unit->engine;
    skf_autofree char *changed = skf_strv_join(&s->transfer.changed, ";");
    skf_autofree char *gone = skf_strv_join(&s->transfer.gone, ";");
    skf_strv_addv(&s->env, hooks_cluster_env(e));
    skf_hook_env(&s->env, "IMAGE", s->image);
    skf_hook_env(&s->env, "BUILD_CONTEXT", s->unit->planned->dir);
    skf_hook_env(&s->env, "FILES_ADDED_OR_MODIFIED", changed);
    skf_hook_env(&s->env, "FILES_DELETED", gone);
}

static void on_hook_line(struct skf_hook_run *r, const char *line)
{
    struct unit_sync *s = r->data;
    engine_emit(s->unit->engine, SKF_EV_HOOKS_LINE, s->unit->planned->artifact->image, line);
}

static void on_hooks(struct skf_hook_run *r, const struct skf_err *err)
{
    struct unit_sync *s = r->data;
    if (!err)
        engine_emit(s->unit->engine, SKF_EV_HOOKS_DONE, s->unit->planned->artifact->image,
                    r->phase);
    skf_flow_resume(&s->flow, err);
}

static void stop_hooks(struct skf_flow *f)
{
    skf_hooks_cancel(&of(f)->hooks);
}

static enum skf_next run_hooks(struct skf_flow *f, const char *phase, const struct skf_hook *hooks,
                               size_t n)
{
    struct unit_sync *s = of(f);
    struct skf_engine *e = s->unit->engine;
    if (!n)
        return SKF_NEXT;
    s->hooks = (struct skf_hook_run){ .phase = phase,
                                      .hooks = hooks,
                                      .n = n,
                                      .dir = s->unit->planned->module->dir,
                                      .env = &s->env,
                                      .api = e->api,
                                      .kubectl = e->opts.kubectl,
                                      .kubeconfig = e->opts.kubeconfig,
                                      .namespaces = &s->namespaces,
                                      .image = s->image,
                                      .data = s,
                                      .on_line = on_hook_line,
                                      .done = on_hooks };
    engine_emit(e, SKF_EV_HOOKS_STARTED, s->unit->planned->artifact->image, phase);
    f->abort = stop_hooks;
    skf_hooks_start(e->services.loop, &s->hooks);
    return SKF_WAIT;
}

static enum skf_next before(struct skf_flow *f)
{
    const struct skf_hooks *h = &of(f)->unit->planned->artifact->sync->hooks;
    return run_hooks(f, "pre-sync", h->before, h->n_before);
}

static enum skf_next after(struct skf_flow *f)
{
    const struct skf_hooks *h = &of(f)->unit->planned->artifact->sync->hooks;
    return run_hooks(f, "post-sync", h->after, h->n_after);
}

/* --- transfer --------------------------------------------------------------------------------- */

static void on_transferred(struct skf_syncing *t, const struct skf_err *err)
{
    struct unit_sync *s = t->data;
    skf_flow_resume(&s->flow, err);
}

static void stop_transfer(struct skf_flow *f)
{
    skf_sync_cancel(&of(f)->transfer);
}

static enum skf_next transfer(struct skf_flow *f)
{
    f->abort = stop_transfer;
    skf_sync_start(&of(f)->transfer);
    return SKF_WAIT;
}

static const struct skf_step steps[] = {
    { "file sync", before }, { "file sync", transfer }, { "file sync", after }, { 0 }
};

/* --- start and end ---------------------------------------------------------------------------- */

static void on_flow_done(struct skf_flow *f)
{
    struct unit_sync *s = of(f);
    struct unit *u = s->unit;
    struct skf_engine *e = u->engine;
    const char *image = u->planned->artifact->image;
    u->syncing = NULL;
    if (!f->err.code) {
        int64_t took = skf_clock_us() - s->began_us;
        if (e->ledger.us[SKF_LEDGER_SYNC] < took)
            e->ledger.us[SKF_LEDGER_SYNC] = took;
        engine_emit_number(e, SKF_EV_SYNC_DONE, image, s->image,
                           (long long)s->transfer.n_containers);
    } else {
        if (f->err.code != SKF_ECANCELED)
            engine_emit_err(e, SKF_EV_SYNC_FAILED, image, &f->err);
        u->dirty = true; /* the next image has it all */
        sync_drop(u);
    }
    skf_sync_release(&s->transfer);
    skf_strv_release(&s->env);
    skf_strv_release(&s->namespaces);
    free(s->image);
    free(s);
    engine_pump(e);
}

static void unique(struct skf_strv *list)
{
    skf_strv_sort(list);
    skf_strv_uniq(list);
}

/* The newest state of a path counts: what came back is not gone. */
static void settle(struct unit *u)
{
    unique(&u->sync_changed);
    unique(&u->sync_gone);
    for (size_t i = u->sync_gone.n; i-- > 0;)
        if (skf_file_exists(u->sync_gone.v[i])) {
            skf_strv_add(&u->sync_changed, u->sync_gone.v[i]);
            skf_strv_remove(&u->sync_gone, i);
        }
    for (size_t i = u->sync_changed.n; i-- > 0;)
        if (!skf_file_exists(u->sync_changed.v[i])) {
            skf_strv_add(&u->sync_gone, u->sync_changed.v[i]);
            skf_strv_remove(&u->sync_changed, i);
        }
    unique(&u->sync_changed);
    unique(&u->sync_gone);
}

static void start(struct unit *u)
{
    struct skf_engine *e = u->engine;
    struct unit_sync *s = skf_xcalloc(1, sizeof *s);
    settle(u);
    u->syncing = s;
    s->unit = u;
    s->image = skf_xstrdup(u->deployed);
    s->began_us = skf_clock_us();
    deploy_namespaces(e, &s->namespaces);
    s->transfer = (struct skf_syncing){ .builder = u->planned->builder,
                                        .api = e->api,
                                        .namespaces = &s->namespaces,
                                        .image = s->image,
                                        .data = s,
                                        .done = on_transferred };
    unit_context(u, &s->transfer.ctx);
    if (u->planned->builder->receiver)
        s->transfer.receiver = u->planned->builder->receiver(&s->transfer.ctx);
    skf_strv_swap(&s->transfer.changed, &u->sync_changed);
    skf_strv_swap(&s->transfer.gone, &u->sync_gone);
    set_env(s);
    engine_emit_number(e, SKF_EV_SYNC_STARTED, u->planned->artifact->image, s->image,
                       (long long)(s->transfer.changed.n + s->transfer.gone.n));
    skf_flow_start(e->services.loop, &s->flow, steps, on_flow_done);
}

bool sync_idle(const struct skf_engine *e)
{
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].syncing)
            return false;
    return true;
}

bool sync_step(struct skf_engine *e)
{
    for (size_t i = 0; i < e->n_units; i++)
        if (!e->units[i].syncing && sync_pending(&e->units[i])) {
            start(&e->units[i]);
            e->synced = true;
        }
    return !sync_idle(e);
}

void sync_stop(struct skf_engine *e)
{
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].syncing)
            skf_flow_cancel(&e->units[i].syncing->flow);
}

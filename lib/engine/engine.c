/* happy path: load the plan -> is the cluster there, has it a registry -> pump until nothing is
 * left to do; in dev the watch brings the next change, and pump again. failures:   one pass ends
 * with the first error; dev says it and waits for the next change. on stop:    everything that runs
 * is asked to end; when it has, dev removes what it created; then done. */
#include "lib/engine/engine.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/project.h"

enum { PROBE_LIMIT_MS = 10000, PATIENCE_MS = 2000 };

/* --- telling ---------------------------------------------------------------------------------- */

void engine_emit_event(struct skf_engine *e, const struct skf_event *ev)
{
    skf_state_event(&e->state, ev);
    e->on_event(e->data, ev);
    control_event(e, ev);
}

void engine_emit(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                 const char *text)
{
    engine_emit_event(e, &(struct skf_event){ .kind = kind, .subject = subject, .text = text });
}

void engine_emit_findings(struct skf_engine *e, const struct skf_diagnostics *diags)
{
    struct skf_event ev = { .kind = SKF_EV_CONFIG_FINDINGS, .diags = diags };
    e->on_event(e->data, &ev);
}

void engine_emit_number(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                        const char *text, long long number)
{
    engine_emit_event(
        e, &(struct skf_event){ .kind = kind, .subject = subject, .text = text, .number = number });
}

void engine_emit_err(struct skf_engine *e, enum skf_event_kind kind, const char *subject,
                     const struct skf_err *err)
{
    engine_emit_event(e, &(struct skf_event){ .kind = kind, .subject = subject, .err = err });
}

const char *engine_namespace(const struct skf_engine *e)
{
    return skf_project_namespace(&e->plan.config, e->opts.namespace_, e->opts.kube);
}

/* --- one loop --------------------------------------------------------------------------------- */

void engine_loop_begin(struct skf_engine *e, int64_t saved_wall_ms)
{
    int64_t now_us = skf_clock_us();
    int64_t ago_us = (skf_clock_wall_ms() - saved_wall_ms) * 1000;
    e->in_loop = true;
    skf_map_release(&e->noted);
    e->held_told = false;
    e->noticed_us = now_us;
    e->built_us = 0;
    e->synced = false;
    e->layer_us = e->deliver_us = 0;
    skf_ledger_clear(&e->ledger);
    e->ledger.us[SKF_LEDGER_NOTICE] = ago_us > 0 ? ago_us : 0;
}

/* All that had to be built is built: splits the time since the notice by what the builders say of
 * it. */
static void note_built(struct skf_engine *e, bool any_built)
{
    e->built_us = skf_clock_us();
    if (!any_built)
        return;
    int64_t spent = e->built_us - e->noticed_us;
    int64_t deliver = e->deliver_us < spent ? e->deliver_us : spent;
    int64_t layer = e->layer_us < spent - deliver ? e->layer_us : spent - deliver;
    e->ledger.us[SKF_LEDGER_DELIVER] = deliver;
    e->ledger.us[SKF_LEDGER_LAYER] = layer;
    e->ledger.us[SKF_LEDGER_BUILD] = spent - deliver - layer;
}

static size_t watched_files(struct skf_engine *e)
{
    return e->watch ? skf_watch_file_count(e->watch) : 0;
}

void engine_fail(struct skf_engine *e, enum skf_stage stage, const struct skf_err *err)
{
    if (e->outcome.code)
        return; /* the first one counts */
    e->outcome = *err;
    e->failed_stage = stage;
}

bool engine_newer_comes(const struct skf_engine *e)
{
    bool building = e->config_dirty, dirty = false, failed = hooks_failed(e);
    for (size_t i = 0; i < e->n_units; i++) {
        building = building || e->units[i].busy;
        dirty = dirty || e->units[i].dirty;
        failed = failed || e->units[i].failed;
    }
    building = building || (dirty && !failed && !hold_builds(e)); /* hooks have yet to end */
    failed = failed || tests_failed(e); /* what is due then waits for a change */
    bool deploys = (e->deploy_due || e->manifests_dirty) && !e->deploy_failed && !failed &&
                   e->opts.deploys && !hold_deploys(e);
    return e->opts.dev && e->phase == ENGINE_RUNNING && (building || deploys);
}

void engine_loop_end(struct skf_engine *e, bool good)
{
    if (!e->in_loop || engine_newer_comes(e))
        return; /* the loop, and its ledger, are the newer change's */
    e->in_loop = e->may_build = e->may_deploy = false;
    deploy_unprepare(e);
    if (good && !e->opts.dry_run) {
        e->ledger.total_us = 0;
        for (int i = 0; i < SKF_LEDGER_COUNT; i++)
            e->ledger.total_us += e->ledger.us[i] > 0 ? e->ledger.us[i] : 0;
        struct skf_event ev = { .kind = SKF_EV_LOOP_DONE, .ledger = &e->ledger };
        engine_emit_event(e, &ev);
        skf_ledger_remember(&e->history, &e->ledger);
    }
    if (e->opts.dev && e->phase == ENGINE_RUNNING) {
        const char *stage;
        if (good)
            prune_start(e);
        else if (e->state.app == SKF_SUCCEEDED && skf_state_error(&e->state, &stage))
            engine_emit(e, SKF_EV_NOTE, NULL, "what was deployed before still runs, and is ready");
        skf_err_clear(&e->outcome); /* a failed step never ends dev */
        e->failed_stage = SKF_STAGE_NONE;
        engine_emit_number(e, SKF_EV_WATCHING, NULL, NULL, (long long)watched_files(e));
    } else {
        e->pass_ended = true;
    }
}

/* --- what to do next -------------------------------------------------------------------------- */

static int concurrency(const struct skf_engine *e)
{
    int least = 0; /* 0 = as many as there are */
    if (e->opts.build_concurrency >= 0)
        return e->opts.build_concurrency ? e->opts.build_concurrency : (int)e->n_units;
    for (size_t i = 0; i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        if (m->n_artifacts && m->local_concurrency && (!least || m->local_concurrency < least))
            least = m->local_concurrency;
    }
    return least ? least : (int)e->n_units;
}

static bool any_unit(const struct skf_engine *e, bool (*is)(const struct unit *u))
{
    for (size_t i = 0; i < e->n_units; i++)
        if (is(&e->units[i]))
            return true;
    return false;
}

static bool is_busy(const struct unit *u)
{
    return u->busy;
}

static bool is_dirty(const struct unit *u)
{
    return u->dirty;
}

static bool is_test_due(const struct unit *u)
{
    return u->test_due;
}

static bool is_failed(const struct unit *u)
{
    return u->failed;
}

static bool is_remembering(const struct unit *u)
{
    return u->cache.storing || u->cache.store_due;
}

static bool is_not_idle(const struct unit *u)
{
    return !unit_idle(u);
}

static void start_builds(struct skf_engine *e)
{
    int slots = concurrency(e);
    if (!e->opts.dev && e->outcome.code)
        return; /* one pass ends with its first failure */
    bool may_build =
        any_unit(e, is_dirty) && !hold_builds(e) && (e->opts.dry_run || hooks_open_build(e));
    for (size_t i = 0; i < e->n_units; i++)
        slots -= e->units[i].busy;
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = &e->units[i];
        if (u->ask_inputs && !u->asking)
            unit_ask_inputs(u);
        if (!may_build || slots <= 0 || !u->dirty || u->busy || !unit_can_start(u))
            continue;
        slots--;
        e->built_us = 0;
        serve_stop_waiting(e);
        tests_stop(e);
        unit_start(u);
        if (e->opts.deploys &&
            !hold_deploys(e)) /* kubectl's own start costs 60-100 ms: let it pass while Go builds */
            deploy_prepare(e);
    }
}

/* The old plan is in use until everything that points into it has ended. */
static bool reload_config(struct skf_engine *e)
{
    serve_stop_waiting(e);
    hooks_stop(e);
    tests_stop(e);
    for (size_t i = 0; i < e->n_units; i++)
        unit_cancel(&e->units[i]);
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].asking)
            e->units[i].planned->builder->cancel_inputs(&e->units[i].job);
    sync_stop(e);
    deploy_unprepare(e);
    if (any_unit(e, is_not_idle) || !deploy_idle(e) || !sync_idle(e))
        return false;
    watch_reload(e);
    if (e->config_broken && !any_unit(e, is_dirty) && !e->manifests_dirty)
        engine_loop_end(e, false);
    return true;
}

static void next_step(struct skf_engine *e)
{
    if (e->config_dirty && !reload_config(e))
        return;
    if (e->watch_dirty)
        watch_update(e); /* may find that something changed meanwhile */
    start_builds(e);
    if (any_unit(e, is_dirty) && hold_builds(e) && !any_unit(e, is_busy)) {
        hold_loop(e, "changes wait to be built");
        return;
    }
    if (hooks_failed(e)) {
        engine_loop_end(e, false);
        return;
    }
    if (any_unit(e, is_busy) || (any_unit(e, is_dirty) && !any_unit(e, is_failed)))
        return;
    if (e->in_loop && deploy_busy(e) && (e->deploy_due || e->manifests_dirty) &&
        !any_unit(e, is_failed) && !hold_deploys(e))
        deploy_pre_empt(e);
    if (!e->in_loop || deploy_busy(e))
        return;
    if (any_unit(e, is_failed)) {
        hooks_reset(e);
        if (e->manifests_dirty && e->opts.dev && e->applied_us)
            engine_emit(e, SKF_EV_NOTE, NULL, "manifests are applied when all images build again");
        engine_loop_end(e, false);
        return;
    }
    if (!hooks_close_build(e))
        return;
    if (!e->built_us)
        note_built(e, e->deliver_us || e->layer_us || !e->applied_us || e->deploy_due);
    if (tests_failed(e)) {
        engine_loop_end(e, false);
        return;
    }
    if (any_unit(e, is_test_due) && tests_start(e))
        return;
    if (!e->opts.deploys) {
        engine_loop_end(e, true);
        return;
    }
    bool deploy = (e->deploy_due || e->manifests_dirty) && !e->deploy_failed;
    if (deploy && hold_deploys(e)) {
        hold_loop(e, "changes wait to be deployed");
    } else if (deploy) {
        if (serve_waiting(e))
            serve_stop_waiting(e); /* comes back here when it has stopped */
        else
            deploy_start(e);
    } else if (!serve_waiting(e)) {
        if (sync_step(e))
            return;
        if (e->applied_us && !e->synced)
            engine_emit(e, SKF_EV_DEPLOY_NOTHING, NULL, NULL);
        engine_loop_end(e, true);
    }
}

static void on_ended(struct skf_defer *d)
{
    struct skf_engine *e = SKF_CONTAINER_OF(d, struct skf_engine, ending);
    e->done(e, e->outcome.code ? &e->outcome : NULL);
}

static void end_soon(struct skf_engine *e)
{
    if (e->phase == ENGINE_ENDED)
        return;
    e->phase = ENGINE_ENDED;
    watch_free(e);
    control_free(e);
    skf_defer_start(e->services.loop, &e->ending, 0, on_ended);
}

static void on_patience_closed(struct skf_defer *d)
{
    struct skf_engine *e = SKF_CONTAINER_OF(d, struct skf_engine, patience);
    e->patient = false;
    engine_pump(e);
}

/* Everything that runs is asked to end; comes again until it has. */
static void stop_step(struct skf_engine *e)
{
    if (e->phase == ENGINE_STOPPING) {
        for (size_t i = 0; i < e->n_units; i++)
            unit_cancel(&e->units[i]);
        deploy_stop(e);
        hooks_stop(e);
        tests_stop(e);
        serve_stop(e);
        sync_stop(e);
        prune_stop(e);
        if (e->patient && !e->out_of_patience) {
            e->out_of_patience = true; /* asked once */
            skf_defer_cancel(&e->patience, on_patience_closed);
        }
        if (any_unit(e, is_not_idle) || !deploy_idle(e) || !serve_idle(e) || !sync_idle(e) ||
            e->pruning || e->patient || e->probing)
            return;
        e->phase = ENGINE_CLEANING;
        if (e->opts.dev && e->opts.cleanup && clean_start(e))
            return;
    }
    if (e->phase == ENGINE_CLEANING && !e->removing)
        end_soon(e);
}

static void on_out_of_patience(struct skf_defer *d)
{
    struct skf_engine *e = SKF_CONTAINER_OF(d, struct skf_engine, patience);
    e->patient = false;
    e->out_of_patience = true;
    engine_pump(e);
}

/* One pass has ended, and the cache still wants to know what it was made of: a builder's own
 * question may take long, and nobody waits for that. */
static bool remembers_on(struct skf_engine *e)
{
    if (e->out_of_patience || !any_unit(e, is_remembering))
        return false;
    if (!e->patient) {
        e->patient = true;
        skf_defer_start(e->services.loop, &e->patience, PATIENCE_MS, on_out_of_patience);
    }
    return true;
}

static void pump_once(struct skf_engine *e)
{
    if (e->phase == ENGINE_RUNNING)
        next_step(e);
    if (e->phase == ENGINE_RUNNING && !e->opts.dev && e->pass_ended &&
        (e->outcome.code || !(serve_wants_to_stay(e) || remembers_on(e))))
        e->phase = ENGINE_STOPPING; /* one pass was asked for, and it has ended */
    if (e->phase == ENGINE_STOPPING || e->phase == ENGINE_CLEANING)
        stop_step(e);
}

void engine_pump(struct skf_engine *e)
{
    e->pump_again = true;
    if (e->pumping)
        return; /* something was decided at once, inside a step: the outer call looks again */
    e->pumping = true;
    while (e->pump_again) {
        e->pump_again = false;
        pump_once(e);
    }
    e->pumping = false;
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void fail_beginning(struct skf_engine *e, enum skf_stage stage, const struct skf_err *err)
{
    engine_fail(e, stage, err);
    e->phase = ENGINE_STOPPING;
    engine_pump(e);
}

/* Manifests that cannot be read are told before minutes go into a build. dev goes on all the same:
 * its first deploy says so, and waits for the fix. */
static bool manifests_readable(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_rendered rendered;
    if (e->opts.dev || !e->opts.deploys || hooks_may_write_manifests(e))
        return true;
    skf_autofree const char **none = skf_xcalloc(e->n_units, sizeof *none);
    const struct skf_render_request req = { .plan = &e->plan, .references = none };
    if (skf_render(&req, &rendered, &err) == 0) {
        skf_rendered_release(&rendered);
        return true;
    }
    engine_emit_err(e, SKF_EV_DEPLOY_FAILED, NULL, &err);
    fail_beginning(e, SKF_STAGE_DEPLOY, &err);
    return false;
}

static void begin_loops(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    if (e->phase != ENGINE_BEGINNING) { /* stopped meanwhile */
        skf_config_release(&e->first_config);
        engine_pump(e);
        return;
    }
    e->opts.plan.discovered_repo = e->discovered_repo;
    if (skf_plan_make(&e->opts.plan, &e->first_config, &e->plan, &err) < 0) {
        skf_config_release(&e->first_config);
        fail_beginning(e, SKF_STAGE_CONFIG, &err);
        return;
    }
    e->has_plan = true;
    units_make(e, &e->units, &e->n_units, &e->plan);
    if (e->opts.given && given_take(e, &err) < 0) {
        fail_beginning(e, SKF_STAGE_CONFIG, &err);
        return;
    }
    if (!manifests_readable(e))
        return;
    e->phase = ENGINE_RUNNING;
    e->manifests_dirty = e->opts.deploys;
    e->may_build = e->may_deploy = true; /* whatever waits for triggers later */
    engine_loop_begin(e, skf_clock_wall_ms());
    e->ledger.us[SKF_LEDGER_NOTICE] = -1; /* nobody saved: this is the first loop */
    if (e->opts.dev) {
        watch_start(e);
        control_start(e);
    }
    engine_pump(e);
}

/* ConfigMap kube-public/local-registry-hosting (KEP-1755). */
static char *registry_of(const json_t *config_map)
{
    const char *text = json_string_value(
        json_object_get(json_object_get(config_map, "data"), "localRegistryHosting.v1"));
    struct skf_doc *doc = NULL;
    struct skf_err ignored;
    char *host = NULL;
    if (text && skf_doc_parse("local-registry-hosting", text, strlen(text), &doc, &ignored) == 0) {
        if (doc->n_parts)
            host = skf_xstrdup_null(skf_node_get_str(doc->parts[0].root, "host"));
        skf_doc_free(doc);
    }
    return host;
}

static void on_pinned(struct skf_engine *e, const struct skf_err *err)
{
    (void)err; /* the first look finds nothing to compare with */
    e->probing = false;
    begin_loops(e);
}

static void on_probe(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_engine *e = r->data;
    e->probing = false;
    if (!err && e->discovering)
        e->discovered_repo = registry_of(r->json);
    /* An answer of any kind, "not found" and "forbidden" too, shows that the cluster is there. */
    bool reached = !err || r->status > 0 || !e->opts.deploys;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    bool denied = r->status == 401 && e->opts.deploys;
    skf_kube_req_release(r);
    if (reached && !denied) {
        if (skf_kube_api_note(e->api))
            engine_emit(e, SKF_EV_NOTE, NULL, skf_kube_api_note(e->api));
        e->probing = e->opts.deploys && e->phase == ENGINE_BEGINNING;
        if (e->probing)
            claim_identity(e, on_pinned);
        else
            begin_loops(e);
        return;
    }
    skf_err_wrap(&failure, "cannot use the cluster of context '%s' (%s)", e->opts.kube->name,
                 e->opts.kube->server);
    skf_config_release(&e->first_config);
    if (e->phase == ENGINE_BEGINNING)
        fail_beginning(e, SKF_STAGE_CLUSTER, &failure);
    else
        engine_pump(e);
}

/* Is the cluster there? Asked before minutes go into a build; the same request finds its registry.
 */
static void probe_cluster(struct skf_engine *e)
{
    e->discovering = skf_plan_wants_discovery(&e->opts.plan, &e->first_config);
    e->probing = true;
    skf_kube_req_init(&e->probe);
    e->probe.data = e;
    e->probe.limit_ms = PROBE_LIMIT_MS;
    skf_kube_get(
        e->api, &e->probe,
        skf_xstrdup(e->discovering
                        ? "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting"
                        : "/version"),
        on_probe);
}

static void on_begin(struct skf_defer *d)
{
    struct skf_engine *e = SKF_CONTAINER_OF(d, struct skf_engine, ending);
    for (size_t i = 0; i < e->first_config.n_notes; i++)
        engine_emit(e, SKF_EV_NOTE, NULL, e->first_config.notes[i].text);
    if (e->phase == ENGINE_BEGINNING && e->api)
        probe_cluster(e);
    else
        begin_loops(e);
}

/* --- the public face -------------------------------------------------------------------------- */

static void on_said(void *data, const char *line)
{
    engine_emit(data, SKF_EV_NOTE, NULL, line);
}

struct skf_engine *skf_engine_new(const struct skf_services *services,
                                  const struct skf_engine_options *options, skf_event_fn *on_event,
                                  void *data)
{
    struct skf_engine *e = skf_xcalloc(1, sizeof *e);
    e->services = *services;
    e->opts = *options;
    e->on_event = on_event;
    e->data = data;
    if (e->opts.kube) {
        e->api = skf_kube_api_new(services->loop, services->http, e->opts.kube);
        skf_kube_api_on_said(e->api, on_said, e);
    }
    serve_init(e);
    deploy_init(e);
    skf_state_init(&e->state);
    claim_init(e);
    hooks_init(e);
    tests_init(e);
    return e;
}

void skf_engine_start(struct skf_engine *e, struct skf_config *config,
                      void (*done)(struct skf_engine *e, const struct skf_err *err))
{
    assert(e->phase == ENGINE_NEW);
    e->first_config = *config;
    memset(config, 0, sizeof *config);
    e->done = done;
    e->phase = ENGINE_BEGINNING;
    skf_defer_start(e->services.loop, &e->ending, 0, on_begin);
}

void skf_engine_stop(struct skf_engine *e)
{
    if (e->phase >= ENGINE_STOPPING || e->phase == ENGINE_NEW)
        return;
    if (!e->opts.dev && !e->pass_ended && !e->outcome.code)
        skf_err_set(&e->outcome, SKF_ECANCELED, "interrupted");
    e->phase = ENGINE_STOPPING;
    if (e->probing) {
        skf_kube_req_cancel(&e->probe);
        claim_cancel(e);
    }
    engine_pump(e);
}

void skf_engine_free(struct skf_engine *e)
{
    if (!e)
        return;
    control_free(e);
    skf_state_release(&e->state);
    units_free(e->units, e->n_units);
    units_drop_retired(e);
    if (e->has_plan)
        skf_plan_release(&e->plan);
    deploy_free(e);
    claim_free(e);
    hooks_free(e);
    tests_free(e);
    skf_map_release(&e->warned);
    skf_map_release(&e->noted);
    skf_ledger_history_release(&e->history);
    serve_free(e);
    skf_kube_api_free(e->api);
    free(e->discovered_repo);
    free(e);
}

void *skf_engine_data(struct skf_engine *e)
{
    return e->data;
}

struct skf_built skf_engine_built(const struct skf_engine *e, size_t i)
{
    const struct unit *u = &e->units[i];
    return (struct skf_built){ u->planned->artifact->image, u->deployed, u->image };
}

const struct skf_plan *skf_engine_plan(const struct skf_engine *e)
{
    return &e->plan;
}

size_t skf_engine_artifact_count(const struct skf_engine *e)
{
    return e->n_units;
}

enum skf_stage skf_engine_failed_stage(const struct skf_engine *e)
{
    return e->failed_stage;
}

const struct skf_ledger_history *skf_engine_history(const struct skf_engine *e)
{
    return &e->history;
}

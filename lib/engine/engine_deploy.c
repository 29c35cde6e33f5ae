/* happy path: is it still the same cluster -> kustomize, when it must run again -> render (files
 * are small) -> deployers with sources of their own, one after the other -> what differs from what
 * is applied, and whose it is -> a dry run -> kubectl, perhaps already waiting -> what has left the
 * manifests goes -> serve.
 * failures:   an event; nothing is remembered, so that the next try applies all of it again.
 * on cancel:  a newer deploy that is ready ends all of it, and begins anew. At the end of a session
 *             applying, which is short, is left to end, so that what was created is known. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/engine/blame_report.h"
#include "lib/engine/engine_impl.h"
#include "lib/kube/service_check.h"

static size_t deployer_count(const struct skf_engine *e)
{
    size_t n = 0;
    while (e->opts.deployers && e->opts.deployers[n])
        n++;
    return n;
}

void deploy_init(struct skf_engine *e)
{
    e->deploys = skf_xcalloc(deployer_count(e), sizeof *e->deploys);
}

void deploy_free(struct skf_engine *e)
{
    for (size_t i = 0; i < deployer_count(e); i++)
        if (e->opts.deployers[i]->forget)
            e->opts.deployers[i]->forget(&e->deploys[i]);
    free(e->deploys);
    free(e->images);
    skf_rendered_release(&e->rendered);
    skf_objects_release(&e->changed);
    skf_objects_release(&e->later);
    skf_objects_release(&e->brought);
    skf_objects_release(&e->standing);
    skf_objects_release(&e->created);
    skf_applied_release(&e->applied);
    skf_objects_release(&e->left);
    skf_hydrate_release(&e->hydrate);
    free(e->references);
}

bool deploy_busy(const struct skf_engine *e)
{
    return e->deploying || e->removing || e->unpreparing || hooks_busy(e) || tests_busy(e);
}

bool deploy_idle(const struct skf_engine *e)
{
    return !deploy_busy(e) && !e->prepared;
}

const struct skf_objects *deploy_objects(const struct skf_engine *e)
{
    return e->brought.n ? &e->standing : &e->rendered.objects;
}

void deploy_namespaces(const struct skf_engine *e, struct skf_strv *out)
{
    const struct skf_objects *objects = deploy_objects(e);
    skf_strv_add(out, engine_namespace(e));
    for (size_t i = 0; i < objects->n; i++)
        if (objects->v[i].namespace_ && !skf_strv_has(out, objects->v[i].namespace_))
            skf_strv_add(out, objects->v[i].namespace_);
}

const struct skf_deployer_ops *deploy_feeder(const struct skf_engine *e, size_t *at)
{
    for (size_t i = 0; i < deployer_count(e); i++) {
        const struct skf_deployer_ops *ops = e->opts.deployers[i];
        if (!ops->own_sources && ops->wanted(&e->plan.config)) {
            *at = i;
            return ops;
        }
    }
    return NULL;
}

/* Whose kubectl settings count. */
static const struct skf_module *feeding_module(const struct skf_engine *e)
{
    const struct skf_config *config = &e->plan.config;
    size_t m = 0;
    while (m + 1 < config->n_modules && !config->modules[m].has_kubectl)
        m++;
    return &config->modules[m];
}

struct skf_deploy *deploy_fill(struct skf_engine *e, size_t at)
{
    struct skf_deploy *d = &e->deploys[at];
    const struct skf_config *config = &e->plan.config;
    *d = (struct skf_deploy){ .services = &e->services,
                              .kube = e->opts.kube,
                              .config = config,
                              .module = feeding_module(e),
                              .kubectl = e->opts.kubectl,
                              .kubeconfig = e->opts.kubeconfig,
                              .namespace_ = e->opts.namespace_,
                              .force = e->opts.force,
                              .data = e,
                              .state = d->state };
    return d;
}

/* --- kubectl while Go still builds ------------------------------------------------------------ */

static void on_apply_line(struct skf_deploy *d, const char *line)
{
    struct skf_engine *e = d->data;
    clean_note_line(e, line);
    engine_emit(e, SKF_EV_DEPLOY_LINE, NULL, line);
}

static void on_applied(struct skf_deploy *d, const struct skf_err *err);

static struct skf_deploy *fill_apply(struct skf_engine *e, size_t at)
{
    struct skf_deploy *d = deploy_fill(e, at);
    d->on_line = on_apply_line;
    d->done = on_applied;
    return d;
}

void deploy_prepare(struct skf_engine *e)
{
    size_t at;
    const struct skf_deployer_ops *feeder = deploy_feeder(e, &at);
    if (!deploy_idle(e) || !feeder || !feeder->prepare)
        return;
    e->prepared = true;
    feeder->prepare(fill_apply(e, at));
}

void deploy_unprepare(struct skf_engine *e)
{
    size_t at;
    const struct skf_deployer_ops *feeder = deploy_feeder(e, &at);
    if (!e->prepared || e->applying || e->unpreparing || !feeder)
        return;
    e->unpreparing = feeder->cancel(&e->deploys[at]);
    e->prepared = e->unpreparing;
}

/* --- the steps -------------------------------------------------------------------------------- */

static struct skf_engine *engine_of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_engine, deploying_flow);
}

/* kubectl reads the kubeconfig anew for each apply: the context must still mean the cluster that it
 * meant when the session began. */
int deploy_check_cluster(struct skf_engine *e, struct skf_err *err)
{
    const struct skf_kube_context *pinned = e->opts.kube;
    struct skf_kube_context now;
    if (!pinned)
        return 0;
    int rc = skf_kubeconfig_load(e->opts.kubeconfig, pinned->name, &now, err);
    if (rc < 0)
        return rc;
    bool same = strcmp(now.server, pinned->server) == 0 &&
                strcmp(now.ca_pem ? now.ca_pem : "", pinned->ca_pem ? pinned->ca_pem : "") == 0;
    if (!same)
        rc = skf_err_set(err, SKF_EDENIED,
                         "context '%s' now leads to another cluster (%s, at the start %s): nothing "
                         "is applied; start skiff again if that is meant",
                         pinned->name, now.server, pinned->server);
    skf_kube_context_release(&now);
    return rc;
}

static void on_claim(struct skf_engine *e, const struct skf_err *err)
{
    skf_flow_resume(&e->deploying_flow, err);
}

static void abort_claim(struct skf_flow *f)
{
    claim_cancel(engine_of(f));
}

static enum skf_next check_cluster(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    if (deploy_check_cluster(e, &f->err) < 0 || !e->api)
        return SKF_NEXT;
    f->abort = abort_claim;
    claim_identity(e, on_claim);
    return SKF_WAIT;
}

/* Services that lead nowhere, as far as the manifests show it; each is told once. */
static void warn_of_services(struct skf_engine *e)
{
    skf_autostrv struct skf_strv notes = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    skf_manifest_check_services(&e->rendered.objects, engine_namespace(e), &notes, &ignored);
    for (size_t i = 0; i < notes.n; i++)
        if (!skf_map_put(&e->warned, notes.v[i], e))
            engine_emit(e, SKF_EV_WARNING, NULL, notes.v[i]);
}

static bool any_own_sources(const struct skf_engine *e)
{
    for (size_t i = 0; i < deployer_count(e); i++)
        if (e->opts.deployers[i]->own_sources && e->opts.deployers[i]->wanted(&e->plan.config))
            return true;
    return false;
}

static void warn_of_unused(struct skf_engine *e)
{
    const struct skf_strv *unused = &e->rendered.unused;
    for (size_t i = 0; i < unused->n && !any_own_sources(e); i++) {
        if (skf_map_put(&e->warned, unused->v[i], e))
            continue;
        skf_autofree char *text =
            skf_xasprintf("image '%s' is built, and no manifest names it", unused->v[i]);
        engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
}

/* As in Skaffold: what no deployer of its module takes is rendered, and not deployed. One module
 * alone has a deployer by default; of several, none has. */
static bool warn_of_undeployed(struct skf_engine *e)
{
    bool any = false;
    for (size_t i = 0; i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        bool manifests = m->raw_yaml.n || m->n_remote_manifests || m->has_kustomize;
        if (!manifests || m->has_kubectl || m->deploy_helm || m->has_docker_deploy)
            continue;
        any = true;
        skf_autofree char *text = skf_xasprintf(
            "the manifests of module '%s' are not deployed: where there are several modules none "
            "has a deployer by default; add 'deploy: {kubectl: {}}' to it (%s)",
            m->name ? m->name : m->dir, m->file);
        if (!skf_map_put(&e->warned, text, e))
            engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
    return any;
}

static void take_rendered(struct skf_engine *e, struct skf_err *err)
{
    skf_rendered_release(&e->rendered);
    e->rendered = e->hydrate.rendered;
    bool undeployed = warn_of_undeployed(e);
    if (!undeployed)
        warn_of_unused(e);
    for (size_t i = 0; i < e->rendered.notes.n; i++)
        engine_emit(e, SKF_EV_WARNING, NULL, e->rendered.notes.v[i]);
    warn_of_services(e);
    if (!e->rendered.objects.n && !any_own_sources(e))
        skf_err_set(err, SKF_ENOTFOUND,
                    undeployed ? "nothing to deploy: no module has both manifests and a deployer"
                               : "nothing to deploy: no manifest was found; name them "
                                 "in manifests.rawYaml or deploy.kubectl.manifests");
}

static void on_hydrated(struct skf_hydrate *h, const struct skf_err *err)
{
    struct skf_engine *e = h->data;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (!err)
        take_rendered(e, &failure);
    skf_flow_resume(&e->deploying_flow, failure.code ? &failure : NULL);
}

static void on_hydrate_phase(struct skf_hydrate *h, const char *phase, bool begins)
{
    engine_emit(h->data, begins ? SKF_EV_HOOKS_STARTED : SKF_EV_HOOKS_DONE, NULL, phase);
}

static void on_hydrate_line(struct skf_hydrate *h, const char *line)
{
    engine_emit(h->data, SKF_EV_HOOKS_LINE, NULL, line);
}

static void abort_hydrate(struct skf_flow *f)
{
    skf_hydrate_cancel(&engine_of(f)->hydrate);
}

static enum skf_next hydrate(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    struct skf_hydrate *h = &e->hydrate;
    free(e->references);
    e->references = skf_xcalloc(e->n_units, sizeof *e->references);
    for (size_t i = 0; i < e->n_units; i++)
        e->references[i] = e->units[i].deployed;
    h->plan = &e->plan;
    h->references = e->references;
    h->namespace_ = e->opts.namespace_;
    h->kube = e->opts.kube;
    h->kubeconfig = e->opts.kubeconfig;
    h->kubectl = e->opts.kubectl;
    h->deployed = true;
    h->debug = e->opts.debug;
    h->sources_changed = e->sources_changed;
    h->hook_env = hooks_cluster_env(e);
    h->data = e;
    h->on_phase = on_hydrate_phase;
    h->on_line = on_hydrate_line;
    h->done = on_hydrated;
    f->abort = abort_hydrate;
    skf_hydrate_start(e->services.loop, h);
    return SKF_WAIT;
}

/* --- deployers with sources of their own ------------------------------------------------------ */

static bool bring_next(struct skf_engine *e);

static void on_brought(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    skf_objects_copy(&d->deployed, &e->brought);
    skf_objects_release(&d->deployed);
    e->acted = e->acted || d->acted;
    e->deployer++;
    if (err || e->deploying_flow.err.code || !bring_next(e))
        skf_flow_resume(&e->deploying_flow, err);
}

static void on_bring_line(struct skf_deploy *d, const char *line)
{
    engine_emit(d->data, SKF_EV_DEPLOY_LINE, NULL, line);
}

static size_t collect_images(struct skf_engine *e)
{
    size_t n = 0;
    free(e->images);
    e->images = skf_xcalloc(e->n_units, sizeof *e->images);
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].deployed)
            e->images[n++] = (struct skf_pair){ .key = e->units[i].planned->artifact->image,
                                                .value = e->units[i].deployed };
    return n;
}

static bool bring_next(struct skf_engine *e)
{
    for (; e->deployer < deployer_count(e); e->deployer++) {
        const struct skf_deployer_ops *ops = e->opts.deployers[e->deployer];
        if (!ops->own_sources || !ops->wanted(&e->plan.config))
            continue;
        struct skf_deploy *d = deploy_fill(e, e->deployer);
        d->n_images = collect_images(e);
        d->images = e->images;
        d->sources_changed = e->sources_changed;
        d->on_line = on_bring_line;
        d->done = on_brought;
        ops->deploy(d, NULL, 0);
        return true;
    }
    return false;
}

static void abort_bring(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    e->opts.deployers[e->deployer]->cancel(&e->deploys[e->deployer]);
}

static enum skf_next bring(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    skf_objects_release(&e->brought);
    e->deployer = 0;
    e->apply_began_wall_ms = skf_clock_wall_ms();
    if (!bring_next(e))
        return SKF_NEXT;
    engine_emit_number(e, SKF_EV_DEPLOY_STARTED, NULL, NULL, (long long)e->changed.n);
    f->abort = abort_bring;
    return SKF_WAIT;
}

/* --- manifests -------------------------------------------------------------------------------- */

/* kubectl's words, at their places in the manifests. */
static void explain(struct skf_engine *e, const char *errors, struct skf_err *err)
{
    struct skf_blames blames = { 0 };
    struct skf_diagnostics found = SKF_DIAGNOSTICS_INIT;
    skf_blame_kubectl(errors, &blames);
    skf_blame_report(&e->changed, NULL, &blames, &found);
    if (found.n) {
        engine_emit_findings(e, &found);
        skf_blame_summary(&found, "kubectl: ", err);
    }
    skf_diagnostics_release(&found);
    skf_blames_release(&blames);
}

static void on_applied(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    bool was_prepared_only = !e->applying;
    e->prepared = e->applying = e->unpreparing = false;
    if (was_prepared_only) {
        engine_pump(e);
        return;
    }
    struct skf_err explained = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (err && d->errors)
        explain(e, d->errors, &explained);
    if (!err) {
        skf_applied_put(&e->applied, &e->changed, engine_namespace(e));
        claim_present(e, &e->changed);
        clean_note_inherited(e);
        e->acted = true;
    } else {
        skf_applied_doubt(&e->applied, &e->changed, engine_namespace(e));
    }
    skf_flow_resume(&e->deploying_flow, explained.code ? &explained : NULL);
}

static void abort_nothing(struct skf_flow *f)
{
    (void)f; /* it ends by itself, soon */
}

/* Nothing of it is remembered: the next one applies all of it again. */
static void abort_apply(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    size_t at;
    const struct skf_deployer_ops *feeder = deploy_feeder(e, &at);
    feeder->cancel(&e->deploys[at]);
}

static enum skf_next compare(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    if (claim_mark(e, &f->err) < 0)
        return SKF_NEXT;
    skf_objects_sort(&e->rendered.objects);
    skf_objects_release(&e->changed);
    skf_objects_release(&e->left);
    skf_objects_release(&e->standing);
    skf_applied_diff(&e->applied, &e->rendered.objects, engine_namespace(e), &e->changed, &e->left);
    return SKF_NEXT;
}

static void on_before_apply(struct skf_engine *e, const struct skf_err *err)
{
    skf_flow_resume(&e->deploying_flow, err);
}

static void abort_hooks(struct skf_flow *f)
{
    hooks_stop(engine_of(f));
}

static enum skf_next before_apply(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    bool deploys = e->changed.n || any_own_sources(e);
    bool hooks = deploys && hooks_run(e, HOOKS_PRE_DEPLOY, on_before_apply);
    e->kinds_sure = !hooks && !any_own_sources(e);
    if (!hooks)
        return SKF_NEXT;
    f->abort = abort_hooks;
    return SKF_WAIT;
}

static enum skf_next claim(struct skf_flow *f)
{
    f->abort = abort_claim;
    return claim_objects(engine_of(f), on_claim) ? SKF_WAIT : SKF_NEXT;
}

/* Objects of kinds that come with them (a CustomResourceDefinition and its first resources):
 * kubectl looks at the kinds of all objects before it applies the first one, so these take a turn
 * of their own. */
static void split_new_kinds(struct skf_engine *e)
{
    bool makes = skf_objects_have_kind(&e->changed, "CustomResourceDefinition");
    skf_objects_release(&e->later);
    for (size_t i = 0; e->api && makes && i < e->changed.n;) {
        const struct skf_objects one = { .v = &e->changed.v[i], .n = 1 };
        const char *path;
        bool present;
        claim_place(e, &e->changed.v[i], &path, &present);
        if (path) {
            i++;
            continue;
        }
        skf_objects_copy(&one, &e->later);
        skf_objects_take_out(&e->changed, i);
    }
}

static void abort_rehearse(struct skf_flow *f)
{
    rehearse_cancel(engine_of(f));
}

static enum skf_next rehearse(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    size_t at;
    split_new_kinds(e);
    f->abort = abort_rehearse;
    bool starts = e->sources_changed && deploy_feeder(e, &at) &&
                  rehearse_start(e, &feeding_module(e)->kubectl_flags, on_claim);
    return starts ? SKF_WAIT : SKF_NEXT;
}

static enum skf_next apply(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    size_t at;
    const struct skf_deployer_ops *feeder = deploy_feeder(e, &at);
    if (!e->changed.n || !feeder) {
        deploy_unprepare(e);
        return SKF_NEXT;
    }
    if (!any_own_sources(e)) /* else it has been said */
        engine_emit_number(e, SKF_EV_DEPLOY_STARTED, NULL, NULL, (long long)e->changed.n);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_manifest_join(&e->changed, &text);
    struct skf_deploy *d = e->prepared ? &e->deploys[at] : fill_apply(e, at);
    e->applying = true;
    e->apply_began_wall_ms = skf_clock_wall_ms();
    f->abort = abort_apply;
    feeder->deploy(d, text.data, text.len);
    return SKF_WAIT;
}

static enum skf_next await_new_kinds(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    f->abort = abort_claim;
    return claim_new_kinds(e, on_claim) ? SKF_WAIT : SKF_NEXT;
}

static enum skf_next apply_later(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    if (!e->later.n)
        return SKF_NEXT;
    skf_objects_release(&e->changed);
    e->changed = e->later;
    e->later = (struct skf_objects){ 0 };
    return apply(f);
}

static void on_pruned(struct skf_engine *e)
{
    skf_flow_resume(&e->deploying_flow, NULL);
}

static enum skf_next prune(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    e->applied_us = skf_clock_us();
    e->ledger.us[SKF_LEDGER_APPLY] = e->applied_us - e->built_us;
    if (e->brought.n) {
        skf_objects_copy(&e->rendered.objects, &e->standing);
        skf_objects_copy(&e->brought, &e->standing);
    }
    if (e->acted)
        engine_emit(e, SKF_EV_DEPLOY_DONE, NULL, NULL);
    f->abort = abort_nothing;
    if (clean_prune(e, on_pruned)) {
        e->acted = true;
        return SKF_WAIT;
    }
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "checking the cluster", check_cluster },
    { "rendering", hydrate },
    { "looking at what is there", claim },
    { "comparing", compare },
    { "pre-deploy hooks", before_apply },
    { "rehearsing", rehearse },
    { "deploying", bring },
    { "applying", apply },
    { "waiting for new kinds", await_new_kinds },
    { "applying", apply_later },
    { "removing", prune },
    { 0 },
};

static void fail_deploy(struct skf_engine *e, const struct skf_err *err)
{
    e->deploy_failed = !engine_newer_comes(e);
    deploy_unprepare(e);
    engine_emit_err(e, SKF_EV_DEPLOY_FAILED, NULL, err);
    engine_fail(e, SKF_STAGE_DEPLOY, err);
    engine_loop_end(e, false);
}

static void on_deployed(struct skf_flow *f)
{
    struct skf_engine *e = engine_of(f);
    e->deploying = false;
    if (f->err.code && f->err.code != SKF_ECANCELED) {
        fail_deploy(e, &f->err);
    } else if (e->phase == ENGINE_RUNNING && !f->err.code) {
        if (!e->acted)
            engine_emit(e, SKF_EV_DEPLOY_NOTHING, NULL, NULL);
        if (e->acted || !serve_was_ready(e)) {
            serve_applied(e);
        } else {
            serve_ports(e); /* another skaffold.yaml may want others of what stands */
            engine_loop_end(e, true);
        }
    }
    engine_pump(e);
}

void deploy_start(struct skf_engine *e)
{
    e->sources_changed = e->manifests_dirty;
    e->deploy_due = e->manifests_dirty = false;
    e->watch_dirty = e->opts.dev;
    e->acted = false;
    e->deploying = true;
    skf_flow_start(e->services.loop, &e->deploying_flow, steps, on_deployed);
}

void deploy_pre_empt(struct skf_engine *e)
{
    if (!e->deploying || e->removing)
        return;
    e->manifests_dirty = e->manifests_dirty || e->sources_changed;
    skf_flow_cancel(&e->deploying_flow);
}

void deploy_stop(struct skf_engine *e)
{
    deploy_unprepare(e);
    if (e->deploying && !e->applying && !e->removing)
        skf_flow_cancel(&e->deploying_flow);
}

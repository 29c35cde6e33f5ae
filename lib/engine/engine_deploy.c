/* happy path: render (files are small) -> what differs from what is applied -> kubectl, perhaps
 * already waiting -> remember -> serve. failures:   an event; nothing is remembered, so that the
 * next try applies all of it again. on cancel:  applying is short and is left to end, so that
 * nothing is half applied. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/kube/service_check.h"

bool deploy_idle(const struct skf_engine *e)
{
    return !e->prepared && !e->applying && !e->removing && !e->kustomizing;
}

static void copy_object(struct skf_objects *to, struct skf_object *o)
{
    const struct skf_objects one = { .v = o, .n = 1 };
    skf_objects_copy(&one, to);
}

/* "deployment.apps/web" as kubectl names an object in its lines. */
static char *kubectl_name(const struct skf_object *o)
{
    const char *slash = strchr(o->api_version, '/');
    skf_autofree char *group =
        slash ? skf_xstrndup(o->api_version, (size_t)(slash - o->api_version)) : skf_xstrdup("");
    char *name = skf_xasprintf("%s%s%s/%s", o->kind, group[0] ? "." : "", group, o->name);
    for (char *p = name; *p && *p != '.' && *p != '/'; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

static bool same_object(struct skf_engine *e, const struct skf_object *a,
                        const struct skf_object *b)
{
    skf_autofree char *key_a = skf_object_key(a, engine_namespace(e));
    skf_autofree char *key_b = skf_object_key(b, engine_namespace(e));
    return strcmp(key_a, key_b) == 0;
}

static bool has_object(struct skf_engine *e, const struct skf_objects *list,
                       const struct skf_object *o)
{
    for (size_t i = 0; i < list->n; i++)
        if (same_object(e, &list->v[i], o))
            return true;
    return false;
}

/* "deployment.apps/web created": ours to remove at the end. */
static void note_created(struct skf_engine *e, const char *line)
{
    const char *space = strchr(line, ' ');
    if (!space || strcmp(space, " created") != 0)
        return;
    skf_autofree char *said = skf_xstrndup(line, (size_t)(space - line));
    for (size_t i = 0; i < e->changed.n; i++) {
        struct skf_object *o = &e->changed.v[i];
        skf_autofree char *name = kubectl_name(o);
        if (strcmp(name, said) == 0 && !has_object(e, &e->created, o)) {
            copy_object(&e->created, o);
            return;
        }
    }
}

static void on_apply_line(struct skf_deploy *d, const char *line)
{
    struct skf_engine *e = d->data;
    note_created(e, line);
    engine_emit(e, SKF_EV_DEPLOY_LINE, NULL, line);
}

static void on_applied(struct skf_deploy *d, const struct skf_err *err);

/* One kubectl at a time: only when nothing of it runs. */
static void fill_deploy(struct skf_engine *e)
{
    memset(&e->deploy, 0, sizeof e->deploy);
    e->deploy.services = &e->services;
    e->deploy.kube = e->opts.kube;
    e->deploy.module = &e->plan.config.modules[0];
    e->deploy.kubectl = e->opts.kubectl;
    e->deploy.kubeconfig = e->opts.kubeconfig;
    e->deploy.namespace_ = e->opts.namespace_;
    e->deploy.force = e->opts.force;
    e->deploy.data = e;
    e->deploy.on_line = on_apply_line;
    e->deploy.done = on_applied;
}

void deploy_prepare(struct skf_engine *e)
{
    if (!deploy_idle(e) || !e->opts.deployer->prepare)
        return;
    fill_deploy(e);
    e->prepared = true;
    e->opts.deployer->prepare(&e->deploy);
}

void deploy_unprepare(struct skf_engine *e)
{
    if (e->prepared && !e->applying && !e->opts.deployer->cancel(&e->deploy))
        e->prepared = false;
}

static void fail_deploy(struct skf_engine *e, const struct skf_err *err)
{
    e->deploy_failed = true;
    deploy_unprepare(e);
    engine_emit_err(e, SKF_EV_DEPLOY_FAILED, NULL, err);
    engine_fail(e, SKF_STAGE_DEPLOY, err);
    engine_loop_end(e, false);
}

static void on_pruned(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    e->removing = false;
    if (err)
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, err);
    else
        skf_applied_drop(&e->applied, &e->left, engine_namespace(e));
    if (e->phase == ENGINE_RUNNING)
        serve_applied(e);
    engine_pump(e);
}

static void on_prune_line(struct skf_deploy *d, const char *line)
{
    engine_emit(d->data, SKF_EV_DEPLOY_LINE, NULL, line);
}

/* Objects that have left the manifests go, if this session made them. */
static bool prune(struct skf_engine *e)
{
    struct skf_objects ours = { 0 };
    for (size_t i = 0; i < e->left.n; i++)
        if (has_object(e, &e->created, &e->left.v[i]))
            copy_object(&ours, &e->left.v[i]);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_manifest_join(&ours, &text);
    bool any = ours.n > 0;
    skf_objects_release(&ours);
    if (!any)
        return false;
    fill_deploy(e);
    e->deploy.on_line = on_prune_line;
    e->deploy.done = on_pruned;
    e->removing = true;
    e->opts.deployer->remove(&e->deploy, text.data, text.len);
    return true;
}

static void on_applied(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    bool was_prepared_only = e->prepared && !e->applying;
    e->prepared = e->applying = false;
    if (was_prepared_only) {
        engine_pump(e);
        return;
    }
    if (err) {
        fail_deploy(e, err);
    } else {
        skf_applied_put(&e->applied, &e->changed, engine_namespace(e));
        e->applied_us = skf_clock_us();
        e->ledger.us[SKF_LEDGER_APPLY] = e->applied_us - e->built_us;
        engine_emit(e, SKF_EV_DEPLOY_DONE, NULL, NULL);
        if (e->phase == ENGINE_RUNNING && !prune(e))
            serve_applied(e);
    }
    engine_pump(e);
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

static int render(struct skf_engine *e, struct skf_err *err)
{
    skf_autofree const char **references = skf_xcalloc(e->n_units, sizeof *references);
    for (size_t i = 0; i < e->n_units; i++)
        references[i] = e->units[i].deployed;
    struct skf_render_request req = { .plan = &e->plan,
                                      .references = references,
                                      .kustomized = &e->kustomize.objects,
                                      .namespace_ = e->opts.namespace_,
                                      .deployed = true };
    struct skf_rendered r;
    int rc = skf_render(&req, &r, err);
    if (rc < 0)
        return rc;
    skf_rendered_release(&e->rendered);
    e->rendered = r;
    for (size_t i = 0; i < r.unused.n; i++) {
        if (skf_map_put(&e->warned, r.unused.v[i], e))
            continue;
        skf_autofree char *text =
            skf_xasprintf("image '%s' is built, and no manifest names it", r.unused.v[i]);
        engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
    for (size_t i = 0; i < r.notes.n; i++)
        engine_emit(e, SKF_EV_WARNING, NULL, r.notes.v[i]);
    warn_of_services(e);
    return 0;
}

static void render_and_apply(struct skf_engine *e);

static void on_kustomized(struct skf_kustomize *k, const struct skf_err *err)
{
    struct skf_engine *e = k->data;
    e->kustomizing = false;
    if (e->phase == ENGINE_RUNNING && err)
        fail_deploy(e, err);
    else if (e->phase == ENGINE_RUNNING)
        render_and_apply(e);
    engine_pump(e);
}

/* kubectl reads the kubeconfig anew for each apply: the context must still mean the cluster that it
 * meant when the session began. */
static int check_same_cluster(struct skf_engine *e, struct skf_err *err)
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

/* kustomize runs when something that it reads has changed; a new image alone needs only a new
 * render. */
void deploy_start(struct skf_engine *e)
{
    bool again = e->manifests_dirty;
    e->deploy_due = e->manifests_dirty = false;
    e->watch_dirty = e->opts.dev;
    if (!again || !skf_kustomize_needed(&e->plan.config, true)) {
        render_and_apply(e);
        return;
    }
    skf_objects_release(&e->kustomize.objects);
    e->kustomize = (struct skf_kustomize){ .config = &e->plan.config,
                                           .kubectl = e->opts.kubectl,
                                           .deployed = true,
                                           .data = e,
                                           .done = on_kustomized };
    e->kustomizing = true;
    skf_kustomize_start(e->services.loop, &e->kustomize);
}

static void render_and_apply(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    int rc = check_same_cluster(e, &err);
    if (rc == 0)
        rc = render(e, &err);
    if (rc == 0 && !e->rendered.objects.n)
        rc = skf_err_set(&err, SKF_ENOTFOUND,
                         "nothing to deploy: no manifest was found; name them "
                         "in manifests.rawYaml or deploy.kubectl.manifests");
    if (rc < 0) {
        fail_deploy(e, &err);
        return;
    }
    skf_objects_sort(&e->rendered.objects);
    skf_objects_release(&e->changed);
    skf_objects_release(&e->left);
    skf_applied_diff(&e->applied, &e->rendered.objects, engine_namespace(e), &e->changed, &e->left);
    if (!e->changed.n) {
        deploy_unprepare(e);
        e->applied_us = skf_clock_us();
        e->ledger.us[SKF_LEDGER_APPLY] = e->applied_us - e->built_us;
        if (prune(e))
            return;
        engine_emit(e, SKF_EV_DEPLOY_NOTHING, NULL, NULL);
        if (serve_was_ready(e))
            engine_loop_end(e, true);
        else
            serve_applied(e);
        return;
    }
    engine_emit_number(e, SKF_EV_DEPLOY_STARTED, NULL, NULL, (long long)e->changed.n);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_manifest_join(&e->changed, &text);
    if (!e->prepared)
        fill_deploy(e);
    e->applying = true;
    e->apply_began_wall_ms = skf_clock_wall_ms();
    e->opts.deployer->deploy(&e->deploy, text.data, text.len);
}

/* --- at the end ------------------------------------------------------------------------------- */

static void on_remove_line(struct skf_deploy *d, const char *line)
{
    engine_emit(d->data, SKF_EV_CLEANUP_LINE, NULL, line);
}

static void on_removed(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    e->removing = false;
    if (err)
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, err);
    skf_objects_release(&e->created);
    engine_pump(e);
}

bool deploy_clean_up(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    if (!e->created.n)
        return false;
    if (check_same_cluster(e, &err) < 0) {
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, &err);
        return false;
    }
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_objects_sort(&e->created);
    skf_objects_reverse(&e->created);
    skf_manifest_join(&e->created, &text);
    fill_deploy(e);
    e->deploy.on_line = on_remove_line;
    e->deploy.done = on_removed;
    e->removing = true;
    engine_emit(e, SKF_EV_CLEANUP_STARTED, NULL, NULL);
    e->opts.deployer->remove(&e->deploy, text.data, text.len);
    return true;
}

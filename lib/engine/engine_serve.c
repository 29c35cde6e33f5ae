/* What comes after apply. happy path: a rollout waits for the workloads that were applied; logs and
 *             port-forwards follow the new pods; the loop ends when all of them are ready.
 * failures:   the verdict of the rollout is an event; dev goes on, a single pass ends with it.
 * on cancel:  a newer save stops the waiting only; logs and ports stay. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/engine/engine_impl.h"
#include "lib/kube/logs.h"
#include "lib/kube/manifest_debug.h"
#include "lib/kube/portfwd.h"
#include "lib/kube/rollout.h"

/* What passes within this time needs no line. */
enum { CALM_MS = 3000 };

struct skf_serve {
    struct skf_engine *engine;
    struct skf_rollout rollout;
    bool waiting;    /* for all to be ready */
    bool watching;   /* they were: dev goes on to look after them */
    bool look_again; /* something newer was applied: when the running look has ended */
    bool was_ready;
    int64_t hooks_loop_us; /* noticed_us of the loop whose last hooks run */
    struct skf_defer calm; /* until then only good news is told */
    bool calm_runs;
    struct skf_logs logs;
    bool tailing, logs_stopping;
    SKF_VEC(struct skf_portfwd *) forwards;
    size_t forwards_open;
    bool forwards_stopping;
};

static void on_calm_closed(struct skf_defer *d);
static void on_logs_done(struct skf_logs *l);
static void on_forward_done(struct skf_portfwd *f);

void serve_init(struct skf_engine *e)
{
    e->serve = skf_xcalloc(1, sizeof *e->serve);
    e->serve->engine = e;
}

void serve_free(struct skf_engine *e)
{
    for (size_t i = 0; i < e->serve->forwards.n; i++) {
        skf_portfwd_release(e->serve->forwards.v[i]);
        free(e->serve->forwards.v[i]);
    }
    skf_vec_release(&e->serve->forwards);
    free(e->serve);
    e->serve = NULL;
}

bool serve_waiting(const struct skf_engine *e)
{
    return e->serve->waiting;
}

bool serve_was_ready(const struct skf_engine *e)
{
    return e->serve->was_ready;
}

static bool looking(const struct skf_engine *e)
{
    return e->serve->waiting || e->serve->watching;
}

bool serve_idle(const struct skf_engine *e)
{
    const struct skf_serve *s = e->serve;
    return !looking(e) && !s->calm_runs && !s->tailing && !s->forwards_open;
}

void serve_stop_waiting(struct skf_engine *e)
{
    e->serve->look_again = false;
    if (e->serve->waiting)
        skf_rollout_cancel(&e->serve->rollout);
}

static void stop_looking(struct skf_engine *e)
{
    if (looking(e))
        skf_rollout_cancel(&e->serve->rollout);
}

void serve_stop(struct skf_engine *e)
{
    stop_looking(e);
    if (e->serve->calm_runs)
        skf_defer_cancel(&e->serve->calm, on_calm_closed);
    if (e->serve->tailing && !e->serve->logs_stopping) {
        e->serve->logs_stopping = true;
        skf_logs_stop(&e->serve->logs, on_logs_done);
    }
    if (!e->serve->forwards_stopping) {
        e->serve->forwards_stopping = true;
        for (size_t i = 0; i < e->serve->forwards.n; i++)
            skf_portfwd_stop(e->serve->forwards.v[i], on_forward_done);
    }
}

bool serve_wants_to_stay(const struct skf_engine *e)
{
    return e->serve->tailing || e->serve->forwards_open;
}

/* --- logs ------------------------------------------------------------------------------------- */

/* logs.jsonParse: "f1: v1, f2: v2" of a line that is a JSON object; NULL = show the line as it is.
 */
static char *json_fields(const struct skf_engine *e, const struct skf_log_line *line)
{
    const struct skf_strings *fields =
        e->plan.config.n_modules ? &e->plan.config.modules[0].log_json_fields : NULL;
    if (!fields || !fields->n || line->text[0] != '{')
        return NULL;
    json_t *doc = json_loadb(line->text, line->len, JSON_REJECT_DUPLICATES, NULL);
    struct skf_buf out = SKF_BUF_INIT;
    for (size_t i = 0; doc && i < fields->n; i++) {
        const json_t *value = json_object_get(doc, fields->v[i]);
        if (!value)
            continue;
        char *text = json_is_string(value) ? skf_xstrdup(json_string_value(value))
                                           : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        skf_buf_addf(&out, "%s%s: %s", out.len ? ", " : "", fields->v[i], text);
        free(text);
    }
    json_decref(doc);
    return out.len ? skf_buf_take(&out) : NULL;
}

static void on_log_line(struct skf_logs *l, const struct skf_log_line *line)
{
    struct skf_engine *e = l->data;
    /* The module that owns the image decides, and one is enough to look at. */
    const char *style = e->plan.config.n_modules ? e->plan.config.modules[0].log_prefix : NULL;
    skf_autofree char *prefix = skf_log_prefix(style, line);
    skf_autofree char *fields = json_fields(e, line);
    engine_emit(e, SKF_EV_LOG, prefix, fields ? fields : line->text);
}

static void on_log_notice(struct skf_logs *l, const char *text)
{
    engine_emit(l->data, SKF_EV_WARNING, NULL, text);
}

static void on_logs_done(struct skf_logs *l)
{
    struct skf_engine *e = l->data;
    e->serve->tailing = false;
    skf_logs_release(l);
    engine_pump(e);
}

/* The pods that run what we built, wherever the manifests put them. */
static void follow_logs(struct skf_engine *e)
{
    struct skf_serve *s = e->serve;
    if (!e->opts.tail || !e->api)
        return;
    if (!s->tailing) {
        skf_logs_init(&s->logs);
        s->logs.data = e;
        s->logs.on_line = on_log_line;
        s->logs.on_notice = on_log_notice;
        s->tailing = true;
        skf_logs_start(e->api, &s->logs, e->apply_began_wall_ms);
    }
    const struct skf_objects *objects = deploy_objects(e);
    for (size_t i = 0; i < objects->n; i++) {
        const char *own = objects->v[i].namespace_;
        for (size_t j = 0; j < e->n_units; j++)
            if (e->units[j].deployed)
                skf_logs_follow_image(&s->logs, own ? own : engine_namespace(e),
                                      e->units[j].deployed);
    }
}

/* --- port-forwards ---------------------------------------------------------------------------- */

static void on_forward_event(struct skf_portfwd *f, enum skf_portfwd_event event, const char *text)
{
    if (event != SKF_PORTFWD_TROUBLE)
        return; /* that a new pod takes over is what a forward is for */
    skf_autofree char *said = skf_xasprintf("port %u: %s", f->local_port, text);
    engine_emit(f->data, SKF_EV_NOTE, NULL, said);
}

static void on_forward_done(struct skf_portfwd *f)
{
    struct skf_engine *e = f->data;
    e->serve->forwards_open--;
    engine_pump(e);
}

/* One that the configuration no longer wants, while the session goes on. */
static void on_forward_dropped(struct skf_portfwd *f)
{
    struct skf_engine *e = f->data;
    struct skf_serve *s = e->serve;
    for (size_t i = 0; i < s->forwards.n; i++)
        if (s->forwards.v[i] == f)
            s->forwards.v[i] = s->forwards.v[--s->forwards.n];
    s->forwards_open--;
    skf_portfwd_release(f);
    free(f);
    engine_pump(e);
}

/* "deployment" in the file, "Deployment" in the API. */
static const char *api_kind(const char *type)
{
    static const char *const kinds[] = { "Service",    "Deployment", "StatefulSet", "DaemonSet",
                                         "ReplicaSet", "Job",        "Pod" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(kinds); i++)
        if (strcasecmp(type, kinds[i]) == 0)
            return kinds[i];
    return type; /* refused by name when it starts */
}

static void tell_forward(struct skf_engine *e, const struct skf_portfwd *f)
{
    bool v6 = strchr(f->address, ':') != NULL;
    skf_autofree char *shown = skf_xstrdup(f->kind);
    for (char *p = shown; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    skf_autofree char *text = skf_xasprintf(
        "Port forwarding %s/%s in namespace %s, remote port %s -> http://%s%s%s:%u", shown, f->name,
        f->namespace_, f->port, v6 ? "[" : "", f->address, v6 ? "]" : "", f->local_port);
    engine_emit(e, SKF_EV_FORWARDED, NULL, text);
    if (!f->asked_port || f->asked_port == f->local_port)
        return;
    skf_autofree char *taken = skf_xasprintf("local port %u is taken: %s/%s is at %u instead",
                                             f->asked_port, shown, f->name, f->local_port);
    engine_emit(e, SKF_EV_WARNING, NULL, taken);
}

/* One port that should lead to `port` of an object; the strings are owned. */
struct wish {
    char *kind, *namespace_, *name, *port, *address;
    unsigned local_port; /* 0 = any */
};

struct wishes {
    SKF_VEC(struct wish) list;
};

static void wishes_release(struct wishes *w)
{
    for (size_t i = 0; i < w->list.n; i++) {
        char *owned[] = { w->list.v[i].kind, w->list.v[i].namespace_, w->list.v[i].name,
                          w->list.v[i].port, w->list.v[i].address };
        for (size_t k = 0; k < SKF_ARRAY_LEN(owned); k++)
            free(owned[k]);
    }
    skf_vec_release(&w->list);
}

/* The first wish for a port of an object counts. */
static void want(struct wishes *w, const char *kind, const char *namespace_, const char *name,
                 const char *port, const char *address, unsigned local_port)
{
    for (size_t i = 0; i < w->list.n; i++) {
        const struct wish *had = &w->list.v[i];
        if (strcasecmp(had->kind, kind) == 0 && strcmp(had->namespace_, namespace_) == 0 &&
            strcmp(had->name, name) == 0 && strcmp(had->port, port) == 0)
            return;
    }
    const struct wish made = { .kind = skf_xstrdup(api_kind(kind)),
                               .namespace_ = skf_xstrdup(namespace_),
                               .name = skf_xstrdup(name),
                               .port = skf_xstrdup(port),
                               .address = skf_xstrdup(address ? address : "127.0.0.1"),
                               .local_port = local_port };
    skf_vec_push(&w->list, made);
}

static bool fulfils(const struct skf_portfwd *f, const struct wish *w)
{
    return !f->done && strcmp(f->kind, w->kind) == 0 && strcmp(f->namespace_, w->namespace_) == 0 &&
           strcmp(f->name, w->name) == 0 && strcmp(f->port, w->port) == 0 &&
           strcmp(f->address, w->address) == 0 && f->wanted == w->local_port;
}

static void forward(struct skf_engine *e, const struct wish *w)
{
    struct skf_serve *s = e->serve;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_portfwd *f = skf_xcalloc(1, sizeof *f);
    skf_portfwd_init(f);
    f->kind = skf_xstrdup(w->kind);
    f->namespace_ = skf_xstrdup(w->namespace_);
    f->name = skf_xstrdup(w->name);
    f->port = skf_xstrdup(w->port);
    f->address = skf_xstrdup(w->address);
    f->wanted = w->local_port;
    f->data = e;
    f->on_event = on_forward_event;
    if (skf_portfwd_start(e->api, f, &err) < 0) {
        skf_err_wrap(&err, "cannot forward a port to %s '%s'", w->kind, w->name);
        if (!skf_map_put(&e->warned, err.msg, e))
            engine_emit(e, SKF_EV_WARNING, NULL, err.msg);
        skf_portfwd_release(f);
        free(f);
        return;
    }
    s->forwards_open++;
    skf_vec_push(&s->forwards, f);
    tell_forward(e, f);
}

/* Those that nobody wants any more go first: a local port may have changed hands. */
static void fulfil(struct skf_engine *e, const struct wishes *w)
{
    struct skf_serve *s = e->serve;
    for (size_t i = 0; i < s->forwards.n; i++) {
        bool wanted = s->forwards.v[i]->done != NULL;
        for (size_t k = 0; k < w->list.n && !wanted; k++)
            wanted = fulfils(s->forwards.v[i], &w->list.v[k]);
        if (!wanted)
            skf_portfwd_stop(s->forwards.v[i], on_forward_dropped);
    }
    for (size_t k = 0; k < w->list.n; k++) {
        bool has = false;
        for (size_t i = 0; i < s->forwards.n && !has; i++)
            has = fulfils(s->forwards.v[i], &w->list.v[k]);
        if (!has)
            forward(e, &w->list.v[k]);
    }
}

/* Where the object is that a portForward entry names without its namespace: as deployed, else the
 * one namespace that all of this uses. NULL: several would do. */
static const char *namespace_of(const struct skf_engine *e, const char *kind, const char *name)
{
    const struct skf_objects *objects = deploy_objects(e);
    const char *only = NULL;
    bool several = false;
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        const char *own = o->namespace_ ? o->namespace_ : engine_namespace(e);
        if (strcasecmp(o->kind, kind) == 0 && strcmp(o->name, name) == 0)
            return own;
        several = several || (only && strcmp(only, own) != 0);
        only = own;
    }
    return several ? NULL : only ? only : engine_namespace(e);
}

static void want_user_defined(struct skf_engine *e, struct wishes *w)
{
    for (size_t i = 0; i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        for (size_t j = 0; j < m->n_port_forwards; j++) {
            const struct skf_port_forward *p = &m->port_forwards[j];
            const char *ns =
                p->namespace_ ? p->namespace_ : namespace_of(e, p->resource_type, p->resource_name);
            if (ns) {
                want(w, p->resource_type, ns, p->resource_name, p->port, p->address,
                     (unsigned)p->local_port);
                continue;
            }
            skf_autofree char *text = skf_xasprintf(
                "no port is forwarded to %s '%s': it is in none of the manifests, which use "
                "several namespaces; name its namespace in portForward[%zu]",
                p->resource_type, p->resource_name, j);
            if (!skf_map_put(&e->warned, text, e))
                engine_emit(e, SKF_EV_WARNING, NULL, text);
        }
    }
}

/* Every port number in a list of a Service's or container's ports. */
static void want_ports_in(struct skf_engine *e, struct wishes *w, const struct skf_object *o,
                          const struct skf_node *ports, const char *key)
{
    const char *namespace_ = o->namespace_ ? o->namespace_ : engine_namespace(e);
    for (size_t i = 0; ports && ports->kind == SKF_SEQUENCE && i < ports->n; i++) {
        const char *port = skf_node_get_str(ports->items[i], key);
        const char *protocol = skf_node_get_str(ports->items[i], "protocol");
        if (port && (!protocol || strcmp(protocol, "TCP") == 0)) /* the API carries nothing else */
            want(w, o->kind, namespace_, o->name, port, NULL, 0);
    }
}

/* --port-forward=services: all ports of the Services that we deploy; =pods: all containerPorts. */
static void want_deployed(struct skf_engine *e, struct wishes *w, bool services, bool pods)
{
    const struct skf_objects *objects = deploy_objects(e);
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        struct skf_doc *doc = NULL;
        struct skf_err ignored = SKF_ERR_INIT;
        if (skf_doc_parse(o->file, o->text, strlen(o->text), &doc, &ignored) < 0)
            continue;
        const struct skf_node *root = doc->n_parts ? doc->parts[0].root : NULL;
        if (services && strcmp(o->kind, "Service") == 0)
            want_ports_in(e, w, o, skf_node_find(root, "spec", "ports", NULL), "port");
        const struct skf_node *spec = strcmp(o->kind, "Pod") == 0
                                          ? skf_node_get(root, "spec")
                                          : skf_node_find(root, "spec", "template", "spec", NULL);
        const struct skf_node *containers = skf_node_get(spec, "containers");
        for (size_t j = 0; pods && containers && j < containers->n; j++)
            want_ports_in(e, w, o, skf_node_get(skf_node_item(containers, j), "ports"),
                          "containerPort");
        skf_doc_free(doc);
    }
}

/* --port-forward=debug: the debuggers. */
static void want_debuggers(struct skf_engine *e, struct wishes *w)
{
    const struct skf_objects *objects = deploy_objects(e);
    char port[16];
    for (size_t i = 0; i < e->n_units; i++) {
        const struct skf_builder_ops *builder = e->units[i].planned->builder;
        snprintf(port, sizeof port, "%u", builder->debug_port);
        for (size_t k = 0; builder->debug_port && e->units[i].deployed && k < objects->n; k++) {
            const struct skf_object *o = &objects->v[k];
            if (skf_object_runs(o, e->units[i].deployed))
                want(w, o->kind, o->namespace_ ? o->namespace_ : engine_namespace(e), o->name, port,
                     NULL, builder->debug_port);
        }
    }
}

void serve_ports(struct skf_engine *e)
{
    const struct skf_strv *modes = e->opts.port_forward;
    struct wishes w = { 0 };
    if (!modes || !e->api || skf_strv_has(modes, "off"))
        return;
    if (skf_strv_has(modes, "user"))
        want_user_defined(e, &w);
    if (e->opts.debug && skf_strv_has(modes, "debug"))
        want_debuggers(e, &w);
    want_deployed(e, &w, skf_strv_has(modes, "services"), skf_strv_has(modes, "pods"));
    fulfil(e, &w);
    wishes_release(&w);
}

/* --- the rollout ------------------------------------------------------------------------------ */

static void tell_workload(struct skf_engine *e, const struct skf_workload *w)
{
    skf_autofree char *kind = skf_xstrdup(w->kind);
    for (char *p = kind; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    skf_autofree char *text =
        w->ready ? skf_xasprintf("%s/%s is ready.", kind, w->name)
                 : skf_xasprintf("%s/%s: %s", kind, w->name, w->progress ? w->progress : "waiting");
    engine_emit(e, SKF_EV_STATUS_LINE, NULL, text);
}

static void on_progress(struct skf_rollout *r, const struct skf_workload *w)
{
    struct skf_engine *e = r->data;
    if (w->ready || !e->serve->calm_runs)
        tell_workload(e, w);
}

static void on_calm_over(struct skf_defer *d)
{
    struct skf_serve *s = SKF_CONTAINER_OF(d, struct skf_serve, calm);
    struct skf_judge *judge = s->rollout.judge;
    s->calm_runs = false;
    for (size_t i = 0; s->waiting && judge && i < skf_judge_count(judge); i++)
        if (!skf_judge_workload(judge, i)->ready)
            tell_workload(s->engine, skf_judge_workload(judge, i));
    engine_pump(s->engine);
}

static void on_calm_closed(struct skf_defer *d)
{
    struct skf_serve *s = SKF_CONTAINER_OF(d, struct skf_serve, calm);
    s->calm_runs = false;
    engine_pump(s->engine);
}

static void be_calm(struct skf_serve *s)
{
    if (s->calm_runs) { /* the last loop was a moment ago */
        skf_defer_restart(&s->calm, CALM_MS);
        return;
    }
    s->calm_runs = true;
    skf_defer_start(s->engine->services.loop, &s->calm, CALM_MS, on_calm_over);
}

static void on_trouble(struct skf_rollout *r, const struct skf_finding *f)
{
    struct skf_engine *e = r->data;
    skf_autobuf struct skf_buf line = SKF_BUF_INIT;
    skf_finding_line(f, &line);
    engine_emit(e, e->serve->watching ? SKF_EV_WARNING : SKF_EV_STATUS_LINE, NULL, line.data);
}

/* --- what comes last -------------------------------------------------------------------------- */

static void on_hooks(struct skf_engine *e, const struct skf_err *err)
{
    struct skf_serve *s = e->serve;
    if (err && err->code != SKF_ECANCELED) {
        engine_emit_err(e, SKF_EV_HOOKS_FAILED, NULL, err);
        engine_fail(e, SKF_STAGE_DEPLOY, err);
    }
    if (s->hooks_loop_us == e->noticed_us) /* else a newer save has begun a loop of its own */
        engine_loop_end(e, !err);
    engine_pump(e);
}

static void finish(struct skf_engine *e)
{
    e->serve->hooks_loop_us = e->noticed_us;
    if (!e->acted || !hooks_run(e, HOOKS_POST_DEPLOY, on_hooks))
        engine_loop_end(e, true);
}

static void on_unreached(struct skf_rollout *r, const char *text)
{
    engine_emit(r->data, SKF_EV_WARNING, NULL, text);
}

static void tell_ready(struct skf_engine *e)
{
    int64_t took_us = skf_clock_us() - e->applied_us;
    struct skf_event ev = { .kind = SKF_EV_STATUS_READY, .us = took_us };
    e->ledger.us[SKF_LEDGER_READY] = took_us;
    engine_emit_event(e, &ev);
}

/* dev: from here on it is looked after, until something newer is deployed. */
static void on_ready(struct skf_rollout *r)
{
    struct skf_engine *e = r->data;
    e->serve->waiting = false;
    e->serve->watching = true;
    e->serve->was_ready = true;
    tell_ready(e);
    finish(e);
    engine_pump(e);
}

static void start_rollout(struct skf_engine *e);

static void on_rolled_out(struct skf_rollout *r, const struct skf_err *err)
{
    struct skf_engine *e = r->data;
    struct skf_serve *s = e->serve;
    bool was_watching = s->watching, again = s->look_again && e->phase == ENGINE_RUNNING;
    s->waiting = again;
    s->watching = s->look_again = false;
    if (again) {
        skf_rollout_release(r);
        start_rollout(e);
        return;
    }
    if (!was_watching)
        s->was_ready = !err;
    if (!err) {
        tell_ready(e);
        finish(e);
    } else if (err->code != SKF_ECANCELED && !was_watching) {
        engine_emit_err(e, SKF_EV_STATUS_FAILED, NULL, err);
        engine_fail(e, SKF_STAGE_STATUS, err);
        engine_loop_end(e, false);
    }
    skf_rollout_release(r);
    engine_pump(e);
}

static bool checks_status(const struct skf_engine *e)
{
    if (e->opts.status_check != SKF_UNSET)
        return e->opts.status_check == SKF_YES;
    for (size_t i = 0; i < e->plan.config.n_modules; i++)
        if (e->plan.config.modules[i].status_check == SKF_NO)
            return false;
    return true;
}

static bool tolerates_failures(const struct skf_engine *e)
{
    if (e->opts.tolerate_failures != SKF_UNSET)
        return e->opts.tolerate_failures == SKF_YES;
    for (size_t i = 0; i < e->plan.config.n_modules; i++)
        if (e->plan.config.modules[i].tolerate_failures)
            return true;
    return false;
}

static unsigned deadline_ms(const struct skf_engine *e)
{
    int longest = 0;
    for (size_t i = 0; i < e->plan.config.n_modules; i++)
        if (e->plan.config.modules[i].status_deadline_s > longest)
            longest = e->plan.config.modules[i].status_deadline_s;
    return (unsigned)(longest ? longest : 600) * 1000;
}

static void start_rollout(struct skf_engine *e)
{
    struct skf_rollout *r = &e->serve->rollout;
    skf_rollout_init(r, engine_namespace(e));
    r->deadline_ms = deadline_ms(e);
    /* One pass has one chance to tell a program that ends in its first second; dev watches on. */
    r->settle_ms = e->opts.dev ? 0 : SKF_ROLLOUT_SETTLE_MS;
    r->tolerate_failures = tolerates_failures(e);
    r->stay = e->opts.dev;
    r->data = e;
    r->on_ready = on_ready;
    r->on_progress = on_progress;
    r->on_trouble = on_trouble;
    r->on_unreached = on_unreached;
    skf_rollout_add_objects(r, deploy_objects(e), engine_namespace(e));
    be_calm(e->serve);
    engine_emit(e, SKF_EV_STATUS_STARTED, NULL, NULL);
    skf_rollout_start(e->api, r, on_rolled_out);
}

void serve_applied(struct skf_engine *e)
{
    struct skf_serve *s = e->serve;
    follow_logs(e);
    serve_ports(e);
    s->was_ready = !checks_status(e);
    if (!checks_status(e)) {
        finish(e);
        return;
    }
    s->waiting = true;
    if (!s->watching) {
        start_rollout(e);
        return;
    }
    s->watching = false;
    s->look_again = true;
    skf_rollout_cancel(&s->rollout);
}

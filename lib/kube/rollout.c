/* happy path: one watch for each (kind, namespace) that matters -> events into the judge -> asked
 * once a loop turn -> READY -> watches cancelled -> all closed -> done. failures:   the judge's
 * verdict, after the log it wants was fetched; the deadline; a watch on the workloads that is
 * refused. Pods, ReplicaSets and Events that may not be read are done without: then nothing fails
 * early. on cancel:  as READY, with SKF_ECANCELED. */
#include "lib/kube/rollout.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/place.h"

enum {
    DEADLINE_MS = 600 * 1000,
    LOG_LINES = 60,
    LOG_LIMIT_MS = 5000,
    MAX_LOG = 256 * 1024,
    REACH_TRIES = 4,
    REACH_PAUSE_MS = 1500
};

struct skf_rollout_watch {
    struct skf_rollout *rollout;
    char *kind, *namespace_;
    bool is_workload, running, listed;
    struct skf_kube_watch watch;
};

void skf_rollout_init(struct skf_rollout *r, const char *default_namespace)
{
    memset(r, 0, sizeof *r);
    r->deadline_ms = DEADLINE_MS;
    r->judge = skf_judge_new(default_namespace);
    skf_kube_req_init(&r->log);
    skf_buf_init(&r->log_text);
}

void skf_rollout_release(struct skf_rollout *r)
{
    assert(!r->active);
    for (size_t i = 0; i < r->watches.n; i++) {
        struct skf_rollout_watch *w = r->watches.v[i];
        skf_kube_watch_release(&w->watch);
        free(w->kind);
        free(w->namespace_);
        free(w);
    }
    skf_vec_release(&r->watches);
    for (size_t i = 0; i < r->told.n; i++)
        free(r->told.v[i]);
    skf_vec_release(&r->told);
    skf_judge_free(r->judge);
    r->judge = NULL;
    skf_kube_req_release(&r->log);
    skf_buf_release(&r->log_text);
    skf_replace(&r->told_trouble, NULL);
    skf_strv_release(&r->told_later);
    skf_reach_release(&r->reach);
    skf_objects_release(&r->objects);
    skf_replace(&r->default_namespace, NULL);
    skf_finding_release(&r->finding);
}

bool skf_rollout_add(struct skf_rollout *r, const char *kind, const char *namespace_,
                     const char *name)
{
    if (!skf_judge_add(r->judge, kind, namespace_, name))
        return false;
    skf_vec_push(&r->told, NULL);
    r->total++;
    return true;
}

void skf_rollout_add_objects(struct skf_rollout *r, const struct skf_objects *objects,
                             const char *default_namespace)
{
    static const struct {
        const char *kind, *group;
    } kinds[] = { { "Deployment", "apps/" }, { "StatefulSet", "apps/" }, { "DaemonSet", "apps/" },
                  { "ReplicaSet", "apps/" }, { "Job", "batch/" },        { "Pod", "v1" } };
    skf_objects_copy(objects, &r->objects);
    skf_replace(&r->default_namespace, skf_xstrdup(default_namespace));
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        for (size_t k = 0; k < SKF_ARRAY_LEN(kinds); k++) {
            if (strcmp(o->kind, kinds[k].kind) == 0 && *o->name &&
                strncmp(o->api_version, kinds[k].group, strlen(kinds[k].group)) == 0)
                skf_rollout_add(r, o->kind, o->namespace_ ? o->namespace_ : default_namespace,
                                o->name);
        }
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static void one_closed(struct skf_rollout *r)
{
    if (--r->open > 0)
        return;
    r->active = false;
    r->done(r, r->failure.code ? &r->failure : NULL);
}

static void on_timer_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void end(struct skf_rollout *r)
{
    if (r->ending)
        return;
    r->ending = true;
    for (size_t i = 0; i < r->watches.n; i++) {
        if (r->watches.v[i]->running)
            skf_kube_watch_cancel(&r->watches.v[i]->watch);
    }
    if (r->log_runs)
        skf_kube_req_cancel(&r->log);
    if (r->ports_run)
        skf_ports_cancel(&r->ports);
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    uv_close((uv_handle_t *)&r->deadline, on_timer_closed);
}

static const struct skf_object *object_of(const struct skf_rollout *r, const struct skf_finding *f)
{
    const char *slash = f->about ? strchr(f->about, '/') : NULL;
    for (size_t i = 0; slash && i < r->objects.n; i++) {
        const struct skf_object *o = &r->objects.v[i];
        const char *own = o->namespace_ ? o->namespace_ : r->default_namespace;
        if (strlen(o->kind) == (size_t)(slash - f->about) &&
            strncmp(o->kind, f->about, strlen(o->kind)) == 0 && strcmp(o->name, slash + 1) == 0 &&
            strcmp(own, f->about_namespace) == 0)
            return o;
    }
    return NULL;
}

/* Where the fault stands in the user's files. */
static void place(struct skf_rollout *r)
{
    struct skf_finding *f = &r->finding;
    const struct skf_object *o = f->where ? NULL : object_of(r, f);
    struct skf_doc *doc = NULL;
    const struct skf_node *at =
        o ? skf_place_of(o, f->field ? f->field : "kind", false, &doc) : NULL;
    if (at && at->line)
        f->where = skf_xasprintf("%s:%d:%d", o->file, at->line, at->col);
    skf_doc_free(doc);
}

static void end_with_finding(struct skf_rollout *r)
{
    skf_autobuf struct skf_buf line = SKF_BUF_INIT;
    place(r);
    skf_finding_line(&r->finding, &line);
    skf_err_set(&r->failure, SKF_ESTATUS, "%s", line.data);
    end(r);
}

/* --- decisions -------------------------------------------------------------------------------- */

static void tell_progress(struct skf_rollout *r)
{
    r->ready = 0;
    for (size_t i = 0; i < r->total; i++) {
        const struct skf_workload *w = skf_judge_workload(r->judge, i);
        const char *words = w->ready ? "ready" : w->progress;
        r->ready += w->ready;
        if (r->told.v[i] && strcmp(r->told.v[i], words) == 0)
            continue;
        skf_replace(&r->told.v[i], skf_xstrdup(words));
        if (r->ready_once && !(w->ready && r->sick))
            continue; /* pods come and go */
        if (r->on_progress && !r->ending)
            r->on_progress(r, w);
    }
    if (r->ready == r->total)
        r->sick = false;
}

static void tell_trouble(struct skf_rollout *r)
{
    if (r->finding.cause == SKF_CAUSE_NONE || r->finding.cause == SKF_CAUSE_PENDING ||
        !r->on_trouble)
        return;
    skf_autobuf struct skf_buf line = SKF_BUF_INIT;
    place(r);
    skf_finding_line(&r->finding, &line);
    if (r->told_trouble && strcmp(r->told_trouble, line.data) == 0)
        return;
    skf_replace(&r->told_trouble, skf_buf_take(&line));
    r->on_trouble(r, &r->finding);
}

/* After all were ready: an end of a container at once, everything else when it is final. The same
 * one is told once, however often it comes back. */
static void tell_later(struct skf_rollout *r, bool final)
{
    const struct skf_finding *f = &r->finding;
    bool ended = f->cause == SKF_CAUSE_CRASH || f->cause == SKF_CAUSE_EXIT_0 ||
                 f->cause == SKF_CAUSE_OOM || f->cause == SKF_CAUSE_START;
    if (!r->on_trouble || (!final && !ended))
        return;
    skf_autofree char *key =
        skf_xasprintf("%s/%s/%d/%s", f->object ? f->object : "", f->container ? f->container : "",
                      (int)f->cause, f->last_words ? f->last_words : "");
    if (skf_strv_has(&r->told_later, key))
        return;
    skf_strv_add(&r->told_later, key);
    r->sick = true;
    place(r);
    r->on_trouble(r, f);
}

static void decide(struct skf_rollout *r);
static void give_up(struct skf_rollout *r);

static void on_timer(uv_timer_t *timer)
{
    struct skf_rollout *r = timer->data;
    if (r->late && r->log_runs)
        skf_kube_req_cancel(&r->log); /* comes back as an empty log */
    else
        decide(r);
}

/* Once in a loop turn, however many events came. */
static void decide_soon(struct skf_rollout *r)
{
    if (!r->ending)
        uv_timer_start(&r->timer, on_timer, 0, 0);
}

static void on_log_data(struct skf_kube_req *q, const char *data, size_t len)
{
    struct skf_rollout *r = q->data;
    if (r->log_text.len + len <= MAX_LOG)
        skf_buf_add(&r->log_text, data, len);
}

static void on_log_done(struct skf_kube_req *q, const struct skf_err *err)
{
    struct skf_rollout *r = q->data;
    r->log_runs = false;
    if (!r->ending && r->late) {
        skf_finding_set_log(&r->finding, r->log_text.data, r->log_text.len);
        give_up(r);
    } else if (!r->ending) {
        if (err)
            skf_log_debug("log of %s: %s", r->finding.pod, err->msg);
        skf_judge_log(r->judge, &r->finding, err ? "" : r->log_text.data,
                      err ? 0 : r->log_text.len);
        decide_soon(r);
    }
    one_closed(r);
}

static void ask_log(struct skf_rollout *r)
{
    const struct skf_finding *f = &r->finding;
    skf_autofree char *pod = skf_kube_path("Pod", f->namespace_, f->pod);
    skf_autofree char *container = skf_http_escape(f->container);
    skf_kube_req_release(&r->log);
    skf_kube_req_init(&r->log);
    skf_buf_clear(&r->log_text);
    r->log.data = r;
    r->log.on_data = on_log_data;
    r->log_runs = true;
    r->open++;
    skf_kube_get(r->api, &r->log,
                 skf_xasprintf("%s/log?container=%s&tailLines=%d%s", pod, container, LOG_LINES,
                               f->previous ? "&previous=true" : ""),
                 on_log_done);
}

static void on_ports(struct skf_ports *p, bool looked)
{
    struct skf_rollout *r = p->data;
    r->ports_run = false;
    if (!r->ending && r->late) {
        give_up(r);
    } else if (!r->ending) {
        bool none[SKF_FINDING_PORTS] = { false };
        skf_judge_ports(r->judge, &r->finding, looked ? p->open : none);
        decide_soon(r);
    }
    one_closed(r);
}

static void ask_ports(struct skf_rollout *r)
{
    const struct skf_finding *f = &r->finding;
    r->ports.data = r;
    r->ports_run = true;
    r->open++;
    skf_ports_start(r->api, &r->ports, f->namespace_, f->pod, f->port, f->n_ports, on_ports);
}

/* No verdict on half of what there is to know: the workload's own "failed" may come before the pod
 * that says why, and its "ready" before the pod that has just crashed. */
static bool all_listed(const struct skf_rollout *r)
{
    return r->unlisted == 0;
}

static void first_list(struct skf_rollout_watch *w)
{
    if (!w->listed)
        w->rollout->unlisted--;
    w->listed = true;
}

/* --- who can be reached ------------------------------------------------------------------------
 */

/* The port first, then those that programs listen on when nobody tells them. */
static size_t ports_to_ask(unsigned first, unsigned *out)
{
    static const unsigned usual[] = { 8080, 80, 3000, 5000, 8000, 8081, 8443, 9090, 50051 };
    size_t n = 0;
    out[n++] = first;
    for (size_t i = 0; i < SKF_ARRAY_LEN(usual); i++)
        if (usual[i] != first)
            out[n++] = usual[i];
    return n;
}

static void tell_unreached(struct skf_rollout *r, const struct skf_reach_port *p, unsigned other)
{
    struct skf_doc *doc = NULL;
    const struct skf_node *at = skf_place_of(p->object, p->field, false, &doc);
    skf_autofree char *elsewhere =
        other ? skf_xasprintf("; port %u is open there", other) : skf_xstrdup("");
    skf_autofree char *place =
        at ? skf_xasprintf(" (%s:%d:%d)", p->object->file, at->line, at->col) : skf_xstrdup("");
    skf_autofree char *text =
        skf_xasprintf("service '%s' leads to port %u of container '%s', where nobody listens%s%s",
                      p->service, p->port, p->container, elsewhere, place);
    skf_doc_free(doc);
    r->on_unreached(r, text);
}

static void on_reached(struct skf_ports *ports, bool looked)
{
    struct skf_rollout *r = ports->data;
    const struct skf_reach_port *p = &r->reach.v[r->reach_at];
    r->ports_run = false;
    if (!r->ending) {
        unsigned asked[SKF_FINDING_PORTS], other = 0;
        ports_to_ask(p->port, asked);
        for (size_t i = ports->n - 1; i > 0; i--)
            other = looked && ports->open[i] ? asked[i] : other;
        bool closed = looked && !ports->open[0];
        if (closed && ++r->reach_tries < REACH_TRIES) {
            r->reach_next_ms = skf_clock_ms() + REACH_PAUSE_MS; /* it may only just begin */
        } else {
            r->reach_at++;
            r->reach_tries = 0;
            if (closed)
                tell_unreached(r, p, other);
        }
        decide_soon(r);
    }
    one_closed(r);
}

/* All are ready: do they listen where the Services lead? true: it is being looked at. */
static bool look_whether_reached(struct skf_rollout *r)
{
    if (!r->reach_listed) {
        r->reach_listed = true;
        for (size_t i = 0; r->on_unreached && i < r->total; i++) {
            const json_t *pod = skf_judge_running_pod(r->judge, i);
            if (pod)
                skf_reach_add(&r->reach, &r->objects, r->default_namespace, pod);
        }
    }
    if (r->reach_at >= r->reach.n)
        return false;
    uv_timer_stop(&r->deadline);
    int64_t now = skf_clock_ms();
    if (now < r->reach_next_ms) {
        uv_timer_start(&r->timer, on_timer, (uint64_t)(r->reach_next_ms - now), 0);
        return true;
    }
    const struct skf_reach_port *p = &r->reach.v[r->reach_at];
    unsigned asked[SKF_FINDING_PORTS];
    size_t n = ports_to_ask(p->port, asked);
    if (r->reach_tries + 1 < REACH_TRIES)
        n = 1; /* the others only matter when this one stays closed */
    r->ports.data = r;
    r->ports_run = true;
    r->open++;
    skf_ports_start(r->api, &r->ports, p->namespace_, p->pod, asked, n, on_reached);
    return true;
}

static void become_ready(struct skf_rollout *r)
{
    if (!r->stay) {
        if (!look_whether_reached(r))
            end(r);
    } else if (!r->ready_once) {
        r->ready_once = true;
        uv_timer_stop(&r->deadline);
        skf_judge_watch_on(r->judge);
        decide_soon(r);
        r->on_ready(r);
    } else {
        tell_later(r, false);
        look_whether_reached(r);
    }
}

static void fail(struct skf_rollout *r)
{
    if (r->ready_once)
        tell_later(r, true);
    else if (r->tolerate_failures)
        tell_trouble(r);
    else
        end_with_finding(r);
}

static void decide(struct skf_rollout *r)
{
    unsigned recheck_ms;
    if (!all_listed(r) || r->ending || r->log_runs || r->ports_run || r->late)
        return;
    skf_judge_set_clock(r->judge, skf_clock_wall_ms() + skf_kube_api_skew_ms(r->api));
    enum skf_verdict verdict = skf_judge_decide(r->judge, skf_clock_ms(), &r->finding, &recheck_ms);
    tell_progress(r);
    if (r->ending)
        return; /* cancelled by the callback */
    switch (verdict) {
    case SKF_VERDICT_READY:
        become_ready(r);
        break;
    case SKF_VERDICT_FAILED:
        fail(r);
        break;
    case SKF_VERDICT_ASK_LOG:
        ask_log(r);
        break;
    case SKF_VERDICT_ASK_PORTS:
        ask_ports(r);
        break;
    case SKF_VERDICT_PENDING:
        if (r->ready_once)
            tell_later(r, false);
        else
            tell_trouble(r);
        break;
    }
    if (recheck_ms && !r->ending && !r->log_runs && !r->ports_run)
        uv_timer_start(&r->timer, on_timer, recheck_ms, 0);
}

static void name_unready(struct skf_rollout *r)
{
    for (size_t i = 0; i < r->total; i++) {
        const struct skf_workload *w = skf_judge_workload(r->judge, i);
        if (w->ready)
            continue;
        r->finding.cause = SKF_CAUSE_DEADLINE;
        skf_autofree char *kind = skf_xstrdup(w->kind);
        for (char *p = kind; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        skf_replace(&r->finding.object, skf_xasprintf("%s/%s", kind, w->name));
        skf_replace(&r->finding.about, skf_xasprintf("%s/%s", w->kind, w->name));
        skf_replace(&r->finding.about_namespace, skf_xstrdup(w->namespace_));
        skf_replace(&r->finding.text, skf_xasprintf("is not ready: %s", w->progress));
        return;
    }
}

/* The deadline has passed: what is known is the verdict, with the log of what it is about. */
static void give_up(struct skf_rollout *r)
{
    unsigned ignored;
    if (!r->asked_late) {
        skf_judge_decide(r->judge, skf_clock_ms(), &r->finding, &ignored);
        if (r->finding.cause == SKF_CAUSE_NONE)
            name_unready(r);
        r->asked_late = true;
        if (r->finding.wants_log && r->finding.container && !r->finding.last_words) {
            ask_log(r);
            uv_timer_start(&r->timer, on_timer, LOG_LIMIT_MS, 0);
            return;
        }
    }
    skf_autofree char *text = skf_take(&r->finding.text);
    r->finding.text = skf_xasprintf("%s (given up after %u s)", text ? text : "is not ready",
                                    r->deadline_ms / 1000);
    end_with_finding(r);
}

static void on_deadline(uv_timer_t *timer)
{
    struct skf_rollout *r = timer->data;
    if (r->ending || r->late)
        return;
    r->late = true;
    uv_timer_stop(&r->timer);
    if (r->log_runs || r->ports_run)
        uv_timer_start(&r->timer, on_timer, LOG_LIMIT_MS, 0); /* their end comes back to give_up */
    else
        give_up(r);
}

/* --- watches ---------------------------------------------------------------------------------- */

static void on_event(struct skf_kube_watch *watch, enum skf_kube_event event, json_t *object)
{
    struct skf_rollout_watch *w = watch->data;
    skf_judge_feed(w->rollout->judge, w->kind, event, object);
    decide_soon(w->rollout);
}

static void on_list(struct skf_kube_watch *watch)
{
    struct skf_rollout_watch *w = watch->data;
    skf_judge_listed(w->rollout->judge, w->kind, w->namespace_);
    first_list(w);
    decide_soon(w->rollout);
}

static void on_watch_done(struct skf_kube_watch *watch, const struct skf_err *err)
{
    struct skf_rollout_watch *w = watch->data;
    struct skf_rollout *r = w->rollout;
    w->running = false;
    if (!r->ending) {
        if (w->is_workload || err->code == SKF_ENOTFOUND) {
            r->failure = *err;
            skf_err_wrap(&r->failure, "cannot see whether it becomes ready");
            end(r);
        } else {
            skf_log_debug("rollout without %s of '%s': %s", w->kind, w->namespace_, err->msg);
            first_list(w);
            decide_soon(r);
        }
    }
    one_closed(r);
}

static struct skf_rollout_watch *find_watch(struct skf_rollout *r, const char *kind,
                                            const char *namespace_)
{
    for (size_t i = 0; i < r->watches.n; i++) {
        if (strcmp(r->watches.v[i]->kind, kind) == 0 &&
            strcmp(r->watches.v[i]->namespace_, namespace_) == 0)
            return r->watches.v[i];
    }
    return NULL;
}

/* Nearly all events tell that all goes well; some of that sort tell why it does not. */
static char *event_selector(void)
{
    static const char *const well[] = { "Scheduled",
                                        "Created",
                                        "Started",
                                        "SuccessfulCreate",
                                        "SuccessfulDelete",
                                        "ScalingReplicaSet",
                                        "NodeHasSufficientMemory",
                                        "LeaderElection" };
    struct skf_buf out = SKF_BUF_INIT;
    skf_buf_adds(&out, "fieldSelector=");
    for (size_t i = 0; i < SKF_ARRAY_LEN(well); i++)
        skf_buf_addf(&out, "%sreason%%21%%3D%s", i ? "%2C" : "", well[i]);
    return skf_buf_take(&out);
}

static void need_watch(struct skf_rollout *r, const char *kind, const char *namespace_,
                       bool is_workload)
{
    struct skf_rollout_watch *w = find_watch(r, kind, namespace_);
    if (w) {
        w->is_workload |= is_workload;
        return;
    }
    w = skf_xcalloc(1, sizeof *w);
    w->rollout = r;
    w->kind = skf_xstrdup(kind);
    w->namespace_ = skf_xstrdup(namespace_);
    w->is_workload = is_workload;
    skf_kube_watch_init(&w->watch);
    w->watch.data = w;
    w->watch.path = skf_kube_path(kind, namespace_, NULL);
    if (strcmp(kind, "Event") == 0)
        w->watch.query = event_selector();
    w->watch.on_event = on_event;
    w->watch.on_list = on_list;
    skf_vec_push(&r->watches, w);
}

void skf_rollout_start(struct skf_kube_api *api, struct skf_rollout *r,
                       void (*done)(struct skf_rollout *r, const struct skf_err *err))
{
    assert(!r->active);
    r->api = api;
    r->done = done;
    r->active = true;
    skf_judge_set_local(r->judge, skf_kube_is_local(skf_kube_api_context(api)));
    skf_judge_set_settle(r->judge, r->settle_ms);
    uv_timer_init(skf_kube_api_loop(api), &r->timer);
    uv_timer_init(skf_kube_api_loop(api), &r->deadline);
    r->timer.data = r->deadline.data = r;
    r->open = 2;
    uv_timer_start(&r->deadline, on_deadline, r->deadline_ms, 0);
    for (size_t i = 0; i < r->total; i++) {
        const struct skf_workload *w = skf_judge_workload(r->judge, i);
        need_watch(r, w->kind, w->namespace_, true);
        need_watch(r, "Pod", w->namespace_, false);
        need_watch(r, "Event", w->namespace_, false);
        if (strcmp(w->kind, "Deployment") == 0)
            need_watch(r, "ReplicaSet", w->namespace_, false);
    }
    for (size_t i = 0; i < r->watches.n; i++) {
        r->open++;
        r->unlisted++;
        r->watches.v[i]->running = true;
        skf_kube_watch_start(api, &r->watches.v[i]->watch, on_watch_done);
    }
    decide_soon(r); /* nothing to wait for: ready at once */
}

void skf_rollout_cancel(struct skf_rollout *r)
{
    if (!r->active || r->ending)
        return;
    skf_err_set(&r->failure, SKF_ECANCELED, "cancelled");
    end(r);
}

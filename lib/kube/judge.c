/* What is known of the cluster, and the verdict on it. What a workload says of itself:
 * judge_ready.c; why a pod is not ready: judge_pod.c. */
#include "lib/kube/judge.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum {
    QUOTA_GRACE_MS = 10 * 1000, /* may be freed by the pods that go */
    CREATE_GRACE_MS = 2 * 1000,
    MISSING_GRACE_MS = 5 * 1000,
    FAILED_PODS = 2, /* of one revision, before it is called a habit */
    JOB_FAILURES = 3,
    JOB_FAILURES_WAITING = 5,
};

/* --- life ------------------------------------------------------------------------------------- */

struct skf_judge *skf_judge_new(const char *default_namespace)
{
    struct skf_judge *j = skf_xcalloc(1, sizeof *j);
    j->default_namespace = skf_xstrdup(default_namespace);
    return j;
}

static void drop_json(void *value)
{
    json_decref(value);
}

void skf_judge_free(struct skf_judge *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->targets.n; i++) {
        struct target *t = j->targets.v[i];
        char *owned[] = { (char *)(uintptr_t)t->view.kind, (char *)(uintptr_t)t->view.namespace_,
                          (char *)(uintptr_t)t->view.name, t->view.progress };
        for (size_t k = 0; k < SKF_ARRAY_LEN(owned); k++)
            free(owned[k]);
        json_decref(t->object);
        free(t);
    }
    skf_vec_release(&j->targets);
    skf_map_release_with(&j->pods, drop_json);
    skf_map_release_with(&j->sets, drop_json);
    skf_map_release_with(&j->events, drop_json);
    skf_map_release_with(&j->since, free);
    skf_map_release_with(&j->logs, free);
    skf_map_release_with(&j->ports, free);
    skf_map_release_with(&j->ends, free);
    skf_map_release_with(&j->restarts, free);
    free(j->default_namespace);
    free(j);
}

bool skf_judge_add(struct skf_judge *j, const char *kind, const char *namespace_, const char *name)
{
    static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet",
                                         "ReplicaSet", "Job",         "Pod" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i], kind) != 0)
            continue;
        struct target *t = skf_xcalloc(1, sizeof *t);
        t->view.kind = skf_xstrdup(kind);
        t->view.namespace_ = skf_xstrdup(namespace_);
        t->view.name = skf_xstrdup(name);
        t->view.progress = skf_xstrdup("");
        skf_vec_push(&j->targets, t);
        return true;
    }
    return false;
}

void skf_judge_set_local(struct skf_judge *j, bool local)
{
    j->local = local;
}

void skf_judge_set_settle(struct skf_judge *j, unsigned settle_ms)
{
    j->settle_ms = settle_ms;
}

void skf_judge_set_clock(struct skf_judge *j, int64_t wall_ms)
{
    j->wall_ms = wall_ms;
}

int64_t skf_judge_age(const struct skf_judge *j, const char *stamp)
{
    int64_t at = skf_jtime_ms(stamp);
    return at < 0 || !j->wall_ms ? -1 : j->wall_ms - at;
}

void skf_judge_watch_on(struct skf_judge *j)
{
    j->after_ready = true;
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it))
        skf_judge_note_restarts(j, it.value);
}

size_t skf_judge_count(const struct skf_judge *j)
{
    return j->targets.n;
}

const struct skf_workload *skf_judge_workload(const struct skf_judge *j, size_t i)
{
    return &j->targets.v[i]->view;
}

/* --- what is known ---------------------------------------------------------------------------- */

static void keep(struct skf_map *map, enum skf_kube_event event, json_t *object)
{
    const char *uid = skf_jstr(object, "metadata.uid");
    if (!uid)
        return;
    json_t *old = event == SKF_KUBE_DELETED ? skf_map_del(map, uid)
                                            : skf_map_put(map, uid, json_incref(object));
    json_decref(old);
}

static bool same_object(const struct target *t, const char *kind, const json_t *object)
{
    return strcmp(t->view.kind, kind) == 0 &&
           strcmp(t->view.name, skf_jtext(object, "metadata.name")) == 0 &&
           strcmp(t->view.namespace_, skf_jtext(object, "metadata.namespace")) == 0;
}

void skf_judge_feed(struct skf_judge *j, const char *kind, enum skf_kube_event event,
                    json_t *object)
{
    /* Half of an object, and nothing that is read here. */
    json_object_del(skf_jget(object, "metadata"), "managedFields");
    json_object_del(skf_jget(object, "metadata.annotations"),
                    "kubectl.kubernetes.io/last-applied-configuration");
    if (strcmp(kind, "Pod") == 0)
        keep(&j->pods, event, object);
    else if (strcmp(kind, "ReplicaSet") == 0)
        keep(&j->sets, event, object);
    else if (strcmp(kind, "Event") == 0)
        keep(&j->events, event, object);
    for (size_t i = 0; i < j->targets.n; i++) {
        struct target *t = j->targets.v[i];
        if (!same_object(t, kind, object))
            continue;
        if (event != SKF_KUBE_DELETED) {
            json_decref(t->object);
            t->object = json_incref(object);
        } else if (t->object && strcmp(skf_jtext(t->object, "metadata.uid"),
                                       skf_jtext(object, "metadata.uid")) == 0) {
            json_decref(t->object);
            t->object = NULL;
        }
    }
}

void skf_judge_listed(struct skf_judge *j, const char *kind, const char *namespace_)
{
    for (size_t i = 0; i < j->targets.n; i++) {
        struct target *t = j->targets.v[i];
        if (strcmp(t->view.kind, kind) == 0 && strcmp(t->view.namespace_, namespace_) == 0)
            t->listed = true;
    }
}

int64_t skf_judge_lasting(struct skf_judge *j, const char *uid, const char *what)
{
    skf_autofree char *key = skf_xasprintf("%s/%s", uid, what);
    int64_t *first = skf_map_get(&j->since, key);
    if (!first) {
        first = skf_xmalloc(sizeof *first);
        *first = j->now_ms;
        skf_map_put(&j->since, key, first);
    }
    return j->now_ms - *first;
}

static bool in_words(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = words; len && (p = strstr(p, word)); p += len) {
        if ((p == words || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
            return true;
    }
    return false;
}

int64_t skf_judge_event_ms(const json_t *event)
{
    static const char *const places[] = { "series.lastObservedTime", "lastTimestamp", "eventTime",
                                          "metadata.creationTimestamp" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(places); i++) {
        int64_t ms = skf_jtime_ms(skf_jstr(event, places[i]));
        if (ms >= 0)
            return ms;
    }
    return 0;
}

static bool reason_is(const json_t *event, const char *reasons)
{
    return !reasons || in_words(reasons, skf_jtext(event, "reason"));
}

static bool is_newer(const json_t *event, const json_t *best)
{
    return !best || skf_judge_event_ms(event) >= skf_judge_event_ms(best);
}

const json_t *skf_judge_event(const struct skf_judge *j, const char *uid, const char *reasons)
{
    const json_t *best = NULL;
    for (struct skf_map_iter it = skf_map_first(&j->events); it.key; skf_map_next(&it)) {
        if (strcmp(skf_jtext(it.value, "involvedObject.uid"), uid) == 0 &&
            strcmp(skf_jtext(it.value, "type"), "Normal") != 0 && reason_is(it.value, reasons) &&
            is_newer(it.value, best))
            best = it.value;
    }
    return best;
}

const json_t *skf_judge_container_event(const struct judged *c, const char *reasons,
                                        const char *word)
{
    const json_t *best = NULL;
    skf_autofree char *field = skf_xasprintf("{%s}", c->name);
    for (struct skf_map_iter it = skf_map_first(&c->j->events); it.key; skf_map_next(&it)) {
        if (strcmp(skf_jtext(it.value, "involvedObject.uid"), c->uid) == 0 &&
            strstr(skf_jtext(it.value, "involvedObject.fieldPath"), field) &&
            strstr(skf_jtext(it.value, "message"), word) && reason_is(it.value, reasons) &&
            is_newer(it.value, best))
            best = it.value;
    }
    return best;
}

const json_t *skf_judge_named_event(const struct skf_judge *j, const char *kind,
                                    const char *namespace_, const char *name, const char *reasons)
{
    const json_t *best = NULL;
    for (struct skf_map_iter it = skf_map_first(&j->events); it.key; skf_map_next(&it)) {
        if (strcmp(skf_jtext(it.value, "involvedObject.kind"), kind) == 0 &&
            strcmp(skf_jtext(it.value, "involvedObject.name"), name) == 0 &&
            strcmp(skf_jtext(it.value, "involvedObject.namespace"), namespace_) == 0 &&
            reason_is(it.value, reasons) && is_newer(it.value, best))
            best = it.value;
    }
    return best;
}

void skf_trouble_set(struct trouble *t, enum weight weight, enum skf_cause cause, const char *fmt,
                     ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_replace(&t->finding.text, skf_xvasprintf(fmt, ap));
    va_end(ap);
    t->weight = weight;
    t->finding.cause = cause;
}

void skf_trouble_hint(struct trouble *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_replace(&t->finding.hint, skf_xvasprintf(fmt, ap));
    va_end(ap);
}

void skf_trouble_field(struct trouble *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_replace(&t->finding.field, skf_xvasprintf(fmt, ap));
    va_end(ap);
}

void skf_trouble_container_field(struct trouble *t, const struct judged *c, const char *below)
{
    skf_trouble_field(t, "%s[%s]%s%s", c->init ? "initContainers" : "containers", c->name,
                      *below ? "." : "", below);
}

void skf_trouble_lasting(struct skf_judge *j, const char *uid, const char *what, unsigned grace_ms,
                         struct trouble *t)
{
    int64_t so_far = skf_judge_lasting(j, uid, what);
    t->weight = so_far >= grace_ms ? WEIGHT_FINAL : WEIGHT_GRACE;
    t->grace_ms = so_far >= grace_ms ? 0 : (unsigned)(grace_ms - so_far);
}

bool skf_any_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasestr(text, words[i]))
            return true;
    }
    return false;
}

/* --- which pods are the new ones -------------------------------------------------------------- */

static bool owned_by(const json_t *object, const char *uid)
{
    return *uid && skf_jfind(object, "metadata.ownerReferences", "uid", uid) != NULL;
}

/* The ReplicaSet of the Deployment's newest revision. */
static const json_t *newest_set(const struct skf_judge *j, const json_t *deployment)
{
    static const char key[] = "deployment.kubernetes.io/revision";
    const char *revision = skf_jkey(deployment, "metadata.annotations", key);
    for (struct skf_map_iter it = skf_map_first(&j->sets); revision && it.key; skf_map_next(&it)) {
        const char *own = skf_jkey(it.value, "metadata.annotations", key);
        if (own && strcmp(own, revision) == 0 &&
            owned_by(it.value, skf_jtext(deployment, "metadata.uid")))
            return it.value;
    }
    return NULL;
}

/* A pod of an older revision says nothing about what was just applied. */
static bool is_old(const struct target *t, const json_t *pod)
{
    if (strcmp(t->view.kind, "StatefulSet") == 0) {
        const char *want = skf_jstr(t->object, "status.updateRevision");
        const char *has = skf_jkey(pod, "metadata.labels", "controller-revision-hash");
        return want && has && strcmp(want, has) != 0;
    }
    if (strcmp(t->view.kind, "DaemonSet") == 0) {
        const char *want =
            skf_jkey(t->object, "metadata.annotations", "deprecated.daemonset.template.generation");
        const char *has = skf_jkey(pod, "metadata.labels", "pod-template-generation");
        return want && has && strcmp(want, has) != 0;
    }
    return false;
}

/* Uid that the pods of the newest revision name as their owner; "" when it is not known yet. */
static const char *pods_owner(const struct skf_judge *j, const struct target *t)
{
    if (strcmp(t->view.kind, "Deployment") != 0)
        return skf_jtext(t->object, "metadata.uid");
    return skf_jtext(newest_set(j, t->object), "metadata.uid");
}

static bool is_pod_of(const struct target *t, const char *owner, const char *uid, const json_t *pod)
{
    if (strcmp(t->view.kind, "Pod") == 0)
        return strcmp(uid, owner) == 0;
    return owned_by(pod, owner) && !is_old(t, pod);
}

static bool is_job(const struct target *t)
{
    return strcmp(t->view.kind, "Job") == 0;
}

const json_t *skf_judge_running_pod(const struct skf_judge *j, size_t i)
{
    const struct target *t = j->targets.v[i];
    const char *owner = pods_owner(j, t);
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        if (is_pod_of(t, owner, it.key, it.value) && skf_judge_runs(it.value) &&
            !skf_jget(it.value, "metadata.deletionTimestamp") &&
            strcmp(skf_jtext(it.value, "status.phase"), "Running") == 0)
            return it.value;
    }
    return NULL;
}

/* --- troubles --------------------------------------------------------------------------------- */

static void take_worse(struct trouble *worst, struct trouble *other)
{
    bool sooner = other->weight == WEIGHT_GRACE && worst->weight == WEIGHT_GRACE &&
                  other->grace_ms < worst->grace_ms;
    if (other->weight > worst->weight || sooner) {
        struct trouble swap = *worst;
        *worst = *other;
        *other = swap;
    }
    skf_finding_release(&other->finding);
}

/* The controller itself cannot make pods: quota, service account, admission. */
static void judge_create(struct skf_judge *j, const struct target *t, struct trouble *out)
{
    const json_t *failure = skf_jfind(t->object, "status.conditions", "type", "ReplicaFailure");
    const char *message = NULL;
    if (strcmp(skf_jtext(failure, "status"), "True") == 0) {
        message = skf_jtext(failure, "message");
    } else if (strcmp(t->view.kind, "Deployment") != 0) {
        const json_t *event =
            skf_judge_event(j, skf_jtext(t->object, "metadata.uid"), "FailedCreate");
        message = skf_jstr(event, "message");
    }
    if (!message || !*message)
        return;
    skf_judge_create_words(message, out);
    skf_trouble_lasting(j, skf_jtext(t->object, "metadata.uid"), "create",
                        strstr(message, "exceeded quota") ? QUOTA_GRACE_MS : CREATE_GRACE_MS, out);
}

/* Pods that were made and have failed by no fault of a container: evicted, refused by the node. The
 * controller makes another one each time. */
static void judge_failed_pods(struct skf_judge *j, const struct target *t, const char *owner,
                              struct trouble *out)
{
    const json_t *last = NULL;
    unsigned n = 0;
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        if (!is_pod_of(t, owner, it.key, it.value) || !*skf_jtext(it.value, "status.reason") ||
            strcmp(skf_jtext(it.value, "status.phase"), "Failed") != 0)
            continue;
        last = it.value;
        n++;
    }
    if (n < FAILED_PODS)
        return;
    const char *reason = skf_jtext(last, "status.reason");
    skf_trouble_set(out, WEIGHT_FINAL, SKF_CAUSE_CREATE, "loses its pods (%u so far): %s: %s", n,
                    reason, skf_jtext(last, "status.message"));
    if (strcmp(reason, "Evicted") == 0)
        skf_trouble_hint(out, "give it a larger volume or limit, or make it use less");
}

static void judge_progress(const struct target *t, struct trouble *out)
{
    const json_t *o = t->object;
    const json_t *progressing = skf_jfind(o, "status.conditions", "type", "Progressing");
    if (skf_jbool(o, "spec.paused")) {
        skf_trouble_set(out, WEIGHT_FINAL, SKF_CAUSE_PAUSED,
                        "is paused (spec.paused): nothing rolls out until it is resumed");
        skf_trouble_field(out, "/spec.paused");
    } else if (skf_judge_observed(o) &&
               strcmp(skf_jtext(progressing, "reason"), "ProgressDeadlineExceeded") == 0) {
        skf_trouble_set(out, WEIGHT_FINAL, SKF_CAUSE_DEADLINE,
                        "made no progress within its progressDeadlineSeconds (%lld s)",
                        skf_jint(o, "spec.progressDeadlineSeconds", 600));
        skf_trouble_field(out, "/spec.progressDeadlineSeconds");
    }
}

static void judge_job(const struct target *t, struct trouble *out)
{
    const json_t *failed = skf_jfind(t->object, "status.conditions", "type", "Failed");
    const char *reason = skf_jtext(failed, "reason"), *message = skf_jtext(failed, "message");
    if (strcmp(skf_jtext(failed, "status"), "True") != 0)
        return;
    skf_trouble_set(out, WEIGHT_FINAL, SKF_CAUSE_JOB, "has failed: %s",
                    *message ? message : reason);
    bool late = strcmp(reason, "DeadlineExceeded") == 0;
    if (late)
        skf_trouble_hint(out, "it may take %lld s: raise activeDeadlineSeconds, or make it shorter",
                         skf_jint(t->object, "spec.activeDeadlineSeconds", 0));
    skf_trouble_field(out, late ? "/spec.activeDeadlineSeconds" : "/spec.backoffLimit");
}

static void judge_own_conditions(struct skf_judge *j, const struct target *t, struct trouble *out)
{
    if (strcmp(t->view.kind, "Deployment") == 0)
        judge_progress(t, out);
    if (strcmp(t->view.kind, "Job") == 0)
        judge_job(t, out);
    if (out->weight == WEIGHT_NONE &&
        (skf_judge_observed(t->object) || strcmp(t->view.kind, "Job") == 0))
        judge_create(j, t, out);
}

/* A Job tries again by itself, up to its backoffLimit: its pods' failures are final when they are
 * the same again and again and nothing that it may need is still on its way. */
static bool job_goes_on(const struct skf_judge *j, const struct target *t,
                        const struct skf_finding *f)
{
    if (strcmp(t->view.kind, "Job") != 0 || skf_judge_condition(t->object, "Failed"))
        return false;
    bool ended = f->cause == SKF_CAUSE_CRASH || f->cause == SKF_CAUSE_OOM;
    long long failures = skf_jint(t->object, "status.failed", 0);
    if (f->restarts + 1 > failures)
        failures = f->restarts + 1;
    unsigned enough = skf_finding_waits_for_other(f) ? JOB_FAILURES_WAITING : JOB_FAILURES;
    return ended && (j->unready > 1 || failures < enough);
}

/* Fields are written as of the pod's spec, or with a slash as of the object. */
static void whole_field(const struct target *t, struct skf_finding *f)
{
    if (!f->field || f->about)
        return;
    skf_autofree char *field = skf_take(&f->field);
    const char *prefix = strcmp(t->view.kind, "Pod") == 0 ? "spec." : "spec.template.spec.";
    f->field = field[0] == '/' ? skf_xstrdup(field + 1) : skf_xasprintf("%s%s", prefix, field);
}

static char *object_name(const struct skf_judge *j, const struct target *t)
{
    skf_autofree char *kind = skf_xstrdup(t->view.kind);
    for (char *p = kind; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (strcmp(t->view.namespace_, j->default_namespace) == 0)
        return skf_xasprintf("%s/%s", kind, t->view.name);
    return skf_xasprintf("%s:%s/%s", t->view.namespace_, kind, t->view.name);
}

/* The worst of the pods; then the workload's own word, which wins only when no pod explains more.
 */
static void judge_target(struct skf_judge *j, const struct target *t, struct trouble *worst)
{
    if (!t->object) {
        if (!t->listed)
            return;
        /* A forced replacement deletes it for a moment. */
        skf_trouble_set(worst, WEIGHT_GRACE, SKF_CAUSE_MISSING,
                        "is not there: deleted by somebody else");
        int64_t lasting = skf_judge_lasting(j, t->view.name, t->view.kind);
        if (lasting >= MISSING_GRACE_MS)
            worst->weight = WEIGHT_FINAL;
        else
            worst->grace_ms = (unsigned)(MISSING_GRACE_MS - lasting);
        return;
    }
    const char *owner = pods_owner(j, t);
    /* Jobs and pods do not say which generation they have seen. */
    bool known = strcmp(t->view.kind, "Pod") == 0 || strcmp(t->view.kind, "Job") == 0 ||
                 skf_judge_observed(t->object);
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key && known; skf_map_next(&it)) {
        if (!is_pod_of(t, owner, it.key, it.value))
            continue;
        struct trouble own = { 0 };
        skf_judge_pod(j, it.value, &own);
        if (own.weight > WEIGHT_NOTE && job_goes_on(j, t, &own.finding) && own.weight != WEIGHT_LOG)
            own.weight = WEIGHT_NOTE;
        take_worse(worst, &own);
    }
    struct trouble own = { 0 };
    if (known)
        judge_failed_pods(j, t, owner, &own);
    if (own.weight == WEIGHT_NONE)
        judge_own_conditions(j, t, &own);
    if (own.weight == WEIGHT_FINAL && worst->weight != WEIGHT_NONE &&
        (own.finding.cause == SKF_CAUSE_DEADLINE || own.finding.cause == SKF_CAUSE_JOB)) {
        if (worst->weight != WEIGHT_LOG)
            worst->weight = WEIGHT_FINAL; /* the pod says why */
        skf_finding_release(&own.finding);
    } else {
        take_worse(worst, &own);
    }
    whole_field(t, &worst->finding);
}

/* It is ready again already, and one of its containers has ended since it was first. */
static void judge_restarts(struct skf_judge *j, const struct target *t, struct trouble *worst)
{
    const char *owner = pods_owner(j, t);
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        struct trouble own = { 0 };
        if (is_job(t) || !is_pod_of(t, owner, it.key, it.value))
            continue;
        skf_judge_restarted(j, it.value, &own);
        take_worse(worst, &own);
    }
    whole_field(t, &worst->finding);
}

/* The workload's own status is older than the pod's: it is written by a controller that saw the pod
 * run. So the pods have the last word, and a moment between two crashes is not taken for success.
 */
static bool settled(struct skf_judge *j, struct target *t, unsigned *recheck_ms)
{
    unsigned longest = 0;
    bool crashed = false;
    const char *owner = pods_owner(j, t);
    for (struct skf_map_iter it = skf_map_first(&j->pods); it.key; skf_map_next(&it)) {
        if (!is_pod_of(t, owner, it.key, it.value))
            continue;
        if (!skf_judge_runs(it.value))
            return skf_target_words(t, "pod '%s' is not ready",
                                    skf_jtext(it.value, "metadata.name"));
        bool had_crashed = false;
        unsigned left = skf_judge_unsettled(j, it.value, &had_crashed);
        crashed = crashed || had_crashed;
        if (left > longest)
            longest = left;
    }
    if (longest == 0)
        return true;
    if (!*recheck_ms || longest < *recheck_ms)
        *recheck_ms = longest;
    return skf_target_words(t, crashed ? "running again after a crash"
                                       : "has just started (no readiness probe says more)");
}

static void find_ready(struct skf_judge *j, unsigned *recheck_ms)
{
    j->unready = 0;
    for (size_t i = 0; i < j->targets.n; i++) {
        struct target *t = j->targets.v[i];
        unsigned recheck = 0;
        t->view.ready =
            skf_target_says_ready(j, t, &recheck) && (is_job(t) || settled(j, t, &recheck));
        if (recheck && (!*recheck_ms || recheck < *recheck_ms))
            *recheck_ms = recheck;
        if (!t->view.ready)
            j->unready++;
        else if (!is_job(t))
            skf_target_words(t, "ready");
    }
}

enum skf_verdict skf_judge_decide(struct skf_judge *j, int64_t now_ms, struct skf_finding *finding,
                                  unsigned *recheck_ms)
{
    struct trouble worst = { 0 };
    *recheck_ms = 0;
    j->now_ms = now_ms;
    find_ready(j, recheck_ms);
    for (size_t i = 0; i < j->targets.n; i++) {
        struct target *t = j->targets.v[i];
        struct trouble own = { 0 };
        if (!t->view.ready)
            judge_target(j, t, &own);
        else if (j->after_ready)
            judge_restarts(j, t, &own);
        if (own.weight == WEIGHT_NONE)
            continue;
        own.finding.object = object_name(j, t);
        own.finding.about_namespace = skf_xstrdup(t->view.namespace_);
        if (!own.finding.about)
            own.finding.about = skf_xasprintf("%s/%s", t->view.kind, t->view.name);
        if (own.weight == WEIGHT_GRACE && (!*recheck_ms || own.grace_ms < *recheck_ms))
            *recheck_ms = own.grace_ms;
        take_worse(&worst, &own);
    }
    skf_finding_release(finding);
    *finding = worst.finding;
    if (j->unready == 0 && worst.weight != WEIGHT_LOG)
        return SKF_VERDICT_READY;
    if (worst.weight == WEIGHT_FINAL)
        return SKF_VERDICT_FAILED;
    if (worst.weight == WEIGHT_LOG)
        return finding->wants_ports ? SKF_VERDICT_ASK_PORTS : SKF_VERDICT_ASK_LOG;
    return SKF_VERDICT_PENDING;
}

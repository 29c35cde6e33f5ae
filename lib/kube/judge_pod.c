/* Why one pod is not ready. What each trouble is worth:
 * - final at once: what no waiting changes, as a bad image name, an image that the registry says is
 *   not there, a program that is not in the image;
 * - after a grace: what may heal, as a registry that does not answer, a node without room, a
 *   ConfigMap or volume that is on its way;
 * - as its log says: an app that has ended (judge_end.c);
 * - a note, or quiet: anything that a healthy start looks like too. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum { START_GRACE_MS = 10 * 1000, GATE_GRACE_MS = 60 * 1000 };

/* --- one container ---------------------------------------------------------------------------- */

static void judge_not_started(const struct judged *c, const char *message, struct trouble *t)
{
    if (skf_judge_hook(c, skf_jint(c->status, "restartCount", 0) > 0, t))
        return;
    if (skf_judge_start_words(c, message, t, WEIGHT_FINAL))
        return;
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_START, "cannot be started: %s", message);
    skf_trouble_container_field(t, c, "");
    skf_trouble_lasting(c->j, c->uid, "start", START_GRACE_MS, t);
}

static void judge_waiting(const struct judged *c, struct trouble *t)
{
    const char *reason = skf_jtext(c->status, "state.waiting.reason");
    const char *message = skf_jtext(c->status, "state.waiting.message");
    if (strcmp(reason, "CrashLoopBackOff") == 0) {
        skf_judge_end(c, t);
    } else if (strstr(reason, "Image") || strcmp(reason, "RegistryUnavailable") == 0 ||
               strcmp(reason, "SignatureValidationFailed") == 0) {
        skf_judge_image(c, t);
    } else if (strcmp(reason, "CreateContainerConfigError") == 0) {
        skf_judge_config(c, message, t);
    } else if (strcmp(reason, "CreateContainerError") == 0 ||
               strcmp(reason, "RunContainerError") == 0 || strcmp(reason, "StartError") == 0 ||
               strcmp(reason, "PostStartHookError") == 0) {
        judge_not_started(c, message, t);
    } else if (skf_jget(c->status, "lastState.terminated")) {
        skf_judge_end(c, t);
        if (t->weight == WEIGHT_FINAL)
            t->weight = WEIGHT_NOTE; /* it is about to be started again */
    } else if (skf_judge_container_event(c, "Pulling", "") &&
               !skf_judge_container_event(c, "Pulled", "")) {
        skf_trouble_set(t, WEIGHT_QUIET, SKF_CAUSE_PENDING, "waits for its image '%s'",
                        skf_jtext(c->spec, "image"));
        skf_trouble_container_field(t, c, "image");
    }
}

static void judge_running(const struct judged *c, struct trouble *t)
{
    const json_t *event = skf_judge_container_event(c, "Unhealthy ProbeError", "");
    if (!c->keeps_running) {
        skf_trouble_set(t, WEIGHT_QUIET, SKF_CAUSE_PENDING, "has not ended, and the others wait");
        t->finding.wants_log = true;
        skf_trouble_container_field(t, c, "");
    } else if (event) {
        skf_judge_probe(c, event, t);
    } else if (skf_jget(c->status, "lastState.terminated")) {
        skf_judge_end(c, t);
    }
}

static void judge_container(const struct judged *c, struct trouble *t)
{
    const json_t *end = skf_jget(c->status, "state.terminated");
    t->finding.exit_code = -1;
    if (skf_jget(c->status, "state.waiting"))
        judge_waiting(c, t);
    else if (end &&
             (skf_jint(end, "exitCode", 0) != 0 ||
              (c->keeps_running && strcmp(skf_jtext(c->pod, "spec.restartPolicy"), "Always") == 0)))
        skf_judge_end(c, t);
    else if (skf_jget(c->status, "state.running") && !skf_jbool(c->status, "ready"))
        judge_running(c, t);
    if (t->weight == WEIGHT_NONE)
        return;
    skf_replace(&t->finding.container, skf_xstrdup(c->name));
    if (c->init) {
        skf_autofree char *text = skf_take(&t->finding.text);
        t->finding.text =
            skf_xasprintf("(%s) %s", c->keeps_running ? "a sidecar" : "an init container", text);
    }
}

static struct judged container_of(struct skf_judge *j, const json_t *pod, const json_t *status,
                                  bool init)
{
    struct judged c = { .j = j, .pod = pod, .status = status, .init = init };
    c.uid = skf_jtext(pod, "metadata.uid");
    c.name = skf_jtext(status, "name");
    c.spec = skf_jfind(pod, init ? "spec.initContainers" : "spec.containers", "name", c.name);
    bool sidecar = init && strcmp(skf_jtext(c.spec, "restartPolicy"), "Always") == 0;
    c.keeps_running = !init || sidecar;
    c.will_restart = sidecar || strcmp(skf_jtext(pod, "spec.restartPolicy"), "Never") != 0;
    return c;
}

/* --- the pod ---------------------------------------------------------------------------------- */

static void worse(struct trouble *worst, struct trouble *own)
{
    if (own->weight > worst->weight) {
        struct trouble swap = *worst;
        *worst = *own;
        *own = swap;
    }
    skf_finding_release(&own->finding);
}

static bool pod_fine(const json_t *pod)
{
    const json_t *ready = skf_jfind(pod, "status.conditions", "type", "Ready");
    return skf_jget(pod, "metadata.deletionTimestamp") ||
           strcmp(skf_jtext(ready, "status"), "True") == 0 ||
           strcmp(skf_jtext(pod, "status.phase"), "Succeeded") == 0;
}

/* Its containers are ready, and something outside of Kubernetes has to say so too. */
static void judge_gates(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const json_t *ready = skf_jfind(pod, "status.conditions", "type", "Ready");
    if (strcmp(skf_jtext(ready, "reason"), "ReadinessGatesNotReady") != 0)
        return;
    const json_t *gate = json_array_get(skf_jget(pod, "spec.readinessGates"), 0);
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_PROBE,
                    "runs, and nobody sets its readiness gate '%s'",
                    skf_jtext(gate, "conditionType"));
    skf_trouble_hint(t, "is the controller that sets it (a load balancer's, say) in this cluster?");
    skf_trouble_field(t, "readinessGates");
    skf_trouble_lasting(j, skf_jtext(pod, "metadata.uid"), "gate", GATE_GRACE_MS, t);
}

/* Its containers, init containers first; false: none has begun to be anything. */
static bool judge_containers(struct skf_judge *j, const json_t *pod, struct trouble *out)
{
    static const char *const lists[] = { "status.initContainerStatuses",
                                         "status.containerStatuses" };
    bool began = false;
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *status = json_array_get(list, i);
            struct judged c = container_of(j, pod, status, k == 0);
            struct trouble own = { 0 };
            judge_container(&c, &own);
            began = began || skf_jget(status, "state.running") ||
                    skf_jget(status, "state.terminated") || own.weight != WEIGHT_NONE;
            worse(out, &own);
        }
    }
    return began;
}

static void name_pod(const json_t *pod, struct skf_finding *f)
{
    skf_replace(&f->pod, skf_xstrdup(skf_jtext(pod, "metadata.name")));
    skf_replace(&f->namespace_, skf_xstrdup(skf_jtext(pod, "metadata.namespace")));
}

void skf_judge_note_restarts(struct skf_judge *j, const json_t *pod)
{
    const json_t *list = skf_jget(pod, "status.containerStatuses");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *status = json_array_get(list, i);
        skf_autofree char *key =
            skf_xasprintf("%s/%s", skf_jtext(pod, "metadata.uid"), skf_jtext(status, "name"));
        long long *n = skf_xmalloc(sizeof *n);
        *n = skf_jint(status, "restartCount", 0);
        free(skf_map_put(&j->restarts, key, n));
    }
}

void skf_judge_restarted(struct skf_judge *j, const json_t *pod, struct trouble *out)
{
    const json_t *list = skf_jget(pod, "status.containerStatuses");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct judged c = container_of(j, pod, json_array_get(list, i), false);
        skf_autofree char *key = skf_xasprintf("%s/%s", c.uid, c.name);
        const long long *before = skf_map_get(&j->restarts, key);
        struct trouble own = { 0 };
        if (skf_jint(c.status, "restartCount", 0) <= (before ? *before : 0))
            continue;
        skf_judge_end(&c, &own);
        if (own.weight == WEIGHT_NONE)
            continue;
        skf_replace(&own.finding.container, skf_xstrdup(c.name));
        name_pod(pod, &own.finding);
        worse(out, &own);
    }
}

void skf_judge_pod(struct skf_judge *j, const json_t *pod, struct trouble *out)
{
    if (pod_fine(pod))
        return;
    skf_judge_scheduling(j, pod, out);
    bool began = judge_containers(j, pod, out);
    if (!began && out->weight == WEIGHT_NONE)
        skf_judge_setup(j, pod, out);
    if (out->weight == WEIGHT_NONE)
        judge_gates(j, pod, out);
    if (out->weight == WEIGHT_NONE && strcmp(skf_jtext(pod, "status.phase"), "Failed") == 0)
        skf_trouble_set(out, WEIGHT_NOTE, SKF_CAUSE_CRASH, "has failed: %s %s",
                        skf_jtext(pod, "status.reason"), skf_jtext(pod, "status.message"));
    if (out->weight == WEIGHT_NONE)
        return;
    name_pod(pod, &out->finding);
}

bool skf_judge_runs(const json_t *pod)
{
    const json_t *list = skf_jget(pod, "status.containerStatuses");
    /* A failed pod (evicted, say) stays beside the one that its controller made in its place. */
    if (skf_jget(pod, "metadata.deletionTimestamp") ||
        strcmp(skf_jtext(pod, "status.phase"), "Succeeded") == 0 ||
        strcmp(skf_jtext(pod, "status.phase"), "Failed") == 0)
        return true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!skf_jget(json_array_get(list, i), "state.running"))
            return false;
    }
    return pod_fine(pod);
}

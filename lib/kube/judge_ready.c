/* What each kind of workload says of itself: the rules of `kubectl rollout status`. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum { JOB_RUNNING_MS = 10 * 1000 }; /* a job that runs so long is at work, not broken */

bool skf_judge_observed(const json_t *o)
{
    return skf_jint(o, "status.observedGeneration", 0) >= skf_jint(o, "metadata.generation", 0);
}

bool skf_target_words(struct target *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_replace(&t->view.progress, skf_xvasprintf(fmt, ap));
    va_end(ap);
    return false;
}

static bool deployment_ready(struct target *t)
{
    const json_t *o = t->object;
    if (!skf_judge_observed(o))
        return skf_target_words(t, "waiting for the controller to see the change");
    long long want = skf_jint(o, "spec.replicas", 1);
    long long updated = skf_jint(o, "status.updatedReplicas", 0);
    long long all = skf_jint(o, "status.replicas", 0);
    long long available = skf_jint(o, "status.availableReplicas", 0);
    if (updated < want)
        return skf_target_words(t, "%lld of %lld new replicas are made", updated, want);
    if (all > updated)
        return skf_target_words(t, "%lld old replica%s still there", all - updated,
                                all - updated == 1 ? " is" : "s are");
    if (available < updated)
        return skf_target_words(t, "%lld of %lld new replicas are available", available, updated);
    return true;
}

static bool stateful_ready(struct target *t)
{
    const json_t *o = t->object;
    if (strcmp(skf_jtext(o, "spec.updateStrategy.type"), "OnDelete") == 0)
        return true;
    if (!skf_judge_observed(o))
        return skf_target_words(t, "waiting for the controller to see the change");
    long long want = skf_jint(o, "spec.replicas", 1);
    long long ready = skf_jint(o, "status.readyReplicas", 0);
    long long updated = skf_jint(o, "status.updatedReplicas", 0);
    long long partition = skf_jint(o, "spec.updateStrategy.rollingUpdate.partition", 0);
    if (ready < want)
        return skf_target_words(t, "%lld of %lld pods are ready", ready, want);
    if (updated < want - partition)
        return skf_target_words(t, "%lld of %lld pods are new", updated, want - partition);
    if (partition == 0 &&
        strcmp(skf_jtext(o, "status.updateRevision"), skf_jtext(o, "status.currentRevision")) != 0)
        return skf_target_words(t, "the last pods are being replaced");
    return true;
}

static bool daemon_ready(struct target *t)
{
    const json_t *o = t->object;
    if (strcmp(skf_jtext(o, "spec.updateStrategy.type"), "OnDelete") == 0)
        return true;
    if (!skf_judge_observed(o))
        return skf_target_words(t, "waiting for the controller to see the change");
    long long want = skf_jint(o, "status.desiredNumberScheduled", 0);
    long long updated = skf_jint(o, "status.updatedNumberScheduled", 0);
    long long available = skf_jint(o, "status.numberAvailable", 0);
    if (updated < want)
        return skf_target_words(t, "%lld of %lld pods are new", updated, want);
    if (available < want)
        return skf_target_words(t, "%lld of %lld pods are available", available, want);
    return true;
}

bool skf_judge_condition(const json_t *o, const char *type)
{
    return strcmp(skf_jtext(skf_jfind(o, "status.conditions", "type", type), "status"), "True") ==
           0;
}

static bool job_ready(struct skf_judge *j, struct target *t, unsigned *recheck_ms)
{
    const json_t *o = t->object;
    if (skf_judge_condition(o, "Complete") || skf_judge_condition(o, "SuccessCriteriaMet") ||
        skf_jbool(o, "spec.suspend")) {
        skf_target_words(t, skf_jbool(o, "spec.suspend") ? "suspended" : "ended well");
        return true;
    }
    if (skf_jint(o, "status.ready", 0) > 0 && skf_jint(o, "status.failed", 0) == 0) {
        int64_t lasting = skf_judge_lasting(j, skf_jtext(o, "metadata.uid"), "running");
        if (lasting >= JOB_RUNNING_MS) {
            skf_target_words(t, "at work");
            return true;
        }
        *recheck_ms = (unsigned)(JOB_RUNNING_MS - lasting);
    }
    return skf_target_words(t, "%lld of %lld runs have ended well",
                            skf_jint(o, "status.succeeded", 0), skf_jint(o, "spec.completions", 1));
}

static bool replicas_ready(struct target *t)
{
    const json_t *o = t->object;
    if (!skf_judge_observed(o))
        return skf_target_words(t, "waiting for the controller to see the change");
    long long want = skf_jint(o, "spec.replicas", 1);
    long long available = skf_jint(o, "status.availableReplicas", 0);
    if (skf_jint(o, "status.replicas", 0) != want || available < want)
        return skf_target_words(t, "%lld of %lld replicas are available", available, want);
    return true;
}

static bool pod_ready(struct target *t)
{
    const char *phase = skf_jtext(t->object, "status.phase");
    if (strcmp(phase, "Succeeded") == 0 || skf_judge_condition(t->object, "Ready"))
        return true;
    char low[32];
    snprintf(low, sizeof low, "%s", *phase ? phase : "new");
    low[0] = (char)tolower((unsigned char)low[0]);
    return skf_target_words(t, "%s, not ready", low);
}

bool skf_target_says_ready(struct skf_judge *j, struct target *t, unsigned *recheck_ms)
{
    if (!t->object)
        return skf_target_words(t, "not there yet");
    const char *kind = t->view.kind;
    if (strcmp(kind, "Deployment") == 0)
        return deployment_ready(t);
    if (strcmp(kind, "StatefulSet") == 0)
        return stateful_ready(t);
    if (strcmp(kind, "DaemonSet") == 0)
        return daemon_ready(t);
    if (strcmp(kind, "ReplicaSet") == 0)
        return replicas_ready(t);
    if (strcmp(kind, "Job") == 0)
        return job_ready(j, t, recheck_ms);
    return pod_ready(t);
}

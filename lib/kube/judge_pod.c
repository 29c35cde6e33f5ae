/* Why one pod is not ready. What each trouble is worth:
 * - final at once: what no waiting changes, as a bad image name, an image that the registry says is
 *   not there, a program that is not in the image;
 * - after a grace: what may heal, as a registry that does not answer, a node without room, a
 *   ConfigMap or volume that is on its way;
 * - as its log says: an app that has ended (judge_end.c);
 * - a note: anything that a healthy start looks like too. */
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum {
    PULL_GRACE_MS = 30 * 1000,
    CONFIG_GRACE_MS = 5 * 1000,
    START_GRACE_MS = 10 * 1000,
    NO_PORT_GRACE_MS = 30 * 1000, /* the old pod may have to go first */
    NO_NODE_GRACE_MS = 10 * 1000,
    NEW_NODE_GRACE_MS = 300 * 1000, /* a cluster that is not local may be getting another node */
    VOLUME_GRACE_MS = 45 * 1000,    /* provisioning */
    SANDBOX_GRACE_MS = 30 * 1000,
};

/* Becomes final after the grace. */
static void lasting(struct skf_judge *j, const char *uid, const char *what, unsigned grace_ms,
                    struct trouble *t)
{
    int64_t so_far = skf_judge_lasting(j, uid, what);
    t->weight = so_far >= grace_ms ? WEIGHT_FINAL : WEIGHT_GRACE;
    t->grace_ms = so_far >= grace_ms ? 0 : (unsigned)(grace_ms - so_far);
}

/* --- images ----------------------------------------------------------------------------------- */

static void judge_image(struct skf_judge *j, const char *uid, const json_t *status,
                        const char *image, struct trouble *t)
{
    const char *reason = skf_jtext(status, "state.waiting.reason");
    const char *message = skf_jtext(status, "state.waiting.message");
    if (!strchr(message, ':') || strncmp(message, "Back-off", 8) == 0) {
        const json_t *event = skf_judge_event(j, uid, "Failed");
        const char *said = skf_jtext(event, "message");
        if (!strstr(message, "ErrImagePull:") && strstr(said, "pull"))
            message = said; /* "Back-off pulling image" alone hides the cause */
    }
    if (strcmp(reason, "InvalidImageName") == 0 || strstr(message, "invalid reference format")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "has an image name that is not valid: '%s'", image);
    } else if (strcmp(reason, "ErrImageNeverPull") == 0) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', which is not on the "
                        "node, and imagePullPolicy is Never",
                        image);
        skf_trouble_hint(t, "take imagePullPolicy: Never out, or load the image into the node");
    } else if (SKF_ANY_OF(message, "no match for platform", "no matching manifest",
                          "does not match the specified platform")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', which has no variant for the node's platform", image);
        skf_trouble_hint(t, "build it for the node's platform (--platform)");
    } else if (SKF_ANY_OF(message, "unauthorized", "authentication required", "no basic auth",
                          "authorization failed", "403 Forbidden", "401 Unauthorized")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', which the node may not pull: no credentials", image);
        skf_trouble_hint(
            t, "give the pod imagePullSecrets, or push to a registry that the cluster may read");
    } else if (SKF_ANY_OF(message, "not found", "manifest unknown", "name unknown",
                          "repository does not exist", "pull access denied",
                          "insufficient_scope")) {
        skf_trouble_set(
            t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
            "needs image '%s', which cannot be pulled: not found in its registry%s", image,
            SKF_ANY_OF(message, "pull access denied", "insufficient_scope") ? ", or not public"
                                                                            : "");
        skf_trouble_hint(t,
                         "is it the name of an artifact in skaffold.yaml, spelled the same way?");
    } else if (SKF_ANY_OF(message, "server gave HTTP response to HTTPS client")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', whose registry speaks "
                        "plain http; the node's containerd is not told so",
                        image);
    } else {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_IMAGE,
                        "needs image '%s', which cannot be pulled: "
                        "%s",
                        image, *message ? message : reason);
        lasting(j, uid, "pull", PULL_GRACE_MS, t);
    }
}

/* --- one container ---------------------------------------------------------------------------- */

static void judge_config(struct skf_judge *j, const char *uid, const char *message,
                         struct trouble *t)
{
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_CONFIG, "cannot be set up: %s", message);
    if (strstr(message, "runAsNonRoot"))
        skf_trouble_hint(t,
                         "give the image a user that is a number (USER 65532), or set runAsUser");
    else if (strstr(message, "configmap") || strstr(message, "ConfigMap"))
        skf_trouble_hint(t,
                         "add the ConfigMap (or its key) to the manifests, in the pod's namespace");
    else if (strstr(message, "secret") || strstr(message, "Secret"))
        skf_trouble_hint(t, "create the Secret (or its key) in the pod's namespace");
    lasting(j, uid, "config", CONFIG_GRACE_MS, t);
}

static void judge_waiting(struct skf_judge *j, const json_t *pod, const json_t *status,
                          const char *image, bool will_restart, struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *reason = skf_jtext(status, "state.waiting.reason");
    const char *message = skf_jtext(status, "state.waiting.message");
    if (strcmp(reason, "CrashLoopBackOff") == 0) {
        skf_judge_end(j, pod, status, will_restart, t);
    } else if (strstr(reason, "Image") || strcmp(reason, "RegistryUnavailable") == 0) {
        judge_image(j, uid, status, image, t);
    } else if (strcmp(reason, "CreateContainerConfigError") == 0) {
        judge_config(j, uid, message, t);
    } else if (strcmp(reason, "CreateContainerError") == 0 ||
               strcmp(reason, "RunContainerError") == 0 || strcmp(reason, "StartError") == 0) {
        if (skf_judge_start_words(message, t, WEIGHT_FINAL))
            return;
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_START, "cannot be started: %s", message);
        lasting(j, uid, "start", START_GRACE_MS, t);
    } else if (skf_jget(status, "lastState.terminated")) {
        skf_judge_end(j, pod, status, will_restart, t);
        if (t->weight == WEIGHT_FINAL)
            t->weight = WEIGHT_NOTE; /* it is about to be started again */
    }
}

static const char *image_of(const json_t *pod, const char *list, const char *container,
                            const json_t *status)
{
    const char *image = skf_jstr(skf_jfind(pod, list, "name", container), "image");
    return image ? image : skf_jtext(status, "image");
}

static void judge_container(struct skf_judge *j, const json_t *pod, const json_t *status, bool init,
                            struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *name = skf_jtext(status, "name");
    const char *policy = skf_jtext(pod, "spec.restartPolicy");
    const json_t *end = skf_jget(status, "state.terminated");
    bool will_restart = strcmp(policy, "Never") != 0;
    t->finding.exit_code = -1;
    if (skf_jget(status, "state.waiting")) {
        judge_waiting(j, pod, status,
                      image_of(pod, init ? "spec.initContainers" : "spec.containers", name, status),
                      will_restart, t);
    } else if (end &&
               (skf_jint(end, "exitCode", 0) != 0 || (!init && strcmp(policy, "Always") == 0))) {
        skf_judge_end(j, pod, status, will_restart, t);
    } else if (skf_jget(status, "state.running") && !skf_jbool(status, "ready")) {
        const json_t *event = skf_judge_event(j, uid, "Unhealthy ProbeError");
        if (event && strstr(skf_jtext(event, "involvedObject.fieldPath"), name))
            skf_judge_probe(j, pod, name, event, t);
        else if (skf_jget(status, "lastState.terminated"))
            skf_judge_end(j, pod, status, will_restart, t);
    }
    if (t->weight == WEIGHT_NONE)
        return;
    skf_replace(&t->finding.container, skf_xstrdup(name));
    if (init) {
        skf_autofree char *text = skf_take(&t->finding.text);
        t->finding.text = skf_xasprintf("(an init container) %s", text);
    }
}

/* --- the pod ---------------------------------------------------------------------------------- */

static unsigned no_node_grace(const struct skf_judge *j)
{
    return j->local ? NO_NODE_GRACE_MS : NEW_NODE_GRACE_MS;
}

static void judge_scheduling(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const json_t *scheduled = skf_jfind(pod, "status.conditions", "type", "PodScheduled");
    if (strcmp(skf_jtext(scheduled, "status"), "False") != 0 ||
        strcmp(skf_jtext(scheduled, "reason"), "Unschedulable") != 0)
        return;
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *message = skf_jtext(scheduled, "message");
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_UNSCHEDULABLE, "fits on no node: %s", message);
    if (SKF_ANY_OF(message, "not-ready", "unreachable", "not found in cache")) {
        t->weight = WEIGHT_NOTE; /* a cluster that is starting */
    } else if (SKF_ANY_OF(message, "PersistentVolumeClaim", "persistentvolumeclaim", "volume")) {
        t->finding.cause = SKF_CAUSE_VOLUME;
        skf_trouble_hint(t,
                         "is there a StorageClass that can make the volume (kubectl get pvc,sc)?");
        lasting(j, uid, "volume", VOLUME_GRACE_MS, t);
    } else if (SKF_ANY_OF(message, "Insufficient")) {
        skf_trouble_hint(t, "ask for less in resources.requests, or make room");
        lasting(j, uid, "room", no_node_grace(j), t);
    } else if (SKF_ANY_OF(message, "didn't have free ports")) {
        skf_trouble_hint(
            t, "the hostPort is taken, often by the pod that is being replaced: use strategy "
               "Recreate");
        lasting(j, uid, "port", NO_PORT_GRACE_MS, t);
    } else {
        skf_trouble_hint(t, "check nodeSelector, affinity and tolerations");
        lasting(j, uid, "node", no_node_grace(j), t);
    }
}

/* Before any container: volumes and the network of the pod. */
static void judge_setup(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const json_t *event = skf_judge_event(
        j, uid, "FailedMount FailedAttachVolume FailedCreatePodSandBox FailedMapVolume");
    if (!event)
        return;
    const char *message = skf_jtext(event, "message");
    bool mount = strcmp(skf_jtext(event, "reason"), "FailedCreatePodSandBox") != 0;
    skf_trouble_set(t, WEIGHT_GRACE, mount ? SKF_CAUSE_VOLUME : SKF_CAUSE_START, "%s: %s",
                    mount ? "waits for a volume" : "cannot be given a network", message);
    if (mount && strstr(message, "not found") && SKF_ANY_OF(message, "configmap", "secret")) {
        t->finding.cause = SKF_CAUSE_CONFIG;
        skf_trouble_hint(t, "add it to the manifests, in the pod's namespace");
        lasting(j, uid, "mount", CONFIG_GRACE_MS, t);
    } else {
        lasting(j, uid, "setup", mount ? VOLUME_GRACE_MS : SANDBOX_GRACE_MS, t);
    }
}

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

void skf_judge_pod(struct skf_judge *j, const json_t *pod, struct trouble *out)
{
    static const char *const lists[] = { "status.initContainerStatuses",
                                         "status.containerStatuses" };
    if (pod_fine(pod))
        return;
    judge_scheduling(j, pod, out);
    bool began = false;
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *status = json_array_get(list, i);
            struct trouble own = { 0 };
            judge_container(j, pod, status, k == 0, &own);
            began = began || skf_jget(status, "state.running") ||
                    skf_jget(status, "state.terminated") || own.weight != WEIGHT_NONE;
            worse(out, &own);
        }
    }
    if (!began && out->weight == WEIGHT_NONE)
        judge_setup(j, pod, out);
    if (out->weight == WEIGHT_NONE && strcmp(skf_jtext(pod, "status.phase"), "Failed") == 0)
        skf_trouble_set(out, WEIGHT_NOTE, SKF_CAUSE_CRASH, "has failed: %s %s",
                        skf_jtext(pod, "status.reason"), skf_jtext(pod, "status.message"));
    if (out->weight == WEIGHT_NONE)
        return;
    skf_replace(&out->finding.pod, skf_xstrdup(skf_jtext(pod, "metadata.name")));
    skf_replace(&out->finding.namespace_, skf_xstrdup(skf_jtext(pod, "metadata.namespace")));
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

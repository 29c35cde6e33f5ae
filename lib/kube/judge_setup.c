/* Before any container of a pod runs: leave to be made, a node, volumes, a network. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum {
    NO_PORT_GRACE_MS = 30 * 1000, /* the old pod may have to go first */
    NO_NODE_GRACE_MS = 10 * 1000,
    NEW_NODE_GRACE_MS = 300 * 1000, /* a cluster that is not local may be getting another node */
    NO_CLAIM_GRACE_MS = 5 * 1000,
    NO_CLASS_GRACE_MS = 10 * 1000,
    VOLUME_GRACE_MS = 45 * 1000, /* provisioning */
    MISSING_GRACE_MS = 5 * 1000,
    HOST_PATH_GRACE_MS = 10 * 1000,
    SANDBOX_GRACE_MS = 30 * 1000,
    SCHEDULER_GRACE_MS = 30 * 1000,
};

/* --- leave to be made ------------------------------------------------------------------------- */

/* `pods "web-5d5664d5d9-r6lkg" is forbidden: WHY`: the name of a pod that never was helps nobody.
 */
static const char *forbidden_why(const char *message)
{
    const char *why = strstr(message, "is forbidden: ");
    return why ? why + strlen("is forbidden: ") : message;
}

void skf_judge_create_words(const char *message, struct trouble *t)
{
    const char *why = forbidden_why(message);
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_CREATE, "no pod can be made: %s", why);
    if (strstr(message, "exceeded quota")) {
        skf_trouble_hint(t, "free some quota, ask for less in resources, or deploy elsewhere with "
                            "-n");
        skf_trouble_field(t, "containers[0].resources");
    } else if (strstr(message, "failed quota")) {
        skf_trouble_hint(t, "the namespace's quota wants these written: add them to resources");
        skf_trouble_field(t, "containers[0].resources");
    } else if (SKF_ANY_OF(why, "per Container", "per Pod", "LimitRange")) {
        skf_trouble_hint(t,
                         "the namespace's LimitRange says so: change resources, or the LimitRange");
        skf_trouble_field(t, "containers[0].resources");
    } else if (strstr(message, "violates PodSecurity")) {
        skf_trouble_hint(t,
                         "set what it asks for in securityContext, or deploy to a namespace that "
                         "allows it");
        skf_trouble_field(t, "containers[0].securityContext");
    } else if (strstr(message, "serviceaccount") && strstr(message, "not found")) {
        skf_trouble_hint(t, "add the ServiceAccount to the manifests, or take serviceAccountName "
                            "out");
        skf_trouble_field(t, "serviceAccountName");
    } else if (strstr(message, "PriorityClass")) {
        skf_trouble_hint(t, "make that PriorityClass, or take priorityClassName out");
        skf_trouble_field(t, "priorityClassName");
    } else if (strstr(message, "RuntimeClass")) {
        skf_trouble_hint(t, "make that RuntimeClass, or take runtimeClassName out");
        skf_trouble_field(t, "runtimeClassName");
    } else if (strstr(message, "admission webhook")) {
        skf_trouble_hint(t, "that webhook of the cluster refuses it");
    }
}

/* --- a node ----------------------------------------------------------------------------------- */

static unsigned no_node_grace(const struct skf_judge *j)
{
    return j->local ? NO_NODE_GRACE_MS : NEW_NODE_GRACE_MS;
}

/* "0/1 nodes are available: 1 Insufficient cpu. no new claims ..., preemption: ...": up to the
 * first sentence, which says it all. */
static char *first_sentence(const char *message)
{
    const char *colon = strstr(message, "available: ");
    const char *end = strstr(colon ? colon : message, ". ");
    size_t len = end ? (size_t)(end - message) : strlen(message);
    while (len && message[len - 1] == '.')
        len--;
    return skf_xstrndup(message, len);
}

/* "1 Insufficient cpu" -> "cpu" (owned), or NULL. */
static char *scarce_resource(const char *message)
{
    const char *word = strstr(message, "Insufficient ");
    if (!word)
        return NULL;
    word += strlen("Insufficient ");
    size_t len = strcspn(word, " ,");
    while (len && word[len - 1] == '.')
        len--;
    return skf_xstrndup(word, len);
}

static void no_room(const json_t *pod, const char *message, struct trouble *t)
{
    skf_autofree char *what = scarce_resource(message);
    const json_t *containers = skf_jget(pod, "spec.containers");
    bool standard = strcmp(what, "cpu") == 0 || strcmp(what, "memory") == 0;
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *c = json_array_get(containers, i);
        const char *asked = skf_jkey(c, "resources.requests", what);
        if (!asked)
            continue;
        if (standard)
            skf_trouble_hint(t,
                             "it asks for %s %s: ask for less in resources.requests, or make room",
                             what, asked);
        else
            skf_trouble_hint(t, "no node offers (enough) %s: is its device plugin there?", what);
        skf_trouble_field(t, "containers[%s].resources.%s", skf_jtext(c, "name"),
                          standard ? "requests" : "limits");
        if (standard)
            skf_trouble_field(t, "containers[%s].resources.requests.%s", skf_jtext(c, "name"),
                              what);
        return;
    }
    skf_trouble_hint(t, "ask for less in resources.requests, or make room");
    skf_trouble_field(t, "containers[0].resources");
}

/* "disk=ssd, zone=a" */
static char *selector_words(const json_t *selector)
{
    struct skf_buf out = SKF_BUF_INIT;
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)selector, key, value)
        skf_buf_addf(&out, "%s%s=%s", out.len ? ", " : "", key,
                     json_string_value(value) ? json_string_value(value) : "");
    return skf_buf_take(&out);
}

static void no_match(const json_t *pod, const char *message, struct trouble *t)
{
    const json_t *selector = skf_jget(pod, "spec.nodeSelector");
    if (strstr(message, "untolerated taint")) {
        skf_trouble_hint(t, "give the pod a toleration for the taint, or take it off the node");
        skf_trouble_field(t, "tolerations");
    } else if (strstr(message, "pod affinity") || strstr(message, "anti-affinity")) {
        skf_trouble_hint(t, "check affinity: with so few nodes fewer replicas fit, or make it "
                            "preferred");
        skf_trouble_field(t, strstr(message, "anti-affinity") ? "affinity.podAntiAffinity"
                                                              : "affinity.podAffinity");
    } else if (strstr(message, "topology spread")) {
        skf_trouble_hint(t, "check topologySpreadConstraints: do the nodes have that label?");
        skf_trouble_field(t, "topologySpreadConstraints");
    } else if (selector && strstr(message, "affinity/selector")) {
        skf_autofree char *words = selector_words(selector);
        skf_trouble_hint(t, "check nodeSelector: no node has %s", words);
        skf_trouble_field(t, "nodeSelector");
    } else if (strstr(message, "affinity/selector")) {
        skf_trouble_hint(t, "check affinity.nodeAffinity: no node has such labels");
        skf_trouble_field(t, "affinity.nodeAffinity");
    } else if (strstr(message, "unschedulable")) {
        skf_trouble_hint(t, "the node is closed for new pods: kubectl uncordon");
    } else {
        skf_trouble_hint(t, "check nodeSelector, affinity and tolerations");
    }
}

/* --- volumes ---------------------------------------------------------------------------------- */

/* The template of a StatefulSet that made the claim ("data" of "data-web-0"), or NULL. Owned. */
static char *claim_template(const json_t *pod, const char *claim)
{
    const char *name = skf_jtext(pod, "metadata.name");
    size_t len = strlen(claim), tail = strlen(name);
    if (!skf_jfind(pod, "metadata.ownerReferences", "kind", "StatefulSet") || len < tail + 2 ||
        strcmp(claim + len - tail, name) != 0)
        return NULL;
    return skf_xstrndup(claim, len - tail - 1);
}

static void claim_field(const json_t *pod, const char *claim, const char *below, struct trouble *t)
{
    skf_autofree char *made_by = claim_template(pod, claim);
    if (made_by) {
        skf_trouble_field(t, "/spec.volumeClaimTemplates[%s].spec.%s", made_by, below);
        return;
    }
    skf_trouble_field(t, "spec.%s", below);
    skf_replace(&t->finding.about, skf_xasprintf("PersistentVolumeClaim/%s", claim));
}

/* The claim says itself why it stays unbound. */
static bool judge_claims(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const json_t *volumes = skf_jget(pod, "spec.volumes");
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const char *claim = skf_jstr(json_array_get(volumes, i), "persistentVolumeClaim.claimName");
        const json_t *event = claim
                                  ? skf_judge_named_event(j, "PersistentVolumeClaim",
                                                          skf_jtext(pod, "metadata.namespace"),
                                                          claim, "ProvisioningFailed FailedBinding")
                                  : NULL;
        if (!event)
            continue;
        const char *message = skf_jtext(event, "message");
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_VOLUME,
                        "waits for its volume: claim '%s' is not bound: %s", claim, message);
        bool no_class = strstr(message, "storageclass") && strstr(message, "not found");
        bool none_set = strstr(message, "no storage class is set") != NULL;
        if (no_class || none_set)
            skf_trouble_hint(t, "name a StorageClass of the cluster (kubectl get storageclass) in "
                                "storageClassName");
        claim_field(pod, claim, "storageClassName", t);
        skf_trouble_lasting(j, uid, "claim",
                            no_class || none_set ? NO_CLASS_GRACE_MS : VOLUME_GRACE_MS, t);
        return true;
    }
    return false;
}

static void no_volume(struct skf_judge *j, const json_t *pod, const char *message,
                      struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *missing = strstr(message, "persistentvolumeclaim \"");
    t->finding.cause = SKF_CAUSE_VOLUME;
    if (missing && strstr(missing, "\" not found")) {
        const char *name = strchr(missing, '"') + 1;
        skf_autofree char *claim = skf_xstrndup(name, strcspn(name, "\""));
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_VOLUME,
                        "waits for its volume: there is no PersistentVolumeClaim '%s'", claim);
        skf_trouble_hint(t, "add it to the manifests, in the pod's namespace");
        const json_t *volumes = skf_jget(pod, "spec.volumes");
        for (size_t i = 0; i < json_array_size(volumes); i++) {
            const json_t *v = json_array_get(volumes, i);
            if (strcmp(skf_jtext(v, "persistentVolumeClaim.claimName"), claim) == 0)
                skf_trouble_field(t, "volumes[%s].persistentVolumeClaim.claimName",
                                  skf_jtext(v, "name"));
        }
        skf_trouble_lasting(j, uid, "claim", NO_CLAIM_GRACE_MS, t);
        return;
    }
    if (judge_claims(j, pod, t))
        return;
    skf_trouble_hint(t, "is there a StorageClass that can make the volume (kubectl get pvc,sc)?");
    skf_trouble_field(t, "volumes");
    skf_trouble_lasting(j, uid, "volume", VOLUME_GRACE_MS, t);
}

void skf_judge_scheduling(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const json_t *scheduled = skf_jfind(pod, "status.conditions", "type", "PodScheduled");
    const char *reason = skf_jtext(scheduled, "reason");
    const char *uid = skf_jtext(pod, "metadata.uid");
    const char *scheduler = skf_jtext(pod, "spec.schedulerName");
    if (!scheduled && *scheduler && strcmp(scheduler, "default-scheduler") != 0 &&
        strcmp(skf_jtext(pod, "status.phase"), "Pending") == 0) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_UNSCHEDULABLE,
                        "is given no node: no scheduler '%s' has looked at it", scheduler);
        skf_trouble_hint(t, "take schedulerName out, or start that scheduler");
        skf_trouble_field(t, "schedulerName");
        skf_trouble_lasting(j, uid, "scheduler", SCHEDULER_GRACE_MS, t);
        return;
    }
    if (strcmp(skf_jtext(scheduled, "status"), "False") != 0)
        return;
    if (strcmp(reason, "SchedulingGated") == 0) {
        skf_trouble_set(
            t, WEIGHT_GRACE, SKF_CAUSE_UNSCHEDULABLE,
            "is held back: nobody removes its scheduling gate '%s'",
            skf_jtext(json_array_get(skf_jget(pod, "spec.schedulingGates"), 0), "name"));
        skf_trouble_field(t, "schedulingGates");
        skf_trouble_lasting(j, uid, "gate", SCHEDULER_GRACE_MS, t);
        return;
    }
    if (strcmp(reason, "Unschedulable") != 0)
        return;
    const char *message = skf_jtext(scheduled, "message");
    skf_autofree char *why = first_sentence(message);
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_UNSCHEDULABLE, "fits on no node: %s", why);
    if (SKF_ANY_OF(message, "not-ready", "unreachable", "not found in cache")) {
        t->weight = WEIGHT_NOTE; /* a cluster that is starting */
    } else if (SKF_ANY_OF(why, "persistentvolumeclaim", "volume")) {
        no_volume(j, pod, why, t);
    } else if (strstr(why, "Insufficient")) {
        no_room(pod, why, t);
        skf_trouble_lasting(j, uid, "room", no_node_grace(j), t);
    } else if (strstr(why, "didn't have free ports")) {
        skf_trouble_hint(t, "the hostPort is taken, often by the pod that is being replaced: use "
                            "strategy Recreate, or take hostPort out");
        skf_trouble_field(t, "containers[0].ports[0].hostPort");
        skf_trouble_lasting(j, uid, "port", NO_PORT_GRACE_MS, t);
    } else {
        no_match(pod, why, t);
        skf_trouble_lasting(j, uid, "node", no_node_grace(j), t);
    }
}

/* --- mounts and the network ------------------------------------------------------------------- */

/* `MountVolume.SetUp failed for volume "data" : WHY`; *name is owned, NULL when it names none. */
static const char *mount_why(const char *message, char **name)
{
    const char *quote = strstr(message, "for volume \"");
    const char *why = quote ? strstr(quote, "\" : ") : NULL;
    if (!why)
        return message;
    quote += strlen("for volume \"");
    *name = skf_xstrndup(quote, (size_t)(why - quote));
    return why + 4;
}

static const char *source_of(const json_t *pod, const char *volume)
{
    static const char *const sources[] = {
        "configMap", "secret", "hostPath", "projected", "persistentVolumeClaim", "csi", "nfs"
    };
    const json_t *v = skf_jfind(pod, "spec.volumes", "name", volume);
    for (size_t i = 0; i < SKF_ARRAY_LEN(sources); i++) {
        if (skf_jget(v, sources[i]))
            return sources[i];
    }
    return NULL;
}

void skf_judge_setup(struct skf_judge *j, const json_t *pod, struct trouble *t)
{
    const char *uid = skf_jtext(pod, "metadata.uid");
    const json_t *event = skf_judge_event(
        j, uid, "FailedMount FailedAttachVolume FailedCreatePodSandBox FailedMapVolume");
    if (!event)
        return;
    skf_autofree char *volume = NULL;
    const char *why = mount_why(skf_jtext(event, "message"), &volume);
    if (strcmp(skf_jtext(event, "reason"), "FailedCreatePodSandBox") == 0) {
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_START, "cannot be given a network: %s", why);
        skf_trouble_lasting(j, uid, "setup", SANDBOX_GRACE_MS, t);
        return;
    }
    if (volume)
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_VOLUME, "waits for volume '%s': %s", volume,
                        why);
    else
        skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_VOLUME, "waits for a volume: %s", why);
    const char *source = volume ? source_of(pod, volume) : NULL;
    skf_trouble_field(t, "volumes");
    if (source)
        skf_trouble_field(t, "volumes[%s].%s", volume, source);
    if (SKF_ANY_OF(why, "configmap", "secret") && strstr(why, "not found")) {
        t->finding.cause = SKF_CAUSE_CONFIG;
        skf_trouble_hint(t, "add it to the manifests, in the pod's namespace");
        if (source)
            skf_trouble_field(t, "volumes[%s].%s.%s", volume, source,
                              strcmp(source, "secret") == 0 ? "secretName" : "name");
        skf_trouble_lasting(j, uid, "mount", MISSING_GRACE_MS, t);
    } else if (strstr(why, "non-existent config key")) {
        t->finding.cause = SKF_CAUSE_CONFIG;
        skf_trouble_hint(t, "name keys that it has in items, or add the key");
        if (source)
            skf_trouble_field(t, "volumes[%s].%s.items", volume, source);
        skf_trouble_lasting(j, uid, "mount", MISSING_GRACE_MS, t);
    } else if (strstr(why, "hostPath type check failed")) {
        skf_trouble_hint(t, "is that path on the node? type: DirectoryOrCreate makes it");
        if (source)
            skf_trouble_field(t, "volumes[%s].hostPath.path", volume);
        skf_trouble_lasting(j, uid, "mount", HOST_PATH_GRACE_MS, t);
    } else {
        skf_trouble_lasting(j, uid, "setup", VOLUME_GRACE_MS, t);
    }
}

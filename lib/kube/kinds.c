#include "lib/kube/kinds.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/mem.h"

struct images_of {
    const char *group, *kind, *paths;
};

static const struct images_of images[] = {
    { "", "Pod", "*" },
    { "", "Service", "*" },
    { "", "ReplicationController", "*" },
    { "", "PodTemplate", "*" },
    { "apps", "DaemonSet", "*" },
    { "apps", "Deployment", "*" },
    { "apps", "ReplicaSet", "*" },
    { "apps", "StatefulSet", "*" },
    { "extensions", "DaemonSet", "*" },
    { "extensions", "Deployment", "*" },
    { "extensions", "ReplicaSet", "*" },
    { "batch", "CronJob", "*" },
    { "batch", "Job", "*" },
    { "serving.knative.dev", "Service", "*" },
    { "agones.dev", "Fleet", "*" },
    { "agones.dev", "GameServer", "*" },
    { "argoproj.io", "Rollout", "*" },
    { "argoproj.io", "Workflow", "*" },
    { "argoproj.io", "CronWorkflow", "*" },
    { "argoproj.io", "WorkflowTemplate", "*" },
    { "argoproj.io", "ClusterWorkflowTemplate", "*" },
    { "run.googleapis.com", "Job", "*" },
    { "run.googleapis.com", "WorkerPool", "*" },
    { "platform.confluent.io", "Connect", "spec.image.application spec.image.init" },
    { "platform.confluent.io", "ControlCenter", "spec.image.application spec.image.init" },
    { "platform.confluent.io", "Kafka", "spec.image.application spec.image.init" },
    { "platform.confluent.io", "KsqlDB", "spec.image.application spec.image.init" },
    { "platform.confluent.io", "SchemaRegistry", "spec.image.application spec.image.init" },
    { "platform.confluent.io", "Zookeeper", "spec.image.application spec.image.init" },
    { "kafka.strimzi.io", "KafkaConnect", "spec.image" },
    { "kafka.strimzi.io", "Kafka",
      "spec.kafka.image spec.zookeeper.image spec.entityOperator.topicOperator.image "
      "spec.entityOperator.userOperator.image spec.kafkaExporter.image" },
};

/* Namespaced kinds of Kubernetes itself without images. */
static const struct images_of plain[] = {
    { "", "ConfigMap" },
    { "", "Secret" },
    { "", "PersistentVolumeClaim" },
    { "", "ServiceAccount" },
    { "", "Endpoints" },
    { "", "LimitRange" },
    { "", "ResourceQuota" },
    { "apps", "ControllerRevision" },
    { "autoscaling", "HorizontalPodAutoscaler" },
    { "coordination.k8s.io", "Lease" },
    { "discovery.k8s.io", "EndpointSlice" },
    { "networking.k8s.io", "Ingress" },
    { "networking.k8s.io", "NetworkPolicy" },
    { "policy", "PodDisruptionBudget" },
    { "rbac.authorization.k8s.io", "Role" },
    { "rbac.authorization.k8s.io", "RoleBinding" },
};

/* "apps/v1" is group "apps"; "v1" is the core group "". */
static size_t group_len(const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    return slash ? (size_t)(slash - api_version) : 0;
}

static const struct images_of *find(const struct images_of *table, size_t n,
                                    const char *api_version, const char *kind)
{
    size_t len = group_len(api_version);
    for (size_t i = 0; i < n; i++) {
        if (strlen(table[i].group) == len && strncmp(table[i].group, api_version, len) == 0 &&
            strcmp(table[i].kind, kind) == 0)
            return &table[i];
    }
    return NULL;
}

/* Config Connector: any group below cnrm.cloud.google.com. */
static bool is_config_connector(const char *api_version)
{
    static const char suffix[] = ".cnrm.cloud.google.com";
    size_t len = group_len(api_version), n = sizeof suffix - 1;
    return len > n && strncmp(api_version + len - n, suffix, n) == 0;
}

const char *skf_kind_image_paths(const char *api_version, const char *kind)
{
    const struct images_of *found = find(images, SKF_ARRAY_LEN(images), api_version, kind);
    if (found)
        return found->paths;
    return is_config_connector(api_version) ? "*" : NULL;
}

bool skf_kind_is(const char *api_version, const char *kind, const char *group_kind)
{
    size_t n = strlen(kind), len = group_len(api_version);
    if (strncmp(group_kind, kind, n) != 0)
        return false;
    const char *rest = group_kind + n;
    if (len == 0)
        return !*rest;
    return *rest == '.' && strncmp(rest + 1, api_version, len) == 0 && !rest[1 + len];
}

bool skf_kind_namespaced(const char *api_version, const char *kind)
{
    if (strcmp(kind, "ClusterWorkflowTemplate") == 0)
        return false;
    return find(images, SKF_ARRAY_LEN(images), api_version, kind) ||
           find(plain, SKF_ARRAY_LEN(plain), api_version, kind) || is_config_connector(api_version);
}

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/kube/api.h"

struct resource {
    const char *kind, *prefix, *plural;
    bool cluster_wide;
};

static const struct resource resources[] = {
    { "Pod", "/api/v1", "pods" },
    { "Service", "/api/v1", "services" },
    { "Endpoints", "/api/v1", "endpoints" },
    { "ConfigMap", "/api/v1", "configmaps" },
    { "Secret", "/api/v1", "secrets" },
    { "Event", "/api/v1", "events" },
    { "ServiceAccount", "/api/v1", "serviceaccounts" },
    { "PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims" },
    { "ResourceQuota", "/api/v1", "resourcequotas" },
    { "ReplicationController", "/api/v1", "replicationcontrollers" },
    { "Namespace", "/api/v1", "namespaces", true },
    { "Node", "/api/v1", "nodes", true },
    { "Deployment", "/apis/apps/v1", "deployments" },
    { "ReplicaSet", "/apis/apps/v1", "replicasets" },
    { "StatefulSet", "/apis/apps/v1", "statefulsets" },
    { "DaemonSet", "/apis/apps/v1", "daemonsets" },
    { "Job", "/apis/batch/v1", "jobs" },
    { "CronJob", "/apis/batch/v1", "cronjobs" },
    { "EndpointSlice", "/apis/discovery.k8s.io/v1", "endpointslices" },
    { "Ingress", "/apis/networking.k8s.io/v1", "ingresses" },
    { "NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies" },
    { "HorizontalPodAutoscaler", "/apis/autoscaling/v2", "horizontalpodautoscalers" },
    { "PodDisruptionBudget", "/apis/policy/v1", "poddisruptionbudgets" },
    { "Role", "/apis/rbac.authorization.k8s.io/v1", "roles" },
    { "RoleBinding", "/apis/rbac.authorization.k8s.io/v1", "rolebindings" },
    { "ClusterRole", "/apis/rbac.authorization.k8s.io/v1", "clusterroles", true },
    { "ClusterRoleBinding", "/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", true },
    { "CustomResourceDefinition", "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions",
      true },
    { "StorageClass", "/apis/storage.k8s.io/v1", "storageclasses", true },
};

static char *path_of(const struct resource *r, const char *namespace_, const char *name)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    skf_buf_adds(&path, r->prefix);
    if (namespace_ && !r->cluster_wide) {
        skf_autofree char *ns = skf_http_escape(namespace_);
        skf_buf_addf(&path, "/namespaces/%s", ns);
    }
    skf_buf_addf(&path, "/%s", r->plural);
    if (name) {
        skf_autofree char *escaped = skf_http_escape(name);
        skf_buf_addf(&path, "/%s", escaped);
    }
    return skf_buf_take(&path);
}

char *skf_kube_path(const char *kind, const char *namespace_, const char *name)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(resources); i++)
        if (strcmp(resources[i].kind, kind) == 0)
            return path_of(&resources[i], namespace_, name);
    return NULL;
}

char *skf_kube_object_path(const char *api_version, const char *kind, const char *namespace_,
                           const char *name)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(resources); i++) {
        const struct resource *r = &resources[i];
        const char *version = r->prefix + (strncmp(r->prefix, "/apis/", 6) == 0 ? 6 : 5);
        if (strcmp(r->kind, kind) == 0 && strcmp(version, api_version) == 0)
            return path_of(r, namespace_, name);
    }
    return NULL;
}

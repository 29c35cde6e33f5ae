/* lib/kube/service_check.h: Services and Ingresses that lead nowhere, seen in the manifests alone.
 */
#ifndef SKF_KUBE_SERVICE_CHECK_H
#define SKF_KUBE_SERVICE_CHECK_H
#include "lib/kube/manifest.h"

/* Adds a calm line for each Service whose selector matches no pod template among the objects of its
 * namespace, or whose target port no such pod has, and for each Ingress to a port that its Service
 * has not: "k8s/web.yaml:12:5: service 'web' ...". Without
 * any workload in the Service's namespace nothing is said: its pods may come from elsewhere. */
int skf_manifest_check_services(const struct skf_objects *objects, const char *default_namespace,
                                struct skf_strv *notes, struct skf_err *err);
#endif

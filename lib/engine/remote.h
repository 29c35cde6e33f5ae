/* lib/engine/remote.h: manifests that stand in a cluster (manifests.remoteManifests), read by
 * `kubectl get` at each render. */
#ifndef SKF_ENGINE_REMOTE_H
#define SKF_ENGINE_REMOTE_H
#include <stdbool.h>

#include "lib/config/model.h"
#include "lib/engine/tools.h"

struct skf_kube_context;

/* A run for each. kube: whose context counts where an entry names none, or NULL (the current one);
 * kubectl, kubeconfig: NULL = as kubectl finds it. What they print is live: clean it with
 * skf_manifest_strip_live. */
void skf_remote_add(const struct skf_config *config, const struct skf_kube_context *kube,
                    const char *kubectl, const char *kubeconfig, bool deployed,
                    struct skf_tools *tools);
#endif

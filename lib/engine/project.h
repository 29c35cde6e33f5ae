/* lib/engine/project.h: which project this is, to tell its objects in a cluster from others', and
 * where they live. */
#ifndef SKF_ENGINE_PROJECT_H
#define SKF_ENGINE_PROJECT_H
#include "lib/config/model.h"
#include "lib/kube/kubeconfig.h"

/* "shop-3f1c9a0b2d", fit for a label; owned. The same in every clone of a git repository that has
 * an `origin`, else bound to the directory on this machine. Blocks (small local files). */
char *skf_project_id(const struct skf_config *config);
/* deploy.kubectl.defaultNamespace of the last module that has one, or NULL; borrowed. */
const char *skf_project_default_namespace(const struct skf_config *config);
/* What objects without a namespace of their own mean: `flag` (--namespace), the default namespace,
 * that of the context. Borrowed. */
const char *skf_project_namespace(const struct skf_config *config, const char *flag,
                                  const struct skf_kube_context *kube);
#endif

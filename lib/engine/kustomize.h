/* lib/engine/kustomize.h: manifests that kustomize makes, by the user's own tool: `kustomize
 * build`, or `kubectl kustomize` where there is no kustomize. */
#ifndef SKF_ENGINE_KUSTOMIZE_H
#define SKF_ENGINE_KUSTOMIZE_H
#include <stdbool.h>

#include "lib/config/model.h"
#include "lib/engine/tools.h"

/* A run for each path. kubectl: its path; NULL = as found in PATH. deployed: only modules that have
 * a deployer. */
void skf_kustomize_add(const struct skf_config *config, const char *kubectl, bool deployed,
                       struct skf_tools *tools);
/* What the kustomizations of a configuration read, as far as it is local: absolute directories (all
 * below counts) and files. Blocks; broken or missing ones give their directory alone. */
void skf_kustomize_inputs(const struct skf_config *config, struct skf_strv *trees,
                          struct skf_strv *files);
#endif

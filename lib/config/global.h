/* lib/config/global.h: ~/.skaffold/config as the pipelines read it. */
#ifndef SKF_CONFIG_GLOBAL_H
#define SKF_CONFIG_GLOBAL_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/field.h"

/* What holds for one kube context. Owned. */
struct skf_global {
    char *default_repo; /* NULL = none */
    enum skf_tristate multi_level_repo, local_cluster, kind_disable_load, k3d_disable_load;
    struct skf_strv insecure_registries;
};

/* path NULL = ~/.skaffold/config; a missing file gives an empty result. The last entry of
 * kubeContexts that matches (as in profiles: equal, or a regular expression, "!" negates) is used,
 * gaps are filled from `global`, lists are joined. Unknown keys are ignored: other tools write
 * there too. */
int skf_global_load(const char *path, const char *kube_context, struct skf_global *out,
                    struct skf_err *err);
void skf_global_release(struct skf_global *g);
#endif

/* lib/engine/plan.h: what a configuration means here and now: which artifacts are built by which
 * builder, under which name, for which platforms, and where they must end up. */
#ifndef SKF_ENGINE_PLAN_H
#define SKF_ENGINE_PLAN_H
#include <stdbool.h>

#include "lib/config/load.h"
#include "lib/engine/builder.h"
#include "lib/kube/kubeconfig.h"

/* From flags and from the cluster. All borrowed. */
struct skf_plan_request {
    const struct skf_builder_ops *const *builders; /* ends with NULL */
    const struct skf_strv *only;      /* --build-image: substrings; NULL or empty = all */
    const struct skf_strv *platforms; /* --platform */
    const char *default_repo;         /* flag or environment; NULL = none, "" = off */
    bool multi_level_repo;
    const char *discovered_repo; /* the cluster's own registry (KEP-1755) or NULL */
    const char *fallback_repo;   /* of ~/.skaffold/config, when neither of them is there; or NULL */
    enum skf_tristate push;      /* --push */
    const struct skf_kube_context *kube; /* NULL = no cluster at hand */
    bool local_default;                  /* this cluster gets images without a registry */
    const struct skf_target *local;      /* where they go then; NULL = only a registry will do */
    bool deploys;                        /* the command brings images to a cluster */
};

struct skf_planned {
    const struct skf_module *module;
    const struct skf_artifact *artifact;
    const struct skf_builder_ops *builder;
    char *dir;   /* absolute context */
    char *name;  /* repository to build as: sanitised, default repo applied */
    char *match; /* sanitised artifact name: what manifests say */
    struct skf_strv platforms;
    struct skf_target target;
    char fingerprint[72]; /* equal fingerprints: an edit of skaffold.yaml did not touch this
                             artifact */
};

struct skf_plan {
    struct skf_config config; /* owned */
    struct skf_planned *artifacts;
    size_t n_artifacts;
};

/* Takes the config over on success. SKF_EUNSUPPORTED, SKF_ECONFIG, SKF_EINVAL with file:line:col.
 */
int skf_plan_make(const struct skf_plan_request *req, struct skf_config *config,
                  struct skf_plan *out, struct skf_err *err);
void skf_plan_release(struct skf_plan *p);
/* Expands the templates of what is deployed, and where to, in place. A plan that deploys has it
 * done; doing it again changes nothing. SKF_ECONFIG with the place. */
int skf_plan_expand(struct skf_config *config, struct skf_err *err);
/* Is the cluster's registry ConfigMap worth a request (local cluster, nothing said about pushing)?
 */
bool skf_plan_wants_discovery(const struct skf_plan_request *req, const struct skf_config *config);
#endif

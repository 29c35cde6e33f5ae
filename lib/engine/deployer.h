/* lib/engine/deployer.h: the seam to deployers. To add one: see builder.h, in deployers/.
 *
 * A deployer is fed the rendered manifests (kubectl), or brings sources of its own (helm). Those of
 * a plan run one after the other, in the order of the registry. */
#ifndef SKF_ENGINE_DEPLOYER_H
#define SKF_ENGINE_DEPLOYER_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/engine/services.h"
#include "lib/kube/kubeconfig.h"
#include "lib/kube/manifest.h"

/* One deployer of a session: zero it, fill the first part anew for each operation. */
struct skf_deploy {
    const struct skf_services *services;
    const struct skf_kube_context *kube;
    const struct skf_config *config;
    const struct skf_module *module; /* whose kubectl settings count */
    const char *kubectl;             /* path of the program */
    const char *kubeconfig;          /* --kubeconfig or NULL */
    const char *namespace_;          /* --namespace or NULL */
    /* What was built, as name in the file -> reference; for sources of its own. Borrowed. */
    const struct skf_pair *images;
    size_t n_images;
    bool force;
    /* Sources of its own: their files may have changed since the last deploy. */
    bool sources_changed;
    /* remove: only what this session has created, not all that the configuration names. */
    bool only_created;
    void *data;
    void (*on_line)(struct skf_deploy *d, const char *line); /* the tool's own lines */
    void (*done)(struct skf_deploy *d, const struct skf_err *err);
    const char *errors; /* what the tool wrote to stderr, when it failed; valid in done only */
    /* --- results of a deploy with sources of its own ------------------------------------------ */
    struct skf_objects deployed; /* all that stands now; the engine's from done on */
    bool acted;                  /* something was done, and not all found as it should be */
    /* --- the deployer's --- */
    void *priv;  /* of the running operation */
    void *state; /* of the session, until forget */
};

struct skf_deployer_ops {
    const char *name;
    /* Does the configuration ask for it? */
    bool (*wanted)(const struct skf_config *config);
    bool own_sources; /* deploy is called with NULL, and always: it finds out what differs */
    /* Gets ready while the build still runs: starts what takes time. May be NULL. */
    void (*prepare)(struct skf_deploy *d);
    /* Applies these objects; after prepare or without it. done comes exactly once. */
    void (*deploy)(struct skf_deploy *d, const char *manifests, size_t len);
    /* Deletes these objects; with sources of its own: what it has deployed. */
    void (*remove)(struct skf_deploy *d, const char *manifests, size_t len);
    /* Only asks. A running deploy or remove ends with done(SKF_ECANCELED). After prepare alone:
     * true when done will come, false when there is nothing to wait for. */
    bool (*cancel)(struct skf_deploy *d);
    /* Has deploy created something that remove would take away with only_created? With sources of
     * its own only. */
    bool (*has_created)(const struct skf_deploy *d);
    /* Frees `state`. May be NULL. */
    void (*forget)(struct skf_deploy *d);
};
#endif

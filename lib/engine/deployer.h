/* lib/engine/deployer.h: the seam to deployers. To add one: see builder.h, in deployers/. */
#ifndef SKF_ENGINE_DEPLOYER_H
#define SKF_ENGINE_DEPLOYER_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/engine/services.h"
#include "lib/kube/kubeconfig.h"
#include "lib/kube/manifest.h"

struct skf_deploy {
    const struct skf_services *services;
    const struct skf_kube_context *kube;
    const struct skf_module *module;
    const char *kubectl;    /* path of the program */
    const char *kubeconfig; /* --kubeconfig or NULL */
    const char *namespace_; /* --namespace or NULL */
    bool force;
    void *data;
    void (*on_line)(struct skf_deploy *d, const char *line); /* kubectl's own lines */
    void (*done)(struct skf_deploy *d, const struct skf_err *err);
    void *priv;
};

struct skf_deployer_ops {
    const char *name;
    /* Gets ready while the build still runs: starts what takes time. May be NULL. */
    void (*prepare)(struct skf_deploy *d);
    /* Applies these objects; after prepare or without it. done comes exactly once. */
    void (*deploy)(struct skf_deploy *d, const char *manifests, size_t len);
    /* Deletes these objects. */
    void (*remove)(struct skf_deploy *d, const char *manifests, size_t len);
    /* Only asks. A running deploy or remove ends with done(SKF_ECANCELED). After prepare alone:
     * true when done will come, false when there is nothing to wait for. */
    bool (*cancel)(struct skf_deploy *d);
};
#endif

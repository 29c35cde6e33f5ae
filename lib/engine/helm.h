/* lib/engine/helm.h: what a helm release of skaffold.yaml is on helm's command line. Used to render
 * (manifests.helm) and to deploy (deploy.helm). */
#ifndef SKF_ENGINE_HELM_H
#define SKF_ENGINE_HELM_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/engine/builder.h"
#include "lib/engine/tools.h"

/* A release with all templates expanded. */
struct skf_helm_call {
    char *name, *namespace_, *version, *repo; /* NULL = not said */
    char *chart;                              /* absolute directory, or what remoteChart says */
    bool local;                               /* a directory of this machine */
    struct skf_strv values;                   /* --set, --set-file and -f */
    struct skf_buf overrides;                 /* YAML for "-f -"; empty = none */
    char *package_version, *app_version;      /* NULL = not said */
};

/* namespace_: --namespace or NULL; dir: of the module. */
int skf_helm_resolve(const struct skf_helm_release *r, const char *dir, const char *namespace_,
                     const struct skf_pair *images, size_t n_images, struct skf_helm_call *out,
                     struct skf_err *err);
void skf_helm_call_release(struct skf_helm_call *c);

/* Begins a command line: "helm [secrets] [--kube-context C] [--kubeconfig F]"; then the command. */
void skf_helm_begin(struct skf_strv *argv, const struct skf_helm_release *r, const char *context,
                    const char *kubeconfig);
/* What all commands that take a chart end with: chart, version, namespace, repo, values. */
void skf_helm_chart_args(struct skf_strv *argv, const struct skf_helm_call *c);

/* Indices of the releases in an order in which each comes after those it depends on; `order` has
 * room for all. A circle or an unknown name is an error. */
int skf_helm_order(const struct skf_helm *helm, size_t *order, struct skf_err *err);

/* Runs to render a module's charts: dependencies, then `helm template`. */
int skf_helm_add(const struct skf_module *m, const struct skf_helm *helm, size_t group,
                 const char *namespace_, const struct skf_pair *images, size_t n_images,
                 struct skf_tools *tools, struct skf_err *err);

/* What the charts of a configuration are made of, as far as it is local. `helm dependency build`
 * writes into a chart: that is left out. */
void skf_helm_inputs(const struct skf_config *config, struct skf_inputs *out);
#endif

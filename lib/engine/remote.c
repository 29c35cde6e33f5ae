#include "lib/engine/remote.h"

#include "lib/base/mem.h"
#include "lib/kube/kubeconfig.h"

static void add_one(const struct skf_remote_manifest *m, const struct skf_kube_context *kube,
                    const char *kubectl, const char *kubeconfig, size_t group,
                    struct skf_tools *tools)
{
    const char *context = m->kube_context              ? m->kube_context
                          : kube && kube->files.n != 0 ? kube->name
                                                       : NULL;
    struct skf_tool_run *run = skf_tools_add(tools, skf_xasprintf("kubectl get %s", m->object));
    run->group = group;
    skf_strv_add(&run->argv, kubectl ? kubectl : "kubectl");
    if (context)
        skf_strv_addf(&run->argv, "--context=%s", context);
    if (kubeconfig)
        skf_strv_addf(&run->argv, "--kubeconfig=%s", kubeconfig);
    skf_strv_add(&run->argv, "get");
    skf_strv_add(&run->argv, m->object);
    skf_strv_add(&run->argv, "-oyaml");
    if (m->namespace_)
        skf_strv_addf(&run->argv, "--namespace=%s", m->namespace_);
}

void skf_remote_add(const struct skf_config *config, const struct skf_kube_context *kube,
                    const char *kubectl, const char *kubeconfig, bool deployed,
                    struct skf_tools *tools)
{
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_module *m = &config->modules[i];
        for (size_t j = 0; (m->has_kubectl || !deployed) && j < m->n_remote_manifests; j++)
            add_one(&m->remote_manifests[j], kube, kubectl, kubeconfig, i, tools);
    }
}

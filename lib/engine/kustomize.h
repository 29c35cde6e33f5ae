/* lib/engine/kustomize.h: manifests that kustomize makes, by the user's own tool: `kustomize
 * build`, or `kubectl kustomize` where there is no kustomize. */
#ifndef SKF_ENGINE_KUSTOMIZE_H
#define SKF_ENGINE_KUSTOMIZE_H
#include <stdbool.h>

#include "lib/engine/plan.h"
#include "lib/io/proc.h"
#include "lib/kube/manifest.h"

/* All paths of a plan, one after the other. Set the first part; all borrowed until done. */
struct skf_kustomize {
    const struct skf_config *config;
    const char *kubectl; /* NULL = as found in PATH */
    bool deployed;       /* only modules that have a deployer */
    void *data;
    /* Exactly once, never from inside start. SKF_ECONFIG with kustomize's own words. */
    void (*done)(struct skf_kustomize *k, const struct skf_err *err);
    struct skf_objects objects; /* result: the caller's from done on */
    /* private */
    struct skf_proc proc;
    size_t module, path;
    uv_loop_t *loop;
};

/* Is there anything to do? Only then start. */
bool skf_kustomize_needed(const struct skf_config *config, bool deployed);
void skf_kustomize_start(uv_loop_t *loop, struct skf_kustomize *k);
void skf_kustomize_cancel(struct skf_kustomize *k); /* only asks */
/* What the kustomizations of a configuration read, as far as it is local: absolute directories (all
 * below counts) and files. Blocks; broken or missing ones give their directory alone. */
void skf_kustomize_inputs(const struct skf_config *config, struct skf_strv *trees,
                          struct skf_strv *files);
#endif

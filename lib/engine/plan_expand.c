/* Templates of the fields that say what is deployed, and where to. */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/engine/expand.h"
#include "lib/engine/plan.h"

/* In place; the text lives in the configuration's arena. */
static int expand(struct skf_arena *arena, const char **text, const char *field,
                  const struct skf_node *at, struct skf_err *err)
{
    char *out = NULL;
    if (!*text)
        return 0;
    if (skf_expand(*text, NULL, field, at, &out, err) < 0)
        return -(int)err->code;
    *text = skf_arena_strdup(arena, out);
    free(out);
    return 0;
}

static int expand_all(struct skf_arena *arena, struct skf_strings *list, const char *field,
                      struct skf_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        rc = expand(arena, &list->v[i], field, list->at ? list->at[i] : NULL, err);
    return rc;
}

static int expand_forward(struct skf_arena *arena, struct skf_port_forward *f, struct skf_err *err)
{
    int rc = expand(arena, &f->resource_name, "portForward.resourceName",
                    skf_node_get(f->at, "resourceName"), err);
    if (rc == 0)
        rc = expand(arena, &f->namespace_, "portForward.namespace",
                    skf_node_get(f->at, "namespace"), err);
    return rc;
}

int skf_plan_expand(struct skf_config *config, struct skf_err *err)
{
    struct skf_arena *arena = &config->arena;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < config->n_modules; i++) {
        struct skf_module *m = &config->modules[i];
        const struct skf_node *kubectl =
            config->roots ? skf_node_find(config->roots[i], "deploy", "kubectl", NULL) : NULL;
        rc = expand_all(arena, &m->raw_yaml, "manifests.rawYaml", err);
        if (rc == 0)
            rc = expand_all(arena, &m->kustomize_paths, "manifests.kustomize.paths", err);
        if (rc == 0)
            rc = expand(arena, &m->default_namespace, "deploy.kubectl.defaultNamespace",
                        skf_node_get(kubectl, "defaultNamespace"), err);
        for (size_t j = 0; rc == 0 && j < m->n_port_forwards; j++)
            rc = expand_forward(arena, &m->port_forwards[j], err);
    }
    return rc;
}

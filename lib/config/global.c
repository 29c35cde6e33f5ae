#include "lib/config/global.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/config/profile.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

enum { MAX_GLOBAL = 4 * 1024 * 1024 };

void skf_global_release(struct skf_global *g)
{
    free(g->default_repo);
    skf_strv_release(&g->insecure_registries);
    memset(g, 0, sizeof *g);
}

static void tristate(const struct skf_node *map, const char *key, enum skf_tristate *out)
{
    bool yes;
    if (*out == SKF_UNSET && skf_node_bool(skf_node_get(map, key), &yes))
        *out = yes ? SKF_YES : SKF_NO;
}

/* Takes over what is not set yet; called for the context first, then for `global`. */
static void take(struct skf_global *g, const struct skf_node *map)
{
    const char *repo = skf_node_get_str(map, "default-repo");
    if (!g->default_repo && repo && *repo)
        g->default_repo = skf_xstrdup(repo);
    tristate(map, "multi-level-repo", &g->multi_level_repo);
    tristate(map, "local-cluster", &g->local_cluster);
    tristate(map, "kind-disable-load", &g->kind_disable_load);
    tristate(map, "k3d-disable-load", &g->k3d_disable_load);
    const struct skf_node *list = skf_node_get(map, "insecure-registries");
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const char *name = skf_node_str(list->items[i]);
        if (name && !skf_strv_has(&g->insecure_registries, name))
            skf_strv_add(&g->insecure_registries, name);
    }
}

int skf_global_load(const char *path, const char *kube_context, struct skf_global *out,
                    struct skf_err *err)
{
    skf_autofree char *file = skf_xstrdup_null(path);
    struct skf_global got = { 0 };
    if (!file) {
        const char *home = getenv("HOME");
        file = home && *home ? skf_path_join(home, ".skaffold/config") : NULL;
    }
    if (!file || !skf_file_exists(file)) {
        *out = got;
        return 0;
    }
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_doc *d = NULL;
    int rc = skf_file_read(file, MAX_GLOBAL, &text, err);
    if (rc == 0)
        rc = skf_doc_parse(file, text.data, text.len, &d, err);
    if (rc)
        return rc;
    const struct skf_node *root = d->n_parts ? d->parts[0].root : NULL;
    const struct skf_node *contexts = skf_node_get(root, "kubeContexts"), *chosen = NULL;
    for (size_t i = 0;
         kube_context && contexts && contexts->kind == SKF_SEQUENCE && i < contexts->n; i++) {
        const char *pattern = skf_node_get_str(contexts->items[i], "kube-context");
        if (pattern && skf_profile_match(pattern, kube_context))
            chosen = contexts->items[i];
    }
    take(&got, chosen);
    take(&got, skf_node_get(root, "global"));
    skf_doc_free(d);
    *out = got;
    return 0;
}

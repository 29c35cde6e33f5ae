#include "lib/engine/plan_check.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/schema.h"
#include "lib/doc/doc.h"

static const char *const same_in_all[] = { "deploy.kubeContext", "deploy.kubectl.flags",
                                           "deploy.kubectl.defaultNamespace" };

/* Off is as good as not written: false, 0, "", {}, []. */
static bool is_on(const struct skf_node *n)
{
    bool yes;
    if (skf_node_is_null(n))
        return false;
    if (n->kind == SKF_SCALAR)
        return n->len > 0 && !(skf_node_bool(n, &yes) && !yes);
    for (size_t i = 0; n->kind == SKF_MAPPING && i < n->n; i++)
        if (is_on(n->entries[i].value))
            return true;
    for (size_t i = 0; n->kind == SKF_SEQUENCE && i < n->n; i++)
        if (is_on(n->items[i]))
            return true;
    return false;
}

static const struct skf_node *find(const struct skf_node *n, const char *path)
{
    if (!n || !path[0])
        return n && is_on(n) ? n : NULL;
    size_t len = strcspn(path, ".");
    skf_autofree char *key = skf_xstrndup(path, len);
    return find(skf_node_get(n, key), path[len] ? path + len + 1 : path + len);
}

static int refuse(struct skf_err *err, const struct skf_node *n, const char *path, const char *why)
{
    skf_autofree char *shown = skf_xstrdup(path);
    for (char *p; (p = strstr(shown, ".[]"));)
        memmove(p, p + 3, strlen(p + 3) + 1);
    return skf_node_err(err, n, SKF_EUNSUPPORTED, "'%s' is not supported yet: %s", shown, why);
}

static int check_root(const struct skf_node *root, bool deploys, struct skf_err *err)
{
    struct skf_refusal refusal;
    const struct skf_node *refused = skf_schema_refused(root, deploys, &refusal);
    if (refused)
        return refuse(err, refused, refusal.path, refusal.instead);
    return 0;
}

/* All modules are applied by one kubectl: what it is told cannot differ between them. */
static int check_same(const struct skf_config *config, const char *path, struct skf_err *err)
{
    const struct skf_node *first = NULL;
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_node *n = find(config->roots[i], path);
        if (n && first && !skf_node_equal(n, first))
            return refuse(err, n, path,
                          "it differs from another module's: run them one by one with "
                          "--module");
        first = first ? first : n;
    }
    return 0;
}

int skf_plan_check(const struct skf_config *config, bool deploys, struct skf_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < config->n_modules; i++)
        rc = check_root(config->roots[i], deploys, err);
    for (size_t i = 0; rc == 0 && deploys && i < SKF_ARRAY_LEN(same_in_all); i++)
        rc = check_same(config, same_in_all[i], err);
    return rc;
}

int skf_plan_check_tests(const struct skf_config *config, struct skf_err *err)
{
    struct skf_refusal refusal;
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_node *refused = skf_schema_refused_test(config->roots[i], &refusal);
        if (refused)
            return refuse(err, refused, refusal.path, refusal.instead);
    }
    return 0;
}

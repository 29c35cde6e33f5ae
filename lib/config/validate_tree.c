/* lib/config/validate_tree.c: rules over single sections of the effective trees. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/config/build_model.h"
#include "lib/doc/doc.h"

/* --- artifacts -------------------------------------------------------------------------------- */

/* What decides where kodata is. */
static void check_sync(const struct skf_node *a, struct skf_diagnostics *diags)
{
    const struct skf_node *infer = skf_node_find(a, "sync", "infer", NULL);
    const struct skf_node *main = skf_node_find(a, "ko", "main", NULL);
    if (skf_node_item(infer, 0) && skf_node_str(main) && strstr(main->text, "..."))
        skf_diagnostic_add(diags, false, main, "name one package",
                           "files can be synced when 'main' is one package, not '%s'", main->text);
}

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, or a template */
static bool is_container_name(const char *name)
{
    if (strstr(name, "{{"))
        return true;
    if (!isalnum((unsigned char)*name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
            return false;
    return true;
}

static void check_network(const struct skf_node *a, struct skf_diagnostics *diags)
{
    static const char prefix[] = "container:";
    const struct skf_node *network = skf_node_find(a, "docker", "network", NULL);
    if (skf_node_str(network) && strncasecmp(network->text, prefix, sizeof prefix - 1) == 0 &&
        !is_container_name(network->text + sizeof prefix - 1))
        skf_diagnostic_add(diags, false, network, NULL, "'%s' is no name of a container",
                           network->text + sizeof prefix - 1);
}

/* --- dependencies ----------------------------------------------------------------------------- */

static void check_ignore(const struct skf_node *dependencies, struct skf_diagnostics *diags)
{
    const struct skf_node *ignore = skf_node_get(dependencies, "ignore");
    if (skf_node_item(ignore, 0) && skf_node_is_null(skf_node_get(dependencies, "paths")))
        skf_diagnostic_add(diags, false, ignore, "write 'paths' beside it",
                           "'ignore' works together with 'paths' only");
}

static void check_tests(const struct skf_node *root, struct skf_diagnostics *diags)
{
    const struct skf_node *tests = skf_node_get(root, "test");
    for (size_t i = 0; skf_node_item(tests, i); i++) {
        const struct skf_node *custom = skf_node_get(tests->items[i], "custom");
        for (size_t k = 0; skf_node_item(custom, k); k++)
            check_ignore(skf_node_get(custom->items[k], "dependencies"), diags);
    }
}

/* --- verify, customActions, kpt functions ----------------------------------------------------- */

static void check_unique(const struct skf_node *n, const char *what, struct skf_map *seen,
                         struct skf_diagnostics *diags)
{
    const char *name = skf_node_str(n);
    const struct skf_node *first = name ? skf_map_get(seen, name) : NULL;
    if (first)
        skf_diagnostic_add(diags, false, n, NULL, "two %s are named '%s': also in line %d", what,
                           name, first->line);
    else if (name)
        skf_map_put(seen, name, (void *)(uintptr_t)n);
}

static void check_mode(const struct skf_node *n, struct skf_diagnostics *diags)
{
    const struct skf_node *mode = skf_node_get(n, "executionMode");
    if (!skf_node_is_null(skf_node_get(mode, "local")) &&
        !skf_node_is_null(skf_node_get(mode, "kubernetesCluster")))
        skf_diagnostic_add(diags, false, mode, NULL,
                           "only one of 'local' and 'kubernetesCluster' can be set");
}

struct names {
    struct skf_map verify, actions, containers[2];
};

static void check_runs(const struct skf_node *root, struct names *seen,
                       struct skf_diagnostics *diags)
{
    const struct skf_node *verify = skf_node_get(root, "verify");
    const struct skf_node *actions = skf_node_get(root, "customActions");
    for (size_t i = 0; skf_node_item(verify, i); i++) {
        const struct skf_node *v = verify->items[i];
        check_unique(skf_node_get(v, "name"), "verify tests", &seen->verify, diags);
        check_unique(skf_node_find(v, "container", "name", NULL), "containers of verify tests",
                     &seen->containers[0], diags);
        check_mode(v, diags);
    }
    for (size_t i = 0; skf_node_item(actions, i); i++) {
        const struct skf_node *a = actions->items[i], *list = skf_node_get(a, "containers");
        check_unique(skf_node_get(a, "name"), "custom actions", &seen->actions, diags);
        for (size_t k = 0; skf_node_item(list, k); k++)
            check_unique(skf_node_get(list->items[k], "name"), "containers of custom actions",
                         &seen->containers[1], diags);
        check_mode(a, diags);
    }
}

static void check_functions(const struct skf_node *list, const char *what, const char *const *known,
                            size_t n, struct skf_diagnostics *diags)
{
    for (size_t i = 0; skf_node_item(list, i); i++) {
        const struct skf_node *name = skf_node_get(list->items[i], "name");
        bool found = !skf_node_str(name);
        for (size_t k = 0; k < n; k++)
            found = found || strcmp(name->text, known[k]) == 0;
        if (found)
            continue;
        const char *near = skf_suggest(name->text, known, n);
        skf_autofree char *hint = near ? skf_xasprintf("did you mean '%s'?", near) : NULL;
        skf_diagnostic_add(diags, false, name, hint, "unknown %s '%s'", what, name->text);
    }
}

static void check_manifests(const struct skf_node *root, struct skf_diagnostics *diags)
{
    static const char *const transformers[] = { "set-namespace",   "set-labels",
                                                "set-annotations", "create-setters",
                                                "apply-setters",   "ensure-name-substring",
                                                "search-replace",  "set-enforcement-action" };
    static const char *const validators[] = { "kubeval", "gatekeeper" };
    const struct skf_node *m = skf_node_get(root, "manifests");
    check_functions(skf_node_get(m, "transform"), "transformer", transformers,
                    SKF_ARRAY_LEN(transformers), diags);
    check_functions(skf_node_get(m, "validate"), "validator", validators, SKF_ARRAY_LEN(validators),
                    diags);
}

/* --- resourceSelector ------------------------------------------------------------------------- */

/* Kind or Kind.group.name */
static bool is_group_kind(const char *text)
{
    size_t n = strlen(text);
    if (!isalpha((unsigned char)*text) || text[n - 1] == '.' || strstr(text, ".."))
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(".-", *text))
            return false;
    return true;
}

/* ".*", or keys with a dot before each; "*" for a level */
static bool is_object_path(const char *text)
{
    size_t n = strlen(text);
    if (strcmp(text, ".*") == 0)
        return true;
    if (*text != '.' || n < 2 || text[n - 1] == '.' || strstr(text, "..") ||
        strpbrk(text, " \t\r\n[]{}$"))
        return false;
    bool named = false;
    for (const char *p = text; *p; p++) {
        if (*p == '*' && (p[-1] != '.' || (p[1] && p[1] != '.')))
            return false;
        named = named || (*p != '.' && *p != '*');
    }
    return named;
}

static void check_paths(const struct skf_node *list, struct skf_diagnostics *diags)
{
    for (size_t i = 0; skf_node_item(list, i); i++) {
        const char *path = skf_node_str(list->items[i]);
        if (path && !is_object_path(path))
            skf_diagnostic_add(diags, false, list->items[i],
                               "write '.spec.image' ('.' and a key for each level, none for a "
                               "list), or '.*'",
                               "'%s' is no path in an object", path);
    }
}

static void check_selector(const struct skf_node *root, struct skf_diagnostics *diags)
{
    static const char *const lists[] = { "allow", "deny" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const struct skf_node *list = skf_node_find(root, "resourceSelector", lists[k], NULL);
        for (size_t i = 0; skf_node_item(list, i); i++) {
            const struct skf_node *kind = skf_node_get(list->items[i], "groupKind");
            const char *text = skf_node_str(kind);
            if (text && *text && !is_group_kind(text))
                skf_diagnostic_add(diags, false, kind,
                                   "write 'Kind' or 'Kind.group', as in 'Pod' or "
                                   "'Rollout.argoproj.io'",
                                   "'%s' names no kind", text);
            check_paths(skf_node_get(list->items[i], "image"), diags);
            check_paths(skf_node_get(list->items[i], "labels"), diags);
        }
    }
}

void skf_validate_trees(const struct skf_node *const *roots, size_t n,
                        struct skf_diagnostics *diags)
{
    struct names seen = { .verify = SKF_MAP_INIT,
                          .actions = SKF_MAP_INIT,
                          .containers = { SKF_MAP_INIT, SKF_MAP_INIT } };
    for (size_t m = 0; m < n; m++) {
        const struct skf_node *artifacts = skf_node_find(roots[m], "build", "artifacts", NULL);
        for (size_t i = 0; skf_node_item(artifacts, i); i++) {
            check_sync(artifacts->items[i], diags);
            check_network(artifacts->items[i], diags);
            check_ignore(skf_node_find(artifacts->items[i], "custom", "dependencies", NULL), diags);
        }
        check_tests(roots[m], diags);
        check_runs(roots[m], &seen, diags);
        check_manifests(roots[m], diags);
        check_selector(roots[m], diags);
    }
    skf_map_release(&seen.verify);
    skf_map_release(&seen.actions);
    skf_map_release(&seen.containers[0]);
    skf_map_release(&seen.containers[1]);
}

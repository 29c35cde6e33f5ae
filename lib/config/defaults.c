#include "lib/config/defaults.h"

#include <string.h>

#include "lib/base/mem.h"

static const char *const builders[] = { "docker", "ko",         "custom", "jib",
                                        "bazel",  "buildpacks", "kaniko" };

static bool is_set(const struct skf_node *map, const char *key)
{
    return !skf_node_is_null(skf_node_get(map, key));
}

static bool filled(const struct skf_node *n)
{
    return n && !skf_node_is_null(n) && (n->kind == SKF_SCALAR ? n->len > 0 : n->n > 0);
}

static struct skf_node *map_at(struct skf_doc *d, struct skf_node *parent, const char *key)
{
    struct skf_node *n = skf_node_get(parent, key);
    if (!skf_node_is_null(n))
        return n; /* a scalar here is the decoder's business */
    n = skf_node_new_map(d, parent);
    skf_node_set(d, parent, key, n);
    return n;
}

/* Sets a text when none is there. Does nothing when `map` is no mapping. */
static void text(struct skf_doc *d, struct skf_node *map, const char *key, const char *value)
{
    if (map && map->kind == SKF_MAPPING && !filled(skf_node_get(map, key)))
        skf_node_set(d, map, key, skf_node_new_str(d, map, value));
}

static void plain(struct skf_doc *d, struct skf_node *map, const char *key, const char *value)
{
    if (map && map->kind == SKF_MAPPING && !is_set(map, key))
        skf_node_set(d, map, key, skf_node_new_plain(d, map, value));
}

static void list_of(struct skf_doc *d, struct skf_node *map, const char *key, const char *value)
{
    if (!map || map->kind != SKF_MAPPING || filled(skf_node_get(map, key)))
        return;
    struct skf_node *list = skf_node_new_seq(d, map);
    skf_node_append(d, list, skf_node_new_str(d, map, value));
    skf_node_set(d, map, key, list);
}

static void artifact(struct skf_doc *d, struct skf_node *a, bool cluster)
{
    bool has_builder = false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(builders); i++)
        has_builder = has_builder || is_set(a, builders[i]);
    if (cluster && !is_set(a, "custom") && !is_set(a, "buildpacks"))
        map_at(d, a, "kaniko");
    else if (!has_builder)
        map_at(d, a, "docker");
    text(d, a, "context", ".");
    text(d, skf_node_get(a, "docker"), "dockerfile", "Dockerfile");
    text(d, skf_node_get(a, "kaniko"), "dockerfile", "Dockerfile");
    struct skf_node *custom = skf_node_get(a, "custom");
    if (custom && custom->kind == SKF_MAPPING && !is_set(custom, "dependencies"))
        list_of(d, map_at(d, custom, "dependencies"), "paths", ".");
    struct skf_node *packs = skf_node_get(a, "buildpacks");
    if (packs && packs->kind == SKF_MAPPING) {
        if (!filled(skf_node_get(packs, "builder")) && !filled(skf_node_get(packs, "buildpacks"))) {
            text(d, packs, "builder", "gcr.io/buildpacks/builder:v1");
            skf_node_set(d, packs, "trustBuilder", skf_node_new_plain(d, packs, "true"));
        }
        text(d, packs, "projectDescriptor", "project.toml");
        if (!is_set(packs, "dependencies"))
            list_of(d, map_at(d, packs, "dependencies"), "paths", ".");
    }
    struct skf_node *sync = skf_node_get(a, "sync");
    bool on_its_own = is_set(a, "jib") || is_set(a, "buildpacks");
    if (sync && sync->kind == SKF_MAPPING && !sync->n) {
        if (on_its_own)
            plain(d, sync, "auto", "true");
        else
            list_of(d, sync, "infer", "**/*");
    } else if (skf_node_is_null(sync) && is_set(a, "buildpacks")) {
        plain(d, map_at(d, a, "sync"), "auto", "true");
    }
    struct skf_node *requires = skf_node_get(a, "requires");
    for (size_t i = 0; requires && requires->kind == SKF_SEQUENCE && i < requires->n; i++) {
        const char *image = skf_node_get_str(requires->items[i], "image");
        if (image)
            text(d, requires->items[i], "alias", image);
    }
}

static void build(struct skf_doc *d, struct skf_node *root, bool unsupported)
{
    static const char *const policies[] = { "gitCommit", "sha256",      "envTemplate",
                                            "dateTime",  "inputDigest", "customTemplate" };
    struct skf_node *b = map_at(d, root, "build");
    if (b->kind != SKF_MAPPING)
        return;
    bool cluster = is_set(b, "cluster");
    if (!is_set(b, "local") && !is_set(b, "googleCloudBuild") && !cluster)
        map_at(d, b, "local");
    struct skf_node *policy = map_at(d, b, "tagPolicy");
    bool has_policy = policy->kind != SKF_MAPPING;
    for (size_t i = 0; i < SKF_ARRAY_LEN(policies); i++)
        has_policy = has_policy || is_set(policy, policies[i]);
    if (!has_policy)
        map_at(d, policy, "gitCommit");
    struct skf_node *artifacts = skf_node_get(b, "artifacts");
    bool any = artifacts && artifacts->kind == SKF_SEQUENCE && artifacts->n;
    struct skf_node *local = skf_node_get(b, "local");
    if (any && !skf_node_is_null(local))
        plain(d, local, "concurrency", "1");
    for (size_t i = 0; any && i < artifacts->n; i++) {
        if (artifacts->items[i]->kind == SKF_MAPPING)
            artifact(d, artifacts->items[i], cluster && unsupported);
    }
    if (cluster) {
        text(d, skf_node_get(b, "cluster"), "timeout", "20m");
        text(d, skf_node_get(b, "cluster"), "pullSecretName", "kaniko-secret");
    }
}

void skf_defaults_apply(struct skf_doc *d, struct skf_node *root, bool unsupported)
{
    build(d, root, unsupported);
    struct skf_node *tests = skf_node_get(root, "test");
    for (size_t i = 0; tests && tests->kind == SKF_SEQUENCE && i < tests->n; i++)
        text(d, tests->items[i], "context", ".");
    struct skf_node *manifests = skf_node_get(root, "manifests");
    list_of(d, skf_node_get(manifests, "kustomize"), "paths", ".");
    struct skf_node *deploy = map_at(d, root, "deploy");
    if (deploy->kind == SKF_MAPPING) {
        struct skf_node *helm = skf_node_get(deploy, "helm");
        text(d, map_at(d, deploy, "logs"), "prefix", "container");
        plain(d, helm, "concurrency", "1");
        text(d, skf_node_get(deploy, "kpt"), "dir", ".kpt-pipeline");
    }
    struct skf_node *forwards = skf_node_get(root, "portForward");
    for (size_t i = 0; forwards && forwards->kind == SKF_SEQUENCE && i < forwards->n; i++) {
        struct skf_node *f = forwards->items[i], *port = skf_node_get(f, "port");
        long long number;
        text(d, f, "address", "127.0.0.1");
        if (skf_node_int(port, &number))
            plain(d, f, "localPort", port->text);
    }
    struct skf_node *actions = skf_node_get(root, "customActions");
    for (size_t i = 0; actions && actions->kind == SKF_SEQUENCE && i < actions->n; i++)
        plain(d, actions->items[i], "failFast", "true");
}

void skf_defaults_only_module(struct skf_doc *d, struct skf_node *root)
{
    const struct skf_node *m = skf_node_get(root, "manifests");
    struct skf_node *deploy = map_at(d, root, "deploy");
    static const char *const deployers[] = { "kubectl", "docker", "helm", "kpt", "cloudrun" };
    if (deploy->kind != SKF_MAPPING || (m && m->kind == SKF_SCALAR && !skf_node_is_null(m)))
        return;
    if (filled(skf_node_get(m, "kpt"))) {
        /* kpt renders and deploys */
    } else if (filled(skf_node_get(m, "rawYaml"))) {
        if (!is_set(deploy, "kubectl") && !is_set(deploy, "cloudrun"))
            map_at(d, deploy, "kubectl");
    } else if (!is_set(m, "kustomize") && !is_set(m, "helm") && !is_set(deploy, "helm") &&
               !is_set(deploy, "docker") && !is_set(deploy, "cloudrun")) {
        list_of(d, map_at(d, root, "manifests"), "rawYaml", "k8s/*.yaml");
        struct skf_node *raw = skf_node_find(root, "manifests", "rawYaml", NULL);
        if (raw && raw->kind == SKF_SEQUENCE && raw->n)
            raw->items[0]->line = 0; /* nobody wrote it: no position, and never made absolute */
    }
    for (size_t i = 0; i < SKF_ARRAY_LEN(deployers); i++) {
        if (is_set(deploy, deployers[i]))
            return;
    }
    map_at(d, deploy, "kubectl");
}

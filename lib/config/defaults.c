#include "lib/config/defaults.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/config/schema_table.h"

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

/* Puts the defaults of a table into a mapping that is there, and into those below it. */
static void fill(struct skf_doc *d, struct skf_node *map, const struct skf_field *fields)
{
    if (!map || map->kind != SKF_MAPPING)
        return;
    for (const struct skf_field *f = fields; f->name; f++) {
        bool is_text = f->type == SKF_T_STRING;
        if (f->def && is_text)
            text(d, map, f->name, f->def);
        else if (f->def)
            plain(d, map, f->name, f->def);
        else if (f->sub && (f->type == SKF_T_STRUCT || f->type == SKF_T_STRUCT_PTR))
            fill(d, skf_node_get(map, f->name), f->sub);
    }
}

static void fill_each(struct skf_doc *d, struct skf_node *list, const struct skf_field *fields)
{
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++)
        fill(d, list->items[i], fields);
}

static void buildpacks(struct skf_doc *d, struct skf_node *packs)
{
    if (!packs || packs->kind != SKF_MAPPING)
        return;
    fill(d, packs, skf_schema_buildpacks);
    if (!filled(skf_node_get(packs, "builder")) && !filled(skf_node_get(packs, "buildpacks"))) {
        text(d, packs, "builder", "gcr.io/buildpacks/builder:v1");
        skf_node_set(d, packs, "trustBuilder", skf_node_new_plain(d, packs, "true"));
    }
    if (!is_set(packs, "dependencies"))
        list_of(d, map_at(d, packs, "dependencies"), "paths", ".");
}

static void sync_defaults(struct skf_doc *d, struct skf_node *a)
{
    struct skf_node *n = skf_node_get(a, "sync");
    if (skf_node_is_null(n)) {
        if (is_set(a, "buildpacks"))
            plain(d, map_at(d, a, "sync"), "auto", "true");
        return;
    }
    if (n->kind != SKF_MAPPING || filled(skf_node_get(n, "manual")) ||
        filled(skf_node_get(n, "infer")) || is_set(n, "auto"))
        return;
    if (is_set(a, "jib") || is_set(a, "buildpacks"))
        plain(d, n, "auto", "true");
    else
        list_of(d, n, "infer", "**/*");
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
    fill(d, a, skf_schema_artifact);
    text(d, skf_node_get(a, "docker"), "dockerfile", "Dockerfile");
    fill(d, skf_node_get(a, "kaniko"), skf_schema_kaniko);
    struct skf_node *custom = skf_node_get(a, "custom");
    if (custom && custom->kind == SKF_MAPPING && !is_set(custom, "dependencies"))
        list_of(d, map_at(d, custom, "dependencies"), "paths", ".");
    buildpacks(d, skf_node_get(a, "buildpacks"));
    sync_defaults(d, a);
    struct skf_node *requires = skf_node_get(a, "requires");
    for (size_t i = 0; requires && requires->kind == SKF_SEQUENCE && i < requires->n; i++) {
        const char *image = skf_node_get_str(requires->items[i], "image");
        if (image)
            text(d, requires->items[i], "alias", image);
    }
}

/* "~/key.json" */
static void expand_home(struct skf_doc *d, struct skf_node *map, const char *key)
{
    const char *path = skf_node_get_str(map, key), *home = getenv("HOME");
    if (!path || path[0] != '~' || (path[1] && path[1] != '/') || !home)
        return;
    skf_autofree char *full = skf_xasprintf("%s%s", home, path + 1);
    skf_node_set(d, map, key, skf_node_new_str(d, skf_node_get(map, key), full));
}

static void cluster_build(struct skf_doc *d, struct skf_node *c, const char *kube_namespace)
{
    if (!c || c->kind != SKF_MAPPING)
        return;
    fill(d, c, skf_schema_cluster);
    text(d, c, "namespace", kube_namespace ? kube_namespace : "default");
    if (filled(skf_node_get(c, "pullSecretPath")))
        text(d, c, "pullSecretName", "kaniko-secret");
    expand_home(d, c, "pullSecretPath");
    expand_home(d, skf_node_get(c, "dockerConfig"), "path");
}

static void build(struct skf_doc *d, struct skf_node *root, const struct skf_default_request *req)
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
            artifact(d, artifacts->items[i], cluster && req->unsupported);
    }
    fill(d, skf_node_get(b, "googleCloudBuild"), skf_schema_gcb);
    cluster_build(d, skf_node_get(b, "cluster"), req->kube_namespace);
}

void skf_defaults_apply(struct skf_doc *d, struct skf_node *root,
                        const struct skf_default_request *req)
{
    build(d, root, req);
    fill_each(d, skf_node_get(root, "test"), skf_schema_test);
    struct skf_node *deploy = map_at(d, root, "deploy");
    if (deploy->kind == SKF_MAPPING) {
        map_at(d, deploy, "logs");
        fill(d, deploy, skf_schema_deploy);
    }
    struct skf_node *forwards = skf_node_get(root, "portForward");
    fill_each(d, forwards, skf_schema_forward);
    for (size_t i = 0; forwards && forwards->kind == SKF_SEQUENCE && i < forwards->n; i++) {
        struct skf_node *f = forwards->items[i], *port = skf_node_get(f, "port");
        struct skf_node *local = skf_node_get(f, "localPort");
        long long number;
        if (skf_node_str(port) && skf_num_parse(port->text, INT_MIN, INT_MAX, &number) &&
            (!filled(local) || strcmp(local->text, "0") == 0))
            skf_node_set(d, f, "localPort", skf_node_new_plain(d, f, port->text));
    }
    fill_each(d, skf_node_get(root, "customActions"), skf_schema_action);
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

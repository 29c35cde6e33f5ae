/* lib/config/upgrade_v3.c: v2beta29 to v3alpha1, where rendering was split from deploying. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/version.h"

/* manifests: is put behind the keys that are there; created once. */
static struct skf_node *manifests_of(struct skf_doc *d, struct skf_node *p,
                                     const struct skf_node *at)
{
    return skf_upgrade_map(d, p, "manifests", at);
}

static void append_all(struct skf_doc *d, struct skf_node *to, const struct skf_node *from)
{
    for (size_t i = 0; from->kind == SKF_SEQUENCE && i < from->n; i++)
        skf_node_append(d, to, from->items[i]);
}

/* Lists of `from` (a mapping of lists) go behind those of `to`. */
static void append_lists(struct skf_doc *d, struct skf_node *to, const struct skf_node *from)
{
    for (size_t i = 0; from && from->kind == SKF_MAPPING && i < from->n; i++) {
        struct skf_node *key = from->entries[i].key, *value = from->entries[i].value;
        struct skf_node *have = skf_node_get(to, key->text);
        if (have && have->kind == SKF_SEQUENCE)
            append_all(d, have, value);
        else if (!have)
            skf_node_set_key(d, to, key, value);
    }
}

static void merge_setting(struct skf_doc *d, struct skf_node *to, const struct skf_node *from,
                          const char *key, struct skf_diagnostics *diags)
{
    struct skf_node *a = skf_node_get(to, key), *b = skf_node_get(from, key);
    if (skf_node_is_null(b))
        return;
    if (!skf_node_is_null(a) && !skf_node_equal(a, b))
        skf_diagnostic_add(diags, false, b, "give both the same value, or only one of them",
                           "'%s' differs between deploy.kubectl and deploy.kustomize, which are "
                           "one since v3alpha1",
                           key);
    else
        skf_node_set(d, to, key, b);
}

static void move_kustomize(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    struct skf_node *deploy = skf_node_get(p, "deploy");
    struct skf_node *old = skf_node_get(deploy, "kustomize");
    if (!old || old->kind != SKF_MAPPING) {
        if (skf_node_is_null(old))
            skf_node_del(deploy, "kustomize");
        return;
    }
    skf_node_del(deploy, "kustomize");
    struct skf_node *made = skf_node_new_map(d, old);
    struct skf_node *paths = skf_node_get(old, "paths"), *args = skf_node_get(old, "buildArgs");
    if (!paths || (paths->kind == SKF_SEQUENCE && !paths->n)) {
        paths = skf_node_new_seq(d, old);
        skf_node_append(d, paths, skf_node_new_str(d, old, "."));
    }
    skf_node_set(d, made, "paths", paths);
    if (args)
        skf_node_set(d, made, "buildArgs", args);
    skf_node_set(d, manifests_of(d, p, old), "kustomize", made);

    struct skf_node *kubectl = skf_upgrade_map(d, deploy, "kubectl", old);
    struct skf_node *flags = skf_node_get(old, "flags"), *hooks = skf_node_get(old, "hooks");
    if (flags && flags->kind == SKF_MAPPING) {
        struct skf_node *to = skf_upgrade_map(d, kubectl, "flags", flags);
        merge_setting(d, to, flags, "disableValidation", diags);
        skf_node_del(flags, "disableValidation");
        append_lists(d, to, flags);
    }
    if (hooks && hooks->kind == SKF_MAPPING)
        append_lists(d, skf_upgrade_map(d, kubectl, "hooks", hooks), hooks);
    merge_setting(d, kubectl, old, "defaultNamespace", diags);
    for (size_t i = 0; i < old->n; i++) {
        static const char *const known[] = { "paths", "buildArgs", "flags", "hooks",
                                             "defaultNamespace" };
        bool found = false;
        for (size_t k = 0; k < SKF_ARRAY_LEN(known); k++)
            found = found || strcmp(known[k], old->entries[i].key->text) == 0;
        if (!found)
            skf_diagnostic_add(diags, false, old->entries[i].key, NULL,
                               "unknown field '%s' in deploy.kustomize", old->entries[i].key->text);
    }
}

static void add_template(struct skf_doc *d, struct skf_node *to, const struct skf_node *at,
                         const char *key, const char *suffix, const char *value)
{
    skf_autofree char *name = skf_xasprintf("%s%s", key, suffix);
    skf_node_set(d, to, name, skf_node_new_str(d, at, value));
}

/* The name of an image within the name of a variable; owned. */
static char *variable_part(const char *image)
{
    char *n = skf_xstrdup(image);
    for (char *c = n; *c; c++)
        if (strchr(".-/:", *c))
            *c = '_';
    return n;
}

/* KEY: IMAGE becomes templates; nested mappings give dotted keys. */
static void override(struct skf_doc *d, struct skf_node *to, const char *key,
                     const struct skf_node *value, const struct skf_node *strategy)
{
    if (value->kind == SKF_MAPPING) {
        for (size_t i = 0; i < value->n; i++) {
            skf_autofree char *sub =
                skf_xasprintf("%s%s%s", key, *key ? "." : "", value->entries[i].key->text);
            override(d, to, sub, value->entries[i].value, strategy);
        }
        return;
    }
    for (size_t i = 0; value->kind == SKF_SEQUENCE && i < value->n; i++) {
        skf_autofree char *sub = skf_xasprintf("%s[%zu]", key, i);
        override(d, to, sub, value->items[i], strategy);
    }
    if (value->kind != SKF_SCALAR)
        return;
    skf_autofree char *n = variable_part(value->text);
    const struct skf_node *helm = skf_node_get(strategy, "helm");
    if (skf_node_is_null(helm)) {
        const char *property = skf_node_get_str(skf_node_get(strategy, "fqn"), "property");
        skf_autofree char *suffix =
            skf_xasprintf("%s%s", property ? "." : "", property ? property : "");
        skf_autofree char *all = skf_xasprintf("{{.IMAGE_FULLY_QUALIFIED_%s}}", n);
        add_template(d, to, value, key, suffix, all);
        return;
    }
    bool explicit_registry = false;
    skf_node_bool(skf_node_get(helm, "explicitRegistry"), &explicit_registry);
    skf_autofree char *tag = skf_xasprintf("{{.IMAGE_TAG_%s}}@{{.IMAGE_DIGEST_%s}}", n, n);
    skf_autofree char *domain = skf_xasprintf("{{.IMAGE_DOMAIN_%s}}", n);
    skf_autofree char *repo =
        skf_xasprintf(explicit_registry ? "{{.IMAGE_REPO_NO_DOMAIN_%s}}" : "{{.IMAGE_REPO_%s}}", n);
    add_template(d, to, value, key, ".tag", tag);
    if (explicit_registry)
        add_template(d, to, value, key, ".registry", domain);
    add_template(d, to, value, key, ".repository", repo);
}

static void split_helm(struct skf_doc *d, struct skf_node *p)
{
    struct skf_node *helm = skf_node_find(p, "deploy", "helm", NULL);
    if (!helm || helm->kind != SKF_MAPPING)
        return;
    struct skf_node *releases = skf_node_get(helm, "releases");
    for (size_t i = 0; releases && releases->kind == SKF_SEQUENCE && i < releases->n; i++) {
        struct skf_node *r = releases->items[i];
        struct skf_node *overrides = skf_node_del(r, "artifactOverrides");
        struct skf_node *strategy = skf_node_del(r, "imageStrategy");
        if (overrides && overrides->kind == SKF_MAPPING)
            override(d, skf_upgrade_map(d, r, "setValueTemplates", overrides), "", overrides,
                     strategy);
    }
    struct skf_node *render = skf_node_new_map(d, helm);
    struct skf_node *flags = skf_node_get(helm, "flags");
    if (flags)
        skf_node_set(d, render, "flags", skf_node_clone(d, flags));
    if (releases)
        skf_node_set(d, render, "releases", skf_node_clone(d, releases));
    skf_node_set(d, manifests_of(d, p, helm), "helm", render);
}

/* `text` with the first `from` replaced; owned; NULL when it is not there. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *hit = strstr(text, from);
    if (!hit)
        return NULL;
    return skf_xasprintf("%.*s%s%s", (int)(hit - text), text, to, hit + strlen(from));
}

/* The number in "/deploy/helm/releases/N/artifactOverrides/image...", or -1. */
static long overridden_release(const char *path)
{
    static const char before[] = "/deploy/helm/releases/", behind[] = "/artifactOverrides/image";
    const char *at = strstr(path, before);
    if (!at)
        return -1;
    at += sizeof before - 1;
    size_t digits = strspn(at, "0123456789");
    if (!digits || digits > 6 || strncmp(at + digits, behind, sizeof behind - 1) != 0)
        return -1;
    return strtol(at, NULL, 10);
}

static void template_patch(struct skf_doc *d, struct skf_node *patch, const char *path,
                           const char *suffix, const char *value)
{
    const struct skf_node *at = skf_node_get(patch, "path");
    skf_autofree char *full = skf_xasprintf("%s%s", path, suffix);
    skf_node_set(d, patch, "path", skf_node_new_str(d, at, full));
    skf_node_set(d, patch, "value", skf_node_new_str(d, at, value));
}

/* A patch of artifactOverrides.image becomes one or more of setValueTemplates. */
static void override_patch(struct skf_doc *d, struct skf_node *patches, struct skf_node *patch,
                           const struct skf_node *strategy)
{
    const char *old = skf_node_get_str(patch, "path"), *image = skf_node_get_str(patch, "value");
    if (!image)
        return;
    skf_autofree char *moved = replaced(old, "/deploy/helm", "/manifests/helm");
    skf_autofree char *path = replaced(moved, "artifactOverrides", "setValueTemplates");
    skf_autofree char *n = variable_part(image);
    const struct skf_node *helm = skf_node_get(strategy, "helm");
    if (skf_node_is_null(helm)) {
        skf_autofree char *all = skf_xasprintf("{{.IMAGE_FULLY_QUALIFIED_%s}}", n);
        template_patch(d, patch, path, "", all);
        return;
    }
    bool registry = false;
    skf_node_bool(skf_node_get(helm, "explicitRegistry"), &registry);
    skf_autofree char *tag = skf_xasprintf("{{.IMAGE_TAG_%s}}@{{.IMAGE_DIGEST_%s}}", n, n);
    skf_autofree char *domain = skf_xasprintf("{{.IMAGE_DOMAIN_%s}}", n);
    skf_autofree char *repo =
        skf_xasprintf(registry ? "{{.IMAGE_REPO_NO_DOMAIN_%s}}" : "{{.IMAGE_REPO_%s}}", n);
    struct skf_node *second = skf_node_clone(d, patch), *third = skf_node_clone(d, patch);
    template_patch(d, patch, path, ".tag", tag);
    template_patch(d, second, path, ".registry", domain);
    template_patch(d, third, path, ".repository", repo);
    if (registry)
        skf_node_append(d, patches, second);
    skf_node_append(d, patches, third);
}

/* Those in the profiles of a document whose own releases say how images are named. */
static void override_patches(struct skf_doc *d, struct skf_node *root)
{
    const struct skf_node *releases = skf_node_find(root, "deploy", "helm", "releases", NULL);
    struct skf_node *profiles = skf_node_get(root, "profiles");
    for (size_t i = 0; profiles && profiles->kind == SKF_SEQUENCE && i < profiles->n; i++) {
        struct skf_node *patches = skf_node_get(profiles->items[i], "patches");
        for (size_t k = 0, n = patches && patches->kind == SKF_SEQUENCE ? patches->n : 0; k < n;
             k++) {
            const char *path = skf_node_get_str(patches->items[k], "path");
            long release = path ? overridden_release(path) : -1;
            const struct skf_node *r =
                release < 0 ? NULL : skf_node_item(releases, (size_t)release);
            if (r)
                override_patch(d, patches, patches->items[k], skf_node_get(r, "imageStrategy"));
        }
    }
}

static void rewrite_patches(struct skf_doc *d, struct skf_node *p)
{
    static const char *const moves[][2] = {
        { "/deploy/kubectl/manifests", "/manifests/rawYaml" },
        { "/deploy/kustomize/paths", "/manifests/kustomize/paths" },
        { "/deploy/kustomize/buildArgs", "/manifests/kustomize/buildArgs" },
    };
    struct skf_node *patches = skf_node_get(p, "patches");
    if (!patches || patches->kind != SKF_SEQUENCE)
        return;
    for (size_t i = 0, n = patches->n; i < n; i++) {
        struct skf_node *patch = patches->items[i], *path = skf_node_get(patch, "path");
        if (!skf_node_str(path))
            continue;
        for (size_t k = 0; k < SKF_ARRAY_LEN(moves); k++) {
            skf_autofree char *to = replaced(path->text, moves[k][0], moves[k][1]);
            if (to)
                skf_node_set(d, patch, "path", skf_node_new_str(d, path, to));
        }
        if (strstr(path->text, "/deploy/helm") && !strstr(path->text, "/deploy/helm/hooks")) {
            skf_node_append(d, patches, skf_node_clone(d, patch));
            skf_autofree char *to = replaced(path->text, "/deploy/helm", "/manifests/helm");
            skf_node_set(d, patch, "path", skf_node_new_str(d, path, to));
        }
    }
}

void skf_upgrade_to_v3(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    struct skf_node *deploy = skf_node_get(p, "deploy");
    override_patches(d, p);
    if (deploy && deploy->kind == SKF_MAPPING) {
        struct skf_entry *kpt = skf_node_entry(deploy, "kpt");
        if (kpt && !skf_node_is_null(kpt->value))
            skf_diagnostic_add(diags, false, kpt->key, "use 'kubectl' with rendered manifests",
                               "'deploy.kpt' of versions before v3 cannot be converted");
        struct skf_node *kubectl = skf_node_get(deploy, "kubectl");
        struct skf_node *raw = skf_node_del(kubectl, "manifests");
        if (raw && !skf_node_is_null(raw))
            skf_node_set(d, manifests_of(d, p, raw), "rawYaml", raw);
        move_kustomize(d, p, diags);
        split_helm(d, p);
    }
    rewrite_patches(d, p);
}

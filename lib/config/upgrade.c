/* lib/config/upgrade.c: one function a step that changes something. A step sees one pipeline: the
 * document itself, or one of its profiles. */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/version.h"

struct step {
    const char *to; /* the version that is reached */
    void (*run)(struct skf_doc *d, struct skf_node *pipeline, struct skf_diagnostics *diags);
};

struct skf_node *skf_upgrade_map(struct skf_doc *d, struct skf_node *parent, const char *key,
                                 const struct skf_node *at)
{
    struct skf_node *n = skf_node_get(parent, key);
    if (n && n->kind == SKF_MAPPING)
        return n;
    n = skf_node_new_map(d, at);
    skf_node_set(d, parent, key, n);
    return n;
}

/* Gives a key another name, with its place and position. */
static void rename_key(struct skf_doc *d, struct skf_node *map, const char *from, const char *to)
{
    struct skf_entry *e = skf_node_entry(map, from);
    if (!e || skf_node_entry(map, to))
        return;
    struct skf_node *key = skf_node_new_str(d, e->key, to);
    e->key = key;
}

static struct skf_node *list_of_one(struct skf_doc *d, struct skf_node *item)
{
    struct skf_node *list = skf_node_new_seq(d, item);
    skf_node_append(d, list, item);
    return list;
}

/* for each item of a list of mappings; tolerant of everything else */
#define EACH(item, list)                                                                           \
    for (size_t each_ = 0; (list) && (list)->kind == SKF_SEQUENCE && each_ < (list)->n; each_++)   \
        for (struct skf_node *item = (list)->items[each_]; item; item = NULL)                      \
            if (item->kind == SKF_MAPPING)

static struct skf_node *artifacts_of(struct skf_node *p)
{
    return skf_node_find(p, "build", "artifacts", NULL);
}

static struct skf_node *releases_of(struct skf_node *p)
{
    return skf_node_find(p, "deploy", "helm", "releases", NULL);
}

static void to_v1alpha2(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    struct skf_node *build = skf_node_get(p, "build"), *deploy = skf_node_get(p, "deploy");
    const char *policy = skf_node_get_str(build, "tagPolicy");
    if (policy && (strcmp(policy, "sha256") == 0 || strcmp(policy, "gitCommit") == 0)) {
        const struct skf_node *at = skf_node_get(build, "tagPolicy");
        struct skf_node *map = skf_node_new_map(d, at);
        skf_node_set(d, map, policy, skf_node_new_map(d, at));
        skf_node_set(d, build, "tagPolicy", map);
    }
    EACH(a, artifacts_of(p))
    {
        static const char *const keys[] = { "dockerfilePath", "buildArgs" };
        for (size_t i = 0; i < SKF_ARRAY_LEN(keys); i++) {
            struct skf_entry *e = skf_node_entry(a, keys[i]);
            if (!e)
                continue;
            struct skf_node *key = e->key, *value = e->value;
            skf_node_del(a, keys[i]);
            skf_node_set_key(d, skf_upgrade_map(d, a, "docker", value), key, value);
        }
    }
    skf_node_del(deploy, "name");
    struct skf_node *manifests = skf_node_find(deploy, "kubectl", "manifests", NULL);
    if (!manifests || manifests->kind != SKF_SEQUENCE)
        return;
    struct skf_node *flat = skf_node_new_seq(d, manifests);
    for (size_t i = 0; i < manifests->n; i++) {
        struct skf_node *m = manifests->items[i], *paths = skf_node_get(m, "paths");
        if (m->kind != SKF_MAPPING)
            skf_node_append(d, flat, m);
        for (size_t k = 0; paths && paths->kind == SKF_SEQUENCE && k < paths->n; k++)
            skf_node_append(d, flat, paths->items[k]);
        struct skf_entry *parameters = skf_node_entry(m, "parameters");
        if (parameters)
            skf_diagnostic_add(diags, true, parameters->key, NULL,
                               "'parameters' has no effect any more");
    }
    skf_node_set(d, skf_node_get(deploy, "kubectl"), "manifests", flat);
}

static void to_v1alpha3(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(r, releases_of(p))
    {
        struct skf_node *path = skf_node_del(r, "valuesFilePath");
        if (path && !skf_node_get(r, "valuesFiles"))
            skf_node_set(d, r, "valuesFiles", list_of_one(d, path));
    }
    struct skf_node *kaniko = skf_node_find(p, "build", "kaniko", NULL);
    struct skf_node *bucket = skf_node_del(kaniko, "gcsBucket");
    if (bucket)
        skf_node_set(d, skf_upgrade_map(d, kaniko, "buildContext", bucket), "gcsBucket", bucket);
}

static void to_v1alpha4(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        rename_key(d, a, "imageName", "image");
        rename_key(d, a, "workspace", "context");
        rename_key(d, skf_node_get(a, "docker"), "dockerfilePath", "dockerfile");
    }
    rename_key(d, skf_node_find(p, "deploy", "kustomize", NULL), "kustomizePath", "path");
    struct skf_node *local = skf_node_find(p, "build", "local", NULL);
    struct skf_node *skip = skf_node_get(local, "skipPush");
    bool yes;
    if (skf_node_bool(skip, &yes)) {
        rename_key(d, local, "skipPush", "push");
        skf_node_set(d, local, "push", skf_node_new_plain(d, skip, yes ? "false" : "true"));
    }
}

static void to_v1beta1(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)d;
    struct skf_entry *acr = skf_node_entry(skf_node_get(p, "build"), "acr");
    if (acr)
        skf_diagnostic_add(diags, false, acr->key, "use 'local: {}'",
                           "the builder 'acr' was removed from Skaffold in v1beta1");
}

static void to_v1beta7(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    static const char *const cluster_keys[] = { "pullSecret", "pullSecretName", "namespace",
                                                "timeout", "dockerConfig" };
    (void)diags;
    struct skf_node *build = skf_node_get(p, "build"), *kaniko = skf_node_get(build, "kaniko");
    if (!kaniko)
        return;
    rename_key(d, build, "kaniko", "cluster");
    struct skf_node *cluster = skf_node_new_map(d, kaniko);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cluster_keys); i++) {
        struct skf_node *v = skf_node_del(kaniko, cluster_keys[i]);
        if (v)
            skf_node_set(d, cluster, cluster_keys[i], v);
    }
    skf_node_set(d, build, "cluster", cluster);
    EACH(a, artifacts_of(p))
    skf_node_set(d, a, "kaniko", skf_node_clone(d, kaniko));
}

/* {name: local, properties: {...}} becomes local: {...} */
static void plugin_to_native(struct skf_doc *d, struct skf_node *map, const char *key)
{
    struct skf_node *plugin = skf_node_get(map, key);
    const char *name = skf_node_get_str(plugin, "name");
    if (!name)
        return;
    struct skf_node *properties = skf_node_get(plugin, "properties");
    skf_node_del(map, key);
    skf_node_set(d, map, name,
                 skf_node_is_null(properties) ? skf_node_new_map(d, plugin) : properties);
}

static void to_v1beta9(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    plugin_to_native(d, skf_node_get(p, "build"), "executionEnvironment");
    EACH(a, artifacts_of(p))
    plugin_to_native(d, a, "plugin");
}

/* Does `src` match ([^*]*[/])?([^*\/]*[*][^*\/]*|[^*\/]+) ? Then *strip_len is the length of its
 * directory. */
static bool sync_pattern_a(const char *src, size_t *strip_len)
{
    const char *slash = strrchr(src, '/');
    const char *last = slash ? slash + 1 : src;
    size_t stars = 0;
    for (const char *c = src; *c; c++) {
        if (*c == '*' && c < last)
            return false;
        stars += *c == '*';
    }
    *strip_len = (size_t)(last - src);
    return *last && stars <= 1;
}

static struct skf_node *sync_rule(struct skf_doc *d, const struct skf_entry *e, bool *flat)
{
    const char *src = e->key->text, *dest_text = skf_node_str(e->value);
    skf_autobuf struct skf_buf from = SKF_BUF_INIT, strip = SKF_BUF_INIT, dest = SKF_BUF_INIT;
    skf_buf_adds(&dest, dest_text ? dest_text : "");
    const char *triple = strstr(src, "***");
    size_t strip_len;
    *flat = true;
    skf_buf_adds(&from, src);
    if (sync_pattern_a(src, &strip_len)) {
        skf_buf_add(&strip, src, strip_len);
    } else if (triple) {
        skf_buf_add(&strip, src, (size_t)(triple - src));
        skf_buf_clear(&from);
        for (const char *c = src; *c;) {
            bool three = strncmp(c, "***", 3) == 0;
            skf_buf_adds(&from, three ? "**" : "");
            if (!three)
                skf_buf_addc(&from, *c);
            c += three ? 3 : 1;
        }
    } else {
        *flat = false;
    }
    if (*flat) {
        if (!dest.len || dest.data[dest.len - 1] != '/')
            skf_buf_addc(&dest, '/');
        const char *tail = strip.data[0] == '/' ? strip.data + 1 : strip.data;
        size_t len = strlen(tail);
        if (strip.len && dest.len >= strip.len &&
            strcmp(dest.data + dest.len - strip.len, strip.data) == 0) {
            skf_buf_cut(&dest, dest.len - len);
            skf_buf_clear(&strip);
            if (!dest.len)
                skf_buf_addc(&dest, '.');
        }
    }
    struct skf_node *rule = skf_node_new_map(d, e->key);
    skf_node_set(d, rule, "src", skf_node_new_str(d, e->key, from.data));
    skf_node_set(d, rule, "dest", skf_node_new_str(d, e->value, dest.data));
    if (strip.len)
        skf_node_set(d, rule, "strip", skf_node_new_str(d, e->key, strip.data));
    return rule;
}

static void to_v1beta10(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    EACH(a, artifacts_of(p))
    {
        struct skf_node *sync = skf_node_get(a, "sync");
        if (!sync || sync->kind != SKF_MAPPING || !sync->n)
            continue;
        struct skf_node *rules = skf_node_new_seq(d, sync), *made = skf_node_new_map(d, sync);
        for (size_t i = 0; i < sync->n; i++) {
            bool flat;
            skf_node_append(d, rules, sync_rule(d, &sync->entries[i], &flat));
            if (!flat)
                skf_diagnostic_add(diags, true, sync->entries[i].key, NULL,
                                   "the sync pattern '%s' cannot flatten directories any more",
                                   sync->entries[i].key->text);
        }
        skf_node_set(d, made, "manual", rules);
        skf_node_set(d, a, "sync", made);
    }
}

static void to_v1beta14(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        static const char *const kinds[][2] = { { "jibMaven", "maven" },
                                                { "jibGradle", "gradle" } };
        for (size_t i = 0; i < 2; i++) {
            struct skf_node *jib = skf_node_get(a, kinds[i][0]);
            if (!jib || jib->kind != SKF_MAPPING)
                continue;
            rename_key(d, a, kinds[i][0], "jib");
            rename_key(d, jib, "module", "project");
            struct skf_node *profile = skf_node_del(jib, "profile");
            if (profile) {
                struct skf_node *args = skf_node_get(jib, "args");
                if (!args || args->kind != SKF_SEQUENCE) {
                    args = skf_node_new_seq(d, profile);
                    skf_node_set(d, jib, "args", args);
                }
                skf_node_append(d, args, skf_node_new_str(d, profile, "--activate-profiles"));
                skf_node_append(d, args, profile);
            }
            skf_node_set(d, jib, "type", skf_node_new_str(d, jib, kinds[i][1]));
        }
    }
}

static void to_v2alpha2(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        struct skf_node *kaniko = skf_node_get(a, "kaniko");
        struct skf_node *image =
            skf_node_find(kaniko, "buildContext", "localDir", "initImage", NULL);
        skf_node_del(kaniko, "buildContext");
        if (image)
            skf_node_set(d, kaniko, "initImage", image);
    }
}

static void to_v2alpha3(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    struct skf_node *kustomize = skf_node_find(p, "deploy", "kustomize", NULL);
    struct skf_node *path = skf_node_get(kustomize, "path");
    if (!path || skf_node_get(kustomize, "paths"))
        return;
    rename_key(d, kustomize, "path", "paths");
    if (path->kind == SKF_SCALAR)
        skf_node_set(d, kustomize, "paths", list_of_one(d, path));
}

static void to_v2beta4(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(r, releases_of(p))
    rename_key(d, r, "values", "artifactOverrides");
}

static void to_v2beta5(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    rename_key(d, a, "buildpack", "buildpacks");
    rename_key(d, skf_node_find(p, "build", "cluster", NULL), "pullSecret", "pullSecretPath");
}

static void to_v2beta9(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        struct skf_node *sync = skf_node_get(a, "sync"), *on = skf_node_get(sync, "auto");
        if (on && on->kind == SKF_MAPPING)
            skf_node_set(d, sync, "auto", skf_node_new_plain(d, on, "true"));
    }
}

static void to_v2beta13(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(r, releases_of(p))
    {
        bool remote = false;
        skf_node_bool(skf_node_get(r, "remote"), &remote);
        skf_node_del(r, "remote");
        if (remote)
            rename_key(d, r, "chartPath", "remoteChart");
    }
}

static void to_v2beta17(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)d;
    EACH(a, artifacts_of(p))
    {
        struct skf_node *secret = skf_node_find(a, "docker", "secret", NULL);
        struct skf_entry *dst = skf_node_entry(secret, "dst");
        if (!dst)
            continue;
        skf_diagnostic_add(diags, true, dst->key, "set the destination in the Dockerfile",
                           "'docker.secret.dst' has no effect any more");
        skf_node_del(secret, "dst");
    }
}

static void to_v2beta23(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        struct skf_node *docker = skf_node_get(a, "docker");
        struct skf_node *secret = skf_node_get(docker, "secret");
        if (!secret || skf_node_get(docker, "secrets"))
            continue;
        rename_key(d, docker, "secret", "secrets");
        skf_node_set(d, docker, "secrets", list_of_one(d, secret));
    }
}

static void to_v2beta28(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    EACH(a, artifacts_of(p))
    {
        struct skf_node *platforms = skf_node_del(skf_node_get(a, "ko"), "platforms");
        const struct skf_node *have = skf_node_get(a, "platforms");
        if (platforms && (!have || have->n == 0))
            skf_node_set(d, a, "platforms", platforms);
    }
}

static void to_v4beta1(struct skf_doc *d, struct skf_node *p, struct skf_diagnostics *diags)
{
    (void)diags;
    struct skf_node *kubectl = skf_node_find(p, "deploy", "kubectl", NULL);
    struct skf_node *names = skf_node_get(kubectl, "remoteManifests");
    if (!names || names->kind != SKF_SEQUENCE)
        return;
    skf_node_del(kubectl, "remoteManifests");
    struct skf_node *list = skf_node_new_seq(d, names);
    for (size_t i = 0; i < names->n; i++) {
        struct skf_node *m = skf_node_new_map(d, names->items[i]);
        skf_node_set(d, m, "manifest", names->items[i]);
        skf_node_append(d, list, m);
    }
    skf_node_set(d, skf_upgrade_map(d, p, "manifests", names), "remoteManifests", list);
}

static const struct step steps[] = {
    { "v1alpha2", to_v1alpha2 }, { "v1alpha3", to_v1alpha3 }, { "v1alpha4", to_v1alpha4 },
    { "v1beta1", to_v1beta1 },   { "v1beta7", to_v1beta7 },   { "v1beta9", to_v1beta9 },
    { "v1beta10", to_v1beta10 }, { "v1beta14", to_v1beta14 }, { "v2alpha2", to_v2alpha2 },
    { "v2alpha3", to_v2alpha3 }, { "v2beta4", to_v2beta4 },   { "v2beta5", to_v2beta5 },
    { "v2beta9", to_v2beta9 },   { "v2beta13", to_v2beta13 }, { "v2beta17", to_v2beta17 },
    { "v2beta23", to_v2beta23 }, { "v2beta28", to_v2beta28 }, { "v3alpha1", skf_upgrade_to_v3 },
    { "v4beta1", to_v4beta1 },
};

void skf_version_upgrade(struct skf_doc *d, struct skf_node *root, int from, int target,
                         struct skf_diagnostics *diags)
{
    struct skf_node *profiles = skf_node_get(root, "profiles");
    for (size_t i = 0; i < SKF_ARRAY_LEN(steps); i++) {
        int to = 0;
        while (strcmp(skf_version_name(to), steps[i].to) != 0)
            to++;
        if (from >= to || to > target)
            continue;
        steps[i].run(d, root, diags);
        EACH(profile, profiles)
        steps[i].run(d, profile, diags);
    }
    struct skf_node *version = skf_node_get(root, "apiVersion");
    skf_autofree char *name = skf_xasprintf("skaffold/%s", skf_version_name(target));
    skf_node_set(d, root, "apiVersion", skf_node_new_str(d, version, name));
}

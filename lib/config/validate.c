/* lib/config/validate.c: rules over the finished model. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/config/build_model.h"
#include "lib/doc/doc.h"

static const struct skf_node *image_node(const struct skf_artifact *a)
{
    const struct skf_node *n = skf_node_get(a->at, "image");
    return n ? n : a->at;
}

static bool has_tag_or_digest(const char *image)
{
    const char *slash = strrchr(image, '/');
    if (strchr(image, '@'))
        return true;
    if (strncmp(image, "ko://", 5) == 0)
        return false;
    return strchr(slash ? slash : image, ':') != NULL;
}

static void check_image(const struct skf_artifact *a, struct skf_map *seen,
                        struct skf_diagnostics *diags)
{
    if (!*a->image)
        return;
    if (has_tag_or_digest(a->image))
        skf_diagnostic_add(diags, false, image_node(a), "the tag comes from 'build.tagPolicy'",
                           "the image name '%s' must have no tag and no digest", a->image);
    const struct skf_artifact *first = skf_map_get(seen, a->image);
    if (first)
        skf_diagnostic_add(diags, false, image_node(a), NULL,
                           "the image '%s' is built twice: also in line %d", a->image,
                           first->at->line);
    else
        skf_map_put(seen, a->image, (void *)(uintptr_t)a);
}

static const struct skf_node *sync_node(const struct skf_artifact *a, const char *kind, size_t i)
{
    const struct skf_node *n = skf_node_item(skf_node_get(skf_node_get(a->at, "sync"), kind), i);
    return n ? n : a->at;
}

static void check_sync(const struct skf_artifact *a, struct skf_diagnostics *diags)
{
    const struct skf_sync *s = a->sync;
    const struct skf_sync_rule *rules = s ? s->manual.v : NULL;
    for (size_t i = 0; s && i < s->manual.n; i++)
        if (rules[i].src && rules[i].strip &&
            strncmp(rules[i].src, rules[i].strip, strlen(rules[i].strip)) != 0)
            skf_diagnostic_add(diags, false, sync_node(a, "manual", i), NULL,
                               "the sync rule's 'src' '%s' does not begin with its 'strip' '%s'",
                               rules[i].src, rules[i].strip);
    for (size_t i = 0; s && a->builder && strcmp(a->builder, "ko") == 0 && i < s->infer.n; i++)
        if (!strstr(s->infer.v[i], "kodata") && strcmp(s->infer.v[i], "**/*") != 0)
            skf_diagnostic_add(diags, false, sync_node(a, "infer", i), "use 'manual' for others",
                               "ko knows the place of files in 'kodata' only: '%s' names none",
                               s->infer.v[i]);
}

static bool alias_ok(const char *alias)
{
    if (!isalpha((unsigned char)*alias) && *alias != '_')
        return false;
    for (; *alias; alias++) {
        if (!isalnum((unsigned char)*alias) && *alias != '_')
            return false;
    }
    return true;
}

static const struct skf_node *require_node(const struct skf_artifact *a, size_t i)
{
    const struct skf_node *n = skf_node_item(skf_node_get(a->at, "requires"), i);
    return n ? n : a->at;
}

static void check_requires(const struct skf_artifact *a, const struct skf_map *all,
                           struct skf_diagnostics *diags)
{
    const struct skf_artifact_requires *v = a->requires.v;
    bool named =
        a->builder && (strcmp(a->builder, "docker") == 0 || strcmp(a->builder, "custom") == 0);
    for (size_t i = 0; i < a->requires.n; i++) {
        const struct skf_node *at = require_node(a, i);
        const char *alias = v[i].alias ? v[i].alias : v[i].image;
        if (v[i].image && !skf_map_has(all, v[i].image))
            skf_diagnostic_add(diags, false, at, NULL,
                               "the artifact '%s' requires '%s', which no artifact builds",
                               a->image, v[i].image);
        if (named && alias && !alias_ok(alias))
            skf_diagnostic_add(diags, false, at, "give an 'alias' of letters, digits and '_'",
                               "the alias '%s' cannot be a variable's name", alias);
        for (size_t k = 0; alias && k < i; k++) {
            const char *other = v[k].alias ? v[k].alias : v[k].image;
            if (other && strcmp(other, alias) == 0)
                skf_diagnostic_add(diags, false, at, NULL, "the alias '%s' is used twice", alias);
        }
    }
}

/* Depth first; `path` holds the artifacts from the root of the search to here. */
static bool on_cycle(const struct skf_artifact *a, const struct skf_map *all, struct skf_map *done,
                     struct skf_strv *path)
{
    if (skf_strv_has(path, a->image)) {
        skf_strv_add(path, a->image);
        return true;
    }
    if (skf_map_has(done, a->image) || path->n > 1000)
        return false;
    skf_strv_add(path, a->image);
    const struct skf_artifact_requires *v = a->requires.v;
    for (size_t i = 0; i < a->requires.n; i++) {
        const struct skf_artifact *next = v[i].image ? skf_map_get(all, v[i].image) : NULL;
        if (next && on_cycle(next, all, done, path))
            return true;
    }
    skf_strv_remove(path, path->n - 1);
    skf_map_put(done, a->image, path);
    return false;
}

static void check_cycles(const struct skf_config *c, const struct skf_map *all,
                         struct skf_diagnostics *diags)
{
    struct skf_map done = SKF_MAP_INIT;
    for (size_t m = 0; m < c->n_modules; m++) {
        for (size_t i = 0; i < c->modules[m].n_artifacts; i++) {
            const struct skf_artifact *a = &c->modules[m].artifacts[i];
            skf_autostrv struct skf_strv path = SKF_STRV_INIT;
            if (!on_cycle(a, all, &done, &path))
                continue;
            skf_autofree char *words = skf_strv_join(&path, " -> ");
            skf_diagnostic_add(diags, false, a->at, NULL,
                               "artifacts require each other in a circle: %s", words);
            skf_map_release(&done);
            return;
        }
    }
    skf_map_release(&done);
}

static void one_of_words(const char *value, const char *const *words, size_t n, const char *what,
                         const struct skf_node *at, struct skf_diagnostics *diags)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(value, words[i]) == 0)
            return;
    }
    skf_autobuf struct skf_buf hint = SKF_BUF_INIT;
    const char *near = skf_suggest(value, words, n);
    if (near)
        skf_buf_addf(&hint, "did you mean '%s'?", near);
    else
        skf_buf_adds(&hint, "one of");
    for (size_t i = 0; i < n && !near; i++)
        skf_buf_addf(&hint, "%s %s", i ? "," : "", words[i]);
    skf_diagnostic_add(diags, false, at, hint.data, "unknown %s '%s'", what, value);
}

static void check_forwards(const struct skf_module *m, struct skf_diagnostics *diags)
{
    static const char *const types[] = {
        "container",   "pod",       "deployment", "service", "replicaset", "replicationcontroller",
        "statefulset", "daemonset", "cronjob",    "job",
    };
    for (size_t i = 0; i < m->n_port_forwards; i++) {
        const struct skf_port_forward *f = &m->port_forwards[i];
        const struct skf_node *at = skf_node_get(f->at, "resourceType");
        if (f->resource_type)
            one_of_words(f->resource_type, types, SKF_ARRAY_LEN(types), "resource type",
                         at ? at : f->at, diags);
        else
            skf_diagnostic_add(diags, false, f->at, "pod, deployment, service ...",
                               "'resourceType' is missing in portForward[%zu]", i);
        long long port;
        if (f->port && skf_num_parse(f->port, -(1LL << 40), 1LL << 40, &port) &&
            (port < 1 || port > 65535))
            skf_diagnostic_add(diags, false, skf_node_get(f->at, "port"), NULL,
                               "the port %lld is not between 1 and 65535", port);
        bool defaulted = !skf_node_get(f->at, "localPort") ||
                         skf_node_get(f->at, "localPort")->start == f->at->start;
        if (!defaulted && (f->local_port < 0 || f->local_port > 65535))
            skf_diagnostic_add(diags, false, skf_node_get(f->at, "localPort"), NULL,
                               "the port %d is not between 1 and 65535", f->local_port);
    }
}

static void check_module(const struct skf_module *m, const struct skf_node *root,
                         struct skf_diagnostics *diags)
{
    static const char *const prefixes[] = { "auto", "container", "podAndContainer", "none" };
    static const char *const variants[] = { "Tags",    "CommitSha",     "AbbrevCommitSha",
                                            "TreeSha", "AbbrevTreeSha", "Branches" };
    const struct skf_node *prefix = skf_node_find(root, "deploy", "logs", "prefix", NULL);
    if (m->log_prefix)
        one_of_words(m->log_prefix, prefixes, SKF_ARRAY_LEN(prefixes), "log prefix", prefix, diags);
    const struct skf_node *git =
        skf_node_find(root, "build", "tagPolicy", "gitCommit", "variant", NULL);
    if (m->tagger.git_variant && *m->tagger.git_variant)
        one_of_words(m->tagger.git_variant, variants, SKF_ARRAY_LEN(variants),
                     "variant of gitCommit", git, diags);
    if (m->tagger.policy == SKF_TAG_SHA256 && m->try_import_missing)
        skf_diagnostic_add(diags, false,
                           skf_node_find(root, "build", "local", "tryImportMissing", NULL),
                           "use another tag policy: 'sha256' always gives the tag 'latest'",
                           "'tryImportMissing' does not work with the tag policy 'sha256'");
    if (m->local_concurrency < 0)
        skf_diagnostic_add(diags, false, skf_node_find(root, "build", "local", "concurrency", NULL),
                           "0 means no limit", "'build.local.concurrency' is negative");
    check_forwards(m, diags);
}

void skf_validate(const struct skf_config *c, const struct skf_node *const *roots,
                  struct skf_diagnostics *diags)
{
    struct skf_map images = SKF_MAP_INIT;
    for (size_t m = 0; m < c->n_modules; m++) {
        for (size_t i = 0; i < c->modules[m].n_artifacts; i++)
            check_image(&c->modules[m].artifacts[i], &images, diags);
    }
    for (size_t m = 0; m < c->n_modules; m++) {
        for (size_t i = 0; i < c->modules[m].n_artifacts; i++) {
            check_sync(&c->modules[m].artifacts[i], diags);
            check_requires(&c->modules[m].artifacts[i], &images, diags);
        }
        check_module(&c->modules[m], roots[m], diags);
    }
    check_cycles(c, &images, diags);
    skf_validate_trees(roots, c->n_modules, diags);
    skf_map_release(&images);
}

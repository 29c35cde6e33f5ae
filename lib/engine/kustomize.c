#include "lib/engine/kustomize.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

enum { MAX_KUSTOMIZATION = 1024 * 1024, MAX_TREES = 1000 };

static void add_path(const struct skf_module *m, const char *path, const char *kubectl,
                     size_t group, struct skf_tools *tools)
{
    skf_autofree char *own = skf_proc_which("kustomize");
    struct skf_tool_run *run = skf_tools_add(tools, skf_xasprintf("kustomize %s", path));
    run->group = group;
    skf_strv_add(&run->argv, own ? own : kubectl ? kubectl : "kubectl");
    skf_strv_add(&run->argv, own ? "build" : "kustomize");
    for (size_t i = 0; i < m->kustomize_build_args.n; i++)
        skf_strv_add(&run->argv, m->kustomize_build_args.v[i]);
    if (strstr(path, "://"))
        skf_strv_add(&run->argv, path);
    else
        skf_strv_take(&run->argv, skf_path_join(m->dir, path));
}

void skf_kustomize_add(const struct skf_config *config, const char *kubectl, bool deployed,
                       struct skf_tools *tools)
{
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_module *m = &config->modules[i];
        for (size_t j = 0; m->has_kustomize && j < m->kustomize_paths.n; j++)
            if (m->has_kubectl || !deployed)
                add_path(m, m->kustomize_paths.v[j], kubectl, i, tools);
    }
}

/* --- what is read ----------------------------------------------------------------------------- */

struct scan {
    struct skf_strv *trees, *files;
};

static void scan_dir(struct scan *s, const char *dir);

static void scan_entry(struct scan *s, const char *dir, const char *entry)
{
    if (!entry || strstr(entry, "://") || strchr(entry, '\n')) /* a URL, or an inline patch */
        return;
    skf_autofree char *full = skf_path_join(dir, entry);
    if (skf_file_is_dir(full))
        scan_dir(s, full);
    else if (!skf_path_within(dir, full))
        skf_strv_add(s->files, full);
}

/* A list of names, or of mappings that hold names under one of the keys. */
static void scan_list(struct scan *s, const char *dir, const struct skf_node *list)
{
    static const char *const keys[] = { "path", "env" };
    static const char *const lists[] = { "files", "envs" };
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const struct skf_node *item = list->items[i];
        scan_entry(s, dir, skf_node_str(item));
        for (size_t k = 0; item->kind == SKF_MAPPING && k < SKF_ARRAY_LEN(keys); k++)
            scan_entry(s, dir, skf_node_get_str(item, keys[k]));
        for (size_t k = 0; item->kind == SKF_MAPPING && k < SKF_ARRAY_LEN(lists); k++) {
            const struct skf_node *names = skf_node_get(item, lists[k]);
            for (size_t j = 0; names && names->kind == SKF_SEQUENCE && j < names->n; j++) {
                const char *name = skf_node_str(names->items[j]); /* "key=file" or "file" */
                const char *equals = name ? strchr(name, '=') : NULL;
                scan_entry(s, dir, equals ? equals + 1 : name);
            }
        }
    }
}

static void scan_kustomization(struct scan *s, const char *dir, const struct skf_node *root)
{
    static const char *const keys[] = { "resources",
                                        "bases",
                                        "components",
                                        "crds",
                                        "patches",
                                        "generators",
                                        "transformers",
                                        "validators",
                                        "configurations",
                                        "configMapGenerator",
                                        "secretGenerator",
                                        "patchesJson6902",
                                        "patchesStrategicMerge" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(keys); i++)
        scan_list(s, dir, skf_node_get(root, keys[i]));
}

static void scan_dir(struct scan *s, const char *dir)
{
    static const char *const names[] = { "kustomization.yaml", "kustomization.yml",
                                         "Kustomization" };
    if (skf_strv_has(s->trees, dir) || s->trees->n >= MAX_TREES)
        return;
    skf_strv_add(s->trees, dir);
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        skf_autofree char *file = skf_path_join(dir, names[i]);
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        struct skf_err ignored = SKF_ERR_INIT;
        struct skf_doc *doc = NULL;
        if (skf_file_read(file, MAX_KUSTOMIZATION, &text, &ignored) < 0 ||
            skf_doc_parse(file, text.data, text.len, &doc, &ignored) < 0)
            continue;
        if (doc->n_parts)
            scan_kustomization(s, dir, doc->parts[0].root);
        skf_doc_free(doc);
    }
}

void skf_kustomize_inputs(const struct skf_config *config, struct skf_strv *trees,
                          struct skf_strv *files)
{
    struct scan s = { trees, files };
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_module *m = &config->modules[i];
        for (size_t j = 0; m->has_kustomize && j < m->kustomize_paths.n; j++)
            scan_entry(&s, m->dir, m->kustomize_paths.v[j]);
    }
}

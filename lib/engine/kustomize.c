/* happy path: a process for each path -> its output parsed -> the next -> done.
 * failures:   the first one ends it, with the tool's last words.
 * on cancel:  the running process is stopped; done comes with SKF_ECANCELED. */
#include "lib/engine/kustomize.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

enum { MAX_OUTPUT = 64 * 1024 * 1024, MAX_KUSTOMIZATION = 1024 * 1024, MAX_TREES = 1000 };

static bool has_paths(const struct skf_module *m, bool deployed)
{
    return m->has_kustomize && m->kustomize_paths.n && (m->has_kubectl || !deployed);
}

bool skf_kustomize_needed(const struct skf_config *config, bool deployed)
{
    for (size_t i = 0; i < config->n_modules; i++)
        if (has_paths(&config->modules[i], deployed))
            return true;
    return false;
}

static void finish(struct skf_kustomize *k, const struct skf_err *err)
{
    skf_proc_release(&k->proc);
    if (err)
        skf_objects_release(&k->objects);
    k->done(k, err);
}

static bool next_path(struct skf_kustomize *k)
{
    for (; k->module < k->config->n_modules; k->module++, k->path = 0) {
        const struct skf_module *m = &k->config->modules[k->module];
        if (has_paths(m, k->deployed) && k->path < m->kustomize_paths.n)
            return true;
    }
    return false;
}

static void run_path(struct skf_kustomize *k);

static void on_built(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_kustomize *k = p->data;
    const struct skf_module *m = &k->config->modules[k->module];
    const char *path = m->kustomize_paths.v[k->path];
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (err && err->code == SKF_ECHILD) {
        skf_buf_trim(&p->errout);
        skf_err_set(&failure, SKF_ECONFIG, "%s", p->errout.data);
    }
    if (!err) {
        skf_autofree char *shown = skf_xasprintf("kustomize %s", path);
        skf_manifest_parse(shown, p->out.data, p->out.len, &k->objects, &failure);
    }
    if (failure.code) {
        if (failure.code != SKF_ECANCELED)
            skf_err_wrap(&failure, "kustomize '%s'", path);
        finish(k, &failure);
        return;
    }
    k->path++;
    if (next_path(k))
        run_path(k);
    else
        finish(k, NULL);
}

static void run_path(struct skf_kustomize *k)
{
    const struct skf_module *m = &k->config->modules[k->module];
    skf_autofree char *own = skf_proc_which("kustomize");
    skf_autofree char *path = skf_path_join(m->dir, m->kustomize_paths.v[k->path]);
    skf_proc_release(&k->proc);
    skf_proc_init(&k->proc);
    if (own)
        skf_proc_args(&k->proc, own, "build", NULL);
    else
        skf_proc_args(&k->proc, k->kubectl ? k->kubectl : "kubectl", "kustomize", NULL);
    for (size_t i = 0; i < m->kustomize_build_args.n; i++)
        skf_proc_args(&k->proc, m->kustomize_build_args.v[i], NULL);
    skf_proc_args(
        &k->proc,
        strstr(m->kustomize_paths.v[k->path], "://") ? m->kustomize_paths.v[k->path] : path, NULL);
    k->proc.capture_max = MAX_OUTPUT;
    k->proc.data = k;
    skf_proc_start(k->loop, &k->proc, on_built);
}

void skf_kustomize_start(uv_loop_t *loop, struct skf_kustomize *k)
{
    k->loop = loop;
    k->module = k->path = 0;
    memset(&k->objects, 0, sizeof k->objects);
    skf_proc_init(&k->proc);
    next_path(k);
    run_path(k);
}

void skf_kustomize_cancel(struct skf_kustomize *k)
{
    skf_proc_stop(&k->proc);
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

#include "lib/engine/sources.h"

#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/helm.h"
#include "lib/engine/inputs.h"
#include "lib/engine/kustomize.h"
#include "lib/engine/render.h"
#include "lib/io/file.h"

void skf_sources_config(const struct skf_config *config, struct skf_inputs *out)
{
    for (size_t i = 0; i < config->files.n; i++)
        skf_strv_add(&out->files, config->files.v[i]);
}

/* A glob in the last element: new files of its folder count. Further up: everything below does. */
static void add_pattern(const char *dir, const char *pattern, struct skf_inputs *out)
{
    skf_autofree char *full = skf_path_join(dir, pattern);
    if (!skf_glob_has_meta(full)) {
        skf_strv_add(skf_file_is_dir(full) ? &out->trees : &out->files, full);
        return;
    }
    skf_autofree char *parent = skf_path_dir(full);
    if (!skf_glob_has_meta(parent)) {
        skf_strv_add(&out->dirs, parent);
        skf_strv_add(&out->dirs, skf_path_base(full));
        return;
    }
    while (skf_glob_has_meta(parent))
        skf_replace(&parent, skf_path_dir(parent));
    skf_strv_add(&out->trees, parent);
}

void skf_sources_manifests(const struct skf_plan *plan, struct skf_inputs *out)
{
    const struct skf_config *config = &plan->config;
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_module *m = &config->modules[i];
        for (size_t j = 0; j < m->raw_yaml.n; j++)
            add_pattern(m->dir, m->raw_yaml.v[j], out);
    }
    skf_render_files(plan, &out->files);
    skf_kustomize_inputs(config, &out->trees, &out->files);
    skf_helm_inputs(config, out);
}

/* --- why -------------------------------------------------------------------------------------- */

static void judge(const struct skf_inputs *in, const char *path, const char *key, const char *name,
                  json_t *reasons, json_t *ignored)
{
    skf_autobuf struct skf_buf rule = SKF_BUF_INIT;
    bool yes = skf_inputs_match(in, path, &rule);
    if (yes || rule.len)
        json_array_append_new(yes ? reasons : ignored,
                              json_pack("{s:s,s:s}", key, name, "rule", rule.data));
}

json_t *skf_sources_why(const struct skf_plan *plan, const struct skf_inputs *const *inputs,
                        const char *path)
{
    struct skf_inputs config = { 0 }, manifests = { 0 };
    json_t *reasons = json_array(), *ignored = json_array();
    skf_sources_config(&plan->config, &config);
    skf_sources_manifests(plan, &manifests);
    judge(&config, path, "what", "configuration", reasons, ignored);
    judge(&manifests, path, "what", "manifests", reasons, ignored);
    for (size_t i = 0; i < plan->n_artifacts; i++)
        if (inputs[i])
            judge(inputs[i], path, "artifact", plan->artifacts[i].artifact->image, reasons,
                  ignored);
    skf_inputs_release(&config);
    skf_inputs_release(&manifests);
    return json_pack("{s:s,s:b,s:o,s:o}", "path", path, "matters", json_array_size(reasons) > 0,
                     "reasons", reasons, "ignored", ignored);
}

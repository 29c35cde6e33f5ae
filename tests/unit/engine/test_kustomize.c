/* What a kustomization reads. (That kustomize itself runs is an integration test.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/kustomize.h"
#include "lib/io/file.h"

struct world {
    char *dir;
    const char *path;
    struct skf_module module;
    struct skf_config config;
    struct skf_strv trees, files;
};

static void put(struct world *w, const char *name, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(w->dir, name);
    skf_autofree char *parent = skf_path_dir(path);
    assert_int_equal(skf_file_mkdirs(parent, 0700, &err), 0);
    assert_int_equal(skf_file_write_atomic(path, 0600, text, strlen(text), &err), 0);
}

static int set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    w->dir = skf_file_temp_dir("skiff-kustomize", &err);
    assert_non_null(w->dir);
    w->path = "overlays/dev";
    w->module = (struct skf_module){ .dir = w->dir,
                                     .has_kustomize = true,
                                     .kustomize_paths = { .v = &w->path, .n = 1 } };
    w->config = (struct skf_config){ .modules = &w->module, .n_modules = 1 };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_file_remove_tree(w->dir, &err);
    skf_strv_release(&w->trees);
    skf_strv_release(&w->files);
    free(w->dir);
    free(w);
    return 0;
}

static bool listed(struct world *w, const struct skf_strv *list, const char *name)
{
    skf_autofree char *full = skf_path_join(w->dir, name);
    return skf_strv_has(list, full);
}

static void bases_and_files_outside_are_followed(void **state)
{
    struct world *w = *state;
    put(w, "overlays/dev/kustomization.yaml",
        "resources: [../../base, local.yaml, 'https://example.com/x.yaml']\n"
        "components: [../parts]\n"
        "patches: [{path: ../../patches/a.yaml}]\n"
        "configMapGenerator: [{name: c, files: [key=../../settings.ini], envs: [x.env]}]\n");
    put(w, "base/Kustomization", "resources: [../deep]\n");
    put(w, "deep/kustomization.yml", "resources: [../base]\n"); /* a circle ends */
    put(w, "overlays/parts/kustomization.yaml", "kind: Component\n");
    put(w, "patches/a.yaml", "a: 1\n");
    skf_kustomize_inputs(&w->config, &w->trees, &w->files);
    assert_int_equal(w->trees.n, 4);
    assert_true(listed(w, &w->trees, "overlays/dev"));
    assert_true(listed(w, &w->trees, "base"));
    assert_true(listed(w, &w->trees, "deep"));
    assert_true(listed(w, &w->trees, "overlays/parts"));
    assert_int_equal(w->files.n, 2);
    assert_true(listed(w, &w->files, "patches/a.yaml"));
    assert_true(listed(w, &w->files, "settings.ini"));
}

static void a_broken_kustomization_is_watched_all_the_same(void **state)
{
    struct world *w = *state;
    put(w, "overlays/dev/kustomization.yaml", "resources: [\n");
    skf_kustomize_inputs(&w->config, &w->trees, &w->files);
    assert_int_equal(w->trees.n, 1);
}

static void what_does_not_deploy_is_not_built_for_a_cluster(void **state)
{
    struct world *w = *state;
    struct skf_tools tools = { 0 };
    skf_kustomize_add(&w->config, "kubectl", true, &tools);
    assert_int_equal(tools.runs.n, 0);
    skf_kustomize_add(&w->config, "kubectl", false, &tools);
    assert_int_equal(tools.runs.n, 1);
    w->module.has_kubectl = true;
    skf_kustomize_add(&w->config, "kubectl", true, &tools);
    assert_int_equal(tools.runs.n, 2);
    skf_tools_release(&tools);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(bases_and_files_outside_are_followed),
        T(a_broken_kustomization_is_watched_all_the_same),
        T(what_does_not_deploy_is_not_built_for_a_cluster),
    };
    return cmocka_run_group_tests_name("kustomize", tests, NULL, NULL);
}

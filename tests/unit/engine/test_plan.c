/* What a configuration means: targets, names, platforms, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/engine/plan.h"
#include "tests/support/fake_seams.h"

struct world {
    char *dir;
    struct skf_strv none;
    struct skf_kube_context kube;
    struct skf_target node;
    struct skf_plan_request request;
    struct skf_plan plan;
    struct skf_err err;
    bool planned;
};

static int set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    w->dir = skf_file_temp_dir("skiff-plan", &w->err);
    assert_non_null(w->dir);
    assert_int_equal(chdir(w->dir), 0);
    unsetenv("GOOS");
    unsetenv("GOARCH");
    w->kube.name = skf_xstrdup("ctx");
    w->kube.server = skf_xstrdup("https://127.0.0.1:6443");
    w->kube.kind = SKF_CLUSTER_SKIFF;
    w->node =
        (struct skf_target){ .kind = SKF_TARGET_CONTAINERD, .containerd_socket = "/run/c.sock" };
    w->request = (struct skf_plan_request){ .builders = fake_builders,
                                            .kube = &w->kube,
                                            .deploys = true,
                                            .local_default = true,
                                            .local = &w->node };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->planned)
        skf_plan_release(&w->plan);
    assert_int_equal(chdir("/"), 0);
    skf_file_remove_tree(w->dir, &w->err);
    skf_kube_context_release(&w->kube);
    free(w->dir);
    free(w);
    return 0;
}

/* Plans a file with this text under `build` (two blanks deep) and this at the top level. */
static int plan(struct world *w, const char *image, const char *build, const char *top)
{
    struct skf_diagnostics diags = { 0 };
    struct skf_config config;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_config_request request = {
        .command = "dev", .builders = fake_sections, .profiles = &w->none, .modules = &w->none
    };
    skf_buf_addf(&text,
                 "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts:\n"
                 "  - image: %s\n    ko: {}\n%s%s",
                 image, build, top);
    assert_int_equal(skf_file_write_atomic("skaffold.yaml", 0600, text.data, text.len, &w->err), 0);
    int rc = skf_config_load(&request, &config, &diags);
    for (size_t i = 0; i < diags.n; i++)
        print_message("%s:%d: %s\n", diags.v[i].file, diags.v[i].line, diags.v[i].message);
    skf_diagnostics_release(&diags);
    assert_int_equal(rc, 0);
    rc = skf_plan_make(&w->request, &config, &w->plan, &w->err);
    w->planned = rc == 0;
    if (rc < 0)
        skf_config_release(&config);
    return rc;
}

#define LOCAL_ONLY "  local: {push: false}\n"

static void push_off_goes_into_the_bundled_node(void **state)
{
    struct world *w = *state;
    assert_int_equal(plan(w, "gcr.io/a/App", LOCAL_ONLY, ""), 0);
    assert_int_equal(w->plan.artifacts[0].target.kind, SKF_TARGET_CONTAINERD);
    assert_string_equal(w->plan.artifacts[0].target.containerd_socket, "/run/c.sock");
    assert_string_equal(w->plan.artifacts[0].name, "gcr.io/a/app");
    assert_int_equal(w->plan.artifacts[0].platforms.n, 1);
}

static void a_text_that_chooses_no_image_is_a_mistake(void **state)
{
    struct world *w = *state;
    skf_autostrv struct skf_strv only = SKF_STRV_INIT;
    skf_strv_add(&only, "ap");
    w->request.only = &only;
    assert_int_equal(plan(w, "gcr.io/a/app", LOCAL_ONLY, ""), 0);
    assert_int_equal(w->plan.n_artifacts, 1);
    skf_plan_release(&w->plan);
    skf_strv_add(&only, "web");
    assert_int_equal(plan(w, "gcr.io/a/app", LOCAL_ONLY, ""), -SKF_EUSAGE);
    assert_non_null(strstr(w->err.msg, "'web'; images are: gcr.io/a/app"));
}

static void a_discovered_registry_is_pushed_to(void **state)
{
    struct world *w = *state;
    w->request.discovered_repo = "localhost:5000";
    assert_int_equal(plan(w, "gcr.io/my-project/app", "", ""), 0);
    assert_int_equal(w->plan.artifacts[0].target.kind, SKF_TARGET_REGISTRY);
    assert_string_equal(w->plan.artifacts[0].name, "localhost:5000/gcr_io_my-project_app");
}

static void the_flag_beats_the_file(void **state)
{
    struct world *w = *state;
    w->request.push = SKF_YES;
    w->request.default_repo = "localhost:1/x";
    assert_int_equal(plan(w, "app", LOCAL_ONLY, ""), 0);
    assert_int_equal(w->plan.artifacts[0].target.kind, SKF_TARGET_REGISTRY);
    assert_string_equal(w->plan.artifacts[0].name, "localhost:1/x/app");
}

static void a_remote_cluster_is_pushed_for(void **state)
{
    struct world *w = *state;
    w->kube.kind = SKF_CLUSTER_REMOTE;
    w->request.local = NULL;
    w->request.local_default = false;
    skf_replace(&w->kube.server, skf_xstrdup("https://203.0.113.7"));
    assert_int_equal(plan(w, "gcr.io/a/b", "", ""), 0);
    assert_int_equal(w->plan.artifacts[0].target.kind, SKF_TARGET_REGISTRY);
    assert_int_equal(w->plan.artifacts[0].platforms.n,
                     0); /* the builder knows what ko would take */
}

static void a_remote_cluster_without_push_is_a_contradiction(void **state)
{
    struct world *w = *state;
    w->kube.kind = SKF_CLUSTER_REMOTE;
    w->request.local = NULL;
    w->request.local_default = false;
    assert_int_equal(plan(w, "gcr.io/a/b", LOCAL_ONLY, ""), -SKF_EINVAL);
    assert_int_equal(w->err.line, 5);
    assert_non_null(strstr(w->err.msg, "build.local.push"));
}

static void nobody_pushes_to_the_root_of_docker_hub(void **state)
{
    struct world *w = *state;
    w->request.push = SKF_YES;
    assert_int_equal(plan(w, "app", "", ""), -SKF_EINVAL);
    assert_non_null(strstr(w->err.msg, "--default-repo"));
}

static void an_image_name_that_is_none_has_a_place(void **state)
{
    struct world *w = *state;
    assert_int_equal(plan(w, "'gcr.io/my project/app'", LOCAL_ONLY, ""), -SKF_EINVAL);
    assert_string_equal(w->err.file, "skaffold.yaml");
    assert_int_equal(w->err.line, 5);
}

static void a_context_that_is_not_there_is_named(void **state)
{
    struct world *w = *state;
    assert_int_equal(plan(w, "app", "    context: nowhere\n" LOCAL_ONLY, ""), -SKF_ECONFIG);
    assert_non_null(strstr(w->err.msg, "'nowhere'"));
}

static void what_is_not_done_yet_is_refused_with_its_line(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *build, *top, *path;
        int line;
    } cases[] = {
        { "  local: {push: false, tryImportMissing: true}\n", "", "build.local.tryImportMissing",
          7 },
        { LOCAL_ONLY, "deploy:\n  kubectl: {}\n  docker: {images: [app]}\n", "deploy.docker", 10 },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_err_clear(&w->err);
        assert_int_equal(plan(w, "app", cases[i].build, cases[i].top), -SKF_EUNSUPPORTED);
        assert_non_null(strstr(w->err.msg, cases[i].path));
        assert_int_equal(w->err.line, cases[i].line);
    }
}

static void what_is_switched_off_is_not_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(plan(w, "app", "  local: {push: false, tryImportMissing: false}\n",
                          "deploy:\n  kubectl: {}\n"),
                     0);
}

static void only_what_deploys_minds_how(void **state)
{
    struct world *w = *state;
    w->request.deploys = false;
    assert_int_equal(plan(w, "app", LOCAL_ONLY, "manifests:\n  rawYaml: ['{{.X}}.yaml']\n"), 0);
    assert_int_equal(w->plan.artifacts[0].target.kind, SKF_TARGET_NOWHERE);
}

static void equal_artifacts_have_equal_fingerprints(void **state)
{
    struct world *w = *state;
    char before[72];
    assert_int_equal(plan(w, "app", LOCAL_ONLY, ""), 0);
    memcpy(before, w->plan.artifacts[0].fingerprint, sizeof before);
    skf_plan_release(&w->plan);
    assert_int_equal(plan(w, "app", LOCAL_ONLY, "# a comment\n"), 0);
    assert_string_equal(w->plan.artifacts[0].fingerprint, before);
    skf_plan_release(&w->plan);
    assert_int_equal(plan(w, "app", "    platforms: [linux/arm64]\n" LOCAL_ONLY, ""), 0);
    assert_string_not_equal(w->plan.artifacts[0].fingerprint, before);
}

static void templates_of_what_is_deployed_are_expanded(void **state)
{
    struct world *w = *state;
    setenv("SKIFF_TEST_STAGE", "blue", 1);
    assert_int_equal(plan(w, "app", LOCAL_ONLY,
                          "manifests:\n  rawYaml: ['k8s/{{.SKIFF_TEST_STAGE}}.yaml']\n"
                          "deploy:\n  kubectl: {defaultNamespace: 'ns-{{.SKIFF_TEST_STAGE}}'}\n"
                          "portForward:\n- {resourceType: service, resourceName: s, port: 80,\n"
                          "   namespace: '{{.SKIFF_TEST_STAGE}}'}\n"),
                     0);
    const struct skf_module *m = &w->plan.config.modules[0];
    assert_string_equal(m->raw_yaml.v[0], "k8s/blue.yaml");
    assert_string_equal(m->default_namespace, "ns-blue");
    assert_string_equal(m->port_forwards[0].namespace_, "blue");
    unsetenv("SKIFF_TEST_STAGE");
}

static void a_variable_that_is_not_set_is_an_error_with_its_place(void **state)
{
    struct world *w = *state;
    assert_int_equal(plan(w, "app", LOCAL_ONLY, "manifests:\n  rawYaml: ['{{.SKIFF_NO}}.yaml']\n"),
                     -SKF_ECONFIG);
    assert_non_null(strstr(w->err.msg, "SKIFF_NO"));
    assert_int_equal(w->err.line, 9);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(push_off_goes_into_the_bundled_node),
        T(a_text_that_chooses_no_image_is_a_mistake),
        T(a_discovered_registry_is_pushed_to),
        T(the_flag_beats_the_file),
        T(a_remote_cluster_is_pushed_for),
        T(a_remote_cluster_without_push_is_a_contradiction),
        T(nobody_pushes_to_the_root_of_docker_hub),
        T(an_image_name_that_is_none_has_a_place),
        T(a_context_that_is_not_there_is_named),
        T(what_is_not_done_yet_is_refused_with_its_line),
        T(what_is_switched_off_is_not_refused),
        T(only_what_deploys_minds_how),
        T(equal_artifacts_have_equal_fingerprints),
        T(templates_of_what_is_deployed_are_expanded),
        T(a_variable_that_is_not_set_is_an_error_with_its_place),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

/* What a release is on helm's command line. (That helm itself runs is an integration test.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/helm.h"
#include "lib/io/file.h"

static const struct skf_pair images[] = {
    { .key = "gcr.io/p/web-app",
      .value = "reg.io:5000/p/web-app:v1@sha256:"
               "0123456789abcdef0123456789abcdef"
               "0123456789abcdef0123456789abcdef" },
    { .key = "other", .value = "other:abc" },
};

static struct skf_helm_release release(void)
{
    return (struct skf_helm_release){ .name = "web", .chart_path = "charts/web" };
}

static char *joined(const struct skf_helm_release *r, const char *namespace_, struct skf_err *err)
{
    struct skf_helm_call call;
    skf_autostrv struct skf_strv argv = SKF_STRV_INIT;
    if (skf_helm_resolve(r, "/m", namespace_, images, 2, &call, err) < 0)
        return skf_xstrdup("");
    skf_helm_chart_args(&argv, &call);
    skf_helm_call_release(&call);
    return skf_strv_join(&argv, " ");
}

static void values_come_in_helms_order_of_precedence(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_helm_release r = release();
    struct skf_pair set = { .key = "a.b", .value = "1" },
                    template = { .key = "image", .value = "{{.IMAGE_FULLY_QUALIFIED_other}}" },
                    file = { .key = "cfg", .value = "x.ini" };
    const char *values = "v.yaml";
    (void)state;
    r.set_values = (struct skf_pairs){ &set, 1 };
    r.set_value_templates = (struct skf_pairs){ &template, 1 };
    r.set_files = (struct skf_pairs){ &file, 1 };
    r.values_files = (struct skf_strings){ .v = &values, .n = 1 };
    r.version = "1.2";
    r.repo = "https://charts.example";
    r.namespace_ = "own";
    skf_autofree char *text = joined(&r, NULL, &err);
    assert_string_equal(text, "/m/charts/web --version 1.2 --namespace own --repo "
                              "https://charts.example --set a.b=1 --set image=other:abc "
                              "--set-file cfg=/m/x.ini -f /m/v.yaml");
}

static void the_flag_wins_over_the_releases_namespace(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_helm_release r = release();
    (void)state;
    r.namespace_ = "own";
    skf_autofree char *text = joined(&r, "flag", &err);
    assert_string_equal(text, "/m/charts/web --namespace flag");
}

static char *expanded(const char *value)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_helm_release r = release();
    struct skf_helm_call call;
    struct skf_pair template = { .key = "k", .value = value };
    r.set_value_templates = (struct skf_pairs){ &template, 1 };
    assert_int_equal(skf_helm_resolve(&r, "/m", NULL, images, 2, &call, &err), 0);
    char *text = skf_xstrdup(call.values.v[1] + 2);
    skf_helm_call_release(&call);
    return text;
}

static void images_are_known_by_name_and_number(void **state)
{
    static const char *const cases[][2] = {
        { "{{.IMAGE_REPO_gcr_io_p_web_app}}", "reg.io:5000/p/web-app" },
        { "{{.IMAGE_REPO}}", "reg.io:5000/p/web-app" },
        { "{{.IMAGE_TAG_gcr_io_p_web_app}}", "v1" },
        { "{{.IMAGE_DOMAIN_gcr_io_p_web_app}}/{{.IMAGE_REPO_NO_DOMAIN_gcr_io_p_web_app}}",
          "reg.io:5000/p/web-app" },
        { "{{.IMAGE_NAME2}}:{{.IMAGE_TAG2}}", "other:abc" },
        { "{{.IMAGE_TAG_other}}@{{.IMAGE_DIGEST_other}}", "abc" }, /* there is no digest */
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autofree char *text = expanded(cases[i][0]);
        assert_string_equal(text, cases[i][1]);
    }
}

static void an_unknown_variable_is_an_error_that_names_the_release(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_helm_release r = release();
    (void)state;
    r.namespace_ = "{{.SKIFF_TEST_NOT_SET}}";
    skf_autofree char *text = joined(&r, NULL, &err);
    assert_int_equal(err.code, SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "namespace of helm release 'web'"));
    assert_non_null(strstr(err.msg, "SKIFF_TEST_NOT_SET"));
}

static void releases_follow_what_they_depend_on(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    const char *needs_db = "db", *needs_web = "web", *needs_nothing_there = "cache";
    struct skf_helm_release v[] = {
        { .name = "web", .depends_on = { .v = &needs_db, .n = 1 } },
        { .name = "db" },
        { .name = "jobs" },
    };
    const struct skf_helm helm = { .releases = v, .n_releases = 3 };
    size_t order[3];
    (void)state;
    assert_int_equal(skf_helm_order(&helm, order, &err), 0);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 2);
    v[1].depends_on = (struct skf_strings){ .v = &needs_web, .n = 1 };
    assert_int_equal(skf_helm_order(&helm, order, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "in a circle"));
    v[1].depends_on = (struct skf_strings){ .v = &needs_nothing_there, .n = 1 };
    assert_int_equal(skf_helm_order(&helm, order, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "'cache'"));
}

static void what_helm_writes_into_a_chart_is_not_watched(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_helm_release r = release();
    struct skf_helm helm = { .releases = &r, .n_releases = 1 };
    skf_autofree char *dir = skf_file_temp_dir("skiff-helm", &err);
    skf_autofree char *chart = skf_path_join(dir, "charts/web/Chart.yaml");
    skf_autofree char *own = skf_path_join(dir, "charts/web/charts");
    skf_autofree char *lock = skf_path_join(dir, "charts/web/Chart.lock");
    skf_autofree char *values = skf_path_join(dir, "charts/web/values.yaml");
    skf_autofree char *parent = skf_path_dir(chart);
    skf_autofree char *above = skf_path_join(dir, "charts");
    struct skf_module module = { .dir = dir, .deploy_helm = &helm };
    struct skf_config config = { .modules = &module, .n_modules = 1 };
    struct skf_inputs in = { 0 };
    (void)state;
    assert_int_equal(skf_file_mkdirs(parent, 0700, &err), 0);
    assert_int_equal(skf_file_write_atomic(chart, 0600, "name: web\n", 10, &err), 0);
    skf_helm_inputs(&config, &in);
    assert_string_equal(in.trees.v[0], parent);
    assert_true(in.skips(NULL, own, true));
    assert_true(in.skips(NULL, lock, false));
    assert_false(in.skips(NULL, values, false));
    assert_false(in.skips(NULL, above, true)); /* a folder of that name, and no chart */
    skf_inputs_release(&in);
    skf_file_remove_tree(dir, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_in_helms_order_of_precedence),
        cmocka_unit_test(the_flag_wins_over_the_releases_namespace),
        cmocka_unit_test(images_are_known_by_name_and_number),
        cmocka_unit_test(an_unknown_variable_is_an_error_that_names_the_release),
        cmocka_unit_test(releases_follow_what_they_depend_on),
        cmocka_unit_test(what_helm_writes_into_a_chart_is_not_watched),
    };
    return cmocka_run_group_tests_name("helm", tests, NULL, NULL);
}

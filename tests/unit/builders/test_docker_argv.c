/* Options to what Docker is asked for. */
#include "tests/unit/builders/support.h"

#include <string.h>

#include "builders/docker/settings.h"

static struct skf_services services = { .cwd = "/nowhere" };
static struct skf_module module;

struct asked {
    struct skf_docker_options options;
    struct skf_artifact artifact;
    struct skf_strv platforms;
    struct skf_build_context ctx;
};

static void ask(struct asked *a)
{
    a->artifact = (struct skf_artifact){ .image = "app", .options = &a->options };
    a->ctx = (struct skf_build_context){ .services = &services,
                                         .module = &module,
                                         .artifact = &a->artifact,
                                         .dir = "/ctx",
                                         .platforms = &a->platforms };
}

static void expect_argv(struct asked *a, const char *want)
{
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv argv = SKF_STRV_INIT;
    ask(a);
    if (skf_docker_settings_make(&a->ctx, "reg.io/team/app:v1", &s, &err) < 0)
        fail_msg("%s", err.msg);
    skf_docker_argv(&s, true, &argv);
    skf_autofree char *got = skf_strv_join(&argv, " ");
    assert_string_equal(got, want);
    skf_docker_settings_release(&s);
}

static void test_nothing_set(void **state)
{
    (void)state;
    struct asked a = { 0 };
    expect_argv(&a, "docker build /ctx --file /ctx/Dockerfile -t reg.io/team/app:v1");
}

static void test_everything_in_order(void **state)
{
    (void)state;
    setenv("SKIFF_TEST_VALUE", "from env", 1);
    setenv("HOME", "/home/me", 1);
    struct skf_pair args[] = { { .key = "Z",
                                 .value = "{{.IMAGE_REPO}}|{{.IMAGE_NAME}}|{{.IMAGE_TAG}}" },
                               { .key = "B", .value = NULL },
                               { .key = "A", .value = "{{.SKIFF_TEST_VALUE}}" },
                               { .key = "C", .value = "{{.NOT_SET_AT_ALL}}" } };
    const char *hosts[] = { "db:1.2.3.4" }, *cache[] = { "app", "other:1" },
               *flags[] = { "--quiet={{.IMAGE_TAG}}" };
    struct skf_docker_secret secrets[] = { { "one", "~/s", NULL },
                                           { "two", NULL, "TOKEN" },
                                           { "three", NULL, NULL } };
    struct asked a = { .options = { .dockerfile = "build/D",
                                    .target = "final",
                                    .network = "container:{{.SKIFF_TEST_VALUE}}",
                                    .ssh = "default",
                                    .build_args = { args, 4 },
                                    .add_host = { hosts, NULL, 1 },
                                    .cache_from = { cache, NULL, 2 },
                                    .cli_flags = { flags, NULL, 1 },
                                    .pull_parent = true,
                                    .no_cache = true,
                                    .squash = true,
                                    .secrets = { secrets, 3 } } };
    skf_strv_add(&a.platforms, "linux/arm64");
    expect_argv(&a,
                "docker build /ctx --file /ctx/build/D -t reg.io/team/app:v1"
                " --build-arg A=from env --build-arg B --build-arg C=<no value>"
                " --build-arg Z=reg.io/team|app|v1"
                " --add-host db:1.2.3.4 --cache-from reg.io/team/app:v1 --cache-from other:1"
                " --quiet=v1 --target final --network container:from env --no-cache --squash --pull"
                " --secret id=one,src=/home/me/s --secret id=two,env=TOKEN --secret id=three"
                " --ssh default --platform linux/arm64");
    skf_strv_release(&a.platforms);
}

static void test_query(void **state)
{
    (void)state;
    setenv("SKIFF_TEST_VALUE", "a b", 1);
    unsetenv("SKIFF_TEST_UNSET");
    struct skf_pair args[] = { { .key = "K", .value = "x&y" },
                               { .key = "SKIFF_TEST_VALUE", .value = NULL },
                               { .key = "SKIFF_TEST_UNSET", .value = NULL } };
    struct asked a = { .options = { .target = "t", .build_args = { args, 3 }, .no_cache = true } };
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    ask(&a);
    assert_int_equal(skf_docker_settings_make(&a.ctx, "app:v1", &s, &err), 0);
    skf_autofree char *got = skf_docker_query(&s, ".dockerfile.1");
    skf_autofree char *json = skf_http_escape("{\"K\":\"x&y\",\"SKIFF_TEST_VALUE\":\"a b\"}");
    skf_autofree char *want = skf_xasprintf(
        "dockerfile=.dockerfile.1&t=app%%3Av1&buildargs=%s&target=t&nocache=1&rm=1&forcerm=1&version=1",
        json);
    assert_string_equal(got, want);
    skf_docker_settings_release(&s);
}

static void test_refused(void **state)
{
    (void)state;
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    struct asked a = { 0 };
    skf_strv_add(&a.platforms, "linux/amd64");
    skf_strv_add(&a.platforms, "linux/arm64");
    ask(&a);
    assert_int_equal(skf_docker_settings_make(&a.ctx, "app:v1", &s, &err), -SKF_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "linux/amd64, linux/arm64"));
    skf_strv_release(&a.platforms);

    struct skf_pair args[] = { { .key = "K", .value = "{{.X" } };
    struct asked b = { .options = { .build_args = { args, 1 } } };
    ask(&b);
    skf_err_clear(&err);
    assert_int_equal(skf_docker_settings_make(&b.ctx, "app:v1", &s, &err), -SKF_ECONFIG);
    assert_memory_equal(err.msg, "buildArgs: ", 11);

    struct skf_docker_secret both[] = { { "x", "src", "env" } };
    struct asked c = { .options = { .secrets = { both, 1 } } };
    ask(&c);
    skf_err_clear(&err);
    assert_int_equal(skf_builder_docker.check(&c.artifact, &err), -SKF_ECONFIG);
}

/* ARGs that only a Dockerfile which declares them gets; the user's own value wins. */
static void test_declared(void **state)
{
    (void)state;
    static const char text[] = "ARG BASE\nFROM $BASE\nARG SKAFFOLD_RUN_MODE\nARG MINE\n";
    const struct skf_pair required[] = { { .key = "BASE", .value = "base:v1@sha256:00" },
                                         { .key = "OTHER", .value = "other:v1" },
                                         { .key = "MINE", .value = "no" } };
    struct skf_pair args[] = { { .key = "MINE", .value = "yes" } };
    struct asked a = { .options = { .build_args = { args, 1 } } };
    struct skf_dockerfile d = { 0 };
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    ask(&a);
    assert_int_equal(skf_dockerfile_parse(text, strlen(text), "Dockerfile", &d, &err), 0);
    struct skf_build b = { .ctx = a.ctx, .required = required, .n_required = 3 };
    b.ctx.dev = true;
    b.target.kind = SKF_TARGET_REGISTRY;
    assert_int_equal(skf_docker_settings_make(&a.ctx, "app:v1", &s, &err), 0);
    skf_docker_settings_add_declared(&s, &d, &b);
    skf_autofree char *got = skf_strv_join(&s.build_args, " ");
    assert_string_equal(got, "BASE=base:v1@sha256:00 MINE=yes SKAFFOLD_RUN_MODE=dev");
    skf_docker_settings_release(&s);
    /* Docker does not know the digest under which a node has it */
    b.target.kind = SKF_TARGET_CONTAINERD;
    assert_int_equal(skf_docker_settings_make(&a.ctx, "app:v1", &s, &err), 0);
    skf_docker_settings_add_declared(&s, &d, &b);
    assert_true(skf_strv_has(&s.build_args, "BASE=base:v1"));
    skf_docker_settings_release(&s);
    skf_dockerfile_release(&d);
}

static void test_what_needs_buildkit(void **state)
{
    (void)state;
    static const char *const texts[] = { "# syntax=docker/dockerfile:1\nFROM a\n",
                                         "FROM a\nRUN --mount=type=cache,target=/c x\n",
                                         "FROM a\nCOPY <<E /f\nx\nE\n", "FROM a\nRUN x\n" };
    struct asked a = { 0 };
    struct skf_docker_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    ask(&a);
    assert_int_equal(skf_docker_settings_make(&a.ctx, "app:v1", &s, &err), 0);
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++) {
        struct skf_dockerfile d = { 0 };
        assert_int_equal(skf_dockerfile_parse(texts[i], strlen(texts[i]), "D", &d, &err), 0);
        assert_int_equal(skf_docker_settings_buildkit_only(&s, &d) != NULL, i < 3);
        skf_dockerfile_release(&d);
    }
    skf_docker_settings_release(&s);
}

int main(void)
{
    unsetenv("BUILDX_BUILDER");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_set), cmocka_unit_test(test_everything_in_order),
        cmocka_unit_test(test_query),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_declared),    cmocka_unit_test(test_what_needs_buildkit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

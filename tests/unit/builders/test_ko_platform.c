#include "tests/unit/builders/support.h"

#include "builders/ko/platform.h"

static int choose(const char *wanted, const char *configured, struct skf_ko_platforms *out,
                  struct skf_err *err)
{
    skf_autostrv struct skf_strv w = SKF_STRV_INIT, c = SKF_STRV_INIT;
    skf_strv_split(&w, wanted, " ");
    skf_strv_split(&c, configured, " ");
    *out = (struct skf_ko_platforms){ 0 };
    return skf_ko_platforms_choose(&w, &c, "riscv64", out, err);
}

static void expect(const char *wanted, const char *configured, const char *first, size_t n)
{
    struct skf_ko_platforms p;
    struct skf_err err = SKF_ERR_INIT;
    char text[160];
    assert_int_equal(choose(wanted, configured, &p, &err), 0);
    assert_int_equal(p.n, n);
    skf_platform_format(&p.v[0], text, sizeof text);
    assert_string_equal(text, first);
    skf_ko_platforms_release(&p);
}

static void test_precedence(void **state)
{
    (void)state;
    clean_environment();
    expect("", "", "linux/riscv64", 1);
    setenv("GOOS", "linux", 1);
    expect("", "", "linux/riscv64", 1); /* only both count */
    setenv("GOARCH", "arm", 1);
    setenv("GOARM", "7", 1);
    expect("", "", "linux/arm/v7", 1);
    clean_environment();
    expect("", "linux/s390x,linux/amd64", "linux/s390x", 2);
    expect("linux/arm64", "linux/s390x", "linux/arm64", 1);
}

static void test_platform_and_environment(void **state)
{
    (void)state;
    static const char *const names[] = { "GOOS", "GOARCH", "GOARM" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        struct skf_ko_platforms p;
        struct skf_err err = SKF_ERR_INIT;
        clean_environment();
        setenv(names[i], "x", 1);
        assert_int_equal(choose("", "linux/amd64", &p, &err), -SKF_ECONFIG);
        assert_non_null(strstr(err.msg, names[i]));
    }
    clean_environment();
}

static void test_all(void **state)
{
    (void)state;
    struct skf_ko_platforms p;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(choose("", "all", &p, &err), 0);
    assert_true(p.all);
    skf_ko_platforms_release(&p);
    assert_int_equal(choose("", "all linux/amd64", &p, &err), -SKF_ECONFIG);
}

static void test_windows_is_refused(void **state)
{
    (void)state;
    struct skf_ko_platforms p;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(choose("windows/amd64", "", &p, &err), -SKF_EUNSUPPORTED);
    assert_null(p.v);
}

static void env_of(const char *platform, const char *expected)
{
    struct skf_platform p = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    assert_int_equal(skf_platform_parse(platform, &p, &err), 0);
    assert_int_equal(skf_ko_platform_env(&p, &env, &err), 0);
    skf_autofree char *text = skf_strv_join(&env, " ");
    assert_string_equal(text, expected);
}

static void test_env(void **state)
{
    (void)state;
    env_of("linux/amd64", "CGO_ENABLED=0 GOOS=linux GOARCH=amd64");
    env_of("linux/amd64/v3", "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v3");
    env_of("linux/arm64/v8", "CGO_ENABLED=0 GOOS=linux GOARCH=arm64");
    env_of("linux/arm/v7", "CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7");
    env_of("linux/arm/v8", "CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7");
    env_of("linux/arm/v4", "CGO_ENABLED=0 GOOS=linux GOARCH=arm");
    struct skf_platform p = { .os = "linux", .arch = "arm", .variant = "x7" };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    assert_int_equal(skf_ko_platform_env(&p, &env, &err), -SKF_EINVAL);
    assert_int_equal(env.n, 0);
}

static void test_concrete(void **state)
{
    (void)state;
    static const struct {
        struct skf_platform p;
        bool yes;
    } cases[] = {
        { { .os = "linux", .arch = "amd64" }, true },
        { { .os = "linux", .arch = "arm" }, false }, /* v6 or v7: the base says */
        { { .os = "linux", .arch = "arm", .variant = "v7" }, true },
        { { .os = "linux" }, false },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        assert_int_equal(skf_ko_platform_is_concrete(&cases[i].p), cases[i].yes);
}

static void test_contradiction(void **state)
{
    (void)state;
    const struct skf_platform p = { .os = "linux", .arch = "amd64" };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    clean_environment();
    setenv("GOARCH", "arm64", 1);
    assert_int_equal(skf_ko_platform_check_env(&p, &env, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "GOARCH=arm64 in the environment"));
    skf_strv_add(&env, "GOARCH=amd64"); /* the configuration beats the environment */
    assert_int_equal(skf_ko_platform_check_env(&p, &env, &err), 0);
    skf_strv_add(&env, "GOOS=darwin");
    assert_int_equal(skf_ko_platform_check_env(&p, &env, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "in 'env'"));
    clean_environment();
}

static void test_default_arch(void **state)
{
    (void)state;
    struct skf_target t = { .kind = SKF_TARGET_REGISTRY };
    assert_string_equal(skf_ko_default_arch(&t, "registry.example.com/a:b"), "amd64");
    assert_string_equal(skf_ko_default_arch(&t, "localhost:5000/a:b"), skf_ko_host_arch());
    t.kind = SKF_TARGET_CONTAINERD;
    assert_string_equal(skf_ko_default_arch(&t, "registry.example.com/a:b"), skf_ko_host_arch());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),    cmocka_unit_test(test_platform_and_environment),
        cmocka_unit_test(test_all),           cmocka_unit_test(test_windows_is_refused),
        cmocka_unit_test(test_env),           cmocka_unit_test(test_concrete),
        cmocka_unit_test(test_contradiction), cmocka_unit_test(test_default_arch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/builders/support.h"

#include <unistd.h>

#include "builders/ko/plan.h"

/* A directory with a program called "go": the plan looks for one, and starts none. */
static int setup(void **state)
{
    int rc = make_scratch(state);
    put(*state, "bin/go", "#!/bin/sh\nexit 9\n");
    skf_autofree char *go = skf_path_join(*state, "bin/go"), *bin = skf_path_join(*state, "bin");
    chmod(go, 0755);
    setenv("PATH", bin, 1);
    return rc;
}

static int load(const char *dir, const struct skf_ko_options *o, const char *image, bool dev,
                struct skf_ko_plan *plan, struct skf_err *err)
{
    static const struct skf_target target = { .kind = SKF_TARGET_CONTAINERD };
    static const struct skf_strv none = SKF_STRV_INIT;
    struct skf_ko_options copy = o ? *o : (struct skf_ko_options){ 0 };
    struct skf_artifact a = { .image = image, .options = &copy };
    struct skf_build_context ctx = { .artifact = &a, .dir = dir, .platforms = &none, .dev = dev };
    *plan = (struct skf_ko_plan){ 0 };
    return skf_ko_plan_load(&ctx, "reg.example.com/team/app:v1", &target, plan, err);
}

static struct skf_ko_plan loaded(const char *dir, const struct skf_ko_options *o, bool dev)
{
    struct skf_ko_plan p;
    struct skf_err err = SKF_ERR_INIT;
    if (load(dir, o, "app", dev, &p, &err) != 0)
        fail_msg("%s", err.msg);
    return p;
}

static struct skf_ko_settings settings(const struct skf_ko_plan *p)
{
    static const struct skf_platform amd64 = { .os = "linux", .arch = "amd64" };
    struct skf_ko_settings s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_ko_plan_settings(p, NULL, &amd64, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

static void test_patterns(void **state)
{
    put(*state, "w/cmd/web/main.go", "package main\n");
    skf_autofree char *dir = skf_path_join(*state, "w");
    static const struct {
        const char *main_, *pattern;
    } cases[] = {
        { NULL, "." },
        { ".", "." },
        { "./cmd/web", "./cmd/web" },
        { "cmd/web", "./cmd/web" }, /* Go would look for it in its standard library */
        { "./cmd/web/main.go", "./cmd/web" },
        { "example.com/x/cmd/y", "example.com/x/cmd/y" },
        { "./...", "./..." },
        { "../w", "." },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_ko_options o = { .main = cases[i].main_ };
        struct skf_ko_plan p = loaded(dir, &o, false);
        assert_string_equal(p.pattern, cases[i].pattern);
        skf_ko_plan_release(&p);
    }
}

static void test_strict_name(void **state)
{
    struct skf_ko_plan p;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_options o = { .main = "./x" };
    assert_int_equal(load(*state, &o, "ko://example.com/app/cmd/web", false, &p, &err), 0);
    assert_true(p.strict);
    assert_string_equal(p.pattern, "example.com/app/cmd/web");
    skf_ko_plan_release(&p);
    assert_int_equal(load(*state, &o, "ko://-o=x", false, &p, &err), -SKF_ECONFIG);
}

static void test_builds_entry(void **state)
{
    put(*state, "b/sub/cmd/web/main.go", "package main\n");
    put(*state, "b/.ko.yaml",
        "defaultFlags: [-v]\n"
        "defaultLdflags: [-s]\n"
        "builds:\n"
        "- dir: sub\n  main: ./cmd/web\n  ldflags: [-w, -X a=b]\n  env: [A=1]\n");
    skf_autofree char *dir = skf_path_join(*state, "b"), *web = skf_path_join(dir, "sub/cmd/web");
    struct skf_ko_plan p = loaded(dir, NULL, false);
    skf_ko_plan_use_entry(&p, dir); /* another package: nothing */
    assert_string_equal(p.run_dir, dir);
    skf_ko_plan_use_entry(&p, web);
    assert_true(strcmp(p.run_dir + strlen(dir), "/sub") == 0);
    assert_string_equal(p.pattern, "./cmd/web");
    struct skf_ko_settings s = settings(&p);
    assert_string_equal(s.ldflags, "-w -X a=b");
    assert_true(skf_strv_has(&s.flags, "-v")); /* the default, where the entry is silent */
    assert_true(skf_strv_has(&s.env, "A=1"));
    skf_ko_settings_release(&s);
    skf_ko_plan_release(&p);

    /* skaffold.yaml's own settings take the place of all of `builds`, and a note says so. */
    const char *flags[] = { "-x" };
    struct skf_ko_options o = { .flags = { .v = flags, .n = 1 } };
    p = loaded(dir, &o, false);
    skf_ko_plan_use_entry(&p, web);
    assert_string_equal(p.run_dir, dir);
    assert_int_equal(p.notes.n, 1);
    skf_ko_plan_release(&p);
}

static void test_env_order(void **state)
{
    skf_autofree char *dir = skf_path_join(*state, "w");
    const char *env[] = { "FOO=1", "CGO_ENABLED=1" };
    struct skf_ko_options o = { .env = { .v = env, .n = 2 } };
    struct skf_ko_plan p = loaded(dir, &o, false);
    struct skf_ko_settings s = settings(&p);
    skf_autofree char *text = skf_strv_join(&s.env, " ");
    assert_string_equal(text, "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 FOO=1 CGO_ENABLED=1");
    skf_ko_settings_release(&s);
    /* What is exported beats ko's values. */
    setenv("CGO_ENABLED", "1", 1);
    setenv("GOOS", "linux", 1);
    s = settings(&p);
    skf_replace(&text, skf_strv_join(&s.env, " "));
    assert_string_equal(text, "GOARCH=amd64 FOO=1 CGO_ENABLED=1");
    skf_ko_settings_release(&s);
    clean_environment();
    skf_ko_plan_release(&p);
}

static void test_debug_info(void **state)
{
    skf_autofree char *dir = skf_path_join(*state, "w");
    static const struct {
        const char *ldflag, *flag, *expected;
        bool dev;
    } cases[] = {
        { NULL, NULL, "", false },
        { NULL, NULL, "-w", true },
        { "-s", NULL, "-s -w", true },
        { "-w=0", NULL, "-w=0", true },
        { "-s -w", NULL, "-s -w", true },
        { NULL, "-ldflags=-X a=b", "", true },
        { NULL, "-gcflags=all=-N -l", "", true },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        const char *ldflags[] = { cases[i].ldflag }, *flags[] = { cases[i].flag };
        struct skf_ko_options o = { .ldflags = { .v = ldflags, .n = cases[i].ldflag != NULL },
                                    .flags = { .v = flags, .n = cases[i].flag != NULL } };
        struct skf_ko_plan p = loaded(dir, &o, cases[i].dev);
        struct skf_ko_settings s = settings(&p);
        assert_string_equal(s.ldflags, cases[i].expected);
        skf_ko_settings_release(&s);
        skf_ko_plan_release(&p);
    }
}

static void test_refused_flags(void **state)
{
    skf_autofree char *dir = skf_path_join(*state, "w");
    static const struct skf_platform amd64 = { .os = "linux", .arch = "amd64" };
    static const char *const bad[] = { "-toolexec=x", "--toolexec", "-o", "-o=x", "--" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_ko_settings s = { 0 };
        const char *flags[] = { bad[i] };
        struct skf_ko_options o = { .flags = { .v = flags, .n = 1 } };
        struct skf_ko_plan p = loaded(dir, &o, false);
        assert_int_equal(skf_ko_plan_settings(&p, NULL, &amd64, &s, &err), -SKF_ECONFIG);
        skf_ko_plan_release(&p);
    }
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_settings s = { 0 };
    struct skf_ko_plan p = loaded(dir, NULL, false);
    setenv("GOFLAGS", "-v -toolexec=x", 1);
    assert_int_equal(skf_ko_plan_settings(&p, NULL, &amd64, &s, &err), -SKF_ECONFIG);
    clean_environment();
    skf_ko_plan_release(&p);
}

static void test_templates(void **state)
{
    skf_autofree char *dir = skf_path_join(*state, "w");
    const char *ldflags[] = { "-X main.v={{.Env.VERSION}}",
                              "-X main.t={{.IMAGE_TAG}} -X a={{.Env.GOARCH}}" };
    struct skf_ko_options o = { .ldflags = { .v = ldflags, .n = 2 } };
    setenv("VERSION", "1.2", 1);
    struct skf_ko_plan p = loaded(dir, &o, false);
    struct skf_ko_settings s = settings(&p);
    assert_string_equal(s.ldflags, "-X main.v=1.2 -X main.t=v1 -X a=amd64");
    skf_ko_settings_release(&s);
    unsetenv("VERSION");
    static const struct skf_platform amd64 = { .os = "linux", .arch = "amd64" };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_ko_plan_settings(&p, NULL, &amd64, &s, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "VERSION"));
    assert_non_null(strstr(err.msg, "ldflags"));
    skf_ko_plan_release(&p);
}

static void test_no_go(void **state)
{
    skf_autofree char *old = skf_xstrdup(getenv("PATH"));
    struct skf_ko_plan p;
    struct skf_err err = SKF_ERR_INIT;
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(load(*state, NULL, "app", false, &p, &err), -SKF_ENOTFOUND);
    assert_non_null(strstr(err.msg, "go is not installed"));
    setenv("KO_GO_PATH", "/nowhere/go", 1);
    assert_int_equal(load(*state, NULL, "app", false, &p, &err), -SKF_ENOTFOUND);
    assert_non_null(strstr(err.msg, "KO_GO_PATH"));
    clean_environment();
    setenv("PATH", old, 1);
}

static void test_bad_epoch(void **state)
{
    struct skf_ko_plan p;
    struct skf_err err = SKF_ERR_INIT;
    setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
    assert_int_equal(load(*state, NULL, "app", false, &p, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "SOURCE_DATE_EPOCH"));
    clean_environment();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),     cmocka_unit_test(test_strict_name),
        cmocka_unit_test(test_builds_entry), cmocka_unit_test(test_env_order),
        cmocka_unit_test(test_debug_info),   cmocka_unit_test(test_refused_flags),
        cmocka_unit_test(test_templates),    cmocka_unit_test(test_no_go),
        cmocka_unit_test(test_bad_epoch),
    };
    return cmocka_run_group_tests(tests, setup, drop_scratch);
}

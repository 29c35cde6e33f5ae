#include "tests/unit/builders/support.h"

#include "builders/ko/args.h"

static int parse(struct skf_ko_args *a, struct skf_err *err, const char **list, size_t n)
{
    const struct skf_strings s = { .v = list, .n = n };
    *a = (struct skf_ko_args){ 0 };
    return skf_ko_args_parse(&s, a, err);
}

static void test_ko_flags(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_args a;
    const char *list[] = { "--platform=linux/amd64,linux/arm64",
                           "--image-label",
                           "a=b=c,\"d=e,f\"",
                           "--image-annotation=k=v",
                           "--image-user=1000",
                           "--ldflags=-s,-w",
                           "--disable-optimizations",
                           "--sbom=none" };
    assert_int_equal(parse(&a, &err, list, SKF_ARRAY_LEN(list)), 0);
    assert_int_equal(a.platforms.n, 2);
    assert_string_equal(a.platforms.v[1], "linux/arm64");
    assert_string_equal(a.labels.v[0], "a");
    assert_string_equal(a.labels.v[1], "b=c");
    assert_int_equal(a.labels.n, 4);
    assert_string_equal(a.labels.v[3], "e,f");
    assert_string_equal(a.annotations.v[1], "v");
    assert_string_equal(a.user, "1000");
    assert_int_equal(a.ldflags.n, 2);
    assert_true(a.no_optimizations);
    assert_true(a.no_sbom);
    assert_int_equal(a.notes.n, 0);
    skf_ko_args_release(&a);
}

static void test_go_flags(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_args a;
    /* "-ldflags" with one dash is Go's, with two it is ko's. */
    const char *list[] = { "-tags=netgo", "-mod", "vendor", "-race", "-ldflags=-X a=b" };
    assert_int_equal(parse(&a, &err, list, SKF_ARRAY_LEN(list)), 0);
    assert_int_equal(a.build_flags.n, 5);
    assert_string_equal(a.build_flags.v[2], "vendor");
    assert_int_equal(a.ldflags.n, 0);
    skf_ko_args_release(&a);
}

static void test_naming_is_noted(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_args a;
    const char *list[] = {
        "--bare", "-t", "v1", "-j4", "--debug=false", "--disable-optimizations=false"
    };
    assert_int_equal(parse(&a, &err, list, SKF_ARRAY_LEN(list)), 0);
    assert_int_equal(a.notes.n, 3);
    assert_false(a.no_optimizations);
    assert_non_null(strstr(a.notes.v[0], "'--bare' has no effect"));
    skf_ko_args_release(&a);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *arg, *text;
        enum skf_code code;
    } cases[] = {
        { "--platfrm=x", "did you mean 'platform'", SKF_ECONFIG },
        { "./cmd/x", "main: ./cmd/x", SKF_ECONFIG },
        { "--image-label=x", "wants KEY=VALUE", SKF_ECONFIG },
        { "--platform", "wants a value", SKF_ECONFIG },
        { "--sbom=cyclonedx", "not done by skiff", SKF_EUNSUPPORTED },
        { "--debug", "not done by skiff", SKF_EUNSUPPORTED },
        { "-toolexec=x", "no flag", SKF_ECONFIG },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_ko_args a;
        const char *list[] = { cases[i].arg };
        assert_int_equal(parse(&a, &err, list, 1), -(int)cases[i].code);
        assert_non_null(strstr(err.msg, cases[i].text));
        skf_ko_args_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ko_flags),
        cmocka_unit_test(test_go_flags),
        cmocka_unit_test(test_naming_is_noted),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/builders/support.h"

#include "builders/ko/koyaml.h"

static struct skf_koyaml load(const char *dir)
{
    struct skf_koyaml k = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_koyaml_load(dir, &k, &err) != 0)
        fail_msg("%s", err.msg);
    return k;
}

static void test_all_fields(void **state)
{
    put(*state, "all/.ko.yaml",
        "DefaultBaseImage: example.com/base\n"
        "baseImageOverrides:\n"
        "  example.com/App/Web: example.com/web\n"
        "  example.com/none: ''\n"
        "defaultPlatforms: linux/amd64 linux/arm64\n"
        "defaultFlags: -v -x\n"
        "defaultLdflags:\n"
        "- -s -w\n"
        "builds:\n"
        "- id: web\n"
        "  dir: sub\n"
        "  main: ./cmd/web\n"
        "  flags: -tags netgo\n"
        "  ldflags: -s -X main.v=1\n"
        "  goos: [linux]\n"
        "- main: main.go\n");
    skf_autofree char *dir = skf_path_join(*state, "all");
    struct skf_koyaml k = load(dir);
    assert_true(k.found);
    assert_string_equal(k.default_base, "example.com/base");
    assert_string_equal(skf_map_get(&k.overrides, "example.com/app/web"), "example.com/web");
    assert_false(skf_map_has(&k.overrides, "example.com/none"));
    assert_int_equal(k.platforms.n, 2);
    assert_int_equal(k.flags.n, 2);
    assert_int_equal(k.ldflags.n, 1); /* elements of a list stay whole */
    assert_int_equal(k.builds.n, 2);
    assert_string_equal(k.builds.v[0].id, "web");
    assert_int_equal(k.builds.v[0].flags.n, 2);
    assert_int_equal(k.builds.v[0].ldflags.n, 1); /* a text stays one element */
    assert_string_equal(k.builds.v[1].id, "#1");
    assert_string_equal(k.builds.v[1].dir, ".");
    assert_int_equal(k.notes.n, 0); /* goreleaser's fields are no misspelling */
    skf_koyaml_release(&k);
}

static void test_no_file(void **state)
{
    skf_autofree char *dir = skf_path_join(*state, "nothing");
    struct skf_err err = SKF_ERR_INIT;
    skf_file_mkdirs(dir, 0755, &err);
    struct skf_koyaml k = load(dir);
    assert_false(k.found);
    assert_null(k.default_base);
    assert_non_null(k.file); /* is watched all the same */
    skf_koyaml_release(&k);
}

static void test_environment_wins(void **state)
{
    put(*state, "env/.ko.yml",
        "defaultBaseImage: a\ndefaultFlags: [-x]\nbaseImageOverrides: {p: q}\n");
    skf_autofree char *dir = skf_path_join(*state, "env");
    setenv("KO_DEFAULTBASEIMAGE", "b", 1);
    setenv("KO_DEFAULTFLAGS", "-v -a", 1);
    setenv("KO_BASEIMAGEOVERRIDES", "{\"P/Q\": \"r\"}", 1);
    struct skf_koyaml k = load(dir);
    clean_environment();
    assert_string_equal(k.default_base, "b");
    assert_int_equal(k.flags.n, 2);
    assert_string_equal(skf_map_get(&k.overrides, "p/q"), "r");
    assert_false(skf_map_has(&k.overrides, "p"));
    skf_koyaml_release(&k);
}

static void test_config_path(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_koyaml k = { 0 };
    put(*state, "other/any.name", "defaultBaseImage: any\n");
    put(*state, "other/.ko.yaml", "defaultBaseImage: dir\n");
    skf_autofree char *dir = skf_path_join(*state, "other");
    skf_autofree char *file = skf_path_join(dir, "any.name");
    setenv("KO_CONFIG_PATH", file, 1);
    k = load("/");
    assert_string_equal(k.default_base, "any");
    skf_koyaml_release(&k);
    setenv("KO_CONFIG_PATH", dir, 1);
    k = load("/");
    assert_string_equal(k.default_base, "dir");
    skf_koyaml_release(&k);
    setenv("KO_CONFIG_PATH", "/nowhere/at/all", 1);
    assert_true(skf_koyaml_load("/", &k, &err) < 0);
    assert_non_null(strstr(err.msg, "KO_CONFIG_PATH"));
    clean_environment();
}

static void test_misspelt_key(void **state)
{
    put(*state, "typo/.ko.yaml", "\ndefaultBaseImages: a\n");
    skf_autofree char *dir = skf_path_join(*state, "typo");
    struct skf_koyaml k = load(dir);
    assert_int_equal(k.notes.n, 1);
    assert_non_null(strstr(k.notes.v[0], ".ko.yaml:2:"));
    assert_non_null(strstr(k.notes.v[0], "did you mean 'defaultBaseImage'"));
    skf_koyaml_release(&k);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text, *expected;
        int line;
    } cases[] = {
        { "defaultBaseImage: [a]\n", "'defaultBaseImage' is a list", 1 },
        { "a: b\nbuilds: {}\n", "'builds' is a mapping", 2 },
        { "builds:\n- x\n", "expected a mapping", 2 },
        { "builds:\n- linux_capabilities: [NET_BIND_SERVIC]\n", "did you mean 'NET_BIND_SERVICE'",
          2 },
        { "builds:\n- linux_capabilities: chown=z\n", "unknown flag 'z'", 2 },
        { "builds:\n- linux_capabilities: +p\n", "names no capability", 2 },
        { "- a\n", "expected a mapping", 1 },
        { "defaultFlags:\n- {a: b}\n", "expected text", 2 },
        { "a: b\na: c\n", "", 2 },
        { "a: [\n", "", 0 },
    };
    skf_autofree char *dir = skf_path_join(*state, "bad");
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_koyaml k = { 0 };
        put(*state, "bad/.ko.yaml", cases[i].text);
        assert_true(skf_koyaml_load(dir, &k, &err) < 0);
        assert_non_null(strstr(err.msg, cases[i].expected));
        if (cases[i].line)
            assert_int_equal(err.line, cases[i].line);
        assert_null(k.file); /* untouched */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),       cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_environment_wins), cmocka_unit_test(test_config_path),
        cmocka_unit_test(test_misspelt_key),     cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

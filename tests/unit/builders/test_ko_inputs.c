#include "tests/unit/builders/support.h"

#include <unistd.h>

#include "builders/ko/inputs.h"
#include "lib/base/glob.h"

/* The recorded answer, with /src moved to the scratch directory. */
static struct skf_ko_packages recorded(const char *root)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT, moved = SKF_BUF_INIT;
    struct skf_ko_packages p = { 0 };
    assert_int_equal(skf_file_read(FIXTURES "/ko/golist/deps.json", 1 << 20, &text, &err), 0);
    for (const char *s = text.data; *s;) {
        const char *at = strstr(s, "/src/app");
        const char *lib = strstr(s, "/src/lib");
        at = !at || (lib && lib < at) ? lib : at;
        if (!at) {
            skf_buf_adds(&moved, s);
            break;
        }
        skf_buf_add(&moved, s, (size_t)(at - s));
        skf_buf_adds(&moved, root);
        s = at + strlen("/src");
    }
    assert_int_equal(skf_ko_packages_parse(moved.data, moved.len, 100, &p, &err), 0);
    return p;
}

static void make_sources(const char *root)
{
    put(root, "app/go.mod",
        "module example.com/app\n\nreplace (\n\texample.com/other v1.0.0 => ../other // near\n"
        "\texample.com/far => example.com/near v1.2.3\n)\n");
    put(root, "app/cmd/web/main.go", "package main\n");
    put(root, "app/cmd/web/static/a.txt", "a");
    put(root, "app/cmd/web/kodata/k.txt", "k");
    put(root, "app/vendor/modules.txt", "");
    put(root, "lib/go.mod", "module example.com/lib\n");
    put(root, "go.work", "go 1.25\n\nuse (\n\t./app\n\t\"./more\"\n)\n");
    put(root, "shared.txt", "s");
    put(root, ".git/HEAD", "x");
    skf_autofree char *link = skf_path_join(root, "app/cmd/web/kodata/link");
    if (access(link, F_OK) != 0)
        assert_int_equal(symlink("../../../../shared.txt", link), 0);
}

static bool has_dir(const struct skf_inputs *in, const char *root, const char *name,
                    const char *glob)
{
    skf_autofree char *path = skf_path_join(root, name);
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2)
        if (strcmp(in->dirs.v[i], path) == 0 && strcmp(in->dirs.v[i + 1], glob) == 0)
            return true;
    return false;
}

static void test_import_graph(void **state)
{
    const char *root = *state;
    make_sources(root);
    struct skf_ko_packages packages = recorded(root);
    struct skf_ko_plan plan = { 0 };
    struct skf_inputs in = { 0 };
    plan.run_dir = skf_path_join(root, "app");
    plan.pattern = skf_xstrdup("./cmd/web");
    plan.yaml.file = skf_path_join(root, "app/.ko.yaml");
    skf_ko_inputs_from_packages(&packages, &plan, false, &in);

    assert_true(has_path(&in.files, root, "app/cmd/web/main.go"));
    assert_true(has_path(&in.files, root, "app/internal/x/x.go"));
    assert_true(has_path(&in.files, root, "lib/lib.go"));
    assert_true(has_path(&in.files, root, "app/go.mod"));
    assert_true(has_path(&in.files, root, "app/go.sum"));
    assert_true(has_path(&in.files, root, "lib/go.mod"));
    assert_true(has_path(&in.files, root, "go.work"));
    assert_true(has_path(&in.manifests, root, "other/go.mod")); /* nothing of it is imported */
    assert_true(has_path(&in.manifests, root, "more/go.mod"));
    assert_true(has_path(&in.files, root, "app/vendor/modules.txt"));
    assert_true(has_path(&in.files, root, "app/.ko.yaml"));
    assert_true(has_path(&in.files, root, "app/cmd/web/static/a.txt"));
    assert_true(has_path(&in.files, root, "shared.txt")); /* where a kodata link leads */
    assert_true(has_path(&in.trees, root, "app/cmd/web/kodata"));
    assert_true(has_path(&in.trees, root, "app/cmd/web/static"));
    assert_true(has_dir(&in, root, "app/internal/x", skf_ko_go_glob));
    assert_true(
        has_dir(&in, root, "app/nope", skf_ko_go_glob)); /* where a missing package would be */
    assert_true(has_dir(&in, root, "app/cmd/web", "*.tmpl"));
    assert_true(has_path(&in.manifests, root, "app/go.mod"));
    assert_true(has_path(&in.manifests, root, "app/cmd/web/main.go")); /* its imports may change */
    assert_false(has_path(&in.manifests, root, "app/cmd/web/static/a.txt"));
    for (size_t i = 0; i < in.files.n; i++) {
        assert_null(strstr(in.files.v[i], "/pkg/mod/"));
        assert_null(strstr(in.files.v[i], "/usr/local/go/"));
        assert_null(strstr(in.files.v[i], "_test.go"));
    }
    for (size_t i = 0; i < in.manifests.n; i++)
        assert_true(skf_strv_has(&in.files, in.manifests.v[i])); /* a subset */
    skf_inputs_release(&in);
    skf_ko_packages_release(&packages);
    skf_ko_plan_release(&plan);
}

static void test_nothing_found_yet(void **state)
{
    const char *root = *state;
    struct skf_ko_packages none = { 0 };
    struct skf_ko_plan plan = { 0 };
    struct skf_inputs in = { 0 };
    plan.run_dir = skf_path_join(root, "empty");
    plan.pattern = skf_xstrdup("./cmd/y");
    plan.yaml.file = skf_path_join(root, "empty/.ko.yaml");
    skf_ko_inputs_from_packages(&none, &plan, false, &in);
    assert_true(has_dir(&in, root, "empty/cmd/y", skf_ko_go_glob));
    assert_true(has_path(&in.manifests, root, "empty/go.mod"));
    skf_inputs_release(&in);
    skf_ko_plan_release(&plan);
}

static void test_glob_of_go_files(void **state)
{
    (void)state;
    static const char *const yes[] = { "a.go",      "t.go",        "st.go",    "est.go",
                                       "test.go",   "at.go",       "main.go",  "x_windows.go",
                                       "latest.go", "mytest.go",   "a_tes.go", "ab.go",
                                       "at_est.go", "a_test_b.go", "test_.go" };
    static const char *const no[] = { "a_test.go", "_test.go",    "_a.go",    ".a.go", "a.txt",
                                      ".go",       "x_y_test.go", "a.go.swp", "_.go" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(yes); i++)
        if (!skf_glob_match(skf_ko_go_glob, yes[i]))
            fail_msg("'%s' is a Go file", yes[i]);
    for (size_t i = 0; i < SKF_ARRAY_LEN(no); i++)
        if (skf_glob_match(skf_ko_go_glob, no[i]))
            fail_msg("'%s' is none", no[i]);
}

static void test_users_globs(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_inputs in = { 0 };
    put(*state, "g/a.go", "");
    put(*state, "g/sub/b.go", "");
    put(*state, "g/sub/gen.go", "");
    put(*state, "g/data/x.bin", "");
    skf_autofree char *root = skf_path_join(*state, "g");
    const char *paths[] = { "**/*.go", "data" }, *ignore[] = { "**/gen.go" };
    struct skf_ko_dependencies d = { .paths = { .v = paths, .n = 2 },
                                     .ignore = { .v = ignore, .n = 1 } };
    assert_int_equal(skf_ko_inputs_from_globs(root, &d, &in, &err), 0);
    assert_true(has_path(&in.files, root, "a.go"));
    assert_true(has_path(&in.files, root, "sub/b.go"));
    assert_false(has_path(&in.files, root, "sub/gen.go"));
    assert_true(has_path(&in.trees, root, "data"));
    assert_true(has_dir(&in, root, "sub", "*.go"));
    skf_ko_inputs_ignore(root, &d.paths, &in);
    assert_false(has_path(&in.files, root, "a.go"));
    skf_inputs_release(&in);

    const char *none[] = { "*.nothing" };
    d.paths = (struct skf_strings){ .v = none, .n = 1 };
    in = (struct skf_inputs){ 0 };
    assert_int_equal(skf_ko_inputs_from_globs(root, &d, &in, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "'*.nothing' matches no file"));
    skf_inputs_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import_graph),
        cmocka_unit_test(test_nothing_found_yet),
        cmocka_unit_test(test_glob_of_go_files),
        cmocka_unit_test(test_users_globs),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

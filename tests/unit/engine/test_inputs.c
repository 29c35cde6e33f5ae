/* A list of inputs on a real file system: which files it names, and why a path belongs to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/inputs.h"
#include "lib/io/file.h"

static char *root;

static void put(const char *name, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(root, name);
    skf_autofree char *dir = skf_path_dir(path);
    assert_int_equal(skf_file_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(skf_file_write_atomic(path, 0600, text, strlen(text), &err), 0);
}

static int set_up(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    (void)state;
    root = skf_file_temp_dir("skiff-inputs", &err);
    assert_non_null(root);
    put("main.go", "m");
    put("main.txt", "t");
    put("web/a.html", "a");
    put("web/.git/HEAD", "h");
    put("web/out/big.bin", "b");
    put("web/deep/er/c.css", "c");
    return 0;
}

static int tear_down(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    (void)state;
    skf_file_remove_tree(root, &err);
    free(root);
    return 0;
}

static void add(struct skf_strv *to, const char *name)
{
    skf_strv_take(to, skf_path_join(root, name));
}

/* Names relative to the root, joined by blanks. */
static char *listed(const struct skf_inputs *in)
{
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_inputs_list(in, NULL, NULL, &found, &err), 0);
    for (size_t i = 0; i < found.n; i++)
        skf_strv_take(&names, skf_path_rel(root, found.v[i]));
    return skf_strv_join(&names, " ");
}

static bool skip_out(void *data, const char *path, bool is_dir)
{
    (*(int *)data)++;
    return is_dir && strcmp(skf_path_base(path), "out") == 0;
}

static void files_globs_and_trees_are_listed_once(void **state)
{
    struct skf_inputs in = { 0 };
    (void)state;
    add(&in.files, "main.go");
    add(&in.files, "not-there");
    add(&in.dirs, "");
    skf_strv_add(&in.dirs, "*.go");
    add(&in.trees, "web");
    skf_autofree char *names = listed(&in);
    assert_string_equal(names, "main.go web/a.html web/deep/er/c.css web/out/big.bin");
    skf_inputs_release(&in);
}

static void what_is_skipped_is_neither_listed_nor_entered(void **state)
{
    int asked = 0;
    struct skf_inputs in = { .skips = skip_out, .skip_data = &asked };
    (void)state;
    add(&in.trees, "web");
    skf_autofree char *names = listed(&in);
    assert_string_equal(names, "web/.git/HEAD web/a.html web/deep/er/c.css");
    assert_int_equal(asked, 7); /* not for big.bin */
    skf_inputs_release(&in);
}

static void links_are_followed_and_a_loop_ends(void **state)
{
    struct skf_inputs in = { 0 };
    (void)state;
    skf_autofree char *loop = skf_path_join(root, "web/deep/back");
    skf_autofree char *file = skf_path_join(root, "web/deep/link.txt");
    assert_int_equal(symlink("..", loop), 0);
    assert_int_equal(symlink("../../main.txt", file), 0);
    add(&in.trees, "web");
    skf_autofree char *names = listed(&in);
    assert_string_equal(names, "web/a.html web/deep/er/c.css web/deep/link.txt web/out/big.bin");
    skf_inputs_release(&in);
}

static bool at_once(void *data)
{
    (void)data;
    return true;
}

static void a_listing_can_be_stopped(void **state)
{
    struct skf_inputs in = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    (void)state;
    add(&in.trees, "web");
    assert_int_equal(skf_inputs_list(&in, at_once, NULL, &found, &err), -SKF_ECANCELED);
    assert_int_equal(found.n, 0);
    skf_inputs_release(&in);
}

static bool matches(const struct skf_inputs *in, const char *name, const char *expected_rule)
{
    skf_autobuf struct skf_buf rule = SKF_BUF_INIT;
    skf_autofree char *path = skf_path_join(root, name);
    bool yes = skf_inputs_match(in, path, &rule);
    if (expected_rule)
        assert_non_null(strstr(rule.data, expected_rule));
    else
        assert_int_equal(rule.len, 0);
    return yes;
}

static void a_path_is_told_its_rule(void **state)
{
    int asked = 0;
    struct skf_inputs in = { .skips = skip_out, .skip_data = &asked };
    (void)state;
    add(&in.files, "go.mod");
    add(&in.manifests, "go.mod");
    add(&in.dirs, "");
    skf_strv_add(&in.dirs, "*.go");
    add(&in.trees, "web");
    assert_true(matches(&in, "go.mod", "named as a file; it also decides what else is read"));
    assert_true(matches(&in, "new.go", "a file in"));
    assert_false(matches(&in, "main.txt", NULL));
    assert_false(matches(&in, "sub/x.go", NULL));
    assert_true(matches(&in, "web/new/x", "below"));
    assert_false(matches(&in, "web/out/big.bin", "ignored below"));
    assert_false(matches(&in, "website/x", NULL));
    skf_inputs_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_globs_and_trees_are_listed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_skipped_is_neither_listed_nor_entered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(links_are_followed_and_a_loop_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listing_can_be_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_is_told_its_rule, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("inputs", tests, NULL, NULL);
}

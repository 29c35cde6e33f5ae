/* A project is known again in every clone of its repository, and not mistaken for another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/project.h"
#include "lib/io/file.h"

static char *root;

static void write_file(const char *name, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(root, name);
    skf_autofree char *dir = skf_path_dir(path);
    assert_int_equal(skf_file_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(skf_file_write_atomic(path, 0600, text, strlen(text), &err), 0);
}

static char *id_of(const char *dir)
{
    skf_autofree char *file = skf_xasprintf("%s/%s/skaffold.yaml", root, dir);
    const char *files[] = { file };
    struct skf_config config = { .files = { .v = files, .n = 1 } };
    return skf_project_id(&config);
}

static void test_id(void **state)
{
    (void)state;
    static const char *const same[] = {
        "[core]\n\tbare = false\n[remote \"up\"]\n\turl = other\n[remote \"origin\"]\n"
        "\turl = git@example.com:team/shop.git\n",
        "[remote \"origin\"]\r\n  url = https://token@example.com/team/shop\r\n",
        "[remote \"origin\"]\nurl=ssh://git@example.com/team/shop.git/\n",
    };
    write_file("a/.git/config", same[0]);
    write_file("b/.git/config", same[1]);
    write_file("main/.git/config", same[2]);
    write_file("main/.git/worktrees/c/commondir", "../..\n");
    skf_autofree char *link = skf_xasprintf("gitdir: %s/main/.git/worktrees/c\n", root);
    write_file("c/.git", link);
    skf_autofree char *a = id_of("a"), *b = id_of("b"), *c = id_of("c"), *sub = id_of("a/web");
    assert_string_equal(a, b);
    assert_string_equal(a, c);
    assert_int_equal(strncmp(a, "shop-", 5), 0);
    assert_int_equal(strncmp(sub, "web-", 4), 0);
    write_file("plain/x", "");
    write_file("no-origin/.git/config", "[core]\n");
    skf_autofree char *plain = id_of("plain"), *lone = id_of("no-origin");
    assert_int_equal(strncmp(plain, "plain-", 6), 0);
    assert_int_equal(strncmp(lone, "no-origin-", 10), 0);
    assert_string_not_equal(plain, lone);
}

static void test_namespace(void **state)
{
    (void)state;
    struct skf_module modules[] = { { .default_namespace = "one" },
                                    { .default_namespace = "two" },
                                    { 0 } };
    struct skf_config config = { .modules = modules, .n_modules = 3 };
    char of_context[] = "of-context";
    struct skf_kube_context kube = { .namespace_ = of_context };
    assert_string_equal(skf_project_namespace(&config, "flag", &kube), "flag");
    assert_string_equal(skf_project_namespace(&config, NULL, &kube), "two");
    config.n_modules = 0;
    assert_string_equal(skf_project_namespace(&config, NULL, &kube), "of-context");
    assert_string_equal(skf_project_namespace(&config, NULL, NULL), "default");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_id),
                                        cmocka_unit_test(test_namespace) };
    struct skf_err err = SKF_ERR_INIT;
    root = skf_file_temp_dir("skiff-project", &err);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    skf_file_remove_tree(root, &err);
    free(root);
    return failed;
}

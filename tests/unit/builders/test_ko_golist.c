#include "tests/unit/builders/support.h"

#include "builders/ko/golist.h"

static void test_recorded_answer(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_ko_packages p = { 0 };
    assert_int_equal(skf_file_read(FIXTURES "/ko/golist/deps.json", 1 << 20, &text, &err), 0);
    assert_int_equal(skf_ko_packages_parse(text.data, text.len, 100, &p, &err), 0);
    assert_int_equal(p.list.n, 8);
    assert_true(p.list.v[0].standard);
    const struct skf_ko_package *cached = &p.list.v[3], *own = &p.list.v[4];
    const struct skf_ko_package *missing = &p.list.v[5], *replaced = &p.list.v[6];
    const struct skf_ko_package *main_ = &p.list.v[7];
    assert_true(cached->module_cached);
    assert_false(own->module_cached);
    assert_string_equal(own->gomod, "/src/app/go.mod");
    assert_string_equal(missing->dir, "");
    assert_non_null(strstr(missing->error, "no required module provides package"));
    assert_string_equal(missing->error_pos, "cmd/web/main.go:6:2");
    assert_false(replaced->module_cached); /* has a version, but lies in a directory of the user */
    assert_string_equal(replaced->gomod, "/src/lib/go.mod");
    assert_false(main_->dep_only);
    assert_string_equal(main_->name, "main");
    assert_int_equal(main_->go_files.n, 1);
    assert_int_equal(main_->more_files.n, 2);
    assert_int_equal(main_->embed_patterns.n, 2);

    struct skf_ko_package copy;
    skf_ko_package_copy(&copy, main_);
    skf_ko_packages_release(&p);
    assert_string_equal(copy.import_path, "example.com/app/cmd/web");
    assert_string_equal(copy.embed_patterns.v[1], "static");
    skf_ko_package_release(&copy);
}

static void test_limits_and_nonsense(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_packages p = { 0 };
    static const char two[] = "{\"Name\": \"a\"}\n{\"Name\": \"b\"}\n";
    assert_int_equal(skf_ko_packages_parse(two, strlen(two), 1, &p, &err), -SKF_ETOOBIG);
    static const char *const bad[] = { "{\"Name\": ", "[]", "go: x", "{}\n}", "{\"Module\": 3" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++)
        assert_int_equal(skf_ko_packages_parse(bad[i], strlen(bad[i]), 9, &p, &err), -SKF_EPROTO);
    assert_int_equal(p.list.n, 0);
    /* Wrong types are as if nothing was said. */
    static const char odd[] =
        "{\"Name\": 3, \"Module\": [], \"GoFiles\": {\"a\": 1}, \"Error\": \"x\"}";
    assert_int_equal(skf_ko_packages_parse(odd, strlen(odd), 9, &p, &err), 0);
    assert_string_equal(p.list.v[0].name, "");
    assert_int_equal(p.list.v[0].go_files.n, 0);
    skf_ko_packages_release(&p);
    assert_int_equal(skf_ko_packages_parse("", 0, 9, &p, &err), 0);
    assert_int_equal(p.list.n, 0);
}

static void test_flags_that_choose_files(void **state)
{
    (void)state;
    skf_autostrv struct skf_strv in = SKF_STRV_INIT, out = SKF_STRV_INIT;
    skf_strv_split(&in, "-v|-tags|a,b|--mod=vendor|-ldflags=-tags|-race|-x|-pgo=off|-tagsx", "|");
    skf_ko_golist_flags(&in, &out);
    skf_autofree char *text = skf_strv_join(&out, " ");
    assert_string_equal(text, "-tags a,b --mod=vendor -race -pgo=off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_answer),
        cmocka_unit_test(test_limits_and_nonsense),
        cmocka_unit_test(test_flags_that_choose_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "lib/base/mem.h"
#include "lib/config/tagtext.h"

static void formats_times(void **state)
{
    (void)state;
    static const struct {
        const char *layout, *zone, *want;
        long long at;
        long ns;
    } cases[] = {
        { "2006-01-02_15-04-05.999_MST", "UTC", "2023-11-14_22-13-20.12_UTC", 1700000000,
          120000000 },
        { "2006-01-02_15-04-05.999_MST", "UTC", "2023-11-14_22-13-20_UTC", 1700000000, 0 },
        { "05.000", "UTC", "20.120", 1700000000, 120000000 },
        { "Mon Jan _2 15:04:05 MST 2006", "UTC", "Tue Nov 14 22:13:20 UTC 2023", 1700000000, 0 },
        { "Monday, January 2 06 3:04PM 03 pm", "UTC", "Tuesday, November 14 23 10:13PM 10 pm",
          1700000000, 0 },
        { "2006-01-02T15:04:05Z07:00", "UTC", "2023-11-14T22:13:20Z", 1700000000, 0 },
        { "2006-01-02T15:04:05Z07:00 MST -0700", "Europe/Berlin",
          "2023-11-14T23:13:20+01:00 CET +0100", 1700000000, 0 },
        { "15 MST", "Europe/Berlin", "15 CEST", 1689600000 - 3600 * 0, 0 },
        { "15:04 MST -07", "America/New_York", "17:13 EST -05", 1700000000, 0 },
        { "002 __2 1/2 4 5", "UTC", "318 318 11/14 13 20", 1700000000, 0 },
        { "x20z", "UTC", "x140z", 1700000000, 0 },
        { "2006", "UTC", "1969", -1, 0 },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        assert_int_equal(skf_go_time_format(cases[i].layout, cases[i].at, cases[i].ns,
                                            cases[i].zone, &out, &err),
                         0);
        assert_string_equal(out.data, cases[i].want);
    }
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    static const char *const bad[] = { "Nowhere/Town", "../../etc/passwd", "/etc/passwd",
                                       "Europe" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++)
        assert_int_equal(skf_go_time_format("2006", 0, 0, bad[i], &out, &err), -SKF_ENOTFOUND);
}

static void sanitises_tags(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        bool changed;
    } cases[] = {
        { "v1.2-3-gabc\n", "v1.2-3-gabc", false },
        { "feature/x y", "feature_x_y", true },
        { "--.a", "___a", true },
        { "né", "n_", true },
        { "", "", false },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        bool changed;
        skf_tag_sanitise(cases[i].text, &out, &changed);
        assert_string_equal(out.data, cases[i].want);
        assert_int_equal(changed, cases[i].changed);
    }
    skf_autobuf struct skf_buf longer = SKF_BUF_INIT, out = SKF_BUF_INIT;
    for (int i = 0; i < 300; i++)
        skf_buf_addc(&longer, 'a');
    skf_tag_sanitise(longer.data, &out, NULL);
    assert_int_equal(out.len, 128);
    assert_true(skf_tag_valid(out.data));
    assert_false(skf_tag_valid(longer.data));
    assert_false(skf_tag_valid("-a"));
    assert_false(skf_tag_valid(""));
    assert_false(skf_tag_valid("a b"));
}

static void knows_git_variants(void **state)
{
    (void)state;
    bool short_;
    assert_string_equal(skf_tag_git_args(NULL)[1], "describe");
    assert_string_equal(skf_tag_git_args("abbrevcommitsha")[4], "--abbrev-commit");
    assert_null(skf_tag_git_args("TreeSha"));
    assert_true(skf_tag_git_is_tree("treesha", &short_) && !short_);
    assert_true(skf_tag_git_is_tree("AbbrevTreeSha", &short_) && short_);
    assert_false(skf_tag_git_is_tree("Tags", &short_));
    char *spec = skf_tag_git_tree_spec("/r", "/r/a/b");
    assert_string_equal(spec, "HEAD:a/b/");
    free(spec);
    spec = skf_tag_git_tree_spec("/r", "/r");
    assert_string_equal(spec, "HEAD:");
    free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_times),
        cmocka_unit_test(sanitises_tags),
        cmocka_unit_test(knows_git_variants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

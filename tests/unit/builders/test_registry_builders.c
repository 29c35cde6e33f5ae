#include "tests/unit/builders/support.h"

#include "builders/registry.h"

static void test_each_builder_is_complete(void **state)
{
    (void)state;
    const struct skf_section *s = skf_builder_sections();
    size_t n = 0;
    for (; skf_builders[n]; n++) {
        const struct skf_builder_ops *b = skf_builders[n];
        assert_ptr_equal(skf_builder_find(b->name), b);
        assert_string_equal(s[n].name, b->name);
        assert_ptr_equal(s[n].fields, b->options);
        assert_int_equal(s[n].size, b->options_size);
        assert_non_null(b->summary);
        assert_non_null(b->inputs);
        assert_non_null(b->cancel_inputs);
        assert_non_null(b->start);
        assert_non_null(b->cancel);
        for (const struct skf_field *f = b->options; f->name; f++) {
            assert_non_null(f->help);
            assert_true(f->offset < b->options_size);
        }
    }
    assert_true(n > 0);
    assert_null(s[n].name);
    assert_null(skf_builder_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_builder_is_complete) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

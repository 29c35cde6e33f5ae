/* tests/unit/base/test_map.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"

static void test_put_get_del(void **state)
{
    (void)state;
    struct skf_map m = SKF_MAP_INIT;
    int one = 1, two = 2;
    assert_null(skf_map_get(&m, "a"));
    assert_null(skf_map_del(&m, "a"));
    assert_int_equal(skf_map_count(&m), 0);
    assert_null(skf_map_put(&m, "a", &one));
    assert_ptr_equal(skf_map_put(&m, "a", &two), &one);
    assert_ptr_equal(skf_map_get(&m, "a"), &two);
    skf_map_put(&m, "", &one); /* the empty key is one */
    skf_map_put(&m, "null", NULL);
    assert_true(skf_map_has(&m, ""));
    assert_true(skf_map_has(&m, "null"));
    assert_null(skf_map_get(&m, "null"));
    assert_int_equal(skf_map_count(&m), 3);
    assert_ptr_equal(skf_map_del(&m, "a"), &two);
    assert_false(skf_map_has(&m, "a"));
    skf_map_release(&m);
    skf_map_release(&m);
    assert_int_equal(skf_map_count(&m), 0);
    skf_map_put(&m, "again", &one);
    assert_int_equal(skf_map_count(&m), 1);
    skf_map_release(&m);
}

static void test_keys_are_copied(void **state)
{
    (void)state;
    struct skf_map m = SKF_MAP_INIT;
    char key[] = "key";
    skf_map_put(&m, key, key);
    key[0] = 'X';
    assert_true(skf_map_has(&m, "key"));
    assert_false(skf_map_has(&m, "Xey"));
    skf_map_release(&m);
}

static void test_order_and_removal_while_walking(void **state)
{
    (void)state;
    struct skf_map m = SKF_MAP_INIT;
    enum { N = 5000 };
    char key[16];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "k%d", i);
        skf_map_put(&m, key, skf_xstrdup(key));
    }
    assert_int_equal(skf_map_count(&m), N);
    int i = 0;
    for (struct skf_map_iter it = skf_map_first(&m); it.key; skf_map_next(&it), i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_string_equal(it.key, key);
        assert_string_equal(it.value, key);
        if (i % 2)
            free(skf_map_del(&m, key));
    }
    assert_int_equal(i, N);
    assert_int_equal(skf_map_count(&m), N / 2);
    assert_non_null(skf_map_get(&m, "k4998"));
    skf_map_release_with(&m, free);
}

static void test_remove_all_while_walking(void **state)
{
    (void)state;
    struct skf_map m = SKF_MAP_INIT;
    skf_map_put(&m, "a", NULL);
    skf_map_put(&m, "b", NULL);
    for (struct skf_map_iter it = skf_map_first(&m); it.key; skf_map_next(&it))
        skf_map_del(&m, it.key);
    assert_null(m.head);
    assert_null(skf_map_first(&m).key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_del),
        cmocka_unit_test(test_keys_are_copied),
        cmocka_unit_test(test_order_and_removal_while_walking),
        cmocka_unit_test(test_remove_all_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

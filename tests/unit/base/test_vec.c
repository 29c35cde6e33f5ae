/* tests/unit/base/test_vec.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/vec.h"

struct pair {
    int a, b;
};

static void test_vec(void **state)
{
    (void)state;
    SKF_VEC(struct pair) v = { 0 };
    for (int i = 0; i < 100; i++)
        skf_vec_push(&v, (struct pair){ i, -i });
    assert_int_equal(v.n, 100);
    assert_int_equal(v.v[99].b, -99);
    skf_vec_remove(&v, 0);
    skf_vec_remove(&v, 98); /* the last */
    assert_int_equal(v.n, 98);
    assert_int_equal(v.v[0].a, 1);
    assert_int_equal(v.v[97].a, 98);
    skf_vec_reserve(&v, 1000);
    assert_true(v.cap >= 1098);
    skf_vec_release(&v);
    assert_null(v.v);
    skf_vec_release(&v);
}

static void test_strv_is_an_argv(void **state)
{
    (void)state;
    struct skf_strv s = SKF_STRV_INIT;
    skf_strv_clear(&s);
    assert_null(s.v);
    for (int i = 0; i < 50; i++) {
        skf_strv_addf(&s, "%d", i);
        assert_null(s.v[s.n]);
    }
    skf_strv_addn(&s, "abcdef", 3);
    assert_string_equal(s.v[50], "abc");
    skf_strv_take(&s, skf_xstrdup("own"));
    skf_strv_remove(&s, 0);
    assert_string_equal(s.v[0], "1");
    assert_null(s.v[s.n]);
    while (s.n)
        skf_strv_remove(&s, s.n - 1);
    assert_null(s.v[0]);
    skf_strv_release(&s);
    skf_strv_release(&s);
}

static void test_strv_sets(void **state)
{
    (void)state;
    skf_autostrv struct skf_strv s = SKF_STRV_INIT;
    skf_autostrv struct skf_strv t = SKF_STRV_INIT;
    assert_int_equal(skf_strv_find_sorted(&s, "a"), -1);
    skf_strv_sort(&s);
    skf_strv_uniq(&s);
    skf_strv_split(&s, "b,a;;b,c,a,\xff,B", ",;");
    assert_int_equal(s.n, 7);
    assert_true(skf_strv_has(&s, "c"));
    assert_false(skf_strv_has(&s, "d"));
    skf_strv_sort(&s);
    skf_strv_uniq(&s);
    skf_autofree char *joined = skf_strv_join(&s, " ");
    assert_string_equal(joined, "B a b c \xff");
    assert_null(s.v[s.n]);
    for (size_t i = 0; i < s.n; i++)
        assert_int_equal(skf_strv_find_sorted(&s, s.v[i]), i);
    assert_int_equal(skf_strv_find_sorted(&s, "aa"), -1);
    assert_false(skf_strv_equal(&s, &t));
    skf_strv_addv(&t, &s);
    assert_true(skf_strv_equal(&s, &t));
    skf_strv_swap(&s, &t);
    skf_strv_remove(&t, 1);
    assert_false(skf_strv_equal(&s, &t));
    skf_strv_addv(&t, &t); /* itself: ends */
    assert_int_equal(t.n, 8);
    assert_string_equal(t.v[7], t.v[3]);
}

static void test_strv_split_edges(void **state)
{
    (void)state;
    skf_autostrv struct skf_strv s = SKF_STRV_INIT;
    skf_strv_split(&s, "", ",");
    skf_strv_split(&s, ",,,", ",");
    assert_int_equal(s.n, 0);
    skf_strv_split(&s, "whole", "");
    assert_string_equal(s.v[0], "whole");
    skf_strv_clear(&s);
    skf_autofree char *none = skf_strv_join(&s, ",");
    assert_string_equal(none, "");
}

static void test_mem(void **state)
{
    (void)state;
    assert_null(skf_xstrdup_null(NULL));
    skf_autofree char *n = skf_xstrndup("ab", 100);
    assert_string_equal(n, "ab");
    skf_autofree void *zero = skf_xmalloc(0);
    skf_autofree void *czero = skf_xcalloc(0, 8);
    assert_non_null(zero);
    assert_non_null(czero);
    skf_autofree char *copy = skf_xmemdup("a\0b", 4);
    assert_memory_equal(copy, "a\0b", 4);
    skf_autofree void *nothing = skf_xmemdup(NULL, 0);
    assert_non_null(nothing);
    char *slot = NULL;
    skf_replace(&slot, skf_xasprintf("%d", 1));
    skf_replace(&slot, skf_xasprintf("%d", 2));
    char *taken = skf_take(&slot);
    assert_null(slot);
    assert_string_equal(taken, "2");
    free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vec),       cmocka_unit_test(test_strv_is_an_argv),
        cmocka_unit_test(test_strv_sets), cmocka_unit_test(test_strv_split_edges),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/base/test_arena.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdalign.h>

#include "lib/base/arena.h"

static void test_alloc(void **state)
{
    (void)state;
    struct skf_arena a = SKF_ARENA_INIT;
    for (size_t size = 0; size < 40000; size = size * 3 / 2 + 1) {
        char *p = skf_arena_alloc(&a, size);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xab, size); /* the sanitizer sees a write behind the end */
    }
    for (int i = 0; i < 10000; i++) {
        int *n = skf_arena_calloc(&a, 3, sizeof *n);
        assert_int_equal(n[0] + n[1] + n[2], 0);
        n[0] = n[1] = n[2] = -1;
    }
    skf_arena_release(&a);
    assert_null(a.head);
    skf_arena_release(&a);
}

static void test_large_first_then_small(void **state)
{
    (void)state;
    struct skf_arena a = SKF_ARENA_INIT;
    char *large = skf_arena_alloc(&a, 100000);
    char *small = skf_arena_alloc(&a, 10);
    char *larger = skf_arena_alloc(&a, 200000);
    char *next = skf_arena_alloc(&a, 10);
    memset(large, 1, 100000);
    memset(larger, 2, 200000);
    memset(small, 3, 10);
    assert_ptr_equal(next, small + 16); /* a large one does not end the current block */
    assert_int_equal(next[0], 0);
    skf_arena_release(&a);
}

static void test_strings(void **state)
{
    (void)state;
    struct skf_arena a = SKF_ARENA_INIT;
    assert_string_equal(skf_arena_strdup(&a, ""), "");
    assert_string_equal(skf_arena_strdup(&a, "abc"), "abc");
    assert_string_equal(skf_arena_strndup(&a, "abc", 2), "ab");
    assert_string_equal(skf_arena_strndup(&a, "abc", 200), "abc");
    assert_string_equal(skf_arena_printf(&a, "%s-%d", "x", 7), "x-7");
    char *long_one = skf_arena_printf(&a, "%0*d", 50000, 1);
    assert_int_equal(strlen(long_one), 50000);
    skf_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_large_first_then_small),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

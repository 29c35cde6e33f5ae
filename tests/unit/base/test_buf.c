/* tests/unit/base/test_buf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

static void test_is_a_string_from_the_start(void **state)
{
    (void)state;
    struct skf_buf b = SKF_BUF_INIT;
    assert_string_equal(b.data, "");
    skf_buf_clear(&b);
    skf_buf_trim(&b);
    skf_buf_cut(&b, 0);
    skf_buf_drop(&b, 0);
    skf_buf_add(&b, NULL, 0);
    assert_string_equal(b.data, "");
    char *taken = skf_buf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
    skf_buf_release(&b);
    skf_buf_release(&b);
    assert_string_equal(skf_buf_empty, "");
}

static void test_add(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&b, "ab");
    skf_buf_addc(&b, 'c');
    skf_buf_addc(&b, '\0');
    skf_buf_add(&b, "d\0e", 3);
    assert_int_equal(b.len, 7);
    assert_memory_equal(b.data, "abc\0d\0e", 8);
    skf_buf_clear(&b);
    assert_string_equal(b.data, "");
    skf_buf_addf(&b, "%d-%s", 42, "x");
    skf_buf_addf(&b, "%s", "");
    assert_string_equal(b.data, "42-x");
    for (int i = 0; i < 1000; i++)
        skf_buf_addf(&b, "%04d", i);
    assert_int_equal(b.len, 4 + 4000);
    assert_string_equal(b.data + b.len - 4, "0999");
    assert_true(b.cap > b.len);
}

static void test_add_own_bytes(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&b, "0123456789");
    for (int i = 0; i < 6; i++)
        skf_buf_add(&b, b.data, b.len);
    assert_int_equal(b.len, 640);
    assert_memory_equal(b.data + 630, "0123456789", 11);
    skf_buf_add(&b, b.data + 1, 3);
    assert_string_equal(b.data + 640, "123");
}

static void test_cut_drop_trim(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&b, "  hello \t\r\n");
    skf_buf_trim(&b);
    assert_string_equal(b.data, "  hello");
    skf_buf_drop(&b, 2);
    assert_string_equal(b.data, "hello");
    skf_buf_cut(&b, 4);
    assert_string_equal(b.data, "hell");
    skf_buf_drop(&b, 4);
    assert_string_equal(b.data, "");
    skf_buf_add(&b, " \0", 2); /* a NUL is not a blank */
    skf_buf_trim(&b);
    assert_int_equal(b.len, 2);
}

static void test_swap_take(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf a = SKF_BUF_INIT;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&a, "a");
    skf_buf_swap(&a, &b);
    assert_string_equal(a.data, "");
    assert_string_equal(b.data, "a");
    skf_autofree char *s = skf_buf_take(&b);
    assert_string_equal(s, "a");
    assert_string_equal(b.data, "");
    skf_buf_adds(&b, "again");
    assert_string_equal(b.data, "again");
}

static void test_read(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(write(p[1], "hello", 5), 5);
    skf_buf_adds(&b, ">");
    assert_int_equal(skf_buf_read(&b, p[0], 3), 3);
    assert_string_equal(b.data, ">hel");
    assert_int_equal(skf_buf_read(&b, p[0], 100), 2);
    close(p[1]);
    assert_int_equal(skf_buf_read(&b, p[0], 100), 0);
    assert_string_equal(b.data, ">hello");
    close(p[0]);
    assert_int_equal(skf_buf_read(&b, p[0], 100), -1);
    assert_string_equal(b.data, ">hello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_a_string_from_the_start),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_add_own_bytes),
        cmocka_unit_test(test_cut_drop_trim),
        cmocka_unit_test(test_swap_take),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

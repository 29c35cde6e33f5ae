/* tests/unit/base/test_digest.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/digest.h"

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_known(void **state)
{
    (void)state;
    char out[SKF_DIGEST_TEXT];
    skf_digest_of(NULL, 0, out);
    assert_string_equal(out, EMPTY);
    skf_digest_of("abc", 3, out);
    assert_string_equal(out, ABC);
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_sha256_add(&h, "a", 1);
    skf_sha256_add(&h, "", 0);
    skf_sha256_add(&h, "bc", 2);
    skf_sha256_end(&h, out);
    assert_string_equal(out, ABC);
    skf_sha256_release(&h); /* after end */
    struct skf_sha256 zero = { 0 };
    skf_sha256_release(&zero);
    skf_sha256_init(&h);
    skf_sha256_release(&h); /* without end */
}

static void test_md5(void **state)
{
    (void)state;
    char out[SKF_MD5_HEX];
    struct skf_md5 h;
    skf_md5_init(&h);
    skf_md5_add(&h, "a", 1);
    skf_md5_add(&h, "bc", 2);
    skf_md5_end(&h, out);
    assert_string_equal(out, "900150983cd24fb0d6963f7d28e17f72");
    skf_md5_release(&h); /* after end */
    skf_md5_init(&h);
    skf_md5_release(&h); /* without end */
}

static void test_valid(void **state)
{
    (void)state;
    assert_true(skf_digest_valid(ABC));
    assert_string_equal(skf_digest_hex(ABC), &ABC[7]);
    assert_false(skf_digest_valid(""));
    assert_false(skf_digest_valid("sha256:"));
    assert_false(skf_digest_valid(ABC "0"));
    assert_false(skf_digest_valid(&ABC[7]));
    assert_false(skf_digest_valid(
        "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert_false(skf_digest_valid(
        "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert_false(skf_digest_valid(
        "sha256:../816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known), cmocka_unit_test(test_md5),
                                        cmocka_unit_test(test_valid) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

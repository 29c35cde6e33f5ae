/* tests/unit/engine/test_inputdigest.c: the digest of files. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/path.h"
#include "lib/engine/inputdigest.h"
#include "lib/io/file.h"
#include "tests/support/loop_fixture.h"

static char *dir;

static int set_up(void **state)
{
    struct skf_err e;
    (void)state;
    dir = skf_file_temp_dir("skiff-test", &e);
    return dir ? 0 : -1;
}

static int tear_down(void **state)
{
    struct skf_err e;
    (void)state;
    int rc = skf_file_remove_tree(dir, &e);
    skf_replace(&dir, NULL);
    return rc;
}

static void put(const char *name, const char *text)
{
    struct skf_err e;
    skf_autofree char *path = skf_path_join(dir, name);
    assert_int_equal(skf_file_write_atomic(path, 0644, text, strlen(text), &e), 0);
}

static bool stop_at_once(void *data)
{
    (void)data;
    return true;
}

static const char *digest(bool modes, const char *const *names, size_t n)
{
    static char out[SKF_SHA256_HEX];
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    for (size_t i = 0; i < n; i++)
        skf_strv_take(&files, skf_path_join(dir, names[i]));
    if (skf_input_digest(&files, dir, modes, NULL, NULL, out, &e) < 0)
        fail_msg("%s", e.msg);
    return out;
}
#define DIGEST(modes, ...)                                                                         \
    digest(modes, (const char *const[]){ __VA_ARGS__ },                                            \
           sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void test_form(void **state)
{
    (void)state;
    put("a", "one");
    put("b", "two");
    /* printf '["%s","%s"]\n' $(printf aone | md5sum) ... | sha256sum */
    assert_string_equal(DIGEST(false, "a", "b"),
                        "adfda7898f5fecb2b8c37a66f1206cee59dda2260a681692a26af22fe020d52a");
    assert_string_equal(DIGEST(false, "gone"),
                        "38e0b9de817f645c4bec37c0d4a3e58baecccb040f5718dc069a72c7385a0bed");
}

static void test_what_counts(void **state)
{
    (void)state;
    char before[SKF_SHA256_HEX], modes[SKF_SHA256_HEX];
    skf_autofree char *b = skf_path_join(dir, "b");
    put("a", "one");
    put("b", "two");
    snprintf(before, sizeof before, "%s", DIGEST(false, "a", "b"));
    snprintf(modes, sizeof modes, "%s", DIGEST(true, "a", "b"));
    assert_string_equal(before, modes); /* nothing can be executed */
    assert_string_equal(DIGEST(false, "a", "b", "gone"), before);
    assert_int_equal(chmod(b, 0755), 0);
    assert_string_equal(DIGEST(false, "a", "b"), before);
    assert_string_not_equal(DIGEST(true, "a", "b"), before);
    put("b", "twO");
    assert_string_not_equal(DIGEST(false, "a", "b"), before);
    put("b", "two");
    put("c", "two");
    assert_string_equal(DIGEST(false, "a", "b"), before);
    assert_string_not_equal(DIGEST(false, "a", "c"), before); /* the name counts */
}

static void test_ends(void **state)
{
    (void)state;
    char out[SKF_SHA256_HEX] = "as it was";
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    put("a", "one");
    skf_strv_take(&files, skf_path_join(dir, "a"));
    assert_int_equal(skf_input_digest(&files, dir, false, stop_at_once, NULL, out, &e),
                     -SKF_ECANCELED);
    assert_string_equal(out, "as it was");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

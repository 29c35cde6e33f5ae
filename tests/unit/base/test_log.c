/* tests/unit/base/test_log.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/log.h"

/* What skf_log_debug writes to stderr. */
static size_t captured(bool on, const char *text, char *out, size_t room)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    skf_log_set_debug(on);
    errno = ENOTTY;
    skf_log_debug("<%s>", text);
    int after = errno;
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    skf_log_set_debug(false);
    assert_int_equal(after, ENOTTY);
    rewind(file);
    size_t n = fread(out, 1, room - 1, file);
    out[n] = '\0';
    fclose(file);
    return n;
}

static void test_off_and_on(void **state)
{
    (void)state;
    char out[8192];
    assert_false(skf_log_debug_on());
    assert_int_equal(captured(false, "quiet", out, sizeof out), 0);
    captured(true, "loud", out, sizeof out);
    assert_non_null(strstr(out, "<loud>\n"));
    assert_memory_equal(out, "debug ", 6);
}

static void test_long_line_is_cut(void **state)
{
    (void)state;
    static char text[6000];
    char out[8192];
    memset(text, 'x', sizeof text - 1);
    size_t n = captured(true, text, out, sizeof out);
    assert_true(n > 2000 && n < 2200);
    assert_int_equal(out[n - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_off_and_on),
                                        cmocka_unit_test(test_long_line_is_cut) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/builders/support.h: a scratch directory, files in it, and the environment that ko
 * reads, unset. */
#ifndef SKF_TEST_BUILDERS_SUPPORT_H
#define SKF_TEST_BUILDERS_SUPPORT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above first */

#include "lib/base/path.h"
#include "lib/base/vec.h"
#include "lib/io/file.h"

__attribute__((unused)) static void clean_environment(void)
{
    static const char *const names[] = { "KO_CONFIG_PATH",
                                         "KO_DEFAULTBASEIMAGE",
                                         "KO_DEFAULTPLATFORMS",
                                         "KO_DEFAULTENV",
                                         "KO_DEFAULTFLAGS",
                                         "KO_DEFAULTLDFLAGS",
                                         "KO_BASEIMAGEOVERRIDES",
                                         "KO_GO_PATH",
                                         "GOOS",
                                         "GOARCH",
                                         "GOARM",
                                         "GOFLAGS",
                                         "GOWORK",
                                         "CGO_ENABLED",
                                         "SOURCE_DATE_EPOCH",
                                         "KO_DATA_DATE_EPOCH",
                                         "KO_DATA_PATH_ALLOWED_ROOT",
                                         "GO111MODULE" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

/* Group fixtures: *state is the directory. */
__attribute__((unused)) static int make_scratch(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    char *dir = skf_file_temp_dir("skiff-test", &err);
    if (!dir)
        return -1;
    clean_environment();
    *state = realpath(dir, NULL);
    free(dir);
    return 0;
}

__attribute__((unused)) static int drop_scratch(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    int rc = skf_file_remove_tree(*state, &err);
    free(*state);
    return rc;
}

/* Makes DIR/NAME with its directories. */
__attribute__((unused)) static void put(const char *dir, const char *name, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(dir, name);
    skf_autofree char *parent = skf_path_dir(path);
    assert_int_equal(skf_file_mkdirs(parent, 0755, &err), 0);
    assert_int_equal(skf_file_write_atomic(path, 0644, text, strlen(text), &err), 0);
}

__attribute__((unused)) static bool has_path(const struct skf_strv *list, const char *dir,
                                             const char *name)
{
    skf_autofree char *path = skf_path_join(dir, name);
    return skf_strv_has(list, path);
}
#endif

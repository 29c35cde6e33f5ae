/* The part of TOML that hosts.toml is written in. */
#include <stdint.h>

#include "lib/base/mem.h"
#include "lib/image/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_table(void *data, const struct skf_strv *name, struct skf_err *err)
{
    (void)data, (void)err;
    if (!name->n)
        __builtin_trap(); /* a table always has a name */
    return 0;
}

static int on_value(void *data, const char *key, const struct skf_strv *value, struct skf_err *err)
{
    (void)data, (void)key, (void)value, (void)err;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_err err = SKF_ERR_INIT;
    const struct skf_toml_handler to = { on_table, on_value, NULL };
    skf_autofree char *text = skf_xstrndup((const char *)data, size);
    int rc = skf_toml_read(text, &to, &err);
    if ((rc < 0) != (err.code != SKF_OK) || (rc < 0 && err.line < 1))
        __builtin_trap(); /* what is wrong has a line */
    return 0;
}

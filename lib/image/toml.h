/* lib/image/toml.h: as much of TOML as containerd's hosts.toml needs, which no C library of Debian
 * reads: tables, and keys with texts, booleans and lists of texts. Other values are passed over. */
#ifndef SKF_IMAGE_TOML_H
#define SKF_IMAGE_TOML_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

struct skf_toml_handler {
    /* [a."b c"]: the parts of the name. */
    int (*on_table)(void *data, const struct skf_strv *name, struct skf_err *err);
    /* One text, "true" or "false"; or all of a list. */
    int (*on_value)(void *data, const char *key, const struct skf_strv *value, struct skf_err *err);
    void *data;
};

/* Bad text: SKF_EINVAL with the line; the file's name is for the caller to add. */
int skf_toml_read(const char *text, const struct skf_toml_handler *to, struct skf_err *err);
#endif

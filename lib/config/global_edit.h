/* lib/config/global_edit.h: changes to ~/.skaffold/config, as `skaffold config` makes them: same
 * keys, same format; keys that skiff does not know survive. Blocks (one small file). */
#ifndef SKF_CONFIG_GLOBAL_EDIT_H
#define SKF_CONFIG_GLOBAL_EDIT_H
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* ~/.skaffold/config; owned. NULL when there is no home directory. */
char *skf_global_file(void);
/* kube_context NULL: the `global` section. A list gets `value` added once; an empty value takes the
 * key out. The file and the context's entry are made when they are missing. SKF_EUSAGE: no such
 * key, or a value of the wrong type. */
int skf_global_set(const char *file, const char *kube_context, const char *key, const char *value,
                   struct skf_err *err);
/* Appends the section of a context (all: the whole file) as YAML; nothing when there is none. */
int skf_global_show(const char *file, const char *kube_context, bool all, struct skf_buf *out,
                    struct skf_err *err);
#endif

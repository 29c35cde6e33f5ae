/* lib/kube/allowed.h: clusters that are not local and may be deployed to without being named each
 * time: $XDG_CONFIG_HOME/skiff/contexts.yaml, written by `skiff config allow-context`. An entry
 * holds for a context name together with its server: a context that comes to mean another cluster
 * is a stranger again. Blocks (one small file). */
#ifndef SKF_KUBE_ALLOWED_H
#define SKF_KUBE_ALLOWED_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

struct skf_kube_context;

/* The file, whether it is there or not; owned, NULL with `err`. */
char *skf_allowed_file(struct skf_err *err);
/* *yes: this context, with this server. A file that cannot be read is an error, not a yes. */
int skf_allowed_has(const struct skf_kube_context *c, bool *yes, struct skf_err *err);
/* Replaces an entry of the same name. */
int skf_allowed_add(const struct skf_kube_context *c, struct skf_err *err);
/* SKF_ENOTFOUND when there is none of that name. */
int skf_allowed_remove(const char *name, struct skf_err *err);
/* "NAME SERVER" of each, in the order in which they were allowed. */
int skf_allowed_list(struct skf_strv *out, struct skf_err *err);
#endif

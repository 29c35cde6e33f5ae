/* cmd/guard.h: a cluster that is not local must have been meant. */
#ifndef SKF_CMD_GUARD_H
#define SKF_CMD_GUARD_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/kube/kubeconfig.h"

/* 0: it may be changed, since it was allowed before, or since the terminal says so now ("a" also
 * remembers it). Else SKF_EDENIED with what to do. Blocks while it asks. `command` is for the
 * question. */
int guard_context(const struct skf_kube_context *c, const char *command, struct skf_err *err);
#endif

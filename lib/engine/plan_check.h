/* lib/engine/plan_check.h: what the schema understands and the engine does not do. It is refused by
 * name and line, never ignored. A row leaves the table when the engine learns to do it. */
#ifndef SKF_ENGINE_PLAN_CHECK_H
#define SKF_ENGINE_PLAN_CHECK_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/config/model.h"

/* 0, or the first finding as SKF_EUNSUPPORTED with file:line:col. `deploys`: the command also
 * renders and deploys; what stands under manifests, deploy and portForward matters only then. */
int skf_plan_check(const struct skf_config *config, bool deploys, struct skf_err *err);
/* The same for a command that only tests. */
int skf_plan_check_tests(const struct skf_config *config, struct skf_err *err);
#endif

/* builders/custom/run.h: what the user's command is given. */
#ifndef SKF_BUILDERS_CUSTOM_RUN_H
#define SKF_BUILDERS_CUSTOM_RUN_H
#include "builders/custom/custom.h"

/* IMAGE, PUSH_IMAGE, BUILD_CONTEXT, PLATFORMS, SKIP_TEST, IMAGE_REPO, IMAGE_TAG; what the user has
 * in the environment wins over these, as in Skaffold. */
int skf_custom_env(const struct skf_build_context *ctx, const char *reference, bool push,
                   struct skf_strv *out, struct skf_err *err);
/* Go templates over the environment. `field` names the option in errors. *out is owned. */
int skf_custom_expand(const char *text, const char *field, char **out, struct skf_err *err);
#endif

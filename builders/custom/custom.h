/* builders/custom/custom.h: the custom builder: the user's own command makes the image.
 *
 *   options.c  what may stand under `custom:`   run.c     environment of the command, templates
 *   build.c    the seam's `start`               inputs.c  the seam's `inputs`
 *   reads.c    what `dependencies.paths` means */
#ifndef SKF_BUILDERS_CUSTOM_CUSTOM_H
#define SKF_BUILDERS_CUSTOM_CUSTOM_H
#include "lib/config/field.h"
#include "lib/engine/builder.h"

struct skf_custom_dockerfile {
    const char *path;
    struct skf_pairs build_args;
};
struct skf_custom_dependencies {
    struct skf_strings paths, ignore;
    const char *command;
    struct skf_custom_dockerfile *dockerfile;
};
/* What stands under `custom:`; filled by the config loader from skf_custom_fields. */
struct skf_custom_options {
    const char *build_command;
    struct skf_custom_dependencies *dependencies; /* NULL: the whole context */
};
extern const struct skf_field skf_custom_fields[];
extern const struct skf_builder_ops skf_builder_custom;

void skf_custom_inputs_start(struct skf_inputs_job *j);
void skf_custom_inputs_cancel(struct skf_inputs_job *j);
void skf_custom_build_start(struct skf_build *b);
void skf_custom_build_cancel(struct skf_build *b);
#endif

/* builders/registry.h: which builders there are. To add one: a folder here, and its line in
 * registry.c. */
#ifndef SKF_BUILDERS_REGISTRY_H
#define SKF_BUILDERS_REGISTRY_H
#include "lib/config/model.h"
#include "lib/engine/builder.h"

/* All of them, in the order of help texts; ends with NULL. */
extern const struct skf_builder_ops *const skf_builders[];
/* By yaml key ("ko"); NULL when there is none. */
const struct skf_builder_ops *skf_builder_find(const char *name);
/* The same as sections for the config loader; ends with name NULL. Static. */
const struct skf_section *skf_builder_sections(void);
#endif

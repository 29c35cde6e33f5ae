/* lib/config/build_model.h: the steps between a finished tree and the model. */
#ifndef SKF_CONFIG_BUILD_MODEL_H
#define SKF_CONFIG_BUILD_MODEL_H
#include "lib/config/load.h"
#include "lib/config/schema.h"

/* model.c: fills a zeroed module; findings in dec->diags. */
void skf_model_build(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                     const struct skf_node *root, struct skf_module *m);
/* Looks for mistakes in all of a document, profiles included; unsupported fields pass. */
void skf_model_check(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                     const struct skf_node *root);
/* Hooks that say in each entry where they run. */
void skf_model_hooks(struct skf_arena *arena, struct skf_hooks *to,
                     const struct skf_wire_hooks *from);

/* validate.c: rules that need the whole set. */
void skf_validate(const struct skf_config *c, const struct skf_node *const *roots,
                  struct skf_diagnostics *diags); /* roots: the tree of each module */
/* validate_tree.c: rules over single sections. */
void skf_validate_trees(const struct skf_node *const *roots, size_t n,
                        struct skf_diagnostics *diags);
#endif

/* lib/config/schema_table.h: how the tables of the schema are written, and those of its parts that
 * fill files of their own. Included by schema*.c, by
 * requires.c and by defaults.c. */
#ifndef SKF_CONFIG_SCHEMA_TABLE_H
#define SKF_CONFIG_SCHEMA_TABLE_H
#include "lib/config/schema.h"

/* One line an entry: F(name, TYPE, struct, member, more...) */
#define F(key, kind, strct, member, ...)                                                           \
    {                                                                                              \
        .name = (key), .type = SKF_T_##kind, .offset = offsetof(struct strct, member), __VA_ARGS__ \
    }
/* Checked and printed, kept by nobody: known fields of sections that skiff does not act on. */
#define N(key, kind, ...)                                                                          \
    {                                                                                              \
        .name = (key), .type = SKF_T_##kind, .offset = SKF_NO_SLOT, __VA_ARGS__                    \
    }
/* Known, not done: what to use instead. */
#define NOT(key, kind, text, ...) N(key, kind, .refused = (text), __VA_ARGS__)
#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

extern const struct skf_field skf_schema_host_hooks[];   /* schema.c */
extern const struct skf_field skf_schema_deploy_hooks[]; /* schema.c */

extern const struct skf_field skf_schema_forward[];  /* schema.c */
extern const struct skf_field skf_schema_requires[]; /* requires.c, which follows them */

/* schema_build.c */
extern const struct skf_field skf_schema_gcb[], skf_schema_cluster[], skf_schema_sync[];
/* schema_builders.c */
extern const struct skf_field skf_schema_jib[], skf_schema_bazel[], skf_schema_buildpacks[],
    skf_schema_kaniko[];
/* schema_deploy.c */
extern const struct skf_field skf_schema_render_helm[], skf_schema_deploy_helm[], skf_schema_kpt[],
    skf_schema_cloudrun[], skf_schema_remote_manifest[], skf_schema_kpt_function[];
/* schema_run.c */
extern const struct skf_field skf_schema_test[], skf_schema_verify[], skf_schema_action[],
    skf_schema_selector[];
#endif

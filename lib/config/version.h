/* lib/config/version.h: the versions of skaffold.yaml, oldest first, and the way up. */
#ifndef SKF_CONFIG_VERSION_H
#define SKF_CONFIG_VERSION_H
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/doc/doc.h"

enum { SKF_VERSION_COUNT = 72 };
#define SKF_VERSION_NEWEST "skaffold/v4beta14"

/* "v2beta26" of an index. */
const char *skf_version_name(int index);
/* Index of "skaffold/v2beta26", or -1. *odd_prefix: it was written "skaffold.dev/". */
int skf_version_find(const char *api_version, bool *odd_prefix);
/* Rewrites the tree of one document (nothing shared in it) from version `from` to `target`, step by
 * step, apiVersion included. Nodes keep their positions. Findings go to diags. */
void skf_version_upgrade(struct skf_doc *d, struct skf_node *root, int from, int target,
                         struct skf_diagnostics *diags);

/* since.c: findings for fields that are newer than the version of the document, whose tree is as it
 * was written. */
void skf_version_check_fields(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                              const struct skf_node *root, int version);

/* upgrade_v3.c: the step in which `manifests` was split from `deploy`. */
void skf_upgrade_to_v3(struct skf_doc *d, struct skf_node *pipeline, struct skf_diagnostics *diags);
/* Helpers of the steps. */
struct skf_node *skf_upgrade_map(struct skf_doc *d, struct skf_node *parent, const char *key,
                                 const struct skf_node *at);
#endif

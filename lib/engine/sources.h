/* lib/engine/sources.h: what a session reads besides the sources of its images, as lists of inputs:
 * the configuration's own files, and all that manifests come from. */
#ifndef SKF_ENGINE_SOURCES_H
#define SKF_ENGINE_SOURCES_H
#include <jansson.h>

#include "lib/engine/builder.h"
#include "lib/engine/plan.h"

/* skaffold.yaml, and every other file that was read for it. */
void skf_sources_config(const struct skf_config *config, struct skf_inputs *out);
/* Manifests, and what kustomize reads; patterns that match nothing yet count too. Blocks. */
void skf_sources_manifests(const struct skf_plan *plan, struct skf_inputs *out);

/* Why does a change of `path` (absolute, clean) matter, or why not? `inputs`: one list for each
 * artifact of the plan, NULL where it is not known. Owned:
 * {"path": P, "matters": true, "reasons": [{"artifact": A, "rule": R} | {"what": W, "rule": R}],
 *  "ignored": [...]} */
json_t *skf_sources_why(const struct skf_plan *plan, const struct skf_inputs *const *inputs,
                        const char *path);
#endif

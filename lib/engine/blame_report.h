/* lib/engine/blame_report.h: what the cluster says of manifests, as findings in the author's files.
 */
#ifndef SKF_ENGINE_BLAME_REPORT_H
#define SKF_ENGINE_BLAME_REPORT_H
#include "lib/config/load.h"
#include "lib/kube/blame.h"
#include "lib/kube/manifest.h"

/* Each blame at its place in the manifest of the object that it names; without a place when it
 * names none. `only` (may be NULL): the object that all of them are about. */
void skf_blame_report(const struct skf_objects *objects, const struct skf_object *only,
                      const struct skf_blames *blames, struct skf_diagnostics *out);
/* "k8s/web.yaml:5:3: ... (and 2 more)" for those who show one line only; code SKF_EINVAL. */
void skf_blame_summary(const struct skf_diagnostics *found, const char *prefix,
                       struct skf_err *err);
#endif

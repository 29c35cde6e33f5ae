/* builders/ko/inputs.h: from Go's answer to what is watched. */
#ifndef SKF_BUILDERS_KO_INPUTS_H
#define SKF_BUILDERS_KO_INPUTS_H
#include "builders/ko/golist.h"
#include "builders/ko/ko.h"
#include "builders/ko/plan.h"

/* The names of Go files that a build may read, as a glob: not "x_test.go", "_x.go" nor ".x.go". */
extern const char skf_ko_go_glob[];

/* Files, directories and trees that a build of these packages reads. Blocks: looks for go.work,
 * vendor and kodata. */
void skf_ko_inputs_from_packages(const struct skf_ko_packages *packages,
                                 const struct skf_ko_plan *plan, bool no_module,
                                 struct skf_inputs *out);
/* What the user wrote under `dependencies`. */
int skf_ko_inputs_from_globs(const char *root, const struct skf_ko_dependencies *deps,
                             struct skf_inputs *out, struct skf_err *err);
/* Takes out the files that `ignore` names. */
void skf_ko_inputs_ignore(const char *root, const struct skf_strings *ignore,
                          struct skf_inputs *in);
#endif

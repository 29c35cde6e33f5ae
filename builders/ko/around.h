/* builders/ko/around.h: what decides a build beside the project's own files: the toolchain, the
 * environment, files in the directories above. */
#ifndef SKF_BUILDERS_KO_AROUND_H
#define SKF_BUILDERS_KO_AROUND_H
#include "builders/ko/plan.h"

/* Adds the variables of our environment that Go and the C compilers look at. */
void skf_ko_around_environment(struct skf_sha256 *h);
/* Files to look at, also such that are not there: that they appear counts too. `in` is what the
 * build reads; `goroot` may be NULL. */
void skf_ko_around_files(const struct skf_ko_plan *plan, const struct skf_inputs *in,
                         const char *goroot, struct skf_strv *out);
/* Can a build with these settings depend on nothing but all that? No C compiler, no files named by
 * flags. */
bool skf_ko_around_is_all(const struct skf_ko_settings *settings);
#endif

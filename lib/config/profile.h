/* lib/config/profile.h: which profiles are active, and what they change. Works on the upgraded
 * tree. */
#ifndef SKF_CONFIG_PROFILE_H
#define SKF_CONFIG_PROFILE_H
#include "lib/base/vec.h"
#include "lib/config/load.h"
#include "lib/doc/doc.h"

/* Skaffold's match: equal, or an unanchored regular expression; a leading "!" negates. */
bool skf_profile_match(const char *pattern, const char *value);

struct skf_profile_request {
    const struct skf_strv
        *named; /* -p in order, and what a requiring module asks for; may be NULL */
    const char *command, *kube_context;
    bool automatic;
    bool context_given; /* kube_context is the user's word, not the current one */
};
/* Names of the active profiles of a document, in the order in which they apply. */
void skf_profiles_active(const struct skf_node *root, const struct skf_profile_request *req,
                         struct skf_strv *out, struct skf_diagnostics *diags);
/* Of the active ones, one that the current context activated while the effective tree wants another
 * context is a finding. Asked after they were applied, with `root` as it was before. */
void skf_profiles_check_context(const struct skf_node *before, const struct skf_node *root,
                                const struct skf_profile_request *req,
                                const struct skf_strv *active, struct skf_diagnostics *diags);
/* Overlays and patches, in order; then takes `profiles` out of the tree. */
void skf_profiles_apply(struct skf_doc *d, struct skf_node *root, const struct skf_strv *active,
                        struct skf_diagnostics *diags);

/* patch.c: one RFC 6902 operation on the tree, with "key=value" as a path element for list items.
 * Failures go to diags, at the path of the patch. */
bool skf_patch_apply(struct skf_doc *d, struct skf_node *root, const struct skf_node *patch,
                     struct skf_diagnostics *diags);
#endif

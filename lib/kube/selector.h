/* lib/kube/selector.h: a project's own word ('resourceSelector') on the kinds that hold images and
 * take labels. A kind without a rule is as kinds.h says. */
#ifndef SKF_KUBE_SELECTOR_H
#define SKF_KUBE_SELECTOR_H
#include <stdbool.h>
#include <stddef.h>

/* Strings owned. */
struct skf_selector_rule {
    char *group_kind;  /* "Rollout.argoproj.io", "Pod" */
    char *image_paths; /* as in kinds.h; NULL = none */
    bool labelled;     /* the object's own labels may be set */
};
struct skf_selector {
    struct skf_selector_rule *v;
    size_t n, cap;
};
void skf_selector_release(struct skf_selector *s);

/* A later rule takes the place of an earlier one for the same kind, and both of the built-in one.
 * Paths: ".spec.image" from the root, list levels transparent; ".*" is every key `image`, and the
 * labels. */
void skf_selector_allow(struct skf_selector *s, const char *group_kind, const char *const *images,
                        size_t n_images, const char *const *labels, size_t n_labels);
/* The whole kind is left alone: a denial takes the kind off the list, as in Skaffold. */
void skf_selector_deny(struct skf_selector *s, const char *group_kind);

/* s may be NULL: no rules. As skf_kind_image_paths. */
const char *skf_selector_image_paths(const struct skf_selector *s, const char *api_version,
                                     const char *kind);
bool skf_selector_labelled(const struct skf_selector *s, const char *api_version, const char *kind);
#endif

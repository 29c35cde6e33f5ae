/* lib/kube/kinds.h: which kinds of objects hold images, and where; which live in a namespace.
 * Internal to lib/kube. The lists are Skaffold's, so that a project finds its images in the same
 * places. */
#ifndef SKF_KUBE_KINDS_H
#define SKF_KUBE_KINDS_H
#include <stdbool.h>

/* NULL: no images there. "*": any key `image` with a text, at any depth. Else dot paths from the
 * root, separated by spaces. */
const char *skf_kind_image_paths(const char *api_version, const char *kind);
/* group_kind: "Rollout.argoproj.io", or "Pod" for the core group. */
bool skf_kind_is(const char *api_version, const char *kind, const char *group_kind);
/* A kind that we know to be namespaced. */
bool skf_kind_namespaced(const char *api_version, const char *kind);
#endif

/* lib/kube/changes.h: what an apply has to do. Pure functions over manifests. */
#ifndef SKF_KUBE_CHANGES_H
#define SKF_KUBE_CHANGES_H
#include "lib/base/map.h"
#include "lib/kube/manifest.h"

/* Puts objects into the order of creation, stable within a rank: namespaces, CRDs, RBAC and
 * accounts, policies, config and volumes, services, workloads, the rest (custom resources,
 * ingresses, webhooks). */
void skf_objects_sort(struct skf_objects *objects);
/* The other way round: for deletion. */
void skf_objects_reverse(struct skf_objects *objects);
/* What an object is known by: "apps/Deployment/NS/NAME" (the group without its version, so that a
 * move from v1beta1 to v1 is no other object); owned. */
char *skf_object_key(const struct skf_object *o, const char *default_namespace);

/* What was applied last, in this session. */
struct skf_applied {
    struct skf_map objects; /* key: struct skf_object *, owned copies */
};
void skf_applied_release(struct skf_applied *a);
/* changed: objects that are new or whose text differs (deep copies, order kept); removed: those
 * applied before and not in `now` any more (in order of deletion). An object that stands twice is
 * the last one. */
void skf_applied_diff(const struct skf_applied *a, const struct skf_objects *now,
                      const char *default_namespace, struct skf_objects *changed,
                      struct skf_objects *removed);
/* These have been applied. */
void skf_applied_put(struct skf_applied *a, const struct skf_objects *done,
                     const char *default_namespace);
/* An apply of these has failed or was stopped half way: what stands of each is not known, so that
 * each counts as changed next time, even if it is again what it was. */
void skf_applied_doubt(struct skf_applied *a, const struct skf_objects *tried,
                       const char *default_namespace);
/* These are gone. */
void skf_applied_drop(struct skf_applied *a, const struct skf_objects *gone,
                      const char *default_namespace);
/* All that was applied, in order of deletion: what Ctrl-C removes. */
void skf_applied_all(const struct skf_applied *a, struct skf_objects *out);
#endif

/* lib/kube/reach.h: which ports of a pod that is ready others count on, and no probe has looked at:
 * those that a Service of the manifests leads to. Pure. */
#ifndef SKF_KUBE_REACH_H
#define SKF_KUBE_REACH_H
#include <jansson.h>

#include "lib/kube/manifest.h"

struct skf_reach_port {
    char *service, *container;       /* owned */
    char *namespace_, *pod;          /* owned */
    char *field;                     /* owned; of the Service, for skf_place_of */
    const struct skf_object *object; /* the Service; borrowed from the objects */
    unsigned port;
};
struct skf_reach {
    struct skf_reach_port *v;
    size_t n, cap;
};
void skf_reach_release(struct skf_reach *r);
/* Appends the ports of this pod. */
void skf_reach_add(struct skf_reach *r, const struct skf_objects *objects,
                   const char *default_namespace, const json_t *pod);
#endif

/* lib/kube/ports.h: which ports of a pod somebody listens on, looked at from inside (the kubelet's
 * port-forward connects to localhost there). Internal to lib/kube. */
#ifndef SKF_KUBE_PORTS_H
#define SKF_KUBE_PORTS_H
#include "lib/kube/finding.h"
#include "lib/kube/ws.h"

struct skf_ports_one;
struct skf_ports {
    void *data;
    void (*done)(struct skf_ports *p, bool looked); /* false: could not look */
    bool open[SKF_FINDING_PORTS];
    /* private */
    struct skf_ports_one *each;
    size_t n, left;
    bool failed;
};
void skf_ports_start(struct skf_kube_api *api, struct skf_ports *p, const char *namespace_,
                     const char *pod, const unsigned *port, size_t n,
                     void (*done)(struct skf_ports *p, bool looked));
/* Only asks. */
void skf_ports_cancel(struct skf_ports *p);
#endif

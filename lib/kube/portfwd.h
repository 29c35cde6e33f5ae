/* lib/kube/portfwd.h: a port on loopback that always leads to the newest ready pod of a Service or
 * workload. skiff owns the listening socket, so the local port never changes and no deploy drops
 * it; each connection is a WebSocket to the API server (kubelet's port-forward, v4.channel.k8s.io).
 * A connection that comes while no pod is ready waits for one.
 *
 * start (the port is known at once) -> on_event ... -> stop -> done. */
#ifndef SKF_KUBE_PORTFWD_H
#define SKF_KUBE_PORTFWD_H
#include "lib/base/vec.h"
#include "lib/kube/target.h"

enum skf_portfwd_event {
    SKF_PORTFWD_TARGET,  /* connections go to `pod` from now on */
    SKF_PORTFWD_NOBODY,  /* no running pod: connections wait */
    SKF_PORTFWD_TROUBLE, /* `text`: a connection failed, or the cluster cannot be asked */
};

struct skf_portfwd_conn;
struct skf_portfwd {
    /* --- set by the caller after init; strings owned by the struct ---------------------------- */
    char
        *kind; /* "Service", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod" */
    char *namespace_, *name;
    char *port;      /* of the Service or container: number or name */
    char *address;   /* an IP address or "localhost"; default "127.0.0.1" */
    unsigned wanted; /* local port; 0 = the port itself when it is 1024 or more, else a free one */
    void *data;
    void (*on_event)(struct skf_portfwd *f, enum skf_portfwd_event event, const char *text);
    void (*done)(struct skf_portfwd *f);

    /* --- results ------------------------------------------------------------------------------ */
    unsigned local_port; /* after start */
    unsigned asked_port; /* what it should have been; 0 = any. Another one: that was taken */
    unsigned long connections;

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_api *api;
    struct skf_kube_target target;
    uv_tcp_t listener;
    SKF_VEC(struct skf_portfwd_conn *) conns;
    char *told_pod;
    bool listening, target_open, stopping, active;
};

void skf_portfwd_init(struct skf_portfwd *f);
/* Listens at once. Fails (SKF_EINVAL, SKF_EEXIST) when the kind cannot be forwarded to or no port
 * is free; then the struct can be released. A pod need not be there yet. */
int skf_portfwd_start(struct skf_kube_api *api, struct skf_portfwd *f, struct skf_err *err);
void skf_portfwd_stop(struct skf_portfwd *f, void (*done)(struct skf_portfwd *f));
void skf_portfwd_release(struct skf_portfwd *f);

/* Skaffold's choice of a local port: wanted, wanted + 1 ... + 10, 4503 ... 4533, then any free one.
 * 0 = none at all. */
unsigned skf_portfwd_choose(const char *address, unsigned wanted);
#endif

/* lib/image/deliver.h: brings an image to where the cluster takes it from. One operation for all
 * targets; only what the target lacks travels. */
#ifndef SKF_IMAGE_DELIVER_H
#define SKF_IMAGE_DELIVER_H
#include <uv.h>

#include "lib/image/image.h"
#include "lib/image/nodes.h"
#include "lib/image/registry.h"

enum skf_target_kind {
    SKF_TARGET_NOWHERE, /* the digest is wanted, nothing travels (build --push=false, no cluster) */
    SKF_TARGET_REGISTRY,
    SKF_TARGET_CONTAINERD, /* a node's containerd through its socket (the bundled cluster) */
    SKF_TARGET_NODES,      /* the containerd of nodes that are containers (kind, k3d) */
    SKF_TARGET_DOCKER,     /* a Docker Engine */
};

/* All borrowed. */

struct skf_target {
    enum skf_target_kind kind;
    const char *containerd_socket, *containerd_namespace;
    enum skf_node_maker node_maker; /* NODES */
    const char *cluster;            /* NODES: as its maker calls it */
    const char *docker_host;        /* unix:///..., tcp://... */
    const char *docker_certs;       /* folder with ca.pem, cert.pem, key.pem; NULL = no TLS */
};
/* Does the image end up on nodes or in their daemon, and in no registry? Then it runs on this
 * machine's platform, a network is not in between, and Kubernetes must not pull it. */
bool skf_target_is_local(const struct skf_target *t);

struct skf_deliver {
    uv_loop_t *loop;
    struct skf_http *http;
    struct skf_registry *registry;
    struct skf_target target;
    struct skf_image *image; /* borrowed until done */
    const char *reference;   /* "name:tag", borrowed */
    void *data;
    void (*done)(struct skf_deliver *d, const struct skf_err *err);
    /* results */
    char *deployed; /* owned: "name:tag@sha256:..." (or "name:HEX" where only tags work) */
    int64_t bytes_sent;
    unsigned blobs_sent;
    void *priv;
};
void skf_deliver_start(struct skf_deliver *d);
void skf_deliver_cancel(struct skf_deliver *d); /* only asks; done still comes */
void skf_deliver_release(struct skf_deliver *d);
#endif

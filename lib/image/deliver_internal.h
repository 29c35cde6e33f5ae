/* lib/image/deliver_internal.h: what deliver.c and its kinds of target share. */
#ifndef SKF_IMAGE_DELIVER_INTERNAL_H
#define SKF_IMAGE_DELIVER_INTERNAL_H
#include "lib/image/archive.h"
#include "lib/image/call.h"
#include "lib/image/deliver.h"
#include "lib/image/docker_tls.h"
#include "lib/image/gather.h"

/* One delivery. Owned by deliver.c; a kind of target uses the part that is its own. */
struct delivery {
    struct skf_deliver *d;
    struct skf_defer defer;
    struct skf_err err;
    struct skf_ref ref;
    struct skf_image *image; /* what travels: of an index, the child for this machine; borrowed */
    char *name;              /* "docker.io/library/app:dev" */
    bool cancelled;
    void (*cancel)(struct delivery *y); /* of the running operation, or NULL */

    struct skf_push push;

    struct node_set *nodes; /* deliver_nodes.c */

    /* Docker Engine */
    char *target; /* key of lib/image/memo.h */
    bool thin;
    struct skf_strv have; /* digests that it has, as far as we know */
    struct skf_archive *archive;
    struct skf_gather gather;
    void (*after_gather)(struct delivery *y);
    struct skf_http_req http;
    bool http_used;
    struct skf_buf chunk;
    bool archive_ended;
    void (*on_docker)(struct delivery *y, int status);
    int docker_minor; /* API 1.N */
    struct skf_docker_tls docker_tls;
    char *docker_id; /* hex */
};

/* Ends the delivery; err NULL = success. Not from inside start. */
void skf_delivery_end(struct delivery *y, const struct skf_err *err);
/* Makes y->archive ready: thin when y->have names some layers, base layers fetched where needed;
 * then calls `next`. */
void skf_delivery_archive(struct delivery *y, void (*next)(struct delivery *y));
/* The target took the archive: remember what it has now. */
void skf_delivery_remember(struct delivery *y);

void skf_deliver_containerd(struct delivery *y);
void skf_deliver_nodes(struct delivery *y);
void skf_deliver_docker(struct delivery *y);
#endif

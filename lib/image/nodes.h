/* lib/image/nodes.h: which containers are the nodes of a local cluster that runs in containers:
 * kind (docker, podman or nerdctl: KIND_EXPERIMENTAL_PROVIDER), k3d, minikube with its docker
 * driver.
 *
 * happy path: one `docker ps` by the labels that their makers set; done(NULL). Asked once for a
 *             cluster: later finds cost nothing, until skf_nodes_forget.
 * failures:   no such program: SKF_ENOTFOUND; nothing that runs has the label: SKF_ENOTFOUND.
 * on cancel:  the child is stopped; done comes with SKF_ECANCELED. */
#ifndef SKF_IMAGE_NODES_H
#define SKF_IMAGE_NODES_H
#include "lib/io/loop.h"
#include "lib/io/proc.h"

enum skf_node_maker { SKF_NODES_OF_KIND, SKF_NODES_OF_K3D, SKF_NODES_OF_MINIKUBE };

struct skf_nodes {
    uv_loop_t *loop;
    enum skf_node_maker maker;
    const char *cluster; /* as its maker calls it, borrowed */
    void *data;
    void (*done)(struct skf_nodes *n, const struct skf_err *err);
    /* results */
    const char *program;        /* what runs the containers: "docker" */
    struct skf_strv ids, names; /* of the nodes, side by side */
    bool remembered;            /* they come from an earlier find */
    /* private */
    struct skf_proc proc;
    struct skf_defer defer;
    bool proc_used, cancelled;
};
void skf_nodes_start(struct skf_nodes *n);
void skf_nodes_cancel(struct skf_nodes *n);
void skf_nodes_release(struct skf_nodes *n); /* before start or from done on */
/* Nothing is remembered any more: containers come and go. */
void skf_nodes_forget(void);
#endif

/* lib/docker/minikube.h: the Docker inside a minikube machine, which its nodes share: what is built
 * there is on the node, and nothing travels twice.
 *
 * happy path: `minikube docker-env` of the profile -> address and certificates; done(NULL).
 * failures:   no minikube program: SKF_ENOTFOUND. The machine runs no Docker, or several nodes:
 * done with SKF_EUNSUPPORTED and minikube's words. Stopped, paused ...: SKF_ECHILD. on cancel:  the
 * child is stopped; done comes with SKF_ECANCELED. */
#ifndef SKF_DOCKER_MINIKUBE_H
#define SKF_DOCKER_MINIKUBE_H
#include "lib/io/proc.h"

struct skf_minikube {
    const char *profile; /* borrowed */
    void *data;
    void (*done)(struct skf_minikube *m, const struct skf_err *err);
    /* results, owned */
    char *docker_host, *docker_certs;
    /* private */
    struct skf_proc proc;
};
void skf_minikube_start(uv_loop_t *loop, struct skf_minikube *m);
void skf_minikube_cancel(struct skf_minikube *m);
void skf_minikube_release(struct skf_minikube *m);
#endif

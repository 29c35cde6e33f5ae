/* lib/engine/job.h: one container that runs in the cluster, as a Kubernetes Job of its own.
 *
 * happy path: kubectl creates the Job; its pod is watched and its log told; exit status 0 of the
 *             container: the Job is deleted, then done(NULL).
 * failures:   another exit status: SKF_ECHILD with `sys`. A pod that cannot start (image, limits of
 *             the cluster) or goes away: SKF_ESTATUS with the cluster's words. The time limit:
 *             SKF_ETIMEDOUT. The Job is deleted before done all the same; one that somebody else
 *             made is never touched.
 * stop:       the same, with SKF_ECANCELED. */
#ifndef SKF_ENGINE_JOB_H
#define SKF_ENGINE_JOB_H
#include <jansson.h>
#include <stdbool.h>

#include "lib/config/model.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"
#include "lib/kube/tail.h"
#include "lib/kube/watch.h"

/* Where Jobs run; all borrowed. */
struct skf_job_place {
    struct skf_kube_api *api;
    const char *kubectl, *kubeconfig; /* kubeconfig NULL = kubectl's default */
    const char *namespace_; /* of --namespace; NULL = the manifest's own, or `otherwise` */
    const char *otherwise;
};

struct skf_job {
    /* --- set by the caller before start; zeroed by it ------------------------------------------
     */
    const struct skf_job_place *place; /* borrowed until done */
    json_t *manifest;                  /* owned: skf_job_manifest */
    const char *container;             /* borrowed: whose exit status and log count */
    unsigned limit_ms;                 /* 0 = none */
    void *data;
    void (*on_line)(struct skf_job *j, const char *line);
    void (*done)(struct skf_job *j, const struct skf_err *err); /* never from inside start */
    /* --- private ------------------------------------------------------------------------------ */
    uv_loop_t *loop;
    struct skf_proc proc; /* kubectl: creates, later deletes */
    struct skf_kube_watch watch;
    struct skf_tail tail;
    struct skf_defer limit;
    struct skf_err failure;
    char *pod_uid;
    bool creating, exists, watching, tailing, limited, ending, closing, told_waiting;
};

/* What is applied for a container. `dir`: what mode->job_manifest is relative to. */
int skf_job_manifest(const struct skf_cluster_mode *mode, const char *dir,
                     const struct skf_container *container, const char *image,
                     const struct skf_job_place *place, json_t **out, struct skf_err *err);

void skf_job_start(uv_loop_t *loop, struct skf_job *j);
void skf_job_stop(struct skf_job *j); /* only asks; more than once is fine, from start on */
void skf_job_release(struct skf_job *j);
#endif

/* lib/kube/rollout.h: waits until what was just applied is ready, by watches on the API: no
 * process, no polling.
 *
 * happy path: done(r, NULL) as soon as the API says that all workloads are ready.
 * failures:   SKF_ESTATUS with `finding` (and its one line as the error's text) when one cannot
 * become ready any more, or when the deadline has passed; SKF_EDENIED and such when the cluster
 *             cannot be asked.
 * cancel:     any time (a newer save pre-empts): done with SKF_ECANCELED. */
#ifndef SKF_KUBE_ROLLOUT_H
#define SKF_KUBE_ROLLOUT_H
#include "lib/kube/api.h"
#include "lib/kube/finding.h"
#include "lib/kube/judge.h"
#include "lib/kube/manifest.h"
#include "lib/kube/ports.h"
#include "lib/kube/reach.h"

/* Long enough for the kubelet to notice that a program has ended (it looks once a second). */
enum { SKF_ROLLOUT_SETTLE_MS = 2500 };

struct skf_rollout_watch;
struct skf_rollout {
    /* --- set by the caller after init --------------------------------------------------------- */
    unsigned deadline_ms; /* default 600 000 */
    /* What has no readiness probe is ready for the API as soon as it has started, even if it ends
     * at once. It has to run so long: SKF_ROLLOUT_SETTLE_MS where nobody looks on after "ready".
     * Default 0: the API's word. */
    unsigned settle_ms;
    /* What has failed may still come right: said, and waited for until the deadline. */
    bool tolerate_failures;
    /* Goes on looking after `on_ready`, until it is cancelled: a later crash is an on_trouble. */
    bool stay;
    void *data;
    /* With `stay`: all are ready for the first time. */
    void (*on_ready)(struct skf_rollout *r);
    /* A workload's words changed (`w->progress`), or it became ready (`w->ready`). May be NULL. */
    void (*on_progress)(struct skf_rollout *r, const struct skf_workload *w);
    /* A port that a Service leads to, and where nobody listens though all are ready. May be NULL.
     */
    void (*on_unreached)(struct skf_rollout *r, const char *text);
    /* A trouble that is not final (a first crash, a slow pull): told once each. After on_ready: any
     * trouble, final or not, once for each container and cause. May be NULL. */
    void (*on_trouble)(struct skf_rollout *r, const struct skf_finding *f);
    void (*done)(struct skf_rollout *r, const struct skf_err *err);

    /* --- results ------------------------------------------------------------------------------ */
    struct skf_finding finding;
    size_t ready, total; /* workloads */

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_api *api;
    struct skf_judge *judge;
    SKF_VEC(struct skf_rollout_watch *) watches;
    SKF_VEC(char *) told; /* last words of each workload */
    uv_timer_t timer, deadline;
    struct skf_kube_req log;
    struct skf_buf log_text;
    struct skf_ports ports;
    char *told_trouble;
    struct skf_strv told_later; /* after on_ready */
    struct skf_objects objects; /* for places; copies */
    char *default_namespace;    /* of these */
    struct skf_reach reach;     /* ports that Services lead to; looked at when all are ready */
    size_t reach_at;            /* the one that is being looked at */
    unsigned reach_tries;
    int64_t reach_next_ms;
    bool reach_listed;
    struct skf_err failure;
    int open;
    size_t unlisted; /* watches whose first list is still to come */
    bool active, ending, log_runs, ports_run, ready_once, sick;
    bool late, asked_late; /* the deadline has passed: only the log is waited for */
};

void skf_rollout_init(struct skf_rollout *r, const char *default_namespace);
/* A workload to wait for; kinds without a rollout are passed over (false). */
bool skf_rollout_add(struct skf_rollout *r, const char *kind, const char *namespace_,
                     const char *name);
/* All workloads among the objects. They are kept (a copy), so that findings name their places. */
void skf_rollout_add_objects(struct skf_rollout *r, const struct skf_objects *objects,
                             const char *default_namespace);
void skf_rollout_start(struct skf_kube_api *api, struct skf_rollout *r,
                       void (*done)(struct skf_rollout *r, const struct skf_err *err));
void skf_rollout_cancel(struct skf_rollout *r);
/* Before start, or from done on. */
void skf_rollout_release(struct skf_rollout *r);
#endif

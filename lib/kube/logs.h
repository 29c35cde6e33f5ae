/* lib/kube/logs.h: the log lines of the pods that were deployed, as they come, over the API. One
 * stream a container at most; it follows restarts and new pods, goes on after a lost connection,
 * and tells no line twice: lines are known by their time stamps.
 *
 * Pods are chosen by what they run (images) or by whom they belong to (workloads). Of pods that
 * were there before `since`, only lines since then are told; of later ones, all.
 *
 * start ... on_line ... stop -> done. Failures never end it: a namespace that may not be read is
 * told through on_notice. All callbacks come from the loop. */
#ifndef SKF_KUBE_LOGS_H
#define SKF_KUBE_LOGS_H
#include <stdint.h>

#include "lib/base/map.h"
#include "lib/base/vec.h"
#include "lib/kube/api.h"

struct skf_log_line {
    const char *namespace_, *pod, *container; /* valid during the call, as the text */
    const char *text;                         /* NUL-terminated, without line end */
    size_t len;
    int64_t time_ns; /* since 1970, the node's clock */
};

struct skf_logs_namespace;
struct skf_logs {
    /* --- set by the caller after init --------------------------------------------------------- */
    /* Only what there is now: `done` comes by itself when all of it was told. Follow everything
     * before the loop runs again. */
    bool once;
    void *data;
    void (*on_line)(struct skf_logs *l, const struct skf_log_line *line);
    /* Something worth a calm word: "logs of namespace 'x' cannot be read: ...". May be NULL. */
    void (*on_notice)(struct skf_logs *l, const char *text);
    void (*done)(struct skf_logs *l); /* set by skf_logs_stop; with `once` by the caller */

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_api *api;
    struct skf_strv images, workloads; /* workloads: "NS/Kind/name" */
    SKF_VEC(struct skf_logs_namespace *) namespaces;
    struct skf_map tails; /* "uid/container" */
    uv_timer_t end;
    int64_t since_ns;
    size_t open;
    bool active, stopping, all;
};

void skf_logs_init(struct skf_logs *l);
/* since_ms: wall clock (ours), of the deploy; 0 = now; SKF_LOGS_ALL = whatever there is. `done` is
 * needed with `once`. */
#define SKF_LOGS_ALL INT64_MIN
void skf_logs_start(struct skf_kube_api *api, struct skf_logs *l, int64_t since_ms);
/* May be called at any time after start, also again with the same: after each deploy. Names are
 * exact, as they stand in the pods. */
void skf_logs_follow_image(struct skf_logs *l, const char *namespace_, const char *image);
/* Deployment, StatefulSet, DaemonSet, Job, CronJob, ReplicaSet or Pod. */
void skf_logs_follow_workload(struct skf_logs *l, const char *namespace_, const char *kind,
                              const char *name);
/* Asks; then done. */
void skf_logs_stop(struct skf_logs *l, void (*done)(struct skf_logs *l));
/* Before start, or from done on. */
void skf_logs_release(struct skf_logs *l);
/* Skaffold's prefixes: "[container]" (the default), "[pod container]" (podAndContainer; auto when
 * the names differ), "" (none). Owned. */
char *skf_log_prefix(const char *style, const struct skf_log_line *line);
/* How many streams are open now; for tests and status. */
size_t skf_logs_streams(const struct skf_logs *l);
#endif

/* lib/kube/target.h: which pod, and which port of it, a Service or workload means right now.
 * Follows both by watches, so that the answer is there when a connection comes. Internal to
 * lib/kube. */
#ifndef SKF_KUBE_TARGET_H
#define SKF_KUBE_TARGET_H
#include "lib/base/map.h"
#include "lib/kube/watch.h"

struct skf_target_view {
    const char *pod, *uid; /* borrowed until the next event */
    unsigned port;
    bool ready;
};

struct skf_kube_target {
    /* --- set by the owner: all owned ---------------------------------------------------------- */
    char *kind, *namespace_, *name;
    char *port; /* number or name */
    void *data;
    void (*on_change)(struct skf_kube_target *t);
    void (*on_error)(struct skf_kube_target *t, const struct skf_err *err);
    void (*closed)(struct skf_kube_target *t);

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_api *api;
    struct skf_kube_watch object_watch, pod_watch;
    json_t *object;
    char *selector; /* the query that pod_watch runs with, or is to run with */
    struct skf_map pods;
    bool object_runs, pods_run, closing, restart_pods, told_error;
};

void skf_kube_target_init(struct skf_kube_target *t);
void skf_kube_target_start(struct skf_kube_api *api, struct skf_kube_target *t);
/* The newest ready pod; else, with any_running, the newest running one. */
bool skf_kube_target_pick(const struct skf_kube_target *t, bool any_running,
                          struct skf_target_view *out);
/* true: `closed` will come; false: nothing runs any more. */
bool skf_kube_target_close(struct skf_kube_target *t);
void skf_kube_target_release(struct skf_kube_target *t);
/* "labelSelector=..." of an object's selector (Service or workload); owned; NULL when it has none.
 */
char *skf_kube_selector_query(const json_t *object);
#endif

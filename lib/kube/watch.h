/* lib/kube/watch.h: one collection of objects, listed and then followed. It goes on through lost
 * connections, restarts of the API server, and histories that have expired (410: listed again).
 *
 * happy path: on_event for each object of the list, on_list, then on_event as things change.
 * trouble:    cannot reach, 5xx, 429: on_trouble once, then retried with growing pauses until it
 * works (on_list comes again when the list was read anew). failures:   done when asking again
 * cannot help: 401, 403, 404 and other 4xx. cancel:     done with SKF_ECANCELED; no event comes
 * after the cancel. Objects that vanished while nobody looked are reported as deleted after the
 * next list. */
#ifndef SKF_KUBE_WATCH_H
#define SKF_KUBE_WATCH_H
#include <jansson.h>

#include "lib/base/map.h"
#include "lib/kube/api.h"

enum skf_kube_event { SKF_KUBE_ADDED, SKF_KUBE_MODIFIED, SKF_KUBE_DELETED };

struct skf_kube_watch {
    /* --- set by the caller; skf_kube_watch_init zeroes ---------------------------------------- */
    char *path;  /* owned, without a query: skf_kube_path("Pod", ns, NULL) */
    char *query; /* owned, encoded: "labelSelector=app%3Dx"; NULL = none */
    void *data;
    /* The object is borrowed: keep it with json_incref. */
    void (*on_event)(struct skf_kube_watch *w, enum skf_kube_event event, json_t *object);
    void (*on_list)(struct skf_kube_watch *w);                               /* may be NULL */
    void (*on_trouble)(struct skf_kube_watch *w, const struct skf_err *err); /* may be NULL */
    void (*done)(struct skf_kube_watch *w, const struct skf_err *err);

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_api *api;
    struct skf_kube_req req;
    uv_timer_t timer; /* pauses, and the end */
    struct skf_map known;
    struct skf_buf line;
    char *version, *more;
    struct skf_err failure;
    unsigned round, tries;
    bool active, cancelled, closing, listed, in_trouble, expired;
};

void skf_kube_watch_init(struct skf_kube_watch *w);
void skf_kube_watch_start(struct skf_kube_api *api, struct skf_kube_watch *w,
                          void (*done)(struct skf_kube_watch *w, const struct skf_err *err));
void skf_kube_watch_cancel(struct skf_kube_watch *w);
/* Before start, or from done on. */
void skf_kube_watch_release(struct skf_kube_watch *w);
#endif

/* lib/kube/tail.h: the log of one container, through its restarts and ours. Internal to lib/kube.
 *
 * idle -> reading (one stream) -> idle or, when the stream ended and the container still runs, a
 * pause and reading again from the last time stamp. */
#ifndef SKF_KUBE_TAIL_H
#define SKF_KUBE_TAIL_H
#include <jansson.h>
#include <stdint.h>

#include "lib/kube/api.h"

struct skf_tail {
    /* --- set by the owner --------------------------------------------------------------------- */
    struct skf_kube_api *api;
    void *data;
    char *namespace_, *pod, *container; /* owned by the tail */
    int64_t from_ns;                    /* drop what is older; 0 = from the beginning */
    bool once;                          /* not followed: closes when what there is was read */
    void (*on_line)(struct skf_tail *t, const char *text, size_t len, int64_t time_ns);
    void (*on_trouble)(struct skf_tail *t, const struct skf_err *err);
    void (*closed)(struct skf_tail *t); /* after skf_tail_close; may free it */

    /* --- private ------------------------------------------------------------------------------ */
    struct skf_kube_req req;
    uv_timer_t timer;
    struct skf_buf line;
    char *instance;      /* container id of the newest run */
    char *read_instance; /* ... of the run whose stream was opened last */
    int64_t last_ns;     /* of the last line told */
    unsigned last_count; /* lines told with that very stamp */
    unsigned skip;       /* of these, still to be skipped after a reconnect */
    unsigned tries;
    bool reading, previous, want_previous, run_ended, closing, gone, told_trouble;
};

void skf_tail_init(struct skf_tail *t);
/* Handles are open from here on: end with skf_tail_close. */
void skf_tail_open(struct skf_tail *t);
/* The container's entry of the pod's status, whenever it changes. */
void skf_tail_status(struct skf_tail *t, const json_t *status);
/* The pod is gone: the stream may end by itself for a moment, then it is closed. */
void skf_tail_gone(struct skf_tail *t);
void skf_tail_close(struct skf_tail *t);
void skf_tail_release(struct skf_tail *t);
/* "2026-11-23T13:31:01.123456789Z text": the stamp in ns, and where the text begins; -1 = no stamp.
 */
int64_t skf_tail_stamp(const char *line, size_t len, size_t *text);
#endif

/* lib/kube/rehearsal.h: would the cluster take these objects? Each is sent as a server-side dry
 * run, all at once on one connection, so that nothing is half applied: what is new as the very
 * request that creates it, what is there as an apply of which only the checks that cannot be wrong
 * count (schema, permission; not rules between fields, since kubectl merges in another way).
 *
 * happy path: done(r, NULL); `refused` says how many have `blames`.
 * failures:   whatever is no word about an object (cannot reach, 5xx, a webhook that cannot
 * rehearse) counts as taken: the real apply will tell. cancel:     done with SKF_ECANCELED. */
#ifndef SKF_KUBE_REHEARSAL_H
#define SKF_KUBE_REHEARSAL_H
#include "lib/kube/api.h"
#include "lib/kube/blame.h"
#include "lib/kube/manifest.h"

struct skf_rehearsal_part {
    const char *path; /* of the object in the API; NULL = not rehearsed. Borrowed during start */
    bool present;     /* it is there */
    struct skf_blames blames; /* result; empty = taken */
};

struct skf_rehearsal_ask;
struct skf_rehearsal {
    void *data;
    void (*done)(struct skf_rehearsal *r, const struct skf_err *err);
    struct skf_rehearsal_part *parts; /* the caller's, one an object */
    size_t n, refused;
    /* private */
    struct skf_kube_api *api;
    struct skf_rehearsal_ask *asks;
    size_t open;
    bool cancelled;
};

/* At least one part has a path. validation: "Strict", "Warn" or "Ignore". */
void skf_rehearsal_start(struct skf_kube_api *api, struct skf_rehearsal *r,
                         const struct skf_objects *objects, struct skf_rehearsal_part *parts,
                         const char *validation,
                         void (*done)(struct skf_rehearsal *r, const struct skf_err *err));
void skf_rehearsal_cancel(struct skf_rehearsal *r);
/* From done on; the parts' blames too. */
void skf_rehearsal_release(struct skf_rehearsal *r);
#endif

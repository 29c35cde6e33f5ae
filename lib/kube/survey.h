/* lib/kube/survey.h: what is there already of the objects that are about to be applied or removed,
 * and whose it is. One GET an object (its metadata only), all at once on one connection; kinds that
 * skiff does not know are looked up in the API first, one request a group.
 *
 * happy path: done(s, NULL), one item an object.
 * failures:   an object that may not be read is SKF_SURVEY_UNKNOWN; no answer at all (network, 5xx,
 *             401) ends with its error.
 * cancel:     done with SKF_ECANCELED. */
#ifndef SKF_KUBE_SURVEY_H
#define SKF_KUBE_SURVEY_H
#include "lib/base/map.h"
#include "lib/kube/api.h"
#include "lib/kube/manifest.h"
#include "lib/kube/owner.h"

struct skf_survey_item {
    enum { SKF_SURVEY_UNKNOWN, SKF_SURVEY_ABSENT, SKF_SURVEY_PRESENT } state;
    bool leaving; /* it is being deleted */
    char *path;   /* of the object in the API; owned. NULL: the cluster does not know its kind */
    struct skf_owner owner;
};

struct skf_survey_ask;
struct skf_survey {
    void *data;
    void (*done)(struct skf_survey *s, const struct skf_err *err);
    struct skf_survey_item *items; /* in the order of the objects */
    size_t n;
    /* private */
    struct skf_kube_api *api;
    struct skf_survey_ask *asks;
    struct skf_map groups; /* "apps/v1": struct skf_survey_group * */
    size_t open;
    struct skf_err failure;
    bool cancelled;
    uv_timer_t empty; /* reports a survey of nothing */
};

/* The objects are read now and not kept. `s` is zeroed but for data. */
void skf_survey_start(struct skf_kube_api *api, struct skf_survey *s,
                      const struct skf_objects *objects, const char *default_namespace,
                      void (*done)(struct skf_survey *s, const struct skf_err *err));
void skf_survey_cancel(struct skf_survey *s);
/* From done on. */
void skf_survey_release(struct skf_survey *s);
#endif

/* lib/engine/action.h: containers that run on their own, with Docker or as Jobs in the cluster:
 * custom actions, and the tests of `verify`.
 *
 * happy path: all containers of the action at once, each line as it comes; done(NULL) when all have
 *             ended well.
 * failures:   one that fails ends the others, unless failFast is off; SKF_ECHILD with its name. The
 *             time limit: SKF_ETIMEDOUT. What still runs then is removed before done comes.
 * on cancel:  the same, with SKF_ECANCELED. */
#ifndef SKF_ENGINE_ACTION_H
#define SKF_ENGINE_ACTION_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/engine/job.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"

struct skf_action_container;

struct skf_action_run {
    /* --- set by the caller; borrowed until done ------------------------------------------------
     */
    const struct skf_action *action;
    const struct skf_strv *images;       /* name, reference, ...: takes the place of the name */
    const char *network, *env_file;      /* for docker; NULL = its defaults */
    const char *dir;                     /* of its module */
    const struct skf_job_place *cluster; /* needed by an action whose mode is in_cluster */
    void *data;
    void (*on_line)(struct skf_action_run *r, const char *container, const char *line);
    void (*done)(struct skf_action_run *r, const struct skf_err *err); /* never from inside start */
    /* --- private ------------------------------------------------------------------------------ */
    uv_loop_t *loop;
    SKF_VEC(struct skf_action_container *) containers;
    size_t running;
    struct skf_defer first;
    struct skf_proc removal;
    struct skf_err failure;
    bool stopping;
};

void skf_action_start(uv_loop_t *loop, struct skf_action_run *r);
void skf_action_cancel(struct skf_action_run *r); /* only asks */
#endif

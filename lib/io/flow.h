/* lib/io/flow.h: named steps run in order; a step fails by setting f->err.
 *
 * happy path: each step returns SKF_NEXT, or starts one operation, sets f->abort and returns
 *             SKF_WAIT; that operation's done callback calls skf_flow_resume.
 * failure:    the first error ends the flow; later steps do not run.
 * cancel:     asks the running operation through f->abort; it reports through resume; the flow ends
 *             with SKF_ECANCELED.
 * done comes exactly once, never from inside start, resume's caller excepted; it may free f. */
#ifndef SKF_IO_FLOW_H
#define SKF_IO_FLOW_H
#include <uv.h>

#include "lib/base/err.h"

struct skf_flow;
enum skf_next { SKF_NEXT, SKF_WAIT };
struct skf_step {
    const char *name;
    enum skf_next (*run)(struct skf_flow *f);
};
struct skf_flow {
    const struct skf_step *step;       /* current one; the table ends with { 0 } */
    void (*done)(struct skf_flow *f);  /* once, after the timer is closed; may free f */
    void (*abort)(struct skf_flow *f); /* set by a step before it returns SKF_WAIT */
    struct skf_err err;                /* the first failure wins */
    uv_timer_t timer;                  /* first tick, then the limit of a wait */
    unsigned limit_ms;
};

/* Runs the table from the next turn of the loop on. */
void skf_flow_start(uv_loop_t *loop, struct skf_flow *f, const struct skf_step *table,
                    void (*done)(struct skf_flow *f));
/* What a waiting step started has ended; err is NULL for success. */
void skf_flow_resume(struct skf_flow *f, const struct skf_err *err);
/* A time limit for the wait that the running step is about to begin. */
void skf_flow_limit(struct skf_flow *f, unsigned limit_ms);
/* Only asks; done still comes. May be called more than once. */
void skf_flow_cancel(struct skf_flow *f);
#endif

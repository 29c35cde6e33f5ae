/* lib/engine/tools.h: manifests that other programs print: kustomize, helm, kubectl.
 *
 * happy path: one run after the other, the output of each parsed; done(NULL).
 * failures:   the first one ends it: SKF_EINVAL with the program's own last words, or what parsing
 *             says.
 * on cancel:  the running program is stopped; done(SKF_ECANCELED). */
#ifndef SKF_ENGINE_TOOLS_H
#define SKF_ENGINE_TOOLS_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/io/proc.h"
#include "lib/kube/manifest.h"

struct skf_tool_run {
    char *shown; /* owned: "kustomize overlays/dev": for messages and as the objects' file */
    struct skf_strv argv;
    char *cwd;     /* owned; NULL = ours */
    size_t group;  /* of the objects */
    char *input;   /* owned: for its standard input; NULL = none */
    bool prepares; /* its output is no manifest ("helm dependency build") */
};

struct skf_tools {
    /* --- set by the caller -------------------------------------------------------------------- */
    SKF_VEC(struct skf_tool_run) runs;
    void *data;
    void (*done)(struct skf_tools *t, const struct skf_err *err); /* never from inside start */
    /* --- result: the caller's from done on; empty after a failure ------------------------------
     */
    struct skf_objects objects;
    /* --- private ------------------------------------------------------------------------------ */
    uv_loop_t *loop;
    struct skf_proc proc;
    size_t at;
};

/* A new run at the end; borrowed until the next one is added. `shown` is taken over. */
struct skf_tool_run *skf_tools_add(struct skf_tools *t, char *shown);
/* There is at least one run. */
void skf_tools_start(uv_loop_t *loop, struct skf_tools *t);
void skf_tools_cancel(struct skf_tools *t); /* only asks */
/* Frees the runs and the objects. */
void skf_tools_release(struct skf_tools *t);
#endif

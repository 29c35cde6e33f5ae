/* lib/engine/hydrate.h: from a plan to the objects that are applied or printed.
 *
 * happy path: pre-render hooks -> other programs' manifests -> files, images, namespace
 *             (render.h) -> post-render hooks, each fed its module's manifests -> done(NULL).
 * failures:   done with the first error; `rendered` is empty.
 * on cancel:  what runs is asked to end; done(SKF_ECANCELED). */
#ifndef SKF_ENGINE_HYDRATE_H
#define SKF_ENGINE_HYDRATE_H
#include "lib/engine/hooks.h"
#include "lib/engine/render.h"
#include "lib/engine/tools.h"
#include "lib/io/flow.h"

struct skf_hydrate {
    /* --- set by the caller; borrowed until done ------------------------------------------------
     */
    const struct skf_plan *plan;
    const char *const *references;       /* as in render.h */
    const char *namespace_;              /* --namespace or NULL */
    const char *kubectl;                 /* NULL = as found in PATH */
    const char *kubeconfig;              /* --kubeconfig or NULL */
    const struct skf_kube_context *kube; /* or NULL */
    bool deployed, debug;                /* as in render.h */
    bool no_hooks;
    bool sources_changed; /* else what other programs printed last time is good still */
    const struct skf_strv *hook_env;
    void *data;
    void (*on_phase)(struct skf_hydrate *h, const char *phase, bool begins);
    void (*on_line)(struct skf_hydrate *h, const char *line); /* of a hook */
    void (*done)(struct skf_hydrate *h, const struct skf_err *err);
    /* --- result: the caller's from done on -----------------------------------------------------
     */
    struct skf_rendered rendered;
    /* --- private; zero before the first start, lasts over several ------------------------------
     */
    uv_loop_t *loop;
    struct skf_flow flow;
    struct skf_tools tools;
    struct skf_objects generated; /* by what does not know the images: kept while it may be */
    struct skf_objects charts;
    struct skf_hook_run run;
    struct skf_buf text;
    size_t module;
    const char *phase;
};

void skf_hydrate_start(uv_loop_t *loop, struct skf_hydrate *h);
void skf_hydrate_cancel(struct skf_hydrate *h); /* only asks */
void skf_hydrate_release(struct skf_hydrate *h);
#endif

/* lib/engine/render.h: from the user's manifests to what is applied. Blocks (small local files). */
#ifndef SKF_ENGINE_RENDER_H
#define SKF_ENGINE_RENDER_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/engine/plan.h"
#include "lib/kube/manifest.h"

struct skf_render_request {
    const struct skf_plan *plan;
    /* For each artifact of the plan: the reference to put into manifests, or NULL to leave them. */
    const char *const *references;
    const struct skf_objects *generated; /* what other programs printed, or NULL; copied */
    const char *namespace_;              /* --namespace or NULL: set where none is written */
    /* For a cluster: only modules that have a deployer, and the objects say that skiff manages
     * them. */
    bool deployed;
    bool debug; /* what the builders can put under a debugger is changed for that */
};

struct skf_rendered {
    struct skf_objects objects; /* group: the module's index */
    struct skf_strv unused;     /* artifacts that no manifest names */
    struct skf_strv notes;
};

int skf_render(const struct skf_render_request *req, struct skf_rendered *out, struct skf_err *err);
void skf_rendered_release(struct skf_rendered *r);
/* The files that render reads, absolute: what to watch. Entries that match nothing yet are skipped.
 */
void skf_render_files(const struct skf_plan *plan, struct skf_strv *out);
#endif

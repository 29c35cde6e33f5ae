/* lib/engine/hooked.h: a build with the hooks of its artifact around it.
 *
 * happy path: hooks.before -> the builder -> hooks.after -> the build's done.
 * failures:   of a hook: the build's done with its error; after a failed hook nothing else runs.
 *             A hook that fails after the build fails the build, although the image is there.
 * on cancel:  what runs is asked to end; the build's done with SKF_ECANCELED. */
#ifndef SKF_ENGINE_HOOKED_H
#define SKF_ENGINE_HOOKED_H
#include "lib/engine/builder.h"
#include "lib/engine/hooks.h"

struct skf_hooked {
    /* --- set by the caller; borrowed until the build's done ------------------------------------
     */
    const struct skf_builder_ops *builder;
    const struct skf_strv *env; /* what every hook is given */
    void *data;
    void (*on_phase)(struct skf_hooked *h, const char *phase, bool begins);
    void (*on_line)(struct skf_hooked *h, const char *line);
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_build *build;
    void (*done)(struct skf_build *b, const struct skf_err *err);
    struct skf_hook_run run;
    struct skf_strv own_env;
    enum { SKF_HOOKED_BEFORE, SKF_HOOKED_BUILD, SKF_HOOKED_AFTER } state;
};

/* Starts `b`, which is filled in as for its builder. */
void skf_hooked_start(struct skf_hooked *h, struct skf_build *b);
void skf_hooked_cancel(struct skf_hooked *h);
#endif

/* builders/ko/vcs.h: what Go writes into a program about the repository it lies in: commit, tags,
 * and whether the tree is clean. A text that is equal exactly when all that is. */
#ifndef SKF_BUILDERS_KO_VCS_H
#define SKF_BUILDERS_KO_VCS_H
#include "builders/ko/plan.h"
#include "lib/io/proc.h"

/* happy path: two questions to git side by side, none where Go would not ask either; done(NULL).
 * failures:   git says no: text stays NULL, which is no failure (Go will say it better).
 * on cancel:  the children are stopped; done(SKF_ECANCELED). */
struct skf_ko_vcs {
    /* --- set by the caller; borrowed until done ----------------------------------------------- */
    const struct skf_ko_settings *settings;
    const char *dir; /* of the main package */
    void *data;
    void (*done)(struct skf_ko_vcs *v, const struct skf_err *err);
    /* --- result ------------------------------------------------------------------------------- */
    char *text; /* owned; NULL = not to be known */
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_proc status, tags;
    size_t pending;
    struct skf_err err;
};

/* Would Go write the state of a repository into a program of this directory? `flags` are those of
 * the build. Blocks for little. */
bool skf_ko_vcs_counts(const struct skf_strv *flags, const char *dir);
/* Returns true when the answer is there at once (then done does not come). */
bool skf_ko_vcs_start(uv_loop_t *loop, struct skf_ko_vcs *v,
                      void (*done)(struct skf_ko_vcs *v, const struct skf_err *err));
void skf_ko_vcs_cancel(struct skf_ko_vcs *v); /* only asks; done still comes */
void skf_ko_vcs_release(struct skf_ko_vcs *v);
#endif

/* cmd/init_plan.h: which image is built from what, and the skaffold.yaml that says so. */
#ifndef SKF_CMD_INIT_PLAN_H
#define SKF_CMD_INIT_PLAN_H
#include "cmd/init_scan.h"
#include "lib/base/buf.h"

/* One line of the result. Borrows from the tree. */
struct init_pair {
    const char *image;
    const struct init_builder *builder; /* NULL = not built here */
    bool settled;                       /* nobody need be asked */
};
struct init_plan {
    SKF_VEC(struct init_pair) pairs; /* one an image */
};

/* Pairs what belongs together by its name; what is left over is not settled. */
void init_pair_by_name(const struct init_tree *t, struct init_plan *plan);
/* Puts a pair that the user named; replaces what was found for the image. */
void init_pair_set(struct init_plan *plan, const char *image, const struct init_builder *b);
/* Is the builder in use? */
bool init_pair_uses(const struct init_plan *plan, const struct init_builder *b);
void init_plan_release(struct init_plan *plan);

/* The text of the file. `name`: of the project. `manifests`: those to write, with the
 * kustomizations of the tree. */
void init_write(const struct init_tree *t, const struct init_plan *plan, const char *name,
                const struct skf_strv *manifests, struct skf_buf *out);
/* "my_App " -> "my-app"; owned, never empty. */
char *init_project_name(const char *dir);
#endif

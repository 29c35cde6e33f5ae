/* cmd/init_scan.h: what of a directory tree `skiff init` can use: Dockerfiles, Go programs,
 * Kubernetes manifests, kustomizations. */
#ifndef SKF_CMD_INIT_SCAN_H
#define SKF_CMD_INIT_SCAN_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

enum init_builder_kind { INIT_DOCKER, INIT_KO };

/* Something that can be built. Paths are relative to the tree, "." for its top. Owned. */
struct init_builder {
    enum init_builder_kind kind;
    char *context; /* of the artifact: the Dockerfile's directory, or that of go.mod */
    char *detail;  /* docker: the Dockerfile in the context; ko: the package ("./cmd/web", ".") */
    char *name;    /* what its image might be called */
    char *shown;   /* for people: "Dockerfile (web/Dockerfile)" */
};

struct init_tree {
    SKF_VEC(struct init_builder) builders;
    struct skf_strv manifests;      /* files */
    struct skf_strv kustomizations; /* directories that no other one builds on, sorted */
    struct skf_strv bases;          /* directories that others build on, sorted */
    struct skf_strv charts;         /* directories of helm charts */
    struct skf_strv images;         /* named in the manifests: without tag, as written */
    struct skf_strv tagged;         /* those of them that are always named with a tag or digest */
};

/* Looks below `top`; hidden directories, node_modules, vendor and the like are not entered. What
 * cannot be read is left out. */
int init_scan(const char *top, struct init_tree *out, struct skf_err *err);
void init_tree_release(struct init_tree *t);
void init_builder_release(struct init_builder *b);
#endif

/* lib/engine/artifact_check.h: does the target still have an image that was built before? Then it
 * is given the name that is wanted now.
 *
 * happy path: registry: the tag has this digest, or the repository has it and gets the tag;
 *             Docker: the image is there, or its ID is and gets the name; nodes: the containerd of
 *             each knows the name with this digest. done with `found` and `deployed`.
 * failures:   are a "not found": the build that follows meets the same trouble, and says it.
 * on cancel:  done comes with found = SKF_FOUND_NOT. */
#ifndef SKF_ENGINE_ARTIFACT_CHECK_H
#define SKF_ENGINE_ARTIFACT_CHECK_H
#include "lib/docker/engine.h"
#include "lib/docker/host.h"
#include "lib/engine/event.h"
#include "lib/engine/services.h"
#include "lib/image/deliver.h"
#include "lib/io/flow.h"
#include "lib/io/proc.h"

struct skf_artifact_check {
    const struct skf_services *services;
    struct skf_target target;
    const char *reference;         /* wanted: "name:tag"; borrowed */
    const char *deployed, *digest; /* as they were; borrowed */
    void *data;
    void (*done)(struct skf_artifact_check *c); /* exactly once, never from inside start */
    /* results */
    enum skf_found found;
    char *now_deployed; /* owned */
    /* private */
    struct skf_flow flow;
    struct skf_pull pull;
    struct skf_push push;
    struct skf_nodes nodes;
    size_t node; /* that is being asked */
    struct skf_proc proc;
    struct skf_docker_host host;
    struct skf_docker_op op;
    struct skf_ref ref;
    char *text;
    bool nodes_used, proc_used, op_used;
};
void skf_artifact_check_start(struct skf_artifact_check *c);
void skf_artifact_check_cancel(struct skf_artifact_check *c);
void skf_artifact_check_release(struct skf_artifact_check *c); /* from done on */
#endif

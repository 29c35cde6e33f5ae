/* lib/image/push_internal.h: one push: push.c has the order of things, push_blob.c the blobs. */
#ifndef SKF_IMAGE_PUSH_INTERNAL_H
#define SKF_IMAGE_PUSH_INTERNAL_H
#include "lib/image/call.h"
#include "lib/image/fetch.h"

struct push;

enum transfer_state { HEAD, MOUNT, OPEN, UPLOAD };

/* One of the parallel lanes: takes blobs from the list until none is left. */
struct lane {
    struct push *u;
    struct skf_call call;
    struct skf_fetch fetch;
    struct skf_defer defer; /* a pause before an upload starts over */
    struct skf_blob *blob;  /* what it works on, borrowed; NULL = idle */
    struct skf_blob *local; /* fetched content, owned */
    enum transfer_state state;
    unsigned tries;
    int64_t counted; /* bytes of this blob that progress has been told of */
    bool call_ready, call_active, fetching;
};

struct push {
    struct skf_push *p;
    struct skf_ref ref;
    char *full_name; /* "docker.io/team/app" */
    struct skf_defer defer;
    struct skf_err err;
    SKF_VEC(struct skf_blob *) blobs; /* all, each once, borrowed */
    size_t next_blob;
    SKF_VEC(struct skf_image *) manifests; /* children first, borrowed */
    size_t next_manifest;
    struct lane *lanes;
    unsigned n_lanes, busy;
    struct skf_call call; /* tag and manifests */
    bool call_ready, call_active, forgotten, cancelled;
    int64_t total, sent;
};

/* Transfers what the repository lacks, then calls skf_push_next. */
void skf_push_blobs(struct push *u);
void skf_push_blobs_cancel(struct push *u);
/* Nothing is known of the repository any more. */
void skf_push_forget(struct push *u);
/* The next step, or the end; called when nothing runs. */
void skf_push_next(struct push *u);
#endif

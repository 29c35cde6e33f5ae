/* lib/image/push_internal.h: one push: push.c has the order of things, push_blob.c the blobs,
 * push_upload.c the content of one. */
#ifndef SKF_IMAGE_PUSH_INTERNAL_H
#define SKF_IMAGE_PUSH_INTERNAL_H
#include "lib/image/call.h"
#include "lib/image/fetch.h"

struct push;

/* From UPLOAD on the answers are push_upload.c's. */
enum transfer_state { HEAD, MOUNT, OPEN, UPLOAD, CHUNK, CLOSE, STATUS };

/* One of the parallel lanes: takes blobs from the list until none is left. */
struct lane {
    struct push *u;
    struct skf_call call;
    struct skf_fetch fetch;
    struct skf_defer defer; /* a pause before an upload goes on or starts over */
    struct skf_blob *blob;  /* what it works on, borrowed; NULL = idle */
    struct skf_blob *local; /* fetched content, owned */
    enum transfer_state state;
    unsigned tries;
    char *location;  /* the newest of the open upload, owned */
    int64_t at;      /* bytes that the registry has said to have of it */
    bool resume;     /* after the pause: ask for the status first */
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
    struct skf_strv new_homes; /* lines for the memo of that kind */
};

/* Transfers what the repository lacks, then calls skf_push_next. */
void skf_push_blobs(struct push *u);
void skf_push_blobs_cancel(struct push *u);
/* Nothing is known of the repository any more. */
void skf_push_forget(struct push *u);
/* The next step, or the end; called when nothing runs. */
void skf_push_next(struct push *u);

/* --- what push_blob.c and push_upload.c do for each other ----------------------------------------
 */
/* Makes the lane's call ready, then sends it; the answer comes back by the state. */
void skf_lane_request(struct lane *l, enum transfer_state state, const char *method);
void skf_lane_start(struct lane *l);
/* Is the blob there? What follows depends on the answer. */
void skf_lane_ask(struct lane *l);
/* So many bytes of the blob are over there. */
void skf_lane_report(struct lane *l, int64_t done);
/* The blob is there; it failed; the registry refused it; the push has failed elsewhere. */
void skf_lane_there(struct lane *l);
void skf_lane_fail(struct lane *l, const struct skf_err *err);
void skf_lane_refused(struct lane *l);
void skf_lane_end(struct lane *l);

void skf_upload_open(struct lane *l);
/* An upload is open: the call's answer has its Location. */
void skf_upload_opened(struct lane *l);
void skf_upload_answer(struct lane *l, const struct skf_err *err);
#endif

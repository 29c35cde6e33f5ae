/* lib/image/gather.h: makes the layers of one image local, some at a time, for archives and layouts
 * that must be complete. Layers that are local already, or left out, cost nothing.
 * on cancel: all transfers are cancelled; done comes after the last. */
#ifndef SKF_IMAGE_GATHER_H
#define SKF_IMAGE_GATHER_H
#include "lib/image/fetch.h"

enum { SKF_GATHER_LANES = 3 };

struct skf_gather {
    struct skf_registry *registry;
    const struct skf_image *image; /* borrowed */
    const struct skf_strv *skip;   /* digests that are not needed; may be NULL */
    void *data;
    /* A layer is here; borrowed: take a reference to keep it. */
    void (*got)(struct skf_gather *g, struct skf_blob *local);
    void (*done)(struct skf_gather *g, const struct skf_err *err);
    /* private */
    struct skf_fetch lane[SKF_GATHER_LANES];
    bool lane_busy[SKF_GATHER_LANES];
    unsigned busy;
    size_t next;
    struct skf_defer defer;
    struct skf_err err;
};
void skf_gather_start(struct skf_gather *g);
void skf_gather_cancel(struct skf_gather *g);
#endif

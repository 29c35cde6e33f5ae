/* lib/engine/tag.h: which tag an image gets, by Skaffold's tag policies
 * (skaffold-behaviour.md 4.4). Images are deployed by digest: the tag is for people. */
#ifndef SKF_ENGINE_TAG_H
#define SKF_ENGINE_TAG_H
#include "lib/base/err.h"
#include "lib/config/model.h"
#include "lib/io/flow.h"
#include "lib/io/proc.h"

/* One question. A policy that fails gives "latest" and says why in `warning`, as Skaffold does:
 * tagging never stops a build. */
struct skf_tag {
    const struct skf_tagger *tagger; /* borrowed */
    const char *image;               /* artifact name, for IMAGE_NAME; borrowed */
    const char *dir;                 /* absolute context: where git is asked; borrowed */
    void *data;
    void (*done)(struct skf_tag *t);
    /* results, owned until release */
    char *text;    /* the tag, never empty */
    char *warning; /* or NULL */
    bool dirty;    /* says "-dirty" */
    /* private */
    struct skf_flow flow;
    struct skf_proc proc;
};

void skf_tag_start(uv_loop_t *loop, struct skf_tag *t);
void skf_tag_cancel(struct skf_tag *t); /* only asks; done still comes */
void skf_tag_release(struct skf_tag *t);
#endif

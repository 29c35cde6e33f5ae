/* lib/engine/tag.h: which tag an image gets, by Skaffold's tag policies
 * (skaffold-behaviour.md 4.4). Images are deployed by digest: the tag is for people. */
#ifndef SKF_ENGINE_TAG_H
#define SKF_ENGINE_TAG_H
#include "lib/base/err.h"
#include "lib/config/model.h"
#include "lib/engine/builder.h"
#include "lib/io/flow.h"
#include "lib/io/proc.h"

/* An artifact whose inputs decide about an inputDigest. */
struct skf_tag_source {
    const struct skf_builder_ops *builder;
    struct skf_build_context ctx;
};

/* One question. A policy that fails gives "latest" and says why in `warning`, as Skaffold does:
 * tagging never stops a build. */
struct skf_tag {
    const struct skf_tagger *tagger; /* borrowed */
    const char *image;               /* artifact name, for IMAGE_NAME; borrowed */
    const char *dir;                 /* absolute context: where git is asked; borrowed */
    /* The artifact and all that it requires: asked by inputDigest only; borrowed. */
    const struct skf_tag_source *sources;
    size_t n_sources;
    void *data;
    void (*done)(struct skf_tag *t);
    /* results, owned until release */
    char *text;    /* the tag, never empty */
    char *warning; /* or NULL */
    bool dirty;    /* says "-dirty" */
    /* private */
    struct skf_flow flow;
    struct skf_proc proc;
    struct skf_tag_inputs *inputs;
    struct skf_tag_parts *parts;
};

/* Do the contents of the sources decide, so that each build needs a new answer? */
bool skf_tag_needs_inputs(const struct skf_tagger *tagger);
void skf_tag_start(uv_loop_t *loop, struct skf_tag *t);
void skf_tag_cancel(struct skf_tag *t); /* only asks; done still comes */
void skf_tag_release(struct skf_tag *t);
#endif

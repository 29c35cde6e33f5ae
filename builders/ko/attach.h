/* builders/ko/attach.h: pushes the bills of materials of an image beside it: one for each platform,
 * one for an index.
 *
 * happy path: the programs are read in the pool -> one push after the other -> done(NULL). Without
 *             programs, because nothing was built: each must be there from before.
 * failures:   of a push: done(err); the image itself is there by then. Not there from before:
 *             SKF_ENOTFOUND, and the program is wanted.
 * on cancel:  done with SKF_ECANCELED. */
#ifndef SKF_BUILDERS_KO_ATTACH_H
#define SKF_BUILDERS_KO_ATTACH_H
#include "lib/base/vec.h"
#include "lib/engine/services.h"
#include "lib/image/call.h"
#include "lib/io/loop.h"
#include "lib/io/work.h"

struct skf_ko_attach {
    /* --- set by the caller; borrowed until done
     * --------------------------------------------------- */
    const struct skf_services *services;
    const char *reference;   /* of the image: "repo/name:tag" */
    struct skf_image *image; /* single or index */
    const int *programs; /* open, one for each child, or the one of a single image; NULL = none */
    void *data;
    void (*done)(struct skf_ko_attach *a, const struct skf_err *err);
    /* --- results
     * ----------------------------------------------------------------------------------- */
    unsigned without_modules; /* programs that say nothing of their modules */
    /* --- private
     * ----------------------------------------------------------------------------------- */
    struct skf_defer first;
    struct skf_work work;
    struct skf_push push;
    struct skf_call call;
    SKF_VEC(char *) texts;
    struct skf_image *carrier;
    char *to;
    size_t next;
    bool beginning, working, pushing, asking;
    struct skf_err err;
};
void skf_ko_attach_start(struct skf_ko_attach *a);
void skf_ko_attach_cancel(struct skf_ko_attach *a); /* only asks; done still comes */
#endif

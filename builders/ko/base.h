/* builders/ko/base.h: which image the layers go on, and which of its platforms are built. */
#ifndef SKF_BUILDERS_KO_BASE_H
#define SKF_BUILDERS_KO_BASE_H
#include "builders/ko/plan.h"
#include "lib/image/registry.h"
#include "lib/io/loop.h"
#include "lib/io/work.h"

#define SKF_KO_DEFAULT_BASE "cgr.dev/chainguard/static:latest"
#define SKF_KO_BUILTIN_BASE "skiff.local/static"

/* fromImage > baseImageOverrides > KO_DEFAULTBASEIMAGE > defaultBaseImage > ko's own. Borrowed from
 * the plan. */
const char *skf_ko_base_choose(const struct skf_ko_plan *plan, const char *import_path);

/* happy path: what this process has already, or one pull; done(NULL) with `image`.
 * failures:   the error names the one setting that helps. Never another base instead.
 * on cancel:  the pull ends; done(SKF_ECANCELED). */
struct skf_ko_base {
    /* --- set by the caller; borrowed until done
     * --------------------------------------------------- */
    const struct skf_services *services;
    const char *reference;
    const struct skf_ko_platforms *platforms;
    bool dev; /* a tag that was resolved before stays as it was */
    void *data;
    void (*done)(struct skf_ko_base *b, const struct skf_err *err);
    /* --- results: released with release
     * ------------------------------------------------------------ */
    struct skf_image *image; /* image or index */
    char *name;              /* as annotations spell it; NULL = none */
    bool stale;              /* the registry could not be asked: what the tag was before */
    /* --- private
     * ------------------------------------------------------------------------------------ */
    struct skf_pull pull;
    struct skf_work work;
    struct skf_defer defer;
    struct skf_err refused;
    bool pulling, making;
    char *key, *cache_dir;
};
void skf_ko_base_start(struct skf_ko_base *b,
                       void (*done)(struct skf_ko_base *b, const struct skf_err *err));
void skf_ko_base_cancel(struct skf_ko_base *b); /* only asks; done still comes */
void skf_ko_base_release(struct skf_ko_base *b);
void skf_ko_base_forget_all(void);
/* Does the name always mean the same image? */
bool skf_ko_base_is_fixed(const char *reference);
/* Is it known to hold no C library? */
bool skf_ko_base_is_static(const char *reference);

/* One platform to build: borrowed from the base image. */
struct skf_ko_base_child {
    struct skf_platform platform;
    struct skf_image *image;
    json_t *descriptor; /* in the index; NULL = the base is a single image */
};
/* Which children of the base are wanted (ko-behaviour.md 8.4), in the base's order; frees with
 * free(). */
int skf_ko_base_select(const struct skf_image *image, const char *reference,
                       const struct skf_ko_platforms *wanted, struct skf_ko_base_child **out,
                       size_t *n, struct skf_err *err);
#endif

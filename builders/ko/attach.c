#include "builders/ko/attach.h"

#include <stdlib.h>

#include "builders/ko/sbom.h"

static void finish(struct skf_ko_attach *a)
{
    struct skf_err err = a->err;
    for (size_t i = 0; i < a->texts.n; i++)
        free(a->texts.v[i]);
    skf_vec_release(&a->texts);
    skf_image_unref(a->carrier);
    free(a->to);
    a->carrier = NULL;
    a->to = NULL;
    a->done(a, err.code ? &err : NULL);
}

/* In the pool: reads the image, which nobody changes. */
static void write_texts(struct skf_work *w)
{
    struct skf_ko_attach *a = SKF_CONTAINER_OF(w, struct skf_ko_attach, work);
    size_t n = a->image->n_children;
    for (size_t i = 0; i < (n ? n : 1) && !skf_work_cancelled(w); i++) {
        struct skf_go_buildinfo info;
        a->without_modules += !skf_go_buildinfo_read(a->programs[i], &info);
        skf_vec_push(&a->texts, skf_ko_sbom_of_image(n ? a->image->children[i] : a->image, &info));
        skf_go_buildinfo_release(&info);
    }
    if (n)
        skf_vec_push(&a->texts, skf_ko_sbom_of_index(a->image));
}

static void push_next(struct skf_ko_attach *a);

static void on_pushed(struct skf_push *p, const struct skf_err *err)
{
    struct skf_ko_attach *a = p->data;
    a->pushing = false;
    if (err) {
        a->err = *err;
        if (err->code != SKF_ECANCELED)
            skf_err_wrap(&a->err, "bill of materials (--sbom=none leaves it out)");
    }
    skf_image_unref(a->carrier);
    a->carrier = NULL;
    push_next(a);
}

/* Which image the next one is about, and where it goes; false when there is none left. */
static const struct skf_image *next_image(struct skf_ko_attach *a)
{
    const char *elsewhere = getenv("COSIGN_REPOSITORY"); /* as ko and cosign */
    size_t children = a->image->n_children, i = a->next++;
    if (i > children || (!children && i))
        return NULL;
    const struct skf_image *of = i < children ? a->image->children[i] : a->image;
    skf_replace(&a->to, skf_ko_sbom_reference(a->reference, elsewhere ? elsewhere : "",
                                              of->manifest->digest));
    return of;
}

static void push_next(struct skf_ko_attach *a)
{
    size_t i = a->next;
    if (a->err.code || !next_image(a)) {
        finish(a);
        return;
    }
    a->carrier = skf_ko_sbom_wrap(a->texts.v[i]);
    a->push = (struct skf_push){ .registry = a->services->registry,
                                 .image = a->carrier,
                                 .reference = a->to,
                                 .data = a,
                                 .done = on_pushed };
    a->pushing = true;
    skf_push_start(&a->push);
}

/* --- from before ------------------------------------------------------------------------------ */

static void ask_next(struct skf_ko_attach *a);

static void on_asked(struct skf_call *c, const struct skf_err *err)
{
    struct skf_ko_attach *a = c->data;
    int status = c->http.status;
    a->asking = false;
    skf_call_release(c);
    if (err)
        a->err = *err;
    else if (status != 200)
        skf_err_set(&a->err, SKF_ENOTFOUND, "'%s' is not there", a->to);
    ask_next(a);
}

static void ask_next(struct skf_ko_attach *a)
{
    struct skf_ref ref = { 0 };
    if (a->err.code || !next_image(a) || skf_ref_parse(a->to, &ref, &a->err) < 0) {
        finish(a);
        return;
    }
    skf_call_init(&a->call, a->services->registry, &ref, false);
    a->call.method = "HEAD";
    a->call.path = skf_xasprintf("manifests/%s", ref.tag);
    a->call.accept = SKF_MT_OCI_MANIFEST;
    a->call.push = true; /* with the token of the push */
    a->call.data = a;
    a->asking = true;
    skf_ref_release(&ref);
    skf_call_start(&a->call, on_asked);
}

static void on_first(struct skf_defer *d)
{
    struct skf_ko_attach *a = SKF_CONTAINER_OF(d, struct skf_ko_attach, first);
    a->beginning = false;
    ask_next(a);
}

/* --- start and end ---------------------------------------------------------------------------- */

static void on_written(struct skf_work *w)
{
    struct skf_ko_attach *a = SKF_CONTAINER_OF(w, struct skf_ko_attach, work);
    a->working = false;
    if (w->err.code && !a->err.code)
        a->err = w->err;
    push_next(a);
}

void skf_ko_attach_start(struct skf_ko_attach *a)
{
    if (!a->programs) {
        a->beginning = true;
        skf_defer_start(a->services->loop, &a->first, 0, on_first);
        return;
    }
    a->working = true;
    skf_work_start(a->services->loop, &a->work, write_texts, on_written);
}

void skf_ko_attach_cancel(struct skf_ko_attach *a)
{
    if (a->working)
        skf_work_cancel(&a->work);
    else if (a->pushing)
        skf_push_cancel(&a->push);
    else if (a->asking)
        skf_call_cancel(&a->call);
    else if (a->beginning && !a->err.code)
        skf_err_set(&a->err, SKF_ECANCELED, "cancelled");
}

/* What the inner loop adds to an image: the debugger for `debug`, the receiver where files are
 * synced. It goes below the user's layers, so that it travels once. */
#include <string.h>

#include "builders/ko/build_parts.h"
#include "builders/ko/helper.h"

static bool wanted(const struct skf_ko_build *kb, enum skf_ko_helper_kind *kind)
{
    const struct skf_build_context *ctx = &kb->b->ctx;
    *kind = ctx->debug ? SKF_KO_DELVE : SKF_KO_RECEIVER;
    return kb->n_children == 1 && (ctx->debug || skf_ko_receiver(ctx));
}

const char *skf_ko_receiver(const struct skf_build_context *ctx)
{
    return ctx->dev && !ctx->debug && ctx->artifact->sync ? SKF_KO_RECEIVER_PATH : NULL;
}

static void on_helper_line(struct skf_ko_helper *h, const char *line)
{
    const struct skf_ko_build *kb = h->data;
    if (kb->b->on_progress)
        kb->b->on_progress(kb->b, line);
}

/* Without a receiver files are synced where there is a tar; without the debugger there is nothing
 * to debug. */
static void on_helper(struct skf_ko_helper *h, const struct skf_err *err)
{
    struct skf_ko_build *kb = h->data;
    struct skf_ko_session *s = kb->prepare.session;
    bool needed = h->kind == SKF_KO_DELVE || (err && err->code == SKF_ECANCELED);
    if (!err) {
        skf_blob_unref(s->helper);
        s->helper = skf_blob_ref(h->layer);
        s->helper_kind = (int)h->kind;
        memcpy(s->helper_diff_id, h->diff_id, sizeof s->helper_diff_id);
    } else if (!needed) {
        skf_strv_addf(&kb->b->notes, "files are synced only into containers with tar: %.300s",
                      err->msg);
    }
    skf_flow_resume(&kb->flow, needed ? err : NULL);
}

static void stop_helper(struct skf_flow *f)
{
    skf_ko_helper_cancel(skf_ko_build_of(f)->helper);
}

enum skf_next skf_ko_build_helper(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    const struct skf_ko_session *s = kb->prepare.session;
    enum skf_ko_helper_kind kind;
    if (!wanted(kb, &kind))
        return SKF_NEXT;
    const char *type = skf_ko_layer_type(kb->children[0].image, skf_ko_build_compression(kb->b));
    if (s->helper && s->helper_kind == (int)kind && strcmp(s->helper->media_type, type) == 0)
        return SKF_NEXT;
    kb->helper = skf_xcalloc(1, sizeof *kb->helper);
    *kb->helper = (struct skf_ko_helper){ .loop = kb->b->ctx.services->loop,
                                          .kind = kind,
                                          .go = kb->prepare.plan.go,
                                          .cache_dir = kb->b->ctx.services->cache_dir,
                                          .platform = &kb->children[0].image->platform,
                                          .how = skf_ko_build_compression(kb->b),
                                          .media_type = type,
                                          .data = kb,
                                          .on_line = on_helper_line,
                                          .done = on_helper };
    f->abort = stop_helper;
    skf_ko_helper_start(kb->helper);
    return SKF_WAIT;
}

struct skf_image *skf_ko_build_base(struct skf_ko_build *kb, size_t child, struct skf_err *err)
{
    const struct skf_ko_session *s = kb->prepare.session;
    enum skf_ko_helper_kind kind;
    struct skf_image *base = kb->children[child].image;
    if (!wanted(kb, &kind) || !s->helper || s->helper_kind != (int)kind)
        return skf_image_ref(base);
    const struct skf_image_layer layer = {
        s->helper,   s->helper_diff_id,
        NULL,        "skiff",
        "skiff dev", kind == SKF_KO_DELVE ? "the debugger" : "the receiver of synced files"
    };
    const struct skf_image_edit edit = { .layers = &layer, .n_layers = 1 };
    return skf_image_append(base, &edit, err);
}

void skf_ko_build_helper_release(struct skf_ko_build *kb)
{
    if (kb->helper)
        skf_ko_helper_release(kb->helper);
    free(kb->helper);
}

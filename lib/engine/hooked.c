#include "lib/engine/hooked.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/ref.h"

/* The last path element stands apart from the rest here, unlike in a custom build's IMAGE_REPO. */
static void image_env(struct skf_hooked *h)
{
    const struct skf_build *b = h->build;
    struct skf_strv *env = &h->own_env;
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    skf_strv_clear(env);
    skf_strv_addv(env, h->env);
    skf_hook_env(env, "IMAGE", b->reference);
    skf_hook_env(env, "PUSH_IMAGE", b->target.kind == SKF_TARGET_REGISTRY ? "true" : "false");
    skf_hook_env(env, "BUILD_CONTEXT", b->ctx.dir);
    if (skf_ref_parse(b->reference, &ref, &ignored) < 0)
        return;
    const char *slash = strrchr(ref.name, '/');
    skf_autofree char *repo = skf_xstrndup(ref.name, slash ? (size_t)(slash - ref.name) : 0);
    skf_hook_env(env, "IMAGE_REPO", repo);
    skf_hook_env(env, "IMAGE_TAG", ref.tag ? ref.tag : "latest");
    skf_ref_release(&ref);
}

static void finish(struct skf_hooked *h, const struct skf_err *err)
{
    struct skf_build *b = h->build;
    skf_strv_release(&h->own_env);
    b->done = h->done;
    b->done(b, err);
}

static void on_line(struct skf_hook_run *r, const char *line)
{
    struct skf_hooked *h = r->data;
    h->on_line(h, line);
}

static void start_hooks(struct skf_hooked *h, const char *phase, const struct skf_hook *hooks,
                        size_t n, void (*done)(struct skf_hook_run *r, const struct skf_err *err))
{
    h->run = (struct skf_hook_run){ .phase = phase,
                                    .hooks = hooks,
                                    .n = n,
                                    .dir = h->build->ctx.module->dir,
                                    .env = &h->own_env,
                                    .data = h,
                                    .on_line = on_line,
                                    .done = done };
    h->on_phase(h, phase, true);
    skf_hooks_start(h->build->ctx.services->loop, &h->run);
}

static void on_after(struct skf_hook_run *r, const struct skf_err *err)
{
    struct skf_hooked *h = r->data;
    if (err)
        h->build->phase = SKF_PHASE_BUILD; /* not the delivery, which came last, has failed */
    else
        h->on_phase(h, r->phase, false);
    finish(h, err);
}

static void on_built(struct skf_build *b, const struct skf_err *err)
{
    struct skf_hooked *h = b->around;
    const struct skf_hooks *hooks = &b->ctx.artifact->hooks;
    if (err || !hooks->n_after) {
        finish(h, err);
        return;
    }
    h->state = SKF_HOOKED_AFTER;
    start_hooks(h, "post-build", hooks->after, hooks->n_after, on_after);
}

static void start_builder(struct skf_hooked *h)
{
    h->state = SKF_HOOKED_BUILD;
    h->builder->start(h->build);
}

static void on_before(struct skf_hook_run *r, const struct skf_err *err)
{
    struct skf_hooked *h = r->data;
    if (err) {
        finish(h, err);
        return;
    }
    h->on_phase(h, r->phase, false);
    start_builder(h);
}

void skf_hooked_start(struct skf_hooked *h, struct skf_build *b)
{
    const struct skf_hooks *hooks = &b->ctx.artifact->hooks;
    h->build = b;
    h->done = b->done;
    b->done = on_built;
    b->around = h;
    if (hooks->n_before || hooks->n_after)
        image_env(h);
    if (!hooks->n_before) {
        start_builder(h);
        return;
    }
    h->state = SKF_HOOKED_BEFORE;
    start_hooks(h, "pre-build", hooks->before, hooks->n_before, on_before);
}

void skf_hooked_cancel(struct skf_hooked *h)
{
    if (h->state == SKF_HOOKED_BUILD)
        h->builder->cancel(h->build);
    else
        skf_hooks_cancel(&h->run);
}

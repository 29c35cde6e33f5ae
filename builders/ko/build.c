/* One build.
 *
 * happy path: prepare (settings, package) -> base image and `go build` side by side -> layers in
 * the pool
 *             -> image documents -> deliver -> done(NULL).
 * failures:   the first one stops what still runs beside it, and is waited for; nothing is
 * delivered. on cancel:  the same, with SKF_ECANCELED. Whatever runs is stopped before done comes.
 */
#include <string.h>

#include "builders/ko/build_parts.h"
#include "builders/ko/elf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

/* --- prepare ---------------------------------------------------------------------------------- */

static void on_prepared(struct skf_ko_prepare *p, const struct skf_err *err)
{
    struct skf_ko_build *kb = p->data;
    skf_flow_resume(&kb->flow, err);
}

static void stop_prepare(struct skf_flow *f)
{
    skf_ko_prepare_cancel(&skf_ko_build_of(f)->prepare);
}

static enum skf_next prepare(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    kb->prepare.ctx = &kb->b->ctx;
    kb->prepare.reference = kb->b->reference;
    kb->prepare.target = &kb->b->target;
    kb->prepare.want_package = true;
    kb->prepare.data = kb;
    f->abort = stop_prepare;
    skf_ko_prepare_start(&kb->prepare, on_prepared);
    return SKF_WAIT;
}

/* --- the image -------------------------------------------------------------------------------- */

static void say(struct skf_ko_build *kb, const char *text)
{
    /* Once a session is enough. */
    struct skf_strv *told = &kb->prepare.session->told;
    if (skf_strv_has(told, text))
        return;
    skf_strv_add(told, text);
    skf_strv_add(&kb->b->notes, text);
}

/* ko says nothing, and the container ends with "no such file or directory". */
static int check_linkage(struct skf_ko_build *kb, struct skf_err *err)
{
    if (!skf_ko_base_is_static(kb->base.reference))
        return 0;
    for (size_t i = 0; i < kb->units.n && !kb->use_kept; i++)
        if (skf_elf_is_dynamic(kb->units.v[i]->go.fd))
            return skf_err_set(err, SKF_EBUILD,
                               "the program uses cgo and needs a C library, and the base image "
                               "'%s' has none: it could not start; leave out CGO_ENABLED=1, or "
                               "set fromImage to a base with glibc",
                               kb->base.reference);
    return 0;
}

static void remember_layers(struct skf_ko_build *kb)
{
    for (size_t i = 0; i < kb->n_jobs; i++) {
        const struct skf_ko_layer_job *j = &kb->jobs[i];
        if (j->linked_root)
            say(kb, "kodata is a symbolic link: skiff follows it, ko would leave it out");
        if (!j->reused)
            skf_ko_session_keep_layer(kb->prepare.session, &j->made);
    }
}

/* Offline: said, because a tag may have moved. */
static void check_base(struct skf_ko_build *kb)
{
    if (!kb->base.stale)
        return;
    skf_autofree char *text =
        skf_xasprintf("the registry of the base image '%s' cannot be reached: what the tag was "
                      "before serves, %s",
                      kb->base.reference, kb->base.image->manifest->digest);
    say(kb, text);
}

static enum skf_next assemble(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    const struct skf_ko_image_parts parts = { .plan = &kb->prepare.plan,
                                              .labels = &kb->labels,
                                              .import_path = kb->prepare.graph->package.import_path,
                                              .name = kb->program,
                                              .debug = kb->b->ctx.debug && kb->n_children == 1,
                                              .base_name = kb->base.name };
    struct skf_image **images = skf_xcalloc(kb->n_children, sizeof *images);
    check_linkage(kb, &f->err);
    check_base(kb);
    remember_layers(kb);
    for (size_t i = 0; i < kb->n_children && !f->err.code; i++) {
        struct skf_image *base = skf_ko_build_base(kb, i, &f->err);
        if (base)
            images[i] = skf_ko_image_make(&parts, base, &kb->jobs[kb->kodata_of[i]].made,
                                          &kb->jobs[kb->app_of[i]].made, &f->err);
        skf_image_unref(base);
    }
    if (!f->err.code && kb->n_children == 1)
        kb->image = skf_image_ref(images[0]);
    else if (!f->err.code)
        kb->image = skf_ko_index_make(&parts, kb->base.image, kb->children, images, kb->n_children,
                                      &f->err);
    for (size_t i = 0; i < kb->n_children; i++)
        skf_image_unref(images[i]);
    free(images);
    kb->b->phase_us[SKF_PHASE_LAYER] = skf_ko_build_lap(kb);
    return SKF_NEXT;
}

/* --- deliver ---------------------------------------------------------------------------------- */

static void on_delivered(struct skf_deliver *d, const struct skf_err *err)
{
    struct skf_ko_build *kb = d->data;
    kb->delivering = false;
    skf_ko_build_ended(kb, err);
}

static enum skf_next deliver(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    struct skf_build *b = kb->b;
    const struct skf_ko_session *s = kb->prepare.session;
    /* The same image for the same place as last time, and the engine knows of it: nothing travels.
     */
    if (b->expected_digest && strcmp(b->expected_digest, kb->image->manifest->digest) == 0 &&
        s->deployed && strcmp(s->delivered_digest, b->expected_digest) == 0 &&
        strcmp(s->delivered_as, b->reference) == 0 && s->delivered_to == b->target.kind) {
        b->deployed = skf_xstrdup(s->deployed);
        return SKF_NEXT;
    }
    kb->deliver = (struct skf_deliver){ .loop = b->ctx.services->loop,
                                        .http = b->ctx.services->http,
                                        .registry = b->ctx.services->registry,
                                        .target = b->target,
                                        .image = kb->image,
                                        .reference = b->reference,
                                        .data = kb,
                                        .done = on_delivered };
    b->phase = SKF_PHASE_DELIVER;
    kb->deliver_used = kb->delivering = true;
    kb->pending++;
    skf_deliver_start(&kb->deliver);
    return SKF_NEXT;
}

/* --- bills of materials ----------------------------------------------------------------------- */

static void on_attached(struct skf_ko_attach *a, const struct skf_err *err)
{
    struct skf_ko_build *kb = a->data;
    if (a->without_modules)
        say(kb, "the program holds no list of its modules: the bill of materials has none");
    skf_flow_resume(&kb->flow, err);
}

static void stop_attach(struct skf_flow *f)
{
    skf_ko_attach_cancel(&skf_ko_build_of(f)->attach);
}

/* As ko does after every push; the inner loop does without. */
static enum skf_next attach(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    const struct skf_build *b = kb->b;
    if (!kb->deliver_used || b->ctx.dev || kb->prepare.plan.no_sbom || !b->ctx.services->sbom ||
        b->target.kind != SKF_TARGET_REGISTRY)
        return SKF_NEXT;
    if (!kb->use_kept)
        kb->programs = skf_xcalloc(kb->n_children, sizeof *kb->programs);
    for (size_t i = 0; i < kb->n_children && kb->programs; i++)
        kb->programs[i] = kb->units.v[kb->unit_of[i]]->go.fd;
    kb->attach = (struct skf_ko_attach){ .services = b->ctx.services,
                                         .reference = b->reference,
                                         .image = kb->image,
                                         .programs = kb->programs,
                                         .data = kb,
                                         .done = on_attached };
    f->abort = stop_attach;
    skf_ko_attach_start(&kb->attach);
    return SKF_WAIT;
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    struct skf_build *b = kb->b;
    struct skf_ko_session *s = kb->prepare.session;
    if (kb->deliver_used) {
        b->deployed = skf_take(&kb->deliver.deployed);
        b->bytes_sent = kb->deliver.bytes_sent;
        skf_replace(&s->deployed, skf_xstrdup_null(b->deployed));
        skf_replace(&s->delivered_digest, skf_xstrdup(kb->image->manifest->digest));
        skf_replace(&s->delivered_as, skf_xstrdup(b->reference));
        s->delivered_to = b->target.kind;
    }
    b->digest = skf_xstrdup(kb->image->manifest->digest);
    b->image = skf_image_ref(kb->image);
    b->phase_us[SKF_PHASE_DELIVER] = skf_ko_build_lap(kb);
    return SKF_NEXT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static const struct skf_step steps[] = {
    { "prepare", prepare },
    { "repository", skf_ko_build_repository },
    { "begin", skf_ko_build_begin },
    { "go build", skf_ko_build_wait },
    { "platforms", skf_ko_build_match },
    { "go build", skf_ko_build_wait },
    { "helper", skf_ko_build_helper },
    { "layers", skf_ko_build_layers },
    { "layers", skf_ko_build_wait },
    { "image", assemble },
    { "keep", skf_ko_build_keep },
    { "deliver", deliver },
    { "deliver", skf_ko_build_wait },
    { "sbom", attach },
    { "result", conclude },
    { 0 },
};

static void give_notes(struct skf_ko_build *kb)
{
    const struct skf_ko_prepare *p = &kb->prepare;
    if (!p->session)
        return;
    for (size_t i = 0; i < p->plan.notes.n; i++)
        say(kb, p->plan.notes.v[i]);
    for (size_t i = 0; i < p->facts.notes.n; i++)
        say(kb, p->facts.notes.v[i]);
    if (p->settings.no_debug_info)
        say(kb,
            "dev links without debug info (-ldflags=-w), which is faster; run and build keep it; "
            "'ldflags: [-w=0]' keeps it here too");
    if (p->graph && p->graph->no_module) {
        skf_autofree char *dir = skf_path_show(p->graph->package.dir);
        skf_autofree char *text = skf_xasprintf("no go.mod in '%s': its .go files are built as "
                                                "they are, as program '%s' ('go mod init' "
                                                "makes it a module)",
                                                dir, kb->program ? kb->program : "ko-app");
        say(kb, text);
    }
}

static void release(struct skf_ko_build *kb)
{
    for (size_t i = 0; i < kb->n_jobs; i++)
        skf_ko_layer_release(&kb->jobs[i]);
    free(kb->jobs);
    free(kb->kodata_of);
    free(kb->app_of);
    for (size_t i = 0; i < kb->units.n; i++) {
        skf_ko_gobuild_release(&kb->units.v[i]->go);
        skf_ko_settings_release(&kb->units.v[i]->settings);
        free(kb->units.v[i]);
    }
    skf_vec_release(&kb->units);
    free(kb->unit_of);
    free(kb->children);
    free(kb->programs);
    skf_ko_build_helper_release(kb);
    if (kb->deliver_used)
        skf_deliver_release(&kb->deliver);
    skf_image_unref(kb->image);
    skf_ko_base_release(&kb->base);
    skf_strv_release(&kb->labels);
    skf_ko_build_keep_release(kb);
    skf_ko_prepare_release(&kb->prepare);
    free(kb);
}

/* The target turns out to lack a layer that was known by its digest alone: then it is built. */
static bool wants_content(const struct skf_ko_build *kb, const struct skf_err *err)
{
    return kb->use_kept && kb->deliver_used && err->code == SKF_ENOTFOUND;
}

static void start(struct skf_build *b, bool anew);

static void on_flow_done(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    struct skf_build *b = kb->b;
    struct skf_err err = f->err;
    give_notes(kb);
    skf_log_debug("ko: %s in %lld ms", b->reference,
                  (long long)(skf_clock_us() - kb->started_us) / 1000);
    b->priv = NULL;
    bool again = wants_content(kb, &err);
    release(kb);
    if (again)
        start(b, true);
    else
        b->done(b, err.code ? &err : NULL);
}

static void start(struct skf_build *b, bool anew)
{
    struct skf_ko_build *kb = skf_xcalloc(1, sizeof *kb);
    kb->b = b;
    kb->anew = anew;
    b->phase = SKF_PHASE_BUILD;
    kb->started_us = kb->phase_us = skf_clock_us();
    b->priv = kb;
    skf_flow_start(b->ctx.services->loop, &kb->flow, steps, on_flow_done);
}

void skf_ko_build_start(struct skf_build *b)
{
    start(b, false);
}

void skf_ko_build_cancel(struct skf_build *b)
{
    struct skf_ko_build *kb = b->priv;
    if (kb)
        skf_flow_cancel(&kb->flow);
}

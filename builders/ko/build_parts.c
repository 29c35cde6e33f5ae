/* The operations of a build that run side by side, each counted in `pending`. */
#include "builders/ko/build_parts.h"

#include <string.h>

#include "builders/ko/store.h"
#include "lib/base/clock.h"
#include "lib/image/ref.h"

/* --- side by side ----------------------------------------------------------------------------- */

static void stop_all(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    if (kb->base_running)
        skf_ko_base_cancel(&kb->base);
    for (size_t i = 0; i < kb->units.n; i++)
        if (kb->units.v[i]->running)
            skf_ko_gobuild_cancel(&kb->units.v[i]->go);
    for (size_t i = 0; i < kb->n_jobs; i++)
        skf_ko_layer_cancel(&kb->jobs[i]);
    if (kb->delivering)
        skf_deliver_cancel(&kb->deliver);
    skf_ko_build_keep_cancel(kb);
}

static void fail(struct skf_ko_build *kb, const struct skf_err *err)
{
    /* What failed because we stopped it is not the reason. */
    if (!kb->failed.code || (kb->failed.code == SKF_ECANCELED && err->code != SKF_ECANCELED))
        kb->failed = *err;
}

void skf_ko_build_ended(struct skf_ko_build *kb, const struct skf_err *err)
{
    bool first = err && !kb->failed.code;
    kb->pending--;
    if (err)
        fail(kb, err);
    if (first && kb->pending)
        stop_all(&kb->flow);
    if (kb->pending == 0 && kb->waiting) {
        kb->waiting = false;
        skf_flow_resume(&kb->flow, kb->failed.code ? &kb->failed : NULL);
    }
}

enum skf_next skf_ko_build_wait(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    if (kb->failed.code && kb->pending)
        stop_all(f);
    if (kb->pending == 0) {
        if (kb->failed.code)
            f->err = kb->failed;
        return SKF_NEXT;
    }
    kb->waiting = true;
    f->abort = stop_all;
    return SKF_WAIT;
}

/* --- base and go build ------------------------------------------------------------------------ */

static void on_go_line(struct skf_ko_gobuild *g, const char *line)
{
    struct skf_ko_unit *u = g->data;
    if (u->kb->b->on_line)
        u->kb->b->on_line(u->kb->b, line);
}

static void on_go_built(struct skf_ko_gobuild *g, const struct skf_err *err)
{
    struct skf_ko_unit *u = g->data;
    u->running = false;
    skf_ko_build_ended(u->kb, err);
}

static bool same_env(const struct skf_ko_settings *a, const struct skf_ko_settings *b)
{
    return skf_strv_equal(&a->env, &b->env) && skf_strv_equal(&a->flags, &b->flags) &&
           strcmp(a->ldflags, b->ldflags) == 0;
}

/* The unit that builds for this platform; made when there is none yet. */
static int unit_for(struct skf_ko_build *kb, const struct skf_platform *platform, size_t *index,
                    struct skf_err *err)
{
    struct skf_ko_prepare *p = &kb->prepare;
    struct skf_ko_settings settings = { 0 };
    int rc = skf_ko_plan_settings(&p->plan, &p->facts, platform, &settings, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < kb->units.n; i++)
        if (same_env(&settings, &kb->units.v[i]->settings)) {
            skf_ko_settings_release(&settings);
            *index = i;
            return 0;
        }
    struct skf_ko_unit *u = skf_xcalloc(1, sizeof *u);
    u->kb = kb;
    u->settings = settings;
    u->go = (struct skf_ko_gobuild){ .plan = &p->plan,
                                     .settings = &u->settings,
                                     .platform = *platform,
                                     .cache_dir = kb->b->ctx.services->cache_dir,
                                     .import_path = p->graph->package.import_path,
                                     .name = kb->program,
                                     .files = p->graph->no_module ? &p->graph->files : NULL,
                                     .data = u,
                                     .on_line = on_go_line,
                                     .fd = -1 };
    skf_ko_outdir_key(&p->plan, &u->settings, u->go.import_path, platform, u->recipe);
    *index = kb->units.n;
    skf_vec_push(&kb->units, u);
    return 0;
}

static void start_units(struct skf_ko_build *kb)
{
    for (size_t i = 0; i < kb->units.n && !kb->failed.code; i++) {
        struct skf_ko_unit *u = kb->units.v[i];
        if (u->started)
            continue;
        u->started = true;
        u->running =
            skf_ko_gobuild_start(kb->b->ctx.services->loop, &u->go, on_go_built, &kb->failed) == 0;
        kb->pending += u->running;
    }
}

static void on_base(struct skf_ko_base *base, const struct skf_err *err)
{
    struct skf_ko_build *kb = base->data;
    kb->base_running = false;
    skf_ko_build_ended(kb, err);
}

static void start_base(struct skf_ko_build *kb)
{
    struct skf_ko_prepare *p = &kb->prepare;
    kb->base.services = kb->b->ctx.services;
    kb->base.reference = skf_ko_base_choose(&p->plan, p->graph->package.import_path);
    kb->base.platforms = &p->plan.platforms;
    kb->base.dev = kb->b->ctx.dev;
    kb->base.data = kb;
    kb->base_running = true;
    kb->pending++;
    skf_ko_base_start(&kb->base, on_base);
}

enum { KEEP_BINARIES_S = 14 * 24 * 3600 };

static void clean_cache(struct skf_work *w)
{
    struct skf_ko_build *kb = SKF_CONTAINER_OF(w, struct skf_ko_build, clean);
    skf_ko_outdir_clean(kb->b->ctx.services->cache_dir, KEEP_BINARIES_S);
    skf_ko_store_clean(kb->b->ctx.services->cache_dir, KEEP_BINARIES_S);
}

static void on_cleaned(struct skf_work *w)
{
    skf_ko_build_ended(SKF_CONTAINER_OF(w, struct skf_ko_build, clean), NULL);
}

static void start_clean(struct skf_ko_build *kb)
{
    static bool cleaned;
    if (cleaned)
        return;
    cleaned = true;
    kb->pending++;
    skf_work_start(kb->b->ctx.services->loop, &kb->clean, clean_cache, on_cleaned);
}

/* Go starts at once for platforms that the base cannot change. */
enum skf_next skf_ko_build_begin(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    struct skf_ko_prepare *p = &kb->prepare;
    size_t index;
    kb->program = skf_ko_program_name(p->graph->package.import_path);
    if (skf_ko_plan_labels(&p->plan, &p->facts, &kb->labels, &f->err) < 0)
        return SKF_NEXT;
    start_base(kb);
    start_clean(kb);
    for (size_t i = 0; i < p->plan.platforms.n && !kb->failed.code; i++)
        if (skf_ko_platform_is_concrete(&p->plan.platforms.v[i]))
            unit_for(kb, &p->plan.platforms.v[i], &index, &kb->failed);
    kb->use_kept = skf_ko_build_may_use_kept(kb);
    if (!kb->use_kept)
        start_units(kb);
    return SKF_NEXT;
}

static void plan_jobs(struct skf_ko_build *kb);

/* The base says which platforms there really are; what Go has not built for is built now. */
enum skf_next skf_ko_build_match(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    if (skf_ko_base_select(kb->base.image, kb->base.reference, &kb->prepare.plan.platforms,
                           &kb->children, &kb->n_children, &f->err) < 0)
        return SKF_NEXT;
    kb->unit_of = skf_xcalloc(kb->n_children, sizeof *kb->unit_of);
    for (size_t i = 0; i < kb->n_children && !kb->failed.code; i++)
        unit_for(kb, &kb->children[i].platform, &kb->unit_of[i], &kb->failed);
    if (kb->failed.code)
        return SKF_NEXT;
    plan_jobs(kb);
    for (size_t i = 0; i < kb->n_jobs && kb->use_kept; i++)
        kb->use_kept = skf_ko_build_take_kept(kb, &kb->jobs[i]);
    if (!kb->use_kept)
        start_units(kb);
    return SKF_NEXT;
}

/* --- layers ----------------------------------------------------------------------------------- */

int64_t skf_ko_build_lap(struct skf_ko_build *kb)
{
    int64_t now = skf_clock_us(), took = now - kb->phase_us;
    kb->phase_us = now;
    return took;
}

/* Compression costs more than it saves where nothing leaves this machine. */
enum skf_compression skf_ko_build_compression(const struct skf_build *b)
{
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_target_is_local(&b->target))
        return SKF_LAYER_PLAIN;
    if (b->ctx.services->compression != SKF_LAYER_AUTO)
        return b->ctx.services->compression;
    bool loopback = skf_ref_parse(b->reference, &ref, &ignored) == 0 && skf_ref_is_loopback(&ref);
    skf_ref_release(&ref);
    return loopback ? SKF_LAYER_PLAIN : SKF_LAYER_GZIP;
}

static void on_layer(struct skf_ko_layer_job *j, const struct skf_err *err)
{
    skf_ko_build_ended(j->data, err);
}

/* The job with this key; made when there is none yet. Takes over the key. */
static struct skf_ko_layer_job *job_for(struct skf_ko_build *kb, char *key, const char *type)
{
    for (size_t i = 0; i < kb->n_jobs; i++)
        if (strcmp(kb->jobs[i].key, key) == 0) {
            free(key);
            return &kb->jobs[i];
        }
    struct skf_ko_layer_job *j = &kb->jobs[kb->n_jobs++];
    j->key = key;
    j->data = kb;
    j->fd = -1;
    j->how = kb->how;
    j->media_type = type;
    return j;
}

/* kodata and program for each child; what several have in common stands once. */
static void plan_jobs(struct skf_ko_build *kb)
{
    const struct skf_ko_prepare *p = &kb->prepare;
    const char *package_dir = p->graph->package.dir;
    int64_t mtime = p->plan.data_epoch >= 0 ? p->plan.data_epoch : 0;
    char caps[48] = "";
    for (size_t i = 0; p->plan.caps.any && i < sizeof p->plan.caps.bytes; i++)
        snprintf(caps + 2 * i, sizeof caps - 2 * i, "%02x", p->plan.caps.bytes[i]);
    bool writable = skf_ko_receiver(&kb->b->ctx) != NULL; /* it runs as the user of the program */
    kb->how = skf_ko_build_compression(kb->b);
    kb->jobs = skf_xcalloc(kb->n_children * 2, sizeof *kb->jobs);
    kb->kodata_of = skf_xcalloc(kb->n_children, sizeof *kb->kodata_of);
    kb->app_of = skf_xcalloc(kb->n_children, sizeof *kb->app_of);
    for (size_t i = 0; i < kb->n_children; i++) {
        const char *type = skf_ko_layer_type(kb->children[i].image, kb->how);
        struct skf_ko_unit *u = kb->units.v[kb->unit_of[i]];
        char platform[160];
        skf_platform_format(&u->go.platform, platform, sizeof platform);

        struct skf_ko_layer_job *j =
            job_for(kb,
                    skf_xasprintf("kodata %s %lld %s%s", type, (long long)mtime, package_dir,
                                  writable ? " writable" : ""),
                    type);
        j->writable = writable;
        kb->kodata_of[i] = (size_t)(j - kb->jobs);
        j->mtime = mtime;
        if (!j->package_dir)
            j->package_dir = skf_xstrdup(package_dir);

        j = job_for(kb, skf_xasprintf("app %s %s %s %s", type, platform, kb->program, caps), type);
        kb->app_of[i] = (size_t)(j - kb->jobs);
        j->caps = p->plan.caps;
        memcpy(j->made.recipe, u->recipe, sizeof j->made.recipe);
        if (!j->name)
            j->name = skf_xstrdup(kb->program);
    }
}

enum skf_next skf_ko_build_layers(struct skf_flow *f)
{
    struct skf_ko_build *kb = skf_ko_build_of(f);
    kb->b->phase_us[SKF_PHASE_BUILD] = skf_ko_build_lap(kb);
    for (size_t i = 0; i < kb->n_children; i++)
        kb->jobs[kb->app_of[i]].fd = kb->units.v[kb->unit_of[i]]->go.fd;
    for (size_t i = 0; i < kb->n_jobs; i++) {
        struct skf_ko_layer_job *j = &kb->jobs[i];
        if (kb->use_kept)
            continue;
        skf_blob_unref(j->made.blob); /* of the last build, beside one that it did not have */
        j->made.blob = NULL;
        j->reused = false;
        kb->pending++;
        if (skf_ko_layer_start(kb->b->ctx.services->loop, kb->prepare.session, j, on_layer))
            kb->pending--;
    }
    return SKF_NEXT;
}

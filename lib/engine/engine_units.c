/* One artifact. happy path: tag (once a session in dev) -> build -> result stored -> pump.
 * failures:   unit.failed until an input changes; in dev the last good result stays deployed.
 * on cancel:  a newer save: the build is asked to stop, and pump starts it again when it has. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/engine_impl.h"

void unit_context(const struct unit *u, struct skf_build_context *ctx)
{
    const struct skf_planned *p = u->planned;
    *ctx = (struct skf_build_context){ .services = &u->engine->services,
                                       .module = p->module,
                                       .artifact = p->artifact,
                                       .dir = p->dir,
                                       .platforms = &p->platforms,
                                       .dev = u->engine->opts.dev,
                                       .debug = u->engine->opts.debug,
                                       .anew = !u->engine->opts.cache_artifacts,
                                       .contents = u->engine->opts.contents };
}

bool unit_is_watched(const struct unit *u)
{
    const struct skf_strv *only = u->engine->opts.watch_images;
    bool all = !only || !only->n;
    for (size_t i = 0; !all && i < only->n; i++)
        all = strstr(u->planned->artifact->image, only->v[i]) != NULL;
    return all && u->engine->opts.dev;
}

void units_make(struct skf_engine *e, struct unit **units, size_t *n, const struct skf_plan *plan)
{
    struct unit *made = skf_xcalloc(plan->n_artifacts, sizeof *made);
    for (size_t i = 0; i < plan->n_artifacts; i++) {
        made[i].engine = e;
        made[i].planned = &plan->artifacts[i];
        made[i].dirty = true;
        cache_init(&made[i]);
        /* With the cache: when it turns out that they are not known from before. */
        made[i].ask_inputs = unit_is_watched(&made[i]) && !made[i].cache.on;
    }
    *units = made;
    *n = plan->n_artifacts;
}

static void retire_inputs(struct unit *u)
{
    skf_vec_push(&u->engine->retired, u->inputs);
    memset(&u->inputs, 0, sizeof u->inputs);
}

void units_drop_retired(struct skf_engine *e)
{
    if (e->inputs_in_use)
        return;
    for (size_t i = 0; i < e->retired.n; i++)
        skf_inputs_release(&e->retired.v[i]);
    skf_vec_release(&e->retired);
}

static void release_required(struct unit *u)
{
    for (size_t i = 0; i < u->n_required; i++)
        skf_image_unref(u->required_images[i]);
    free(u->required_images);
    free(u->required);
    u->n_required = 0;
}

void units_free(struct unit *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct unit *u = &units[i];
        free(u->tag_text);
        free(u->tag_sources);
        free(u->reference);
        release_required(u);
        free(u->deployed);
        skf_strv_release(&u->sync_changed);
        skf_strv_release(&u->sync_gone);
        free(u->digest);
        retire_inputs(u);
        cache_release(u);
        own_release(u);
        skf_strv_release(&u->past);
        skf_image_unref(u->image);
    }
    free(units);
}

/* Images that the plan no longer has must not be told as failed for ever. */
void units_forget_state(struct skf_engine *e)
{
    skf_autostrv struct skf_strv images = SKF_STRV_INIT;
    for (size_t i = 0; i < e->n_units; i++)
        skf_strv_add(&images, e->units[i].planned->artifact->image);
    skf_state_keep(&e->state, &images);
}

bool unit_idle(const struct unit *u)
{
    return !u->busy && !u->asking && cache_idle(u);
}

bool unit_is_overtaken(const struct unit *u)
{
    const struct skf_engine *e = u->engine;
    return e->phase != ENGINE_RUNNING || u->dirty || e->config_dirty ||
           (!e->opts.dev && e->outcome.code);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void on_inputs(struct skf_inputs_job *j, const struct skf_err *err)
{
    struct unit *u = j->data;
    u->asking = false;
    if (err) {
        if (err->code != SKF_ECANCELED && !u->has_inputs) {
            /* The build says what is wrong; meanwhile nothing is lost. */
            skf_log_debug("inputs of '%s': %s", u->planned->artifact->image, err->msg);
            skf_strv_add(&u->inputs.trees, u->planned->dir);
            u->ask_inputs = false;
            u->engine->watch_dirty = true;
        }
        skf_inputs_release(&j->inputs);
    } else {
        retire_inputs(u);
        u->inputs = j->inputs;
        memset(&j->inputs, 0, sizeof j->inputs);
        u->has_inputs = true;
        u->engine->watch_dirty = true;
    }
    cache_on_inputs(u, !err);
    engine_pump(u->engine);
}

void unit_ask_inputs(struct unit *u)
{
    u->ask_inputs = false;
    u->asking = true;
    memset(&u->job, 0, sizeof u->job);
    unit_context(u, &u->job.ctx);
    u->job.data = u;
    u->job.done = on_inputs;
    u->planned->builder->inputs(&u->job);
}

/* --- build ------------------------------------------------------------------------------------ */

struct unit *unit_find(struct skf_engine *e, const char *image)
{
    for (size_t i = 0; i < e->n_units; i++)
        if (strcmp(e->units[i].planned->artifact->image, image) == 0)
            return &e->units[i];
    return NULL;
}

static bool requires_unit(const struct unit *u, const struct unit *other)
{
    const struct skf_artifact_requires *r = u->planned->artifact->requires.v;
    for (size_t i = 0; i < u->planned->artifact->requires.n; i++)
        if (strcmp(r[i].image, other->planned->artifact->image) == 0)
            return true;
    return false;
}

/* Everything it requires is built and clean? */
bool unit_can_start(const struct unit *u)
{
    const struct skf_artifact_requires *r = u->planned->artifact->requires.v;
    for (size_t i = 0; i < u->planned->artifact->requires.n; i++) {
        const struct unit *other = unit_find(u->engine, r[i].image);
        if (other && (other->dirty || other->busy || !other->deployed))
            return false;
    }
    return true;
}

static void take_result(struct unit *u)
{
    struct skf_engine *e = u->engine;
    struct skf_build *b = &u->build;
    /* The same content under another tag ("-dirty" came or went) must not restart a pod. */
    bool same = u->digest && b->digest && strcmp(u->digest, b->digest) == 0;
    u->failed = false;
    if (!same) {
        prune_note(u, u->deployed);
        u->brought = b->bytes_sent > 0;
        skf_replace(&u->deployed, skf_take(&b->deployed));
        skf_replace(&u->digest, skf_take(&b->digest));
    }
    skf_image_unref(u->image);
    u->image = skf_take(&b->image);
    e->layer_us += b->phase_us[SKF_PHASE_LAYER];
    e->deliver_us += b->phase_us[SKF_PHASE_DELIVER];
    if (same)
        return;
    e->deploy_due = u->test_due = true;
    for (size_t i = 0; i < e->n_units; i++)
        if (requires_unit(&e->units[i], u))
            e->units[i].dirty = true;
}

static void on_build_done(struct skf_build *b, const struct skf_err *err)
{
    struct unit *u = b->data;
    struct skf_engine *e = u->engine;
    const char *image = u->planned->artifact->image;
    u->building = u->busy = false;
    own_build_ended(u);
    for (size_t i = 0; i < b->notes.n; i++)
        if (!skf_map_put(&e->noted, b->notes.v[i], e))
            engine_emit(e, SKF_EV_NOTE, image, b->notes.v[i]);
    if (!err) {
        take_result(u);
        cache_remember(u);
        engine_emit_number(e, SKF_EV_BUILD_DONE, image, u->deployed, b->bytes_sent);
    } else if (err->code == SKF_ECANCELED) {
        engine_emit(e, SKF_EV_BUILD_CANCELED, image, NULL);
        u->dirty = true;
    } else {
        u->failed = true;
        engine_emit_err(e, SKF_EV_BUILD_FAILED, image, err);
        engine_fail(e, b->phase == SKF_PHASE_DELIVER ? SKF_STAGE_DELIVER : SKF_STAGE_BUILD, err);
        for (size_t k = 0; !e->opts.dev && k < e->n_units; k++)
            if (e->units[k].busy)
                unit_cancel(&e->units[k]); /* nobody waits for them any more */
    }
    skf_build_release(b);
    engine_pump(e);
}

static void on_build_line(struct skf_build *b, const char *line)
{
    struct unit *u = b->data;
    engine_emit(u->engine, SKF_EV_BUILD_LINE, u->planned->artifact->image, line);
}

static void on_hooks_phase(struct skf_hooked *h, const char *phase, bool begins)
{
    struct unit *u = h->data;
    engine_emit(u->engine, begins ? SKF_EV_HOOKS_STARTED : SKF_EV_HOOKS_DONE,
                u->planned->artifact->image, phase);
}

static void on_hooks_line(struct skf_hooked *h, const char *line)
{
    struct unit *u = h->data;
    engine_emit(u->engine, SKF_EV_HOOKS_LINE, u->planned->artifact->image, line);
}

static void on_build_progress(struct skf_build *b, const char *line)
{
    struct unit *u = b->data;
    engine_emit(u->engine, SKF_EV_BUILD_PROGRESS, u->planned->artifact->image, line);
}

/* Kubernetes always pulls what is called "latest": an image that exists on the node only must not
 * be. */
static const char *safe_tag(const struct unit *u)
{
    bool on_node_only = skf_target_is_local(&u->planned->target);
    bool latest = strcmp(u->tag_text, "latest") == 0;
    return on_node_only && latest && !u->engine->opts.dry_run ? "dev" : u->tag_text;
}

/* alias -> reference of everything that the artifact requires; kept by the unit until the next
 * build. */
static const struct skf_pair *collect_required(struct unit *u, size_t *n)
{
    const struct skf_list *requires = &u->planned->artifact->requires;
    const struct skf_artifact_requires *r = requires->v;
    release_required(u);
    u->n_required = requires->n;
    u->required = skf_xcalloc(requires->n, sizeof *u->required);
    u->required_images = skf_xcalloc(requires->n, sizeof *u->required_images);
    *n = 0;
    for (size_t i = 0; i < requires->n; i++) {
        const struct unit *other = unit_find(u->engine, r[i].image);
        if (!other || !other->deployed)
            continue;
        u->required_images[*n] = other->image ? skf_image_ref(other->image) : NULL;
        u->required[(*n)++] = (struct skf_pair){ .key = r[i].alias ? r[i].alias : r[i].image,
                                                 .value = other->deployed };
    }
    return u->required;
}

/* The tag is chosen. */
static void begin(struct unit *u)
{
    struct skf_engine *e = u->engine;
    bool told = u->reference != NULL;
    skf_replace(&u->reference, skf_xasprintf("%s:%s", u->planned->name, safe_tag(u)));
    if (!told)
        engine_emit(e, SKF_EV_TAGGED, u->planned->artifact->image, u->reference);
    if (e->opts.dry_run) {
        skf_replace(&u->deployed, skf_xstrdup(u->reference));
        u->busy = false;
        engine_pump(e);
        return;
    }
    cache_begin(u);
}

void unit_found(struct unit *u, char *owned_deployed, const char *digest, enum skf_found how)
{
    struct skf_engine *e = u->engine;
    struct skf_build b = { .deployed = owned_deployed, .digest = skf_xstrdup(digest) };
    u->busy = false;
    u->build = b;
    take_result(u);
    engine_emit_number(e, SKF_EV_CACHE_HIT, u->planned->artifact->image, u->deployed, how);
    skf_build_release(&u->build);
    engine_pump(e);
}

void unit_build(struct unit *u)
{
    struct skf_engine *e = u->engine;
    struct skf_build *b = &u->build;
    memset(b, 0, sizeof *b);
    unit_context(u, &b->ctx);
    b->reference = u->reference;
    b->target = u->planned->target;
    b->expected_digest = u->digest;
    b->required = collect_required(u, &b->n_required);
    b->required_images = u->required_images;
    b->data = u;
    b->on_line = on_build_line;
    b->on_progress = on_build_progress;
    b->done = on_build_done;
    u->building = true;
    own_build_begins(u);
    u->build_began_wall_ms = skf_clock_wall_ms();
    if (u->cache.on && !u->has_inputs && !u->asking) /* to watch, and to remember the result */
        u->ask_inputs = true;
    engine_emit(e, SKF_EV_BUILD_STARTED, u->planned->artifact->image, NULL);
    u->hooked = (struct skf_hooked){ .builder = u->planned->builder,
                                     .env = hooks_env(e),
                                     .data = u,
                                     .on_phase = on_hooks_phase,
                                     .on_line = on_hooks_line };
    skf_hooked_start(&u->hooked, b);
}

static void on_tag(struct skf_tag *t)
{
    struct unit *u = t->data;
    struct skf_engine *e = u->engine;
    u->tagging = false;
    if (unit_is_overtaken(u)) { /* pump decides */
        skf_tag_release(t);
        u->busy = false;
        u->dirty = true;
        engine_pump(e);
        return;
    }
    if (t->warning &&
        !skf_map_put(&e->noted, t->warning,
                     e)) /* the digest decides what runs: a missing tag is no trouble */
        engine_emit(e, SKF_EV_NOTE, u->planned->artifact->image, t->warning);
    skf_replace(&u->tag_text, skf_take(&t->text));
    u->has_tag = true;
    skf_tag_release(t);
    begin(u);
}

/* In dev git is asked once: an edit makes the tree dirty, which needs no process to know. */
static bool known_tag(struct unit *u)
{
    const struct skf_tagger *tagger = &u->planned->module->tagger;
    if (u->engine->opts.tag) {
        skf_replace(&u->tag_text, skf_xstrdup(u->engine->opts.tag));
        return true;
    }
    if (!u->has_tag)
        return false;
    size_t len = strlen(u->tag_text);
    bool says_dirty = len > 6 && strcmp(u->tag_text + len - 6, "-dirty") == 0;
    bool plain = strcmp(u->tag_text, "latest") == 0;
    if (u->touched && tagger->policy == SKF_TAG_GIT_COMMIT && !tagger->git_ignore_changes &&
        !says_dirty && !plain)
        skf_replace(&u->tag_text, skf_xasprintf("%s-dirty", u->tag_text));
    return tagger->policy != SKF_TAG_DATE_TIME && !skf_tag_needs_inputs(tagger);
}

/* Puts `from` and everything that it requires behind the sources, each once. */
static void add_sources(const struct unit *from, struct skf_tag_source *sources, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (sources[i].ctx.artifact == from->planned->artifact)
            return;
    struct skf_tag_source *s = &sources[(*n)++];
    s->builder = from->planned->builder;
    unit_context(from, &s->ctx);
    const struct skf_artifact_requires *r = from->planned->artifact->requires.v;
    for (size_t i = 0; i < from->planned->artifact->requires.n; i++) {
        const struct unit *other = unit_find(from->engine, r[i].image);
        if (other)
            add_sources(other, sources, n);
    }
}

void unit_start(struct unit *u)
{
    u->dirty = false;
    u->failed = false;
    u->busy = true;
    if (known_tag(u)) {
        begin(u);
        return;
    }
    memset(&u->tag, 0, sizeof u->tag);
    u->tag.tagger = &u->planned->module->tagger;
    u->tag.image = u->planned->artifact->image;
    u->tag.dir = u->planned->dir;
    if (skf_tag_needs_inputs(u->tag.tagger)) {
        free(u->tag_sources);
        u->tag_sources = skf_xcalloc(u->engine->n_units, sizeof *u->tag_sources);
        add_sources(u, u->tag_sources, &u->tag.n_sources);
        u->tag.sources = u->tag_sources;
    }
    u->tag.data = u;
    u->tag.done = on_tag;
    u->tagging = true;
    skf_tag_start(u->engine->services.loop, &u->tag);
}

void unit_cancel(struct unit *u)
{
    cache_cancel(u);
    if (u->building)
        skf_hooked_cancel(&u->hooked);
    else if (u->tagging)
        skf_tag_cancel(&u->tag);
    if (u->asking && u->engine->phase != ENGINE_RUNNING)
        u->planned->builder->cancel_inputs(&u->job);
}

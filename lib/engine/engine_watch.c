/* Which paths matter and what a change of each means: a source file makes its artifact dirty, a
 * manifest asks for a new render, skaffold.yaml for a new plan. A plan that cannot be used leaves
 * the last good one in force. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/sources.h"
#include "lib/io/file.h"

/* Owners of watched paths that are no artifact. */
static char owner_config, owner_manifests;

/* A save older than this was not what woke us: clock games, restored files. */
enum { PLAUSIBLE_SAVE_MS = 10000 };

static int64_t save_time_ms(const char *path)
{
    struct stat st;
    int64_t now = skf_clock_wall_ms();
    if (stat(path, &st) < 0)
        return now;
    int64_t at = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
    return at <= now && now - at < PLAUSIBLE_SAVE_MS ? at : now;
}

/* May the list of inputs be another one now? */
static void touch_inputs(struct unit *u, const char *path)
{
    if (u->ask_inputs) /* thousands may change at once */
        return;
    u->ask_inputs = !u->has_inputs || skf_strv_has(&u->inputs.manifests, path);
    for (size_t i = 0; !u->ask_inputs && i + 1 < u->inputs.dirs.n; i += 2) {
        /* a new file, or one that has gone */
        skf_autofree char *dir = skf_path_dir(path);
        u->ask_inputs = strcmp(u->inputs.dirs.v[i], dir) == 0 &&
                        (!skf_file_exists(path) || !skf_strv_has(&u->inputs.files, path));
    }
}

/* All that changed for this artifact is synced, or it is built. */
static void take_for(struct unit *u, const struct skf_watch_change *changes, size_t n)
{
    bool synced = true;
    for (size_t i = 0; synced && i < n; i++)
        synced = changes[i].owner != u || sync_takes(u, changes[i].path, changes[i].gone);
    if (synced)
        return;
    u->dirty = u->touched = true;
    sync_drop(u);
}

static struct unit *owning_unit(struct skf_engine *e, void *owner)
{
    bool other = owner == &owner_config || owner == &owner_manifests || tests_own(e, owner);
    return other ? NULL : owner;
}

/* Stores what a change means; false when it is a build's own doing, and starts nothing. */
static bool take_changes(struct skf_engine *e, const struct skf_watch_change *changes, size_t n)
{
    bool acts = false;
    for (size_t i = 0; i < n; i++) {
        const struct skf_watch_change *c = &changes[i];
        skf_log_debug("changed: %s%s", c->path, c->gone ? " (gone)" : "");
        struct unit *u = owning_unit(e, c->owner);
        acts = acts || !u;
        if (c->owner == &owner_config)
            e->config_dirty = true;
        else if (c->owner == &owner_manifests)
            e->manifests_dirty = true;
        else if (u)
            own_note(u, c->path);
        else
            tests_touch(e, c->owner);
    }
    for (size_t i = 0; i < n; i++) {
        struct unit *u = owning_unit(e, changes[i].owner);
        if (!u)
            continue;
        touch_inputs(u, changes[i].path);
        if (!own_decide(u)) /* of all its changes, the first time it is asked */
            continue;
        acts = true;
        take_for(u, changes, n);
    }
    return acts;
}

/* A file that several images are built from comes once for each. */
static size_t count_files(const struct skf_watch_change *changes, size_t n)
{
    struct skf_map paths = SKF_MAP_INIT;
    size_t files = 0;
    for (size_t i = 0; i < n; i++)
        files += skf_map_put(&paths, changes[i].path, &paths) == NULL;
    skf_map_release(&paths);
    return files;
}

static void on_change(void *data, const struct skf_watch_change *changes, size_t n)
{
    struct skf_engine *e = data;
    int64_t saved = 0;
    if (e->phase != ENGINE_RUNNING)
        return;
    if (!take_changes(e, changes, n)) {
        engine_pump(e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t at = save_time_ms(changes[i].path);
        saved = at > saved ? at : saved;
    }
    e->deploy_failed = false;
    hooks_retry(e);
    tests_retry(e);
    engine_loop_begin(e, saved);
    skf_autofree char *shown = skf_path_show(changes[0].path);
    engine_emit_number(e, SKF_EV_CHANGED, shown, NULL, (long long)count_files(changes, n));
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].dirty && e->units[i].busy)
            unit_cancel(&e->units[i]);
    engine_pump(e);
}

/* Between the start of a build and the moment its inputs are watched a save could slip through: the
 * watch reports what was written since then. 0 = no such gap. */
static int64_t gap_began(struct skf_engine *e)
{
    int64_t began = 0;
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = &e->units[i];
        if (!u->has_inputs || u->caught_up)
            continue;
        u->caught_up = true;
        if (u->build_began_wall_ms && (!began || u->build_began_wall_ms < began))
            began = u->build_began_wall_ms;
    }
    return began;
}

void watch_inputs(struct skf_engine *e, const struct skf_inputs *in, void *owner)
{
    for (size_t i = 0; i < in->files.n; i++)
        skf_watch_add_file(e->watch, in->files.v[i], owner);
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2)
        skf_watch_add_dir(e->watch, in->dirs.v[i], in->dirs.v[i + 1], owner);
    for (size_t i = 0; i < in->trees.n; i++)
        skf_watch_add_tree_except(e->watch, in->trees.v[i], in->skips, in->skip_data, owner);
}

void watch_update(struct skf_engine *e)
{
    e->watch_dirty = false;
    if (!e->watch)
        return;
    struct skf_inputs config = { 0 }, manifests = { 0 };
    skf_sources_config(&e->plan.config, &config);
    skf_sources_manifests(&e->plan, &manifests);
    skf_watch_begin(e->watch);
    watch_inputs(e, &config, &owner_config);
    watch_inputs(e, &manifests, &owner_manifests);
    skf_inputs_release(&config);
    skf_inputs_release(&manifests);
    for (size_t i = 0; i < e->n_units; i++)
        if (unit_is_watched(&e->units[i]))
            watch_inputs(e, &e->units[i].inputs, &e->units[i]);

    tests_watch(e);

    int64_t began = gap_began(e);
    if (began)
        skf_watch_since(e->watch, began);
    struct skf_err err = SKF_ERR_INIT;
    if (skf_watch_commit(e->watch, &err) < 0)
        engine_emit(e, SKF_EV_WARNING, NULL, err.msg);
    units_drop_retired(e);
}

static void on_trouble(void *data, enum skf_watch_trouble what, const char *text)
{
    (void)what;
    engine_emit(data, SKF_EV_WARNING, NULL, text);
}

void watch_start(struct skf_engine *e)
{
    e->watch = skf_watch_new(e->services.loop, on_change, e);
    skf_watch_on_trouble(e->watch, on_trouble, e);
    if (e->opts.poll_ms)
        skf_watch_poll_below(e->watch, "/", e->opts.poll_ms);
    watch_update(e);
}

void watch_free(struct skf_engine *e)
{
    if (e->watch)
        skf_watch_free(e->watch);
    e->watch = NULL;
}

/* --- skaffold.yaml again ---------------------------------------------------------------------- */

int watch_load_config(struct skf_engine *e, struct skf_config *out, struct skf_err *err)
{
    struct skf_diagnostics diags = { 0 };
    int rc = skf_config_load(&e->opts.config, out, &diags);
    if (rc < 0)
        skf_err_set(err, (enum skf_code) - rc, "%s",
                    diags.n ? diags.v[0].message : "the configuration cannot be read");
    if (diags.n) {
        struct skf_event ev = { .kind = SKF_EV_CONFIG_FINDINGS, .diags = &diags };
        engine_emit_event(e, &ev);
    }
    skf_diagnostics_release(&diags);
    return rc;
}

/* What the old artifact built is still right for the new one. */
static void carry_over(struct unit *from, struct unit *to)
{
    to->dirty = from->dirty || sync_pending(from);
    to->failed = from->failed;
    to->touched = from->touched;
    to->test_due = from->test_due;
    to->has_tag = from->has_tag;
    to->has_inputs = from->has_inputs;
    to->caught_up = from->caught_up;
    to->ask_inputs = from->ask_inputs || !from->has_inputs;
    to->build_began_wall_ms = from->build_began_wall_ms;
    to->tag_text = skf_take(&from->tag_text);
    to->deployed = skf_take(&from->deployed);
    to->digest = skf_take(&from->digest);
    to->image = skf_take(&from->image);
    skf_strv_swap(&to->past, &from->past);
    to->brought = from->brought;
    to->inputs = from->inputs;
    memset(&from->inputs, 0, sizeof from->inputs);
}

/* Only when nothing runs that points into the old plan. */
void watch_reload(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_config config;
    struct skf_plan plan;
    e->config_dirty = false;
    int rc = watch_load_config(e, &config, &err);
    if (rc == 0 && (rc = skf_plan_make(&e->opts.plan, &config, &plan, &err)) < 0)
        skf_config_release(&config);
    e->config_broken = rc < 0;
    if (e->config_broken) {
        engine_emit_err(e, SKF_EV_CONFIG_BROKEN, NULL, &err);
        return;
    }

    struct unit *units;
    size_t n, again = 0;
    units_make(e, &units, &n, &plan);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < e->n_units; j++)
            if (strcmp(units[i].planned->fingerprint, e->units[j].planned->fingerprint) == 0 &&
                strcmp(units[i].planned->artifact->image, e->units[j].planned->artifact->image) ==
                    0)
                carry_over(&e->units[j], &units[i]);
        again += units[i].dirty;
    }
    units_free(e->units, e->n_units);
    skf_plan_release(&e->plan);
    e->units = units;
    e->n_units = n;
    e->plan = plan;
    units_forget_state(e);
    hooks_reset(e);
    tests_reset(e);
    e->manifests_dirty = true;
    e->watch_dirty = true;
    skf_autofree char *text = again ? skf_xasprintf("%zu of %zu images are built again", again, n)
                                    : skf_xstrdup("no image is affected");
    engine_emit(e, SKF_EV_CONFIG_RELOADED, NULL, text);
}

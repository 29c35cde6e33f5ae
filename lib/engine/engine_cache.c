/* Was it built before, here or by another skiff, of the same contents? Then it need not be built.
 *
 * happy path: tag chosen -> key -> [pool: results of this key, contents of their inputs] -> is the
 *             image still there -> unit_found. After a build: [pool: contents again] -> remembered.
 * failures:   of any kind are a miss: the build is done.
 * on cancel:  the unit is dirty again, and pump decides. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/doc/emit.h"
#include "lib/engine/engine_impl.h"

/* In dev a save changes something, as a rule: with more files than this looking costs more than it
 * may bring (an undo, a branch that comes back). */
enum { QUICK_FILES = 5000 };

extern char **environ;

void cache_init(struct unit *u)
{
    u->cache.on = u->engine->opts.cache_artifacts && !u->engine->opts.dry_run;
}

void cache_release(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    skf_digest_memo_free(c->memo);
    free(c->required);
    free(c->deployed);
    free(c->digest);
    free(c->store_required);
    memset(c, 0, sizeof *c);
}

bool cache_idle(const struct unit *u)
{
    return !u->cache.looking && !u->cache.checking && !u->cache.storing;
}

/* --- the key ---------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Templates may read any variable; what they read of git, the clock or the tag no key
 * can hold. */
static bool add_templates(const struct skf_artifact *a, struct skf_buf *out)
{
    static const char *const unknowable[] = { ".Git",   ".Date", ".Timestamp", "IMAGE_",
                                              "DIGEST", "now",   "exec" };
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (a->at)
        skf_emit_yaml(a->at, &text);
    if (!strstr(text.data, "{{"))
        return true;
    for (size_t i = 0; i < SKF_ARRAY_LEN(unknowable); i++)
        if (strstr(text.data, unknowable[i]))
            return false;
    size_t n = 0;
    while (environ[n])
        n++;
    char **sorted = skf_xcalloc(n + 1, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = environ[i];
    qsort(sorted, n, sizeof *sorted, ascending);
    for (size_t i = 0; i < n; i++)
        skf_buf_addf(out, "\n%s", sorted[i]);
    free(sorted);
    return true;
}

/* false: a build of it must not be left out. */
static bool make_key(struct unit *u)
{
    const struct skf_planned *p = u->planned;
    const struct skf_target *t = &p->target;
    struct skf_build_context ctx;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    char digest[SKF_DIGEST_TEXT];
    unit_context(u, &ctx);
    skf_buf_addf(&text, "%s\n%s\n%d\n%s\n%s\n%s", p->builder->name, p->fingerprint,
                 ctx.dev + 2 * ctx.debug + 4 * ctx.services->sbom,
                 t->containerd_socket ? t->containerd_socket : "", t->cluster ? t->cluster : "",
                 t->docker_host ? t->docker_host : "");
    if (!add_templates(p->artifact, &text) ||
        (p->builder->cache_key && !p->builder->cache_key(&ctx, &text)))
        return false;
    skf_digest_of(text.data, text.len, digest);
    memcpy(u->cache.key, skf_digest_hex(digest), SKF_SHA256_HEX);
    return true;
}

/* What it requires, by content: the same sources on another base are another image. */
static char *required_text(const struct unit *u)
{
    const struct skf_artifact_requires *r = u->planned->artifact->requires.v;
    struct skf_buf text = SKF_BUF_INIT;
    for (size_t i = 0; i < u->planned->artifact->requires.n; i++) {
        const struct unit *other = unit_find(u->engine, r[i].image);
        skf_buf_addf(&text, "%s=%s\n", r[i].alias ? r[i].alias : r[i].image,
                     other && other->digest ? other->digest : "");
    }
    return skf_buf_take(&text);
}

static bool stop_asked(void *work)
{
    return skf_work_cancelled(work);
}

static struct skf_artifact_question question(struct unit *u, const char *key, struct skf_work *w)
{
    return (struct skf_artifact_question){ .cache_dir = u->engine->services.cache_dir,
                                           .key = key,
                                           .dir = u->planned->dir,
                                           .stop = stop_asked,
                                           .data = w };
}

/* --- looking ---------------------------------------------------------------------------------- */

static void miss(struct unit *u)
{
    struct skf_engine *e = u->engine;
    skf_artifact_result_release(&u->cache.result);
    engine_emit(e, SKF_EV_CACHE_MISSED, u->planned->artifact->image, NULL);
    unit_build(u);
    engine_pump(e);
}

static void give_up(struct unit *u)
{
    skf_artifact_result_release(&u->cache.result);
    u->busy = false;
    u->dirty = true;
    engine_pump(u->engine);
}

static void on_checked(struct skf_artifact_check *check)
{
    struct unit *u = check->data;
    struct unit_cache *c = &u->cache;
    enum skf_found how = check->found;
    char *deployed = skf_take(&check->now_deployed);
    c->checking = false;
    skf_artifact_check_release(check);
    if (unit_is_overtaken(u) || !how) {
        free(deployed);
        if (unit_is_overtaken(u))
            give_up(u);
        else
            miss(u);
        return;
    }
    if (unit_is_watched(u) && !u->has_inputs) { /* the builder need not be asked */
        u->inputs = c->result.inputs;
        memset(&c->result.inputs, 0, sizeof c->result.inputs);
        u->has_inputs = true;
        u->engine->watch_dirty = true;
    }
    skf_autofree char *digest = skf_take(&c->result.digest);
    skf_artifact_result_release(&c->result);
    unit_found(u, deployed, digest, how);
}

static void check(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    c->checking = true;
    c->check = (struct skf_artifact_check){ .services = &u->engine->services,
                                            .target = u->planned->target,
                                            .reference = u->reference,
                                            .deployed = c->result.deployed,
                                            .digest = c->result.digest,
                                            .data = u,
                                            .done = on_checked };
    skf_artifact_check_start(&c->check);
}

static void begin_looking(struct unit *u);

static void on_looked(struct skf_work *w)
{
    struct unit_cache *c = SKF_CONTAINER_OF(w, struct unit_cache, work);
    struct unit *u = SKF_CONTAINER_OF(c, struct unit, cache);
    c->looking = false;
    u->engine->inputs_in_use--;
    if (w->err.code || unit_is_overtaken(u)) {
        give_up(u);
    } else if (c->answer == SKF_ARTIFACT_KNOWN) {
        check(u);
    } else if (c->answer == SKF_ARTIFACT_ASK && !(u->has_inputs && !u->ask_inputs && !u->asking)) {
        c->waits_for_inputs = true;
        u->ask_inputs = !u->asking;
        engine_pump(u->engine);
    } else if (c->answer == SKF_ARTIFACT_ASK) {
        begin_looking(u); /* they came meanwhile */
    } else {
        miss(u);
    }
}

static void look(struct skf_work *w)
{
    struct unit_cache *c = SKF_CONTAINER_OF(w, struct unit_cache, work);
    struct unit *u = SKF_CONTAINER_OF(c, struct unit, cache);
    struct skf_artifact_question q = question(u, c->key, w);
    bool known = c->known.files.n || c->known.dirs.n || c->known.trees.n;
    q.required = c->required;
    q.known = known ? &c->known : NULL;
    q.memo = c->memo;
    c->answer = skf_artifact_cache_find(&q, &c->result);
}

static void begin_looking(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    bool fresh_list = u->has_inputs && !u->ask_inputs && !u->asking;
    c->known = fresh_list ? u->inputs : (struct skf_inputs){ 0 };
    c->looking = true;
    u->engine->inputs_in_use++;
    skf_work_start(u->engine->services.loop, &c->work, look, on_looked);
}

void cache_begin(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    bool fresh = c->fresh;
    c->fresh = c->store_due = false;
    if (!c->on || !make_key(u)) {
        c->key[0] = '\0';
        u->ask_inputs = u->ask_inputs || (unit_is_watched(u) && !u->has_inputs && !u->asking);
        unit_build(u);
        return;
    }
    free(c->required);
    c->required = required_text(u);
    if (!c->memo)
        c->memo = skf_digest_memo_new();
    u->build_began_wall_ms = skf_clock_wall_ms();
    /* While a result is being remembered the memo is the pool's. */
    if (fresh || c->storing || (u->deployed && skf_digest_memo_count(c->memo) > QUICK_FILES))
        unit_build(u);
    else
        begin_looking(u);
}

void cache_cancel(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    if (c->looking)
        skf_work_cancel(&c->work);
    if (c->checking)
        skf_artifact_check_cancel(&c->check);
    if (c->storing)
        skf_work_cancel(&c->store);
    c->store_due = false;
    if (c->waits_for_inputs) {
        c->waits_for_inputs = u->busy = false;
        u->dirty = true;
    }
}

/* --- remembering ------------------------------------------------------------------------------ */

static void on_stored(struct skf_work *w)
{
    struct unit_cache *c = SKF_CONTAINER_OF(w, struct unit_cache, store);
    struct unit *u = SKF_CONTAINER_OF(c, struct unit, cache);
    c->storing = false;
    u->engine->inputs_in_use--;
    engine_pump(u->engine);
}

static void store(struct skf_work *w)
{
    struct unit_cache *c = SKF_CONTAINER_OF(w, struct unit_cache, store);
    struct unit *u = SKF_CONTAINER_OF(c, struct unit, cache);
    struct skf_artifact_question q = question(u, c->store_key, w);
    q.required = c->store_required;
    q.known = &c->known;
    q.memo = c->memo;
    skf_artifact_cache_put(&q, c->began_wall_ms, c->deployed, c->digest);
}

static void begin_storing(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    c->store_due = false;
    c->storing = true;
    c->known = u->inputs;
    u->engine->inputs_in_use++;
    skf_work_start(u->engine->services.loop, &c->store, store, on_stored);
}

void cache_remember(struct unit *u)
{
    struct unit_cache *c = &u->cache;
    if (!c->on || !c->key[0] || c->storing || u->dirty)
        return;
    memcpy(c->store_key, c->key, sizeof c->store_key);
    skf_replace(&c->deployed, skf_xstrdup(u->deployed));
    skf_replace(&c->digest, skf_xstrdup(u->digest));
    skf_replace(&c->store_required, skf_xstrdup(c->required));
    c->began_wall_ms = u->build_began_wall_ms;
    c->store_due = true;
    if (u->has_inputs && !u->ask_inputs && !u->asking)
        begin_storing(u);
    else if (!u->asking)
        u->ask_inputs = true;
}

void cache_on_inputs(struct unit *u, bool ok)
{
    struct unit_cache *c = &u->cache;
    if (c->waits_for_inputs) {
        c->waits_for_inputs = false;
        if (unit_is_overtaken(u))
            give_up(u);
        else if (ok)
            begin_looking(u);
        else
            miss(u);
    }
    if (c->store_due && ok && !u->dirty && !u->ask_inputs && u->engine->phase == ENGINE_RUNNING)
        begin_storing(u);
    else if (c->store_due && !u->ask_inputs)
        c->store_due = false;
}

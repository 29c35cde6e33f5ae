/* Whose cluster and whose objects: asked before anything is applied or removed.
 *
 * happy path: the UID of kube-system is the one of the start; each object is looked at once a
 *             session: absent (it will be ours, and gets our marks), ours of an earlier time, or
 *             somebody's (it is changed, and gets no marks).
 * failures:   another cluster, or an object that a running `skiff dev` of somebody else keeps up to
 *             date: nothing is applied. An object that is being deleted is waited for.
 * on cancel:  the requests end, then done with SKF_ECANCELED. */
#include <ctype.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/project.h"
#include "lib/kube/jget.h"
#include "lib/kube/owner.h"
#include "lib/kube/survey.h"

enum {
    LOOK_AGAIN_MS = 250,
    AWAY_PAUSES = 8, /* up to 2 s between two looks */
    KINDS_LIMIT_US = 30 * 1000 * 1000
};

/* What is known of one object. */
struct claimed {
    struct skf_owner marks; /* what it is applied with */
    bool inherited;         /* of a `dev` of ours that died: its end is ours now */
    bool present;           /* it is there */
    char *path;             /* in the API; NULL: its kind is not known there */
};

struct skf_claim {
    struct skf_engine *engine;
    char *project, *session;
    char *cluster; /* UID of kube-system at the start; NULL = could not be read */
    struct skf_kube_req identity;
    struct skf_map known; /* object's key: struct claimed * */
    struct skf_objects asked;
    struct skf_survey survey;
    struct skf_defer pause;
    bool identifying, surveying, pausing, cancelled, removing, awaiting;
    unsigned away; /* looks since the cluster cannot be reached */
    int64_t waits_since_us;
    char *told_leaving;
    void (*done)(struct skf_engine *e, const struct skf_err *err);
};

void claim_init(struct skf_engine *e)
{
    e->claim = skf_xcalloc(1, sizeof *e->claim);
    e->claim->engine = e;
    e->claim->session = skf_owner_session(e->opts.dev ? "dev" : "run");
    skf_kube_req_init(&e->claim->identity);
}

static void drop_claimed(void *value)
{
    struct claimed *c = value;
    skf_owner_release(&c->marks);
    free(c->path);
    free(c);
}

void claim_free(struct skf_engine *e)
{
    struct skf_claim *c = e->claim;
    skf_map_release_with(&c->known, drop_claimed);
    skf_objects_release(&c->asked);
    skf_kube_req_release(&c->identity);
    free(c->project);
    free(c->session);
    free(c->cluster);
    free(c->told_leaving);
    free(c);
    e->claim = NULL;
}

static void finish(struct skf_claim *c, const struct skf_err *err)
{
    struct skf_err cancelled = SKF_ERR_INIT;
    if (c->cancelled) {
        skf_err_set(&cancelled, SKF_ECANCELED, "cancelled");
        err = &cancelled;
    }
    c->cancelled = false;
    c->done(c->engine, err);
}

/* --- the cluster ------------------------------------------------------------------------------ */

static void ask_identity(struct skf_claim *c);

static void on_identity_pause(struct skf_defer *d)
{
    struct skf_claim *c = SKF_CONTAINER_OF(d, struct skf_claim, pause);
    c->pausing = false;
    ask_identity(c);
}

/* An API server that restarts, a laptop that has just woken up: dev waits, and applies the newest
 * state when it is back. */
static bool wait_for_cluster(struct skf_claim *c, const struct skf_kube_req *r,
                             const struct skf_err *err)
{
    struct skf_engine *e = c->engine;
    bool away = err && (r->status == 0 || r->status >= 500) && err->code != SKF_EDENIED;
    if (!away) {
        if (c->away)
            engine_emit(e, SKF_EV_NOTE, NULL, "the cluster can be reached again");
        c->away = 0;
        return false;
    }
    if (!e->opts.dev || e->phase != ENGINE_RUNNING || c->cancelled)
        return false;
    if (!c->away) {
        skf_autofree char *text = skf_xasprintf(
            "the cluster cannot be reached: what has changed is applied when it can (%s)",
            err->msg);
        engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
    c->away += c->away < AWAY_PAUSES;
    c->pausing = true;
    skf_defer_start(e->services.loop, &c->pause, LOOK_AGAIN_MS * c->away, on_identity_pause);
    return true;
}

static void on_identity(struct skf_kube_req *r, const struct skf_err *failure)
{
    struct skf_claim *c = r->data;
    const char *uid = failure ? NULL : skf_jstr(r->json, "metadata.uid");
    struct skf_err err = SKF_ERR_INIT;
    c->identifying = false;
    if (wait_for_cluster(c, r, failure))
        return;
    if (uid && !c->cluster)
        c->cluster = skf_xstrdup(uid);
    else if (uid && strcmp(uid, c->cluster) != 0)
        skf_err_set(&err, SKF_EDENIED,
                    "context '%s' (%s) now leads to another cluster: it has another kube-system; "
                    "nothing is applied or removed; start skiff again if that is meant",
                    c->engine->opts.kube->name, c->engine->opts.kube->server);
    finish(c, err.code ? &err : NULL);
}

static void ask_identity(struct skf_claim *c)
{
    c->identifying = true;
    c->identity.data = c;
    c->identity.limit_ms = 5000;
    skf_kube_get(c->engine->api, &c->identity, skf_kube_path("Namespace", NULL, "kube-system"),
                 on_identity);
}

void claim_identity(struct skf_engine *e,
                    void (*done)(struct skf_engine *e, const struct skf_err *))
{
    e->claim->done = done;
    ask_identity(e->claim);
}

/* --- the objects ------------------------------------------------------------------------------ */

/* "deployment/web", with the namespace before it where that is not the usual one. Owned. */
static char *shown(const struct skf_engine *e, const struct skf_object *o)
{
    bool elsewhere = o->namespace_ && strcmp(o->namespace_, engine_namespace(e)) != 0;
    char *name = skf_xasprintf("%s%s%s/%s", elsewhere ? o->namespace_ : "", elsewhere ? ":" : "",
                               o->kind, o->name);
    for (char *p = name; *p != '/'; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void warn_once(struct skf_engine *e, const char *text)
{
    if (!skf_map_put(&e->warned, text, e))
        engine_emit(e, SKF_EV_WARNING, NULL, text);
}

/* An object that is there already: may it be changed, and as whose? */
static int judge_present(struct skf_claim *c, const struct skf_object *o,
                         const struct skf_owner *found, struct claimed *out, struct skf_err *err)
{
    struct skf_engine *e = c->engine;
    skf_autofree char *name = shown(e, o);
    skf_autofree char *who = found->session ? skf_owner_session_words(found->session) : NULL;
    enum skf_session_state state =
        found->session ? skf_owner_session_state(found->session) : SKF_SESSION_DEAD;
    bool mine = same(found->project, c->project);
    if (state == SKF_SESSION_ALIVE)
        return skf_err_set(err, SKF_EDENIED,
                           "%s is kept up to date by %s, which still runs (project %s): nothing is "
                           "applied, so that the two do not undo each other's work; stop that one, "
                           "or use another namespace (--namespace)",
                           name, who, found->project ? found->project : "unknown");
    out->marks.project = skf_xstrdup_null(found->project);
    out->marks.session = skf_xstrdup_null(found->session);
    if (mine && state == SKF_SESSION_DEAD && e->opts.dev && found->session &&
        strncmp(found->session, "dev:", 4) == 0) {
        skf_replace(&out->marks.session, skf_xstrdup(c->session));
        out->inherited = true;
    } else if (state == SKF_SESSION_FOREIGN) {
        skf_autofree char *text =
            skf_xasprintf("%s was created by %s; if that still runs, the two will undo each "
                          "other's work: use another namespace (--namespace)",
                          name, who);
        warn_once(e, text);
    } else if (found->project && !mine) {
        skf_autofree char *text =
            skf_xasprintf("%s belongs to another project (%s): it is changed, and stays "
                          "theirs when skiff removes what is its own",
                          name, found->project);
        warn_once(e, text);
    }
    return 0;
}

static int judge(struct skf_claim *c, struct skf_err *err)
{
    for (size_t i = 0; i < c->asked.n; i++) {
        const struct skf_object *o = &c->asked.v[i];
        const struct skf_survey_item *item = &c->survey.items[i];
        struct claimed *made = skf_xcalloc(1, sizeof *made);
        int rc = 0;
        made->path = skf_xstrdup_null(item->path);
        made->present = item->state == SKF_SURVEY_PRESENT;
        if (item->state == SKF_SURVEY_PRESENT) {
            rc = judge_present(c, o, &item->owner, made, err);
        } else if (item->state == SKF_SURVEY_ABSENT) {
            made->marks.project = skf_xstrdup(c->project);
            made->marks.session = skf_xstrdup(c->session);
        }
        if (rc < 0) {
            drop_claimed(made);
            return rc;
        }
        skf_autofree char *key = skf_object_key(o, engine_namespace(c->engine));
        struct claimed *old = skf_map_put(&c->known, key, made);
        if (old)
            drop_claimed(old);
    }
    return 0;
}

static void look(struct skf_claim *c);

static void on_pause(struct skf_defer *d)
{
    struct skf_claim *c = SKF_CONTAINER_OF(d, struct skf_claim, pause);
    c->pausing = false;
    look(c);
}

static void on_pause_closed(struct skf_defer *d)
{
    struct skf_claim *c = SKF_CONTAINER_OF(d, struct skf_claim, pause);
    c->pausing = false;
    skf_objects_release(&c->asked);
    finish(c, NULL);
}

static void pause_and_look(struct skf_claim *c)
{
    c->pausing = true;
    skf_defer_start(c->engine->services.loop, &c->pause, LOOK_AGAIN_MS, on_pause);
}

/* Objects that are on their way out would take what is applied with them. *err: not any longer. */
static bool wait_for_leaving(struct skf_claim *c, struct skf_err *err)
{
    skf_autobuf struct skf_buf names = SKF_BUF_INIT;
    for (size_t i = 0; i < c->asked.n; i++) {
        if (!c->survey.items[i].leaving)
            continue;
        skf_autofree char *name = shown(c->engine, &c->asked.v[i]);
        skf_buf_addf(&names, "%s%s", names.len ? ", " : "", name);
    }
    int64_t now_us = skf_clock_us();
    unsigned limit_ms = c->engine->opts.wait_deletions_ms;
    if (!names.len || !limit_ms)
        return false;
    if (!c->waits_since_us)
        c->waits_since_us = now_us;
    if (now_us - c->waits_since_us > (int64_t)limit_ms * 1000) {
        skf_err_set(err, SKF_ETIMEDOUT,
                    "still being deleted after %u s: %s; a finalizer may hold it back, see "
                    "'kubectl get -o yaml'",
                    limit_ms / 1000, names.data);
        return false;
    }
    if (!same(c->told_leaving, names.data)) {
        skf_replace(&c->told_leaving, skf_xstrdup(names.data));
        skf_autofree char *text = skf_xasprintf("waiting until it is deleted: %s", names.data);
        engine_emit(c->engine, SKF_EV_DEPLOY_LINE, NULL, text);
    }
    pause_and_look(c);
    return true;
}

/* A new kind is served a moment after its definition was made. */
static bool wait_for_kinds(struct skf_claim *c, struct skf_err *err)
{
    size_t i = 0;
    while (i < c->asked.n && c->survey.items[i].path)
        i++;
    if (i == c->asked.n)
        return false;
    if (skf_clock_us() - c->waits_since_us > KINDS_LIMIT_US) {
        skf_err_set(err, SKF_ETIMEDOUT,
                    "the cluster does not know the kind '%s' in '%s' %d s after its definition was "
                    "applied",
                    c->asked.v[i].kind, c->asked.v[i].api_version, KINDS_LIMIT_US / 1000000);
        return false;
    }
    pause_and_look(c);
    return true;
}

static void on_survey(struct skf_survey *s, const struct skf_err *failure)
{
    struct skf_claim *c = s->data;
    struct skf_err err = SKF_ERR_INIT;
    c->surveying = false;
    if (failure)
        err = *failure;
    bool asks = !failure && !c->cancelled && !c->removing;
    bool waits = asks && (c->awaiting ? wait_for_kinds(c, &err) : wait_for_leaving(c, &err));
    if (!waits && !err.code && !c->removing)
        judge(c, &err);
    if (waits) {
        skf_survey_release(s);
        return;
    }
    if (!c->removing || err.code) {
        skf_survey_release(s);
        skf_objects_release(&c->asked);
    }
    if (err.code && err.code != SKF_EDENIED && err.code != SKF_ETIMEDOUT)
        skf_err_wrap(&err, "looking at what is in the cluster");
    finish(c, err.code ? &err : NULL);
}

static void look(struct skf_claim *c)
{
    c->surveying = true;
    c->survey.data = c;
    skf_survey_start(c->engine->api, &c->survey, &c->asked, engine_namespace(c->engine), on_survey);
}

bool claim_objects(struct skf_engine *e, void (*done)(struct skf_engine *e, const struct skf_err *))
{
    struct skf_claim *c = e->claim;
    const struct skf_objects *all = &e->rendered.objects;
    if (!e->api)
        return false;
    if (!c->project)
        c->project = skf_project_id(&e->plan.config);
    for (size_t i = 0; i < all->n; i++) {
        skf_autofree char *key = skf_object_key(&all->v[i], engine_namespace(e));
        const struct skf_objects one = { .v = &all->v[i], .n = 1 };
        if (!skf_map_has(&c->known, key))
            skf_objects_copy(&one, &c->asked);
    }
    if (!c->asked.n)
        return false;
    c->done = done;
    c->removing = c->awaiting = false;
    c->waits_since_us = 0;
    skf_replace(&c->told_leaving, NULL);
    look(c);
    return true;
}

bool claim_new_kinds(struct skf_engine *e,
                     void (*done)(struct skf_engine *e, const struct skf_err *))
{
    struct skf_claim *c = e->claim;
    if (!e->later.n)
        return false;
    skf_objects_copy(&e->later, &c->asked);
    c->done = done;
    c->removing = false;
    c->awaiting = true;
    c->waits_since_us = skf_clock_us();
    look(c);
    return true;
}

int claim_mark(struct skf_engine *e, struct skf_err *err)
{
    for (size_t i = 0; i < e->rendered.objects.n; i++) {
        struct skf_object *o = &e->rendered.objects.v[i];
        skf_autofree char *key = skf_object_key(o, engine_namespace(e));
        const struct claimed *c = skf_map_get(&e->claim->known, key);
        if (c && skf_owner_mark(o, &c->marks, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

bool claim_inherited(const struct skf_engine *e, const struct skf_object *o)
{
    skf_autofree char *key = skf_object_key(o, engine_namespace(e));
    const struct claimed *c = skf_map_get(&e->claim->known, key);
    return c && c->inherited;
}

void claim_place(const struct skf_engine *e, const struct skf_object *o, const char **path,
                 bool *present)
{
    skf_autofree char *key = skf_object_key(o, engine_namespace(e));
    const struct claimed *c = skf_map_get(&e->claim->known, key);
    *path = c ? c->path : NULL;
    *present = c && c->present;
}

void claim_present(struct skf_engine *e, const struct skf_objects *applied)
{
    for (size_t i = 0; i < applied->n; i++) {
        skf_autofree char *key = skf_object_key(&applied->v[i], engine_namespace(e));
        struct claimed *c = skf_map_get(&e->claim->known, key);
        if (c)
            c->present = true;
    }
}

void claim_forget(struct skf_engine *e, const struct skf_objects *gone)
{
    for (size_t i = 0; i < gone->n; i++) {
        skf_autofree char *key = skf_object_key(&gone->v[i], engine_namespace(e));
        struct claimed *c = skf_map_del(&e->claim->known, key);
        if (c)
            drop_claimed(c);
    }
}

/* --- before objects are removed --------------------------------------------------------------- */

bool claim_created(struct skf_engine *e, void (*done)(struct skf_engine *e, const struct skf_err *))
{
    struct skf_claim *c = e->claim;
    if (!e->api || !e->created.n)
        return false;
    c->done = done;
    c->removing = true;
    c->awaiting = false;
    skf_objects_copy(&e->created, &c->asked);
    look(c);
    return true;
}

void claim_keep_ours(struct skf_engine *e)
{
    struct skf_claim *c = e->claim;
    struct skf_objects ours = { 0 };
    for (size_t i = 0; i < c->asked.n; i++) {
        struct skf_object *o = &c->asked.v[i];
        const struct skf_survey_item *item = &c->survey.items[i];
        const struct skf_objects one = { .v = o, .n = 1 };
        if (item->state == SKF_SURVEY_ABSENT)
            continue;
        if (item->state == SKF_SURVEY_PRESENT && same(item->owner.session, c->session)) {
            skf_objects_copy(&one, &ours);
            continue;
        }
        skf_autofree char *name = shown(e, o);
        skf_autofree char *text = skf_xasprintf(
            item->state == SKF_SURVEY_PRESENT
                ? "%s has been replaced since: it is not this session's any more, and stays"
                : "%s cannot be looked at: it stays",
            name);
        engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
    skf_objects_release(&e->created);
    e->created = ours;
    skf_survey_release(&c->survey);
    skf_objects_release(&c->asked);
}

/* --- the end ---------------------------------------------------------------------------------- */

void claim_cancel(struct skf_engine *e)
{
    struct skf_claim *c = e->claim;
    if (c->cancelled)
        return;
    c->cancelled = c->identifying || c->surveying || c->pausing;
    if (c->identifying)
        skf_kube_req_cancel(&c->identity);
    else if (c->surveying)
        skf_survey_cancel(&c->survey);
    else if (c->pausing)
        skf_defer_cancel(&c->pause, on_pause_closed);
}

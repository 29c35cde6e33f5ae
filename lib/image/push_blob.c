/* The blobs of a push, several lanes at a time. A lane takes the next blob until none is left:
 * known from before, or HEAD, or mounted, or [fetched, then] uploaded (push_upload.c). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/image/memo.h"
#include "lib/image/push_internal.h"

enum { DEFAULT_PARALLEL = 4, MAX_PARALLEL = 16 };

static void lane_next(struct lane *l);

/* --- what is known ---------------------------------------------------------------------------- */

static char *known_key(const struct push *u, const char *digest)
{
    return skf_xasprintf("%s@%s", u->full_name, digest);
}

static bool is_known(const struct push *u, const char *digest)
{
    skf_autofree char *key = known_key(u, digest);
    return skf_map_has(&u->p->registry->known, key);
}

static void set_known(struct push *u, const char *digest)
{
    static char yes;
    skf_autofree char *key = known_key(u, digest);
    skf_map_put(&u->p->registry->known, key, &yes);
}

/* --- where layers of bases are in this registry ----------------------------------------------- */

static char *home_key(const struct push *u, const char *digest)
{
    return skf_xasprintf("%s@%s", u->ref.domain, digest);
}

static void set_home(struct push *u, const char *digest, const char *path)
{
    skf_autofree char *key = home_key(u, digest);
    free(skf_map_put(&u->p->registry->homes, key, skf_xstrdup(path)));
}

/* What earlier processes know, once a registry. */
static void load_homes(struct push *u)
{
    static char yes;
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    if (skf_map_put(&u->p->registry->homes_loaded, u->ref.domain, &yes))
        return;
    skf_memo_load("homes", u->ref.domain, &lines);
    for (size_t i = 0; i < lines.n; i++) {
        char *space = strchr(lines.v[i], ' ');
        if (!space)
            continue;
        *space = '\0';
        set_home(u, lines.v[i], space + 1);
    }
}

/* A layer that came from another registry is here now: the next repository mounts it. */
static void note_home(struct push *u, const struct skf_blob *b)
{
    skf_autofree char *key = home_key(u, b->digest);
    if (!b->remote_repository || skf_map_has(&u->p->registry->homes, key))
        return;
    set_home(u, b->digest, u->ref.path);
    skf_strv_addf(&u->new_homes, "%s %s", b->digest, u->ref.path);
}

void skf_push_forget(struct push *u)
{
    size_t len = strlen(u->full_name);
    struct skf_map *known = &u->p->registry->known;
    for (struct skf_map_iter it = skf_map_first(known); it.key; skf_map_next(&it))
        if (strncmp(it.key, u->full_name, len) == 0 && it.key[len] == '@')
            skf_map_del(known, it.key);
}

static void fail(struct push *u, const struct skf_err *err)
{
    if (!u->err.code)
        u->err = *err;
    skf_push_blobs_cancel(u);
}

/* --- progress --------------------------------------------------------------------------------- */

void skf_lane_report(struct lane *l, int64_t done)
{
    struct push *u = l->u;
    u->sent += done - l->counted;
    l->counted = done;
    if (u->p->on_progress && !u->err.code)
        u->p->on_progress(u->p, u->sent, u->total);
}

/* --- one blob --------------------------------------------------------------------------------- */

static void on_answer(struct skf_call *c, const struct skf_err *err);

void skf_lane_request(struct lane *l, enum transfer_state state, const char *method)
{
    struct push *u = l->u;
    if (!l->call_ready)
        skf_call_init(&l->call, u->p->registry, &u->ref, false);
    l->call_ready = true;
    skf_call_again(&l->call, method);
    l->call.push = true;
    l->call.data = l;
    l->state = state;
}

void skf_lane_start(struct lane *l)
{
    l->call_active = true;
    skf_call_start(&l->call, on_answer);
}

void skf_lane_end(struct lane *l)
{
    struct push *u = l->u;
    skf_blob_unref(l->local);
    l->local = NULL;
    l->blob = NULL;
    if (u->err.code) {
        if (--u->busy == 0)
            skf_push_next(u);
        return;
    }
    lane_next(l);
}

void skf_lane_there(struct lane *l)
{
    set_known(l->u, l->blob->digest);
    note_home(l->u, l->blob);
    skf_lane_report(l, l->blob->size);
    skf_lane_end(l);
}

void skf_lane_fail(struct lane *l, const struct skf_err *err)
{
    fail(l->u, err);
    skf_lane_end(l);
}

/* "docker.io/library/alpine" -> "library/alpine" when it is in the registry that we push to; else
 * the repository there that got the layer from us before. */
static const char *mountable(const struct lane *l)
{
    const struct push *u = l->u;
    const char *from = l->blob->remote_repository;
    if (!from)
        return NULL;
    size_t len = strlen(u->ref.domain);
    skf_autofree char *key = home_key(u, l->blob->digest);
    bool here = strncmp(from, u->ref.domain, len) == 0 && from[len] == '/';
    const char *path = here ? from + len + 1 : skf_map_get(&u->p->registry->homes, key);
    return path && strcmp(path, u->ref.path) != 0 ? path : NULL;
}

static void on_fetched(struct skf_fetch *f, const struct skf_err *err)
{
    struct lane *l = f->data;
    l->fetching = false;
    l->u->p->requests += f->requests;
    if (err) {
        skf_lane_fail(l, err);
        return;
    }
    l->local = f->local;
    if (l->u->err.code)
        skf_lane_end(l);
    else
        skf_upload_open(l);
}

static void send_content(struct lane *l)
{
    if (skf_blob_is_local(l->blob) || l->local) {
        skf_upload_open(l);
        return;
    }
    l->fetch.registry = l->u->p->registry;
    l->fetch.blob = l->blob;
    l->fetch.data = l;
    l->fetch.done = on_fetched;
    l->fetching = true;
    skf_fetch_start(&l->fetch);
}

void skf_lane_refused(struct lane *l)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *doing = skf_xasprintf("pushing '%s'", l->u->full_name);
    skf_call_fail(&l->call, doing, &err);
    skf_lane_fail(l, &err);
}

void skf_lane_ask(struct lane *l)
{
    skf_lane_request(l, HEAD, "HEAD");
    l->call.path = skf_xasprintf("blobs/%s", l->blob->digest);
    skf_lane_start(l);
}

static void on_head(struct lane *l, int status)
{
    const char *from = mountable(l);
    if (status == 200) {
        l->u->p->blobs_present++;
        skf_lane_there(l);
    } else if (status != 404 && status != 403) {
        skf_lane_refused(l);
    } else if (from) {
        skf_lane_request(l, MOUNT, "POST");
        l->call.path = skf_xasprintf("blobs/uploads/?mount=%s&from=%s", l->blob->digest, from);
        l->call.mount_from = from;
        skf_lane_start(l);
    } else {
        send_content(l);
    }
}

/* 202 is an open upload, but content that is elsewhere has to be fetched first and the session
 * would wait: a new one costs one request. */
static void on_mount(struct lane *l, int status)
{
    if (status == 201) {
        l->u->p->blobs_present++;
        skf_lane_there(l);
    } else if (status == 202 && (skf_blob_is_local(l->blob) || l->local)) {
        skf_upload_opened(l);
    } else {
        send_content(l);
    }
}

static void on_answer(struct skf_call *c, const struct skf_err *err)
{
    struct lane *l = c->data;
    int status = c->http.status;
    l->call_active = false;
    if (l->u->err.code) {
        skf_lane_end(l);
        return;
    }
    if (l->state >= UPLOAD) {
        skf_upload_answer(l, err);
        return;
    }
    if (err && !(l->state == MOUNT && err->code == SKF_EDENIED)) {
        skf_lane_fail(l, err);
        return;
    }
    if (l->state == HEAD)
        on_head(l, status);
    else if (l->state == MOUNT)
        on_mount(l, err ? 403 : status);
    else if (status == 202)
        skf_upload_opened(l);
    else
        skf_lane_refused(l);
}

static void lane_next(struct lane *l)
{
    struct push *u = l->u;
    while (u->next_blob < u->blobs.n) {
        struct skf_blob *b = u->blobs.v[u->next_blob++];
        l->counted = 0;
        l->tries = 0;
        if (is_known(u, b->digest)) {
            skf_lane_report(l, b->size);
            continue;
        }
        l->blob = b;
        skf_lane_ask(l);
        return;
    }
    if (--u->busy == 0)
        skf_push_next(u);
}

static void on_lane_dropped(struct skf_defer *d)
{
    skf_lane_end(SKF_CONTAINER_OF(d, struct lane, defer));
}

void skf_push_blobs_cancel(struct push *u)
{
    for (unsigned i = 0; i < u->n_lanes; i++) {
        struct lane *l = &u->lanes[i];
        if (l->call_active)
            skf_call_cancel(&l->call);
        else if (l->fetching)
            skf_fetch_cancel(&l->fetch);
        else if (l->defer.open)
            skf_defer_cancel(&l->defer, on_lane_dropped);
    }
}

void skf_push_blobs(struct push *u)
{
    unsigned want = u->p->parallel ? u->p->parallel : DEFAULT_PARALLEL;
    if (want > MAX_PARALLEL)
        want = MAX_PARALLEL;
    u->next_blob = 0;
    load_homes(u);
    if (!u->lanes) {
        u->lanes = skf_xcalloc(want, sizeof *u->lanes);
        u->n_lanes = want;
        for (unsigned i = 0; i < want; i++)
            u->lanes[i].u = u;
    }
    u->busy = u->n_lanes + 1; /* one for this function: the last lane may end before the loop */
    for (unsigned i = 0; i < u->n_lanes; i++)
        lane_next(&u->lanes[i]);
    if (--u->busy == 0)
        skf_push_next(u);
}

#include "lib/io/watch_private.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

int64_t skf_wsettle_now(void)
{
    return skf_clock_ms();
}

void skf_wsettle_note(struct skf_watch *w, enum skf_watch_trouble what, char *owned_text)
{
    skf_log_debug("watch: %s", owned_text);
    skf_vec_push(&w->notes, (struct note){ what, owned_text });
    skf_wsettle_arm_timer(w);
}

static void mark(struct skf_watch *w, struct wnode *n, unsigned how, int depth)
{
    int64_t now = skf_wsettle_now();
    for (size_t i = 0; n->links && i < n->links->from.n && depth < MAX_LINKS; i++) {
        struct wnode *l = n->links->from.v[i];
        if (l->kind != KIND_DIR)
            mark(w, l, how, depth + 1);
    }
    if (!n->tracked)
        return;
    if (!n->dirty) {
        skf_vec_push(&w->dirty, (struct dirty){ .node = n, .first = now });
        n->dirty = (uint32_t)w->dirty.n;
    }
    struct dirty *d = &w->dirty.v[n->dirty - 1];
    d->last = now;
    if (how & D_OPEN)
        d->how |= D_OPEN;
    else if (how & D_WROTE)
        d->how &= ~(unsigned)D_OPEN;
    d->how |= how & (D_WROTE | D_ATTR);
    if (how & D_OPEN)
        return; /* waits for itself only; others need not wait for a log that is written to */
    if (!w->group_first)
        w->group_first = now;
    w->group_last = now;
}

void skf_wsettle_mark(struct skf_watch *w, struct wnode *n, unsigned how)
{
    mark(w, n, how, 0);
}

void skf_wsettle_unmark(struct skf_watch *w, struct wnode *n)
{
    if (!n->dirty)
        return;
    size_t i = n->dirty - 1;
    n->dirty = 0;
    w->dirty.v[i] = w->dirty.v[--w->dirty.n];
    if (i < w->dirty.n)
        w->dirty.v[i].node->dirty = (uint32_t)i + 1;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t group_due(const struct skf_watch *w)
{
    int64_t quiet = QUIET_MIN_MS + 2 * (int64_t)(w->dirty.n > 1 ? w->dirty.n - 1 : 0);
    return min64(w->group_last + min64(quiet, QUIET_MAX_MS), w->group_first + CEILING_MS);
}

static int64_t due(const struct skf_watch *w, const struct dirty *d)
{
    int64_t at =
        d->how & D_OPEN ? min64(d->last + OPEN_QUIET_MS, d->first + CEILING_MS) : group_due(w);
    return at > d->wait ? at : d->wait;
}

static void on_timer(uv_timer_t *t)
{
    struct skf_watch *w = t->data;
    skf_wsettle_run(w);
}

void skf_wsettle_arm_timer(struct skf_watch *w)
{
    if (w->closing)
        return;
    int64_t at = INT64_MAX;
    if (w->rescan || w->notes.n || w->refused || w->unreadable.n)
        at = 0;
    for (size_t i = 0; i < w->dirty.n; i++)
        if (!w->dirty.v[i].node->hashing)
            at = min64(at, due(w, &w->dirty.v[i]));
    if (at == INT64_MAX) {
        uv_timer_stop(&w->timer);
        return;
    }
    int64_t now = skf_wsettle_now();
    uv_update_time(w->loop);
    uv_timer_start(&w->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* Notes first: they explain what follows. */
static void tell_notes(struct skf_watch *w)
{
    while (w->notes.n) {
        struct note n = w->notes.v[0];
        skf_vec_remove(&w->notes, 0);
        if (w->on_trouble && !w->closing)
            w->on_trouble(w->trouble_data, n.what, n.text);
        free(n.text);
    }
}

/* To be dropped when it turns out that nobody wants it. */
static void doom(struct skf_watch *w, struct wnode *n)
{
    for (; n->parent && !n->doomed && n->kind != KIND_FILE && n->kind != KIND_DIR; n = n->parent) {
        n->doomed = true;
        skf_vec_push(&w->doomed, n);
    }
}

static void sweep(struct skf_watch *w)
{
    /* Entries were doomed before their directory: one pass does, mostly. */
    for (bool again = true; again;) {
        again = false;
        size_t kept = 0;
        for (size_t i = 0; i < w->doomed.n; i++) {
            struct wnode *n = w->doomed.v[i];
            bool back = n->kind == KIND_FILE || n->kind == KIND_DIR || n->interests || n->link;
            if (!back && skf_wnode_wanted(n)) {
                w->doomed.v[kept++] = n;
                continue;
            }
            n->doomed = false;
            if (!back)
                skf_wnode_drop(w, n);
            again = again || !back;
        }
        w->doomed.n = kept;
    }
}

static int by_path(const void *a, const void *b)
{
    const struct skf_watch_change *x = a, *y = b;
    return strcmp(x->path, y->path);
}

void skf_wsettle_report(struct skf_watch *w, change_vec *changes)
{
    SKF_VEC(struct skf_watch_change) out = { 0 };
    for (size_t i = 0; i < changes->n; i++) {
        /* Owners by the set of now: what was dropped as gone comes back for the question. */
        struct wnode *n = w->closing ? NULL : skf_wnode_intern(w, changes->v[i].path);
        owner_vec owners = { 0 };
        if (n) {
            skf_wnode_owners(n, &owners);
            doom(w, n);
        }
        for (size_t k = 0; k < owners.n; k++)
            skf_vec_push(&out,
                         (struct skf_watch_change){ changes->v[i].path, !n->present, owners.v[k] });
        skf_vec_release(&owners);
    }
    change_vec mine = *changes;
    *changes = (change_vec){ 0 };
    if (!w->closing)
        sweep(w);
    if (out.n) {
        qsort(out.v, out.n, sizeof *out.v, by_path);
        if (!w->closing)
            w->on_change(w->data, out.v, out.n);
    }
    for (size_t i = 0; i < mine.n; i++)
        free(mine.v[i].path);
    skf_vec_release(&mine);
    skf_vec_release(&out);
}

struct round {
    change_vec changes;
    hash_vec compare, fill;
};

/* Looks at one file whose time has come. */
static void decide(struct skf_watch *w, struct wnode *n, unsigned how, const char *path,
                   struct round *r)
{
    struct stat st;
    if (lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode) || n->link)) {
        skf_wlook(w, n, 0);
        skf_wsettle_unmark(w, n);
    }
    bool there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    if (!there) {
        if (n->kind == KIND_FILE)
            skf_wlook(w, n, 0); /* the watch above may have to change */
        skf_wsettle_unmark(w, n);
        if (n->present)
            skf_vec_push(&r->changes, (struct change){ skf_xstrdup(path) });
        n->present = false;
        free(n->sum);
        n->sum = NULL;
        n->kind = n->kind == KIND_FILE ? KIND_MISSING : n->kind;
        doom(w, n);
        return;
    }
    n->kind = KIND_FILE;
    struct fstate now;
    skf_wlook_state(&now, &st);
    bool same = n->present && skf_wlook_same(&n->st, &now);
    if (same && (!n->racy || !(how & D_WROTE)))
        return;
    struct hash_item item = { .path = skf_xstrdup(path), .st = now };
    bool same_mode = n->present && n->st.exec == now.exec;
    if (same_mode && n->st.size == now.size && now.size <= HASH_FILE_BYTES && n->sum) {
        skf_vec_push(&r->compare, item);
        return;
    }
    bool attr_only = same_mode && !(how & D_WROTE) && n->st.size == now.size &&
                     n->st.ino == now.ino && n->st.dev == now.dev;
    if (!attr_only)
        skf_vec_push(&r->changes, (struct change){ skf_xstrdup(path) });
    skf_wlook_remember(n, &now);
    if (now.size <= HASH_FILE_BYTES && !attr_only)
        skf_vec_push(&r->fill, item);
    else
        free(item.path);
}

/* Many writers truncate or delete first: what is empty or gone is given time. */
static int64_t hold_until(const struct dirty *d, const char *path)
{
    const struct wnode *n = d->node;
    struct stat st;
    int64_t ms = 0;
    if (!n->present)
        return 0;
    if (stat(path, &st) != 0)
        ms = GONE_HOLD_MS;
    else if (st.st_size == 0 && n->st.size != 0)
        ms = EMPTY_HOLD_MS;
    return ms ? min64(d->last + ms, d->first + CEILING_MS) : 0;
}

static void finish(struct skf_watch *w, hash_vec *items, change_vec *changes)
{
    for (size_t i = 0; i < items->n; i++) {
        struct hash_item *it = &items->v[i];
        struct wnode *n = skf_wnode_find(w, it->path);
        if (!n)
            continue;
        n->hashing = false;
        if (it->got != HASH_OK) {
            skf_wsettle_mark(w, n, D_WROTE); /* moved on under our eyes: look again */
            continue;
        }
        bool same = n->present && n->sum && memcmp(n->sum, it->sum, SUM_SIZE) == 0;
        unsigned char *sum = n->sum ? n->sum : skf_xmalloc(SUM_SIZE);
        n->sum = NULL;
        skf_wlook_remember(n, &it->st);
        n->sum = sum;
        memcpy(sum, it->sum, SUM_SIZE);
        if (!same)
            skf_vec_push(changes, (struct change){ skf_xstrdup(it->path) });
    }
    skf_wsettle_report(w, changes);
}

struct ready_vec {
    SKF_VEC(struct wnode *) nodes;
};

/* Whose window has ended; what git still holds is put off. A burst is told in one go: as long as
 * one of it is held back, all of it is. */
static void take_ready(struct skf_watch *w, int64_t now, struct ready_vec *ready)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    int64_t group = group_due(w), held = 0;
    bool left = false;
    for (size_t i = 0; i < w->dirty.n; i++) {
        struct dirty *d = &w->dirty.v[i];
        bool open = (d->how & D_OPEN) != 0;
        if (d->node->hashing || (open ? due(w, d) : group) > now) {
            left = left || !open;
            continue;
        }
        skf_wnode_path(d->node, &path);
        if (skf_wgit_locked(w, path.data, d->first)) {
            d->wait = now + GIT_LOOK_MS;
            left = left || !open;
            continue;
        }
        d->wait = hold_until(d, path.data);
        if (d->wait > held)
            held = d->wait;
        skf_vec_push(&ready->nodes, d->node);
    }
    skf_map_release_with(&w->git_seen, free);
    if (held > now) {
        for (size_t i = 0; i < ready->nodes.n; i++)
            w->dirty.v[ready->nodes.v[i]->dirty - 1].wait = held;
        ready->nodes.n = 0;
        return;
    }
    w->group_first = w->group_last = left ? now : 0; /* what comes now is a burst of its own */
}

static void settle(struct skf_watch *w)
{
    struct ready_vec ready = { 0 };
    struct round r = { 0 };
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    take_ready(w, skf_wsettle_now(), &ready);
    for (size_t i = 0; i < ready.nodes.n; i++) {
        struct wnode *n = ready.nodes.v[i];
        if (!n->dirty)
            continue; /* settled with another one */
        unsigned how = w->dirty.v[n->dirty - 1].how;
        skf_wnode_path(n, &path);
        skf_wsettle_unmark(w, n);
        decide(w, n, how, path.data, &r);
    }
    skf_vec_release(&ready.nodes);
    for (size_t i = 0; i < r.compare.n; i++) {
        struct wnode *n = skf_wnode_find(w, r.compare.v[i].path);
        if (n)
            n->hashing = true;
    }
    sweep(w);
    if (r.compare.n)
        skf_whash_start(w, &r.compare, &r.changes, finish);
    else
        skf_wsettle_report(w, &r.changes);
    if (!w->closing && r.fill.n)
        skf_whash_fill(w, &r.fill);
    skf_whash_release(&r.fill);
}

void skf_wsettle_run(struct skf_watch *w)
{
    skf_wkernel_read(w); /* what is queued may prolong the window */
    w->jobs++;           /* keeps w alive through callbacks */
    skf_watch_tell_refused(w, NULL);
    tell_notes(w);
    if (!w->closing && w->rescan) {
        w->rescan = false;
        skf_wlook(w, w->root, LOOK_DEEP);
    }
    if (!w->closing)
        settle(w);
    skf_wsettle_arm_timer(w);
    w->jobs--;
    skf_watch_unref(w);
}

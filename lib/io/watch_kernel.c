#include "lib/io/watch_private.h"

#include <errno.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

/* SELF makes no event for what happens inside a directory. FULL includes IN_ATTRIB: what was
 * unreadable may be readable now, and a touch that is seen need not be taken for a change later. */
#define MASK_SELF (IN_DELETE_SELF | IN_MOVE_SELF)
#define MASK_FULL                                                                                  \
    (MASK_SELF | IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM |              \
     IN_MOVED_TO | IN_ATTRIB)
#define MASK_CHILD_FULL (IN_CREATE | IN_MODIFY)

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Looked at only when there are events anyway: no timer watches the clocks. */
static bool clocks_jumped(struct skf_watch *w)
{
    int64_t mono = clock_ms(CLOCK_MONOTONIC) - w->test_skew_ms;
    int64_t boot = clock_ms(CLOCK_BOOTTIME) - mono, wall = clock_ms(CLOCK_REALTIME) - mono;
    int64_t slept = boot - w->boot_offset_ms, moved = wall - w->wall_offset_ms;
    w->boot_offset_ms = boot;
    w->wall_offset_ms = wall;
    return slept > 1000 || moved > 2000 || moved < -2000;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    struct skf_watch *w = p->data;
    (void)events;
    if (status < 0)
        return;
    if (clocks_jumped(w)) {
        w->rescan = true;
        skf_wsettle_note(w, SKF_WATCH_CLOCK,
                         skf_xstrdup("the clock jumped (suspend?): all files are checked again"));
    }
    skf_wkernel_read(w);
    skf_wsettle_arm_timer(w);
}

int skf_wkernel_open(struct skf_watch *w)
{
    clocks_jumped(w);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) {
        w->fd_errno = errno;
        return -1;
    }
    if (uv_poll_init(w->loop, &w->poll, w->fd) != 0) {
        close(w->fd);
        w->fd = -1;
        w->fd_errno = EMFILE;
        return -1;
    }
    w->poll.data = w;
    w->handles++;
    uv_poll_start(&w->poll, UV_READABLE, on_readable);
    return 0;
}

bool skf_wkernel_need_full(const struct wnode *n)
{
    if (!n->dir)
        return false;
    for (const struct interest *i = n->interests; i; i = i->next)
        if (i->kind != WANT_FILE)
            return true;
    if (n->dir->cover)
        return true;
    for (const struct wnode *c = n->dir->children; c; c = c->hh.next) {
        bool tells_itself = c->kind == KIND_DIR && !c->link && c->dir && c->dir->kw;
        if (!tells_itself)
            return true;
    }
    return n->parent && skf_wnode_covered_self(n, true) && !n->dir->shut;
}

static bool others_need_full(const struct kwatch *k, const struct wnode *but)
{
    for (const struct wnode *u = k->users; u; u = u->dir->next_user)
        if (u != but && skf_wkernel_need_full(u))
            return true;
    return false;
}

void skf_wkernel_detach(struct skf_watch *w, struct wnode *n)
{
    struct kwatch *k = n->dir ? n->dir->kw : NULL;
    if (!k)
        return;
    struct wnode **at = &k->users;
    while (*at != n)
        at = &(*at)->dir->next_user;
    *at = n->dir->next_user;
    n->dir->next_user = NULL;
    n->dir->kw = NULL;
    if (k->users)
        return;
    if (w->fd >= 0 && k->wd >= 0)
        inotify_rm_watch(w->fd, k->wd); /* fails harmlessly when the kernel has ended it already */
    HASH_DEL(w->by_wd, k);
    free(k);
}

static void attach(struct skf_watch *w, struct wnode *n, int wd, uint32_t mask)
{
    struct kwatch *k = NULL;
    HASH_FIND_INT(w->by_wd, &wd, k);
    if (!k) {
        k = skf_xcalloc(1, sizeof *k);
        k->wd = wd;
        HASH_ADD_INT(w->by_wd, wd, k);
    }
    k->mask |= mask;
    n->dir->kw = k;
    n->dir->next_user = k->users;
    k->users = n;
}

static void refused(struct skf_watch *w, struct wnode *n, const char *path, int errnum)
{
    if (errnum == ENOSPC || errnum == ENOMEM || errnum == EMFILE) {
        w->refused++;
        skf_wpoll_set(w, n, true);
        return;
    }
    /* Cannot be read, so not be watched nor listed; what is known in it may still be looked at. */
    skf_wpoll_set(w, n, n->dir->children != NULL);
    if (!n->told)
        skf_strv_add(&w->unreadable, path);
    n->told = true;
}

enum watch_result skf_wkernel_fix(struct skf_watch *w, struct wnode *n, const char *path)
{
    struct wdir *d = skf_wnode_dir(n);
    bool full = skf_wkernel_need_full(n);
    bool forced = full && skf_wpoll_forced(w, path);
    if (forced || w->fd < 0) {
        skf_wkernel_detach(w, n);
        bool was = d->polled;
        if (full && !forced)
            w->refused++;
        skf_wpoll_set(w, n, full);
        return full && !was ? WATCH_NEW : WATCH_SAME;
    }
    uint32_t mask = full ? MASK_FULL : MASK_SELF;
    int wd = inotify_add_watch(w->fd, path, mask | IN_MASK_ADD | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (wd < 0) {
        int e = errno;
        if (e == ENOENT || e == ENOTDIR || e == ELOOP || e == ENAMETOOLONG) {
            skf_wkernel_detach(w, n);
            return WATCH_GONE;
        }
        bool was = d->polled || d->kw;
        skf_wkernel_detach(w, n);
        if (full)
            refused(w, n, path, e);
        return was ? WATCH_SAME : WATCH_NEW;
    }
    n->told = false;
    skf_wpoll_set(w, n, full && d->remote);
    if (d->kw && d->kw->wd == wd) {
        bool upgraded = (mask & ~d->kw->mask) != 0;
        d->kw->mask |= mask;
        return upgraded ? WATCH_NEW : WATCH_SAME;
    }
    skf_wkernel_detach(w, n);
    attach(w, n, wd, mask);
    return WATCH_NEW;
}

void skf_wkernel_lower(struct skf_watch *w, struct wnode *n, const char *path)
{
    struct kwatch *k = n->dir ? n->dir->kw : NULL;
    if (n->dir && n->dir->polled && !skf_wkernel_need_full(n))
        skf_wpoll_set(w, n, false);
    if (!k || !(k->mask & MASK_CHILD_FULL) || skf_wkernel_need_full(n) || others_need_full(k, n))
        return;
    /* Without IN_MASK_ADD the mask is replaced. Should another directory be there by now, a second
     * watch comes to be: its events find no user, and it goes with the next one that is asked for.
     */
    int wd = inotify_add_watch(w->fd, path, MASK_SELF | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (wd == k->wd)
        k->mask = MASK_SELF;
    else if (wd >= 0)
        skf_wlook(w, n, LOOK_DEEP);
}

/* Names inside `u`. Directories are looked at at once: the sooner the watch, the less to guess. */
static void on_name(struct skf_watch *w, struct wnode *u, uint32_t mask, const char *name)
{
    bool is_dir = (mask & IN_ISDIR) != 0;
    struct wnode *c = skf_wnode_child(u, name);
    if (!c) {
        if (mask & (IN_DELETE | IN_MOVED_FROM))
            return;
        struct trees t = { 0 };
        if (!u->dir->shut || u->interests)
            skf_wnode_trees(u, &t);
        bool covered = skf_wnode_covered(u, &t, name, is_dir);
        skf_vec_release(&t.in);
        c = covered ? skf_wnode_add(w, u, name) : NULL;
        if (!c)
            return;
        c->tracked = !is_dir;
    }
    if (is_dir || c->kind == KIND_DIR) {
        skf_wlook(w, c, 0);
        return;
    }
    unsigned how = mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE)
                       ? D_WROTE
                   : mask & IN_MODIFY ? D_WROTE | D_OPEN
                                      : D_ATTR;
    if (!c->tracked && (how & D_WROTE) && !(how & D_OPEN))
        skf_wlook(w, c, 0); /* on the way to something, or the end of a link */
    skf_wsettle_mark(w, c, how);
}

static void on_event(struct skf_watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        w->rescan = true;
        if (!w->overflow_told)
            skf_wsettle_note(w, SKF_WATCH_OVERFLOW,
                             skf_xstrdup("more changes at once than the kernel queues "
                                         "(fs.inotify.max_queued_events): all files are "
                                         "checked again, nothing is lost"));
        w->overflow_told = true;
        return;
    }
    struct kwatch *k = NULL;
    HASH_FIND_INT(w->by_wd, &e->wd, k);
    if (!k)
        return; /* an event that was queued before the watch was removed */
    SKF_VEC(struct wnode *) users = { 0 };
    for (struct wnode *u = k->users; u; u = u->dir->next_user)
        skf_vec_push(&users, u);
    if (e->mask & IN_IGNORED) {
        for (size_t i = 0; i < users.n; i++)
            skf_wkernel_detach(w, users.v[i]);
        k = NULL; /* gone with its last user */
    }
    for (size_t i = 0; i < users.n; i++) {
        if (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
            skf_wlook(w, users.v[i], 0);
        else if (e->len)
            on_name(w, users.v[i], e->mask, e->name);
    }
    skf_vec_release(&users);
}

void skf_wkernel_read(struct skf_watch *w)
{
    _Alignas(struct inotify_event) char buf[64 * 1024];
    while (w->fd >= 0 && !w->closing) {
        ssize_t n = read(w->fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        for (char *p = buf; p < buf + n;) {
            const struct inotify_event *e = (const void *)p;
            on_event(w, e);
            p += sizeof *e + e->len;
        }
    }
}

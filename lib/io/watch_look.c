#include "lib/io/watch_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

void skf_wlook_state(struct fstate *to, const struct stat *st)
{
    to->dev = st->st_dev;
    to->ino = st->st_ino;
    to->size = st->st_size;
    to->exec = (st->st_mode & S_IXUSR) != 0;
    to->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    to->ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

bool skf_wlook_same(const struct fstate *a, const struct fstate *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->exec == b->exec &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* A later write within the same tick of the clock would leave the same stamps. Some file systems
 * count in whole seconds. */
bool skf_wlook_racy(const struct fstate *s)
{
    int64_t stamp = s->ctime_ns > s->mtime_ns ? s->ctime_ns : s->mtime_ns;
    int64_t age_ms = skf_clock_wall_ms() - stamp / 1000000;
    return age_ms < (s->ctime_ns % 1000000000 == 0 ? 2100 : RACY_MS);
}

void skf_wlook_remember(struct wnode *n, const struct fstate *st)
{
    if (!n->present || !skf_wlook_same(&n->st, st)) {
        free(n->sum);
        n->sum = NULL;
    }
    n->st = *st;
    n->present = true;
    n->tracked = true;
    n->racy = skf_wlook_racy(st);
}

static void doom(struct skf_watch *w, struct wnode *n)
{
    if (n->doomed || n->interests)
        return;
    n->doomed = true;
    skf_vec_push(&w->doomed, n);
}

static void see_file(struct skf_watch *w, struct wnode *n, const struct stat *st, unsigned how)
{
    struct fstate now;
    skf_wlook_state(&now, st);
    bool was_file = n->kind == KIND_FILE;
    n->kind = KIND_FILE;
    if (!n->tracked && (how & LOOK_BASE)) {
        n->tracked = true;
        /* The clock of stamps lags behind by a tick. */
        if (w->since_ms && now.ctime_ns / 1000000 + RACY_MS > w->since_ms)
            skf_wsettle_mark(w, n, D_WROTE);
        else
            skf_wlook_remember(n, &now);
        return;
    }
    if (!n->tracked) {
        n->tracked = skf_wnode_owned(n);
        if (n->tracked || !was_file)
            skf_wsettle_mark(w, n, D_WROTE);
        return;
    }
    if (!n->present || n->racy || !skf_wlook_same(&n->st, &now))
        skf_wsettle_mark(w, n, D_WROTE);
}

/* Nothing there (any more): the files below are examined in their turn. */
static void see_nothing(struct skf_watch *w, struct wnode *n, bool base)
{
    n->kind = KIND_MISSING;
    if (n->dir) {
        skf_wkernel_detach(w, n);
        skf_wpoll_set(w, n, false);
        n->dir->cover = 0;
        n->dir->shut = false;
    }
    EACH_CHILD(n, c)
    see_nothing(w, c, base);
    if (base && !n->tracked)
        n->tracked = skf_wnode_owned(n);
    if (n->present)
        skf_wsettle_mark(w, n, D_WROTE);
    doom(w, n);
}

/* Would going through this link show a tree what it has seen already, or show it for ever? */
static bool leads_back(const struct wnode *n, const struct stat *st, const char *path)
{
    int links = n->link;
    bool met = false;
    for (const struct wnode *a = n->parent; a; a = a->parent) {
        met = met || (a->dir && a->dir->ino == st->st_ino && a->dir->dev == st->st_dev);
        links += a->link;
    }
    if (!links) /* whatever it looks like: inode numbers are used again at once */
        return false;
    if (met || links > 8)
        return true;
    if (!n->link)
        return false;
    skf_autofree char *real = realpath(path, NULL);
    struct trees t = { 0 };
    skf_wnode_trees(n->parent, &t);
    bool back = false;
    for (const struct wnode *a = n->parent; real && t.in.n && a; a = a->parent) {
        for (const struct interest *i = a->interests; i; i = i->next) {
            if (i->kind != WANT_TREE)
                continue;
            skf_autofree char *root = skf_wnode_path_dup(a);
            skf_autofree char *real_root = realpath(root, NULL);
            back = back || (real_root && skf_path_within(real_root, real));
        }
    }
    skf_vec_release(&t.in);
    return back;
}

static void look_at(struct skf_watch *w, struct wnode *n, unsigned how);

/* `other`: the directory may be another one than before, and then those in it may be too. */
static void list(struct skf_watch *w, struct wnode *n, const char *path, unsigned how, bool other)
{
    DIR *d = opendir(path);
    if (!d)
        return; /* unreadable: the watch failed too, and that has been named */
    struct trees t = { 0 };
    skf_wnode_trees(n, &t);
    SKF_VEC(struct wnode *) later = { 0 };
    EACH_CHILD(n, old)
    old->seen = false;
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        struct wnode *c = skf_wnode_child(n, e->d_name);
        bool fresh = !c;
        struct stat st;
        bool plain = e->d_type == DT_REG;
        if ((!c || plain) && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (!c) {
            bool is_dir = S_ISDIR(st.st_mode);
            if (S_ISLNK(st.st_mode)) {
                struct stat end;
                is_dir = fstatat(dirfd(d), e->d_name, &end, 0) == 0 && S_ISDIR(end.st_mode);
            } else if (!is_dir && !S_ISREG(st.st_mode)) {
                continue;
            }
            c = skf_wnode_covered(n, &t, e->d_name, is_dir) ? skf_wnode_add(w, n, e->d_name) : NULL;
            if (!c)
                continue;
            if (!(how & LOOK_BASE) && !is_dir)
                c->tracked = true;
        }
        c->seen = true;
        if (plain && !c->link && !c->dir && S_ISREG(st.st_mode) &&
            (fresh || c->tracked || skf_wnode_covered(n, &t, c->name, false)))
            see_file(w, c, &st, how);
        else
            skf_vec_push(&later, c);
    }
    closedir(d); /* before going down: a deep tree must not use up the descriptors */
    EACH_CHILD(n, gone)
    if (!gone->seen)
        skf_vec_push(&later, gone);
    for (size_t i = 0; i < later.n; i++) {
        struct wnode *c = later.v[i];
        bool old_dir = c->kind == KIND_DIR && !c->link && c->seen;
        if (other || !old_dir || (how & (LOOK_DEEP | LOOK_BASE)) || !c->dir || !c->dir->kw)
            look_at(w, c, how & (LOOK_DEEP | LOOK_BASE));
    }
    skf_vec_release(&later);
    skf_vec_release(&t.in);
}

/* false: it has gone meanwhile. */
static bool see_dir(struct skf_watch *w, struct wnode *n, const struct stat *st, const char *path,
                    unsigned how)
{
    n->kind = KIND_DIR;
    if (n->present)
        skf_wsettle_mark(w, n, D_WROTE); /* was a file */
    bool covered = skf_wnode_cover(n) != 0;
    if (!covered && !(n->dir && n->dir->children)) {
        if (n->interests && n->parent) /* wanted as a file: it is not there as one */
            n->tracked = true;
        if (!(n->links && n->links->from.n))
            return true;
    }
    struct wdir *d = skf_wnode_dir(n);
    if (n->link && covered) {
        d->shut = false;
        d->shut = leads_back(n, st, path);
    } else if (!n->link) {
        d->shut = n->parent && leads_back(n, st, path);
    }
    uint64_t cover = skf_wnode_cover(n);
    bool moved = d->ino != st->st_ino || d->dev != st->st_dev;
    d->dev = st->st_dev;
    d->ino = st->st_ino;
    const struct wdir *up = n->parent ? n->parent->dir : NULL;
    d->remote = up && up->dev == d->dev ? up->remote : skf_wpoll_remote(path);
    enum watch_result put = skf_wkernel_fix(w, n, path);
    if (put == WATCH_GONE)
        return false;
    bool fresh = put == WATCH_NEW || moved;
    bool again = fresh || d->cover != cover || (how & (LOOK_LIST | LOOK_DEEP));
    d->cover = cover;
    if (cover && again) {
        list(w, n, path, how, fresh);
    } else if (!cover) {
        EACH_CHILD(n, c)
        if (again || c->kind == KIND_UNKNOWN)
            look_at(w, c, how);
        skf_wkernel_lower(w, n, path);
    }
    return true;
}

/* A name that cannot tell for itself makes its directory watch its entries. Whoever may have come
 * between our look and that watch is looked at again. */
static void fix_above(struct skf_watch *w, struct wnode *n, unsigned how)
{
    struct wnode *p = n->parent;
    if (!p || p->kind != KIND_DIR || (n->kind == KIND_DIR && !n->link && n->dir && n->dir->kw))
        return;
    if (p->dir->polled || (p->dir->kw && (p->dir->kw->mask & IN_CREATE)))
        return;
    skf_autofree char *path = skf_wnode_path_dup(p);
    enum watch_result put = skf_wkernel_fix(w, p, path);
    if (put == WATCH_GONE)
        look_at(w, p, how);
    else if (put == WATCH_NEW)
        look_at(w, n, how);
}

static void follow_back(struct skf_watch *w, struct wnode *n, uint8_t before)
{
    if (!n->links || !n->links->from.n || (before == n->kind && n->kind != KIND_DIR))
        return;
    if (w->link_depth >= MAX_LINKS)
        return;
    w->link_depth++;
    for (size_t i = 0; i < n->links->from.n; i++) {
        struct wnode *l = n->links->from.v[i];
        if (l->kind == KIND_DIR || n->kind == KIND_DIR) {
            if (before != n->kind)
                look_at(w, l, 0);
        } else if (before != KIND_UNKNOWN) {
            skf_wsettle_mark(w, l, D_WROTE);
        }
    }
    w->link_depth--;
}

static void look_at_targets(struct skf_watch *w, struct wnode *n)
{
    for (int i = 0; i < 2 && n->links; i++) {
        struct wnode *top = n->links->to[i];
        if (!top || top->kind != KIND_UNKNOWN || w->link_depth >= MAX_LINKS)
            continue;
        while (top->parent && top->parent->kind == KIND_UNKNOWN)
            top = top->parent;
        w->link_depth++;
        look_at(w, top, 0);
        w->link_depth--;
    }
}

static void look_at(struct skf_watch *w, struct wnode *n, unsigned how)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    skf_wnode_path(n, &path);
    struct stat st;
    uint8_t before = n->kind;
    bool there = lstat(path.data, &st) == 0;
    bool link = there && S_ISLNK(st.st_mode);
    if (link || n->link) {
        n->link = link;
        if (link) {
            skf_wnode_link(w, n, path.data);
            there = stat(path.data, &st) == 0;
        } else {
            skf_wnode_unlink(n);
        }
    }
    if (there && S_ISDIR(st.st_mode))
        there = see_dir(w, n, &st, path.data, how);
    else if (n->dir && there)
        see_nothing(w, n, (how & LOOK_BASE) != 0);
    if (there && S_ISREG(st.st_mode)) {
        bool owned = n->tracked || skf_wnode_owned(n);
        if (owned || n->links)
            see_file(w, n, &st, owned ? how : how & ~(unsigned)LOOK_BASE);
        n->kind = KIND_FILE;
    } else if (there && !S_ISDIR(st.st_mode)) {
        n->kind = KIND_OTHER;
        if (n->present)
            skf_wsettle_mark(w, n, D_WROTE);
    } else if (!there) {
        see_nothing(w, n, (how & LOOK_BASE) != 0);
        /* The directory above may have gone with it, and nobody else tells. */
        if (n->parent && n->parent->kind == KIND_DIR && n->parent->dir && !n->parent->dir->kw &&
            !n->parent->dir->polled)
            fix_above(w, n, how);
    }
    look_at_targets(w, n);
    fix_above(w, n, how & ~(unsigned)LOOK_DEEP);
    follow_back(w, n, before);
}

void skf_wlook(struct skf_watch *w, struct wnode *n, unsigned how)
{
    look_at(w, n, how);
}

void skf_wlook_arm(struct skf_watch *w, struct wnode *n)
{
    if (n->kind == KIND_UNKNOWN) {
        look_at(w, n, LOOK_BASE);
        return;
    }
    if (n->kind == KIND_DIR && (n->dir || n->interests)) {
        struct wdir *d = skf_wnode_dir(n);
        uint64_t cover = skf_wnode_cover(n);
        /* Rules that somebody else keeps may have changed. What was refused is asked for again. */
        if (cover != d->cover || (cover & 2) || !d->kw) {
            look_at(w, n, LOOK_BASE | LOOK_LIST);
        } else if (!cover) {
            skf_autofree char *path = skf_wnode_path_dup(n);
            if (skf_wkernel_fix(w, n, path) == WATCH_GONE) {
                look_at(w, n, LOOK_BASE);
                return;
            }
        }
        EACH_CHILD(n, c)
        skf_wlook_arm(w, c);
        if (!cover) {
            skf_autofree char *path = skf_wnode_path_dup(n);
            skf_wkernel_lower(w, n, path);
        }
        return;
    }
    if (!n->tracked && skf_wnode_owned(n))
        look_at(w, n, LOOK_BASE);
    EACH_CHILD(n, c)
    skf_wlook_arm(w, c);
}

#include "lib/io/watch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/io/watch_private.h"

struct skf_watch *skf_watch_new(uv_loop_t *loop, skf_watch_fn *on_change, void *data)
{
    struct skf_watch *w = skf_xcalloc(1, sizeof *w);
    w->loop = loop;
    w->on_change = on_change;
    w->data = data;
    uv_timer_init(loop, &w->timer);
    uv_timer_init(loop, &w->poll_timer);
    w->timer.data = w->poll_timer.data = w;
    w->handles = 2;
    w->root = skf_wnode_add(w, NULL, "");
    skf_wkernel_open(w); /* without it all is polled; commit says so */
    return w;
}

static void clear_specs(struct skf_watch *w)
{
    for (size_t i = 0; i < w->specs.n; i++) {
        free(w->specs.v[i].path);
        free(w->specs.v[i].glob);
    }
    w->specs.n = 0;
}

/* Frees when nothing of the loop or the pool refers to it any more. */
void skf_watch_unref(struct skf_watch *w)
{
    if (!w->closing || w->handles || w->jobs)
        return;
    for (size_t i = 0; i < w->notes.n; i++)
        free(w->notes.v[i].text);
    skf_vec_release(&w->notes);
    clear_specs(w);
    skf_vec_release(&w->specs);
    skf_vec_release(&w->dirty);
    skf_vec_release(&w->doomed);
    skf_strv_release(&w->unreadable);
    skf_strv_release(&w->poll_dirs);
    skf_map_release_with(&w->git_seen, free);
    free(w);
}

static void on_closed(uv_handle_t *h)
{
    struct skf_watch *w = h->data;
    w->handles--;
    skf_watch_unref(w);
}

void skf_watch_free(struct skf_watch *w)
{
    if (!w || w->closing)
        return;
    w->closing = true;
    if (w->fd >= 0) {
        uv_poll_stop(&w->poll);
        uv_close((uv_handle_t *)&w->poll, on_closed);
        close(w->fd);
        w->fd = -1; /* ends all watches at once: no call for each below */
    }
    uv_close((uv_handle_t *)&w->timer, on_closed);
    uv_close((uv_handle_t *)&w->poll_timer, on_closed);
    skf_wnode_drop_all(w, w->root);
    w->root = NULL;
}

void skf_watch_on_trouble(struct skf_watch *w, skf_watch_trouble_fn *fn, void *data)
{
    w->on_trouble = fn;
    w->trouble_data = data;
}

void skf_watch_begin(struct skf_watch *w)
{
    clear_specs(w);
    w->next_since_ms = 0;
}

static void add(struct skf_watch *w, struct spec s, const char *path, const char *glob)
{
    s.path = skf_path_abs(NULL, path);
    s.glob = skf_xstrdup_null(glob);
    skf_vec_push(&w->specs, s);
}

void skf_watch_add_file(struct skf_watch *w, const char *path, void *owner)
{
    add(w, (struct spec){ .kind = WANT_FILE, .owner = owner }, path, NULL);
}

void skf_watch_add_dir(struct skf_watch *w, const char *dir, const char *name_glob, void *owner)
{
    add(w, (struct spec){ .kind = WANT_DIR, .owner = owner }, dir, name_glob);
}

void skf_watch_add_tree(struct skf_watch *w, const char *dir, void *owner)
{
    add(w, (struct spec){ .kind = WANT_TREE, .owner = owner }, dir, NULL);
}

void skf_watch_add_tree_except(struct skf_watch *w, const char *dir, skf_watch_skip_fn *skip,
                               void *skip_data, void *owner)
{
    struct spec s = { .kind = WANT_TREE, .skip = skip, .skip_data = skip_data, .owner = owner };
    add(w, s, dir, NULL);
}

void skf_watch_since(struct skf_watch *w, int64_t wall_ms)
{
    w->next_since_ms = wall_ms;
}

static void clear_interests(struct wnode *n)
{
    while (n->interests) {
        struct interest *i = n->interests;
        n->interests = i->next;
        free(i->glob);
        free(i);
    }
    EACH_CHILD(n, c)
    clear_interests(c);
}

static void set_interests(struct skf_watch *w)
{
    for (size_t i = 0; i < w->specs.n; i++) {
        struct spec *s = &w->specs.v[i];
        struct wnode *n = skf_wnode_intern(w, s->path);
        if (!n)
            continue;
        struct interest *in = skf_xcalloc(1, sizeof *in);
        *in = (struct interest){ .kind = s->kind,
                                 .owner = s->owner,
                                 .glob = skf_take(&s->glob),
                                 .skip = s->skip,
                                 .skip_data = s->skip_data,
                                 .next = n->interests };
        n->interests = in;
    }
    clear_specs(w);
}

/* Drops what nobody wants any more, from the leaves up. `t` reaches into the parent of n. */
static void prune(struct skf_watch *w, struct wnode *n, const struct trees *t)
{
    if (n->dir && n->dir->children) {
        struct trees below = { 0 };
        skf_wnode_trees(n, &below);
        EACH_CHILD(n, c)
        prune(w, c, &below);
        skf_vec_release(&below.in);
    }
    if (!n->parent)
        return;
    bool file = false;
    for (const struct interest *i = n->interests; i; i = i->next)
        file = file || i->kind == WANT_FILE;
    bool is_dir = n->kind == KIND_DIR;
    bool covered = skf_wnode_covered(n->parent, t, n->name, is_dir);
    if (!file && !(covered && !is_dir)) {
        skf_wsettle_unmark(w, n);
        n->tracked = n->present = false;
        free(n->sum);
        n->sum = NULL;
    }
    bool there = is_dir || n->kind == KIND_FILE || n->present || n->dirty || n->link;
    bool needed = n->interests || (n->dir && n->dir->children) || (n->links && n->links->from.n) ||
                  (covered && there);
    if (!needed)
        skf_wnode_drop(w, n);
}

static size_t count_full(const struct wnode *n)
{
    size_t count =
        n->dir && n->kind == KIND_DIR && skf_wkernel_need_full(n) && (n->dir->kw || n->dir->polled);
    for (const struct wnode *c = n->dir ? n->dir->children : NULL; c; c = c->hh.next)
        count += count_full(c);
    return count;
}

static long long read_limit(const char *path)
{
    char text[32] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    long long v = -1;
    if (fgets(text, sizeof text, f)) {
        text[strcspn(text, "\n")] = '\0';
        skf_num_parse(text, 0, INT64_MAX, &v);
    }
    fclose(f);
    return v;
}

static void say_limit(const struct skf_watch *w, char *out, size_t size)
{
    long long max = read_limit("/proc/sys/fs/inotify/max_user_watches");
    long long here = read_limit("/proc/sys/user/max_inotify_watches");
    if (here >= 0 && (max < 0 || here < max))
        max = here;
    unsigned ms = skf_wpoll_interval(w);
    if (w->fd < 0 && w->fd_errno == EMFILE)
        snprintf(out, size,
                 "too many inotify instances: all %zu directories are polled every %u ms instead; "
                 "raise it: sudo sysctl fs.inotify.max_user_instances=1024",
                 w->refused, ms);
    else if (w->fd < 0)
        snprintf(out, size, "no inotify (%s): all %zu directories are polled every %u ms",
                 strerror(w->fd_errno), w->refused, ms);
    else
        snprintf(out, size,
                 "watch limit reached: %zu directories need a watch, %lld are allowed for all your "
                 "programs together; %zu are polled every %u ms instead; raise it: "
                 "sudo sysctl fs.inotify.max_user_watches=524288",
                 HASH_COUNT(w->by_wd) + w->refused, max, w->refused, ms);
}

static void say_unreadable(const struct skf_watch *w, char *out, size_t size)
{
    if (w->unreadable.n == 1)
        snprintf(out, size,
                 "cannot read '%s': changes in it are not seen; allow it or leave it out",
                 w->unreadable.v[0]);
    else
        snprintf(out, size,
                 "cannot read '%s' and %zu other directories: changes in them are not seen; allow "
                 "it or leave them out",
                 w->unreadable.v[0], w->unreadable.n - 1);
}

/* What the kernel refused since the last time. */
void skf_watch_tell_refused(struct skf_watch *w, struct skf_err *err)
{
    char limit[512] = "", unread[512] = "";
    if (w->refused && !w->limit_told)
        say_limit(w, limit, sizeof limit);
    if (w->unreadable.n)
        say_unreadable(w, unread, sizeof unread);
    w->limit_told = w->limit_told || w->refused;
    skf_strv_clear(&w->unreadable);
    w->refused = 0;
    if (!err) {
        if (limit[0])
            skf_wsettle_note(w, SKF_WATCH_LIMIT, skf_xstrdup(limit));
        if (unread[0])
            skf_wsettle_note(w, SKF_WATCH_UNREADABLE, skf_xstrdup(unread));
    } else if (limit[0] || unread[0]) {
        skf_err_set(err, limit[0] ? SKF_ETOOBIG : SKF_EDENIED, "%s%s%s", limit,
                    limit[0] && unread[0] ? "; " : "", unread);
    }
}

static const struct wnode *first_remote(const struct wnode *n)
{
    if (n->dir && n->dir->polled && n->dir->remote)
        return n;
    for (const struct wnode *c = n->dir ? n->dir->children : NULL; c; c = c->hh.next) {
        const struct wnode *r = first_remote(c);
        if (r)
            return r;
    }
    return NULL;
}

static void tell_polled(struct skf_watch *w)
{
    const struct wnode *r = w->polled && !w->poll_told ? first_remote(w->root) : NULL;
    if (!r)
        return;
    w->poll_told = true;
    skf_autofree char *path = skf_wnode_path_dup(r);
    skf_wsettle_note(
        w, SKF_WATCH_POLLED,
        skf_xasprintf("'%s' is on a network or shared file system, which does not tell "
                      "of changes made elsewhere: polled every %u ms",
                      path, skf_wpoll_interval(w)));
}

int skf_watch_commit(struct skf_watch *w, struct skf_err *err)
{
    struct skf_err trouble = SKF_ERR_INIT;
    w->since_ms = w->next_since_ms;
    w->refused = 0;
    clear_interests(w->root);
    set_interests(w);
    for (size_t i = 0; i < w->doomed.n; i++)
        w->doomed.v[i]->doomed = false;
    w->doomed.n = 0;
    struct trees none = { 0 };
    prune(w, w->root, &none); /* first: makes room below the watch limit */
    skf_wlook_arm(w, w->root);
    prune(w, w->root, &none);
    w->since_ms = 0;
    tell_polled(w);
    skf_watch_tell_refused(w, &trouble);
    skf_whash_fill_set(w);
    skf_wsettle_arm_timer(w);
    if (!trouble.code)
        return 0;
    *err = trouble;
    return -(int)err->code;
}

void skf_watch_rescan(struct skf_watch *w)
{
    w->rescan = true;
    skf_wsettle_arm_timer(w);
}

bool skf_watch_pending(struct skf_watch *w)
{
    skf_wkernel_read(w);
    skf_wsettle_arm_timer(w);
    return w->dirty.n || w->jobs || w->rescan;
}

static void forget(struct skf_watch *w, struct wnode *n, struct skf_buf *path, hash_vec *fill)
{
    EACH_CHILD(n, c)
    forget(w, c, path, fill);
    struct stat st;
    if (!n->tracked)
        return;
    skf_wnode_path(n, path);
    skf_wsettle_unmark(w, n);
    if (stat(path->data, &st) != 0 || !S_ISREG(st.st_mode)) {
        n->present = false;
        return;
    }
    struct fstate now;
    skf_wlook_state(&now, &st);
    n->kind = KIND_FILE;
    n->present = false; /* a sum from before is not trusted, even under the same stamps */
    skf_wlook_remember(n, &now);
    if (now.size <= HASH_FILE_BYTES)
        skf_vec_push(fill, (struct hash_item){ .path = skf_xstrdup(path->data), .st = now });
}

void skf_watch_forget(struct skf_watch *w, const char *path)
{
    skf_autofree char *abs = skf_path_abs(NULL, path);
    skf_wkernel_read(w); /* a new name in a tree: only the kernel has told it so far */
    struct wnode *n = skf_wnode_find(w, abs);
    hash_vec fill = { 0 };
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    if (n)
        forget(w, n, &b, &fill);
    if (fill.n)
        skf_whash_fill(w, &fill);
    skf_wsettle_arm_timer(w);
}

void skf_watch_poll_below(struct skf_watch *w, const char *dir, unsigned interval_ms)
{
    skf_autofree char *abs = skf_path_abs(NULL, dir);
    skf_strv_add(&w->poll_dirs, abs);
    if (interval_ms)
        w->poll_ms = interval_ms;
}

size_t skf_watch_dir_count(const struct skf_watch *w)
{
    return count_full(w->root);
}

size_t skf_watch_file_count(const struct skf_watch *w)
{
    size_t count = 0;
    SKF_VEC(const struct wnode *) stack = { 0 };
    skf_vec_push(&stack, w->root);
    while (stack.n) {
        const struct wnode *n = stack.v[--stack.n];
        count += n->tracked && n->present;
        for (const struct wnode *c = n->dir ? n->dir->children : NULL; c; c = c->hh.next)
            skf_vec_push(&stack, c);
    }
    skf_vec_release(&stack);
    return count;
}

size_t skf_watch_polled_count(const struct skf_watch *w)
{
    return w->polled;
}

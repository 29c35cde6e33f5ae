#include "lib/io/watch_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

struct wnode *skf_wnode_child(const struct wnode *n, const char *name)
{
    struct wnode *c = NULL;
    if (n->dir)
        HASH_FIND(hh, n->dir->children, name, strlen(name), c);
    return c;
}

struct wdir *skf_wnode_dir(struct wnode *n)
{
    if (!n->dir)
        n->dir = skf_xcalloc(1, sizeof *n->dir);
    return n->dir;
}

struct wnode *skf_wnode_add(struct skf_watch *w, struct wnode *parent, const char *name)
{
    if (w->nodes >= SKF_WATCH_MAX_PATHS) {
        if (!w->many_told)
            skf_wsettle_note(w, SKF_WATCH_TOO_MANY,
                             skf_xasprintf("more than %d paths to watch: the rest is left out; "
                                           "ignore directories that no build reads",
                                           SKF_WATCH_MAX_PATHS));
        w->many_told = true;
        return NULL;
    }
    size_t len = strlen(name);
    struct wnode *n = skf_xcalloc(1, sizeof *n + len + 1);
    memcpy(n->name, name, len + 1);
    n->parent = parent;
    w->nodes++;
    if (parent)
        HASH_ADD_KEYPTR(hh, skf_wnode_dir(parent)->children, n->name, len, n);
    return n;
}

/* Walks the elements of an absolute clean path. */
static struct wnode *walk(struct skf_watch *make_in, struct wnode *n, const char *path)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    skf_strv_split(&parts, path, "/");
    for (size_t i = 0; n && i < parts.n; i++) {
        struct wnode *c = skf_wnode_child(n, parts.v[i]);
        if (!c && make_in)
            c = skf_wnode_add(make_in, n, parts.v[i]);
        n = c;
    }
    return n;
}

struct wnode *skf_wnode_find(const struct skf_watch *w, const char *path)
{
    return walk(NULL, w->root, path);
}

struct wnode *skf_wnode_intern(struct skf_watch *w, const char *path)
{
    return walk(w, w->root, path);
}

static void drop_interests(struct wnode *n)
{
    while (n->interests) {
        struct interest *i = n->interests;
        n->interests = i->next;
        free(i->glob);
        free(i);
    }
}

void skf_wnode_unlink(struct wnode *n)
{
    if (!n->links)
        return;
    for (int i = 0; i < 2; i++) {
        struct wnode *to = n->links->to[i];
        n->links->to[i] = NULL;
        for (size_t k = 0; to && k < to->links->from.n; k++) {
            if (to->links->from.v[k] == n) {
                skf_vec_remove(&to->links->from, k);
                break;
            }
        }
    }
}

void skf_wnode_drop(struct skf_watch *w, struct wnode *n)
{
    skf_wsettle_unmark(w, n);
    skf_wnode_unlink(n);
    if (n->links)
        skf_vec_release(&n->links->from);
    free(n->links);
    if (n->dir) {
        skf_wkernel_detach(w, n);
        skf_wpoll_set(w, n, false);
        free(n->dir);
    }
    if (n->parent)
        HASH_DEL(n->parent->dir->children, n);
    drop_interests(n);
    free(n->sum);
    free(n);
    w->nodes--;
}

void skf_wnode_drop_all(struct skf_watch *w, struct wnode *n)
{
    EACH_CHILD(n, c)
    skf_wnode_drop_all(w, c);
    /* Everything goes: what links to it must not be left pointing. */
    if (n->links)
        for (size_t i = 0; i < n->links->from.n; i++)
            for (int k = 0; k < 2; k++)
                if (n->links->from.v[i]->links->to[k] == n)
                    n->links->from.v[i]->links->to[k] = NULL;
    skf_wnode_drop(w, n);
}

void skf_wnode_path(const struct wnode *n, struct skf_buf *out)
{
    size_t len = 0;
    for (const struct wnode *a = n; a->parent; a = a->parent)
        len += strlen(a->name) + 1;
    skf_buf_clear(out);
    if (!len) {
        skf_buf_addc(out, '/');
        return;
    }
    skf_buf_reserve(out, len + 1);
    char *end = out->data + len;
    *end = '\0';
    for (const struct wnode *a = n; a->parent; a = a->parent) {
        size_t l = strlen(a->name);
        end -= l;
        memcpy(end, a->name, l);
        *--end = '/';
    }
    out->len = len;
}

char *skf_wnode_path_dup(const struct wnode *n)
{
    struct skf_buf b = SKF_BUF_INIT;
    skf_wnode_path(n, &b);
    return skf_buf_take(&b);
}

static bool skipped(const struct interest *i, const struct wnode *parent, const char *name,
                    bool is_dir)
{
    if (!i->skip)
        return strcmp(name, ".git") == 0;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_wnode_path(parent, &b);
    skf_buf_addf(&b, "%s%s", parent->parent ? "/" : "", name);
    return i->skip(i->skip_data, b.data, is_dir);
}

void skf_wnode_trees(const struct wnode *n, struct trees *out)
{
    if (n->parent && !(n->dir && n->dir->shut)) {
        skf_wnode_trees(n->parent, out);
        for (size_t i = out->in.n; i-- > 0;)
            if (skipped(out->in.v[i], n->parent, n->name, true))
                skf_vec_remove(&out->in, i);
    }
    for (const struct interest *i = n->interests; i; i = i->next)
        if (i->kind == WANT_TREE)
            skf_vec_push(&out->in, i);
}

static bool dir_matches(const struct interest *i, const char *name)
{
    return i->kind == WANT_DIR && (!i->glob || skf_glob_match(i->glob, name));
}

bool skf_wnode_covered(const struct wnode *parent, const struct trees *t, const char *name,
                       bool is_dir)
{
    for (size_t i = 0; i < t->in.n; i++)
        if (!skipped(t->in.v[i], parent, name, is_dir))
            return true;
    for (const struct interest *i = parent->interests; i && !is_dir; i = i->next)
        if (dir_matches(i, name))
            return true;
    return false;
}

bool skf_wnode_covered_self(const struct wnode *n, bool is_dir)
{
    if (!n->parent)
        return false;
    struct trees t = { 0 };
    skf_wnode_trees(n->parent, &t);
    bool yes = skf_wnode_covered(n->parent, &t, n->name, is_dir);
    skf_vec_release(&t.in);
    return yes;
}

bool skf_wnode_owned(const struct wnode *n)
{
    for (const struct interest *i = n->interests; i; i = i->next)
        if (i->kind == WANT_FILE)
            return true;
    return skf_wnode_covered_self(n, false);
}

bool skf_wnode_wanted(const struct wnode *n)
{
    if (!n->parent || n->interests || n->dirty || n->hashing)
        return true;
    if ((n->dir && n->dir->children) || (n->links && n->links->from.n))
        return true;
    if (n->kind == KIND_DIR)
        return skf_wnode_covered_self(n, true);
    if (n->link) /* leads nowhere, for now */
        return skf_wnode_covered_self(n, true) || skf_wnode_covered_self(n, false);
    return (n->present || n->kind == KIND_FILE) && skf_wnode_covered_self(n, false);
}

/* Changes when the entries of n that somebody wants may be others; 0 = none are wanted. */
uint64_t skf_wnode_cover(const struct wnode *n)
{
    struct trees t = { 0 };
    uint64_t cover = 0;
    skf_wnode_trees(n, &t);
    for (size_t i = 0; i < t.in.n; i++)
        cover |= t.in.v[i]->skip ? 2 : 1;
    skf_vec_release(&t.in);
    for (const struct interest *i = n->interests; i; i = i->next)
        for (const char *p = i->glob ? i->glob : "*"; i->kind == WANT_DIR && p;
             p = *p ? p + 1 : NULL)
            cover += (cover << 5) + (unsigned char)*p + 4;
    return cover;
}

static void add_owner(owner_vec *out, void *owner)
{
    for (size_t i = 0; i < out->n; i++)
        if (out->v[i] == owner)
            return;
    skf_vec_push(out, owner);
}

void skf_wnode_owners(const struct wnode *n, owner_vec *out)
{
    for (const struct interest *i = n->interests; i; i = i->next)
        if (i->kind == WANT_FILE)
            add_owner(out, i->owner);
    if (!n->parent)
        return;
    for (const struct interest *i = n->parent->interests; i; i = i->next)
        if (dir_matches(i, n->name))
            add_owner(out, i->owner);
    struct trees t = { 0 };
    skf_wnode_trees(n->parent, &t);
    for (size_t i = 0; i < t.in.n; i++)
        if (!skipped(t.in.v[i], n->parent, n->name, false))
            add_owner(out, t.in.v[i]->owner);
    skf_vec_release(&t.in);
}

static void link_to(struct skf_watch *w, struct wnode *n, int slot, const char *path)
{
    struct wnode *to = skf_wnode_intern(w, path);
    if (!to || to == n)
        return;
    if (!to->links)
        to->links = skf_xcalloc(1, sizeof *to->links);
    if (!n->links)
        n->links = skf_xcalloc(1, sizeof *n->links);
    n->links->to[slot] = to;
    skf_vec_push(&to->links->from, n);
}

/* The next hop may be missing, the end is what the kernel says; a change of either matters. */
void skf_wnode_link(struct skf_watch *w, struct wnode *n, const char *path)
{
    char text[4096];
    ssize_t len = readlink(path, text, sizeof text - 1);
    if (len <= 0)
        return;
    text[len] = '\0';
    skf_autofree char *above = skf_path_dir(path);
    skf_autofree char *real_above = realpath(above, NULL);
    skf_autofree char *hop = skf_path_join(real_above ? real_above : above, text);
    skf_autofree char *end = realpath(path, NULL);
    struct wnode *old[2] = { n->links ? n->links->to[0] : NULL, n->links ? n->links->to[1] : NULL };
    struct wnode *now[2] = { skf_wnode_find(w, hop), end ? skf_wnode_find(w, end) : NULL };
    if (now[0] && old[0] == now[0] && old[1] == (now[1] == now[0] ? NULL : now[1]) &&
        (!end || now[1]))
        return;
    skf_wnode_unlink(n);
    link_to(w, n, 0, hop);
    if (end && strcmp(end, hop) != 0)
        link_to(w, n, 1, end);
}

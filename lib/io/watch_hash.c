#include "lib/io/watch_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The sum is of the state `st` or of nothing: whoever writes meanwhile is found out by the stamps.
 * A fifo put in the file's place must not block us. */
enum hash_result skf_whash_file(const char *path, const struct fstate *st,
                                unsigned char sum[SUM_SIZE])
{
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat before, after;
    struct fstate a, b;
    if (fd < 0 || fstat(fd, &before) != 0)
        return errno == ENOENT ? HASH_GONE : HASH_MOVED;
    skf_wlook_state(&a, &before);
    if (!S_ISREG(before.st_mode) || !skf_wlook_same(&a, st))
        return HASH_MOVED;
    struct skf_sha256 h;
    skf_sha256_init(&h);
    char *buf = skf_xmalloc(64 * 1024);
    ssize_t n;
    int64_t total = 0;
    while ((n = read(fd, buf, 64 * 1024)) != 0 && total <= HASH_FILE_BYTES) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        skf_sha256_add(&h, buf, (size_t)n);
        total += n;
    }
    free(buf);
    char text[SKF_DIGEST_TEXT];
    skf_sha256_end(&h, text);
    if (n != 0 || fstat(fd, &after) != 0)
        return HASH_MOVED;
    skf_wlook_state(&b, &after);
    if (!skf_wlook_same(&a, &b))
        return HASH_MOVED;
    const char *hex = skf_digest_hex(text);
    for (int i = 0; i < SUM_SIZE; i++)
        sum[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return HASH_OK;
}

void skf_whash_release(hash_vec *items)
{
    for (size_t i = 0; i < items->n; i++)
        free(items->v[i].path);
    skf_vec_release(items);
}

static void release_changes(change_vec *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].path);
    skf_vec_release(c);
}

struct job {
    uv_work_t req;
    struct skf_watch *w;
    hash_vec items;
    change_vec changes;
    hash_done *done;
};

static void hash_all(hash_vec *items)
{
    for (size_t i = 0; i < items->n; i++)
        items->v[i].got = skf_whash_file(items->v[i].path, &items->v[i].st, items->v[i].sum);
}

static void run(uv_work_t *req)
{
    hash_all(&SKF_CONTAINER_OF(req, struct job, req)->items);
}

static void after(uv_work_t *req, int status)
{
    struct job *j = SKF_CONTAINER_OF(req, struct job, req);
    struct skf_watch *w = j->w;
    (void)status; /* never cancelled */
    if (!w->closing) {
        j->done(w, &j->items, &j->changes);
        skf_wsettle_arm_timer(w);
    }
    skf_whash_release(&j->items);
    release_changes(&j->changes);
    free(j);
    w->jobs--;
    skf_watch_unref(w);
}

static void queue(struct skf_watch *w, hash_vec *items, change_vec *changes, hash_done *done)
{
    struct job *j = skf_xcalloc(1, sizeof *j);
    j->w = w;
    j->items = *items;
    j->done = done;
    *items = (hash_vec){ 0 };
    if (changes) {
        j->changes = *changes;
        *changes = (change_vec){ 0 };
    }
    w->jobs++;
    uv_queue_work(w->loop, &j->req, run, after);
}

void skf_whash_start(struct skf_watch *w, hash_vec *items, change_vec *changes, hash_done *done)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < items->n; i++)
        bytes += items->v[i].st.size;
    if (items->n > INLINE_FILES || bytes > INLINE_BYTES) {
        queue(w, items, changes, done);
        return;
    }
    hash_all(items);
    done(w, items, changes);
    skf_whash_release(items);
}

static void filled(struct skf_watch *w, hash_vec *items, change_vec *changes)
{
    (void)changes;
    for (size_t i = 0; i < items->n; i++) {
        const struct hash_item *it = &items->v[i];
        struct wnode *n = skf_wnode_find(w, it->path);
        if (!n)
            continue;
        n->hashing = false;
        if (it->got == HASH_OK && n->present && !n->sum && skf_wlook_same(&n->st, &it->st))
            n->sum = skf_xmemdup(it->sum, SUM_SIZE);
    }
}

void skf_whash_fill(struct skf_watch *w, hash_vec *items)
{
    for (size_t i = 0; i < items->n; i++) {
        struct wnode *n = skf_wnode_find(w, items->v[i].path);
        if (n)
            n->hashing = true; /* a change that is seen meanwhile waits for the sum */
    }
    skf_whash_start(w, items, NULL, filled);
}

static bool collect(struct wnode *n, struct skf_buf *path, hash_vec *items, int64_t *bytes)
{
    if (n->present && !n->hashing) {
        *bytes += n->st.size;
        if (items->n >= HASH_SET_FILES || *bytes > HASH_SET_BYTES)
            return false;
        if (!n->sum) {
            skf_wnode_path(n, path);
            skf_vec_push(items, (struct hash_item){ .path = skf_xstrdup(path->data), .st = n->st });
        }
    }
    EACH_CHILD(n, c)
    if (!collect(c, path, items, bytes))
        return false;
    return true;
}

void skf_whash_fill_set(struct skf_watch *w)
{
    hash_vec items = { 0 };
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    int64_t bytes = 0;
    if (collect(w->root, &path, &items, &bytes) && items.n) {
        for (size_t i = 0; i < items.n; i++)
            skf_wnode_find(w, items.v[i].path)->hashing = true;
        queue(w, &items, NULL, filled);
    }
    skf_whash_release(&items);
}

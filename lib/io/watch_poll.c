/* Directories the kernel says nothing about. The pool lists and stats them and sums up what it saw;
 * the loop looks itself only where the sum is another one. */
#include "lib/io/watch_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/vfs.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

unsigned long skf_wpoll_test_magic;

bool skf_wpoll_remote(const char *path)
{
    /* NFS, SMB, CIFS, SMB2, 9p (WSL's drvfs), FUSE (sshfs, virtiofs), AFS, Ceph, Coda, Lustre,
     * OCFS2, VirtualBox, VMware and Parallels shares: what another machine writes makes no event
     * here. */
    static const unsigned long magics[] = {
        0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x5346414f,
        0x00c36400, 0x73757245, 0x0bd00bd0, 0x7461636f, 0x786f4256, 0xbacbacbc, 0x7c7c6673,
    };
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(magics); i++)
        if ((unsigned long)fs.f_type == magics[i])
            return true;
    return skf_wpoll_test_magic && (unsigned long)fs.f_type == skf_wpoll_test_magic;
}

bool skf_wpoll_forced(const struct skf_watch *w, const char *path)
{
    for (size_t i = 0; i < w->poll_dirs.n; i++)
        if (skf_path_within(w->poll_dirs.v[i], path))
            return true;
    return false;
}

unsigned skf_wpoll_interval(const struct skf_watch *w)
{
    return w->poll_ms ? w->poll_ms : POLL_MS;
}

void skf_wpoll_set(struct skf_watch *w, struct wnode *n, bool polled)
{
    if (!n->dir || n->dir->polled == polled)
        return;
    n->dir->polled = polled;
    n->dir->print = 0;
    w->polled += polled ? 1 : (size_t)-1;
    skf_wpoll_arm(w);
}

struct item {
    char *path;
    struct skf_strv names; /* of a directory that cannot be listed */
    uint64_t print;
};
struct job {
    uv_work_t req;
    struct skf_watch *w;
    SKF_VEC(struct item) items;
    int64_t cost_ms;
};

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* Of one entry; entries are added up, so that their order does not matter. */
static uint64_t entry_print(int dir, const char *name)
{
    struct stat st;
    uint64_t h = mix(0xcbf29ce484222325u, name, strlen(name));
    if (fstatat(dir, name, &st, 0) != 0)
        return h;
    struct fstate s;
    skf_wlook_state(&s, &st);
    if (S_ISDIR(st.st_mode)) /* what happens inside is for its own print */
        s.size = s.mtime_ns = s.ctime_ns = 0;
    unsigned type = st.st_mode & (unsigned)S_IFMT;
    h = mix(h, &s, sizeof s);
    return mix(h, &type, sizeof type);
}

static void run(uv_work_t *req)
{
    struct job *j = SKF_CONTAINER_OF(req, struct job, req);
    int64_t start = skf_clock_ms();
    for (size_t i = 0; i < j->items.n; i++) {
        struct item *it = &j->items.v[i];
        it->print = 1;
        DIR *d = opendir(it->path);
        for (struct dirent *e; d && (e = readdir(d));)
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                it->print += entry_print(dirfd(d), e->d_name);
        if (d) {
            closedir(d);
            it->print += 2;
        } else {
            for (size_t k = 0; k < it->names.n; k++)
                it->print += entry_print(AT_FDCWD, it->names.v[k]);
        }
        if (!it->print)
            it->print = 1;
    }
    j->cost_ms = skf_clock_ms() - start;
}

static void after(uv_work_t *req, int status)
{
    struct job *j = SKF_CONTAINER_OF(req, struct job, req);
    struct skf_watch *w = j->w;
    (void)status;
    w->poll_busy = false;
    for (size_t i = 0; i < j->items.n; i++) {
        struct item *it = &j->items.v[i];
        struct wnode *n = w->closing ? NULL : skf_wnode_find(w, it->path);
        if (n && n->dir && n->dir->polled && n->dir->print != it->print) {
            n->dir->print = it->print;
            skf_wlook(w, n, LOOK_LIST);
        }
        free(it->path);
        skf_strv_release(&it->names);
    }
    skf_vec_release(&j->items);
    if (!w->closing) {
        skf_wsettle_arm_timer(w);
        if (w->polled) { /* at most a tenth of the time goes into looking */
            uint64_t pause = skf_wpoll_interval(w);
            if (pause < 10 * (uint64_t)j->cost_ms)
                pause = 10 * (uint64_t)j->cost_ms;
            uv_timer_start(&w->poll_timer, skf_wpoll_tick, pause, 0);
        }
    }
    free(j);
    w->jobs--;
    skf_watch_unref(w);
}

static void collect(struct wnode *n, struct job *j, struct skf_buf *path)
{
    if (n->dir && n->dir->polled) {
        skf_wnode_path(n, path);
        struct item it = { .path = skf_xstrdup(path->data) };
        for (const struct wnode *c = n->told ? n->dir->children : NULL; c; c = c->hh.next)
            skf_strv_addf(&it.names, "%s/%s", it.path, c->name);
        skf_vec_push(&j->items, it);
    }
    EACH_CHILD(n, c)
    collect(c, j, path);
}

void skf_wpoll_tick(uv_timer_t *t)
{
    struct skf_watch *w = t->data;
    if (!w->polled || w->poll_busy)
        return;
    struct job *j = skf_xcalloc(1, sizeof *j);
    j->w = w;
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    collect(w->root, j, &path);
    w->poll_busy = true;
    w->jobs++;
    uv_queue_work(w->loop, &j->req, run, after);
}

void skf_wpoll_arm(struct skf_watch *w)
{
    if (w->closing)
        return;
    if (!w->polled)
        uv_timer_stop(&w->poll_timer);
    else if (!w->poll_busy && !uv_is_active((uv_handle_t *)&w->poll_timer))
        uv_timer_start(&w->poll_timer, skf_wpoll_tick, skf_wpoll_interval(w), 0);
}

/* lib/io/watch_private.h: what the files of the watcher share.
 *
 *   watch.c          the set: begin, add, commit; life cycle
 *   watch_node.c     the tree of names, who owns them, which links lead to them
 *   watch_kernel.c   inotify: watches, events
 *   watch_look.c     what is at a path now: directories, links, new and vanished names
 *   watch_settle.c   quiet windows, decision by content, the report
 *   watch_hash.c     hashing, inline and in the pool
 *   watch_poll.c     directories the kernel says nothing about
 *   watch_git.c      index.lock
 *
 * Every name of interest is a node. A node of a directory that exists holds a kernel watch: FULL
 * when events in it matter, SELF (moved or deleted itself) when it is only on the way to something.
 * So "/tmp" on the way makes no wake-ups, and yet a renamed ancestor is seen. */
#ifndef SKF_IO_WATCH_PRIVATE_H
#define SKF_IO_WATCH_PRIVATE_H
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/io/watch.h"

/* 10 000 small tables: start them small. Before uthash.h. */
#define HASH_INITIAL_NUM_BUCKETS 8U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 3U
#include <uthash.h>

enum {
    QUIET_MIN_MS = 10,
    QUIET_MAX_MS = 50,
    OPEN_QUIET_MS = 50, /* after the last write of a file that stays open */
    CEILING_MS = 500,
    EMPTY_HOLD_MS = 100,
    GONE_HOLD_MS = 50,
    GIT_HOLD_MS = 5000,
    GIT_LOOK_MS = 20,
    POLL_MS = 1000,
    RACY_MS = 20, /* a stamp younger than this may hide a later write: coarse clocks tick slowly */
    SUM_SIZE = 32,
    MAX_LINKS = 40, /* links followed from links */
    HASH_SET_FILES = 2000,
    HASH_SET_BYTES = 64 * 1024 * 1024,
    HASH_FILE_BYTES = 256 * 1024 * 1024,
    INLINE_BYTES = 1024 * 1024,
    INLINE_FILES = 32,
};

enum kind { KIND_UNKNOWN, KIND_MISSING, KIND_FILE, KIND_DIR, KIND_OTHER };

struct fstate {
    uint64_t dev, ino;
    int64_t mtime_ns, ctime_ns;
    int64_t size : 63;
    uint64_t exec : 1; /* may be executed: matters in an image */
};

enum interest_kind { WANT_FILE, WANT_DIR, WANT_TREE };
struct interest {
    enum interest_kind kind;
    void *owner;
    char *glob; /* WANT_DIR; NULL = all */
    skf_watch_skip_fn *skip;
    void *skip_data;
    struct interest *next;
};

/* One inotify watch; several names can lead to the same directory. */
struct kwatch {
    UT_hash_handle hh;
    int wd;
    uint32_t mask;
    struct wnode *users; /* through wdir.next_user */
};

struct wnode;

struct wdir {
    struct wnode *children;
    struct kwatch *kw;
    struct wnode *next_user;
    uint64_t dev, ino;
    uint64_t print; /* of the last poll; 0 = none */
    uint64_t cover; /* skf_wnode_cover when its entries were read; 0 = they were not */
    bool remote;    /* on a file system that does not tell */
    bool polled;
    bool shut; /* a link that leads back: trees do not go through */
};

struct wlinks {
    struct wnode *to[2]; /* where a link leads: its next hop, and its end */
    SKF_VEC(struct wnode *) from;
};

struct wnode {
    UT_hash_handle hh; /* in the parent's children */
    struct wnode *parent;
    struct wdir *dir;
    struct interest *interests;
    struct wlinks *links;
    struct fstate st;   /* as last reported or remembered; while `present` */
    unsigned char *sum; /* SHA-256 that belongs to st, or NULL */
    uint32_t dirty;     /* index + 1 */
    uint8_t kind;
    bool link : 1;    /* the name itself is a symbolic link */
    bool tracked : 1; /* somebody owns it: st is kept */
    bool present : 1;
    bool racy : 1;
    bool hashing : 1;
    bool told : 1; /* its trouble has been named */
    bool seen : 1;
    bool doomed : 1;
    char name[];
};

enum { D_WROTE = 1, D_OPEN = 2, D_ATTR = 4 };
struct dirty {
    struct wnode *node;
    int64_t first, last, wait; /* ms; not before `wait` */
    unsigned how;
};

struct trees {
    SKF_VEC(const struct interest *) in;
};

struct spec {
    enum interest_kind kind;
    char *path, *glob;
    skf_watch_skip_fn *skip;
    void *skip_data, *owner;
};

struct note {
    enum skf_watch_trouble what;
    char *text;
};

struct change {
    char *path; /* whether it is gone is asked when it is told */
};
typedef SKF_VEC(struct change) change_vec;

struct skf_watch {
    uv_loop_t *loop;
    skf_watch_fn *on_change;
    void *data;
    skf_watch_trouble_fn *on_trouble;
    void *trouble_data;

    int fd; /* inotify; -1: none to be had, all is polled */
    int fd_errno;
    uv_poll_t poll;
    uv_timer_t timer, poll_timer;
    int handles, jobs;
    bool closing;

    struct wnode *root;
    size_t nodes;
    struct kwatch *by_wd;
    int link_depth;

    SKF_VEC(struct spec) specs;
    int64_t since_ms, next_since_ms;

    SKF_VEC(struct dirty) dirty;
    SKF_VEC(struct wnode *) doomed;
    int64_t group_first, group_last; /* of what is dirty and closed; 0 = nothing */
    bool rescan;

    SKF_VEC(struct note) notes;
    size_t refused; /* directories that the kernel refused to watch, this time */
    bool limit_told, poll_told, many_told, overflow_told;
    struct skf_strv unreadable;

    struct skf_strv poll_dirs;
    unsigned poll_ms;
    bool poll_busy;
    size_t polled;

    int64_t boot_offset_ms, wall_offset_ms; /* against the monotonic clock, when last looked */
    int64_t test_skew_ms;                   /* a test's suspend */
    struct skf_map git_seen;                /* directory -> char * lock path, or "" */
};

/* watch_node.c */
struct wnode *skf_wnode_child(const struct wnode *n, const char *name);
struct wnode *skf_wnode_add(struct skf_watch *w, struct wnode *parent, const char *name);
struct wnode *skf_wnode_find(const struct skf_watch *w, const char *path);
/* NULL when SKF_WATCH_MAX_PATHS is reached. */
struct wnode *skf_wnode_intern(struct skf_watch *w, const char *path);
/* Only a leaf that nothing refers to. */
void skf_wnode_drop(struct skf_watch *w, struct wnode *n);
void skf_wnode_drop_all(struct skf_watch *w, struct wnode *n);
void skf_wnode_path(const struct wnode *n, struct skf_buf *out);
char *skf_wnode_path_dup(const struct wnode *n);
struct wdir *skf_wnode_dir(struct wnode *n); /* makes it a directory node */
/* Tree interests that reach into directory n. */
void skf_wnode_trees(const struct wnode *n, struct trees *out);
bool skf_wnode_covered(const struct wnode *parent, const struct trees *t, const char *name,
                       bool is_dir);
bool skf_wnode_covered_self(const struct wnode *n, bool is_dir);
uint64_t skf_wnode_cover(const struct wnode *n);
bool skf_wnode_owned(const struct wnode *n);
bool skf_wnode_wanted(const struct wnode *n);
/* Distinct owners of a file. */
typedef SKF_VEC(void *) owner_vec;
void skf_wnode_owners(const struct wnode *n, owner_vec *out);
void skf_wnode_link(struct skf_watch *w, struct wnode *n, const char *path);
void skf_wnode_unlink(struct wnode *n);
/* The pair of children as a loop: survives deletion of the current one. */
#define EACH_CHILD(n, c)                                                                           \
    for (struct wnode *c = (n)->dir ? (n)->dir->children : NULL,                                   \
                      *c##_next = c ? c->hh.next : NULL;                                           \
         c; c = c##_next, c##_next = c ? c->hh.next : NULL)

/* watch_kernel.c */
int skf_wkernel_open(struct skf_watch *w);
enum watch_result { WATCH_SAME, WATCH_NEW, WATCH_GONE };
/* Puts the watch that the directory needs now. */
enum watch_result skf_wkernel_fix(struct skf_watch *w, struct wnode *n, const char *path);
/* Lowers the watch when only SELF is needed any more. */
void skf_wkernel_lower(struct skf_watch *w, struct wnode *n, const char *path);
void skf_wkernel_detach(struct skf_watch *w, struct wnode *n);
bool skf_wkernel_need_full(const struct wnode *n);
void skf_wkernel_read(struct skf_watch *w);

/* watch_look.c */
enum { LOOK_BASE = 1, LOOK_LIST = 2, LOOK_DEEP = 4 };
/* What is at the path of n now. BASE: files that are not tracked yet are remembered, not reported.
 * LIST: read its entries again; DEEP: and all below. */
void skf_wlook(struct skf_watch *w, struct wnode *n, unsigned how);
/* For commit: looks at what is new in the set, from the top down. */
void skf_wlook_arm(struct skf_watch *w, struct wnode *n);
void skf_wlook_state(struct fstate *to, const struct stat *st);
bool skf_wlook_same(const struct fstate *a, const struct fstate *b);
bool skf_wlook_racy(const struct fstate *s);
/* Remembers st as the content that is known. */
void skf_wlook_remember(struct wnode *n, const struct fstate *st);

/* watch_settle.c */
void skf_wsettle_mark(struct skf_watch *w, struct wnode *n, unsigned how);
void skf_wsettle_unmark(struct skf_watch *w, struct wnode *n);
void skf_wsettle_arm_timer(struct skf_watch *w);
void skf_wsettle_run(struct skf_watch *w);
void skf_wsettle_report(struct skf_watch *w, change_vec *changes); /* takes what is in it */
void skf_wsettle_note(struct skf_watch *w, enum skf_watch_trouble what, char *owned_text);
int64_t skf_wsettle_now(void);

/* watch_hash.c */
enum hash_result { HASH_OK, HASH_MOVED, HASH_GONE };
struct hash_item {
    char *path;
    struct fstate st;
    unsigned char sum[SUM_SIZE];
    enum hash_result got;
};
typedef SKF_VEC(struct hash_item) hash_vec;
enum hash_result skf_whash_file(const char *path, const struct fstate *st,
                                unsigned char sum[SUM_SIZE]);
/* Both take what is in the vectors. `done` runs with the items hashed, here or from the loop. */
typedef void hash_done(struct skf_watch *w, hash_vec *items, change_vec *changes);
void skf_whash_start(struct skf_watch *w, hash_vec *items, change_vec *changes, hash_done *done);
void skf_whash_fill(struct skf_watch *w, hash_vec *items); /* sums for states already remembered */
void skf_whash_fill_set(struct skf_watch *w);
void skf_whash_release(hash_vec *items);

/* watch_poll.c */
bool skf_wpoll_remote(const char *path);
extern unsigned long skf_wpoll_test_magic; /* a test's network file system */
bool skf_wpoll_forced(const struct skf_watch *w, const char *path);
void skf_wpoll_set(struct skf_watch *w, struct wnode *n, bool polled);
void skf_wpoll_arm(struct skf_watch *w);
void skf_wpoll_tick(uv_timer_t *t);
unsigned skf_wpoll_interval(const struct skf_watch *w);

/* watch_git.c */
bool skf_wgit_locked(struct skf_watch *w, const char *path, int64_t first_ms);

/* watch.c */
void skf_watch_unref(struct skf_watch *w);
/* Says what the kernel refused since the last time, in err or (NULL) as notes. */
void skf_watch_tell_refused(struct skf_watch *w, struct skf_err *err);
#endif

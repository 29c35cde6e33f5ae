/* tests/support/watch_fixture.h: a scratch directory, a watcher on it, and what it has told. */
#ifndef SKF_TESTS_WATCH_FIXTURE_H
#define SKF_TESTS_WATCH_FIXTURE_H
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/io/watch.h"
#include "tests/support/loop_fixture.h"

enum { WF_SILENCE_MS = 250 }; /* longer than every window of a settled file */

struct wf {
    struct lf lf;
    struct skf_watch *w;
    char *root;
    size_t reports; /* calls of on_change */
    struct skf_strv
        told; /* "path" or "-path" (gone), relative to root; "path@owner" for owner != 0 */
    struct skf_strv troubles;
    void (*on_report)(struct wf *f);
};

static inline void wf_on_change(void *data, const struct skf_watch_change *c, size_t n)
{
    struct wf *f = data;
    size_t skip = strlen(f->root) + 1;
    assert_true(n > 0);
    f->reports++;
    for (size_t i = 0; i < n; i++) {
        bool inside = strncmp(c[i].path, f->root, skip - 1) == 0;
        char at[32] = "";
        if (c[i].owner)
            snprintf(at, sizeof at, "@%s", (const char *)c[i].owner);
        skf_strv_addf(&f->told, "%s%s%s", c[i].gone ? "-" : "",
                      inside ? c[i].path + skip : c[i].path, at);
    }
    if (f->on_report)
        f->on_report(f);
}

static inline void wf_on_trouble(void *data, enum skf_watch_trouble what, const char *text)
{
    struct wf *f = data;
    skf_strv_addf(&f->troubles, "%d %s", (int)what, text);
}

static inline char *wf_path(const struct wf *f, const char *rel)
{
    return skf_xasprintf("%s%s%s", f->root, rel[0] ? "/" : "", rel);
}

static inline void wf_open(struct wf *f)
{
    *f = (struct wf){ 0 };
    const char *tmp = getenv("TMPDIR");
    skf_autofree char *made = skf_xasprintf("%s/skf-watch-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(made));
    f->root = realpath(made, NULL);
    assert_non_null(f->root);
    lf_open(&f->lf);
    f->w = skf_watch_new(&f->lf.loop, wf_on_change, f);
    skf_watch_on_trouble(f->w, wf_on_trouble, f);
}

static inline int wf_rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void wf_rmtree(const struct wf *f, const char *rel)
{
    skf_autofree char *p = wf_path(f, rel);
    nftw(p, wf_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void wf_close(struct wf *f)
{
    skf_watch_free(f->w);
    lf_close(&f->lf);
    wf_rmtree(f, "");
    skf_strv_release(&f->told);
    skf_strv_release(&f->troubles);
    free(f->root);
}

static inline void wf_forget_told(struct wf *f)
{
    skf_strv_clear(&f->told);
    f->reports = 0;
}

static inline void wf_mkdir(const struct wf *f, const char *rel)
{
    skf_autofree char *p = wf_path(f, rel);
    for (char *s = p + strlen(f->root) + 1; (s = strchr(s, '/')); *s++ = '/') {
        *s = '\0';
        mkdir(p, 0755);
    }
    assert_true(mkdir(p, 0755) == 0 || errno == EEXIST);
}

static inline void wf_write(const struct wf *f, const char *rel, const char *text)
{
    skf_autofree char *p = wf_path(f, rel);
    int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline void wf_rename(const struct wf *f, const char *from, const char *to)
{
    skf_autofree char *a = wf_path(f, from);
    skf_autofree char *b = wf_path(f, to);
    assert_int_equal(rename(a, b), 0);
}

static inline void wf_unlink(const struct wf *f, const char *rel)
{
    skf_autofree char *p = wf_path(f, rel);
    assert_int_equal(unlink(p), 0);
}

/* `to` is taken as it stands. */
static inline void wf_symlink(const struct wf *f, const char *to, const char *rel)
{
    skf_autofree char *p = wf_path(f, rel);
    assert_int_equal(symlink(to, p), 0);
}

static inline void wf_add_file(struct wf *f, const char *rel, const char *owner)
{
    skf_autofree char *p = wf_path(f, rel);
    skf_watch_add_file(f->w, p, (void *)(uintptr_t)owner);
}

static inline void wf_add_dir(struct wf *f, const char *rel, const char *glob, const char *owner)
{
    skf_autofree char *p = wf_path(f, rel);
    skf_watch_add_dir(f->w, p, glob, (void *)(uintptr_t)owner);
}

static inline void wf_add_tree(struct wf *f, const char *rel, const char *owner)
{
    skf_autofree char *p = wf_path(f, rel);
    skf_watch_add_tree(f->w, p, (void *)(uintptr_t)owner);
}

static inline void wf_commit(struct wf *f)
{
    struct skf_err err = SKF_ERR_INIT;
    if (skf_watch_commit(f->w, &err) != 0)
        fail_msg("commit: %s", err.msg);
}

/* The usual beginning. */
static inline void wf_watch_file(struct wf *f, const char *rel)
{
    skf_watch_begin(f->w);
    wf_add_file(f, rel, NULL);
    wf_commit(f);
}

static inline void wf_watch_tree(struct wf *f, const char *rel)
{
    skf_watch_begin(f->w);
    wf_add_tree(f, rel, NULL);
    wf_commit(f);
}

/* Lets hashing after commit end: the loop has nothing left but the watch itself. */
static inline void wf_idle(struct wf *f)
{
    lf_quiet(&f->lf, 60);
}

static inline char *wf_told(struct wf *f)
{
    skf_strv_sort(&f->told);
    return skf_strv_join(&f->told, " ");
}

/* Waits for something to be told, then for silence, and compares all that came. */
static inline void wf_expect(struct wf *f, const char *want, size_t reports, const char *file,
                             int line)
{
    lf_begin(&f->lf, LF_CAP_MS);
    while (!f->reports && lf_turn(&f->lf))
        ;
    lf_end(&f->lf);
    lf_quiet(&f->lf, WF_SILENCE_MS);
    skf_autofree char *told = wf_told(f);
    if (strcmp(told, want) != 0)
        fail_msg("%s:%d: told '%s', expected '%s'", file, line, told, want);
    if (reports && f->reports != reports)
        fail_msg("%s:%d: %zu reports, expected %zu", file, line, f->reports, reports);
    wf_forget_told(f);
}
#define WF_EXPECT(f, want) wf_expect((f), (want), 1, __FILE__, __LINE__)
#define WF_EXPECT_ANY(f, want) wf_expect((f), (want), 0, __FILE__, __LINE__)

static inline void wf_silence(struct wf *f, const char *file, int line)
{
    lf_quiet(&f->lf, WF_SILENCE_MS);
    skf_autofree char *told = wf_told(f);
    if (f->told.n)
        fail_msg("%s:%d: told '%s', expected silence", file, line, told);
}
#define WF_SILENCE(f) wf_silence((f), __FILE__, __LINE__)
#endif

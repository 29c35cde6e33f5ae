/* The watcher on a real file system: saves, bursts, and what must stay silent. Where things are
 * watched (links, limits, missing paths, polling) is in test_watch_places.c. Both together hold the
 * 20 rows of the table of watcher edge cases, in its order: "case_NN_..." */
#include <spawn.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/io/watch_private.h"
#include "tests/support/watch_fixture.h"

extern char **environ;

static void a_single_save_is_told_once(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    wf_write(&f, "main.go", "longer than before");
    WF_EXPECT(&f, "main.go");
    wf_unlink(&f, "main.go");
    WF_EXPECT(&f, "-main.go");
    wf_write(&f, "main.go", "back");
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

/* vim with backupcopy=no and writebackup: probe file, old one aside, new one written, old one gone.
 */
static void case_01_atomic_save_of_vim(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    for (int i = 0; i < 3; i++) {
        char text[16];
        snprintf(text, sizeof text, "two %d", i);
        wf_write(&f, "4913", "");
        wf_unlink(&f, "4913");
        wf_rename(&f, "main.go", "main.go~");
        wf_write(&f, "main.go", text);
        wf_unlink(&f, "main.go~");
        WF_EXPECT(&f, "main.go");
    }
    wf_close(&f);
}

/* The real one, in each of its ways to write: told once a save, whatever else it makes meanwhile.
 */
static void case_01_real_vim(void **state)
{
    static const char *const ways[] = { "set backupcopy=auto", "set backupcopy=no",
                                        "set backupcopy=yes", "set nowritebackup",
                                        "set backup undofile" };
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one\n");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    skf_autofree char *path = wf_path(&f, "main.go");
    for (size_t i = 0; i < SKF_ARRAY_LEN(ways); i++) {
        skf_autofree char *text = skf_xasprintf("normal ccsave %zu", i);
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            execlp("vim.tiny", "vim.tiny", "-u", "NONE", "-es", "-c", ways[i], "-c", text, "-c",
                   "wq", path, NULL);
            _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        WF_EXPECT(&f, "main.go");
    }
    wf_close(&f);
}

/* JetBrains: new beside, old aside, new over, old gone. */
static void case_01_atomic_save_of_jetbrains(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_tree(&f, "");
    wf_write(&f, "main.go___jb_tmp___", "two");
    wf_rename(&f, "main.go", "main.go___jb_old___");
    wf_rename(&f, "main.go___jb_tmp___", "main.go");
    wf_unlink(&f, "main.go___jb_old___");
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

/* VS Code: truncates and writes in place; with "files.atomicSave": new beside, rename over. */
static void case_01_atomic_save_of_vscode(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    skf_watch_begin(f.w);
    wf_add_dir(&f, "", "*.go", NULL);
    wf_commit(&f);
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    wf_write(&f, "main.go.vsctmp", "three");
    wf_rename(&f, "main.go.vsctmp", "main.go");
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

static int open_for_append(const struct wf *f, const char *rel, int flags)
{
    skf_autofree char *p = wf_path(f, rel);
    int fd = open(p, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    assert_true(fd >= 0);
    return fd;
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void case_02_partial_write_is_told_when_it_is_whole(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "package main");
    wf_watch_file(&f, "main.go");
    int fd = open_for_append(&f, "main.go", O_TRUNC);
    put(fd, "package ma");
    lf_quiet(&f.lf, 2 * QUIET_MIN_MS); /* longer than the window of a closed file */
    assert_int_equal(f.reports, 0);
    put(fd, "in // changed");
    close(fd);
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

static void case_02_writer_that_never_closes(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    int fd = open_for_append(&f, "main.go", O_APPEND);
    put(fd, " more");
    WF_EXPECT(&f, "main.go"); /* without a close */
    close(fd);
    WF_SILENCE(&f); /* the close brings no new content */
    wf_close(&f);
}

struct appender {
    uv_timer_t timer;
    int fd;
};

static void append_more(uv_timer_t *t)
{
    struct appender *a = t->data;
    put(a->fd, "line\n");
}

static void case_02_endless_writer_does_not_postpone_for_ever(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "app.log", "");
    wf_write(&f, "main.go", "one");
    wf_watch_tree(&f, "");
    struct appender a = { .fd = open_for_append(&f, "app.log", O_APPEND) };
    uv_timer_init(&f.lf.loop, &a.timer);
    a.timer.data = &a;
    uv_timer_start(&a.timer, append_more, 5, 5);
    LF_UNTIL(&f.lf, skf_strv_has(&f.told, "app.log"));
    wf_forget_told(&f);
    /* And it does not hold up others: they are told before its next turn. */
    lf_quiet(&f.lf, 20);
    wf_forget_told(&f);
    wf_write(&f, "main.go", "two");
    LF_UNTIL(&f.lf, f.reports > 0);
    assert_true(skf_strv_has(&f.told, "main.go"));
    uv_close((uv_handle_t *)&a.timer, NULL);
    close(a.fd);
    wf_close(&f);
}

static void case_03_truncate_then_write(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    wf_write(&f, "main.go", ""); /* closed, and empty for an instant */
    lf_quiet(&f.lf, 3 * QUIET_MIN_MS);
    assert_int_equal(f.reports, 0);
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    wf_write(&f, "main.go", ""); /* for good */
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

static void lock_git(const struct wf *f)
{
    wf_mkdir(f, ".git");
    wf_write(f, ".git/index.lock", "");
}

static void case_08_branch_switch_is_one_report(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "a");
    wf_write(&f, "b.go", "b");
    wf_write(&f, "c.go", "c");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    lock_git(&f);
    wf_write(&f, "a.go", "A");
    lf_quiet(&f.lf, 4 * QUIET_MAX_MS); /* slower than any window */
    wf_write(&f, "b.go", "B");
    wf_unlink(&f, "c.go");
    wf_write(&f, "d.go", "d");
    lf_quiet(&f.lf, 4 * QUIET_MAX_MS);
    assert_int_equal(f.reports, 0);
    wf_rename(&f, ".git/index.lock", ".git/index");
    WF_EXPECT(&f, "-c.go a.go b.go d.go");
    wf_close(&f);
}

static void case_08_branch_switch_there_and_back_is_silent(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "a");
    wf_write(&f, "b.go", "b");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    lock_git(&f);
    wf_write(&f, "a.go", "something else");
    wf_unlink(&f, "b.go");
    lf_quiet(&f.lf, 4 * QUIET_MAX_MS);
    wf_write(&f, "a.go", "a");
    wf_write(&f, "b.go", "b");
    wf_rename(&f, ".git/index.lock", ".git/index");
    WF_SILENCE(&f);
    wf_close(&f);
}

static void case_08_lock_in_a_linked_worktree(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "repo/.git/worktrees/wt");
    wf_mkdir(&f, "wt/sub");
    wf_write(&f, "wt/.git", "gitdir: ../repo/.git/worktrees/wt\n");
    wf_write(&f, "wt/sub/a.go", "a");
    wf_watch_tree(&f, "wt");
    wf_write(&f, "repo/.git/worktrees/wt/index.lock", "");
    wf_write(&f, "wt/sub/a.go", "A");
    lf_quiet(&f.lf, 4 * QUIET_MAX_MS);
    assert_int_equal(f.reports, 0);
    wf_unlink(&f, "repo/.git/worktrees/wt/index.lock");
    WF_EXPECT(&f, "wt/sub/a.go");
    wf_close(&f);
}

/* The oldest thing a lock can be without our waiting for GIT_HOLD_MS: left behind by a killed git.
 */
static void case_08_hold_is_bounded(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "a");
    wf_watch_tree(&f, "");
    lock_git(&f); /* and never released */
    wf_write(&f, "a.go", "A");
    WF_EXPECT(&f, "a.go");
    wf_close(&f);
}

static void git(const struct wf *f, const char *a, const char *b, const char *c)
{
    const char *args[] = { "git",
                           "-C",
                           f->root,
                           "-c",
                           "user.name=t",
                           "-c",
                           "user.email=t@example.invalid",
                           "-c",
                           "commit.gpgsign=false",
                           a,
                           b,
                           c,
                           NULL };
    pid_t pid;
    char *argv[SKF_ARRAY_LEN(args)];
    memcpy(argv, args, sizeof args);
    assert_int_equal(posix_spawnp(&pid, "git", NULL, NULL, argv, environ), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void case_08_real_git_checkout(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    git(&f, "init", "-q", NULL);
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%02d.go", i);
        wf_write(&f, name, "first");
    }
    git(&f, "add", ".", NULL);
    git(&f, "commit", "-qm", "first");
    git(&f, "branch", "old", NULL);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%02d.go", i);
        wf_write(&f, name, "second");
    }
    git(&f, "commit", "-qam", "second");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    git(&f, "checkout", "-q", "old");
    LF_UNTIL(&f.lf, f.reports > 0);
    lf_quiet(&f.lf, WF_SILENCE_MS);
    assert_int_equal(f.reports, 1);
    assert_int_equal(f.told.n, 20);
    wf_forget_told(&f);
    git(&f, "checkout", "-q", "-");
    git(&f, "checkout", "-q", "-");
    WF_SILENCE(&f);
    wf_close(&f);
}

static void set_times(const struct wf *f, const char *rel, time_t mtime)
{
    skf_autofree char *p = wf_path(f, rel);
    struct timespec t[2] = { { mtime, 0 }, { mtime, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, p, t, 0), 0);
}

static void case_14_mtime_goes_backwards_or_is_kept(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    set_times(&f, "main.go", 1500000000);
    wf_watch_file(&f, "main.go");
    wf_idle(&f);
    /* unzip: older than what is there */
    wf_write(&f, "main.go", "two");
    set_times(&f, "main.go", 1400000000);
    WF_EXPECT(&f, "main.go");
    /* rsync -t: same size, same mtime, renamed over */
    wf_write(&f, ".main.go.x", "six");
    set_times(&f, ".main.go.x", 1400000000);
    wf_rename(&f, ".main.go.x", "main.go");
    WF_EXPECT(&f, "main.go");
    /* and in place, same inode */
    wf_write(&f, "main.go", "ten");
    set_times(&f, "main.go", 1400000000);
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
}

static void case_15_touch_modes_and_same_bytes_are_silent(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    wf_idle(&f);
    skf_autofree char *p = wf_path(&f, "main.go");
    assert_int_equal(utimensat(AT_FDCWD, p, NULL, 0), 0);
    WF_SILENCE(&f);
    assert_int_equal(chmod(p, 0640), 0);
    WF_SILENCE(&f);
    assert_int_equal(chmod(p, 0755), 0); /* in an image this is another file */
    WF_EXPECT(&f, "main.go");
    assert_int_equal(chmod(p, 0700), 0);
    WF_SILENCE(&f);
    assert_int_equal(chmod(p, 0644), 0);
    WF_EXPECT(&f, "main.go");
    wf_write(&f, "main.go", "one");
    WF_SILENCE(&f);
    wf_write(&f, "tmp", "one");
    wf_rename(&f, "tmp", "main.go");
    WF_SILENCE(&f);
    wf_unlink(&f, "main.go");
    wf_write(&f, "main.go", "one");
    WF_SILENCE(&f);
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    wf_write(&f, "main.go", "two"); /* also what is known only since a change */
    WF_SILENCE(&f);
    wf_close(&f);
}

static void case_17_own_output_is_forgotten(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_tree(&f, "");
    wf_mkdir(&f, "bin");
    wf_write(&f, "bin/app", "built");
    wf_write(&f, "version.go", "built");
    skf_autofree char *bin = wf_path(&f, "bin");
    skf_autofree char *version = wf_path(&f, "version.go");
    skf_watch_forget(f.w, bin);
    skf_watch_forget(f.w, version);
    WF_SILENCE(&f);
    wf_write(&f, "version.go", "by hand"); /* forgotten once, not for ever */
    WF_EXPECT(&f, "version.go");
    wf_close(&f);
}

static void save_again(struct wf *f)
{
    if (f->reports == 1)
        wf_write(f, "main.go", "three");
}

static void case_18_change_during_a_report_is_told_next(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    f.on_report = save_again;
    wf_write(&f, "main.go", "two");
    LF_UNTIL(&f.lf, f.reports == 2);
    WF_EXPECT_ANY(&f, "main.go main.go");
    wf_close(&f);
}

static void commit_again(struct wf *f)
{
    if (f->reports > 1)
        return;
    wf_write(f, "main.go", "three"); /* before the new set: must not become its base */
    skf_watch_begin(f->w);
    wf_add_file(f, "main.go", NULL);
    wf_add_file(f, "other.go", NULL);
    wf_commit(f);
}

static void case_18_set_replaced_during_a_report_keeps_what_is_pending(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_write(&f, "other.go", "one");
    wf_watch_file(&f, "main.go");
    f.on_report = commit_again;
    wf_write(&f, "main.go", "two");
    LF_UNTIL(&f.lf, f.reports == 2);
    WF_EXPECT_ANY(&f, "main.go main.go");
    wf_write(&f, "other.go", "two");
    WF_EXPECT(&f, "other.go");
    wf_close(&f);
}

/* Takes the events out of the kernel's hands: as if they had never been told. */
static void lose_events(struct wf *f)
{
    char buf[4096];
    while (read(f->w->fd, buf, sizeof buf) > 0)
        ;
}

static void case_19_suspend_checks_all_at_the_next_event(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "one");
    wf_write(&f, "b.go", "one");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    wf_write(&f, "a.go", "two");
    lose_events(&f);
    WF_SILENCE(&f);
    f.w->test_skew_ms = 3600 * 1000;
    wf_write(&f, "b.go", "two");
    WF_EXPECT_ANY(&f, "a.go b.go");
    assert_int_equal(f.troubles.n, 1);
    assert_non_null(strstr(f.troubles.v[0], "clock jumped"));
    wf_close(&f);
}

static void case_20_first_change_before_the_loop_runs(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_file(&f, "main.go");
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    wf_close(&f);
    /* And a start makes no report of its own. */
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_tree(&f, "");
    WF_SILENCE(&f);
    wf_close(&f);
}

static void case_20_change_between_a_build_and_the_set_it_gave(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "old.go", "one");
    wf_write(&f, "read.go", "one");
    set_times(&f, "old.go", 1500000000); /* sets ctime to now; the pause below makes it old */
    lf_quiet(&f.lf, 3 * RACY_MS);
    int64_t before = skf_clock_wall_ms();
    lf_quiet(&f.lf, 3 * RACY_MS);
    wf_write(&f, "read.go", "two"); /* after it was read */
    skf_watch_begin(f.w);
    skf_watch_since(f.w, before);
    wf_add_file(&f, "old.go", NULL);
    wf_add_file(&f, "read.go", NULL);
    wf_commit(&f);
    WF_EXPECT(&f, "read.go");
    wf_close(&f);
}

static void every_owner_is_told_once(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    skf_watch_begin(f.w);
    wf_add_file(&f, "main.go", "a");
    wf_add_tree(&f, "", "b");
    wf_add_dir(&f, "", "*.go", "c");
    wf_add_tree(&f, "", "a");
    wf_commit(&f);
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go@a main.go@b main.go@c");
    wf_write(&f, "README", "new");
    WF_EXPECT(&f, "README@a README@b");
    wf_close(&f);
}

static void set_replaced_keeps_state_of_what_stays(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "stays.go", "one");
    wf_write(&f, "goes.go", "one");
    wf_write(&f, "comes.go", "one");
    skf_watch_begin(f.w);
    wf_add_file(&f, "stays.go", NULL);
    wf_add_file(&f, "goes.go", NULL);
    wf_commit(&f);
    wf_write(&f, "stays.go", "two");
    wf_write(&f, "goes.go", "two");
    wf_write(&f, "comes.go", "two");
    skf_watch_begin(f.w);
    wf_add_file(&f, "stays.go", NULL);
    wf_add_file(&f, "comes.go", NULL);
    wf_commit(&f);
    WF_EXPECT(&f, "stays.go");
    assert_int_equal(skf_watch_file_count(f.w), 2);
    skf_watch_begin(f.w);
    wf_commit(&f);
    assert_int_equal(skf_watch_file_count(f.w), 0);
    assert_int_equal(skf_watch_dir_count(f.w), 0);
    wf_write(&f, "stays.go", "three");
    WF_SILENCE(&f);
    wf_close(&f);
}

static void big_file_is_hashed_in_the_pool(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    size_t size = 3 * 1024 * 1024;
    char *text = skf_xmalloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    wf_write(&f, "big", text);
    wf_watch_file(&f, "big");
    wf_idle(&f);
    wf_write(&f, "big", text);
    WF_SILENCE(&f);
    text[size / 2] = 'y';
    wf_write(&f, "big", text);
    WF_EXPECT(&f, "big");
    /* Freed while the pool works: nothing may leak, nothing may come. */
    wf_write(&f, "big", text);
    lf_quiet(&f.lf, QUIET_MIN_MS + 2);
    free(text);
    wf_close(&f);
}

static void free_now(struct wf *f)
{
    skf_watch_free(f->w);
    f->w = NULL;
}

static void freed_inside_its_own_report(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "one");
    wf_watch_tree(&f, "");
    f.on_report = free_now;
    wf_write(&f, "a.go", "other size");
    LF_UNTIL(&f.lf, f.reports == 1);
    wf_close(&f);
}

static void note_timer(uv_handle_t *h, void *data)
{
    int *active = data;
    if (h->type == UV_TIMER && uv_is_active(h))
        ++*active;
}

static void idle_has_no_timer(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "main.go", "one");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    int active = 0;
    uv_walk(&f.lf.loop, note_timer, &active);
    assert_int_equal(active, 0);
    wf_write(&f, "main.go", "two");
    WF_EXPECT(&f, "main.go");
    uv_walk(&f.lf.loop, note_timer, &active);
    assert_int_equal(active, 0);
    wf_close(&f);
}

static void names_of_any_bytes(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_watch_tree(&f, "");
    wf_mkdir(&f, "a b\n");
    wf_write(&f, "a b\n/\xff\x01*?[", "x");
    WF_EXPECT(&f, "a b\n/\xff\x01*?[");
    wf_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_save_is_told_once),
        cmocka_unit_test(case_01_atomic_save_of_vim),
        cmocka_unit_test(case_01_real_vim),
        cmocka_unit_test(case_01_atomic_save_of_jetbrains),
        cmocka_unit_test(case_01_atomic_save_of_vscode),
        cmocka_unit_test(case_02_partial_write_is_told_when_it_is_whole),
        cmocka_unit_test(case_02_writer_that_never_closes),
        cmocka_unit_test(case_02_endless_writer_does_not_postpone_for_ever),
        cmocka_unit_test(case_03_truncate_then_write),
        cmocka_unit_test(case_08_branch_switch_is_one_report),
        cmocka_unit_test(case_08_branch_switch_there_and_back_is_silent),
        cmocka_unit_test(case_08_lock_in_a_linked_worktree),
        cmocka_unit_test(case_08_hold_is_bounded),
        cmocka_unit_test(case_08_real_git_checkout),
        cmocka_unit_test(case_14_mtime_goes_backwards_or_is_kept),
        cmocka_unit_test(case_15_touch_modes_and_same_bytes_are_silent),
        cmocka_unit_test(case_17_own_output_is_forgotten),
        cmocka_unit_test(case_18_change_during_a_report_is_told_next),
        cmocka_unit_test(case_18_set_replaced_during_a_report_keeps_what_is_pending),
        cmocka_unit_test(case_19_suspend_checks_all_at_the_next_event),
        cmocka_unit_test(case_20_first_change_before_the_loop_runs),
        cmocka_unit_test(case_20_change_between_a_build_and_the_set_it_gave),
        cmocka_unit_test(every_owner_is_told_once),
        cmocka_unit_test(set_replaced_keeps_state_of_what_stays),
        cmocka_unit_test(big_file_is_hashed_in_the_pool),
        cmocka_unit_test(freed_inside_its_own_report),
        cmocka_unit_test(idle_has_no_timer),
        cmocka_unit_test(names_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

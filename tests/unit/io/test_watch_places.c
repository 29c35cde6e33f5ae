/* The watcher on a real file system: what is watched where. See test_watch.c. */
#include <dirent.h>
#include <sched.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "lib/io/watch_private.h"
#include "tests/support/watch_fixture.h"

static void case_04_tree_created_at_once(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "src");
    wf_watch_tree(&f, "src");
    wf_mkdir(&f, "src/a/b/c/d");
    wf_write(&f, "src/a/b/c/d/deep.go", "x");
    wf_write(&f, "src/a/top.go", "x");
    WF_EXPECT(&f, "src/a/b/c/d/deep.go src/a/top.go");
    wf_write(&f, "src/a/b/c/d/deep.go", "y"); /* and its directory is watched from now on */
    WF_EXPECT(&f, "src/a/b/c/d/deep.go");
    assert_int_equal(skf_watch_dir_count(f.w), 5);
    wf_close(&f);
}

static void case_04_tree_unpacked_elsewhere_and_moved_in(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "src");
    wf_mkdir(&f, "new/x/y");
    wf_write(&f, "new/x/y/one.go", "1");
    wf_write(&f, "new/two.go", "2");
    wf_watch_tree(&f, "src");
    wf_rename(&f, "new", "src/new");
    WF_EXPECT(&f, "src/new/two.go src/new/x/y/one.go");
    wf_write(&f, "src/new/x/y/one.go", "one");
    WF_EXPECT(&f, "src/new/x/y/one.go");
    wf_close(&f);
}

static void case_04_many_directories_at_once(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_watch_tree(&f, "");
    for (int i = 0; i < 150; i++) {
        char name[64];
        snprintf(name, sizeof name, "d%03d/e/f", i);
        wf_mkdir(&f, name);
        snprintf(name, sizeof name, "d%03d/e/f/x.go", i);
        wf_write(&f, name, "x");
        if (i % 50 == 0)
            uv_run(&f.lf.loop, UV_RUN_NOWAIT);
    }
    LF_UNTIL(&f.lf, f.told.n >= 150);
    lf_quiet(&f.lf, WF_SILENCE_MS);
    assert_int_equal(f.told.n, 150);
    assert_int_equal(skf_watch_dir_count(f.w), 451);
    wf_close(&f);
}

static void case_05_path_that_does_not_exist_yet(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    skf_watch_begin(f.w);
    wf_add_file(&f, "a/b/c.go", NULL);
    wf_add_tree(&f, "t/u", NULL);
    wf_commit(&f);
    wf_write(&f, "sibling.go", "x"); /* in the nearest directory that exists: nobody asked */
    wf_mkdir(&f, "a/other");
    wf_write(&f, "a/other/c.go", "x");
    wf_mkdir(&f, "t/v");
    wf_write(&f, "t/v/x.go", "x");
    WF_SILENCE(&f);
    wf_mkdir(&f, "a/b");
    wf_write(&f, "a/b/d.go", "x");
    wf_write(&f, "a/b/c.go", "x");
    WF_EXPECT(&f, "a/b/c.go");
    wf_mkdir(&f, "t/u/w");
    wf_write(&f, "t/u/w/x.go", "x");
    WF_EXPECT(&f, "t/u/w/x.go");
    wf_close(&f);
}

static size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static size_t kernel_watches(const struct wf *f)
{
    skf_autofree char *path = skf_xasprintf("/proc/self/fdinfo/%d", f->w->fd);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    char line[512];
    size_t n = 0;
    while (fgets(line, sizeof line, in))
        n += strncmp(line, "inotify wd:", 11) == 0;
    fclose(in);
    return n;
}

static void case_06_root_removed_and_made_again(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "src/sub");
    wf_write(&f, "src/sub/a.go", "one");
    wf_watch_tree(&f, "src");
    wf_idle(&f);
    size_t fds = open_fds(), watches = kernel_watches(&f);
    for (int i = 0; i < 3; i++) {
        wf_rmtree(&f, "src");
        WF_EXPECT(&f, "-src/sub/a.go");
        wf_mkdir(&f, "src/sub");
        wf_write(&f, "src/sub/a.go", "one");
        WF_EXPECT(&f, "src/sub/a.go");
    }
    wf_rmtree(&f, "src"); /* quickly, with the same content: nothing happened */
    wf_mkdir(&f, "src/sub");
    wf_write(&f, "src/sub/a.go", "one");
    WF_SILENCE(&f);
    wf_write(&f, "src/sub/a.go", "two");
    WF_EXPECT(&f, "src/sub/a.go");
    assert_int_equal(open_fds(), fds);
    assert_int_equal(kernel_watches(&f), watches);
    wf_close(&f);
}

static void case_06_root_moved_away_and_another_put_there(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "up/src");
    wf_mkdir(&f, "next/src");
    wf_write(&f, "up/src/a.go", "one");
    wf_write(&f, "next/src/a.go", "two");
    skf_watch_begin(f.w);
    wf_add_tree(&f, "up/src", NULL);
    wf_commit(&f);
    wf_rename(&f, "up", "old"); /* an ancestor: no event inside the tree */
    wf_rename(&f, "next", "up");
    WF_EXPECT(&f, "up/src/a.go");
    wf_write(&f, "old/src/a.go", "nobody asks");
    WF_SILENCE(&f);
    wf_write(&f, "up/src/a.go", "three");
    WF_EXPECT(&f, "up/src/a.go");
    wf_close(&f);
}

static void case_07_renames_across_watched_directories(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "a/sub");
    wf_mkdir(&f, "b");
    wf_mkdir(&f, "outside/sub");
    wf_write(&f, "a/x.go", "x");
    wf_write(&f, "a/sub/y.go", "y");
    wf_write(&f, "outside/z.go", "z");
    skf_watch_begin(f.w);
    wf_add_tree(&f, "a", NULL);
    wf_add_tree(&f, "b", NULL);
    wf_commit(&f);
    wf_rename(&f, "a/x.go", "b/x.go");
    WF_EXPECT(&f, "-a/x.go b/x.go");
    wf_rename(&f, "a/sub", "b/sub");
    WF_EXPECT(&f, "-a/sub/y.go b/sub/y.go");
    wf_write(&f, "b/sub/y.go", "Y"); /* the watch has moved with it */
    WF_EXPECT(&f, "b/sub/y.go");
    wf_rename(&f, "outside/z.go", "a/z.go"); /* half a rename */
    WF_EXPECT(&f, "a/z.go");
    wf_rename(&f, "b/sub", "outside/sub"); /* the other half */
    WF_EXPECT(&f, "-b/sub/y.go");
    wf_write(&f, "outside/sub/y.go", "nobody asks");
    WF_SILENCE(&f);
    wf_close(&f);
}

static void case_07_directories_swapped(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "a/x/y");
    wf_mkdir(&f, "b/x/y");
    wf_write(&f, "a/f.go", "1");
    wf_write(&f, "b/f.go", "2");
    wf_write(&f, "a/x/y/same.go", "s");
    wf_write(&f, "b/x/y/same.go", "s");
    wf_watch_tree(&f, "");
    wf_idle(&f);
    wf_rename(&f, "a", "c");
    wf_rename(&f, "b", "a");
    wf_rename(&f, "c", "b");
    WF_EXPECT(&f, "a/f.go b/f.go");
    wf_write(&f, "a/x/y/same.go",
             "3"); /* each name is watched at its new directory, deep down too */
    WF_EXPECT(&f, "a/x/y/same.go");
    wf_write(&f, "b/x/y/same.go", "4");
    WF_EXPECT(&f, "b/x/y/same.go");
    wf_close(&f);
}

static void case_09_queue_overflow_loses_nothing(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "noise");
    wf_mkdir(&f, "src");
    wf_write(&f, "src/a.go", "one");
    wf_write(&f, "src/gone.go", "one");
    wf_write(&f, "src/same.go", "one");
    skf_watch_begin(f.w);
    wf_add_tree(&f, "src", NULL);
    wf_add_file(&f, "noise/wanted", NULL);
    wf_commit(&f);
    wf_idle(&f);
    /* Nobody reads meanwhile: each name makes two events or more, and the queue holds 16 384. */
    FILE *in = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    int max = 16384;
    if (in) {
        assert_int_equal(fscanf(in, "%d", &max), 1);
        fclose(in);
    }
    for (int i = 0; i < max / 2 + 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "noise/%d", i % 64);
        wf_write(&f, name, "");
        wf_unlink(&f, name);
    }
    wf_write(&f, "src/a.go", "two"); /* these events are the ones that are dropped */
    wf_write(&f, "src/same.go", "one");
    wf_unlink(&f, "src/gone.go");
    wf_mkdir(&f, "src/new/sub");
    wf_write(&f, "src/new/sub/b.go", "new");
    WF_EXPECT_ANY(&f, "-src/gone.go src/a.go src/new/sub/b.go");
    assert_int_equal(f.troubles.n, 1);
    assert_non_null(strstr(f.troubles.v[0], "nothing is lost"));
    wf_write(&f, "src/new/sub/b.go", "newer");
    WF_EXPECT(&f, "src/new/sub/b.go");
    wf_close(&f);
}

/* Runs `fn` in a child: as another user, or in a user namespace of its own. */
static void in_child(int (*prepare)(void), void (*fn)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (prepare() != 0)
            _exit(3);
        fn();
        _exit(0); /* no leak check: it would search the threads of the parent */
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        fail_msg("cannot prepare the child: %s", "user namespaces or setuid are not allowed");
    assert_int_equal(status, 0);
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* The limit of a user namespace is its own: nobody else on the machine notices. */
static int few_watches(void)
{
    char map[64];
    snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWUSER) != 0)
        return -1;
    write_text("/proc/self/setgroups", "deny"); /* needed only without privilege */
    if (write_text("/proc/self/uid_map", map) != 0)
        return -1;
    return write_text("/proc/sys/user/max_inotify_watches", "12");
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* In a child a failed cmocka assertion has nowhere to jump to: conditions and caps of our own. */
static bool wait_told(struct wf *f, const char *what)
{
    lf_begin(&f->lf, LF_CAP_MS);
    while (!skf_strv_has(&f->told, what) && lf_turn(&f->lf))
        ;
    lf_end(&f->lf);
    return skf_strv_has(&f->told, what);
}

static void watch_beyond_the_limit(void)
{
    struct wf f;
    wf_open(&f);
    for (int i = 0; i < 30; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%02d", i);
        wf_mkdir(&f, name);
        snprintf(name, sizeof name, "d%02d/a.go", i);
        wf_write(&f, name, "one");
    }
    struct skf_err err = SKF_ERR_INIT;
    skf_watch_poll_below(f.w, "/nowhere", 50); /* only the interval is meant */
    skf_watch_begin(f.w);
    wf_add_tree(&f, "", NULL);
    int r = skf_watch_commit(f.w, &err);
    CHECK(r == -SKF_ETOOBIG);
    CHECK(strstr(err.msg, "12 are allowed"));
    size_t need = 30 + 1; /* and one for each directory on the way down from "/" */
    for (const char *p = f.root; *p; p++)
        need += *p == '/';
    skf_autofree char *needs = skf_xasprintf("%zu directories need a watch", need);
    skf_autofree char *rest = skf_xasprintf("%zu are polled every 50 ms", need - 12);
    CHECK(strstr(err.msg, needs));
    CHECK(strstr(err.msg, rest));
    CHECK(strstr(err.msg, "sudo sysctl fs.inotify.max_user_watches="));
    CHECK(skf_watch_dir_count(f.w) == 31);
    CHECK(skf_watch_polled_count(f.w) == need - 12);
    for (int i = 0; i < 30; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%02d/a.go", i);
        wf_write(&f, name, "two");
        CHECK(wait_told(&f, name));
        snprintf(name, sizeof name, "d%02d/b.go", i);
        wf_write(&f, name, "new");
        CHECK(wait_told(&f, name));
    }
    CHECK(f.told.n == 60);
    /* The next set says nothing new. */
    skf_watch_begin(f.w);
    wf_add_tree(&f, "", NULL);
    CHECK(skf_watch_commit(f.w, &err) == 0);
    /* And a smaller one needs no polling. */
    skf_watch_begin(f.w);
    wf_add_tree(&f, "d29", NULL);
    CHECK(skf_watch_commit(f.w, &err) == 0);
    CHECK(skf_watch_polled_count(f.w) == 0);
    wf_close(&f);
}

static void case_10_watch_limit_polls_the_rest(void **state)
{
    (void)state;
    in_child(few_watches, watch_beyond_the_limit);
}

static size_t inotify_instances(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char to[64] = "";
        if (readlinkat(dirfd(d), e->d_name, to, sizeof to - 1) > 0)
            n += strcmp(to, "anon_inode:inotify") == 0;
    }
    closedir(d);
    return n;
}

static void case_11_one_instance_for_all(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    size_t before = inotify_instances();
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%d", i);
        wf_mkdir(&f, name);
    }
    for (int i = 0; i < 20; i++) {
        skf_watch_begin(f.w);
        for (int k = 0; k <= i; k++) {
            char name[32];
            snprintf(name, sizeof name, "d%d", k);
            wf_add_tree(&f, name, NULL);
        }
        wf_commit(&f);
    }
    /* libuv may have one of its own for fs events; nobody uses them here. */
    assert_int_equal(inotify_instances(), before);
    assert_int_equal(fcntl(f.w->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    wf_close(&f);
    assert_int_equal(inotify_instances(), before - 1);
}

static int no_instances(void)
{
    if (few_watches() != 0)
        return -1;
    return write_text("/proc/sys/user/max_inotify_instances", "0");
}

static void watch_without_inotify(void)
{
    struct wf f;
    wf_open(&f);
    wf_write(&f, "a.go", "one");
    skf_watch_poll_below(f.w, "/nowhere", 50);
    struct skf_err err = SKF_ERR_INIT;
    skf_watch_begin(f.w);
    wf_add_tree(&f, "", NULL);
    CHECK(skf_watch_commit(f.w, &err) == -SKF_ETOOBIG);
    CHECK(strstr(err.msg, "max_user_instances"));
    wf_write(&f, "a.go", "two");
    CHECK(wait_told(&f, "a.go"));
    wf_close(&f);
}

static void case_11_no_instance_left_polls_all(void **state)
{
    (void)state;
    in_child(no_instances, watch_without_inotify);
}

static void case_12_linked_file(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "proj");
    wf_mkdir(&f, "else/deep");
    wf_write(&f, "else/deep/real.go", "one");
    wf_write(&f, "else/deep/other.go", "other");
    wf_symlink(&f, "../else/deep/real.go", "proj/link.go");
    wf_watch_file(&f, "proj/link.go");
    wf_write(&f, "else/deep/real.go", "two"); /* what it points at */
    WF_EXPECT(&f, "proj/link.go");
    wf_write(&f, "else/deep/other.go", "not asked for");
    WF_SILENCE(&f);
    wf_write(&f, "else/deep/tmp", "three"); /* atomically */
    wf_rename(&f, "else/deep/tmp", "else/deep/real.go");
    WF_EXPECT(&f, "proj/link.go");
    wf_symlink(&f, "../else/deep/other.go", "proj/new"); /* where it points */
    wf_rename(&f, "proj/new", "proj/link.go");
    WF_EXPECT(&f, "proj/link.go");
    wf_write(&f, "else/deep/other.go", "four");
    WF_EXPECT(&f, "proj/link.go");
    wf_write(&f, "else/deep/real.go", "no more"); /* where it no longer points */
    WF_SILENCE(&f);
    wf_unlink(&f, "else/deep/other.go"); /* nowhere */
    WF_EXPECT(&f, "-proj/link.go");
    wf_write(&f, "else/deep/other.go", "back");
    WF_EXPECT(&f, "proj/link.go");
    wf_close(&f);
}

/* As Kubernetes mounts ConfigMaps: file -> ..data/file, ..data -> ..2026; the middle link is
 * replaced. */
static void case_12_chain_of_links(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "m/..1");
    wf_mkdir(&f, "m/..2");
    wf_write(&f, "m/..1/cfg", "one");
    wf_write(&f, "m/..2/cfg", "two");
    wf_symlink(&f, "..1", "m/..data");
    wf_symlink(&f, "..data/cfg", "m/cfg");
    wf_watch_file(&f, "m/cfg");
    wf_symlink(&f, "..2", "m/..tmp");
    wf_rename(&f, "m/..tmp", "m/..data");
    WF_EXPECT(&f, "m/cfg");
    wf_write(&f, "m/..2/cfg", "three");
    WF_EXPECT(&f, "m/cfg");
    wf_close(&f);
}

static void case_12_linked_directory(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "proj");
    wf_mkdir(&f, "one/sub");
    wf_mkdir(&f, "two");
    wf_write(&f, "one/sub/a.go", "a");
    wf_write(&f, "two/b.go", "b");
    wf_symlink(&f, "../one", "proj/kodata");
    skf_watch_begin(f.w);
    wf_add_tree(&f, "proj", NULL);
    wf_commit(&f);
    assert_int_equal(skf_watch_file_count(f.w), 1);
    wf_write(&f, "one/sub/a.go", "A");
    WF_EXPECT(&f, "proj/kodata/sub/a.go");
    wf_write(&f, "one/new.go", "n");
    WF_EXPECT(&f, "proj/kodata/new.go");
    wf_symlink(&f, "../two", "proj/tmp"); /* another directory */
    wf_rename(&f, "proj/tmp", "proj/kodata");
    WF_EXPECT_ANY(&f, "-proj/kodata/new.go -proj/kodata/sub/a.go proj/kodata/b.go");
    wf_write(&f, "two/b.go", "B");
    WF_EXPECT(&f, "proj/kodata/b.go");
    wf_write(&f, "one/sub/a.go", "no more");
    WF_SILENCE(&f);
    wf_rmtree(&f, "two"); /* the target goes and comes */
    WF_EXPECT(&f, "-proj/kodata/b.go");
    wf_mkdir(&f, "two");
    wf_write(&f, "two/c.go", "c");
    WF_EXPECT(&f, "proj/kodata/c.go");
    /* A file behind a linked directory, by name. */
    skf_watch_begin(f.w);
    wf_add_file(&f, "proj/kodata/c.go", NULL);
    wf_commit(&f);
    wf_write(&f, "two/c.go", "C");
    WF_EXPECT(&f, "proj/kodata/c.go");
    wf_symlink(&f, "../one", "proj/tmp");
    wf_rename(&f, "proj/tmp", "proj/kodata");
    WF_EXPECT(&f, "-proj/kodata/c.go");
    wf_close(&f);
}

static void case_12_loops_end(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "a/b");
    wf_mkdir(&f, "ext");
    wf_write(&f, "a/b/x.go", "x");
    wf_symlink(&f, "..", "a/b/up");
    wf_symlink(&f, ".", "a/self");
    wf_symlink(&f, f.root, "a/root");
    wf_symlink(&f, "round", "a/trip");
    wf_symlink(&f, "trip", "a/round");
    wf_symlink(&f, "../a", "ext/a");
    wf_symlink(&f, "../ext", "a/ext");
    wf_watch_tree(&f, "a");
    wf_write(&f, "a/b/x.go", "X");
    lf_begin(&f.lf, LF_CAP_MS);
    while (!f.reports && lf_turn(&f.lf))
        ;
    lf_end(&f.lf);
    assert_true(skf_strv_has(&f.told, "a/b/x.go"));
    assert_true(skf_watch_file_count(f.w) < 10);
    wf_close(&f);
}

static int as_nobody(void)
{
    if (geteuid() != 0)
        return 0; /* already without the power to read all */
    return setgid(65534) || setuid(65534) ? -1 : 0;
}

static void watch_unreadable(void)
{
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "src/secret");
    wf_mkdir(&f, "src/open");
    wf_write(&f, "src/open/a.go", "one");
    wf_write(&f, "src/secret/b.go", "one");
    skf_autofree char *secret = wf_path(&f, "src/secret");
    CHECK(chmod(secret, 0) == 0);
    struct skf_err err = SKF_ERR_INIT;
    skf_watch_begin(f.w);
    wf_add_tree(&f, "src", NULL);
    CHECK(skf_watch_commit(f.w, &err) == -SKF_EDENIED);
    CHECK(strstr(err.msg, "/src/secret'"));
    /* Once only. */
    skf_watch_begin(f.w);
    wf_add_tree(&f, "src", NULL);
    CHECK(skf_watch_commit(f.w, &err) == 0);
    wf_write(&f, "src/open/a.go", "two");
    CHECK(wait_told(&f, "src/open/a.go"));
    CHECK(f.troubles.n == 0);
    CHECK(chmod(secret, 0755) == 0); /* allowed now: seen, and watched from then on */
    CHECK(wait_told(&f, "src/secret/b.go"));
    wf_forget_told(&f);
    wf_write(&f, "src/secret/b.go", "two");
    CHECK(wait_told(&f, "src/secret/b.go"));
    wf_forget_told(&f);
    /* An unreadable one that comes later is a note. */
    wf_mkdir(&f, "src/later");
    skf_autofree char *later = wf_path(&f, "src/later");
    CHECK(chmod(later, 0) == 0);
    lf_quiet(&f.lf, WF_SILENCE_MS);
    CHECK(f.told.n == 0);
    CHECK(f.troubles.n == 1 && strstr(f.troubles.v[0], "/src/later'"));
    wf_close(&f);
}

static void case_13_unreadable_directory_is_named_once(void **state)
{
    (void)state;
    in_child(as_nobody, watch_unreadable);
}

static void case_13_vanishing_directories(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "src");
    wf_write(&f, "src/keep.go", "one");
    wf_watch_tree(&f, "src");
    for (int i = 0; i < 50; i++) { /* gone before we can look */
        wf_mkdir(&f, "src/tmp/deep/er");
        wf_write(&f, "src/tmp/deep/er/x.go", "x");
        if (i % 3 == 0)
            uv_run(&f.lf.loop, UV_RUN_NOWAIT);
        wf_rmtree(&f, "src/tmp");
    }
    WF_SILENCE(&f);
    assert_int_equal(f.troubles.n, 0);
    assert_int_equal(skf_watch_dir_count(f.w), 1);
    wf_write(&f, "src/keep.go", "two");
    WF_EXPECT(&f, "src/keep.go");
    wf_close(&f);
}

static void case_16_polled_directories(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "share/sub");
    wf_write(&f, "share/sub/a.go", "one");
    skf_watch_poll_below(f.w, f.root, 20);
    skf_watch_begin(f.w);
    wf_add_tree(&f, "share", NULL);
    wf_add_file(&f, "share2/not-yet", NULL);
    wf_commit(&f);
    assert_int_equal(skf_watch_polled_count(f.w), 3);
    wf_write(&f, "share/sub/a.go", "two");
    WF_EXPECT(&f, "share/sub/a.go");
    wf_mkdir(&f, "share/new/dir");
    wf_write(&f, "share/new/dir/b.go", "x");
    WF_EXPECT(&f, "share/new/dir/b.go");
    wf_write(&f, "share/new/dir/b.go", "y");
    WF_EXPECT(&f, "share/new/dir/b.go");
    wf_rmtree(&f, "share/new");
    WF_EXPECT(&f, "-share/new/dir/b.go");
    wf_mkdir(&f, "share2");
    wf_write(&f, "share2/not-yet", "now");
    WF_EXPECT(&f, "share2/not-yet");
    wf_close(&f);
}

static void case_16_network_file_system_is_announced(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    struct statfs fs;
    assert_int_equal(statfs(f.root, &fs), 0);
    wf_write(&f, "a.go", "one");
    skf_wpoll_test_magic = (unsigned long)fs.f_type;
    wf_watch_tree(&f, "");
    assert_int_equal(skf_watch_polled_count(f.w), 1);
    wf_write(&f, "a.go", "two"); /* what this machine writes is told at once all the same */
    WF_EXPECT(&f, "a.go");
    skf_wpoll_test_magic = 0;
    assert_int_equal(f.troubles.n, 1);
    assert_non_null(strstr(f.troubles.v[0], "polled every 1000 ms"));
    wf_close(&f);
}

static bool skip_node_modules(void *data, const char *path, bool is_dir)
{
    size_t *asked = data;
    ++*asked;
    const char *base = strrchr(path, '/') + 1;
    return (is_dir && strcmp(base, "node_modules") == 0) || strcmp(base, "x.tmp") == 0;
}

static void tree_leaves_git_out_and_skip_decides(void **state)
{
    (void)state;
    struct wf f;
    size_t asked = 0;
    wf_open(&f);
    wf_mkdir(&f, ".git/refs");
    wf_mkdir(&f, "node_modules/dep");
    wf_watch_tree(&f, "");
    assert_int_equal(skf_watch_dir_count(f.w), 3);
    wf_write(&f, ".git/HEAD", "x");
    WF_SILENCE(&f);
    skf_watch_begin(f.w);
    skf_watch_add_tree_except(f.w, f.root, skip_node_modules, &asked, NULL);
    wf_commit(&f);
    assert_true(asked > 0);
    assert_int_equal(skf_watch_dir_count(f.w), 3); /* the root, .git, .git/refs */
    wf_write(&f, "node_modules/dep/index.js", "x");
    wf_write(&f, "x.tmp", "x");
    wf_mkdir(&f, "sub/node_modules/y");
    wf_write(&f, "sub/node_modules/y/z.js", "x");
    WF_SILENCE(&f);
    wf_write(&f, "sub/x.go", "x");
    WF_EXPECT(&f, "sub/x.go");
    wf_close(&f);
}

static void directory_with_a_glob(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "pkg/sub");
    skf_watch_begin(f.w);
    wf_add_dir(&f, "pkg", "*.go", NULL);
    wf_commit(&f);
    wf_write(&f, "pkg/notes.txt", "x");
    wf_write(&f, "pkg/sub/deep.go", "x");
    wf_mkdir(&f, "pkg/dir.go");
    WF_SILENCE(&f);
    wf_write(&f, "pkg/new.go", "x");
    WF_EXPECT(&f, "pkg/new.go");
    wf_unlink(&f, "pkg/new.go");
    WF_EXPECT(&f, "-pkg/new.go");
    wf_close(&f);
}

static void file_and_directory_take_turns(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_write(&f, "x", "file");
    wf_watch_tree(&f, "");
    wf_unlink(&f, "x");
    wf_mkdir(&f, "x");
    wf_write(&f, "x/y", "inside");
    WF_EXPECT_ANY(&f, "-x x/y");
    wf_rmtree(&f, "x");
    wf_write(&f, "x", "file again");
    WF_EXPECT_ANY(&f, "-x/y x");
    skf_autofree char *fifo = wf_path(&f, "fifo"); /* must not block us, and is no file */
    assert_int_equal(mkfifo(fifo, 0644), 0);
    WF_SILENCE(&f);
    wf_close(&f);
}

static void ancestors_make_no_wake_ups(void **state)
{
    (void)state;
    struct wf f;
    wf_open(&f);
    wf_mkdir(&f, "a/b");
    wf_watch_tree(&f, "a/b");
    wf_idle(&f);
    wf_write(&f, "a/neighbour", "x"); /* on the way, of no interest */
    wf_write(&f, "other", "x");
    char buf[512];
    assert_int_equal(read(f.w->fd, buf, sizeof buf), -1); /* not even an event */
    assert_int_equal(errno, EAGAIN);
    wf_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_04_tree_created_at_once),
        cmocka_unit_test(case_04_tree_unpacked_elsewhere_and_moved_in),
        cmocka_unit_test(case_04_many_directories_at_once),
        cmocka_unit_test(case_05_path_that_does_not_exist_yet),
        cmocka_unit_test(case_06_root_removed_and_made_again),
        cmocka_unit_test(case_06_root_moved_away_and_another_put_there),
        cmocka_unit_test(case_07_renames_across_watched_directories),
        cmocka_unit_test(case_07_directories_swapped),
        cmocka_unit_test(case_09_queue_overflow_loses_nothing),
        cmocka_unit_test(case_10_watch_limit_polls_the_rest),
        cmocka_unit_test(case_11_one_instance_for_all),
        cmocka_unit_test(case_11_no_instance_left_polls_all),
        cmocka_unit_test(case_12_linked_file),
        cmocka_unit_test(case_12_chain_of_links),
        cmocka_unit_test(case_12_linked_directory),
        cmocka_unit_test(case_12_loops_end),
        cmocka_unit_test(case_13_unreadable_directory_is_named_once),
        cmocka_unit_test(case_13_vanishing_directories),
        cmocka_unit_test(case_16_polled_directories),
        cmocka_unit_test(case_16_network_file_system_is_announced),
        cmocka_unit_test(tree_leaves_git_out_and_skip_decides),
        cmocka_unit_test(directory_with_a_glob),
        cmocka_unit_test(file_and_directory_take_turns),
        cmocka_unit_test(ancestors_make_no_wake_ups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

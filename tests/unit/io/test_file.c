/* tests/unit/io/test_file.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

static char *root; /* of one test */

static char *at(const char *name)
{
    static char *kept[64];
    static size_t next;
    next = (next + 1) % 64;
    skf_replace(&kept[next], name ? skf_path_join(root, name) : NULL);
    return kept[next];
}

static void put(const char *name, const char *text)
{
    struct skf_err e;
    skf_autofree char *dir = skf_path_dir(at(name));
    assert_int_equal(skf_file_mkdirs(dir, 0755, &e), 0);
    assert_int_equal(skf_file_write_atomic(at(name), 0644, text, strlen(text), &e), 0);
}

static int set_up(void **state)
{
    struct skf_err e;
    (void)state;
    root = skf_file_temp_dir("skiff-test", &e);
    return root ? 0 : -1;
}

static int tear_down(void **state)
{
    struct skf_err e;
    (void)state;
    int rc = skf_file_remove_tree(root, &e);
    bool left = skf_file_exists(root);
    for (int i = 0; i < 64; i++)
        at(NULL);
    skf_replace(&root, NULL);
    return rc < 0 || left ? -1 : 0;
}

static size_t open_fds(void)
{
    struct skf_err e;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    assert_int_equal(skf_file_list("/proc/self/fd", &names, &e), 0);
    return names.n;
}

static void test_read(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&b, "old");
    put("f", "hello");
    assert_int_equal(skf_file_read(at("f"), 5, &b, &e), 0);
    assert_string_equal(b.data, "hello");
    assert_int_equal(e.code, 0);
    assert_int_equal(skf_file_read(at("f"), 4, &b, &e), -SKF_ETOOBIG);
    assert_int_equal(skf_file_read(at("none"), 4, &b, &e), -SKF_ENOTFOUND);
    assert_non_null(strstr(e.msg, "none"));
    assert_int_equal(skf_file_read(at("f/x"), 4, &b, &e), -SKF_ENOTFOUND);
    assert_string_equal(b.data, "hello"); /* as it was */
    put("empty", "");
    assert_int_equal(skf_file_read(at("empty"), 0, &b, &e), 0);
    assert_string_equal(b.data, "");
    assert_int_equal(skf_file_write_atomic(at("nul"), 0600, "a\0b", 3, &e), 0);
    assert_int_equal(skf_file_read(at("nul"), 100, &b, &e), 0);
    assert_memory_equal(b.data, "a\0b", 4);
    assert_int_equal(skf_file_read("/dev/null", 10, &b, &e), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(skf_file_read("/dev/zero", 1000000, &b, &e), -SKF_ETOOBIG);
}

static void test_refuses_what_is_no_file(void **state)
{
    (void)state;
    size_t before = open_fds();
    struct skf_err e = SKF_ERR_INIT;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    char digest[SKF_DIGEST_TEXT] = "untouched";
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(skf_file_read(at("fifo"), 100, &b, &e), -SKF_EINVAL); /* and does not wait */
    assert_int_equal(skf_file_digest(at("fifo"), digest, NULL, &e), -SKF_EINVAL);
    assert_true(skf_file_read(root, 100, &b, &e) < 0);
    assert_non_null(strstr(e.msg, "directory"));
    assert_true(skf_file_digest(root, digest, NULL, &e) < 0);
    assert_true(skf_file_digest("/dev/zero", digest, NULL, &e) < 0);
    assert_true(skf_file_digest(at("none"), digest, NULL, &e) == -SKF_ENOTFOUND);
    assert_string_equal(digest, "untouched");
    assert_int_equal(open_fds(), before);
}

static void test_unreadable(void **state)
{
    (void)state;
    put("secret", "x");
    put("closed/f", "x");
    assert_int_equal(chmod(at("secret"), 0), 0);
    assert_int_equal(chmod(at("closed"), 0), 0);
    assert_int_equal(chmod(root, 0755), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    struct skf_err e = SKF_ERR_INIT, list_err = SKF_ERR_INIT, write_err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    int rc = skf_file_read(at("secret"), 100, &b, &e);
    int list_rc = skf_file_list(at("closed"), &names, &list_err);
    int glob_rc = skf_file_glob(root, "**", &found, &list_err);
    int write_rc = skf_file_write_atomic(at("new"), 0600, "x", 1, &write_err);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    chmod(at("closed"), 0700);
    assert_int_equal(rc, -SKF_EDENIED);
    assert_non_null(strstr(e.msg, "permission denied"));
    assert_int_equal(list_rc, -SKF_EDENIED);
    assert_int_equal(glob_rc, 0);
    assert_int_equal(found.n, 1); /* "secret" is there; what cannot be listed is not */
    if (getuid() == 0)
        assert_int_equal(write_rc, -SKF_EDENIED);
}

static void test_write_atomic(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    struct stat st;
    size_t before = open_fds();
    put("f", "one");
    int reader = open(at("f"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(skf_file_write_atomic(at("f"), 0640, "two", 3, &e), 0);
    char old[4] = "";
    assert_int_equal(read(reader, old, 3), 3);
    close(reader);
    assert_string_equal(old, "one"); /* an open reader keeps the old content */
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(mkdir(at("dir"), 0700), 0);
    put("dir/x", "x");
    assert_true(skf_file_write_atomic(at("dir"), 0600, "x", 1, &e) < 0);
    assert_int_equal(skf_file_write_atomic(at("no/such/f"), 0600, "x", 1, &e), -SKF_ENOTFOUND);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    assert_int_equal(skf_file_list(root, &names, &e), 0);
    assert_int_equal(names.n, 2); /* nothing temporary left */
    assert_int_equal(open_fds(), before);
    assert_int_equal(skf_file_write_all(-1, "x", 1, &e), -SKF_EIO);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(skf_file_write_all(full, "x", 1, &e), -SKF_EIO);
    close(full);
}

struct drain {
    int fd;
    size_t got;
};

static void *drain_pipe(void *arg)
{
    struct drain *d = arg;
    char chunk[4096];
    ssize_t n;
    while ((n = read(d->fd, chunk, sizeof chunk)) > 0)
        d->got += (size_t)n;
    return NULL;
}

/* A stdout that somebody made non-blocking: everything arrives all the same. */
static void test_write_all_on_a_nonblocking_pipe(void **state)
{
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 };
    struct skf_err e = SKF_ERR_INIT;
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
    skf_autofree char *data = skf_xcalloc(1, SIZE);
    struct drain d = { p[0], 0 };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drain_pipe, &d), 0);
    int rc = skf_file_write_all(p[1], data, SIZE, &e);
    close(p[1]);
    pthread_join(thread, NULL);
    close(p[0]);
    assert_int_equal(rc, 0);
    assert_int_equal(d.got, SIZE);
}

static void *feed_pipe(void *arg)
{
    struct drain *d = arg;
    for (int i = 0; i < 5; i++)
        d->got += (size_t)write(d->fd, "12345", 5);
    close(d->fd);
    return NULL;
}

static void test_read_fd_of_a_nonblocking_pipe(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
    struct drain d = { p[1], 0 };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, feed_pipe, &d), 0);
    int rc = skf_file_read_fd(p[0], 100, &b, &e);
    pthread_join(thread, NULL);
    close(p[0]);
    assert_int_equal(rc, 0);
    assert_int_equal(b.len, 25);
}

static void test_mkdirs(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    struct stat st;
    assert_int_equal(skf_file_mkdirs(at("a/b/c"), 0700, &e), 0);
    assert_int_equal(skf_file_mkdirs(at("a/b/c"), 0755, &e), 0);
    assert_int_equal(stat(at("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(skf_file_mkdirs("/", 0700, &e), 0);
    assert_int_equal(skf_file_mkdirs("", 0700, &e), -SKF_EINVAL);
    put("file", "");
    assert_true(skf_file_mkdirs(at("file"), 0700, &e) < 0);
    assert_true(skf_file_mkdirs(at("file/x"), 0700, &e) < 0);
    skf_autofree char *twice = skf_xasprintf("%s//x//y/", root);
    assert_int_equal(skf_file_mkdirs(twice, 0700, &e), 0);
    assert_true(skf_file_is_dir(at("x/y")));
}

static void test_remove_tree(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    put("keep/f", "x");
    put("t/a/b/f", "x");
    assert_int_equal(symlink(at("keep"), at("t/link")), 0);
    assert_int_equal(symlink("nowhere", at("t/broken")), 0);
    for (int i = 0; i < 100; i++) { /* more than it may keep open */
        skf_autofree char *name = skf_xasprintf("t/w%d", i);
        put(name, "");
    }
    assert_int_equal(skf_file_remove_tree(at("t"), &e), 0);
    assert_false(skf_file_exists(at("t")));
    assert_true(skf_file_exists(at("keep/f"))); /* not through the link */
    assert_int_equal(skf_file_remove_tree(at("t"), &e), 0);
    assert_int_equal(skf_file_remove_tree(at("keep/f"), &e), 0);
    assert_int_equal(symlink(at("keep"), at("l")), 0);
    assert_int_equal(skf_file_remove_tree(at("l"), &e), 0);
    assert_true(skf_file_is_dir(at("keep")));
}

static void test_digest(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    int64_t size = -1;
    put("abc", "abc");
    assert_int_equal(skf_file_digest(at("abc"), digest, &size, &e), 0);
    assert_string_equal(digest,
                        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(size, 3);
    size_t large = 3 * 256 * 1024 + 17;
    skf_autofree char *data = skf_xmalloc(large);
    memset(data, 'x', large);
    assert_int_equal(skf_file_write_atomic(at("large"), 0600, data, large, &e), 0);
    char expected[SKF_DIGEST_TEXT];
    skf_digest_of(data, large, expected);
    assert_int_equal(skf_file_digest(at("large"), digest, NULL, &e), 0);
    assert_string_equal(digest, expected);
}

static void test_list(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    put("b", "");
    put(".a", "");
    put("C/x", "");
    assert_int_equal(skf_file_list(root, &names, &e), 0);
    skf_autofree char *joined = skf_strv_join(&names, " ");
    assert_string_equal(joined, ".a C b");
    assert_int_equal(skf_file_list(at("none"), &names, &e), -SKF_ENOTFOUND);
    assert_int_equal(names.n, 3);
}

static void globs_to(const char *pattern, const char *expected)
{
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    assert_int_equal(skf_file_glob(root, pattern, &found, &e), 0);
    skf_autofree char *joined = skf_strv_join(&found, " ");
    if (strcmp(joined, expected) != 0)
        fail_msg("'%s' gives '%s', not '%s'", pattern, joined, expected);
}

static void test_glob(void **state)
{
    (void)state;
    put("main.go", "");
    put("a/x.go", "");
    put("a/b/y.go", "");
    put("a/b/z.txt", "");
    put("ab/n.go", "");
    put("other/o.go", "");
    assert_int_equal(symlink("main.go", at("link.go")), 0);
    assert_int_equal(symlink("a", at("dirlink")), 0);
    assert_int_equal(symlink("nowhere", at("broken.go")), 0);
    assert_int_equal(mkfifo(at("pipe.go"), 0600), 0);
    globs_to("*.go", "link.go main.go");
    globs_to("**/*.go", "a/b/y.go a/x.go ab/n.go link.go main.go other/o.go");
    globs_to("a", "a/b/y.go a/b/z.txt a/x.go");
    globs_to("./a/", "a/b/y.go a/b/z.txt a/x.go");
    globs_to("a/**", "a/b/y.go a/b/z.txt a/x.go");
    globs_to("a/*", "a/x.go");
    globs_to("{a,other}/*.go", "a/x.go other/o.go");
    globs_to("main.go", "main.go");
    globs_to("./a/../main.go", "main.go");
    globs_to("none", "");
    globs_to("none/**", "");
    globs_to("pipe.go", "");
    globs_to("broken.go", "");
    globs_to("dirlink/*.go", "dirlink/x.go"); /* named, so entered */
    globs_to("link.go", "link.go");
    globs_to(".", "a/b/y.go a/b/z.txt a/x.go ab/n.go link.go main.go other/o.go");
    char *whole = root;
    root = skf_path_join(whole, "a");
    globs_to("../other/*.go", "../other/o.go");
    free(root);
    root = whole;
}

static void test_glob_adds_sorted_and_unique(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    put("b.go", "");
    put("a.go", "");
    assert_int_equal(skf_file_glob(root, "b.go", &found, &e), 0);
    assert_int_equal(skf_file_glob(root, "*.go", &found, &e), 0);
    assert_int_equal(skf_file_glob(root, "a.go", &found, &e), 0);
    skf_autofree char *joined = skf_strv_join(&found, " ");
    assert_string_equal(joined, "a.go b.go");
}

static void test_glob_too_deep(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    skf_autobuf struct skf_buf deep = SKF_BUF_INIT;
    put("first", "");
    for (int i = 0; i < 120; i++)
        skf_buf_adds(&deep, "d/");
    skf_buf_adds(&deep, "f");
    put(deep.data, "");
    assert_int_equal(skf_file_glob(root, "**", &found, &e), -SKF_ETOOBIG);
    assert_int_equal(found.n, 0); /* untouched on failure */
    skf_autobuf struct skf_buf content = SKF_BUF_INIT;
    assert_int_equal(skf_file_read(at(deep.data), 10, &content, &e), 0);
}

static void test_own_dirs(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    struct stat st;
    setenv("HOME", at("home"), 1);
    unsetenv("XDG_CACHE_HOME");
    setenv("XDG_STATE_HOME", "relative", 1); /* ignored, as the specification says */
    setenv("XDG_CONFIG_HOME", at("conf"), 1);
    skf_autofree char *cache = skf_dir_cache(&e);
    skf_autofree char *kept = skf_dir_state(&e);
    skf_autofree char *config = skf_dir_config(&e);
    assert_string_equal(cache, at("home/.cache/skiff"));
    assert_string_equal(kept, at("home/.local/state/skiff"));
    assert_string_equal(config, at("conf/skiff"));
    assert_int_equal(stat(cache, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    unsetenv("HOME");
    assert_null(skf_dir_cache(&e));
    assert_int_equal(e.code, SKF_ENOTFOUND);
    put("file", "");
    setenv("HOME", at("file"), 1);
    assert_null(skf_dir_cache(&e));
}

static void test_temp_dir(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    struct stat st;
    setenv("TMPDIR", root, 1);
    skf_autofree char *dir = skf_file_temp_dir("x", &e);
    assert_true(skf_path_within(root, dir));
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    setenv("TMPDIR", at("none"), 1);
    assert_null(skf_file_temp_dir("x", &e));
    assert_int_equal(e.code, SKF_ENOTFOUND);
    unsetenv("TMPDIR");
}

static void test_locks(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    bool busy = true;
    size_t before = open_fds();
    int fd = skf_lock_take(at("lock"), &e);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(skf_lock_try(at("lock"), &busy, &e), -1);
    assert_true(busy);
    assert_int_equal(e.code, 0);
    skf_lock_release(fd);
    fd = skf_lock_try(at("lock"), &busy, &e);
    assert_true(fd >= 0);
    assert_false(busy);
    skf_lock_release(fd);
    skf_lock_release(-1);
    assert_true(skf_lock_take(at("no/dir"), &e) < 0);
    assert_int_equal(e.code, SKF_ENOTFOUND);
    assert_int_equal(open_fds(), before);
}

static void test_lock_ends_with_the_process(void **state)
{
    (void)state;
    struct skf_err e = SKF_ERR_INIT;
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = skf_lock_take(at("lock"), &e);
        ssize_t n = write(ready[1], "x", 1);
        _exit(fd < 0 || n != 1 || pause());
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    bool busy;
    assert_int_equal(skf_lock_try(at("lock"), &busy, &e), -1);
    assert_true(busy);
    kill(child, SIGKILL);
    int fd = skf_lock_take(at("lock"), &e); /* waits for that end */
    assert_true(fd >= 0);
    skf_lock_release(fd);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    umask(022);
    const struct CMUnitTest tests[] = {
        TEST(test_read),
        TEST(test_refuses_what_is_no_file),
        TEST(test_unreadable),
        TEST(test_write_atomic),
        TEST(test_write_all_on_a_nonblocking_pipe),
        TEST(test_read_fd_of_a_nonblocking_pipe),
        TEST(test_mkdirs),
        TEST(test_remove_tree),
        TEST(test_digest),
        TEST(test_list),
        TEST(test_glob),
        TEST(test_glob_adds_sorted_and_unique),
        TEST(test_glob_too_deep),
        TEST(test_own_dirs),
        TEST(test_temp_dir),
        TEST(test_locks),
        TEST(test_lock_ends_with_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

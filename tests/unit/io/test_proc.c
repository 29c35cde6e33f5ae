/* tests/unit/io/test_proc.c: real children. Nothing of them may be left after any test: no process
 * of theirs, no descriptor, no zombie of ours. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"
#include "tests/support/loop_fixture.h"

struct run {
    struct skf_proc proc;
    int dones;
    struct skf_err err;
    struct skf_strv lines; /* "1:text" or "2:text" */
    size_t longest, bytes;
    struct skf_buf raw;
    bool stop_at_first_line;
};

static struct lf lf;
static size_t fds_before;

static size_t open_fds(void)
{
    struct skf_err e;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    assert_int_equal(skf_file_list("/proc/self/fd", &names, &e), 0);
    return names.n;
}

static int set_up(void **state)
{
    (void)state;
    lf_open(&lf);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lf_close(&lf);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, no zombie */
    assert_int_equal(errno, ECHILD);
    if (!fds_before)
        fds_before = open_fds();
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

static void on_done(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    r->dones++;
    if (err)
        r->err = *err;
}

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct run *r = p->data;
    assert_int_equal(line[len], '\0');
    if (len > r->longest)
        r->longest = len;
    r->bytes += len;
    if (len < 100)
        skf_strv_addf(&r->lines, "%d:%s", (int)from, line);
    if (r->stop_at_first_line)
        skf_proc_stop(p);
}

static void on_output(struct skf_proc *p, enum skf_proc_stream from, const char *data, size_t len)
{
    struct run *r = p->data;
    (void)from;
    skf_buf_add(&r->raw, data, len);
}

static void init(struct run *r)
{
    memset(r, 0, sizeof *r);
    skf_proc_init(&r->proc);
    skf_buf_init(&r->raw);
    r->proc.data = r;
}

static void init_sh(struct run *r, const char *script)
{
    init(r);
    skf_proc_args(&r->proc, "sh", "-c", script, NULL);
}

static void start(struct run *r)
{
    skf_proc_start(&lf.loop, &r->proc, on_done);
    assert_int_equal(r->dones, 0);
}

static void finish(struct run *r)
{
    LF_UNTIL(&lf, r->dones);
    assert_int_equal(r->dones, 1);
    assert_int_equal(r->proc.open_handles, 0);
}

static void release(struct run *r)
{
    assert_int_equal(r->dones, 1);
    skf_proc_release(&r->proc);
    skf_strv_release(&r->lines);
    skf_buf_release(&r->raw);
}

static void joined(struct run *r, const char *expected)
{
    skf_autofree char *all = skf_strv_join(&r->lines, "|");
    assert_string_equal(all, expected);
}

/* Is the process gone, or a zombie that an init without manners keeps? */
static bool gone(long pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return true;
    const char *state = strrchr(text, ')');
    return state && (state[2] == 'Z' || state[2] == 'X');
}

/* --- ends ------------------------------------------------------------------------------------- */

static void test_captures_both(void **state)
{
    (void)state;
    struct run r;
    unsigned long count = skf_proc_count();
    init_sh(&r, "echo out; echo err >&2; printf last");
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, 0);
    assert_string_equal(r.proc.out.data, "out\nlast");
    assert_string_equal(r.proc.errout.data, "err\n");
    assert_int_equal(r.proc.status, 0);
    assert_int_equal(skf_proc_count(), count + 1);
    assert_true(r.proc.ended_us >= r.proc.started_us);
    release(&r);
}

static void test_exit_status_and_signal(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "exit 42");
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECHILD);
    assert_int_equal(r.err.sys, 42);
    assert_string_equal(r.err.msg, "sh exited with status 42");
    release(&r);
    init_sh(&r, "kill -KILL $$");
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECHILD);
    assert_int_equal(r.err.sys, 128 + SIGKILL);
    assert_int_equal(r.proc.signal, SIGKILL);
    release(&r);
}

static void fails_to_start(struct run *r, enum skf_code code, const char *text)
{
    start(r);
    skf_proc_feed(&r->proc, "x", 1);
    skf_proc_feed_end(&r->proc);
    finish(r);
    if (r->err.code != code || !strstr(r->err.msg, text))
        fail_msg("%d: '%s' has no '%s'", r->err.code, r->err.msg, text);
    assert_int_equal(r->proc.status, -1);
    release(r);
}

static void test_cannot_start(void **state)
{
    (void)state;
    struct run r;
    struct skf_err e;
    skf_autofree char *dir = skf_file_temp_dir("skiff-test", &e);
    skf_autofree char *plain = skf_xasprintf("%s/plain", dir);
    skf_autofree char *script = skf_xasprintf("%s/script", dir);
    assert_int_equal(skf_file_write_atomic(plain, 0644, "x", 1, &e), 0);
    assert_int_equal(skf_file_write_atomic(script, 0755, "#!/no/such/interpreter\n", 23, &e), 0);
    unsigned long count = skf_proc_count();
    for (int in = 0; in < 2; in++) {
        init(&r);
        skf_proc_args(&r.proc, "no-such-program-at-all", NULL);
        r.proc.use_stdin = in;
        fails_to_start(&r, SKF_ENOTFOUND, "no-such-program-at-all is not installed or not in PATH");
    }
    init(&r);
    skf_proc_args(&r.proc, "/no/such/file", NULL);
    fails_to_start(&r, SKF_ENOTFOUND, "cannot run '/no/such/file': no such file or directory");
    init(&r);
    skf_proc_args(&r.proc, plain, NULL);
    fails_to_start(&r, SKF_EDENIED, "permission denied");
    init(&r);
    skf_proc_args(&r.proc, script, NULL);
    fails_to_start(&r, SKF_ENOTFOUND, "interpreter");
    init_sh(&r, "true");
    r.proc.cwd = skf_xstrdup("/no/such/dir");
    fails_to_start(&r, SKF_ENOTFOUND, "'/no/such/dir': no such file or directory");
    init_sh(&r, "true");
    r.proc.cwd = skf_xstrdup(script);
    fails_to_start(&r, SKF_ENOTFOUND, "not a directory");
    init(&r);
    skf_proc_args(&r.proc, "no-such-program-at-all", NULL);
    skf_proc_start(&lf.loop, &r.proc, on_done);
    skf_proc_stop(&r.proc); /* before the first callback */
    skf_proc_stop(&r.proc);
    assert_int_equal(r.dones, 0);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ENOTFOUND);
    skf_proc_stop(&r.proc);
    release(&r);
    assert_int_equal(skf_proc_count(), count);
    assert_int_equal(skf_file_remove_tree(dir, &e), 0);
}

static void test_no_descriptors_left(void **state)
{
    (void)state;
    struct run r;
    static int taken[1024];
    int n = 0;
    struct rlimit few, old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 200;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    /* Take all descriptors but a few: pipe2 fails in the middle. */
    while (n < 1024 && (taken[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    for (int left = 0; left < 6 && n > 0; left++) {
        init_sh(&r, "echo x");
        r.proc.use_stdin = true;
        start(&r);
        skf_proc_feed_end(&r.proc);
        finish(&r);
        if (r.err.code)
            assert_int_equal(r.err.sys, EMFILE);
        release(&r);
        close(taken[--n]);
    }
    while (n > 0)
        close(taken[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* --- surroundings ----------------------------------------------------------------------------- */

static void test_environment(void **state)
{
    (void)state;
    struct run r;
    setenv("SKIFF_TEST_A", "ours", 1);
    setenv("SKIFF_TEST_AB", "stays", 1);
    init_sh(&r, "echo $SKIFF_TEST_A $SKIFF_TEST_AB $SKIFF_TEST_N; env | grep -c ^SKIFF_TEST_A=");
    skf_strv_add(&r.proc.env, "SKIFF_TEST_A=first");
    skf_strv_add(&r.proc.env, "SKIFF_TEST_A=last");
    skf_strv_add(&r.proc.env, "SKIFF_TEST_N=new=x");
    start(&r);
    finish(&r);
    assert_string_equal(r.proc.out.data, "last stays new=x\n1\n");
    release(&r);
}

static void test_cwd_stdin_and_group(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "pwd; cat; ls -l /proc/self/fd | wc -l; "
                "test $(ps -o pgid= -p $$) = $$ && echo leader; echo e > /dev/stderr");
    r.proc.cwd = skf_xstrdup("/usr");
    int handed_down = 5; /* "total", 0, 1, 2 and ls's own; and what we were given ourselves */
    for (int fd = 3; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        handed_down += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    start(&r);
    finish(&r);
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_strv_split(&lines, r.proc.out.data, "\n");
    assert_int_equal(r.err.code, 0);
    assert_string_equal(lines.v[0], "/usr");
    assert_int_equal(strtol(lines.v[1], NULL, 10), handed_down); /* nothing of ours */
    assert_string_equal(lines.v[2], "leader");
    assert_string_equal(r.proc.errout.data, "e\n"); /* a child may open /dev/stderr */
    release(&r);
}

static void test_signals_are_default_in_the_child(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "grep SigIgn /proc/self/status");
    start(&r);
    finish(&r);
    assert_non_null(strstr(r.proc.out.data, "0000000000000000"));
    release(&r);
}

static void test_which(void **state)
{
    (void)state;
    struct skf_err e;
    skf_autofree char *sh = skf_proc_which("sh");
    assert_non_null(sh);
    skf_autofree char *same = skf_proc_which(sh);
    assert_string_equal(sh, same);
    assert_null(skf_proc_which("no-such-program-at-all"));
    assert_null(skf_proc_which("/etc/passwd"));
    /* A directory of that name in PATH is no program. */
    skf_autofree char *dir = skf_file_temp_dir("skiff-test", &e);
    skf_autofree char *trap = skf_xasprintf("%s/sh", dir);
    skf_autofree char *path = skf_xasprintf("%s::%s", dir, getenv("PATH"));
    skf_autofree char *old = skf_xstrdup(getenv("PATH"));
    assert_int_equal(mkdir(trap, 0755), 0);
    setenv("PATH", path, 1);
    skf_autofree char *found = skf_proc_which("sh");
    setenv("PATH", old, 1);
    assert_string_equal(found, sh);
    assert_int_equal(skf_file_remove_tree(dir, &e), 0);
}

/* --- output ----------------------------------------------------------------------------------- */

static void test_lines(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "printf 'a\\nb\\r\\n\\nc'; printf 'd\\r\\r\\nlast'; printf 'e1\\ne2' >&2");
    r.proc.on_line = on_line;
    start(&r);
    finish(&r);
    skf_strv_sort(&r.lines);
    joined(&r, "1:|1:a|1:b|1:cd\r|1:last|2:e1|2:e2");
    assert_int_equal(r.proc.out.len, 0);
    release(&r);
}

static void test_line_with_nul_and_long_lines(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "printf 'a\\0b\\n'; head -c 100000 /dev/zero | tr '\\0' x; echo; "
                "head -c 3000000 /dev/zero | tr '\\0' y; echo; echo end");
    r.proc.on_line = on_line;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, 0);
    assert_int_equal(r.bytes, 3 + 100000 + 3000000 + 3);     /* none is lost */
    assert_true(r.longest > 1000000 && r.longest < 1200000); /* an endless line comes in parts */
    assert_string_equal(r.lines.v[r.lines.n - 1], "1:end");
    release(&r);
}

static void test_merge_keeps_the_order(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done");
    r.proc.merge = true;
    r.proc.on_line = on_line;
    start(&r);
    finish(&r);
    joined(&r, "1:o1|1:e1|1:o2|1:e2|1:o3|1:e3|1:o4|1:e4|1:o5|1:e5");
    release(&r);
}

static void test_raw_output(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "head -c 1000000 /dev/zero; printf 'x\\r\\n'");
    r.proc.on_output = on_output;
    start(&r);
    finish(&r);
    assert_int_equal(r.raw.len, 1000003);
    assert_string_equal(r.raw.data + 1000000, "x\r\n");
    release(&r);
}

static void test_capture_cap(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "cat /dev/zero");
    r.proc.capture_max = 100000;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ETOOBIG);
    assert_true(r.proc.out.len <= 100000);
    assert_true(gone(r.proc.process.pid));
    release(&r);
    init_sh(&r, "head -c 100000 /dev/zero");
    r.proc.capture_max = 100000;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, 0);
    assert_int_equal(r.proc.out.len, 100000);
    release(&r);
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { N = 40 };
    static struct run runs[N];
    for (int i = 0; i < N; i++) {
        skf_autofree char *script = skf_xasprintf("echo %d; exit %d", i, i % 3);
        init_sh(&runs[i], script);
        start(&runs[i]);
    }
    for (int i = 0; i < N; i++) {
        finish(&runs[i]);
        assert_int_equal(runs[i].proc.status, i % 3);
        assert_int_equal(strtol(runs[i].proc.out.data, NULL, 10), i);
        release(&runs[i]);
    }
}

/* --- input ------------------------------------------------------------------------------------ */

enum { CHUNK = 100000, CHUNKS = 50 };
static int fed;
static size_t most_pending;

static void feed_more(struct skf_proc *p)
{
    static char chunk[CHUNK];
    if (fed == CHUNKS) {
        skf_proc_feed_end(p);
        return;
    }
    memset(chunk, 'a' + fed % 26, sizeof chunk);
    fed++;
    skf_proc_feed(p, chunk, sizeof chunk);
    if (skf_proc_feed_pending(p) > most_pending)
        most_pending = skf_proc_feed_pending(p);
    skf_proc_on_drained(p, feed_more);
}

static void test_feed_with_back_pressure(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "sleep 0.05; cat");
    r.proc.use_stdin = true;
    fed = 0;
    most_pending = 0;
    start(&r);
    feed_more(&r.proc);
    finish(&r);
    assert_int_equal(r.err.code, 0);
    assert_int_equal(r.proc.out.len, (size_t)CHUNK * CHUNKS);
    for (int i = 0; i < CHUNKS; i++)
        assert_int_equal(r.proc.out.data[(size_t)i * CHUNK + 5], 'a' + i % 26); /* in order */
    assert_true(most_pending > 0 && most_pending <= CHUNK);
    release(&r);
}

static void test_feed_all_at_once(void **state)
{
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    struct run r;
    skf_autofree char *data = skf_xcalloc(1, SIZE);
    init_sh(&r, "wc -c");
    r.proc.use_stdin = true;
    start(&r);
    skf_proc_feed(&r.proc, data, 0);
    skf_proc_feed(&r.proc, data, SIZE);
    memset(data, 1, SIZE); /* it has its own copy */
    skf_proc_feed(&r.proc, "x", 1);
    skf_proc_feed_end(&r.proc);
    skf_proc_feed_end(&r.proc);
    skf_proc_feed(&r.proc, "late", 4); /* ignored */
    finish(&r);
    assert_int_equal(r.err.code, 0);
    assert_int_equal(strtol(r.proc.out.data, NULL, 10), SIZE + 1);
    release(&r);
}

/* The reader goes away with our data unread: its exit counts, nothing else happens. */
static void test_child_does_not_read(void **state)
{
    static const char *const scripts[] = { "exit 3", "exec <&-; sleep 0.1; exit 3",
                                           "head -c 10 >/dev/null; exit 3" };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(scripts); i++) {
        struct run r;
        init_sh(&r, scripts[i]);
        r.proc.use_stdin = true;
        signal(SIGPIPE, SIG_DFL); /* not every loop comes from skf_loop_init */
        start(&r);
        fed = CHUNKS - 40;
        feed_more(&r.proc);
        finish(&r);
        assert_int_equal(r.err.code, SKF_ECHILD);
        assert_int_equal(r.err.sys, 3);
        assert_int_equal(skf_proc_feed_pending(&r.proc), 0);
        release(&r);
    }
}

static void test_stop_while_feeding(void **state)
{
    (void)state;
    struct run r;
    skf_autofree char *data = skf_xcalloc(1, 1000000);
    init_sh(&r, "exec sleep 1000");
    r.proc.use_stdin = true;
    start(&r);
    skf_proc_feed(&r.proc, data, 1000000);
    skf_proc_feed_end(&r.proc);
    skf_proc_stop(&r.proc);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    release(&r);
}

/* --- stop ------------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "exec sleep 1000");
    start(&r);
    skf_proc_stop(&r.proc);
    skf_proc_stop(&r.proc);
    assert_int_equal(r.dones, 0);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    assert_int_equal(r.proc.signal, SIGTERM);
    skf_proc_stop(&r.proc); /* after the end: nothing */
    release(&r);
}

static void test_stop_from_a_line(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "echo ready; exec sleep 1000");
    r.proc.on_line = on_line;
    r.stop_at_first_line = true;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    joined(&r, "1:ready");
    release(&r);
    init_sh(&r, "printf unfinished"); /* that line comes at the very end */
    r.proc.on_line = on_line;
    r.stop_at_first_line = true;
    start(&r);
    finish(&r);
    joined(&r, "1:unfinished");
    release(&r);
}

static void test_stop_kills_who_ignores_it(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "trap '' TERM; echo ready; while :; do sleep 1; done");
    r.proc.stop_ms = 100;
    r.proc.on_line = on_line;
    start(&r);
    LF_UNTIL(&lf, r.lines.n == 1);
    skf_proc_stop(&r.proc);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    assert_int_equal(r.proc.signal, SIGKILL);
    release(&r);
}

/* The child ends at SIGTERM, its own children do not: with our pipe, and without it. */
static void test_stop_reaches_grandchildren(void **state)
{
    static const char *const scripts[] = {
        "sleep 1000 & echo $!; wait",
        "(trap '' TERM; while :; do sleep 1; done) & echo $!; sleep 0.1; wait",
        "(trap '' TERM; while :; do sleep 1; done) >/dev/null 2>&1 & echo $!; sleep 0.1; wait",
        "(trap '' TERM; exec >/dev/null 2>&1; while :; do sleep 1; done) & echo $!; sleep 0.1; "
        "exit 1",
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(scripts); i++) {
        struct run r;
        init_sh(&r, scripts[i]);
        r.proc.stop_ms = 100;
        r.proc.on_line = on_line;
        start(&r);
        LF_UNTIL(&lf, r.lines.n == 1);
        long grandchild = strtol(r.lines.v[0] + 2, NULL, 10);
        assert_true(grandchild > 1);
        assert_false(gone(grandchild));
        skf_proc_stop(&r.proc);
        finish(&r);
        assert_int_equal(r.err.code, SKF_ECANCELED);
        /* done means: nothing of it runs. SIGKILL is at work at most. */
        for (int k = 0; k < 1000 && !gone(grandchild); k++)
            lf_quiet(&lf, 5);
        assert_true(gone(grandchild));
        release(&r);
    }
}

/* A grandchild that needs a moment to end well gets the grace, though its parent is gone. */
static void test_stop_leaves_grandchildren_their_grace(void **state)
{
    (void)state;
    struct run r;
    struct skf_err e;
    skf_autofree char *dir = skf_file_temp_dir("skiff-test", &e);
    skf_autofree char *script =
        skf_xasprintf("sh -c 'trap \"sleep 0.2; echo saved > %s/f; exit 0\" TERM; echo ready; "
                      "while :; do sleep 0.05; done' & wait",
                      dir);
    skf_autofree char *file = skf_xasprintf("%s/f", dir);
    init_sh(&r, script);
    r.proc.stop_ms = 10000;
    r.proc.on_line = on_line;
    start(&r);
    LF_UNTIL(&lf, r.lines.n == 1);
    skf_proc_stop(&r.proc);
    finish(&r);
    assert_true(skf_file_exists(file));
    release(&r);
    assert_int_equal(skf_file_remove_tree(dir, &e), 0);
}

static void test_drain_limit(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "sleep 1000 & echo $!; exit 0");
    r.proc.drain_ms = 50;
    r.proc.on_line = on_line;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, 0); /* the child itself ended well */
    long grandchild = strtol(r.lines.v[0] + 2, NULL, 10);
    assert_false(gone(grandchild)); /* nobody asked to stop it */
    kill((pid_t)grandchild, SIGKILL);
    release(&r);
}

static void test_stop_while_draining(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "sleep 1000 & echo $!; exit 0");
    r.proc.drain_ms = 3600 * 1000;
    r.proc.on_line = on_line;
    start(&r);
    LF_UNTIL(&lf, r.proc.exited && r.lines.n == 1);
    assert_int_equal(r.dones, 0);
    long grandchild = strtol(r.lines.v[0] + 2, NULL, 10);
    skf_proc_stop(&r.proc);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ECANCELED);
    assert_true(gone(grandchild));
    release(&r);
}

/* The loop was busy longer than the drain limit: what the child wrote is not lost. */
static void test_busy_loop_loses_no_output(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct run r;
        init_sh(&r, "sleep 1000 & head -c 60000 /dev/zero; echo >&2 $!");
        r.proc.drain_ms = 1;
        start(&r);
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)r.proc.process.pid, &info, WEXITED | WNOWAIT), 0);
        finish(&r);
        assert_int_equal(r.proc.out.len, 60000);
        kill((pid_t)strtol(r.proc.errout.data, NULL, 10), SIGKILL);
        release(&r);
    }
}

static void test_limit(void **state)
{
    (void)state;
    struct run r;
    init_sh(&r, "sleep 1000 & echo $!; wait");
    r.proc.limit_ms = 100;
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, SKF_ETIMEDOUT);
    assert_string_equal(r.err.msg, "sh took longer than 0.1 s");
    assert_true(gone(strtol(r.proc.out.data, NULL, 10)));
    release(&r);
    init_sh(&r, "exit 0");
    r.proc.limit_ms = 3600 * 1000; /* no timer is left behind */
    start(&r);
    finish(&r);
    assert_int_equal(r.err.code, 0);
    release(&r);
}

static void test_kill_all(void **state)
{
    (void)state;
    struct run a, b;
    init_sh(&a, "trap '' TERM; while :; do sleep 1; done");
    init_sh(&b, "exec sleep 1000");
    start(&a);
    start(&b);
    skf_proc_kill_all();
    finish(&a);
    finish(&b);
    assert_int_equal(a.proc.signal, SIGKILL);
    assert_int_equal(b.proc.signal, SIGKILL);
    skf_proc_kill_all(); /* nobody left */
    release(&a);
    release(&b);
}

static int chained;

static void on_done_start_next(struct skf_proc *p, const struct skf_err *err)
{
    (void)err;
    skf_proc_release(p);
    if (++chained == 3) {
        free(p);
        return;
    }
    skf_proc_init(p);
    skf_proc_args(p, "true", NULL);
    skf_proc_start(&lf.loop, p, on_done_start_next);
}

static void test_start_again_inside_done(void **state)
{
    (void)state;
    struct skf_proc *p = skf_xmalloc(sizeof *p);
    chained = 0;
    skf_proc_init(p);
    skf_proc_args(p, "true", NULL);
    skf_proc_start(&lf.loop, p, on_done_start_next);
    LF_UNTIL(&lf, chained == 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_captures_both),
        TEST(test_exit_status_and_signal),
        TEST(test_cannot_start),
        TEST(test_no_descriptors_left),
        TEST(test_environment),
        TEST(test_cwd_stdin_and_group),
        TEST(test_signals_are_default_in_the_child),
        TEST(test_which),
        TEST(test_lines),
        TEST(test_line_with_nul_and_long_lines),
        TEST(test_merge_keeps_the_order),
        TEST(test_raw_output),
        TEST(test_capture_cap),
        TEST(test_many_at_once),
        TEST(test_feed_with_back_pressure),
        TEST(test_feed_all_at_once),
        TEST(test_child_does_not_read),
        TEST(test_stop_while_feeding),
        TEST(test_stop),
        TEST(test_stop_from_a_line),
        TEST(test_stop_kills_who_ignores_it),
        TEST(test_stop_reaches_grandchildren),
        TEST(test_stop_leaves_grandchildren_their_grace),
        TEST(test_drain_limit),
        TEST(test_stop_while_draining),
        TEST(test_busy_loop_loses_no_output),
        TEST(test_limit),
        TEST(test_kill_all),
        TEST(test_start_again_inside_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/io/test_stop.c: SIGINT and SIGTERM, each in a process of its own that says what it
 * got. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/file.h"
#include "lib/io/loop.h"
#include "lib/io/proc.h"
#include "lib/io/stop.h"
#include "tests/support/loop_fixture.h"

/* --- the process that is stopped -------------------------------------------------------------- */

static int to_test; /* its end of the pipe */
static bool end_at_first, with_child;
static struct skf_proc sleeper;

static void tell(const char *text)
{
    if (write(to_test, text, strlen(text)) < 0)
        _exit(99);
}

static void on_sleeper_done(struct skf_proc *p, const struct skf_err *err)
{
    (void)err;
    skf_proc_release(p);
}

static void on_stop(struct skf_stop *s, int signum)
{
    char text[32];
    snprintf(text, sizeof text, "stop %d\n", signum);
    tell(text);
    if (end_at_first)
        skf_stop_close(s);
}

static void on_forgotten(uv_timer_t *t)
{
    (void)t;
    _exit(96);
}

static _Noreturn void be_stopped(void)
{
    uv_loop_t loop;
    struct skf_err e;
    struct skf_stop stop;
    uv_timer_t keep; /* the signals do not keep the loop running */
    if (skf_loop_init(&loop, &e) < 0)
        _exit(98);
    uv_timer_init(&loop, &keep);
    uv_timer_start(&keep, on_forgotten, 60000, 0);
    skf_stop_init(&loop, &stop, on_stop);
    if (with_child) {
        skf_proc_init(&sleeper);
        skf_proc_args(&sleeper, "sh", "-c", "trap '' TERM INT; while :; do sleep 1; done", NULL);
        skf_proc_start(&loop, &sleeper, on_sleeper_done);
        char text[32];
        snprintf(text, sizeof text, "child %d\n", sleeper.process.pid);
        tell(text);
    }
    tell("ready\n");
    while (!end_at_first || !stop.signum)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&keep, NULL);
    _exit(skf_loop_close(&loop) ? 7 : 97);
}

/* --- the test --------------------------------------------------------------------------------- */

struct subject {
    pid_t pid;
    FILE *says;
};

static void start(struct subject *s)
{
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    fflush(stdout);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        to_test = p[1];
        be_stopped();
    }
    close(p[1]);
    s->says = fdopen(p[0], "re");
}

static void expect(struct subject *s, const char *text)
{
    char line[64] = "";
    assert_non_null(fgets(line, sizeof line, s->says));
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, text);
}

static int end_of(struct subject *s)
{
    int status;
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    fclose(s->says);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_first_one_asks(void **state)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(signals); i++) {
        struct subject s;
        char text[32];
        end_at_first = true;
        start(&s);
        expect(&s, "ready");
        kill(s.pid, signals[i]);
        snprintf(text, sizeof text, "stop %d", signals[i]);
        expect(&s, text);
        assert_int_equal(end_of(&s), 7); /* ended by itself, the loop closed */
    }
}

static void test_second_one_ends_it_and_its_children(void **state)
{
    (void)state;
    struct subject s;
    char line[64];
    end_at_first = false;
    with_child = true;
    start(&s);
    with_child = false;
    assert_non_null(fgets(line, sizeof line, s.says));
    assert_memory_equal(line, "child ", 6);
    pid_t child = (pid_t)strtol(line + 6, NULL, 10);
    expect(&s, "ready");
    kill(s.pid, SIGINT);
    expect(&s, "stop 2");
    int status;
    /* The same request counts as a second one from 100 ms on: keep asking, as a user would. */
    for (int i = 0; i < 2000 && waitpid(s.pid, &status, WNOHANG) == 0; i++) {
        kill(s.pid, SIGTERM);
        usleep(10000);
    }
    fclose(s.says);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
    /* Not ours to reap: dead when it is gone or a zombie. */
    bool dead = false;
    for (int i = 0; i < 2000 && !dead; i++) {
        char path[64], text[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        FILE *f = fopen(path, "re");
        dead = !f || !fgets(text, sizeof text, f) || strstr(text, ") Z") || strstr(text, ") X");
        if (f)
            fclose(f);
        if (!dead)
            usleep(1000);
    }
    assert_true(dead);
}

/* timeout(1) signals its child and then the whole group; a closing terminal sends SIGHUP twice. */
static void test_doubled_signals_are_one_request(void **state)
{
    (void)state;
    struct subject s;
    end_at_first = false;
    start(&s);
    expect(&s, "ready");
    kill(s.pid, SIGHUP);
    expect(&s, "stop 1");
    for (int i = 0; i < 20; i++) {
        kill(s.pid, SIGHUP);
        usleep(10000);
    }
    assert_int_equal(waitpid(s.pid, NULL, WNOHANG), 0);
    kill(s.pid, SIGKILL);
    assert_int_equal(end_of(&s), -SIGKILL);
}

static void test_nohup(void **state)
{
    (void)state;
    struct subject s;
    end_at_first = true;
    signal(SIGHUP, SIG_IGN);
    start(&s);
    signal(SIGHUP, SIG_DFL);
    expect(&s, "ready");
    kill(s.pid, SIGHUP);
    kill(s.pid, SIGTERM);
    expect(&s, "stop 15");
    assert_int_equal(end_of(&s), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_one_asks),
        cmocka_unit_test(test_second_one_ends_it_and_its_children),
        cmocka_unit_test(test_doubled_signals_are_one_request),
        cmocka_unit_test(test_nohup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

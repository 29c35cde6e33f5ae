/* Keys on a real pseudo terminal: a child has it as its controlling terminal, and the parent sees
 * through the other end how it is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/io/keys.h"
#include "lib/io/loop.h"

/* --- the child -------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct skf_keys keys;

static void on_key(struct skf_keys *k, char key)
{
    char said[2] = { key, '\n' };
    if (write(STDOUT_FILENO, said, 2) != 2)
        _exit(9);
    if (key == 'q') {
        skf_keys_stop(k);
        uv_stop(&loop);
    }
    if (key == 'a')
        abort();
    if (key == 'x')
        exit(3);
}

static void on_hup(uv_signal_t *s, int signum)
{
    (void)s;
    (void)signum;
    _exit(8);
}

__attribute__((noreturn)) static void child(bool background)
{
    struct skf_err err;
    uv_signal_t alive;
    if (background)
        setpgid(0, 0);
    if (skf_loop_init(&loop, &err) < 0)
        _exit(7);
    uv_signal_init(&loop, &alive); /* keeps the loop running */
    uv_signal_start(&alive, on_hup, SIGHUP);
    if (!skf_keys_start(&loop, &keys, STDIN_FILENO, on_key, NULL))
        _exit(6);
    if (write(STDOUT_FILENO, "up\n", 3) != 3)
        _exit(9);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

static int master;
static pid_t pid;

static bool is_raw(void)
{
    struct termios t;
    assert_int_equal(tcgetattr(master, &t), 0);
    return !(t.c_lflag & ICANON) && !(t.c_lflag & ECHO) && (t.c_lflag & ISIG);
}

static void expect_line(const char *text)
{
    char got[256] = "";
    size_t len = 0;
    while (!strstr(got, text)) {
        ssize_t n = read(master, got + len, sizeof got - 1 - len);
        if (n <= 0)
            fail_msg("'%s' did not come: %s", text, got);
        len += (size_t)n;
        got[len] = '\0';
    }
}

static void press(const char *text)
{
    assert_int_equal(write(master, text, strlen(text)), strlen(text));
}

static void start(void)
{
    pid = forkpty(&master, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0)
        child(false);
    expect_line("up");
}

static int wait_for(int flags)
{
    int status;
    assert_int_equal(waitpid(pid, &status, flags), pid);
    return status;
}

static void a_key_comes_without_enter_and_the_terminal_is_given_back(void **state)
{
    (void)state;
    start();
    assert_true(is_raw());
    press("r");
    expect_line("r");
    press("pl");
    expect_line("l");
    press("q");
    expect_line("q");
    int status = wait_for(0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_false(is_raw());
    close(master);
}

static void it_is_given_back_however_the_program_ends(void **state)
{
    static const char *const ends[] = { "a", "x", "\x1c" /* Ctrl-\ */ };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        start();
        assert_true(is_raw());
        press(ends[i]);
        int status = wait_for(0);
        assert_true(i == 1 ? WIFEXITED(status) : WIFSIGNALED(status));
        assert_false(is_raw());
        close(master);
    }
}

static void ctrl_z_gives_it_back_and_fg_takes_it_again(void **state)
{
    (void)state;
    start();
    press("\x1a");
    int status = wait_for(WUNTRACED);
    assert_true(WIFSTOPPED(status));
    assert_false(is_raw());
    kill(pid, SIGCONT);
    for (int i = 0; i < 2000 && !is_raw(); i++)
        usleep(5000); /* only the terminal itself tells */
    assert_true(is_raw());
    press("r");
    expect_line("r");
    press("q");
    wait_for(0);
    assert_false(is_raw());
    close(master);
}

/* A job that was started with & must neither stop nor change the shell's terminal. */
static void in_the_background_nothing_is_touched(void **state)
{
    (void)state;
    pid = forkpty(&master, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        pid_t job = fork();
        if (job == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* a group of its own outlives ours */
            child(true);
        }
        signal(SIGTTOU, SIG_IGN);
        pause();
        _exit(0);
    }
    expect_line("up");
    assert_false(is_raw());
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    wait_for(0);
    close(master);
}

static void what_is_no_terminal_is_left_alone(void **state)
{
    uv_loop_t l;
    struct skf_keys k;
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(uv_loop_init(&l), 0);
    assert_false(skf_keys_start(&l, &k, fd, on_key, NULL));
    skf_keys_stop(&k);
    assert_int_equal(uv_loop_close(&l), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_comes_without_enter_and_the_terminal_is_given_back),
        cmocka_unit_test(it_is_given_back_however_the_program_ends),
        cmocka_unit_test(ctrl_z_gives_it_back_and_fg_takes_it_again),
        cmocka_unit_test(in_the_background_nothing_is_touched),
        cmocka_unit_test(what_is_no_terminal_is_left_alone),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}

#include "lib/io/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/mem.h"

/* What must be given back; read by signal handlers. */
static struct {
    int fd;
    struct termios was;
    volatile sig_atomic_t changed;
} terminal = { .fd = -1 };

/* The signals that end a program which does not see them coming. */
static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT };

static bool in_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

/* Async-signal-safe. From the background it would stop us, so SIGTTOU waits meanwhile. */
void skf_keys_give_back(void)
{
    sigset_t block, old;
    if (!terminal.changed)
        return;
    terminal.changed = 0;
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    tcsetattr(terminal.fd, TCSANOW, &terminal.was);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void on_deadly(int signum)
{
    skf_keys_give_back();
    raise(signum); /* SA_RESETHAND: this time it is the default */
}

static void take(struct skf_keys *k)
{
    struct termios now;
    if (terminal.changed || !in_foreground(k->fd) || tcgetattr(k->fd, &now) != 0)
        return;
    terminal.was = now;
    terminal.fd = k->fd;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    terminal.changed = 1;
    if (tcsetattr(k->fd, TCSANOW, &now) != 0)
        terminal.changed = 0;
}

static void on_readable(uv_poll_t *p, int status, int events);

/* Only in the foreground: reading in the background would stop the whole program. */
static void watch(struct skf_keys *k)
{
    bool wanted = in_foreground(k->fd);
    if (wanted && !k->reading)
        uv_poll_start(&k->poll, UV_READABLE, on_readable);
    else if (!wanted && k->reading)
        uv_poll_stop(&k->poll);
    k->reading = wanted;
    if (wanted)
        take(k);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    struct skf_keys *k = p->data;
    char keys[64];
    (void)events;
    watch(k);
    if (status < 0 || !k->reading)
        return;
    ssize_t n = read(k->fd, keys, sizeof keys);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) { /* the terminal has gone */
        uv_poll_stop(&k->poll);
        k->reading = false;
        return;
    }
    for (ssize_t i = 0; i < n && k->started; i++)
        k->on_key(k, keys[i]);
}

static void on_continued(uv_signal_t *s, int signum)
{
    (void)signum;
    watch(s->data);
}

/* Ctrl-Z: the shell gets its terminal back, then we stop as everybody does. */
static void on_suspend(uv_signal_t *s, int signum)
{
    (void)s;
    (void)signum;
    skf_keys_give_back();
    raise(SIGSTOP);
}

static void on_background_read(uv_signal_t *s, int signum)
{
    (void)signum;
    watch(s->data);
}

static void start_signal(uv_loop_t *loop, struct skf_keys *k, uv_signal_t *s, uv_signal_cb fn,
                         int signum)
{
    uv_signal_init(loop, s);
    s->data = k;
    uv_signal_start(s, fn, signum);
    uv_unref((uv_handle_t *)s);
}

static void expect_the_worst(void)
{
    atexit(skf_keys_give_back);
    for (size_t i = 0; i < SKF_ARRAY_LEN(deadly); i++) {
        struct sigaction was;
        struct sigaction ours = { .sa_handler = on_deadly, .sa_flags = SA_RESETHAND };
        /* A sanitizer's own handler tells more. */
        if (sigaction(deadly[i], NULL, &was) == 0 && !(was.sa_flags & SA_SIGINFO) &&
            was.sa_handler == SIG_DFL)
            sigaction(deadly[i], &ours, NULL);
    }
}

bool skf_keys_start(uv_loop_t *loop, struct skf_keys *k, int fd,
                    void (*on_key)(struct skf_keys *k, char key), void *data)
{
    static bool registered;
    struct termios now;
    memset(k, 0, sizeof *k);
    char name[256];
    if (!isatty(fd) || tcgetattr(fd, &now) != 0 || ttyname_r(fd, name, sizeof name) != 0)
        return false;
    /* Opened anew: libuv makes it non-blocking, and the shell shares the one we were given. */
    k->fd = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (k->fd < 0)
        return false;
    if (uv_poll_init(loop, &k->poll, k->fd) != 0) {
        close(k->fd);
        return false;
    }
    k->on_key = on_key;
    k->data = data;
    k->started = true;
    k->poll.data = k;
    uv_unref((uv_handle_t *)&k->poll);
    if (!registered)
        expect_the_worst();
    registered = true;
    start_signal(loop, k, &k->cont, on_continued, SIGCONT);
    start_signal(loop, k, &k->tstp, on_suspend, SIGTSTP);
    start_signal(loop, k, &k->ttin, on_background_read, SIGTTIN);
    watch(k);
    return true;
}

void skf_keys_stop(struct skf_keys *k)
{
    if (!k->started)
        return;
    k->started = k->reading = false;
    skf_keys_give_back();
    uv_poll_stop(&k->poll);
    uv_close((uv_handle_t *)&k->poll, NULL);
    close(k->fd);
    uv_close((uv_handle_t *)&k->cont, NULL);
    uv_close((uv_handle_t *)&k->tstp, NULL);
    uv_close((uv_handle_t *)&k->ttin, NULL);
}

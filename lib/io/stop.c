#include "lib/io/stop.h"

#include <signal.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/io/keys.h"
#include "lib/io/proc.h"

enum { SAME_REQUEST_MS = 100 };

static void on_signal(uv_signal_t *handle, int signum)
{
    struct skf_stop *s = handle->data;
    if (s->signum) {
        /* Not a second request: a terminal that closes sends SIGHUP from the shell and from the
         * kernel, timeout(1) signals its child and then the group. */
        if (signum == SIGHUP || skf_clock_ms() - s->since_ms < SAME_REQUEST_MS)
            return;
        skf_keys_give_back();
        skf_proc_kill_all(); /* they have groups of their own: nobody else would */
        _exit(128 + signum); /* asked twice: now */
    }
    s->signum = signum;
    s->since_ms = skf_clock_ms();
    s->fn(s, signum);
}

void skf_stop_init(uv_loop_t *loop, struct skf_stop *s, void (*fn)(struct skf_stop *s, int signum))
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    uv_signal_t *handles[] = { &s->sigint, &s->sigterm, &s->sighup };
    s->fn = fn;
    s->signum = 0;
    for (int i = 0; i < 3; i++) {
        uv_signal_init(loop, handles[i]);
        handles[i]->data = s;
        struct sigaction now;
        if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            continue; /* nohup */
        uv_signal_start(handles[i], on_signal, signals[i]);
        uv_unref((uv_handle_t *)handles[i]);
    }
}

void skf_stop_close(struct skf_stop *s)
{
    uv_close((uv_handle_t *)&s->sigint, NULL);
    uv_close((uv_handle_t *)&s->sigterm, NULL);
    uv_close((uv_handle_t *)&s->sighup, NULL);
}

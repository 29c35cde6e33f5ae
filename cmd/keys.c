#include "cmd/keys.h"

#include <signal.h>
#include <unistd.h>

static void on_key(struct skf_keys *k, char key)
{
    struct session *s = k->data;
    if (!s->engine && key != 'q')
        return; /* not yet */
    switch (key) {
    case 'r':
        skf_engine_trigger(s->engine);
        break;
    case 'p':
        skf_engine_pause(s->engine, !skf_engine_is_paused(s->engine));
        break;
    case 'l':
        console_toggle_logs(&s->console);
        break;
    case 'q':
        raise(SIGINT); /* the way out is one */
        break;
    case 'h':
    case '?':
        console_keys(&s->console);
        break;
    default: /* Enter sets lines apart, as in every terminal */
        if (key == '\n')
            console_gap(&s->console);
    }
}

void keys_open(struct session *s, struct skf_keys *k)
{
    k->started = false;
    if (isatty(STDOUT_FILENO))
        s->console.keys = skf_keys_start(&s->loop, k, STDIN_FILENO, on_key, s);
}

/* lib/io/keys.h: single keys from the terminal, without Enter, while the program runs. Signals from
 * the keyboard (Ctrl-C, Ctrl-Z) stay what they are.
 *
 * The terminal is given back as it was: on stop, at exit, before a stop by Ctrl-Z, and when the
 * program dies of a signal. In the background nothing is read and nothing is changed; `fg` takes it
 * up again. One a process. */
#ifndef SKF_IO_KEYS_H
#define SKF_IO_KEYS_H
#include <stdbool.h>
#include <uv.h>

struct skf_keys {
    uv_poll_t poll;
    uv_signal_t cont, tstp, ttin;
    int fd;
    void (*on_key)(struct skf_keys *k, char key);
    void *data;
    bool started, reading;
};

/* Reads from `fd` when it is a terminal; else false, and nothing is to be stopped. */
bool skf_keys_start(uv_loop_t *loop, struct skf_keys *k, int fd,
                    void (*on_key)(struct skf_keys *k, char key), void *data);
/* The handles close on the loop: the memory is in use until then. Fine when it was not started. */
void skf_keys_stop(struct skf_keys *k);
/* For the last breath of the program: the terminal as it was. Async-signal-safe. */
void skf_keys_give_back(void);
#endif

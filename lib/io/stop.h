/* lib/io/stop.h: SIGINT, SIGTERM and SIGHUP as loop events. The first asks; a second SIGINT or
 * SIGTERM (100 ms later at least) kills what skf_proc has running and ends the process at once with
 * 128 + signal. Under nohup SIGHUP stays ignored. */
#ifndef SKF_IO_STOP_H
#define SKF_IO_STOP_H
#include <stdint.h>
#include <uv.h>

struct skf_stop {
    uv_signal_t sigint, sigterm, sighup;
    void (*fn)(struct skf_stop *s, int signum);
    int signum; /* 0 = none yet */
    int64_t since_ms;
    void *data;
};

void skf_stop_init(uv_loop_t *loop, struct skf_stop *s, void (*fn)(struct skf_stop *s, int signum));
/* The handles close on the loop: the memory is in use until then. */
void skf_stop_close(struct skf_stop *s);
#endif

/* lib/io/proc.h: child processes. argv only, never a shell. Every child leads a process group of
 * its own, so that stop reaches its children too and a Ctrl-C on the terminal reaches only us.
 *
 * happy path: start; output comes through on_line / on_output or is captured; done with NULL once
 *             the child has exited *and* its pipes are at end of file.
 * failures:   program not there: done(SKF_ENOTFOUND). Non-zero exit: done(SKF_ECHILD, sys = status
 *             or 128 + signal). done is never called from inside start.
 * stop:       SIGTERM to the group, SIGKILL to what is left of it after stop_ms; done comes with
 *             SKF_ECANCELED, once nothing of the group runs any more.
 * A grandchild that keeps a pipe open is waited for only drain_ms after the exit. */
#ifndef SKF_IO_PROC_H
#define SKF_IO_PROC_H
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

enum skf_proc_stream { SKF_PROC_OUT = 1, SKF_PROC_ERR = 2 };

struct skf_proc {
    /* --- set by the caller before start; skf_proc_init zeroes them ------------------------------
     */
    struct skf_strv argv; /* owned by the struct; argv.v[0] is looked up in PATH */
    struct skf_strv env;  /* additions "K=V" to (and over) our own environment; owned */
    char *cwd;            /* owned; NULL = ours */
    bool use_stdin;       /* a pipe to feed; else /dev/null */
    bool merge;           /* stderr comes through the same pipe as stdout, order kept */
    size_t capture_max;   /* cap for each captured stream; default 16 MiB, over it: SKF_ETOOBIG */
    unsigned stop_ms;     /* grace between SIGTERM and SIGKILL; default 2000 */
    unsigned drain_ms;    /* default 500 */
    unsigned limit_ms;    /* time limit of the whole run; 0 = none */
    void *data;           /* the caller's */
    /* When set, each whole line (without its end; a last unfinished line too) instead of capture.
     * The line is NUL-terminated and valid during the call. */
    void (*on_line)(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len);
    /* When set, raw bytes instead of capture and lines. */
    void (*on_output)(struct skf_proc *p, enum skf_proc_stream from, const char *data, size_t len);
    /* Exactly once; err is NULL on exit status 0. Afterwards the memory is the caller's: call
     * skf_proc_release (allowed inside done). */
    void (*done)(struct skf_proc *p, const struct skf_err *err);

    /* --- results --------------------------------------------------------------------------------
     */
    struct skf_buf out, errout; /* captured */
    int status, signal;         /* of the exit; -1 when it never started */
    int64_t started_us, ended_us;

    /* --- private --------------------------------------------------------------------------------
     */
    uv_loop_t *loop;
    uv_process_t process;
    uv_pipe_t in_pipe, out_pipe, err_pipe;
    uv_timer_t timer;
    struct skf_buf line[2];
    struct skf_err failure;
    int open_handles;
    void (*on_drained)(struct skf_proc *p);
    bool running, exited, out_open, err_open, in_open, stopping, killed;
    uint64_t kill_at;             /* loop time at which the grace of a stop is over */
    struct skf_proc *prev, *next; /* all that have a living group */
};

void skf_proc_init(struct skf_proc *p);
/* Adds arguments; the list ends with NULL. */
void skf_proc_args(struct skf_proc *p, const char *first, ...) __attribute__((sentinel));
void skf_proc_start(uv_loop_t *loop, struct skf_proc *p,
                    void (*done)(struct skf_proc *p, const struct skf_err *err));
/* Writes a copy of the bytes to the child's stdin, in order; a child that has gone is not an error
 * here (its exit is). Only with use_stdin. */
void skf_proc_feed(struct skf_proc *p, const void *data, size_t len);
/* Bytes fed and not yet taken by the child: feed more below a limit of your own. */
size_t skf_proc_feed_pending(const struct skf_proc *p);
/* Called (once each time it is set) when what was fed before has been taken. Not called any more
 * when the child has closed its input or has gone: then its done is on the way. */
void skf_proc_on_drained(struct skf_proc *p, void (*fn)(struct skf_proc *p));
/* End of the child's stdin, after all that was fed. */
void skf_proc_feed_end(struct skf_proc *p);
/* Only asks. Safe before the first callback, after exit, and more than once. */
void skf_proc_stop(struct skf_proc *p);
/* For the last breath of the program only (a second Ctrl-C): SIGKILL to the group of every child
 * that runs. No callbacks. */
void skf_proc_kill_all(void);
/* Frees what the struct owns; only before start or from done on. */
void skf_proc_release(struct skf_proc *p);
/* Full path of a program found in PATH (owned), or NULL. */
char *skf_proc_which(const char *program);
/* How many children this process has started: tests count work with it. */
unsigned long skf_proc_count(void);
#endif

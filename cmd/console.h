/* cmd/console.h: events as lines. Phase lines and logs go to one stream (standard output for dev
 * and run, standard error where the output is data), errors to standard error; colour only on a
 * terminal. */
#ifndef SKF_CMD_CONSOLE_H
#define SKF_CMD_CONSOLE_H
#include <stdbool.h>
#include <stdio.h>

#include "cmd/options.h"
#include "lib/engine/event.h"

struct console {
    FILE *out;
    bool color_out, color_err;
    bool quiet; /* only errors */
    bool json;  /* findings in the configuration are data */
    bool keys;  /* are read: they are named */
    bool logs_off;
    bool timestamps;
    bool said_exit;              /* "Press Ctrl+C to exit" was printed */
    bool tagging;                /* the heading above tags was printed in this loop */
    bool caching;                /* ... that above the cache's answers */
    struct skf_strv log_sources; /* each has its colour, in the order of their first lines */
};

/* `data_on_stdout`: progress must not mix with what stdout carries. */
int console_init(struct console *c, const struct options *o, bool data_on_stdout,
                 struct skf_err *err);
void console_release(struct console *c);
/* A line of a container's log; `source` is what has a colour of its own. */
void console_log(struct console *c, const char *source, const char *prefix, const char *text);
/* A skf_event_fn; `data` is the console. */
void console_event(void *data, const struct skf_event *ev);
void console_toggle_logs(struct console *c);
/* Which keys there are. */
void console_keys(const struct console *c);
/* An empty line. */
void console_gap(const struct console *c);
void console_error(const struct console *c, const struct skf_err *err);
void console_note(const struct console *c, const char *text);
void console_findings(const struct console *c, const struct skf_diagnostics *diags);
/* "3 loops · p50 812 ms · p95 1040 ms" */
void console_summary(struct console *c, const struct skf_ledger_history *h);
#endif

/* lib/engine/control.h: a running session can be asked, watched and driven through a private Unix
 * socket. One request a connection, as one line of JSON; the answer is lines of JSON, and the end
 * of the connection is its end:
 *
 *     {"command":"wait","for":"ready"}
 *     {"result":"ready", ...}
 *
 * A request that cannot be served is answered by {"error":{"code":"...","message":"..."}}.
 *
 * The socket is DIR/KEY.PID.sock, DIR being $XDG_RUNTIME_DIR/skiff or /tmp/skiff-UID (0700, ours),
 * KEY a digest of the project's directory. Only processes of the same user are answered.
 *
 * To add a command: a function `run`, and a line in the table that is given to skf_control_start
 * (engine_control.c has the engine's); the program's side is a file cmd/cmd_NAME.c over
 * control_client.h. */
#ifndef SKF_ENGINE_CONTROL_H
#define SKF_ENGINE_CONTROL_H
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "lib/base/err.h"
#include "lib/engine/event.h"

struct skf_control;

/* One request. The memory is the server's; it ends after skf_control_end, or when the client goes
 * away. */
struct skf_control_call {
    void *data;            /* as given to skf_control_start */
    const json_t *request; /* borrowed */
    /* Set by `run` where the answer goes on: called with every event until the end. */
    void (*on_event)(struct skf_control_call *call, const struct skf_event *event);
    /* Set by `run` when `priv` needs an end; exactly once. Nothing may be sent in it. */
    void (*closed)(struct skf_control_call *call);
    void *priv;
};

struct skf_control_command {
    const char *name; /* the table ends with NULL */
    /* Called from the loop with a complete request. Answers with skf_control_send, and ends with
     * skf_control_end or skf_control_fail, at once or later. */
    void (*run)(struct skf_control_call *call);
};

/* `dir`: the project's, absolute. `commands` and `data` are borrowed. NULL and `err` when the
 * socket cannot be had: the session goes on without. */
struct skf_control *skf_control_start(uv_loop_t *loop, const char *dir,
                                      const struct skf_control_command *commands, void *data,
                                      struct skf_err *err);
/* Ends all calls; the handles close on the loop. The socket's name is removed. NULL is fine. */
void skf_control_free(struct skf_control *c);
/* Hands an event to the calls that want it. NULL is fine. */
void skf_control_event(struct skf_control *c, const struct skf_event *event);

/* Sends one line; takes `line` over. A client that lets megabytes pile up is dropped. */
void skf_control_send(struct skf_control_call *call, json_t *line);
void skf_control_end(struct skf_control_call *call);
/* {"error": ...}, then the end. */
void skf_control_fail(struct skf_control_call *call, const struct skf_err *err);

/* DIR, made 0700 when missing; owned. Refused when it belongs to somebody else or is open to
 * others. */
char *skf_control_dir(struct skf_err *err);
/* The first part of the sockets' names of a project; owned. */
char *skf_control_key(const char *project_dir);
/* "build" for SKF_EBUILD and so on: the names of error codes on the wire. */
const char *skf_control_code_name(enum skf_code code);
#endif

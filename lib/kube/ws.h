/* lib/kube/ws.h: one WebSocket to the API server, for port-forward and exec. libcurl connects (TLS,
 * proxy, client certificate) on a pool thread, then the bytes are ours: handshake, and frames by
 * libwslay. Internal to lib/kube.
 *
 * happy path: start -> on_open -> on_message ... -> close -> closed.
 * failures:   closed with an error: refused with the server's own message, lost, nonsense.
 * `closed` comes exactly once, never from inside start or close. */
#ifndef SKF_KUBE_WS_H
#define SKF_KUBE_WS_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/kube/api.h"

struct skf_ws {
    void *data;
    void (*on_open)(struct skf_ws *ws);
    void (*on_message)(struct skf_ws *ws, const char *data, size_t len);
    void (*on_drained)(struct skf_ws *ws); /* all that was sent has gone; may be NULL */
    void (*closed)(struct skf_ws *ws, const struct skf_err *err); /* err NULL: an orderly end */
    struct skf_ws_link *link;                                     /* private; NULL = free */
};

/* protocol: one, or several with ", " between, the best first: the server chooses. */
void skf_ws_start(struct skf_kube_api *api, struct skf_ws *ws, const char *path,
                  const char *protocol);
/* Queues one binary message; the bytes are copied. Nothing happens on a socket that is not open. */
void skf_ws_send(struct skf_ws *ws, const void *data, size_t len);
/* What the server has chosen; from on_open on. */
const char *skf_ws_protocol(const struct skf_ws *ws);
/* Bytes that wait to be sent. */
size_t skf_ws_queued(const struct skf_ws *ws);
/* Stops or goes on reading. */
void skf_ws_pause(struct skf_ws *ws, bool pause);
void skf_ws_close(struct skf_ws *ws);
#endif

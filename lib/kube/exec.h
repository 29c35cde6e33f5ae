/* lib/kube/exec.h: runs a command in a running container, as `kubectl exec -i` does: a WebSocket
 * with channels (v5.channel.k8s.io; v4 where the server has no other).
 *
 * happy path: connected -> the input is fed as fast as it goes -> exit status 0: done(NULL).
 * failures:   exit status not 0: SKF_ECHILD, `sys` is the status, `errout` what it said. No such
 *             program in the container: SKF_ENOTFOUND. Refused, lost: as ws.h.
 * on cancel:  the connection closes, which ends the command's input; done with SKF_ECANCELED.
 *
 * The end of the input reaches the command with v5 only: with v4 it must know by itself. */
#ifndef SKF_KUBE_EXEC_H
#define SKF_KUBE_EXEC_H
#include "lib/base/buf.h"
#include "lib/kube/ws.h"

enum { SKF_KUBE_EXEC_OUTPUT_MAX = 64 * 1024 }; /* of each stream; the rest is dropped */

struct skf_kube_exec {
    /* --- set by the caller; borrowed until done ----------------------------------------------- */
    const char *namespace_, *pod, *container;
    const struct skf_strv *command;
    const struct skf_buf *input; /* NULL: none */
    unsigned limit_ms;           /* of the whole; 0 = 60 000 */
    void *data;
    void (*done)(struct skf_kube_exec *x, const struct skf_err *err); /* never from inside start */
    /* --- results ------------------------------------------------------------------------------ */
    struct skf_buf out, errout;
    /* --- private ------------------------------------------------------------------------------ */
    struct skf_ws ws;
    uv_timer_t timer;
    struct skf_buf status; /* the JSON of the error channel */
    struct skf_err failure;
    size_t fed;
    bool cancelled, ended;
};
void skf_kube_exec_start(struct skf_kube_api *api, struct skf_kube_exec *x);
void skf_kube_exec_cancel(struct skf_kube_exec *x);
void skf_kube_exec_release(struct skf_kube_exec *x); /* before start or from done on */
#endif

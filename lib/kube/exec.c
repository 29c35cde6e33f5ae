#include "lib/kube/exec.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/kube/jget.h"

enum {
    CHANNEL_STDIN = 0,
    CHANNEL_STDOUT = 1,
    CHANNEL_STDERR = 2,
    CHANNEL_STATUS = 3,
    CHANNEL_CLOSE = 255, /* v5: the next byte names the channel */
    CHUNK = 32 * 1024,
    AHEAD = 256 * 1024,
    LIMIT_MS = 60 * 1000,
};

/* --- the end ---------------------------------------------------------------------------------- */

/* "... exec: "tar": executable file not found in $PATH", "... no such file or directory". */
static bool is_not_there(const char *message)
{
    return strstr(message, "executable file not found") ||
           (strstr(message, "exec") && strstr(message, "no such file or directory"));
}

/* The Status object that ends every command. */
static void judge(struct skf_kube_exec *x)
{
    struct skf_err *err = &x->failure;
    json_t *doc = json_loadb(x->status.data, x->status.len, 0, NULL);
    const char *message = skf_jtext(doc, "message");
    const json_t *cause = skf_jfind(doc, "details.causes", "reason", "ExitCode");
    long long code;
    skf_buf_trim(&x->errout);
    if (strcmp(skf_jtext(doc, "status"), "Success") == 0) {
        skf_err_clear(err);
    } else if (skf_num_parse(skf_jtext(cause, "message"), 0, 255, &code)) {
        skf_err_set(err, SKF_ECHILD, "'%s' ended with status %lld: %.600s", x->command->v[0], code,
                    x->errout.len ? x->errout.data : "it said nothing");
        err->sys = (int)code;
    } else if (is_not_there(message)) {
        skf_err_set(err, SKF_ENOTFOUND, "there is no '%s' in container '%s' of pod '%s'",
                    x->command->v[0], x->container, x->pod);
    } else {
        skf_err_set(err, SKF_EPROTO, "cannot run '%s' in container '%s' of pod '%s': %.600s",
                    x->command->v[0], x->container, x->pod,
                    doc ? message : "the cluster's last word on it is no Status object");
    }
    json_decref(doc);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct skf_kube_exec *x = handle->data;
    x->done(x, x->failure.code ? &x->failure : NULL);
}

static void on_closed(struct skf_ws *ws, const struct skf_err *err)
{
    struct skf_kube_exec *x = ws->data;
    if (!x->failure.code && x->status.len == 0 && err)
        x->failure = *err;
    else if (!x->failure.code && x->status.len == 0)
        skf_err_set(&x->failure, SKF_ENET, "the connection to pod '%s' ended before '%s' did",
                    x->pod, x->command->v[0]);
    else if (!x->failure.code)
        judge(x);
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
}

static void give_up(struct skf_kube_exec *x, enum skf_code code, const char *why)
{
    if (!x->failure.code)
        skf_err_set(&x->failure, code, "'%s' in pod '%s' %s", x->command->v[0], x->pod, why);
    skf_ws_close(&x->ws);
}

static void on_late(uv_timer_t *timer)
{
    give_up(timer->data, SKF_ETIMEDOUT, "takes too long");
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void feed(struct skf_ws *ws)
{
    struct skf_kube_exec *x = ws->data;
    size_t len = x->input ? x->input->len : 0;
    char frame[1 + CHUNK];
    while (x->fed < len && skf_ws_queued(ws) < AHEAD) {
        size_t n = len - x->fed < CHUNK ? len - x->fed : CHUNK;
        frame[0] = CHANNEL_STDIN;
        memcpy(frame + 1, x->input->data + x->fed, n);
        x->fed += n;
        skf_ws_send(ws, frame, n + 1);
    }
    if (x->input && x->fed == len && !x->ended) {
        static const unsigned char end[] = { CHANNEL_CLOSE, CHANNEL_STDIN };
        x->ended = true;
        if (strcmp(skf_ws_protocol(ws), "v5.channel.k8s.io") == 0)
            skf_ws_send(ws, end, sizeof end);
    }
}

static void on_message(struct skf_ws *ws, const char *data, size_t len)
{
    struct skf_kube_exec *x = ws->data;
    struct skf_buf *to[] = { NULL, &x->out, &x->errout, &x->status };
    unsigned channel = len ? (unsigned char)data[0] : CHANNEL_CLOSE;
    if (channel < CHANNEL_STDOUT || channel > CHANNEL_STATUS)
        return;
    if (to[channel]->len + len <= SKF_KUBE_EXEC_OUTPUT_MAX)
        skf_buf_add(to[channel], data + 1, len - 1);
    if (channel == CHANNEL_STATUS) /* the last word */
        skf_ws_close(ws);
}

/* --- start ------------------------------------------------------------------------------------ */

static char *path_of(const struct skf_kube_exec *x)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    skf_autofree char *pod = skf_kube_path("Pod", x->namespace_, x->pod);
    skf_autofree char *container = skf_http_escape(x->container);
    skf_buf_addf(&path, "%s/exec?container=%s&stdout=true&stderr=true", pod, container);
    if (x->input)
        skf_buf_adds(&path, "&stdin=true");
    for (size_t i = 0; i < x->command->n; i++) {
        skf_autofree char *word = skf_http_escape(x->command->v[i]);
        skf_buf_addf(&path, "&command=%s", word);
    }
    return skf_buf_take(&path);
}

void skf_kube_exec_start(struct skf_kube_api *api, struct skf_kube_exec *x)
{
    skf_autofree char *path = path_of(x);
    skf_buf_init(&x->out);
    skf_buf_init(&x->errout);
    skf_buf_init(&x->status);
    x->ws.data = x;
    x->ws.on_open = feed;
    x->ws.on_message = on_message;
    x->ws.on_drained = feed;
    x->ws.closed = on_closed;
    uv_timer_init(skf_kube_api_loop(api), &x->timer);
    x->timer.data = x;
    uv_timer_start(&x->timer, on_late, x->limit_ms ? x->limit_ms : LIMIT_MS, 0);
    skf_ws_start(api, &x->ws, path, "v5.channel.k8s.io, v4.channel.k8s.io");
}

void skf_kube_exec_cancel(struct skf_kube_exec *x)
{
    if (x->cancelled)
        return;
    x->cancelled = true;
    give_up(x, SKF_ECANCELED, "was cancelled");
}

void skf_kube_exec_release(struct skf_kube_exec *x)
{
    skf_buf_release(&x->out);
    skf_buf_release(&x->errout);
    skf_buf_release(&x->status);
}

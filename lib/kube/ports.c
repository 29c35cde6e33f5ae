/* One WebSocket a port. The kubelet says nothing when the connection stands, and an error at once
 * when it is refused: silence for QUIET_MS behind the first frames means that somebody listens. */
#include "lib/kube/ports.h"

#include <string.h>

#include "lib/base/mem.h"

enum { QUIET_MS = 400 };

struct skf_ports_one {
    struct skf_ports *all;
    struct skf_ws ws;
    uv_timer_t timer;
    struct skf_err err;
    unsigned frames;
    bool refused, quiet;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct skf_ports_one *o = handle->data;
    struct skf_ports *p = o->all;
    if (--p->left > 0)
        return;
    free(p->each);
    p->each = NULL;
    p->done(p, !p->failed);
}

static void on_quiet(uv_timer_t *timer)
{
    struct skf_ports_one *o = timer->data;
    o->quiet = true;
    skf_ws_close(&o->ws);
}

static void on_open(struct skf_ws *ws)
{
    (void)ws;
}

/* Two frames name the port (data and error channel); whatever comes on channel 1 behind them is an
 * error, and data says that somebody is there. */
static void on_message(struct skf_ws *ws, const char *data, size_t len)
{
    struct skf_ports_one *o = ws->data;
    if (++o->frames == 2)
        uv_timer_start(&o->timer, on_quiet, QUIET_MS, 0);
    if (o->frames <= 2 || len < 2)
        return;
    if (data[0] == 1)
        o->refused = true;
    else
        o->quiet = true;
    skf_ws_close(ws);
}

static void on_closed(struct skf_ws *ws, const struct skf_err *err)
{
    struct skf_ports_one *o = ws->data;
    size_t i = (size_t)(o - o->all->each);
    o->all->open[i] = o->quiet && !o->refused;
    if (!o->quiet && !o->refused && (err || o->frames < 2))
        o->all->failed = true;
    uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}

void skf_ports_start(struct skf_kube_api *api, struct skf_ports *p, const char *namespace_,
                     const char *pod, const unsigned *port, size_t n,
                     void (*done)(struct skf_ports *p, bool looked))
{
    skf_autofree char *path = skf_kube_path("Pod", namespace_, pod);
    p->done = done;
    p->failed = false;
    p->n = p->left = n;
    p->each = skf_xcalloc(n, sizeof *p->each);
    for (size_t i = 0; i < n; i++) {
        struct skf_ports_one *o = &p->each[i];
        skf_autofree char *full = skf_xasprintf("%s/portforward?ports=%u", path, port[i]);
        o->all = p;
        o->ws.data = o->timer.data = o;
        o->ws.on_open = on_open;
        o->ws.on_message = on_message;
        o->ws.closed = on_closed;
        uv_timer_init(skf_kube_api_loop(api), &o->timer);
        skf_ws_start(api, &o->ws, full, "v4.channel.k8s.io");
    }
}

void skf_ports_cancel(struct skf_ports *p)
{
    p->failed = true;
    for (size_t i = 0; p->each && i < p->n; i++)
        skf_ws_close(&p->each[i].ws);
}

#include "lib/image/gather.h"

#include <string.h>

static void finish(struct skf_gather *g)
{
    struct skf_err err = g->err;
    g->done(g, err.code ? &err : NULL);
}

static struct skf_blob *next_remote(struct skf_gather *g)
{
    while (g->next < g->image->n_layers) {
        struct skf_blob *b = g->image->layers[g->next++];
        bool again = false;
        for (size_t i = 0; i + 1 < g->next; i++)
            again = again || strcmp(g->image->layers[i]->digest, b->digest) == 0;
        if (!again && !skf_blob_is_local(b) && !(g->skip && skf_strv_has(g->skip, b->digest)))
            return b;
    }
    return NULL;
}

static void on_fetched(struct skf_fetch *f, const struct skf_err *err);

static void fill_lane(struct skf_gather *g, unsigned i)
{
    struct skf_blob *b = g->err.code ? NULL : next_remote(g);
    g->lane_busy[i] = b;
    if (!b)
        return;
    g->busy++;
    g->lane[i].registry = g->registry;
    g->lane[i].blob = b;
    g->lane[i].data = g;
    g->lane[i].done = on_fetched;
    skf_fetch_start(&g->lane[i]);
}

static void cancel_lanes(struct skf_gather *g)
{
    for (unsigned i = 0; i < SKF_GATHER_LANES; i++)
        if (g->lane_busy[i])
            skf_fetch_cancel(&g->lane[i]);
}

static void on_fetched(struct skf_fetch *f, const struct skf_err *err)
{
    struct skf_gather *g = f->data;
    unsigned i = (unsigned)(f - g->lane);
    g->lane_busy[i] = false;
    g->busy--;
    if (err && !g->err.code) {
        g->err = *err;
        cancel_lanes(g);
    }
    if (f->local) {
        g->got(g, f->local);
        skf_blob_unref(f->local);
        f->local = NULL;
    }
    fill_lane(g, i);
    if (g->busy == 0)
        finish(g);
}

static void begin(struct skf_defer *d)
{
    struct skf_gather *g = SKF_CONTAINER_OF(d, struct skf_gather, defer);
    for (unsigned i = 0; i < SKF_GATHER_LANES; i++)
        fill_lane(g, i);
    if (g->busy == 0)
        finish(g);
}

void skf_gather_start(struct skf_gather *g)
{
    g->busy = 0;
    g->next = 0;
    memset(g->lane_busy, 0, sizeof g->lane_busy);
    skf_err_clear(&g->err);
    skf_defer_start(g->registry->loop, &g->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct skf_gather, defer));
}

void skf_gather_cancel(struct skf_gather *g)
{
    if (g->err.code)
        return;
    skf_err_set(&g->err, SKF_ECANCELED, "cancelled");
    if (g->defer.open)
        skf_defer_cancel(&g->defer, on_dropped);
    else
        cancel_lanes(g);
}

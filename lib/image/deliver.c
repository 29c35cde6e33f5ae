/* happy path: nowhere: the digest, no more. Registry: a push. Nodes or engine: an archive of what
 *             they lack; when that turns out to be too little, of everything.
 * failures:   of the push, of the fetches of base layers, of the load: done(err).
 * on cancel:  the running part is cancelled; done comes with SKF_ECANCELED. */
#include "lib/image/deliver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/log.h"
#include "lib/image/deliver_internal.h"
#include "lib/image/memo.h"

void skf_delivery_end(struct delivery *y, const struct skf_err *err)
{
    struct skf_deliver *d = y->d;
    struct skf_err why = SKF_ERR_INIT;
    if (err)
        why = *err;
    if (y->archive) {
        d->bytes_sent = skf_archive_bytes(y->archive);
        d->blobs_sent = skf_archive_blobs(y->archive);
    }
    skf_archive_free(y->archive);
    if (y->http_used)
        skf_http_req_release(&y->http);
    skf_strv_release(&y->have);
    skf_buf_release(&y->chunk);
    skf_ref_release(&y->ref);
    free(y->name);
    free(y->target);
    free(y->docker_id);
    skf_docker_tls_release(&y->docker_tls);
    free(y);
    d->priv = NULL;
    d->done(d, why.code ? &why : NULL);
}

/* --- registry --------------------------------------------------------------------------------- */

static void set_deployed(struct delivery *y)
{
    y->d->deployed = skf_xasprintf("%s:%s@%s", y->ref.name, y->ref.tag ? y->ref.tag : "latest",
                                   y->d->image->manifest->digest);
}

static void on_pushed(struct skf_push *p, const struct skf_err *err)
{
    struct delivery *y = p->data;
    y->d->bytes_sent = p->bytes_sent;
    y->d->blobs_sent = p->blobs_sent;
    if (!err)
        set_deployed(y);
    skf_delivery_end(y, err);
}

static void cancel_push(struct delivery *y)
{
    skf_push_cancel(&y->push);
}

static void push(struct delivery *y)
{
    y->push.registry = y->d->registry;
    y->push.image = y->d->image;
    y->push.reference = y->d->reference;
    y->push.data = y;
    y->push.done = on_pushed;
    y->cancel = cancel_push;
    skf_push_start(&y->push);
}

/* --- archives --------------------------------------------------------------------------------- */

static void on_gathered(struct skf_gather *g, const struct skf_err *err)
{
    struct delivery *y = g->data;
    y->cancel = NULL;
    if (err)
        skf_delivery_end(y, err);
    else
        y->after_gather(y);
}

static void on_layer(struct skf_gather *g, struct skf_blob *local)
{
    struct delivery *y = g->data;
    skf_archive_replace(y->archive, local);
}

static void cancel_gather(struct delivery *y)
{
    skf_gather_cancel(&y->gather);
}

void skf_delivery_archive(struct delivery *y, void (*next)(struct delivery *y))
{
    skf_archive_free(y->archive);
    y->archive = skf_archive_new(y->image, y->name);
    y->archive_ended = false;
    y->thin = false;
    for (size_t i = 0; i < y->image->n_layers; i++) {
        const char *digest = y->image->layers[i]->digest;
        if (skf_strv_has(&y->have, digest)) {
            skf_archive_leave_out(y->archive, digest);
            y->thin = true;
        }
    }
    y->gather.registry = y->d->registry;
    y->gather.image = y->image;
    y->gather.skip = &y->have;
    y->gather.got = on_layer;
    y->gather.data = y;
    y->gather.done = on_gathered;
    y->after_gather = next;
    y->cancel = cancel_gather;
    skf_gather_start(&y->gather);
}

void skf_delivery_remember(struct delivery *y)
{
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    for (size_t i = 0; i < y->image->n_layers; i++)
        skf_strv_add(&all, y->image->layers[i]->digest);
    skf_memo_add("sent", y->target, &all);
}

bool skf_target_is_local(const struct skf_target *t)
{
    return t->kind == SKF_TARGET_CONTAINERD || t->kind == SKF_TARGET_NODES ||
           t->kind == SKF_TARGET_DOCKER;
}

/* --- start ------------------------------------------------------------------------------------ */

static const char *machine_arch(void)
{
    static const struct {
        const char *uname, *go;
    } map[] = { { "x86_64", "amd64" },   { "aarch64", "arm64" },   { "armv7l", "arm" },
                { "i686", "386" },       { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
                { "riscv64", "riscv64" } };
    struct utsname u;
    if (uname(&u) == 0)
        for (size_t i = 0; i < SKF_ARRAY_LEN(map); i++)
            if (strcmp(u.machine, map[i].uname) == 0)
                return map[i].go;
    return "amd64";
}

/* A node or an engine takes one platform: its own, which is ours. */
static int choose_image(struct delivery *y, struct skf_err *err)
{
    struct skf_image *im = y->d->image;
    if (im->config) {
        y->image = im;
        return 0;
    }
    for (size_t i = 0; i < im->n_children; i++) {
        const struct skf_platform *p = &im->children[i]->platform;
        if (strcmp(p->os, "linux") == 0 && strcmp(p->arch, machine_arch()) == 0) {
            y->image = im->children[i];
            return 0;
        }
    }
    return skf_err_set(err, SKF_ENOTFOUND, "the image '%s' has no linux/%s, which the node needs",
                       y->d->reference, machine_arch());
}

static void begin(struct skf_defer *defer)
{
    struct delivery *y = SKF_CONTAINER_OF(defer, struct delivery, defer);
    const struct skf_target *t = &y->d->target;
    /* A node or daemon runs one platform; a registry takes them all. */
    if (!y->err.code && skf_target_is_local(t))
        choose_image(y, &y->err);
    if (y->err.code) {
        skf_delivery_end(y, &y->err);
        return;
    }
    switch (t->kind) {
    case SKF_TARGET_NOWHERE:
        set_deployed(y);
        skf_delivery_end(y, NULL);
        break;
    case SKF_TARGET_REGISTRY:
        push(y);
        break;
    case SKF_TARGET_CONTAINERD:
        skf_deliver_containerd(y);
        break;
    case SKF_TARGET_NODES:
        skf_deliver_nodes(y);
        break;
    case SKF_TARGET_DOCKER:
        skf_deliver_docker(y);
        break;
    }
}

void skf_deliver_start(struct skf_deliver *d)
{
    struct delivery *y = skf_xcalloc(1, sizeof *y);
    y->d = d;
    d->priv = y;
    d->deployed = NULL;
    d->bytes_sent = 0;
    d->blobs_sent = 0;
    skf_buf_init(&y->chunk);
    if (skf_ref_parse(d->reference, &y->ref, &y->err) == 0)
        y->name = skf_xasprintf("%s/%s:%s", y->ref.domain, y->ref.path,
                                y->ref.tag ? y->ref.tag : "latest");
    skf_defer_start(d->loop, &y->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    struct delivery *y = SKF_CONTAINER_OF(d, struct delivery, defer);
    skf_delivery_end(y, &y->err);
}

void skf_deliver_cancel(struct skf_deliver *d)
{
    struct delivery *y = d->priv;
    if (!y || y->cancelled)
        return;
    y->cancelled = true;
    if (!y->err.code)
        skf_err_set(&y->err, SKF_ECANCELED, "delivering '%s' was cancelled", d->reference);
    if (y->defer.open)
        skf_defer_cancel(&y->defer, on_dropped);
    else if (y->cancel)
        y->cancel(y);
}

void skf_deliver_release(struct skf_deliver *d)
{
    free(d->deployed);
    d->deployed = NULL;
}

/* happy path: HEAD of the tag (the same digest: all is there) -> blobs that are not there
 *             (push_blob.c) -> manifests of children -> the manifest under its tag.
 * failures:   of a transfer: the others are cancelled, then done(err). A manifest that is refused
 *             for a blob: all that is known of the repository is forgotten, once.
 * on cancel:  all that runs is cancelled; done comes when the last one has ended. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/image/document.h"
#include "lib/image/memo.h"
#include "lib/image/push_internal.h"

#define ACCEPT                                                                                     \
    SKF_MT_OCI_INDEX ", " SKF_MT_OCI_MANIFEST ", " SKF_MT_DOCKER_LIST ", " SKF_MT_DOCKER_MANIFEST

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(struct push *u)
{
    struct skf_push *p = u->p;
    struct skf_err err = u->err;
    for (unsigned i = 0; i < u->n_lanes; i++) {
        p->requests += u->lanes[i].call.requests;
        if (u->lanes[i].call_ready)
            skf_call_release(&u->lanes[i].call);
        free(u->lanes[i].location);
    }
    p->requests += u->call.requests;
    if (u->call_ready)
        skf_call_release(&u->call);
    if (u->new_homes.n)
        skf_memo_add("homes", u->ref.domain, &u->new_homes);
    skf_strv_release(&u->new_homes);
    skf_ref_release(&u->ref);
    skf_vec_release(&u->blobs);
    skf_vec_release(&u->manifests);
    free(u->lanes);
    free(u->full_name);
    free(u);
    p->priv = NULL;
    p->done(p, err.code ? &err : NULL);
}

/* --- manifests -------------------------------------------------------------------------------- */

static void ask(struct push *u, const char *method,
                void (*done)(struct skf_call *, const struct skf_err *))
{
    u->call.push = true;
    u->call.data = u;
    u->call.method = method;
    u->call_active = true;
    skf_call_start(&u->call, done);
}

static char *tag_key(const struct push *u)
{
    return skf_xasprintf("%s:%s", u->full_name, u->ref.tag ? u->ref.tag : "latest");
}

static void remember_tag(struct push *u)
{
    skf_autofree char *key = tag_key(u);
    free(skf_map_put(&u->p->registry->tags, key, skf_xstrdup(u->p->image->manifest->digest)));
}

static void on_manifest_put(struct skf_call *c, const struct skf_err *err)
{
    struct push *u = c->data;
    u->call_active = false;
    if (!u->err.code && err)
        u->err = *err;
    if (u->err.code) {
        finish(u);
        return;
    }
    if (c->http.status == 200 || c->http.status == 201 || c->http.status == 202) {
        const char *says = skf_http_header(&c->http, "docker-content-digest");
        const char *is = u->manifests.v[u->next_manifest]->manifest->digest;
        if (says && strcmp(says, is) != 0) /* some registries get it wrong; ours is of the bytes */
            skf_log_debug("registry: '%s' calls %s by the digest %.80s", u->full_name, is, says);
        u->next_manifest++;
        skf_push_next(u);
        return;
    }
    bool lacks = skf_call_has_code(c, "MANIFEST_BLOB_UNKNOWN") ||
                 skf_call_has_code(c, "BLOB_UNKNOWN") || skf_call_has_code(c, "MANIFEST_UNKNOWN");
    if (lacks && !u->forgotten) {
        skf_log_debug("registry: '%s' has lost blobs; pushing them again", u->full_name);
        u->forgotten = true;
        u->next_manifest = 0;
        skf_push_forget(u);
        skf_push_blobs(u);
        return;
    }
    skf_autofree char *doing = skf_xasprintf("pushing '%s'", u->p->reference);
    skf_call_fail(c, doing, &u->err);
    finish(u);
}

static void put_manifest(struct push *u)
{
    struct skf_image *im = u->manifests.v[u->next_manifest];
    bool last = u->next_manifest + 1 == u->manifests.n;
    skf_call_again(&u->call, "PUT");
    const char *tag = u->ref.tag ? u->ref.tag : "latest";
    u->call.path =
        skf_xasprintf("manifests/%s", last && !u->ref.digest ? tag : im->manifest->digest);
    u->call.content_type = im->manifest->media_type;
    u->call.body = im->manifest;
    ask(u, "PUT", on_manifest_put);
}

/* Called when nothing runs. */
void skf_push_next(struct push *u)
{
    if (u->err.code) {
        finish(u);
    } else if (u->next_manifest < u->manifests.n) {
        put_manifest(u);
    } else {
        remember_tag(u);
        finish(u);
    }
}

static void on_tag(struct skf_call *c, const struct skf_err *err)
{
    struct push *u = c->data;
    u->call_active = false;
    if (!u->err.code && err)
        u->err = *err;
    if (u->err.code) {
        finish(u);
        return;
    }
    const char *digest = skf_http_header(&c->http, "docker-content-digest");
    if (c->http.status == 200 && digest && strcmp(digest, u->p->image->manifest->digest) == 0) {
        u->p->blobs_present = (unsigned)u->blobs.n;
        remember_tag(u);
        finish(u);
        return;
    }
    skf_push_blobs(u); /* 404, 403 and everything else: the pushes will tell */
}

static void ask_tag(struct push *u)
{
    skf_call_again(&u->call, "HEAD");
    u->call.path = skf_xasprintf("manifests/%s", u->ref.tag ? u->ref.tag : "latest");
    u->call.accept = ACCEPT;
    ask(u, "HEAD", on_tag);
}

/* --- start ------------------------------------------------------------------------------------ */

static void add_blob(struct push *u, struct skf_blob *b)
{
    for (size_t i = 0; i < u->blobs.n; i++)
        if (strcmp(u->blobs.v[i]->digest, b->digest) == 0)
            return;
    if (strstr(b->media_type, "foreign") || strstr(b->media_type, "nondistributable"))
        return; /* comes from the addresses in its descriptor */
    skf_vec_push(&u->blobs, b);
    u->total += b->size;
}

/* Top layers first: they are the ones that are missing. */
static void add_image(struct push *u, struct skf_image *im)
{
    for (size_t i = 0; i < im->n_children; i++)
        add_image(u, im->children[i]);
    for (size_t i = im->n_layers; i > 0; i--)
        add_blob(u, im->layers[i - 1]);
    if (im->config)
        add_blob(u, im->config);
    skf_vec_push(&u->manifests, im);
}

static void begin(struct skf_defer *d)
{
    struct push *u = SKF_CONTAINER_OF(d, struct push, defer);
    if (u->err.code) {
        finish(u);
        return;
    }
    skf_call_init(&u->call, u->p->registry, &u->ref, false);
    u->call_ready = true;
    /* A tag that we moved ourselves to another image in this process: no need to ask what it is. */
    skf_autofree char *key = tag_key(u);
    const char *last = skf_map_get(&u->p->registry->tags, key);
    if (last && strcmp(last, u->p->image->manifest->digest) != 0)
        skf_push_blobs(u);
    else
        ask_tag(u);
}

void skf_push_start(struct skf_push *p)
{
    struct push *u = skf_xcalloc(1, sizeof *u);
    u->p = p;
    p->priv = u;
    p->bytes_sent = 0;
    p->blobs_sent = p->blobs_present = p->requests = 0;
    if (skf_ref_parse(p->reference, &u->ref, &u->err) == 0)
        u->full_name = skf_xasprintf("%s/%s", u->ref.domain, u->ref.path);
    add_image(u, p->image);
    skf_defer_start(p->registry->loop, &u->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct push, defer));
}

void skf_push_cancel(struct skf_push *p)
{
    struct push *u = p->priv;
    if (!u || u->cancelled)
        return;
    u->cancelled = true;
    if (!u->err.code)
        skf_err_set(&u->err, SKF_ECANCELED, "pushing '%s' was cancelled", p->reference);
    if (u->defer.open)
        skf_defer_cancel(&u->defer, on_dropped);
    else if (u->call_active)
        skf_call_cancel(&u->call);
    else
        skf_push_blobs_cancel(u);
}

/* happy path: the manifest by tag or digest; for an index the children that are wanted, one after
 *             the other: manifest, config. Each comes from the cache by digest when it is there.
 * failures:   a mirror that lacks it or has it wrong: the next place. A registry that cannot be
 *             reached: what the tag was before, if that is known. Else not found, no such platform,
 *             a digest that does not match: done(err), nothing kept.
 * on cancel:  the running call is cancelled; done comes with SKF_ECANCELED. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/image/cache.h"
#include "lib/image/call.h"
#include "lib/image/document.h"
#include "lib/image/host.h"
#include "lib/image/mirror.h"

#define ACCEPT                                                                                     \
    SKF_MT_OCI_INDEX ", " SKF_MT_OCI_MANIFEST ", " SKF_MT_DOCKER_LIST ", " SKF_MT_DOCKER_MANIFEST

enum wanted_document { TOP, CHILD, CONFIG };

struct pull {
    struct skf_pull *p;
    struct skf_ref ref;
    char *full;       /* "docker.io/library/alpine:latest": the pin's name and for errors */
    char *repository; /* "docker.io/library/alpine" */
    size_t place;     /* mirrors first (mirror.h) */
    struct skf_call call;
    bool call_ready, call_active, mirrored;
    struct skf_defer defer;
    struct skf_err err;

    enum wanted_document wanted;
    char wanted_digest[SKF_DIGEST_TEXT]; /* "" = by tag */
    size_t wanted_max;
    char old_pin[SKF_DIGEST_TEXT]; /* what the tag was, for when the registry cannot be reached */
    struct skf_buf got;            /* the document */
    char got_type[96];             /* its media type, as far as known */

    struct skf_image *index; /* NULL while the top is not an index */
    SKF_VEC(json_t *) todo;  /* descriptors of the children wanted, borrowed from the index */
    size_t next;
    struct skf_buf manifest; /* of the image whose config is asked for */
    char manifest_type[96];
};

static void advance(struct pull *u);

static void finish(struct pull *u)
{
    struct skf_pull *p = u->p;
    struct skf_err err = u->err;
    if (u->call_ready)
        skf_call_release(&u->call);
    skf_ref_release(&u->ref);
    skf_image_unref(u->index);
    skf_vec_release(&u->todo);
    skf_buf_release(&u->got);
    skf_buf_release(&u->manifest);
    free(u->full);
    free(u->repository);
    free(u);
    p->priv = NULL;
    p->done(p, err.code ? &err : NULL);
}

/* --- getting one document --------------------------------------------------------------------- */

static void take_document(struct pull *u);
static void ask(struct pull *u, enum wanted_document what, const char *digest, size_t max);

static void keep_document(struct pull *u, const char *digest)
{
    const char *dir = u->p->cache_dir;
    skf_cache_put(dir, digest, u->got.data, u->got.len);
    if (u->wanted == TOP && !u->wanted_digest[0])
        skf_cache_set_pin(dir, u->full, digest);
}

/* The call for the place; false when there is none of that number. */
static bool begin_place(struct pull *u)
{
    struct skf_ref ref = { 0 };
    bool insecure;
    enum skf_mirror_use use = u->wanted_digest[0] ? SKF_MIRROR_CONTENT : SKF_MIRROR_RESOLVE;
    if (!skf_mirror_place(u->p->registry, &u->ref, u->place, use, &ref, &insecure))
        return false;
    if (u->call_ready)
        skf_call_release(&u->call);
    skf_call_init(&u->call, u->p->registry, &ref, insecure);
    u->call_ready = true;
    u->mirrored = strcmp(ref.domain, u->ref.domain) != 0;
    skf_ref_release(&ref);
    return true;
}

static void on_document(struct skf_call *c, const struct skf_err *err);

static void send_request(struct pull *u)
{
    skf_call_again(&u->call, "GET");
    u->call.path = skf_xasprintf("%s/%s", u->wanted == CONFIG ? "blobs" : "manifests",
                                 u->wanted_digest[0] ? u->wanted_digest
                                 : u->ref.tag        ? u->ref.tag
                                                     : "latest");
    u->call.accept = u->wanted == CONFIG ? NULL : ACCEPT;
    u->call.max_body = u->wanted_max;
    u->call.impatient = u->mirrored || u->old_pin[0];
    u->call.data = u;
    u->call_active = true;
    skf_call_start(&u->call, on_document);
}

/* What came of the request: an error, or the digest of the document. */
static void judge(struct pull *u, const struct skf_err *err, char digest[SKF_DIGEST_TEXT])
{
    const struct skf_call *c = &u->call;
    if (err) {
        u->err = *err;
    } else if (c->http.status != 200) {
        skf_autofree char *doing = skf_xasprintf("reading the image '%s'", u->full);
        skf_call_fail(c, doing, &u->err);
    } else {
        skf_digest_of(c->http.body.data, c->http.body.len, digest);
        if (u->wanted_digest[0] && strcmp(digest, u->wanted_digest) != 0)
            skf_err_set(
                &u->err, SKF_EPROTO,
                "reading the image '%s': the registry sent wrong bytes for %s (they are %s)",
                u->full, u->wanted_digest, digest);
    }
}

/* A mirror, or the registry itself, does not give the document. Is there another way? */
static bool go_round(struct pull *u)
{
    char digest[SKF_DIGEST_TEXT];
    const struct skf_err why = u->err;
    bool gone = !u->mirrored && u->call.http.status == 404;
    if (why.code == SKF_ECANCELED)
        return false;
    skf_err_clear(&u->err);
    u->place++;
    if (begin_place(u)) {
        skf_log_debug("registry: %s; asking '%s'", why.msg, u->call.host->name);
        send_request(u);
        return true;
    }
    if (gone && u->wanted == TOP && u->wanted_digest[0] && !u->ref.digest && !u->p->stale) {
        u->place = 0; /* what was pinned is gone: the tag decides */
        ask(u, TOP, NULL, SKF_MANIFEST_MAX);
        return true;
    }
    bool unreachable = why.code == SKF_ENET || why.code == SKF_ETIMEDOUT;
    if (unreachable && u->wanted == TOP && u->old_pin[0]) {
        skf_log_debug("registry: %s; using what '%s' was before", why.msg, u->full);
        memcpy(digest, u->old_pin, sizeof digest);
        u->old_pin[0] = '\0';
        u->p->stale = true;
        u->place = 0;
        ask(u, TOP, digest, SKF_MANIFEST_MAX);
        return true;
    }
    u->err = why;
    return false;
}

static void on_document(struct skf_call *c, const struct skf_err *err)
{
    struct pull *u = c->data;
    char digest[SKF_DIGEST_TEXT];
    u->call_active = false;
    judge(u, err, digest);
    if (u->err.code) {
        if (!go_round(u) || !u->call_active)
            finish(u);
        return;
    }
    skf_buf_swap(&u->got, &c->http.body);
    if (u->wanted != CONFIG) {
        const char *type = skf_http_header(&c->http, "content-type");
        snprintf(u->got_type, sizeof u->got_type, "%s", type ? type : "");
    }
    keep_document(u, digest);
    take_document(u);
    if (!u->call_active)
        finish(u);
}

static void ask(struct pull *u, enum wanted_document what, const char *digest, size_t max)
{
    snprintf(u->wanted_digest, sizeof u->wanted_digest, "%s", digest ? digest : "");
    u->wanted = what;
    u->wanted_max = max;
    if (digest && skf_cache_get(u->p->cache_dir, digest, max, &u->got)) {
        take_document(u);
        return;
    }
    /* What gave the last document has this one too; a mirror for digests alone comes in now. */
    if (u->call_ready || begin_place(u))
        send_request(u);
    else
        skf_err_set(&u->err, SKF_EBUG, "no place to read '%s' from", u->full);
}

/* --- choosing from an index ------------------------------------------------------------------- */

static bool is_attestation(const json_t *descriptor)
{
    const json_t *notes = json_object_get(descriptor, "annotations");
    return json_object_get(notes, "vnd.docker.reference.type") != NULL;
}

static bool is_wanted(const struct skf_pull *p, const struct skf_platform *have, bool has_platform)
{
    if (has_platform && strcmp(have->os, "unknown") == 0)
        return false;
    for (size_t i = 0; i < p->n_wanted; i++)
        if (has_platform && skf_platform_matches(&p->wanted[i], have))
            return true;
    return p->n_wanted == 0;
}

static void name_wanted(const struct skf_pull *p, struct skf_buf *out)
{
    for (size_t i = 0; i < p->n_wanted; i++) {
        char text[160];
        skf_platform_format(&p->wanted[i], text, sizeof text);
        skf_buf_addf(out, "%s%s", i ? " or " : "", text);
    }
}

static void choose(struct pull *u)
{
    const json_t *list = json_object_get(u->index->manifest_doc, "manifests");
    skf_autobuf struct skf_buf offers = SKF_BUF_INIT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *d = json_array_get(list, i);
        struct skf_platform have;
        bool has;
        char text[160];
        skf_descriptor_platform(d, &have, &has);
        if (is_attestation(d) || (has && strcmp(have.os, "unknown") == 0))
            continue;
        skf_platform_format(&have, text, sizeof text);
        skf_buf_addf(&offers, "%s%s", offers.len ? ", " : "", has ? text : "one without platform");
        if (!is_wanted(u->p, &have, has))
            continue;
        const char *type = json_string_value(json_object_get(d, "mediaType"));
        if (strcmp(type, SKF_MT_OCI_MANIFEST) != 0 && strcmp(type, SKF_MT_DOCKER_MANIFEST) != 0) {
            skf_err_set(&u->err, SKF_EUNSUPPORTED,
                        "'%s' in the index '%s' is not an image but '%s'",
                        json_string_value(json_object_get(d, "digest")), u->full, type);
            return;
        }
        skf_vec_push(&u->todo, d);
    }
    if (u->todo.n)
        return;
    skf_autobuf struct skf_buf wanted = SKF_BUF_INIT;
    name_wanted(u->p, &wanted);
    skf_err_set(&u->err, SKF_ENOTFOUND, "image '%s' has no %s; it offers %.600s", u->full,
                wanted.len ? wanted.data : "image", offers.len ? offers.data : "nothing");
}

/* --- putting it together ---------------------------------------------------------------------- */

static void check_single(struct pull *u, struct skf_image *im)
{
    static const struct skf_platform usual = { .os = "linux", .arch = "amd64" };
    if (!im->has_platform) {
        im->platform = usual;
        im->has_platform = true;
    }
    if (is_wanted(u->p, &im->platform, true))
        return;
    char have[160];
    skf_autobuf struct skf_buf wanted = SKF_BUF_INIT;
    name_wanted(u->p, &wanted);
    skf_platform_format(&im->platform, have, sizeof have);
    skf_err_set(&u->err, SKF_ENOTFOUND, "image '%s' has no %s; it is for %s only", u->full,
                wanted.data, have);
}

static void take_top(struct pull *u)
{
    enum skf_document_kind kind;
    const char *type;
    json_t *doc =
        skf_document_parse(u->got.data, u->got.len, u->got_type, u->full, &kind, &type, &u->err);
    if (!doc)
        return;
    if (kind == SKF_DOCUMENT_IMAGE) {
        skf_buf_swap(&u->manifest, &u->got);
        snprintf(u->manifest_type, sizeof u->manifest_type, "%s", type);
        skf_autofree char *digest = skf_xstrdup(
            json_string_value(json_object_get(json_object_get(doc, "config"), "digest")));
        json_decref(doc);
        ask(u, CONFIG, digest, SKF_CONFIG_MAX);
        return;
    }
    u->index = skf_image_new();
    u->index->manifest_doc = doc;
    u->index->manifest = skf_blob_new_bytes(u->got.data, u->got.len, type);
    choose(u);
    u->index->children = skf_xcalloc(u->todo.n + 1, sizeof *u->index->children);
    u->index->child_descriptors = skf_xcalloc(u->todo.n + 1, sizeof(json_t *));
    if (!u->err.code)
        advance(u);
}

static void take_child(struct pull *u)
{
    enum skf_document_kind kind;
    const char *type;
    json_t *doc =
        skf_document_parse(u->got.data, u->got.len, u->got_type, u->full, &kind, &type, &u->err);
    if (!doc)
        return;
    const char *digest =
        json_string_value(json_object_get(json_object_get(doc, "config"), "digest"));
    if (!digest) {
        skf_err_set(&u->err, SKF_EUNSUPPORTED, "'%s' in '%s' is an index inside an index",
                    u->wanted_digest, u->full);
        json_decref(doc);
        return;
    }
    skf_autofree char *config = skf_xstrdup(digest);
    json_decref(doc);
    skf_buf_swap(&u->manifest, &u->got);
    snprintf(u->manifest_type, sizeof u->manifest_type, "%s", type);
    ask(u, CONFIG, config, SKF_CONFIG_MAX);
}

static void take_config(struct pull *u)
{
    struct skf_image *im = skf_image_from_documents(
        u->manifest.data, u->manifest.len, u->manifest_type, u->got.data, u->got.len, u->repository,
        skf_host_get(u->p->registry, &u->ref, false)->insecure, &u->err);
    if (!im)
        return;
    if (!u->index) {
        check_single(u, im);
        if (u->err.code)
            skf_image_unref(im);
        else
            u->p->image = im;
        return;
    }
    struct skf_platform listed;
    bool has;
    json_t *d = u->todo.v[u->next++];
    skf_descriptor_platform(d, &listed, &has);
    if (has) {
        im->platform = listed;
        im->has_platform = true;
    }
    u->index->child_descriptors[u->index->n_children] = d;
    u->index->children[u->index->n_children++] = im;
    advance(u);
}

/* Each take_X either asks for the next document, or has set an error, or the result is complete. */
static void take_document(struct pull *u)
{
    switch (u->wanted) {
    case TOP:
        take_top(u);
        break;
    case CHILD:
        take_child(u);
        break;
    case CONFIG:
        take_config(u);
        break;
    }
}

static void advance(struct pull *u)
{
    if (u->next == u->todo.n) {
        u->p->image = skf_take(&u->index);
        return;
    }
    ask(u, CHILD, json_string_value(json_object_get(u->todo.v[u->next], "digest")),
        SKF_MANIFEST_MAX);
}

static void begin(struct skf_defer *d)
{
    struct pull *u = SKF_CONTAINER_OF(d, struct pull, defer);
    char pinned[SKF_DIGEST_TEXT];
    if (u->err.code) {
        finish(u);
        return;
    }
    const char *digest = u->ref.digest;
    bool old;
    if (!digest && skf_cache_pin(u->p->cache_dir, u->full, pinned, &old)) {
        if (old || !u->p->pinned)
            memcpy(u->old_pin, pinned, sizeof pinned);
        else
            digest = pinned;
    }
    ask(u, TOP, digest, SKF_MANIFEST_MAX);
    if (!u->call_active)
        finish(u); /* all of it was in the cache, or what was there is no good */
}

void skf_pull_start(struct skf_pull *p)
{
    struct pull *u = skf_xcalloc(1, sizeof *u);
    u->p = p;
    p->priv = u;
    p->image = NULL;
    p->stale = false;
    skf_buf_init(&u->got);
    skf_buf_init(&u->manifest);
    if (skf_ref_parse(p->reference, &u->ref, &u->err) == 0) {
        u->full = skf_ref_full(&u->ref);
        u->repository = skf_xasprintf("%s/%s", u->ref.domain, u->ref.path);
    }
    skf_defer_start(p->registry->loop, &u->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct pull, defer));
}

void skf_pull_cancel(struct skf_pull *p)
{
    struct pull *u = p->priv;
    if (!u)
        return;
    if (u->defer.open) {
        skf_err_clear(&u->err);
        skf_err_set(&u->err, SKF_ECANCELED, "reading '%s' was cancelled", p->reference);
        skf_defer_cancel(&u->defer, on_dropped);
    } else if (u->call_active) {
        skf_call_cancel(&u->call);
    }
}

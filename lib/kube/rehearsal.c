#include "lib/kube/rehearsal.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"

/* The server looks at the fields of a mapping in a random order and may stop at the first that is
 * wrong: it is asked until so many answers (a few milliseconds each) in a row bring nothing new.
 * What stands two mappings deep beside another mistake comes first in one answer of four. */
enum { LIMIT_MS = 10 * 1000, QUIET_ANSWERS = 20, MAX_ANSWERS = 200 };

struct skf_rehearsal_ask {
    struct skf_rehearsal *rehearsal;
    struct skf_kube_req req;
    char *path, *validation;
    const char *text; /* the object; owned by whoever started us */
    bool created;     /* the request that runs is the one that creates */
    bool typed;       /* the blames are those of the schema */
    unsigned answers, quiet;
};

static void one_less(struct skf_rehearsal *r)
{
    if (--r->open)
        return;
    struct skf_err err = SKF_ERR_INIT;
    if (r->cancelled)
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    r->done(r, r->cancelled ? &err : NULL);
}

static bool is_typed(const struct skf_kube_req *r)
{
    return strstr(skf_jtext(r->json, "message"), "failed to create typed patch object") != NULL;
}

/* An answer that the real apply would get as well. */
static bool counts(const struct skf_rehearsal_ask *ask, const struct skf_rehearsal_part *part)
{
    const struct skf_kube_req *r = &ask->req;
    const char *message = skf_jtext(r->json, "message");
    if (is_typed(r)) /* a 500, of all things */
        return true;
    if (strstr(message, "does not support dry run"))
        return false;
    switch (r->status) {
    case 400:
    case 403:
        return true;
    case 404: /* its namespace */
        return strstr(message, "namespaces \"") != NULL;
    case 422:
        return !part->present;
    default:
        return false;
    }
}

static bool has_field(const struct skf_blames *blames, const char *field)
{
    for (size_t i = 0; i < blames->n; i++)
        if (blames->v[i].field && strcmp(blames->v[i].field, field) == 0)
            return true;
    return false;
}

/* Takes over what is new; how many. */
static size_t merge(struct skf_blames *into, struct skf_blames *more)
{
    size_t before = into->n;
    struct skf_blames known = { 0 };
    for (size_t i = 0; i < more->n; i++)
        if (more->v[i].field && has_field(into, more->v[i].field))
            skf_vec_push(&known, more->v[i]);
        else
            skf_vec_push(into, more->v[i]);
    skf_blames_release(&known);
    skf_vec_release(more);
    return into->n - before;
}

static void ask_apply(struct skf_rehearsal_ask *ask);

/* What the answer adds; true: ask once more. */
static bool learn(struct skf_rehearsal_ask *ask, struct skf_rehearsal_part *part)
{
    struct skf_blames blames = { 0 };
    bool typed = is_typed(&ask->req);
    skf_blame_status(ask->req.json, &blames);
    if (typed && !ask->typed) /* it says more than the request that creates did */
        skf_blames_release(&part->blames);
    if (part->blames.n && !typed) {
        skf_blames_release(&blames);
        return false;
    }
    ask->typed = typed;
    ask->quiet = merge(&part->blames, &blames) ? 0 : ask->quiet + 1;
    return (typed && ask->quiet < QUIET_ANSWERS && ask->answers < MAX_ANSWERS) ||
           (ask->created && ask->req.status == 400);
}

static void on_answer(struct skf_kube_req *req, const struct skf_err *err)
{
    struct skf_rehearsal_ask *ask = req->data;
    struct skf_rehearsal *r = ask->rehearsal;
    struct skf_rehearsal_part *part = &r->parts[ask - r->asks];
    ask->answers++;
    if (err && !r->cancelled && counts(ask, part) && learn(ask, part)) {
        ask_apply(ask);
        return;
    }
    r->refused += part->blames.n > 0;
    one_less(r);
}

static void dispatch(struct skf_rehearsal_ask *ask, const char *method, const char *type,
                     char *path)
{
    struct skf_kube_req *q = &ask->req;
    q->data = ask;
    q->method = method;
    q->content_type = type;
    q->limit_ms = LIMIT_MS;
    skf_buf_clear(&q->send);
    skf_buf_adds(&q->send, ask->text);
    skf_replace(&q->path, path);
    skf_kube_req_start(ask->rehearsal->api, q, on_answer);
}

static void ask_apply(struct skf_rehearsal_ask *ask)
{
    ask->created = false;
    dispatch(ask, "PATCH", "application/apply-patch+yaml",
             skf_xasprintf("%s?dryRun=All&force=true&fieldManager=skiff&fieldValidation=%s",
                           ask->path, ask->validation));
}

static void ask_create(struct skf_rehearsal_ask *ask)
{
    const char *name = strrchr(ask->path, '/');
    ask->created = true;
    dispatch(ask, "POST", "application/yaml",
             skf_xasprintf("%.*s?dryRun=All&fieldValidation=%s", (int)(name - ask->path), ask->path,
                           ask->validation));
}

void skf_rehearsal_start(struct skf_kube_api *api, struct skf_rehearsal *r,
                         const struct skf_objects *objects, struct skf_rehearsal_part *parts,
                         const char *validation,
                         void (*done)(struct skf_rehearsal *r, const struct skf_err *err))
{
    *r = (struct skf_rehearsal){
        .data = r->data, .done = done, .api = api, .parts = parts, .n = objects->n
    };
    r->asks = skf_xcalloc(r->n, sizeof *r->asks);
    for (size_t i = 0; i < r->n; i++) {
        struct skf_rehearsal_ask *ask = &r->asks[i];
        ask->rehearsal = r;
        ask->text = objects->v[i].text;
        skf_kube_req_init(&ask->req);
        if (!parts[i].path)
            continue;
        ask->path = skf_xstrdup(parts[i].path);
        ask->validation = skf_xstrdup(validation);
        r->open++;
        if (parts[i].present)
            ask_apply(ask);
        else
            ask_create(ask);
    }
}

void skf_rehearsal_cancel(struct skf_rehearsal *r)
{
    r->cancelled = true;
    for (size_t i = 0; i < r->n; i++)
        skf_kube_req_cancel(&r->asks[i].req);
}

void skf_rehearsal_release(struct skf_rehearsal *r)
{
    for (size_t i = 0; i < r->n; i++) {
        skf_kube_req_release(&r->asks[i].req);
        free(r->asks[i].path);
        free(r->asks[i].validation);
        skf_blames_release(&r->parts[i].blames);
    }
    free(r->asks);
    r->asks = NULL;
    r->n = 0;
}

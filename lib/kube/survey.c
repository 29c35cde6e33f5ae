#include "lib/kube/survey.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/io/loop.h"
#include "lib/kube/jget.h"

static const char only_metadata[] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
                                    "application/json";

/* One object, from its kind to its metadata. */
struct skf_survey_ask {
    struct skf_survey *survey;
    struct skf_kube_req req;
    char *api_version, *kind, *namespace_, *name;
    struct skf_survey_ask *next; /* waits for the same group */
};

/* The kinds of a group that skiff has no table for. */
struct skf_survey_group {
    struct skf_survey *survey;
    struct skf_kube_req req;
    struct skf_survey_ask *waiting;
    json_t *resources;
    bool asked, absent;
};

static void one_less(struct skf_survey *s)
{
    if (--s->open)
        return;
    if (s->cancelled) {
        skf_err_clear(&s->failure);
        skf_err_set(&s->failure, SKF_ECANCELED, "cancelled");
    }
    s->done(s, s->failure.code ? &s->failure : NULL);
}

/* What is no answer about one object, but trouble with the cluster. */
static bool is_trouble(const struct skf_kube_req *r)
{
    return r->status == 0 || r->status == 401 || r->status == 429 || r->status >= 500;
}

static void note_trouble(struct skf_survey *s, const struct skf_kube_req *r,
                         const struct skf_err *err)
{
    if (is_trouble(r) && !s->failure.code)
        s->failure = *err;
}

static void on_object(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_survey_ask *ask = r->data;
    struct skf_survey *s = ask->survey;
    struct skf_survey_item *item = &s->items[ask - s->asks];
    if (!err) {
        item->state = SKF_SURVEY_PRESENT;
        item->leaving = skf_jstr(r->json, "metadata.deletionTimestamp") != NULL;
        skf_owner_read(r->json, &item->owner);
    } else if (err->code == SKF_ENOTFOUND) {
        item->state = SKF_SURVEY_ABSENT;
    } else {
        note_trouble(s, r, err);
    }
    one_less(s);
}

static void get_object(struct skf_survey_ask *ask, char *path)
{
    struct skf_survey *s = ask->survey;
    skf_replace(&s->items[ask - s->asks].path, skf_xstrdup(path));
    ask->req.data = ask;
    ask->req.accept = only_metadata;
    s->open++;
    skf_kube_get(s->api, &ask->req, path, on_object);
}

/* The path by what the group's resource list says of the kind; NULL = it is not there. */
static char *path_in_group(const struct skf_survey_group *g, const struct skf_survey_ask *ask)
{
    size_t i;
    json_t *resource;
    json_array_foreach(g->resources, i, resource)
    {
        const char *plural = skf_jtext(resource, "name");
        if (strcmp(skf_jtext(resource, "kind"), ask->kind) != 0 || strchr(plural, '/'))
            continue;
        skf_autofree char *name = skf_http_escape(ask->name);
        skf_autofree char *ns = skf_http_escape(ask->namespace_);
        const char *root = strchr(ask->api_version, '/') ? "/apis" : "/api";
        return skf_jbool(resource, "namespaced")
                   ? skf_xasprintf("%s/%s/namespaces/%s/%s/%s", root, ask->api_version, ns, plural,
                                   name)
                   : skf_xasprintf("%s/%s/%s/%s", root, ask->api_version, plural, name);
    }
    return NULL;
}

static void resolve(struct skf_survey_group *g, struct skf_survey_ask *ask)
{
    struct skf_survey *s = ask->survey;
    char *path = path_in_group(g, ask);
    if (path)
        get_object(ask, path);
    else if (g->resources || g->absent) /* of a kind that is yet to be made: none can be there */
        s->items[ask - s->asks].state = SKF_SURVEY_ABSENT;
}

static void on_group(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_survey_group *g = r->data;
    struct skf_survey *s = g->survey;
    g->asked = true;
    g->resources = err ? NULL : json_incref(json_object_get(r->json, "resources"));
    g->absent = err && err->code == SKF_ENOTFOUND;
    if (err && !g->absent)
        note_trouble(s, r, err);
    for (struct skf_survey_ask *ask = g->waiting; ask && !s->cancelled; ask = ask->next)
        resolve(g, ask);
    one_less(s);
}

static void ask_group(struct skf_survey_ask *ask)
{
    struct skf_survey *s = ask->survey;
    struct skf_survey_group *g = skf_map_get(&s->groups, ask->api_version);
    if (!g) {
        g = skf_xcalloc(1, sizeof *g);
        g->survey = s;
        skf_map_put(&s->groups, ask->api_version, g);
        skf_kube_req_init(&g->req);
        g->req.data = g;
        s->open++;
        skf_kube_get(s->api, &g->req,
                     skf_xasprintf("%s/%s", strchr(ask->api_version, '/') ? "/apis" : "/api",
                                   ask->api_version),
                     on_group);
    }
    ask->next = g->waiting;
    g->waiting = ask;
}

static void on_empty_closed(uv_handle_t *handle)
{
    one_less(handle->data);
}

void skf_survey_start(struct skf_kube_api *api, struct skf_survey *s,
                      const struct skf_objects *objects, const char *default_namespace,
                      void (*done)(struct skf_survey *s, const struct skf_err *err))
{
    *s = (struct skf_survey){ .data = s->data, .done = done, .api = api, .n = objects->n };
    s->items = skf_xcalloc(s->n, sizeof *s->items);
    s->asks = skf_xcalloc(s->n, sizeof *s->asks);
    for (size_t i = 0; i < s->n; i++) {
        const struct skf_object *o = &objects->v[i];
        struct skf_survey_ask *ask = &s->asks[i];
        ask->survey = s;
        skf_kube_req_init(&ask->req);
        ask->api_version = skf_xstrdup(o->api_version);
        ask->kind = skf_xstrdup(o->kind);
        ask->namespace_ = skf_xstrdup(o->namespace_ ? o->namespace_ : default_namespace);
        ask->name = skf_xstrdup(o->name);
        char *path = skf_kube_object_path(ask->api_version, ask->kind, ask->namespace_, ask->name);
        if (path)
            get_object(ask, path);
        else
            ask_group(ask);
    }
    if (!s->n) {
        s->open = 1;
        uv_timer_init(skf_kube_api_loop(api), &s->empty);
        s->empty.data = s;
        uv_close((uv_handle_t *)&s->empty, on_empty_closed);
    }
}

void skf_survey_cancel(struct skf_survey *s)
{
    s->cancelled = true;
    for (size_t i = 0; i < s->n; i++)
        skf_kube_req_cancel(&s->asks[i].req);
    for (struct skf_map_iter it = skf_map_first(&s->groups); it.key; skf_map_next(&it))
        skf_kube_req_cancel(&((struct skf_survey_group *)it.value)->req);
}

static void free_group(void *value)
{
    struct skf_survey_group *g = value;
    skf_kube_req_release(&g->req);
    json_decref(g->resources);
    free(g);
}

void skf_survey_release(struct skf_survey *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct skf_survey_ask *ask = &s->asks[i];
        skf_kube_req_release(&ask->req);
        free(ask->api_version);
        free(ask->kind);
        free(ask->namespace_);
        free(ask->name);
        skf_owner_release(&s->items[i].owner);
        free(s->items[i].path);
    }
    skf_map_release_with(&s->groups, free_group);
    free(s->items);
    free(s->asks);
    s->items = NULL;
    s->asks = NULL;
    s->n = 0;
}

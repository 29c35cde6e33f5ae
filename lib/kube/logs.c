/* One watch on the pods of each namespace; each container of a chosen pod has a tail (tail.h).
 * on stop: watches and tails close; the last one ends with `done`. */
#include "lib/kube/logs.h"

#include <assert.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/tail.h"
#include "lib/kube/watch.h"

struct skf_logs_namespace {
    struct skf_logs *logs;
    char *name;
    struct skf_kube_watch watch;
    struct skf_map pods; /* uid: json_t, owned; chosen or not: the choice may grow */
    bool running;
};

void skf_logs_init(struct skf_logs *l)
{
    memset(l, 0, sizeof *l);
}

static void drop_json(void *value)
{
    json_decref(value);
}

void skf_logs_release(struct skf_logs *l)
{
    assert(!l->active);
    for (size_t i = 0; i < l->namespaces.n; i++) {
        struct skf_logs_namespace *n = l->namespaces.v[i];
        skf_kube_watch_release(&n->watch);
        skf_map_release_with(&n->pods, drop_json);
        free(n->name);
        free(n);
    }
    skf_vec_release(&l->namespaces);
    skf_map_release(&l->tails);
    skf_strv_release(&l->images);
    skf_strv_release(&l->workloads);
}

char *skf_log_prefix(const char *style, const struct skf_log_line *line)
{
    bool same = strcmp(line->pod, line->container) == 0;
    if (style && strcmp(style, "none") == 0)
        return skf_xstrdup("");
    if (style && (strcmp(style, "podAndContainer") == 0 || (strcmp(style, "auto") == 0 && !same)))
        return skf_xasprintf("[%s %s]", line->pod, line->container);
    return skf_xasprintf("[%s]", line->container);
}

size_t skf_logs_streams(const struct skf_logs *l)
{
    size_t n = 0;
    for (struct skf_map_iter it = skf_map_first(&l->tails); it.key; skf_map_next(&it))
        n += ((struct skf_tail *)it.value)->reading;
    return n;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void on_end_closed(uv_handle_t *handle)
{
    struct skf_logs *l = handle->data;
    l->active = false;
    l->done(l);
}

static void one_closed(struct skf_logs *l)
{
    if (--l->open > 0 || (!l->stopping && !l->once))
        return;
    l->stopping = true;
    uv_close((uv_handle_t *)&l->end, on_end_closed);
}

void skf_logs_stop(struct skf_logs *l, void (*done)(struct skf_logs *l))
{
    assert(l->active);
    if (l->stopping)
        return;
    l->done = done;
    l->stopping = true;
    for (size_t i = 0; i < l->namespaces.n; i++) {
        if (l->namespaces.v[i]->running)
            skf_kube_watch_cancel(&l->namespaces.v[i]->watch);
    }
    for (struct skf_map_iter it = skf_map_first(&l->tails); it.key; skf_map_next(&it))
        skf_tail_close(it.value);
    if (l->open == 0)
        uv_close((uv_handle_t *)&l->end, on_end_closed);
}

/* --- which pods ------------------------------------------------------------------------------- */

static bool runs_image(const struct skf_logs *l, const json_t *pod)
{
    static const char *const lists[] = { "spec.containers", "spec.initContainers" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            if (skf_strv_has(&l->images, skf_jtext(json_array_get(list, i), "image")))
                return true;
        }
    }
    return false;
}

static bool is_followed(const struct skf_logs *l, const char *ns, const char *kind,
                        const char *name)
{
    skf_autofree char *key = skf_xasprintf("%s/%s/%s", ns, kind, name);
    return skf_strv_has(&l->workloads, key);
}

/* A ReplicaSet is named after its Deployment, a Job after its CronJob. */
static bool owner_followed(const struct skf_logs *l, const char *ns, const json_t *owner)
{
    const char *kind = skf_jtext(owner, "kind"), *name = skf_jtext(owner, "name");
    if (is_followed(l, ns, kind, name))
        return true;
    const char *above = strcmp(kind, "ReplicaSet") == 0 ? "Deployment"
                        : strcmp(kind, "Job") == 0      ? "CronJob"
                                                        : NULL;
    const char *dash = strrchr(name, '-');
    if (!above || !dash)
        return false;
    skf_autofree char *base = skf_xstrndup(name, (size_t)(dash - name));
    return is_followed(l, ns, above, base);
}

static bool chosen(const struct skf_logs *l, const json_t *pod)
{
    const char *ns = skf_jtext(pod, "metadata.namespace");
    if (runs_image(l, pod) || is_followed(l, ns, "Pod", skf_jtext(pod, "metadata.name")))
        return true;
    const json_t *owners = skf_jget(pod, "metadata.ownerReferences");
    for (size_t i = 0; i < json_array_size(owners); i++) {
        if (owner_followed(l, ns, json_array_get(owners, i)))
            return true;
    }
    return false;
}

/* --- tails ------------------------------------------------------------------------------------ */

static void on_tail_line(struct skf_tail *t, const char *text, size_t len, int64_t time_ns)
{
    struct skf_logs *l = t->data;
    struct skf_log_line line = { t->namespace_, t->pod, t->container, text, len, time_ns };
    if (!l->stopping)
        l->on_line(l, &line);
}

static void on_tail_trouble(struct skf_tail *t, const struct skf_err *err)
{
    struct skf_logs *l = t->data;
    skf_autofree char *text = skf_xasprintf("the log of container '%s' in pod '%s' cannot be read: "
                                            "%s",
                                            t->container, t->pod, err->msg);
    if (l->on_notice && !l->stopping)
        l->on_notice(l, text);
}

static void on_tail_closed(struct skf_tail *t)
{
    struct skf_logs *l = t->data;
    for (struct skf_map_iter it = skf_map_first(&l->tails); it.key; skf_map_next(&it)) {
        if (it.value == t) {
            skf_map_del(&l->tails, it.key);
            break;
        }
    }
    skf_tail_release(t);
    free(t);
    one_closed(l);
}

static struct skf_tail *tail_of(struct skf_logs *l, const json_t *pod, const char *container)
{
    skf_autofree char *key = skf_xasprintf("%s/%s", skf_jtext(pod, "metadata.uid"), container);
    struct skf_tail *t = skf_map_get(&l->tails, key);
    if (t)
        return t;
    t = skf_xcalloc(1, sizeof *t);
    skf_tail_init(t);
    t->api = l->api;
    t->data = l;
    t->namespace_ = skf_xstrdup(skf_jtext(pod, "metadata.namespace"));
    t->pod = skf_xstrdup(skf_jtext(pod, "metadata.name"));
    t->container = skf_xstrdup(container);
    /* Stamps have whole seconds: a pod of this very second is a new one. */
    int64_t born = skf_jtime_ms(skf_jstr(pod, "metadata.creationTimestamp"));
    int64_t since = l->since_ns + skf_kube_api_skew_ms(l->api) * 1000000;
    t->from_ns = l->all || (born + 1000) * 1000000 >= since ? 0 : since;
    t->once = l->once;
    t->on_line = on_tail_line;
    t->on_trouble = on_tail_trouble;
    t->closed = on_tail_closed;
    skf_map_put(&l->tails, key, t);
    l->open++;
    skf_tail_open(t);
    return t;
}

static void follow_pod(struct skf_logs *l, const json_t *pod)
{
    static const char *const lists[] = { "status.initContainerStatuses",
                                         "status.containerStatuses" };
    if (l->stopping || !chosen(l, pod))
        return;
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *status = json_array_get(list, i);
            const char *name = skf_jstr(status, "name");
            if (name && *skf_jtext(status, "containerID"))
                skf_tail_status(tail_of(l, pod, name), status);
        }
    }
}

static void pod_gone(struct skf_logs *l, const char *uid)
{
    size_t len = strlen(uid);
    for (struct skf_map_iter it = skf_map_first(&l->tails); it.key; skf_map_next(&it)) {
        if (strncmp(it.key, uid, len) == 0 && it.key[len] == '/')
            skf_tail_gone(it.value);
    }
}

/* --- watches ---------------------------------------------------------------------------------- */

/* Of a pod only this is read: who it is, what runs in it, and how its containers are. */
static void keep_little(json_t *pod)
{
    static const char *const lists[] = { "spec.containers", "spec.initContainers" };
    static const char *const heavy[] = { "env",          "envFrom",      "resources",
                                         "command",      "volumeMounts", "readinessProbe",
                                         "args",         "ports",        "livenessProbe",
                                         "startupProbe", "lifecycle",    "securityContext" };
    static const char *const spec[] = { "volumes", "tolerations", "affinity", "securityContext" };
    json_object_del(skf_jget(pod, "metadata"), "managedFields");
    json_object_del(skf_jget(pod, "metadata"), "annotations");
    json_object_del(skf_jget(pod, "status"), "conditions");
    for (size_t i = 0; i < SKF_ARRAY_LEN(spec); i++)
        json_object_del(skf_jget(pod, "spec"), spec[i]);
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++)
            for (size_t h = 0; h < SKF_ARRAY_LEN(heavy); h++)
                json_object_del(json_array_get(list, i), heavy[h]);
    }
}

static void on_event(struct skf_kube_watch *w, enum skf_kube_event event, json_t *pod)
{
    struct skf_logs_namespace *n = w->data;
    const char *uid = skf_jtext(pod, "metadata.uid");
    if (event == SKF_KUBE_DELETED) {
        json_decref(skf_map_del(&n->pods, uid));
        pod_gone(n->logs, uid);
        return;
    }
    keep_little(pod);
    json_decref(skf_map_put(&n->pods, uid, json_incref(pod)));
    follow_pod(n->logs, pod);
}

static void on_list(struct skf_kube_watch *w)
{
    struct skf_logs_namespace *n = w->data;
    if (n->logs->once)
        skf_kube_watch_cancel(w);
}

static void on_watch_done(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct skf_logs_namespace *n = w->data;
    n->running = false;
    if (!n->logs->stopping && err->code != SKF_ECANCELED && n->logs->on_notice) {
        skf_autofree char *text = skf_xasprintf("no logs of namespace '%s': %s", n->name, err->msg);
        n->logs->on_notice(n->logs, text);
    }
    one_closed(n->logs);
}

static struct skf_logs_namespace *namespace_of(struct skf_logs *l, const char *name)
{
    for (size_t i = 0; i < l->namespaces.n; i++) {
        if (strcmp(l->namespaces.v[i]->name, name) == 0)
            return l->namespaces.v[i];
    }
    struct skf_logs_namespace *n = skf_xcalloc(1, sizeof *n);
    n->logs = l;
    n->name = skf_xstrdup(name);
    skf_kube_watch_init(&n->watch);
    n->watch.data = n;
    n->watch.path = skf_kube_path("Pod", name, NULL);
    n->watch.on_event = on_event;
    n->watch.on_list = on_list;
    n->running = true;
    l->open++;
    skf_vec_push(&l->namespaces, n);
    skf_kube_watch_start(l->api, &n->watch, on_watch_done);
    return n;
}

static void follow_known(struct skf_logs *l, const char *namespace_)
{
    struct skf_logs_namespace *n = namespace_of(l, namespace_);
    for (struct skf_map_iter it = skf_map_first(&n->pods); it.key; skf_map_next(&it))
        follow_pod(l, it.value);
}

void skf_logs_start(struct skf_kube_api *api, struct skf_logs *l, int64_t since_ms)
{
    assert(!l->active && l->on_line);
    l->api = api;
    l->active = true;
    l->all = since_ms == SKF_LOGS_ALL;
    l->since_ns = l->all ? 0 : (since_ms ? since_ms : skf_clock_wall_ms()) * 1000000;
    uv_timer_init(skf_kube_api_loop(api), &l->end);
    l->end.data = l;
}

void skf_logs_follow_image(struct skf_logs *l, const char *namespace_, const char *image)
{
    if (l->stopping)
        return;
    if (!skf_strv_has(&l->images, image))
        skf_strv_add(&l->images, image);
    follow_known(l, namespace_);
}

void skf_logs_follow_workload(struct skf_logs *l, const char *namespace_, const char *kind,
                              const char *name)
{
    if (l->stopping)
        return;
    skf_autofree char *key = skf_xasprintf("%s/%s/%s", namespace_, kind, name);
    if (!skf_strv_has(&l->workloads, key))
        skf_strv_add(&l->workloads, key);
    follow_known(l, namespace_);
}

#include "lib/kube/target.h"

#include <assert.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/kube/jget.h"

void skf_kube_target_init(struct skf_kube_target *t)
{
    memset(t, 0, sizeof *t);
    skf_kube_watch_init(&t->object_watch);
    skf_kube_watch_init(&t->pod_watch);
}

static void drop_json(void *value)
{
    json_decref(value);
}

void skf_kube_target_release(struct skf_kube_target *t)
{
    char *owned[] = { t->kind, t->namespace_, t->name, t->port, t->selector };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
    skf_kube_watch_release(&t->object_watch);
    skf_kube_watch_release(&t->pod_watch);
    skf_map_release_with(&t->pods, drop_json);
    json_decref(t->object);
    memset(t, 0, sizeof *t);
}

/* --- selectors -------------------------------------------------------------------------------- */

static void add_labels(const json_t *labels, struct skf_buf *out)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)labels, key, value)
    {
        if (json_is_string(value))
            skf_buf_addf(out, "%s%s=%s", out->len ? "," : "", key, json_string_value(value));
    }
}

static void add_expression(const json_t *e, struct skf_buf *out)
{
    const char *key = skf_jtext(e, "key"), *operator= skf_jtext(e, "operator");
    const char *comma = out->len ? "," : "";
    if (strcmp(operator, "Exists") == 0) {
        skf_buf_addf(out, "%s%s", comma, key);
    } else if (strcmp(operator, "DoesNotExist") == 0) {
        skf_buf_addf(out, "%s!%s", comma, key);
    } else {
        skf_buf_addf(out, "%s%s %s (", comma, key, strcmp(operator, "In") == 0 ? "in" : "notin");
        const json_t *values = skf_jget(e, "values");
        for (size_t i = 0; i < json_array_size(values); i++) {
            const char *value = json_string_value(json_array_get(values, i));
            skf_buf_addf(out, "%s%s", i ? "," : "", value ? value : "");
        }
        skf_buf_addc(out, ')');
    }
}

char *skf_kube_selector_query(const json_t *object)
{
    const json_t *selector = skf_jget(object, "spec.selector");
    const json_t *labels = skf_jget(selector, "matchLabels");
    const json_t *expressions = skf_jget(selector, "matchExpressions");
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    add_labels(json_is_object(labels) || expressions ? labels : selector, &text);
    for (size_t i = 0; i < json_array_size(expressions); i++)
        add_expression(json_array_get(expressions, i), &text);
    if (!text.len)
        return NULL;
    skf_autofree char *escaped = skf_http_escape(text.data);
    return skf_xasprintf("labelSelector=%s", escaped);
}

/* --- picking ---------------------------------------------------------------------------------- */

static unsigned number_of(const char *text)
{
    long long n;
    return text && skf_num_parse(text, 1, 65535, &n) ? (unsigned)n : 0;
}

static unsigned named_port(const json_t *pod, const char *name)
{
    static const char *const lists[] = { "spec.containers", "spec.initContainers" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(lists); k++) {
        const json_t *list = skf_jget(pod, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *port = skf_jfind(json_array_get(list, i), "ports", "name", name);
            if (port)
                return (unsigned)skf_jint(port, "containerPort", 0);
        }
    }
    return 0;
}

/* A port of the Service, by number or name, to a port of this pod. */
static unsigned service_port(const struct skf_kube_target *t, const json_t *pod)
{
    const json_t *ports = skf_jget(t->object, "spec.ports");
    unsigned number = number_of(t->port);
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        if (number ? skf_jint(port, "port", 0) != number
                   : strcmp(skf_jtext(port, "name"), t->port) != 0)
            continue;
        const json_t *to = json_object_get(port, "targetPort");
        if (json_is_string(to))
            return named_port(pod, json_string_value(to));
        return (unsigned)skf_jint(port, "targetPort", skf_jint(port, "port", 0));
    }
    return 0;
}

static unsigned port_in(const struct skf_kube_target *t, const json_t *pod)
{
    if (strcmp(t->kind, "Service") == 0)
        return service_port(t, pod);
    unsigned number = number_of(t->port);
    return number ? number : named_port(pod, t->port);
}

static bool is_ready(const json_t *pod)
{
    const json_t *ready = skf_jfind(pod, "status.conditions", "type", "Ready");
    return strcmp(skf_jtext(ready, "status"), "True") == 0;
}

bool skf_kube_target_pick(const struct skf_kube_target *t, bool any_running,
                          struct skf_target_view *out)
{
    const char *born = "";
    const json_t *best = NULL;
    bool best_ready = false;
    for (struct skf_map_iter it = skf_map_first(&t->pods); it.key; skf_map_next(&it)) {
        const json_t *pod = it.value;
        bool ready = is_ready(pod);
        if (skf_jget(pod, "metadata.deletionTimestamp") || (!ready && !any_running) ||
            strcmp(skf_jtext(pod, "status.phase"), "Running") != 0 || !port_in(t, pod))
            continue;
        const char *stamp = skf_jtext(pod, "metadata.creationTimestamp");
        if (best && (best_ready != ready ? best_ready : strcmp(stamp, born) < 0))
            continue;
        best = pod;
        best_ready = ready;
        born = stamp;
    }
    if (!best)
        return false;
    out->pod = skf_jtext(best, "metadata.name");
    out->uid = skf_jtext(best, "metadata.uid");
    out->port = port_in(t, best);
    out->ready = best_ready;
    return true;
}

/* --- watches ---------------------------------------------------------------------------------- */

static void maybe_closed(struct skf_kube_target *t)
{
    if (t->closing && !t->object_runs && !t->pods_run)
        t->closed(t);
}

static void start_pods(struct skf_kube_target *t);

static void on_pod(struct skf_kube_watch *w, enum skf_kube_event event, json_t *pod)
{
    struct skf_kube_target *t = w->data;
    const char *uid = skf_jtext(pod, "metadata.uid");
    json_object_del(skf_jget(pod, "metadata"), "managedFields");
    json_t *old = event == SKF_KUBE_DELETED ? skf_map_del(&t->pods, uid)
                                            : skf_map_put(&t->pods, uid, json_incref(pod));
    json_decref(old);
    t->on_change(t);
}

static void tell(struct skf_kube_target *t, const struct skf_err *err)
{
    if (!t->closing && !t->told_error && err->code != SKF_ECANCELED) {
        t->told_error = true;
        t->on_error(t, err);
    }
}

static void on_pods_done(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct skf_kube_target *t = w->data;
    t->pods_run = false;
    if (t->restart_pods && !t->closing) {
        t->restart_pods = false;
        start_pods(t);
        return;
    }
    tell(t, err);
    maybe_closed(t);
}

static void start_pods(struct skf_kube_target *t)
{
    skf_map_release_with(&t->pods, drop_json);
    t->pods = (struct skf_map)SKF_MAP_INIT;
    skf_kube_watch_release(&t->pod_watch);
    skf_kube_watch_init(&t->pod_watch);
    t->pod_watch.data = t;
    t->pod_watch.path = skf_kube_path("Pod", t->namespace_, NULL);
    t->pod_watch.query = skf_xstrdup(t->selector);
    t->pod_watch.on_event = on_pod;
    t->pods_run = true;
    skf_kube_watch_start(t->api, &t->pod_watch, on_pods_done);
}

/* The selector may change with a deploy: then other pods are meant. */
static void follow_selector(struct skf_kube_target *t)
{
    skf_autofree char *query = skf_kube_selector_query(t->object);
    if (!query || (t->selector && strcmp(query, t->selector) == 0))
        return;
    skf_replace(&t->selector, skf_take(&query));
    if (t->pods_run) {
        t->restart_pods = true;
        skf_kube_watch_cancel(&t->pod_watch);
    } else {
        start_pods(t);
    }
}

static void on_object(struct skf_kube_watch *w, enum skf_kube_event event, json_t *object)
{
    struct skf_kube_target *t = w->data;
    if (event == SKF_KUBE_DELETED)
        return; /* most often replaced in a moment; its pods tell whether there is somebody */
    json_decref(t->object);
    t->object = json_incref(object);
    follow_selector(t);
    t->on_change(t);
}

static void on_object_done(struct skf_kube_watch *w, const struct skf_err *err)
{
    struct skf_kube_target *t = w->data;
    t->object_runs = false;
    tell(t, err);
    maybe_closed(t);
}

void skf_kube_target_start(struct skf_kube_api *api, struct skf_kube_target *t)
{
    skf_autofree char *name = skf_http_escape(t->name);
    t->api = api;
    if (strcmp(t->kind, "Pod") == 0) {
        t->selector = skf_xasprintf("fieldSelector=metadata.name%%3D%s", name);
        start_pods(t);
        return;
    }
    t->object_watch.data = t;
    t->object_watch.path = skf_kube_path(t->kind, t->namespace_, NULL);
    assert(t->object_watch.path); /* the kind was checked by the owner */
    t->object_watch.query = skf_xasprintf("fieldSelector=metadata.name%%3D%s", name);
    t->object_watch.on_event = on_object;
    t->object_runs = true;
    skf_kube_watch_start(api, &t->object_watch, on_object_done);
}

bool skf_kube_target_close(struct skf_kube_target *t)
{
    if (t->closing)
        return t->object_runs || t->pods_run;
    t->closing = true;
    if (t->object_runs)
        skf_kube_watch_cancel(&t->object_watch);
    if (t->pods_run)
        skf_kube_watch_cancel(&t->pod_watch);
    return t->object_runs || t->pods_run;
}

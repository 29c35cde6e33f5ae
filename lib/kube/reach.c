#include "lib/kube/reach.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/doc/doc.h"
#include "lib/kube/jget.h"

enum { MAX_PORTS = 32 };

void skf_reach_release(struct skf_reach *r)
{
    for (size_t i = 0; i < r->n; i++) {
        char *owned[] = { r->v[i].service, r->v[i].container, r->v[i].namespace_, r->v[i].pod,
                          r->v[i].field };
        for (size_t k = 0; k < SKF_ARRAY_LEN(owned); k++)
            free(owned[k]);
    }
    skf_vec_release(r);
}

static bool selects(const struct skf_node *selector, const json_t *pod)
{
    if (!selector || selector->kind != SKF_MAPPING || selector->n == 0)
        return false;
    for (size_t i = 0; i < selector->n; i++) {
        const char *key = skf_node_str(selector->entries[i].key);
        const char *want = skf_node_str(selector->entries[i].value);
        const char *has = key ? skf_jkey(pod, "metadata.labels", key) : NULL;
        if (!has || !want || strcmp(has, want) != 0)
            return false;
    }
    return true;
}

/* The container that declares the port (by name or number), else the first. *port: its number, 0
 * when a name is not declared. */
static const json_t *container_of(const json_t *pod, const char *text, unsigned *port)
{
    long long number = 0;
    bool named = !skf_num_parse(text, 1, 65535, &number);
    const json_t *list = skf_jget(pod, "spec.containers");
    *port = (unsigned)number;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i), *ports = skf_jget(c, "ports");
        for (size_t k = 0; k < json_array_size(ports); k++) {
            const json_t *p = json_array_get(ports, k);
            long long own = skf_jint(p, "containerPort", 0);
            if (named ? strcmp(skf_jtext(p, "name"), text) != 0 : own != number)
                continue;
            *port = (unsigned)own;
            return c;
        }
    }
    return json_array_get(list, 0);
}

/* Has its readiness probe been at this very port? Then the kubelet knows it from outside. */
static bool is_probed(const json_t *container, unsigned port)
{
    static const char *const places[] = { "readinessProbe.httpGet.port",
                                          "readinessProbe.tcpSocket.port",
                                          "readinessProbe.grpc.port" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(places); i++) {
        const json_t *p = skf_jget(container, places[i]);
        const char *name = json_string_value(p);
        const json_t *named = name ? skf_jfind(container, "ports", "name", name) : NULL;
        if (p && (name ? skf_jint(named, "containerPort", 0) : json_integer_value(p)) == port)
            return true;
    }
    return false;
}

static void add_ports(struct skf_reach *r, const struct skf_object *o, const struct skf_node *ports,
                      const json_t *pod)
{
    for (size_t i = 0; ports && ports->kind == SKF_SEQUENCE && i < ports->n; i++) {
        const char *protocol = skf_node_get_str(ports->items[i], "protocol");
        const char *text = skf_node_get_str(ports->items[i], "targetPort");
        if (!text)
            text = skf_node_get_str(ports->items[i], "port");
        unsigned port = 0;
        const json_t *container = text ? container_of(pod, text, &port) : NULL;
        if (!port || (protocol && strcmp(protocol, "TCP") != 0) || is_probed(container, port) ||
            r->n >= MAX_PORTS)
            continue;
        struct skf_reach_port p = { .object = o, .port = port };
        p.service = skf_xstrdup(o->name);
        p.container = skf_xstrdup(skf_jtext(container, "name"));
        p.namespace_ = skf_xstrdup(skf_jtext(pod, "metadata.namespace"));
        p.pod = skf_xstrdup(skf_jtext(pod, "metadata.name"));
        p.field = skf_xasprintf("spec.ports[%zu].targetPort", i);
        skf_vec_push(r, p);
    }
}

void skf_reach_add(struct skf_reach *r, const struct skf_objects *objects,
                   const char *default_namespace, const json_t *pod)
{
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        const char *namespace_ = o->namespace_ ? o->namespace_ : default_namespace;
        struct skf_doc *doc = NULL;
        struct skf_err ignored = SKF_ERR_INIT;
        if (strcmp(o->kind, "Service") != 0 || strcmp(o->api_version, "v1") != 0 ||
            strcmp(namespace_, skf_jtext(pod, "metadata.namespace")) != 0 ||
            skf_doc_parse(o->file, o->text, strlen(o->text), &doc, &ignored) < 0)
            continue;
        const struct skf_node *root = doc->n_parts ? doc->parts[0].root : NULL;
        if (selects(skf_node_find(root, "spec", "selector", NULL), pod))
            add_ports(r, o, skf_node_find(root, "spec", "ports", NULL), pod);
        skf_doc_free(doc);
    }
}

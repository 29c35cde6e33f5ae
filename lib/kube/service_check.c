#include "lib/kube/service_check.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/kube/place.h"

struct parsed {
    const struct skf_object *object;
    const char *namespace_;
    struct skf_doc *doc;
    const struct skf_node *root;
    const struct skf_node *pod; /* the pod (template), or NULL */
};

/* "k8s/web.yaml:12:5" of the field in the author's file, owned; in the text at hand, when that file
 * has changed. */
static char *place_of(const struct parsed *p, const struct skf_node *at, const char *field)
{
    struct skf_doc *doc = NULL;
    const struct skf_node *own = skf_place_of(p->object, field, false, &doc);
    char *text =
        own ? skf_xasprintf("%s:%d:%d", p->object->file, own->line, own->col)
            : skf_xasprintf("%s:%d:%d", p->object->file, p->object->line + at->line - 1, at->col);
    skf_doc_free(doc);
    return text;
}

/* Where a workload keeps its pod: metadata.labels and spec below it. */
static const struct skf_node *pod_of(const struct skf_object *o, const struct skf_node *root)
{
    if (strcmp(o->kind, "Pod") == 0)
        return root;
    if (strcmp(o->kind, "CronJob") == 0)
        return skf_node_find(root, "spec", "jobTemplate", "spec", "template", NULL);
    return skf_node_find(root, "spec", "template", NULL);
}

static bool selects(const struct skf_node *selector, const struct skf_node *pod)
{
    const struct skf_node *labels = skf_node_find(pod, "metadata", "labels", NULL);
    for (size_t i = 0; i < selector->n; i++) {
        const char *key = skf_node_str(selector->entries[i].key);
        const char *want = skf_node_str(selector->entries[i].value);
        const char *has = key ? skf_node_get_str(labels, key) : NULL;
        if (!has || !want || strcmp(has, want) != 0)
            return false;
    }
    return true;
}

/* 1: the pod has it; 0: it has others; -1: it declares none, so that nobody can tell. */
static int has_port(const struct skf_node *pod, const char *port)
{
    const struct skf_node *containers = skf_node_find(pod, "spec", "containers", NULL);
    bool any = false, named = !skf_node_is_null(containers) && (*port < '0' || *port > '9');
    for (size_t i = 0; containers && containers->kind == SKF_SEQUENCE && i < containers->n; i++) {
        const struct skf_node *ports = skf_node_get(containers->items[i], "ports");
        for (size_t k = 0; ports && ports->kind == SKF_SEQUENCE && k < ports->n; k++) {
            const char *text = skf_node_get_str(ports->items[k], named ? "name" : "containerPort");
            any = true;
            if (text && strcmp(text, port) == 0)
                return 1;
        }
    }
    return any || named ? 0 : -1;
}

static void check_ports(const struct parsed *service, const struct parsed *workload,
                        struct skf_strv *notes)
{
    const struct skf_node *ports = skf_node_find(service->root, "spec", "ports", NULL);
    for (size_t i = 0; ports && ports->kind == SKF_SEQUENCE && i < ports->n; i++) {
        const struct skf_node *at = skf_node_get(ports->items[i], "targetPort");
        if (skf_node_is_null(at))
            at = skf_node_get(ports->items[i], "port");
        const char *port = skf_node_str(at);
        if (!port || has_port(workload->pod, port) != 0)
            continue;
        skf_autofree char *field = skf_xasprintf("spec.ports[%zu].targetPort", i);
        skf_autofree char *where = place_of(service, at, field);
        skf_strv_addf(notes, "%s: service '%s' leads to port %s, which %s '%s' does not declare",
                      where, service->object->name, port, workload->object->kind,
                      workload->object->name);
    }
}

static void check_service(const struct parsed *service, const struct parsed *all, size_t n,
                          struct skf_strv *notes)
{
    const struct skf_node *selector = skf_node_find(service->root, "spec", "selector", NULL);
    if (!selector || selector->kind != SKF_MAPPING || selector->n == 0)
        return; /* its endpoints are made by hand */
    size_t workloads = 0, matches = 0;
    for (size_t i = 0; i < n; i++) {
        if (!all[i].pod || strcmp(all[i].namespace_, service->namespace_) != 0)
            continue;
        workloads++;
        if (!selects(selector, all[i].pod))
            continue;
        matches++;
        check_ports(service, &all[i], notes);
    }
    if (workloads && !matches) {
        skf_autofree char *where = place_of(service, selector, "spec.selector");
        skf_strv_addf(notes,
                      "%s: service '%s' selects no pod of these manifests: compare its "
                      "spec.selector with the labels in the pod template",
                      where, service->object->name);
    }
}

/* --- Ingresses -------------------------------------------------------------------------------- */

static const struct parsed *find_service(const struct parsed *all, size_t n, const char *namespace_,
                                         const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].object->kind, "Service") == 0 && strcmp(all[i].object->name, name) == 0 &&
            strcmp(all[i].namespace_, namespace_) == 0)
            return &all[i];
    return NULL;
}

static bool service_has_port(const struct parsed *service, const char *key, const char *port)
{
    const struct skf_node *ports = skf_node_find(service->root, "spec", "ports", NULL);
    for (size_t i = 0; ports && ports->kind == SKF_SEQUENCE && i < ports->n; i++) {
        const char *text = skf_node_get_str(ports->items[i], key);
        if (text && strcmp(text, port) == 0)
            return true;
    }
    return false;
}

/* Services that are not in the manifests may come from elsewhere; of those that are, the port has
 * to be one of theirs. */
static void check_backend(const struct parsed *ingress, const struct skf_node *backend,
                          const char *field, const struct parsed *all, size_t n,
                          struct skf_strv *notes)
{
    const char *name = skf_node_str(skf_node_find(backend, "service", "name", NULL));
    const struct parsed *service = name ? find_service(all, n, ingress->namespace_, name) : NULL;
    const struct skf_node *port = skf_node_find(backend, "service", "port", NULL);
    const char *keys[][2] = { { "number", "port" }, { "name", "name" } };
    for (size_t i = 0; service && i < SKF_ARRAY_LEN(keys); i++) {
        const struct skf_node *value = skf_node_get(port, keys[i][0]);
        const char *text = skf_node_str(value);
        if (!text || service_has_port(service, keys[i][1], text))
            continue;
        skf_autofree char *below = skf_xasprintf("%s.service.port.%s", field, keys[i][0]);
        skf_autofree char *where = place_of(ingress, value, below);
        skf_strv_addf(notes, "%s: ingress '%s' leads to port %s, which service '%s' does not have",
                      where, ingress->object->name, text, name);
    }
}

static void check_ingress(const struct parsed *ingress, const struct parsed *all, size_t n,
                          struct skf_strv *notes)
{
    const struct skf_node *spec = skf_node_get(ingress->root, "spec");
    const struct skf_node *rules = skf_node_get(spec, "rules");
    check_backend(ingress, skf_node_get(spec, "defaultBackend"), "spec.defaultBackend", all, n,
                  notes);
    for (size_t i = 0; rules && rules->kind == SKF_SEQUENCE && i < rules->n; i++) {
        const struct skf_node *paths = skf_node_find(rules->items[i], "http", "paths", NULL);
        for (size_t k = 0; paths && paths->kind == SKF_SEQUENCE && k < paths->n; k++) {
            skf_autofree char *field =
                skf_xasprintf("spec.rules[%zu].http.paths[%zu].backend", i, k);
            check_backend(ingress, skf_node_get(paths->items[k], "backend"), field, all, n, notes);
        }
    }
}

int skf_manifest_check_services(const struct skf_objects *objects, const char *default_namespace,
                                struct skf_strv *notes, struct skf_err *err)
{
    SKF_VEC(struct parsed) all = { 0 };
    bool any = false;
    int rc = 0;
    for (size_t i = 0; i < objects->n; i++)
        any = any || strcmp(objects->v[i].kind, "Service") == 0;
    for (size_t i = 0; any && rc == 0 && i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        struct parsed p = { .object = o };
        p.namespace_ = o->namespace_ ? o->namespace_ : default_namespace;
        rc = skf_doc_parse(o->file, o->text, strlen(o->text), &p.doc, err);
        if (rc < 0)
            break;
        p.root = p.doc->n_parts ? p.doc->parts[0].root : NULL;
        p.pod = pod_of(o, p.root);
        skf_vec_push(&all, p);
    }
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        if (strcmp(all.v[i].object->kind, "Service") == 0 &&
            strcmp(all.v[i].object->api_version, "v1") == 0)
            check_service(&all.v[i], all.v, all.n, notes);
        if (strcmp(all.v[i].object->kind, "Ingress") == 0)
            check_ingress(&all.v[i], all.v, all.n, notes);
    }
    for (size_t i = 0; i < all.n; i++)
        skf_doc_free(all.v[i].doc);
    skf_vec_release(&all);
    return rc;
}

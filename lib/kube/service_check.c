#include "lib/kube/service_check.h"

#include <string.h>

#include "lib/doc/doc.h"

struct parsed {
    const struct skf_object *object;
    const char *namespace_;
    struct skf_doc *doc;
    const struct skf_node *root;
    const struct skf_node *pod; /* the pod (template), or NULL */
};

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
        skf_strv_addf(notes, "%s:%d: service '%s' leads to port %s, which %s '%s' does not declare",
                      service->object->file, service->object->line + at->line - 1,
                      service->object->name, port, workload->object->kind, workload->object->name);
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
    if (workloads && !matches)
        skf_strv_addf(notes,
                      "%s:%d: service '%s' selects no pod of these manifests: compare its "
                      "spec.selector with the labels in the pod template",
                      service->object->file, service->object->line + selector->line - 1,
                      service->object->name);
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
    }
    for (size_t i = 0; i < all.n; i++)
        skf_doc_free(all.v[i].doc);
    skf_vec_release(&all);
    return rc;
}

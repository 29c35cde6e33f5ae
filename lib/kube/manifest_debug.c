#include "lib/kube/manifest_debug.h"

#include <stdio.h>
#include <string.h>

#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/kube/manifest_internal.h"

static const char probe_timeout[] = "600";

/* --- the pod of an object --------------------------------------------------------------------- */

/* Where the pod stands: the mapping that has its metadata and spec; NULL = none. */
static struct skf_node *pod_of(const struct skf_object *o, struct skf_node *root)
{
    if (strcmp(o->kind, "Pod") == 0)
        return root;
    if (strcmp(o->kind, "CronJob") == 0)
        return skf_node_find(root, "spec", "jobTemplate", "spec", "template", NULL);
    return skf_node_find(root, "spec", "template", NULL);
}

static struct skf_node *containers_of(const struct skf_object *o, struct skf_node *root)
{
    struct skf_node *list = skf_node_find(pod_of(o, root), "spec", "containers", NULL);
    return list && list->kind == SKF_SEQUENCE ? list : NULL;
}

bool skf_object_runs(const struct skf_object *o, const char *image)
{
    struct skf_doc *doc;
    struct skf_err ignored = SKF_ERR_INIT;
    bool yes = false;
    if (skf_doc_parse(o->file, o->text, strlen(o->text), &doc, &ignored) < 0)
        return false;
    const struct skf_node *list = doc->n_parts ? containers_of(o, doc->parts[0].root) : NULL;
    for (size_t i = 0; list && !yes && i < list->n; i++) {
        const char *text = skf_node_get_str(list->items[i], "image");
        yes = text && strcmp(text, image) == 0;
    }
    skf_doc_free(doc);
    return yes;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct change {
    struct skf_doc *doc;
    struct skf_node *pod;
    struct skf_buf config; /* JSON of the annotation, without its braces */
};

static void relax_probes(struct change *c, struct skf_node *container)
{
    static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };
    const char *wish = skf_node_get_str(skf_node_find(c->pod, "metadata", "annotations", NULL),
                                        "debug.cloud.google.com/probe-timeouts");
    for (size_t i = 0; i < SKF_ARRAY_LEN(probes) && !(wish && strcmp(wish, "skip") == 0); i++) {
        struct skf_node *probe = skf_node_get(container, probes[i]);
        if (probe && probe->kind == SKF_MAPPING)
            skf_node_set(c->doc, probe, "timeoutSeconds",
                         skf_node_new_plain(c->doc, NULL, probe_timeout));
    }
}

static void add_port(struct change *c, struct skf_node *container, unsigned port)
{
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    struct skf_node *ports = skf_node_get(container, "ports");
    if (!ports || ports->kind != SKF_SEQUENCE) {
        ports = skf_node_new_seq(c->doc, NULL);
        skf_node_set(c->doc, container, "ports", ports);
    }
    struct skf_node *one = skf_node_new_map(c->doc, NULL);
    skf_node_set(c->doc, one, "name", skf_node_new_str(c->doc, NULL, "dlv"));
    skf_node_set(c->doc, one, "containerPort", skf_node_new_plain(c->doc, NULL, text));
    skf_node_append(c->doc, ports, one);
}

/* The image's entrypoint has the debugger already; a command of the container's own takes its
 * place.
 */
static void wrap_command(struct change *c, struct skf_node *container, const char *const *debugger)
{
    struct skf_node *own = skf_node_get(container, "command");
    if (!own || own->kind != SKF_SEQUENCE || !own->n)
        return;
    struct skf_node *all = skf_node_new_seq(c->doc, own);
    for (; *debugger; debugger++)
        skf_node_append(c->doc, all, skf_node_new_str(c->doc, NULL, *debugger));
    for (size_t i = 0; i < own->n; i++) {
        skf_node_append(c->doc, all, own->items[i]);
        if (i == 0)
            skf_node_append(c->doc, all, skf_node_new_str(c->doc, NULL, "--"));
    }
    skf_node_set(c->doc, container, "command", all);
}

static void change_container(struct change *c, struct skf_node *container,
                             const struct skf_debugged *d)
{
    const char *name = skf_node_get_str(container, "name");
    relax_probes(c, container);
    wrap_command(c, container, d->command);
    add_port(c, container, d->port);
    skf_buf_adds(&c->config, c->config.len ? "," : "");
    skf_emit_json_string(name ? name : "", name ? strlen(name) : 0, &c->config);
    skf_buf_adds(&c->config, ":{\"artifact\":");
    skf_emit_json_string(d->artifact, strlen(d->artifact), &c->config);
    skf_buf_addf(&c->config, ",\"runtime\":\"go\",\"ports\":{\"dlv\":%u}}", d->port);
}

static struct skf_node *map_in(struct skf_doc *doc, struct skf_node *map, const char *key)
{
    struct skf_node *found = skf_node_get(map, key);
    if (found && found->kind == SKF_MAPPING)
        return found;
    found = skf_node_new_map(doc, NULL);
    skf_node_set(doc, map, key, found);
    return found;
}

/* One debugger is attached to one program. */
static void one_replica(struct change *c, struct skf_node *root)
{
    struct skf_node *spec = skf_node_get(root, "spec");
    long long n;
    if (skf_node_int(skf_node_get(spec, "replicas"), &n) && n > 1)
        skf_node_set(c->doc, spec, "replicas", skf_node_new_plain(c->doc, NULL, "1"));
}

static void change_object(struct skf_object *o, struct skf_doc *doc,
                          const struct skf_debugged *images, size_t n)
{
    struct skf_node *root = skf_node_clone(doc, doc->parts[0].root);
    struct change c = { .doc = doc, .pod = pod_of(o, root), .config = SKF_BUF_INIT };
    struct skf_node *list = containers_of(o, root);
    for (size_t i = 0; list && i < list->n; i++) {
        const char *image = skf_node_get_str(list->items[i], "image");
        for (size_t k = 0; image && k < n; k++)
            if (strcmp(image, images[k].image) == 0)
                change_container(&c, list->items[i], &images[k]);
    }
    if (c.config.len) {
        skf_autofree char *config = skf_xasprintf("{%s}", c.config.data);
        struct skf_buf text = SKF_BUF_INIT;
        one_replica(&c, root);
        skf_node_set(doc, map_in(doc, map_in(doc, c.pod, "metadata"), "annotations"),
                     "debug.cloud.google.com/config", skf_node_new_str(doc, NULL, config));
        skf_emit_yaml(root, &text);
        skf_object_set_text(o, &text);
    }
    skf_buf_release(&c.config);
}

int skf_manifest_debug(struct skf_objects *objects, const struct skf_debugged *images, size_t n,
                       struct skf_err *err)
{
    for (size_t i = 0; i < objects->n; i++) {
        struct skf_object *o = &objects->v[i];
        struct skf_doc *doc;
        if (skf_doc_parse(o->file, o->text, strlen(o->text), &doc, err) < 0)
            return -(int)err->code;
        if (doc->n_parts)
            change_object(o, doc, images, n);
        skf_doc_free(doc);
    }
    return 0;
}

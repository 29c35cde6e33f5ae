#include "lib/kube/allowed.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/io/file.h"
#include "lib/kube/kubeconfig.h"

enum { MAX_ALLOWED = 1024 * 1024 };

char *skf_allowed_file(struct skf_err *err)
{
    skf_autofree char *dir = skf_dir_config(err);
    return dir ? skf_path_join(dir, "contexts.yaml") : NULL;
}

static int load(const char *file, struct skf_doc **out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (skf_file_exists(file) && skf_file_read(file, MAX_ALLOWED, &text, err) < 0)
        return -(int)err->code;
    if (skf_doc_parse(file, text.data, text.len, out, err) < 0)
        return -(int)err->code;
    const struct skf_node *root = (*out)->n_parts ? (*out)->parts[0].root : NULL;
    if (skf_node_is_null(root) || (root->kind == SKF_MAPPING))
        return 0;
    skf_node_err(err, root, SKF_ECONFIG, "the list of allowed contexts is %s, not a mapping",
                 skf_node_kind_words(root));
    skf_doc_free(*out);
    return -(int)err->code;
}

static struct skf_node *entries(const struct skf_doc *doc)
{
    struct skf_node *list = skf_node_get(doc->n_parts ? doc->parts[0].root : NULL, "allowed");
    return list && list->kind == SKF_SEQUENCE ? list : NULL;
}

static long find(const struct skf_node *list, const char *name)
{
    for (size_t i = 0; list && i < list->n; i++) {
        const char *has = skf_node_get_str(list->items[i], "context");
        if (has && strcmp(has, name) == 0)
            return (long)i;
    }
    return -1;
}

int skf_allowed_has(const struct skf_kube_context *c, bool *yes, struct skf_err *err)
{
    skf_autofree char *file = skf_allowed_file(err);
    struct skf_doc *doc;
    if (!file || load(file, &doc, err) < 0)
        return -(int)err->code;
    const struct skf_node *list = entries(doc);
    long i = find(list, c->name);
    const char *server = i >= 0 ? skf_node_get_str(list->items[i], "server") : NULL;
    *yes = server && strcmp(server, c->server) == 0;
    skf_doc_free(doc);
    return 0;
}

/* The entries without `name`, and with `added` at the end, as a new file. */
static int rewrite(const char *file, const struct skf_node *list, const char *name,
                   const struct skf_kube_context *added, struct skf_err *err)
{
    struct skf_doc *doc = skf_doc_new(file);
    struct skf_node *root = skf_node_new_map(doc, NULL), *kept = skf_node_new_seq(doc, NULL);
    for (size_t i = 0; list && i < list->n; i++) {
        const char *has = skf_node_get_str(list->items[i], "context");
        if (!has || strcmp(has, name) != 0)
            skf_node_append(doc, kept, skf_node_clone(doc, list->items[i]));
    }
    if (added) {
        struct skf_node *entry = skf_node_new_map(doc, NULL);
        skf_node_set(doc, entry, "context", skf_node_new_str(doc, NULL, added->name));
        skf_node_set(doc, entry, "server", skf_node_new_str(doc, NULL, added->server));
        skf_node_append(doc, kept, entry);
    }
    skf_node_set(doc, root, "allowed", kept);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_emit_yaml(root, &text);
    skf_doc_free(doc);
    return skf_file_write_atomic(file, 0600, text.data, text.len, err);
}

int skf_allowed_add(const struct skf_kube_context *c, struct skf_err *err)
{
    skf_autofree char *file = skf_allowed_file(err);
    struct skf_doc *doc;
    if (!file || load(file, &doc, err) < 0)
        return -(int)err->code;
    int rc = rewrite(file, entries(doc), c->name, c, err);
    skf_doc_free(doc);
    return rc;
}

int skf_allowed_remove(const char *name, struct skf_err *err)
{
    skf_autofree char *file = skf_allowed_file(err);
    struct skf_doc *doc;
    if (!file || load(file, &doc, err) < 0)
        return -(int)err->code;
    const struct skf_node *list = entries(doc);
    int rc =
        find(list, name) >= 0
            ? rewrite(file, list, name, NULL, err)
            : skf_err_set(err, SKF_ENOTFOUND, "context '%s' is not among the allowed ones", name);
    skf_doc_free(doc);
    return rc;
}

int skf_allowed_list(struct skf_strv *out, struct skf_err *err)
{
    skf_autofree char *file = skf_allowed_file(err);
    struct skf_doc *doc;
    if (!file || load(file, &doc, err) < 0)
        return -(int)err->code;
    const struct skf_node *list = entries(doc);
    for (size_t i = 0; list && i < list->n; i++) {
        const char *name = skf_node_get_str(list->items[i], "context");
        const char *server = skf_node_get_str(list->items[i], "server");
        if (name && server)
            skf_strv_addf(out, "%s %s", name, server);
    }
    skf_doc_free(doc);
    return 0;
}

/* Splitting and joining. The text of an object is a slice of the author's text; an item of a `List`
 * is its slice with the indentation taken off, and is written anew only where that would not mean
 * the same (an alias to an anchor elsewhere in the list). */
#include "lib/kube/manifest.h"

#include <string.h>

#include "lib/base/digest.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/kube/manifest_internal.h"

enum { MAX_LIST_DEPTH = 8, MAX_OBJECTS = 100000 };

static void object_release(struct skf_object *o)
{
    char *owned[] = { o->api_version, o->kind, o->name, o->namespace_, o->file, o->text };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
}

void skf_objects_release(struct skf_objects *o)
{
    for (size_t i = 0; i < o->n; i++)
        object_release(&o->v[i]);
    skf_vec_release(o);
}

bool skf_objects_have_kind(const struct skf_objects *o, const char *kind)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->v[i].kind, kind) == 0)
            return true;
    return false;
}

void skf_objects_take_out(struct skf_objects *o, size_t i)
{
    object_release(&o->v[i]);
    skf_vec_remove(o, i);
}

void skf_objects_copy(const struct skf_objects *from, struct skf_objects *to)
{
    for (size_t i = 0; i < from->n; i++) {
        struct skf_object o = from->v[i];
        o.api_version = skf_xstrdup(o.api_version);
        o.kind = skf_xstrdup(o.kind);
        o.name = skf_xstrdup(o.name);
        o.namespace_ = skf_xstrdup_null(o.namespace_);
        o.file = skf_xstrdup(o.file);
        o.text = skf_xstrdup(o.text);
        skf_vec_push(to, o);
    }
}

void skf_object_set_text(struct skf_object *o, struct skf_buf *text)
{
    if (text->len == 0 || text->data[text->len - 1] != '\n')
        skf_buf_addc(text, '\n');
    skf_digest_of(text->data, text->len, o->hash);
    skf_replace(&o->text, skf_buf_take(text));
}

static int check_object(const struct skf_node *node, struct skf_err *err)
{
    if (node->kind != SKF_MAPPING)
        return skf_node_err(err, node, SKF_EINVAL,
                            "a manifest is a mapping with apiVersion and kind; this is %s",
                            skf_node_kind_words(node));
    static const char *const needed[] = { "apiVersion", "kind" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(needed); i++) {
        const char *text = skf_node_get_str(node, needed[i]);
        if (!text || !*text)
            return skf_node_err(err, node, SKF_EINVAL, "this manifest has no '%s'", needed[i]);
    }
    const struct skf_node *metadata = skf_node_get(node, "metadata");
    if (!skf_node_is_null(metadata) && metadata->kind != SKF_MAPPING)
        return skf_node_err(err, metadata, SKF_EINVAL, "'metadata' is %s, not a mapping",
                            skf_node_kind_words(metadata));
    return 0;
}

static void add_object(const struct skf_node *node, int line, struct skf_buf *text,
                       struct skf_objects *out)
{
    struct skf_object o = { 0 };
    o.api_version = skf_xstrdup(skf_node_get_str(node, "apiVersion"));
    o.kind = skf_xstrdup(skf_node_get_str(node, "kind"));
    const struct skf_node *metadata = skf_node_get(node, "metadata");
    const char *name = skf_node_get_str(metadata, "name");
    const char *ns = skf_node_get_str(metadata, "namespace");
    o.name = skf_xstrdup(name ? name : "");
    o.namespace_ = ns && *ns ? skf_xstrdup(ns) : NULL;
    o.file = skf_xstrdup(node->doc->file);
    o.line = line;
    skf_object_set_text(&o, text);
    skf_vec_push(out, o);
}

/* The text of a list's item, with the indentation of its first line taken off the others. */
static void slice_item(const struct skf_node *item, struct skf_buf *out)
{
    const char *text = item->doc->text;
    size_t line_start = item->start;
    while (line_start > 0 && text[line_start - 1] != '\n')
        line_start--;
    size_t indent = item->start - line_start;
    size_t i = item->start;
    while (i < item->end) {
        const char *eol = memchr(text + i, '\n', item->end - i);
        size_t end = eol ? (size_t)(eol - text) + 1 : item->end;
        skf_buf_add(out, text + i, end - i);
        i = end;
        for (size_t k = 0; k < indent && i < item->end && text[i] == ' '; k++)
            i++;
    }
}

/* Does the text mean the same as the node? */
static bool means_same(const struct skf_node *node, const struct skf_buf *text)
{
    struct skf_doc *doc;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_doc_parse(node->doc->file, text->data, text->len, &doc, &ignored) < 0)
        return false;
    bool same = doc->n_parts == 1 && doc->parts[0].root && skf_node_equal(doc->parts[0].root, node);
    skf_doc_free(doc);
    return same;
}

static bool is_list(const struct skf_node *node)
{
    const char *kind = skf_node_get_str(node, "kind");
    size_t len = kind ? strlen(kind) : 0;
    const struct skf_node *items = skf_node_get(node, "items");
    return len >= 4 && strcmp(kind + len - 4, "List") == 0 && items &&
           (items->kind == SKF_SEQUENCE || skf_node_is_null(items));
}

static int add_list(const struct skf_node *list, unsigned depth, struct skf_objects *out,
                    struct skf_err *err);

static int add_item(const struct skf_node *item, unsigned depth, struct skf_objects *out,
                    struct skf_err *err)
{
    if (check_object(item, err) < 0)
        return -(int)err->code;
    if (is_list(item))
        return add_list(item, depth + 1, out, err);
    if (out->n >= MAX_OBJECTS)
        return skf_node_err(err, item, SKF_ETOOBIG, "more than %d objects", MAX_OBJECTS);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    slice_item(item, &text);
    if (!means_same(item, &text)) {
        skf_buf_clear(&text);
        skf_emit_yaml(item, &text);
    }
    add_object(item, item->line, &text, out);
    return 0;
}

static int add_list(const struct skf_node *list, unsigned depth, struct skf_objects *out,
                    struct skf_err *err)
{
    if (depth > MAX_LIST_DEPTH)
        return skf_node_err(err, list, SKF_ETOOBIG, "lists within lists, more than %d deep",
                            MAX_LIST_DEPTH);
    const struct skf_node *items = skf_node_get(list, "items");
    for (size_t i = 0; items->kind == SKF_SEQUENCE && i < items->n; i++) {
        if (skf_node_is_null(items->items[i]))
            continue;
        if (add_item(items->items[i], depth, out, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int add_part(const struct skf_doc *doc, const struct skf_part *part, struct skf_objects *out,
                    struct skf_err *err)
{
    if (skf_node_is_null(part->root))
        return 0;
    if (check_object(part->root, err) < 0)
        return -(int)err->code;
    if (is_list(part->root))
        return add_list(part->root, 0, out, err);
    if (out->n >= MAX_OBJECTS)
        return skf_node_err(err, part->root, SKF_ETOOBIG, "more than %d objects", MAX_OBJECTS);
    static const char bom[] = "\xef\xbb\xbf";
    size_t start = part->start;
    if (part->end - start >= 3 && memcmp(doc->text + start, bom, 3) == 0)
        start += 3;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_add(&text, doc->text + start, part->end - start);
    add_object(part->root, part->line, &text, out);
    return 0;
}

int skf_manifest_parse(const char *file, const char *text, size_t len, struct skf_objects *out,
                       struct skf_err *err)
{
    struct skf_doc *doc;
    if (skf_doc_parse(file, text, len, &doc, err) < 0)
        return -(int)err->code;
    struct skf_objects got = { 0 };
    int rc = skf_doc_check_dups(doc, err);
    for (size_t i = 0; rc == 0 && i < doc->n_parts; i++)
        rc = add_part(doc, &doc->parts[i], &got, err);
    skf_doc_free(doc);
    for (size_t i = 0; rc == 0 && i < got.n; i++)
        skf_vec_push(out, got.v[i]);
    if (rc == 0)
        skf_vec_release(&got); /* the objects have moved */
    else
        skf_objects_release(&got);
    return rc;
}

void skf_manifest_join(const struct skf_objects *objects, struct skf_buf *out)
{
    for (size_t i = 0; i < objects->n; i++) {
        if (i)
            skf_buf_adds(out, "---\n");
        skf_buf_adds(out, objects->v[i].text);
    }
}

/* base + layers + config edits -> a new image, in the bytes that ko would write (ko-behaviour.md 10
 * to 12). Nothing in the base is changed; unknown fields survive. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/mem.h"
#include "lib/image/document.h"

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

/* A copy of the array, or a new one when there is none (or null). */
static json_t *list_of(const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    return json_is_array(list) ? json_copy((json_t *)(uintptr_t)list) : json_array();
}

static json_t *map_of(const json_t *object, const char *key)
{
    const json_t *map = json_object_get(object, key);
    return json_is_object(map) ? json_copy((json_t *)(uintptr_t)map) : json_object();
}

static void overlay(json_t *map, const char *const *pairs)
{
    for (; pairs && pairs[0]; pairs += 2)
        json_object_set_new(map, pairs[0], json_string(pairs[1]));
}

static json_t *edit_env(const json_t *config, const struct skf_image_edit *edit)
{
    json_t *env = list_of(config, "Env");
    bool done = !edit->path_append;
    for (size_t i = 0; !done && i < json_array_size(env); i++) {
        const char *entry = json_string_value(json_array_get(env, i));
        if (!entry || strncmp(entry, "PATH=", 5) != 0)
            continue;
        skf_autofree char *longer = skf_xasprintf("%s:%s", entry, edit->path_append);
        json_array_set_new(env, i, json_string(longer));
        done = true;
    }
    if (!done) {
        skf_autofree char *path = skf_xasprintf("PATH=%s", edit->path_append);
        json_array_append_new(env, json_string(path));
    }
    for (const char *const *e = edit->env; e && *e; e++)
        json_array_append_new(env, json_string(*e));
    return env;
}

static json_t *edit_inner(const json_t *base, const struct skf_image_edit *edit)
{
    json_t *c = map_of(base, "config");
    if (edit->entrypoint) {
        json_t *list = json_array();
        for (const char *const *e = edit->entrypoint; *e; e++)
            json_array_append_new(list, json_string(*e));
        json_object_set_new(c, "Entrypoint", list);
        json_object_del(c, "Cmd");
    }
    json_object_set_new(c, "Env", edit_env(c, edit));
    json_t *labels = map_of(c, "Labels");
    overlay(labels, edit->labels);
    json_object_set_new(c, "Labels", labels);
    set_text(c, "User", edit->user);
    return c;
}

static json_t *history_line(const struct skf_image_layer *l)
{
    json_t *line = json_object();
    set_text(line, "author", l->history_author);
    set_text(line, "created", l->history_created ? l->history_created : SKF_ZERO_TIME);
    set_text(line, "created_by", l->history_created_by);
    set_text(line, "comment", l->history_comment);
    return line;
}

static json_t *edit_config(const json_t *base, const struct skf_image_edit *edit)
{
    json_t *config = json_copy((json_t *)(uintptr_t)base);
    set_text(config, "author", edit->author);
    set_text(config, "created", edit->created);
    json_t *history = list_of(base, "history");
    json_t *rootfs = map_of(base, "rootfs");
    json_t *diff_ids = list_of(rootfs, "diff_ids");
    for (size_t i = 0; i < edit->n_layers; i++) {
        json_array_append_new(diff_ids, json_string(edit->layers[i].diff_id));
        json_array_append_new(history, history_line(&edit->layers[i]));
    }
    set_text(rootfs, "type", "layers");
    json_object_set_new(rootfs, "diff_ids", diff_ids);
    json_object_set_new(config, "rootfs", rootfs);
    json_object_set_new(config, "history", history);
    json_object_set_new(config, "config", edit_inner(base, edit));
    json_t *ordered = skf_document_order_config(config);
    json_decref(config);
    return ordered;
}

static json_t *edit_manifest(const struct skf_image *base, const struct skf_image_edit *edit,
                             const struct skf_blob *config, const char *config_text)
{
    json_t *m = json_copy(base->manifest_doc);
    json_t *descriptor = map_of(m, "config");
    json_object_set_new(descriptor, "size", json_integer(config->size));
    json_object_set_new(descriptor, "digest", json_string(config->digest));
    if (json_object_get(descriptor, "data")) {
        skf_autofree char *data = skf_base64_encode(config_text, (size_t)config->size);
        json_object_set_new(descriptor, "data", json_string(data));
    }
    json_object_set_new(m, "config", descriptor);
    json_t *layers = list_of(m, "layers");
    for (size_t i = 0; i < edit->n_layers; i++)
        json_array_append_new(layers, skf_document_descriptor(edit->layers[i].blob));
    json_object_set_new(m, "layers", layers);
    json_t *annotations = map_of(m, "annotations");
    overlay(annotations, edit->annotations);
    json_object_set_new(m, "annotations", annotations);
    json_t *ordered = skf_document_order_manifest(m);
    json_decref(m);
    return ordered;
}

struct skf_image *skf_image_append(const struct skf_image *base, const struct skf_image_edit *edit,
                                   struct skf_err *err)
{
    if (!base->config_doc) {
        skf_err_set(err, SKF_EBUG, "layers go on an image, not on an index");
        return NULL;
    }
    if (base->n_layers + edit->n_layers > SKF_IMAGE_MAX_LAYERS) {
        skf_err_set(err, SKF_ETOOBIG, "the image would have more than %d layers",
                    SKF_IMAGE_MAX_LAYERS);
        return NULL;
    }
    struct skf_image *im = skf_image_new();
    im->config_doc = edit_config(base->config_doc, edit);
    skf_autofree char *config = skf_image_json(im->config_doc);
    im->config = skf_blob_new_bytes(config, strlen(config), base->config->media_type);
    im->manifest_doc = edit_manifest(base, edit, im->config, config);
    skf_autofree char *manifest = skf_image_json(im->manifest_doc);
    im->manifest = skf_blob_new_bytes(manifest, strlen(manifest), base->manifest->media_type);
    im->layers = skf_xcalloc(base->n_layers + edit->n_layers + 1, sizeof *im->layers);
    for (size_t i = 0; i < base->n_layers; i++)
        im->layers[im->n_layers++] = skf_blob_ref(base->layers[i]);
    for (size_t i = 0; i < edit->n_layers; i++)
        im->layers[im->n_layers++] = skf_blob_ref(edit->layers[i].blob);
    im->platform = base->platform;
    im->has_platform = base->has_platform;
    return im;
}

struct skf_image *skf_image_index(const struct skf_image *base_index,
                                  struct skf_image *const *children,
                                  json_t *const *base_descriptors, size_t n,
                                  const char *const *annotations, struct skf_err *err)
{
    if (!base_index->manifest_doc || base_index->config_doc) {
        skf_err_set(err, SKF_EBUG, "an index is made like an index, not like an image");
        return NULL;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *d = json_copy(base_descriptors[i]);
        json_object_set_new(d, "size", json_integer(children[i]->manifest->size));
        json_object_set_new(d, "digest", json_string(children[i]->manifest->digest));
        json_object_del(d, "data");
        json_array_append_new(list, d);
    }
    json_t *doc = json_pack("{s:i, s:s, s:o, s:{}}", "schemaVersion", 2, "mediaType",
                            base_index->manifest->media_type, "manifests", list, "annotations");
    overlay(json_object_get(doc, "annotations"), annotations);

    struct skf_image *im = skf_image_new();
    im->manifest_doc = skf_document_order_manifest(doc);
    json_decref(doc);
    skf_autofree char *text = skf_image_json(im->manifest_doc);
    im->manifest = skf_blob_new_bytes(text, strlen(text), base_index->manifest->media_type);
    im->children = skf_xcalloc(n + 1, sizeof *im->children);
    im->child_descriptors = skf_xcalloc(n + 1, sizeof(json_t *));
    for (size_t i = 0; i < n; i++) {
        im->children[i] = skf_image_ref(children[i]);
        im->child_descriptors[i] =
            json_array_get(json_object_get(im->manifest_doc, "manifests"), i);
        im->n_children++;
    }
    return im;
}

void skf_image_annotated_digest(const struct skf_image *im, const char *const *annotations,
                                char digest[SKF_DIGEST_TEXT])
{
    json_t *doc = json_copy(im->manifest_doc);
    json_t *notes = map_of(doc, "annotations");
    overlay(notes, annotations);
    json_object_set_new(doc, "annotations", notes);
    json_t *ordered = skf_document_order_manifest(doc);
    skf_autofree char *text = skf_image_json(ordered);
    skf_digest_of(text, strlen(text), digest);
    json_decref(ordered);
    json_decref(doc);
}

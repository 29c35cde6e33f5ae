/* Changes to objects: each reads the object's text, collects edits against the tree and applies
 * them, so that all other bytes stay the author's. */
#include <ctype.h>
#include <string.h>

#include "lib/doc/doc.h"
#include "lib/doc/edit.h"
#include "lib/doc/emit.h"
#include "lib/kube/kinds.h"
#include "lib/kube/manifest.h"
#include "lib/kube/manifest_internal.h"
#include "lib/kube/selector.h"

static int parse_object(const struct skf_object *o, struct skf_doc **doc, struct skf_err *err)
{
    if (skf_doc_parse(o->file, o->text, strlen(o->text), doc, err) < 0)
        return -(int)err->code;
    if ((*doc)->n_parts == 1 && !skf_node_is_null((*doc)->parts[0].root))
        return 0;
    skf_doc_free(*doc);
    return skf_err_set(err, SKF_EBUG, "the text of %s '%s' is not one document", o->kind, o->name);
}

static int apply(struct skf_object *o, const struct skf_doc *doc, const struct skf_edits *edits,
                 struct skf_err *err)
{
    if (edits->n == 0)
        return 0;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (skf_edits_apply(edits, doc, 0, doc->len, &text, err) < 0)
        return skf_err_wrap(err, "changing %s '%s'", o->kind, o->name);
    skf_object_set_text(o, &text);
    return 0;
}

/* --- images ----------------------------------------------------------------------------------- */

struct image_walk {
    const char *paths; /* as in kinds.h */
    /* Called for each scalar at an image's place; non-zero ends the walk. */
    int (*visit)(struct image_walk *w, const struct skf_node *scalar, struct skf_err *err);
    struct skf_edits *edits;
    struct skf_retag *retags;
    size_t n_retags;
    struct skf_strv *found;
};

static bool is_text(const struct skf_node *n)
{
    return n && n->kind == SKF_SCALAR && skf_node_scalar(n) == SKF_SCALAR_STRING && n->len > 0 &&
           strlen(n->text) == n->len;
}

static int walk_any(struct image_walk *w, const struct skf_node *n, struct skf_err *err)
{
    if (n->kind == SKF_SEQUENCE) {
        for (size_t i = 0; i < n->n; i++) {
            if (walk_any(w, n->items[i], err) < 0)
                return -(int)err->code;
        }
    }
    if (n->kind != SKF_MAPPING)
        return 0;
    for (size_t i = 0; i < n->n; i++) {
        const char *key = skf_node_str(n->entries[i].key);
        const struct skf_node *value = n->entries[i].value;
        int rc = key && strcmp(key, "image") == 0 && is_text(value) ? w->visit(w, value, err)
                                                                    : walk_any(w, value, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* "spec.kafka.image": list levels on the way are transparent. */
static int walk_path(struct image_walk *w, const struct skf_node *n, const char *path,
                     struct skf_err *err)
{
    if (n->kind == SKF_SEQUENCE) {
        for (size_t i = 0; i < n->n; i++) {
            if (walk_path(w, n->items[i], path, err) < 0)
                return -(int)err->code;
        }
        return 0;
    }
    if (!*path)
        return is_text(n) ? w->visit(w, n, err) : 0;
    skf_autofree char *key = skf_xstrndup(path, strcspn(path, "."));
    const struct skf_node *value = skf_node_get(n, key);
    path += strlen(key);
    return value ? walk_path(w, value, *path ? path + 1 : path, err) : 0;
}

static int walk_images(struct image_walk *w, const struct skf_node *root, struct skf_err *err)
{
    skf_autostrv struct skf_strv each = SKF_STRV_INIT;
    skf_strv_split(&each, w->paths, " ");
    for (size_t i = 0; i < each.n; i++) {
        int rc = strcmp(each.v[i], "*") == 0 ? walk_any(w, root, err)
                                             : walk_path(w, root, each.v[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The name that images are compared by: no ko://, no tag, no digest, lower case. Owned; NULL when
 * the text is no image reference. *pinned: it has a digest. */
static char *base_name(const char *image, bool *pinned)
{
    if (strncmp(image, "ko://", 5) == 0)
        image += 5;
    size_t len = strcspn(image, "@");
    *pinned = image[len] == '@';
    const char *slash = memrchr(image, '/', len);
    const char *last = slash ? slash + 1 : image;
    const char *colon = memchr(last, ':', len - (size_t)(last - image));
    if (colon)
        len = (size_t)(colon - image);
    if (len == 0)
        return NULL;
    char *name = skf_xstrndup(image, len);
    for (char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (!isalnum(c) && !strchr("._-/:[]", c)) {
            free(name);
            return NULL; /* a template, a sentence: not a reference */
        }
        *p = (char)tolower(c);
    }
    return name;
}

/* Old helm charts write "X/X:X" for the image X. */
static bool helm_form(const char *image, const char *name)
{
    size_t n = strlen(name);
    return strlen(image) == 3 * n + 2 && strncmp(image, name, n) == 0 && image[n] == '/' &&
           strncmp(image + n + 1, name, n) == 0 && image[2 * n + 1] == ':' &&
           strcmp(image + 2 * n + 2, name) == 0;
}

static int retag_image(struct image_walk *w, const struct skf_node *scalar, struct skf_err *err)
{
    bool pinned, ignored;
    skf_autofree char *image = base_name(scalar->text, &pinned);
    if (!image || pinned)
        return 0;
    for (size_t i = 0; i < w->n_retags; i++) {
        struct skf_retag *r = &w->retags[i];
        skf_autofree char *name = base_name(r->name, &ignored);
        if (!name || (strcmp(name, image) != 0 && !helm_form(scalar->text, r->name)))
            continue;
        r->used++;
        return skf_edit_scalar(w->edits, scalar, r->reference, err);
    }
    return 0;
}

int skf_manifest_retag(struct skf_objects *objects, const struct skf_selector *selector,
                       struct skf_retag *retags, size_t n, struct skf_err *err)
{
    for (size_t i = 0; i < objects->n; i++) {
        struct skf_object *o = &objects->v[i];
        const char *paths = skf_selector_image_paths(selector, o->api_version, o->kind);
        if (!paths)
            continue;
        struct skf_doc *doc;
        if (parse_object(o, &doc, err) < 0)
            return -(int)err->code;
        struct skf_edits edits = SKF_EDITS_INIT;
        struct image_walk w = {
            .paths = paths, .visit = retag_image, .edits = &edits, .retags = retags, .n_retags = n
        };
        int rc = walk_images(&w, doc->parts[0].root, err);
        if (rc == 0)
            rc = apply(o, doc, &edits, err);
        skf_edits_release(&edits);
        skf_doc_free(doc);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int note_image(struct image_walk *w, const struct skf_node *scalar, struct skf_err *err)
{
    (void)err;
    if (!skf_strv_has(w->found, scalar->text))
        skf_strv_add(w->found, scalar->text);
    return 0;
}

int skf_manifest_images(const struct skf_objects *objects, struct skf_strv *out,
                        struct skf_err *err)
{
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        const char *paths = skf_kind_image_paths(o->api_version, o->kind);
        if (!paths)
            continue;
        struct skf_doc *doc;
        if (parse_object(o, &doc, err) < 0)
            return -(int)err->code;
        struct image_walk w = { .paths = paths, .visit = note_image, .found = &found };
        int rc = walk_images(&w, doc->parts[0].root, err);
        skf_doc_free(doc);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < found.n; i++) {
        if (!skf_strv_has(out, found.v[i]))
            skf_strv_add(out, found.v[i]);
    }
    return 0;
}

/* --- labels and annotations
 * ----------------------------------------------------------------------------------- */

/* A label of the author's own stays; only the id of the run is ours to replace. */
static bool is_run_id(const char *key)
{
    size_t len = strlen(key);
    return len >= 7 && strcmp(key + len - 7, "/run-id") == 0;
}

/* Labels that an alias shares with another place (often the selector) cannot be changed where they
 * stand: the object is written anew, without its comments. */
static int put_into_copy(struct skf_object *o, struct skf_doc *doc, const char *section,
                         const char *const *pairs)
{
    struct skf_node *root = skf_node_clone(doc, doc->parts[0].root);
    struct skf_node *map = skf_node_find(root, "metadata", section, NULL);
    for (; *pairs; pairs += 2)
        skf_node_set(doc, map, pairs[0], skf_node_new_str(doc, NULL, pairs[1]));
    struct skf_buf text = SKF_BUF_INIT;
    skf_emit_yaml(root, &text);
    skf_object_set_text(o, &text);
    return 0;
}

/* section: "labels" or "annotations" of metadata. */
static int put_one(struct skf_object *o, const char *section, const char *const *wanted,
                   struct skf_err *err)
{
    const char *const path[] = { "metadata", section, NULL };
    struct skf_doc *doc;
    if (parse_object(o, &doc, err) < 0)
        return -(int)err->code;
    const struct skf_node *root = doc->parts[0].root;
    const struct skf_node *have = skf_node_find(root, "metadata", section, NULL);
    SKF_VEC(const char *) pairs = { 0 };
    for (size_t i = 0; wanted[i]; i += 2) {
        const struct skf_node *old = skf_node_get(have, wanted[i]);
        const char *text = skf_node_str(old);
        if (old && (!is_run_id(wanted[i]) || (text && strcmp(text, wanted[i + 1]) == 0)))
            continue;
        skf_vec_push(&pairs, wanted[i]);
        skf_vec_push(&pairs, wanted[i + 1]);
    }
    struct skf_edits edits = SKF_EDITS_INIT;
    int rc = 0;
    if (pairs.n) {
        skf_vec_push(&pairs, NULL);
        rc = skf_edit_put(&edits, root, path, pairs.v, err);
        if (rc == 0) {
            rc = apply(o, doc, &edits, err);
        } else if (err->code == SKF_EUNSUPPORTED && have && have->kind == SKF_MAPPING) {
            skf_err_clear(err);
            rc = put_into_copy(o, doc, section, pairs.v);
        }
    }
    skf_edits_release(&edits);
    skf_vec_release(&pairs);
    skf_doc_free(doc);
    return rc;
}

int skf_manifest_label(struct skf_objects *objects, const struct skf_selector *selector,
                       const char *const *labels, struct skf_err *err)
{
    for (size_t i = 0; i < objects->n; i++) {
        struct skf_object *o = &objects->v[i];
        if (skf_selector_labelled(selector, o->api_version, o->kind) &&
            put_one(o, "labels", labels, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

int skf_manifest_annotate(struct skf_objects *objects, const char *const *annotations,
                          struct skf_err *err)
{
    for (size_t i = 0; i < objects->n; i++) {
        if (put_one(&objects->v[i], "annotations", annotations, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* --- what a server has added ------------------------------------------------------------------ */

static int strip_one(struct skf_object *o, struct skf_err *err)
{
    static const char *const added[] = { "uid",        "resourceVersion", "creationTimestamp",
                                         "generation", "managedFields",   "selfLink" };
    struct skf_doc *doc;
    if (parse_object(o, &doc, err) < 0)
        return -(int)err->code;
    struct skf_node *root = doc->parts[0].root, *meta = skf_node_get(root, "metadata");
    if (skf_node_get(meta, "uid") && skf_node_get(meta, "resourceVersion")) {
        struct skf_buf text = SKF_BUF_INIT;
        struct skf_node *notes = skf_node_get(meta, "annotations");
        for (size_t i = 0; i < SKF_ARRAY_LEN(added); i++)
            skf_node_del(meta, added[i]);
        skf_node_del(notes, "kubectl.kubernetes.io/last-applied-configuration");
        skf_node_del(notes, "deployment.kubernetes.io/revision");
        skf_node_del(root, "status");
        skf_emit_yaml(root, &text);
        skf_object_set_text(o, &text);
    }
    skf_doc_free(doc);
    return 0;
}

int skf_manifest_strip_live(struct skf_objects *objects, struct skf_err *err)
{
    for (size_t i = 0; i < objects->n; i++) {
        if (strip_one(&objects->v[i], err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* --- namespace -------------------------------------------------------------------------------- */

static int set_namespace(struct skf_object *o, const char *namespace_, struct skf_err *err)
{
    static const char *const path[] = { "metadata", NULL };
    const char *const pairs[] = { "namespace", namespace_, NULL };
    struct skf_doc *doc;
    if (parse_object(o, &doc, err) < 0)
        return -(int)err->code;
    struct skf_edits edits = SKF_EDITS_INIT;
    int rc = skf_edit_put(&edits, doc->parts[0].root, path, pairs, err);
    if (rc == 0)
        rc = apply(o, doc, &edits, err);
    if (rc == 0)
        skf_replace(&o->namespace_, skf_xstrdup(namespace_));
    skf_edits_release(&edits);
    skf_doc_free(doc);
    return rc;
}

int skf_manifest_namespace(struct skf_objects *objects, const char *namespace_, char **note,
                           struct skf_err *err)
{
    size_t other = 0;
    const struct skf_object *first = NULL;
    for (size_t i = 0; i < objects->n; i++) {
        struct skf_object *o = &objects->v[i];
        if (!skf_kind_namespaced(o->api_version, o->kind))
            continue;
        if (o->namespace_) {
            if (strcmp(o->namespace_, namespace_) != 0 && other++ == 0)
                first = o;
        } else if (set_namespace(o, namespace_, err) < 0) {
            return -(int)err->code;
        }
    }
    if (!first || !note || strcmp(namespace_, "default") == 0)
        return 0;
    skf_autofree char *more =
        other > 1 ? skf_xasprintf(" (and %zu more)", other - 1) : skf_xstrdup("");
    *note = skf_xasprintf("%s '%s'%s keeps the namespace '%s' that its manifest names, not '%s'",
                          first->kind, first->name, more, first->namespace_, namespace_);
    return 0;
}

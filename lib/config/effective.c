/* lib/config/effective.c: the configuration that is in effect, as Skaffold prints it: newest
 * version, in the order of the schema, without what is empty, false or zero. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

struct printer {
    const struct skf_artifact_schema *schema;
    const char *dir; /* what relative paths mean; NULL = they stay as they are */
};

static struct skf_node *by_table(struct skf_doc *d, const struct skf_node *n,
                                 const struct skf_field *fields, const struct printer *p);

/* Keys below which every value is the user's own. */
static bool is_free(const char *key)
{
    static const char *const keys[] = {
        "setValues", "setValueTemplates", "setFiles",     "overrides", "labels",   "annotations",
        "env",       "configMap",         "nodeSelector", "buildArgs", "failFast", "value"
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

/* Where no table says what a value is: drops what Go would leave out. NULL = nothing left. */
static struct skf_node *by_look(struct skf_doc *d, const struct skf_node *n)
{
    bool yes;
    long long number;
    if (skf_node_is_null(n))
        return NULL;
    if (n->kind == SKF_SCALAR) {
        enum skf_scalar type = skf_node_scalar(n);
        if (n->len == 0 || (type == SKF_SCALAR_BOOL && skf_node_bool(n, &yes) && !yes) ||
            (skf_node_int(n, &number) && number == 0))
            return NULL;
        return skf_node_clone(d, n);
    }
    struct skf_node *c = n->kind == SKF_MAPPING ? skf_node_new_map(d, n) : skf_node_new_seq(d, n);
    for (size_t i = 0; i < n->n; i++) {
        struct skf_node *v = n->kind == SKF_MAPPING ? n->entries[i].value : n->items[i];
        if (n->kind == SKF_SEQUENCE) {
            struct skf_node *kept = v->kind == SKF_SCALAR ? NULL : by_look(d, v);
            skf_node_append(d, c, kept ? kept : skf_node_clone(d, v));
            continue;
        }
        struct skf_node *key = n->entries[i].key;
        struct skf_node *kept =
            is_free(key->text) && !skf_node_is_null(v) ? skf_node_clone(d, v) : by_look(d, v);
        if (kept)
            skf_node_set_key(d, c, key, kept);
    }
    return n->kind == SKF_SEQUENCE && !c->n ? NULL : c;
}

/* Paths of the module, absolute when that is wanted. What no file says (the default of rawYaml) and
 * what is no local path stays. */
static struct skf_node *as_path(struct skf_doc *d, const struct skf_node *n,
                                const struct printer *p)
{
    if (!p->dir || !n->line || !skf_node_str(n) || !n->len || strstr(n->text, "://"))
        return NULL;
    skf_autofree char *abs = skf_path_join(p->dir, n->text);
    return skf_node_new_str(d, n, abs);
}

static struct skf_node *as_text(struct skf_doc *d, const struct skf_node *n)
{
    return n->kind == SKF_SCALAR && !skf_node_is_null(n) ? skf_node_new_str(d, n, n->text)
                                                         : skf_node_clone(d, n);
}

static struct skf_node *list(struct skf_doc *d, const struct skf_node *n, const struct skf_field *f,
                             const struct printer *p)
{
    struct skf_node *c = skf_node_new_seq(d, n);
    for (size_t i = 0; n->kind == SKF_SEQUENCE && i < n->n; i++) {
        if (skf_node_is_null(n->items[i]))
            continue;
        struct skf_node *item = f->type == SKF_T_LIST ? by_table(d, n->items[i], f->sub, p)
                                : f->path             ? as_path(d, n->items[i], p)
                                                      : NULL;
        if (!item && f->type != SKF_T_LIST)
            item = as_text(d, n->items[i]);
        skf_node_append(d, c, item ? item : skf_node_new_map(d, n->items[i]));
    }
    return c->n ? c : NULL;
}

static struct skf_node *text_map(struct skf_doc *d, const struct skf_node *n)
{
    struct skf_node *c = skf_node_new_map(d, n);
    for (size_t i = 0; n->kind == SKF_MAPPING && i < n->n; i++)
        skf_node_set_key(d, c, n->entries[i].key, as_text(d, n->entries[i].value));
    return c->n ? c : NULL;
}

/* A section of a builder: a pointer in Skaffold, so {} stays. */
static struct skf_node *section(struct skf_doc *d, const struct skf_node *n, const char *name,
                                const struct printer *p)
{
    for (size_t i = 0; i < p->schema->n_sections; i++) {
        const struct skf_section *s = &p->schema->sections[i];
        if (strcmp(s->name, name) != 0 || !s->fields)
            continue;
        /* The builders' paths are relative to the context: they stay. */
        const struct printer as_written = { p->schema, NULL };
        struct skf_node *c = by_table(d, n, s->fields, &as_written);
        return c ? c : skf_node_new_map(d, n);
    }
    struct skf_node *c = by_look(d, n);
    return c ? c : skf_node_new_map(d, n);
}

static struct skf_node *any(struct skf_doc *d, const struct skf_node *n, const struct skf_field *f,
                            const struct printer *p)
{
    if (f->oneof && strcmp(f->oneof, "builder") == 0)
        return section(d, n, f->name, p);
    if (strcmp(f->name, "artifacts") == 0 && n->kind == SKF_SEQUENCE) {
        const struct skf_field artifacts = { .type = SKF_T_LIST, .sub = p->schema->fields };
        return list(d, n, &artifacts, p);
    }
    return by_look(d, n);
}

static struct skf_node *one(struct skf_doc *d, const struct skf_node *n, const struct skf_field *f,
                            const struct printer *p)
{
    bool yes;
    long long number;
    struct skf_node *c;
    switch (f->type) {
    case SKF_T_STRING:
        if (n->kind == SKF_SCALAR && n->len == 0)
            return NULL;
        c = f->path ? as_path(d, n, p) : NULL;
        return c ? c : as_text(d, n);
    case SKF_T_BOOL:
    case SKF_T_TRISTATE:
        if (!skf_node_bool(n, &yes))
            return skf_node_clone(d, n);
        if (!yes && f->type == SKF_T_BOOL)
            return NULL;
        return skf_node_new_plain(d, n, yes ? "true" : "false");
    case SKF_T_INT:
        return skf_node_int(n, &number) && number == 0 ? NULL : skf_node_clone(d, n);
    case SKF_T_INT_OR_NAME:
        return skf_node_clone(d, n);
    case SKF_T_STRINGS:
    case SKF_T_LIST:
        return list(d, n, f, p);
    case SKF_T_STRING_MAP:
        return text_map(d, n);
    case SKF_T_STRUCT:
        c = by_table(d, n, f->sub, p);
        return c && c->n ? c : NULL;
    case SKF_T_STRUCT_PTR:
        c = by_table(d, n, f->sub, p);
        return c ? c : skf_node_new_map(d, n);
    case SKF_T_ANY:
        return any(d, n, f, p);
    case SKF_T_REFUSED:
        if (f->oneof && strcmp(f->oneof, "builder") == 0)
            return section(d, n, f->name, p);
        c = by_look(d, n);
        return c || f->shape != SKF_T_STRUCT_PTR ? c : skf_node_new_map(d, n);
    }
    return NULL;
}

static struct skf_node *by_table(struct skf_doc *d, const struct skf_node *n,
                                 const struct skf_field *fields, const struct printer *p)
{
    if (n->kind != SKF_MAPPING)
        return skf_node_clone(d, n);
    struct skf_node *c = skf_node_new_map(d, n);
    for (const struct skf_field *f = fields; f->name; f++) {
        const struct skf_entry *e = skf_node_entry(n, f->name);
        struct skf_node *v = e && !skf_node_is_null(e->value) ? one(d, e->value, f, p) : NULL;
        if (v)
            skf_node_set(d, c, f->name, v);
    }
    return c->n ? c : NULL;
}

void skf_config_effective(const struct skf_config *c, const struct skf_section *builders,
                          bool resolved, struct skf_buf *out)
{
    struct skf_doc *d = skf_doc_new("");
    struct skf_artifact_schema schema;
    skf_schema_artifact_init(&schema, builders, &d->arena);
    for (size_t i = 0; i < c->n_modules; i++) {
        if (i)
            skf_buf_adds(out, "---\n");
        const struct printer p = { &schema, resolved ? c->modules[i].dir : NULL };
        struct skf_node *root = by_table(d, c->roots[i], skf_schema_config, &p);
        if (resolved)
            skf_node_del(root, "requires");
        skf_emit_yaml(root, out);
    }
    skf_doc_free(d);
}

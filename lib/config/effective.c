/* lib/config/effective.c: the configuration that is in effect, as Skaffold prints it: newest
 * version, in the order of the schema, without what is empty, false or zero. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/config/template.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

struct printer {
    struct skf_doc *d; /* where the printed tree is made */
    const struct skf_artifact_schema *schema;
    const char *dir; /* what relative paths mean; NULL = they stay as they are */
    bool expand;     /* templates */
};

static struct skf_node *by_table(const struct printer *p, const struct skf_node *n,
                                 const struct skf_field *fields);

/* --- single values ---------------------------------------------------------------------------- */

/* Paths of the module, absolute when that is wanted. What no file says (the default of rawYaml) and
 * what is no local path stays. */
static struct skf_node *as_path(const struct printer *p, const struct skf_node *n)
{
    if (!p->dir || !n->line || !skf_node_str(n) || !n->len || strstr(n->text, "://"))
        return NULL;
    skf_autofree char *abs = skf_path_join(p->dir, n->text);
    return skf_node_new_str(p->d, n, abs);
}

static bool environment_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    const char *value = getenv(key);
    (void)m;
    if (!value)
        return false;
    *out = (struct skf_tvalue){ .kind = SKF_TV_STRING, .str = value };
    return true;
}

static const char *own_getenv(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* The text with its templates filled in; NULL: it has none, or they need what is not there. */
static struct skf_node *expanded(const struct printer *p, const struct skf_node *n)
{
    const struct skf_tmap map = { .get = environment_get };
    const struct skf_template_env env = { .root = &map, .sprig = true, .getenv = own_getenv };
    skf_autofree char *text = NULL;
    struct skf_err ignored = SKF_ERR_INIT;
    if (!skf_node_str(n) || !skf_template_has(n->text) ||
        skf_template_expand(n->text, &env, &text, &ignored) < 0 || strstr(text, "<no value>"))
        return NULL;
    return skf_node_new_str(p->d, n, text);
}

static struct skf_node *as_text(const struct printer *p, const struct skf_node *n,
                                const struct skf_field *f)
{
    struct skf_node *filled = p->expand && f->templated ? expanded(p, n) : NULL;
    if (filled)
        n = filled;
    struct skf_node *path = f->path ? as_path(p, n) : NULL;
    if (path)
        return path;
    return n->kind == SKF_SCALAR && !skf_node_is_null(n) ? skf_node_new_str(p->d, n, n->text)
                                                         : skf_node_clone(p->d, n);
}

static struct skf_node *number(const struct printer *p, const struct skf_node *n,
                               const struct skf_field *f)
{
    long long value;
    bool got = f->type == SKF_T_INT
                   ? skf_node_int(n, &value)
                   : skf_node_str(n) && skf_num_parse(n->text, INT_MIN, INT_MAX, &value);
    if (!got)
        return skf_node_clone(p->d, n);
    if (value == 0 && !f->ptr)
        return NULL;
    skf_autofree char *text = skf_xasprintf("%lld", value);
    return skf_node_new_plain(p->d, n, text);
}

static struct skf_node *truth(const struct printer *p, const struct skf_node *n,
                              const struct skf_field *f)
{
    bool yes;
    if (!skf_node_bool(n, &yes))
        return skf_node_clone(p->d, n);
    if (!yes && f->type == SKF_T_BOOL)
        return NULL;
    return skf_node_new_plain(p->d, n, yes ? "true" : "false");
}

/* --- lists and maps --------------------------------------------------------------------------- */

static struct skf_node *list(const struct printer *p, const struct skf_node *n,
                             const struct skf_field *f)
{
    struct skf_node *c = skf_node_new_seq(p->d, n);
    for (size_t i = 0; n->kind == SKF_SEQUENCE && i < n->n; i++) {
        if (skf_node_is_null(n->items[i]))
            continue;
        struct skf_node *item =
            f->type == SKF_T_LIST ? by_table(p, n->items[i], f->sub) : as_text(p, n->items[i], f);
        skf_node_append(p->d, c, item);
    }
    return c->n || f->ptr ? c : NULL;
}

static struct skf_node *text_map(const struct printer *p, const struct skf_node *n,
                                 const struct skf_field *f)
{
    struct skf_node *c = skf_node_new_map(p->d, n);
    for (size_t i = 0; n->kind == SKF_MAPPING && i < n->n; i++) {
        const struct skf_node *v = n->entries[i].value;
        skf_node_set(p->d, c, n->entries[i].key->text,
                     skf_node_is_null(v) ? skf_node_new_plain(p->d, v, "null") : as_text(p, v, f));
    }
    return c->n ? c : NULL;
}

/* What Go prints of a value in a flat map. */
static void flat_map(const struct printer *p, const struct skf_node *n, const char *key,
                     const struct skf_field *f, struct skf_node *out)
{
    bool yes;
    for (size_t i = 0; n->kind != SKF_SCALAR && i < n->n; i++) {
        skf_autofree char *sub =
            n->kind == SKF_SEQUENCE
                ? skf_xasprintf("%s[%zu]", key, i)
                : skf_xasprintf("%s%s%s", key, *key ? "." : "", n->entries[i].key->text);
        flat_map(p, n->kind == SKF_SEQUENCE ? n->items[i] : n->entries[i].value, sub, f, out);
    }
    if (n->kind != SKF_SCALAR)
        return;
    const char *text = n->text;
    if (skf_node_is_null(n))
        text = "<nil>";
    else if (skf_node_scalar(n) == SKF_SCALAR_BOOL && skf_node_bool(n, &yes))
        text = yes ? "true" : "false";
    struct skf_node *filled = p->expand && f->templated ? expanded(p, n) : NULL;
    skf_node_set(p->d, out, key, filled ? filled : skf_node_new_str(p->d, n, text));
}

/* A type of Kubernetes: zero values are left out, as its own tags say. NULL = nothing left. */
static struct skf_node *by_look(const struct printer *p, const struct skf_node *n)
{
    bool yes;
    long long value;
    if (skf_node_is_null(n))
        return NULL;
    if (n->kind == SKF_SCALAR) {
        bool zero = n->len == 0 || (skf_node_int(n, &value) && value == 0) ||
                    (skf_node_scalar(n) == SKF_SCALAR_BOOL && skf_node_bool(n, &yes) && !yes);
        return zero ? NULL : skf_node_clone(p->d, n);
    }
    struct skf_node *c =
        n->kind == SKF_MAPPING ? skf_node_new_map(p->d, n) : skf_node_new_seq(p->d, n);
    for (size_t i = 0; i < n->n; i++) {
        struct skf_node *v = n->kind == SKF_MAPPING ? n->entries[i].value : n->items[i];
        struct skf_node *kept = by_look(p, v);
        if (n->kind == SKF_SEQUENCE)
            skf_node_append(p->d, c, kept ? kept : skf_node_clone(p->d, v));
        else if (kept)
            skf_node_set_key(p->d, c, n->entries[i].key, kept);
    }
    return n->kind == SKF_SEQUENCE && !c->n ? NULL : c;
}

/* A section of a builder: a pointer in Skaffold, so {} stays. */
static struct skf_node *section(const struct printer *p, const struct skf_node *n, const char *name)
{
    for (size_t i = 0; i < p->schema->n_sections; i++) {
        const struct skf_section *s = &p->schema->sections[i];
        if (strcmp(s->name, name) != 0 || !s->fields)
            continue;
        /* The paths of our own builders are relative to the context: they stay. */
        struct printer as_written = *p;
        if (!s->instead)
            as_written.dir = NULL;
        return by_table(&as_written, n, s->fields);
    }
    return skf_node_clone(p->d, n);
}

static struct skf_node *any(const struct printer *p, const struct skf_node *n,
                            const struct skf_field *f)
{
    if (f->oneof && strcmp(f->oneof, "builder") == 0)
        return section(p, n, f->name);
    if (strcmp(f->name, "artifacts") == 0 && n->kind == SKF_SEQUENCE) {
        const struct skf_field artifacts = { .type = SKF_T_LIST, .sub = p->schema->fields };
        return list(p, n, &artifacts);
    }
    if (strcmp(f->name, "overrides") == 0) /* values of a chart: all of them are meant */
        return n->n || n->kind == SKF_SCALAR ? skf_node_clone(p->d, n) : NULL;
    return by_look(p, n);
}

/* --- by the table ----------------------------------------------------------------------------- */

static struct skf_node *one(const struct printer *p, const struct skf_node *n,
                            const struct skf_field *f)
{
    struct skf_node *c;
    switch (f->type) {
    case SKF_T_STRING:
        return n->kind == SKF_SCALAR && n->len == 0 && !f->ptr ? NULL : as_text(p, n, f);
    case SKF_T_BOOL:
    case SKF_T_TRISTATE:
        return truth(p, n, f);
    case SKF_T_INT:
    case SKF_T_INT_OR_NAME:
        return number(p, n, f);
    case SKF_T_STRINGS:
    case SKF_T_LIST:
        return list(p, n, f);
    case SKF_T_STRING_MAP:
        return text_map(p, n, f);
    case SKF_T_FLAT_MAP:
        c = skf_node_new_map(p->d, n);
        flat_map(p, n, "", f, c);
        return c->n ? c : NULL;
    case SKF_T_STRUCT:
        c = by_table(p, n, f->sub);
        return c->n ? c : NULL;
    case SKF_T_STRUCT_PTR:
        return f->sub ? by_table(p, n, f->sub) : skf_node_clone(p->d, n);
    case SKF_T_ANY:
        return any(p, n, f);
    }
    return NULL;
}

/* What Go prints of a field that it never leaves out and that nobody wrote. */
static struct skf_node *nothing(const struct printer *p, const struct skf_field *f,
                                const struct skf_node *at)
{
    switch (f->type) {
    case SKF_T_STRING:
        return skf_node_new_str(p->d, at, "");
    case SKF_T_STRINGS:
    case SKF_T_LIST:
        return skf_node_new_seq(p->d, at);
    case SKF_T_STRUCT:
        return by_table(p, skf_node_new_map(p->d, at), f->sub);
    default:
        return skf_node_new_plain(p->d, at, "null");
    }
}

static struct skf_node *by_table(const struct printer *p, const struct skf_node *n,
                                 const struct skf_field *fields)
{
    if (n->kind != SKF_MAPPING)
        return skf_node_clone(p->d, n);
    struct skf_node *c = skf_node_new_map(p->d, n);
    for (const struct skf_field *f = fields; f->name; f++) {
        const struct skf_entry *e = skf_node_entry(n, f->name);
        struct skf_node *v = e && !skf_node_is_null(e->value) ? one(p, e->value, f) : NULL;
        if (!v && f->always)
            v = nothing(p, f, n);
        if (v)
            skf_node_set(p->d, c, f->name, v);
    }
    return c;
}

void skf_config_effective(const struct skf_config *c, const struct skf_section *builders,
                          bool resolved, bool expand, struct skf_buf *out)
{
    struct skf_doc *d = skf_doc_new("");
    struct skf_artifact_schema schema;
    skf_schema_artifact_init(&schema, builders, &d->arena);
    for (size_t i = 0; i < c->n_modules; i++) {
        if (i)
            skf_buf_adds(out, "---\n");
        const struct printer p = { d, &schema, resolved ? c->modules[i].dir : NULL, expand };
        struct skf_node *root = by_table(&p, c->roots[i], skf_schema_config);
        if (resolved)
            skf_node_del(root, "requires");
        skf_emit_yaml(root, out);
    }
    skf_doc_free(d);
}

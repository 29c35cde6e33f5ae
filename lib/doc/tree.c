#include "lib/doc/doc.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/mem.h"

struct skf_entry *skf_node_entry(const struct skf_node *map, const char *key)
{
    if (!map || map->kind != SKF_MAPPING)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        const struct skf_node *k = map->entries[i].key;
        if (k->kind == SKF_SCALAR && strcmp(k->text, key) == 0)
            return &map->entries[i];
    }
    return NULL;
}

struct skf_node *skf_node_get(const struct skf_node *map, const char *key)
{
    struct skf_entry *e = skf_node_entry(map, key);
    return e ? e->value : NULL;
}

struct skf_node *skf_node_find(const struct skf_node *root, ...)
{
    va_list ap;
    va_start(ap, root);
    const struct skf_node *n = root;
    const char *key;
    while (n && (key = va_arg(ap, const char *)))
        n = skf_node_get(n, key);
    va_end(ap);
    /* The tree is the caller's to change; root is const only because looking does not. */
    return (struct skf_node *)(uintptr_t)n;
}

struct skf_node *skf_node_item(const struct skf_node *seq, size_t i)
{
    return seq && seq->kind == SKF_SEQUENCE && i < seq->n ? seq->items[i] : NULL;
}

const char *skf_node_str(const struct skf_node *n)
{
    return n && n->kind == SKF_SCALAR && !skf_node_is_null(n) ? n->text : NULL;
}

const char *skf_node_get_str(const struct skf_node *map, const char *key)
{
    return skf_node_str(skf_node_get(map, key));
}

static bool scalars_equal(const struct skf_node *a, const struct skf_node *b)
{
    enum skf_scalar ta = skf_node_scalar(a), tb = skf_node_scalar(b);
    long long x, y;
    if (ta == SKF_SCALAR_NULL || tb == SKF_SCALAR_NULL)
        return ta == tb;
    if (skf_node_int(a, &x) && skf_node_int(b, &y))
        return x == y;
    return (ta == SKF_SCALAR_STRING) == (tb == SKF_SCALAR_STRING) && a->len == b->len &&
           memcmp(a->text, b->text, a->len) == 0;
}

bool skf_node_equal(const struct skf_node *a, const struct skf_node *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind || (a->kind != SKF_SCALAR && a->n != b->n))
        return false;
    if (a->kind == SKF_SCALAR)
        return scalars_equal(a, b);
    for (size_t i = 0; i < a->n; i++) {
        if (a->kind == SKF_SEQUENCE) {
            if (!skf_node_equal(a->items[i], b->items[i]))
                return false;
            continue;
        }
        const struct skf_node *key = a->entries[i].key;
        const struct skf_entry *other =
            key->kind == SKF_SCALAR ? skf_node_entry(b, key->text) : NULL;
        if (!other || !skf_node_equal(a->entries[i].value, other->value))
            return false;
    }
    return true;
}

int skf_node_err(struct skf_err *err, const struct skf_node *n, enum skf_code code, const char *fmt,
                 ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_err_clear(err);
    skf_err_setv(err, code, fmt, ap);
    va_end(ap);
    if (n)
        skf_err_at(err, n->doc ? n->doc->file : NULL, n->line, n->col);
    return -(int)code;
}

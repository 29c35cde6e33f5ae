/* lib/config/field.c: decoding by table. */
#include "lib/config/field.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/config/load.h"
#include "lib/doc/doc.h"

static void decode_below(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                         void *out, const char *path);

const struct skf_field *skf_field_find(const struct skf_field *fields, const char *name)
{
    for (; fields && fields->name; fields++) {
        if (strcmp(fields->name, name) == 0)
            return fields;
    }
    return NULL;
}

static const char *expected_words(const struct skf_field *f)
{
    switch (f->type) {
    case SKF_T_STRING:
        return f->path ? "a path" : "text";
    case SKF_T_BOOL:
    case SKF_T_TRISTATE:
        return "true or false";
    case SKF_T_INT:
        return "a number";
    case SKF_T_STRINGS:
        return f->path ? "a list of paths" : "a list of texts";
    case SKF_T_STRING_MAP:
        return "a mapping of names to texts";
    case SKF_T_INT_OR_NAME:
        return "a number or a name";
    case SKF_T_STRUCT:
    case SKF_T_STRUCT_PTR:
        return "a mapping";
    case SKF_T_LIST:
        return "a list of mappings";
    case SKF_T_FLAT_MAP:
        return "a mapping";
    case SKF_T_ANY:
        break;
    }
    return "a value";
}

/* "true or false" and "a number" are what a scalar looks like; where text was written the text
 * helps. */
static const char *found_words(struct skf_arena *a, const struct skf_node *n)
{
    const char *words = skf_node_kind_words(n);
    if (n->kind != SKF_SCALAR || n->len == 0 || n->len > 40 || strchr(n->text, '\n'))
        return words;
    return skf_arena_printf(a, n->style == SKF_STYLE_PLAIN ? "'%s'" : "the text '%s'", n->text);
}

static void mismatch(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                     const char *path)
{
    const char *hint = NULL;
    if (f->type == SKF_T_STRINGS && n->kind == SKF_SCALAR && n->len < 60)
        hint = skf_arena_printf(d->arena, "write '%s: [%s]'", f->name, n->text);
    if (f->type == SKF_T_INT && n->kind == SKF_SCALAR && n->style != SKF_STYLE_PLAIN &&
        skf_scalar_of_plain(n->text, n->len) == SKF_SCALAR_INT)
        hint = "write the number without quotes";
    skf_diagnostic_add(d->diags, false, n, hint, "expected %s for '%s', found %s",
                       expected_words(f), path, found_words(d->arena, n));
}

static void check_braces(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                         const char *path)
{
    if (f->templated || f->braces || !strstr(n->text, "{{"))
        return;
    skf_diagnostic_add(d->diags, d->only_shape, n,
                       "templates work in tags, build args, flags, labels and manifest paths only",
                       "'%s' is not a field in which Skaffold expands templates, so '{{' would be "
                       "taken literally",
                       path);
}

/* Skaffold makes a number of what looks like one, and text of that again: 1.10 becomes 1.1, 0x10
 * becomes 16. Here the text stays. */
static void check_number(struct skf_decode *d, const struct skf_node *n, const char *path)
{
    char again[32];
    long long value;
    enum skf_scalar type = skf_node_scalar(n);
    if (d->numbers_told || n->style != SKF_STYLE_PLAIN ||
        (type != SKF_SCALAR_INT && type != SKF_SCALAR_FLOAT))
        return;
    if (skf_node_int(n, &value))
        snprintf(again, sizeof again, "%lld", value);
    else
        snprintf(again, sizeof again, "%.15g", strtod(n->text, NULL));
    if (strcmp(again, n->text) == 0 || !strpbrk(n->text, "0123456789"))
        return;
    d->numbers_told = true;
    skf_diagnostic_add(d->diags, true, n, "quotes make both agree",
                       "'%s' is the text '%s' here; Skaffold reads a number and makes '%s' of it",
                       path, n->text, again);
}

static bool decode_string(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                          const char **out, const char *path)
{
    if (n->kind != SKF_SCALAR) {
        mismatch(d, f, n, path);
        return false;
    }
    check_braces(d, f, n, path);
    check_number(d, n, path);
    *out = skf_arena_strdup(d->arena, n->text);
    return true;
}

static void decode_strings(struct skf_decode *d, const struct skf_field *f,
                           const struct skf_node *n, struct skf_strings *out, const char *path)
{
    if (n->kind != SKF_SEQUENCE) {
        mismatch(d, f, n, path);
        return;
    }
    struct skf_strings got = { .v = skf_arena_calloc(d->arena, n->n + 1, sizeof *got.v),
                               .at = skf_arena_calloc(d->arena, n->n + 1, sizeof *got.at) };
    for (size_t i = 0; i < n->n; i++) {
        const struct skf_node *item = n->items[i];
        if (skf_node_is_null(item))
            continue; /* as Skaffold does */
        const char *item_path = skf_arena_printf(d->arena, "%s[%zu]", path, i);
        struct skf_field one = *f;
        one.type = SKF_T_STRING;
        if (decode_string(d, &one, item, &got.v[got.n], item_path))
            got.at[got.n++] = item;
    }
    *out = got;
}

static void decode_pairs(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                         struct skf_pairs *out, const char *path)
{
    if (n->kind != SKF_MAPPING) {
        mismatch(d, f, n, path);
        return;
    }
    struct skf_pairs got = { .v = skf_arena_calloc(d->arena, n->n + 1, sizeof *got.v) };
    for (size_t i = 0; i < n->n; i++) {
        const struct skf_entry *e = &n->entries[i];
        if (e->key->kind != SKF_SCALAR) {
            skf_diagnostic_add(d->diags, false, e->key, NULL, "expected a name as key in '%s'",
                               path);
            continue;
        }
        struct skf_pair *p = &got.v[got.n];
        *p = (struct skf_pair){ .key = skf_arena_strdup(d->arena, e->key->text), .at = e->value };
        struct skf_field one = *f;
        one.type = SKF_T_STRING;
        if (skf_node_is_null(e->value) ||
            decode_string(d, &one, e->value, &p->value,
                          skf_arena_printf(d->arena, "%s.%s", path, p->key)))
            got.n++;
    }
    *out = got;
}

static void flatten(struct skf_decode *d, const struct skf_node *n, const char *key,
                    struct skf_pairs *out)
{
    for (size_t i = 0; n->kind != SKF_SCALAR && i < n->n; i++) {
        if (n->kind == SKF_SEQUENCE)
            flatten(d, n->items[i], skf_arena_printf(d->arena, "%s[%zu]", key, i), out);
        else
            flatten(
                d, n->entries[i].value,
                skf_arena_printf(d->arena, "%s%s%s", key, *key ? "." : "", n->entries[i].key->text),
                out);
    }
    if (n->kind != SKF_SCALAR)
        return;
    struct skf_pair *v = skf_arena_calloc(d->arena, out->n + 1, sizeof *v);
    if (out->n)
        memcpy(v, out->v, out->n * sizeof *v);
    v[out->n++] =
        (struct skf_pair){ .key = key,
                           .value =
                               skf_node_is_null(n) ? NULL : skf_arena_strdup(d->arena, n->text),
                           .at = n };
    out->v = v;
}

static void decode_flat(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                        struct skf_pairs *out, const char *path)
{
    if (n->kind != SKF_MAPPING)
        mismatch(d, f, n, path);
    else if (out)
        flatten(d, n, "", out);
}

static void decode_list(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                        struct skf_list *out, const char *path)
{
    if (n->kind != SKF_SEQUENCE) {
        mismatch(d, f, n, path);
        return;
    }
    char *v = out ? skf_arena_calloc(d->arena, n->n + 1, f->size) : NULL;
    size_t count = 0;
    for (size_t i = 0; i < n->n; i++) {
        const struct skf_node *item = n->items[i];
        const char *item_path = skf_arena_printf(d->arena, "%s[%zu]", path, i);
        if (skf_node_is_null(item)) {
            skf_diagnostic_add(d->diags, d->only_shape, item, NULL, "'%s' is an empty list entry",
                               item_path);
        } else if (item->kind != SKF_MAPPING) {
            skf_diagnostic_add(d->diags, false, item, NULL, "expected a mapping for '%s', found %s",
                               item_path, found_words(d->arena, item));
        } else {
            decode_below(d, f, item, v ? v + count * f->size : NULL, item_path);
            count++;
        }
    }
    if (out)
        *out = (struct skf_list){ v, count };
}

static void decode_scalar(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                          char *slot, const char *path)
{
    bool yes;
    long long number;
    const char *text;
    if (f->type == SKF_T_BOOL || f->type == SKF_T_TRISTATE) {
        if (!skf_node_bool(n, &yes))
            mismatch(d, f, n, path);
        else if (slot && f->type == SKF_T_BOOL)
            *(bool *)(void *)slot = yes;
        else if (slot)
            *(enum skf_tristate *)(void *)slot = yes ? SKF_YES : SKF_NO;
    } else if (f->type == SKF_T_INT) {
        if (!skf_node_int(n, &number) || number < INT_MIN || number > INT_MAX)
            mismatch(d, f, n, path);
        else if (slot)
            *(int *)(void *)slot = (int)number;
    } else if (decode_string(d, f, n, &text, path) && slot) {
        *(const char **)(void *)slot = text;
    }
}

bool skf_field_is_on(const struct skf_field *f, const struct skf_node *v)
{
    bool yes;
    long long number;
    if (skf_node_is_null(v))
        return false;
    if (f && (f->ptr || f->type == SKF_T_STRUCT_PTR || f->type == SKF_T_TRISTATE))
        return true;
    if (v->kind == SKF_SCALAR) {
        bool off = (f && f->type == SKF_T_BOOL && skf_node_bool(v, &yes) && !yes) ||
                   (f && f->type == SKF_T_INT && skf_node_int(v, &number) && number == 0);
        return v->len > 0 && !off;
    }
    if (v->kind == SKF_SEQUENCE || !f || !f->sub)
        return v->n > 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct skf_field *sub = skf_field_find(f->sub, v->entries[i].key->text);
        if (skf_field_is_on(sub, v->entries[i].value))
            return true;
    }
    return false;
}

static void refuse(struct skf_decode *d, const struct skf_field *f, const struct skf_entry *e,
                   const char *path)
{
    if (!d->allow_refused && f->refused_when == SKF_REFUSED_ALWAYS && skf_field_is_on(f, e->value))
        skf_diagnostic_add(d->diags, false, e->key, f->refused, "'%s' is not supported by skiff",
                           path);
}

/* The table below a field; unknown keys in it may be none of our business. */
static void decode_below(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                         void *out, const char *path)
{
    if (!f->sub && n->kind == SKF_MAPPING)
        return; /* nobody says what is in it */
    bool before = d->lenient;
    d->lenient = before || f->lenient;
    skf_fields_decode(d, f->sub, n, out, path);
    d->lenient = before;
}

static void decode_one(struct skf_decode *d, const struct skf_field *f, const struct skf_node *n,
                       char *slot, const char *path)
{
    switch (f->type) {
    case SKF_T_STRING:
    case SKF_T_BOOL:
    case SKF_T_TRISTATE:
    case SKF_T_INT:
    case SKF_T_INT_OR_NAME:
        decode_scalar(d, f, n, slot, path);
        break;
    case SKF_T_STRINGS: {
        struct skf_strings none = { 0 };
        decode_strings(d, f, n, slot ? (struct skf_strings *)(void *)slot : &none, path);
        break;
    }
    case SKF_T_STRING_MAP: {
        struct skf_pairs none = { 0 };
        decode_pairs(d, f, n, slot ? (struct skf_pairs *)(void *)slot : &none, path);
        break;
    }
    case SKF_T_STRUCT:
        decode_below(d, f, n, slot, path);
        break;
    case SKF_T_STRUCT_PTR: {
        void *made = slot ? skf_arena_alloc(d->arena, f->size ? f->size : 1) : NULL;
        decode_below(d, f, n, made, path);
        if (slot)
            *(void **)(void *)slot = made;
        break;
    }
    case SKF_T_LIST:
        decode_list(d, f, n, (struct skf_list *)(void *)slot, path);
        break;
    case SKF_T_ANY:
        if (slot)
            *(const struct skf_node **)(void *)slot = n;
        break;
    case SKF_T_FLAT_MAP:
        decode_flat(d, f, n, (struct skf_pairs *)(void *)slot, path);
        break;
    }
}

static void unknown(struct skf_decode *d, const struct skf_field *fields,
                    const struct skf_node *key, const char *path)
{
    size_t n = 0;
    for (const struct skf_field *f = fields; f->name; f++)
        n++;
    skf_autofree const char **names = skf_xcalloc(n + 1, sizeof(char *));
    for (size_t i = 0; i < n; i++)
        names[i] = fields[i].name;
    const char *hint = d->moved ? d->moved(path, key->text, d->arena) : NULL;
    const char *near = hint ? NULL : skf_suggest(key->text, names, n);
    if (d->lenient && !hint)
        hint = "it has no effect, as in Skaffold";
    else if (near)
        hint = skf_arena_printf(d->arena, "did you mean '%s'?", near);
    skf_diagnostic_add(d->diags, d->lenient, key, hint, "unknown field '%s'%s%s", key->text,
                       *path ? " in " : "", path);
}

static void check_oneof(struct skf_decode *d, const struct skf_field *fields,
                        const struct skf_node *map, const char *path)
{
    for (const struct skf_field *f = fields; f->name; f++) {
        if (!f->oneof || skf_node_is_null(skf_node_get(map, f->name)))
            continue;
        for (const struct skf_field *g = f + 1; g->name; g++) {
            const struct skf_entry *e = skf_node_entry(map, g->name);
            if (!g->oneof || strcmp(f->oneof, g->oneof) != 0 || !e || skf_node_is_null(e->value))
                continue;
            skf_diagnostic_add(d->diags, d->only_shape, e->key, NULL,
                               "only one %s can be set%s%s: found '%s' and '%s'", f->oneof,
                               *path ? " in " : "", path, f->name, g->name);
            return;
        }
    }
}

void skf_fields_decode(struct skf_decode *d, const struct skf_field *fields,
                       const struct skf_node *map, void *out, const char *path)
{
    if (map && map->kind != SKF_MAPPING && !skf_node_is_null(map)) {
        skf_diagnostic_add(d->diags, false, map, NULL, "expected a mapping for '%s', found %s",
                           path, found_words(d->arena, map));
        return;
    }
    for (size_t i = 0; map && i < map->n && map->kind == SKF_MAPPING; i++) {
        const struct skf_entry *e = &map->entries[i];
        if (e->key->kind != SKF_SCALAR) {
            skf_diagnostic_add(d->diags, false, e->key, NULL, "expected a field name, found %s",
                               skf_node_kind_words(e->key));
            continue;
        }
        const struct skf_field *f = skf_field_find(fields, e->key->text);
        if (!f)
            unknown(d, fields, e->key, path);
        else if (skf_node_entry(map, e->key->text) != e)
            continue; /* a duplicate, reported by the reader */
    }
    for (const struct skf_field *f = fields; f->name; f++) {
        const struct skf_entry *e = skf_node_entry(map, f->name);
        const struct skf_node *v = e && !skf_node_is_null(e->value) ? e->value : NULL;
        const char *sub = *path ? skf_arena_printf(d->arena, "%s.%s", path, f->name) : f->name;
        char *slot = out && f->offset != SKF_NO_SLOT ? (char *)out + f->offset : NULL;
        bool empty = !v || (v->kind == SKF_SCALAR ? v->len == 0 : v->n == 0);
        if (f->required && empty && map)
            skf_diagnostic_add(d->diags, d->only_shape, e ? e->key : map, NULL, "'%s' is missing",
                               sub);
        if (v && f->refused)
            refuse(d, f, e, sub);
        if (v)
            decode_one(d, f, v, slot, sub);
        else if (f->def && slot && f->type == SKF_T_STRING)
            *(const char **)(void *)slot = f->def;
        else if (f->def && slot && f->type == SKF_T_INT)
            *(int *)(void *)slot = (int)strtol(f->def, NULL, 10);
        else if (f->def && slot && f->type == SKF_T_BOOL)
            *(bool *)(void *)slot = strcmp(f->def, "true") == 0;
        else if (f->type == SKF_T_STRUCT && slot)
            skf_fields_decode(d, f->sub, NULL, slot, sub);
        if (e && !v && f->type == SKF_T_STRUCT_PTR)
            skf_diagnostic_add(d->diags, true, e->key,
                               skf_arena_printf(d->arena, "write '%s: {}' to set it", f->name),
                               "'%s' has no value, so it counts as not written", sub);
    }
    if (map && map->kind == SKF_MAPPING)
        check_oneof(d, fields, map, path);
}

/* lib/doc/build.c: making and changing trees. */
#include "lib/doc/internal.h"

#include <assert.h>
#include <string.h>

#include "lib/base/mem.h"

struct skf_node *skf_node_new(struct skf_doc *d, enum skf_kind kind, enum skf_style style)
{
    struct skf_node *n = skf_arena_alloc(&d->arena, sizeof *n);
    n->kind = kind;
    n->style = style;
    n->doc = d;
    n->weight = 1;
    return n;
}

static struct skf_node *new_at(struct skf_doc *d, enum skf_kind kind, enum skf_style style,
                               const struct skf_node *at)
{
    struct skf_node *n = skf_node_new(d, kind, style);
    if (at) {
        n->line = at->line;
        n->col = at->col;
        n->start = at->start;
        n->end = at->end;
        n->doc = at->doc;
    }
    return n;
}

struct skf_node *skf_node_new_map(struct skf_doc *d, const struct skf_node *at)
{
    return new_at(d, SKF_MAPPING, SKF_STYLE_BLOCK, at);
}

struct skf_node *skf_node_new_seq(struct skf_doc *d, const struct skf_node *at)
{
    return new_at(d, SKF_SEQUENCE, SKF_STYLE_BLOCK, at);
}

struct skf_node *skf_node_new_plain(struct skf_doc *d, const struct skf_node *at, const char *text)
{
    struct skf_node *n = new_at(d, SKF_SCALAR, SKF_STYLE_PLAIN, at);
    n->len = strlen(text);
    n->text = skf_arena_strdup(&d->arena, text);
    return n;
}

struct skf_node *skf_node_new_str(struct skf_doc *d, const struct skf_node *at, const char *text)
{
    struct skf_node *n = skf_node_new_plain(d, at, text);
    if (skf_scalar_of_plain(text, n->len) != SKF_SCALAR_STRING)
        n->style = SKF_STYLE_DOUBLE;
    return n;
}

/* Arena memory cannot grow in place; doubling keeps what is left behind below the size in use. */
static void *grown(struct skf_doc *d, void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 4;
    void *more = skf_arena_calloc(&d->arena, *cap, size);
    if (n)
        memcpy(more, v, n * size);
    return more;
}

void skf_node_push_entry(struct skf_doc *d, struct skf_node *map, struct skf_entry entry)
{
    map->entries = grown(d, map->entries, map->n, &map->cap, sizeof *map->entries);
    map->entries[map->n++] = entry;
}

void skf_node_set_key(struct skf_doc *d, struct skf_node *map, struct skf_node *key,
                      struct skf_node *value)
{
    struct skf_entry *e = skf_node_entry(map, key->text);
    if (e)
        *e = (struct skf_entry){ .key = key, .value = value };
    else
        skf_node_push_entry(d, map, (struct skf_entry){ .key = key, .value = value });
}

void skf_node_set(struct skf_doc *d, struct skf_node *map, const char *key, struct skf_node *value)
{
    struct skf_node *k = skf_node_new_str(d, value, key);
    skf_node_set_key(d, map, k, value);
}

struct skf_node *skf_node_del(struct skf_node *map, const char *key)
{
    struct skf_entry *e = skf_node_entry(map, key);
    if (!e)
        return NULL;
    struct skf_node *value = e->value;
    size_t i = (size_t)(e - map->entries);
    memmove(e, e + 1, (map->n - i - 1) * sizeof *e);
    map->n--;
    return value;
}

void skf_node_insert(struct skf_doc *d, struct skf_node *seq, size_t i, struct skf_node *item)
{
    assert(seq->kind == SKF_SEQUENCE && i <= seq->n);
    seq->items = grown(d, seq->items, seq->n, &seq->cap, sizeof(struct skf_node *));
    memmove(&seq->items[i + 1], &seq->items[i], (seq->n - i) * sizeof(struct skf_node *));
    seq->items[i] = item;
    seq->n++;
}

void skf_node_append(struct skf_doc *d, struct skf_node *seq, struct skf_node *item)
{
    skf_node_insert(d, seq, seq->n, item);
}

void skf_node_remove(struct skf_node *seq, size_t i)
{
    assert(seq->kind == SKF_SEQUENCE && i < seq->n);
    memmove(&seq->items[i], &seq->items[i + 1], (seq->n - i - 1) * sizeof(struct skf_node *));
    seq->n--;
}

struct skf_node *skf_node_clone(struct skf_doc *d, const struct skf_node *n)
{
    if (!n)
        return NULL;
    struct skf_node *c = skf_arena_alloc(&d->arena, sizeof *c);
    *c = *n;
    c->cap = n->n;
    c->entries = NULL;
    c->items = NULL;
    if (n->kind == SKF_MAPPING && n->n) {
        c->entries = skf_arena_calloc(&d->arena, n->n, sizeof *c->entries);
        for (size_t i = 0; i < n->n; i++) {
            c->entries[i] = n->entries[i];
            c->entries[i].key = skf_node_clone(d, n->entries[i].key);
            c->entries[i].value = skf_node_clone(d, n->entries[i].value);
        }
    }
    if (n->kind == SKF_SEQUENCE && n->n) {
        c->items = skf_arena_calloc(&d->arena, n->n, sizeof *c->items);
        for (size_t i = 0; i < n->n; i++)
            c->items[i] = skf_node_clone(d, n->items[i]);
    }
    return c;
}

static uint32_t text_hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

static void add_dup(struct skf_doc *d, const struct skf_node *first, const struct skf_node *second)
{
    d->dups = skf_xreallocarray(d->dups, d->n_dups + 1, sizeof *d->dups);
    d->dups[d->n_dups++] = (struct skf_dup){ first, second };
}

/* Open addressing over entry numbers + 1: linear even for a mapping with a million keys. */
static void find_dups(struct skf_doc *d, const struct skf_node *map)
{
    size_t slots = 16;
    while (slots < map->n * 2)
        slots *= 2;
    uint32_t small[64] = { 0 };
    skf_autofree uint32_t *large = slots > SKF_ARRAY_LEN(small) ? skf_xcalloc(slots, 4) : NULL;
    uint32_t *table = large ? large : small;
    for (size_t i = 0; i < map->n; i++) {
        const struct skf_node *key = map->entries[i].key;
        if (map->entries[i].merged || key->kind != SKF_SCALAR)
            continue;
        for (size_t at = text_hash(key->text);; at++) {
            uint32_t *slot = &table[at & (slots - 1)];
            if (!*slot) {
                *slot = (uint32_t)i + 1;
                break;
            }
            const struct skf_node *other = map->entries[*slot - 1].key;
            if (strcmp(other->text, key->text) == 0) {
                add_dup(d, other, key);
                break;
            }
        }
    }
}

void skf_node_close(struct skf_doc *d, struct skf_node *n)
{
    if (n->kind == SKF_MAPPING && n->n > 1)
        find_dups(d, n);
    uint64_t weight = 1;
    unsigned height = 0;
    for (size_t i = 0; i < n->n && n->kind != SKF_SCALAR; i++) {
        const struct skf_node *v = n->kind == SKF_MAPPING ? n->entries[i].value : n->items[i];
        const struct skf_node *k = n->kind == SKF_MAPPING ? n->entries[i].key : NULL;
        weight += v->weight + (k ? k->weight : 0u);
        if (v->height + 1u > height)
            height = v->height + 1u;
        if (k && k->height + 1u > height)
            height = k->height + 1u;
    }
    n->weight = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight;
    n->height = height > UINT16_MAX ? UINT16_MAX : (uint16_t)height;
}

#include "lib/kube/place.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/io/file.h"

enum { MAX_MANIFEST = 64 * 1024 * 1024 };

/* --- the object in its file ------------------------------------------------------------------- */

static bool is_object(const struct skf_node *n, const struct skf_object *o)
{
    const char *kind = skf_node_get_str(n, "kind");
    const char *name = skf_node_get_str(skf_node_get(n, "metadata"), "name");
    return kind && name && strcmp(kind, o->kind) == 0 && strcmp(name, o->name) == 0;
}

/* The object itself or an item of a List; the one nearest to the line where it was read. */
static void find_object(const struct skf_node *n, const struct skf_object *o,
                        const struct skf_node **best)
{
    if (!n || n->kind != SKF_MAPPING)
        return;
    if (is_object(n, o) && (!*best || abs(n->line - o->line) < abs((*best)->line - o->line)))
        *best = n;
    const struct skf_node *items = skf_node_get(n, "items");
    for (size_t i = 0; items && items->kind == SKF_SEQUENCE && i < items->n; i++)
        find_object(items->items[i], o, best);
}

/* --- the field in the object ------------------------------------------------------------------ */

/* `name="a",protocol="TCP"` of an item that a list is keyed by. */
static bool matches_keys(const struct skf_node *item, const char *keys)
{
    skf_autostrv struct skf_strv each = SKF_STRV_INIT;
    skf_strv_split(&each, keys, ",");
    for (size_t i = 0; i < each.n; i++) {
        char *value = strchr(each.v[i], '=');
        if (!value)
            return false;
        *value++ = '\0';
        size_t len = strlen(value);
        if (len > 1 && *value == '"') {
            value[len - 1] = '\0';
            value++;
        }
        /* A default that the server has put into the key need not stand in the file. */
        const char *has = skf_node_get_str(item, each.v[i]);
        if (has && strcmp(has, value) != 0)
            return false;
    }
    return true;
}

static bool is_named(const struct skf_node *item, const char *name)
{
    const char *own = skf_node_get_str(item, "name");
    if (!own)
        own = skf_node_get_str(skf_node_get(item, "metadata"), "name");
    return own && strcmp(own, name) == 0;
}

static const struct skf_node *list_item(const struct skf_node *list, const char *inside)
{
    long long index;
    if (skf_num_parse(inside, 0, 1000000, &index))
        return skf_node_item(list, (size_t)index);
    for (size_t i = 0; i < list->n; i++)
        if (strchr(inside, '=') ? matches_keys(list->items[i], inside)
                                : is_named(list->items[i], inside))
            return list->items[i];
    return NULL;
}

/* One step of the path: "name" or "[...]"; moves *path behind it. */
static char *next_step(const char **path, bool *bracket)
{
    const char *p = *path + strspn(*path, ".");
    *bracket = *p == '[';
    size_t len = 0;
    if (*bracket) {
        bool quoted = false;
        p++;
        while (p[len] && (quoted || p[len] != ']'))
            quoted ^= p[len++] == '"';
        *path = p + len + (p[len] == ']');
    } else {
        len = strcspn(p, ".[");
        *path = p + len;
    }
    return len ? skf_xstrndup(p, len) : NULL;
}

struct found {
    const struct skf_node *node, *key;
    int depth; /* steps that were found */
};

/* A key may hold dots: the longest one that is there counts. */
static const struct skf_entry *entry_of(const struct skf_node *map, const char *name,
                                        const char **path)
{
    const struct skf_entry *e = skf_node_entry(map, name);
    for (size_t i = 0; !e && i < map->n; i++) {
        const char *key = skf_node_str(map->entries[i].key);
        size_t n = key ? strlen(key) : 0, head = strlen(name);
        if (n > head && strncmp(key, name, head) == 0 && key[head] == '.' &&
            strncmp(*path, key + head, n - head) == 0) {
            *path += n - head;
            e = &map->entries[i];
        }
    }
    return e;
}

static void walk(const struct skf_node *n, const char *path, int depth, struct found *best)
{
    bool bracket;
    if (depth > best->depth || !best->node) {
        best->node = n;
        best->depth = depth;
    }
    skf_autofree char *step = next_step(&path, &bracket);
    if (!step)
        return;
    if (n->kind == SKF_SEQUENCE && !bracket) { /* a path that names no item */
        skf_autofree char *rest = skf_xasprintf("%s%s", step, path);
        for (size_t i = 0; i < n->n; i++)
            walk(n->items[i], rest, depth, best);
        return;
    }
    if (n->kind == SKF_SEQUENCE) {
        const struct skf_node *item = list_item(n, step);
        if (!item)
            return;
        best->key = NULL; /* it has none of its own */
        walk(item, path, depth + 1, best);
        return;
    }
    if (n->kind != SKF_MAPPING)
        return;
    const struct skf_entry *e = entry_of(n, step, &path);
    if (!e)
        return;
    if (depth + 1 > best->depth)
        best->key = e->key;
    walk(e->value, path, depth + 1, best);
}

const struct skf_node *skf_place_of(const struct skf_object *o, const char *field, bool at_key,
                                    struct skf_doc **doc)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    const struct skf_node *object = NULL;
    *doc = NULL;
    if (skf_file_read(o->file, MAX_MANIFEST, &text, &ignored) < 0 ||
        skf_doc_parse(o->file, text.data, text.len, doc, &ignored) < 0)
        return NULL;
    for (size_t i = 0; i < (*doc)->n_parts; i++)
        find_object((*doc)->parts[i].root, o, &object);
    struct found best = { 0 };
    if (object && field)
        walk(object, field, 0, &best);
    const struct skf_node *at = field ? best.node : object;
    /* What is missing is missing in a mapping or list: its key is easier to see than its first
     * entry. */
    if (at && best.key && (at_key || at->kind != SKF_SCALAR))
        at = best.key;
    if (!at) {
        skf_doc_free(*doc);
        *doc = NULL;
    }
    return at;
}

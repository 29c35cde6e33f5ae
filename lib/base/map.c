#include "lib/base/map.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/base/mem.h"

struct skf_map_entry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

void skf_map_release_with(struct skf_map *m, void (*drop)(void *value))
{
    struct skf_map_entry *e, *tmp;
    HASH_ITER(hh, m->head, e, tmp)
    {
        HASH_DEL(m->head, e);
        if (drop)
            drop(e->value);
        free(e);
    }
    m->head = NULL;
}

void skf_map_release(struct skf_map *m)
{
    skf_map_release_with(m, NULL);
}

static struct skf_map_entry *find(const struct skf_map *m, const char *key)
{
    struct skf_map_entry *e;
    HASH_FIND_STR(m->head, key, e);
    return e;
}

void *skf_map_put(struct skf_map *m, const char *key, void *value)
{
    struct skf_map_entry *e = find(m, key);
    if (e) {
        void *old = e->value;
        e->value = value;
        return old;
    }
    size_t len = strlen(key);
    e = skf_xcalloc(1, sizeof *e + len + 1);
    memcpy(e->key, key, len + 1);
    e->value = value;
    HASH_ADD_KEYPTR(hh, m->head, e->key, len, e);
    return NULL;
}

void *skf_map_get(const struct skf_map *m, const char *key)
{
    struct skf_map_entry *e = find(m, key);
    return e ? e->value : NULL;
}

bool skf_map_has(const struct skf_map *m, const char *key)
{
    return find(m, key) != NULL;
}

void *skf_map_del(struct skf_map *m, const char *key)
{
    struct skf_map_entry *e = find(m, key);
    if (!e)
        return NULL;
    void *value = e->value;
    HASH_DEL(m->head, e);
    free(e);
    return value;
}

size_t skf_map_count(const struct skf_map *m)
{
    return HASH_COUNT(m->head);
}

static struct skf_map_iter at(struct skf_map_entry *e)
{
    struct skf_map_iter it = { 0 };
    if (e) {
        it.key = e->key;
        it.value = e->value;
        it.next = e->hh.next;
    }
    return it;
}

struct skf_map_iter skf_map_first(const struct skf_map *m)
{
    return at(m->head);
}

void skf_map_next(struct skf_map_iter *it)
{
    *it = at(it->next);
}

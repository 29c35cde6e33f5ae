/* lib/base/map.h: a hash map from strings to pointers, over uthash. Keys are copied; values are
 * borrowed (the owner frees them). Iteration is in order of insertion. */
#ifndef SKF_BASE_MAP_H
#define SKF_BASE_MAP_H
#include <stdbool.h>
#include <stddef.h>

struct skf_map_entry;
struct skf_map {
    struct skf_map_entry *head;
};
#define SKF_MAP_INIT                                                                               \
    {                                                                                              \
        NULL                                                                                       \
    }

void skf_map_release(struct skf_map *m);
/* Also calls `drop` with each value; drop may be `free`. */
void skf_map_release_with(struct skf_map *m, void (*drop)(void *value));
/* Sets or replaces; returns the old value or NULL. */
void *skf_map_put(struct skf_map *m, const char *key, void *value);
void *skf_map_get(const struct skf_map *m, const char *key);
bool skf_map_has(const struct skf_map *m, const char *key);
/* Removes; returns the value or NULL. */
void *skf_map_del(struct skf_map *m, const char *key);
size_t skf_map_count(const struct skf_map *m);

struct skf_map_iter {
    const char *key; /* valid until the entry is removed */
    void *value;
    struct skf_map_entry *next;
};
/* for (struct skf_map_iter it = skf_map_first(&m); it.key; skf_map_next(&it)) ...
 * Removing the entry that `it` is at is allowed. */
struct skf_map_iter skf_map_first(const struct skf_map *m);
void skf_map_next(struct skf_map_iter *it);
#endif

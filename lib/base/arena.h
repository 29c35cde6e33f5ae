/* lib/base/arena.h: memory that is dropped as a whole. The parsed config lives in one. */
#ifndef SKF_BASE_ARENA_H
#define SKF_BASE_ARENA_H
#include <stddef.h>

struct skf_arena_block;
struct skf_arena {
    struct skf_arena_block *head;
};
#define SKF_ARENA_INIT                                                                             \
    {                                                                                              \
        NULL                                                                                       \
    }

void skf_arena_release(struct skf_arena *a);
/* Zeroed, aligned for any type. */
void *skf_arena_alloc(struct skf_arena *a, size_t size);
/* n * size, checked. */
void *skf_arena_calloc(struct skf_arena *a, size_t n, size_t size);
char *skf_arena_strdup(struct skf_arena *a, const char *s);
char *skf_arena_strndup(struct skf_arena *a, const char *s, size_t n);
char *skf_arena_printf(struct skf_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#endif

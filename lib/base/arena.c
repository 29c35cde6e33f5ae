#include "lib/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct skf_arena_block {
    struct skf_arena_block *next;
    size_t used, cap;
    alignas(max_align_t) char data[];
};

enum { BLOCK_SIZE = 16 * 1024 };

void skf_arena_release(struct skf_arena *a)
{
    struct skf_arena_block *b = a->head;
    while (b) {
        struct skf_arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->head = NULL;
}

void *skf_arena_alloc(struct skf_arena *a, size_t size)
{
    size_t step = alignof(max_align_t);
    if (size > (size_t)-1 - BLOCK_SIZE)
        abort();
    size = (size + step - 1) / step * step;
    struct skf_arena_block *b = a->head;
    if (!b || b->cap - b->used < size) {
        size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        b = skf_xcalloc(1, sizeof *b + cap);
        b->cap = cap;
        if (a->head && size > BLOCK_SIZE) { /* a large one of its own: keep filling the current */
            b->next = a->head->next;
            a->head->next = b;
        } else {
            b->next = a->head;
            a->head = b;
        }
    }
    void *p = b->data + b->used;
    b->used += size;
    return p;
}

void *skf_arena_calloc(struct skf_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        abort();
    return skf_arena_alloc(a, bytes);
}

char *skf_arena_strndup(struct skf_arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = skf_arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *skf_arena_strdup(struct skf_arena *a, const char *s)
{
    return skf_arena_strndup(a, s, strlen(s));
}

char *skf_arena_printf(struct skf_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *out = skf_arena_alloc(a, (size_t)n + 1);
    vsnprintf(out, (size_t)n + 1, fmt, again);
    va_end(again);
    return out;
}

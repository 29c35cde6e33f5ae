/* lib/base/mem.h: allocation. Our own small allocations end the program when memory is out; what
 * input can size has a stated cap where it is read. */
#ifndef SKF_BASE_MEM_H
#define SKF_BASE_MEM_H
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *skf_xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *skf_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *skf_xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
/* Grows an array of `n` elements of `size` bytes; checks the product. */
void *skf_xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *skf_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* NULL stays NULL. */
char *skf_xstrdup_null(const char *s);
char *skf_xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *skf_xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *skf_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *skf_xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
/* Frees *slot and puts `owned` there. */
void skf_replace(char **slot, char *owned);

/* Cleanup attributes for blocking code. */
static inline void skf_free_ptr(void *p)
{
    free(*(void **)p);
}
static inline void skf_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define skf_autofree __attribute__((cleanup(skf_free_ptr)))
#define skf_autoclose __attribute__((cleanup(skf_close_fd)))
/* Hands an owned pointer over: the variable becomes NULL. */
#define skf_take(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(*(p)) skf_taken_ = *(p);                                                        \
        *(p) = NULL;                                                                               \
        skf_taken_;                                                                                \
    })

#define SKF_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define SKF_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#endif

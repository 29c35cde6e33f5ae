#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *must(void *p)
{
    if (!p) {
        static const char text[] = "skiff: out of memory\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
        abort();
    }
    return p;
}

void *skf_xmalloc(size_t size)
{
    return must(malloc(size ? size : 1));
}

void *skf_xcalloc(size_t n, size_t size)
{
    return must(n && size ? calloc(n, size) : calloc(1, 1));
}

void *skf_xrealloc(void *p, size_t size)
{
    return must(realloc(p, size ? size : 1));
}

void *skf_xreallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        bytes = SIZE_MAX; /* realloc refuses it */
    return skf_xrealloc(p, bytes);
}

char *skf_xstrdup(const char *s)
{
    return must(strdup(s));
}

char *skf_xstrdup_null(const char *s)
{
    return s ? skf_xstrdup(s) : NULL;
}

char *skf_xstrndup(const char *s, size_t n)
{
    return must(strndup(s, n));
}

void *skf_xmemdup(const void *p, size_t n)
{
    void *copy = skf_xmalloc(n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *skf_xvasprintf(const char *fmt, va_list ap)
{
    char *out = NULL;
    int n = vasprintf(&out, fmt, ap);
    return must(n < 0 ? NULL : out);
}

char *skf_xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *out = skf_xvasprintf(fmt, ap);
    va_end(ap);
    return out;
}

void skf_replace(char **slot, char *owned)
{
    free(*slot);
    *slot = owned;
}

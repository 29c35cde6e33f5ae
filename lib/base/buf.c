#include "lib/base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

char skf_buf_empty[1];

void skf_buf_init(struct skf_buf *b)
{
    *b = (struct skf_buf)SKF_BUF_INIT;
}

void skf_buf_release(struct skf_buf *b)
{
    if (b->cap)
        free(b->data);
    skf_buf_init(b);
}

void skf_buf_clear(struct skf_buf *b)
{
    b->len = 0;
    if (b->cap)
        b->data[0] = '\0';
}

void skf_buf_reserve(struct skf_buf *b, size_t extra)
{
    size_t need;
    if (__builtin_add_overflow(b->len, extra, &need) || __builtin_add_overflow(need, 1, &need))
        abort();
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap + b->cap / 2 : 64;
    if (cap < need)
        cap = need;
    b->data = b->cap ? skf_xrealloc(b->data, cap) : skf_xmalloc(cap);
    if (!b->cap)
        b->data[0] = '\0';
    b->cap = cap;
}

void skf_buf_add(struct skf_buf *b, const void *data, size_t len)
{
    if (!len)
        return;
    const char *from = data;
    if (b->cap && from >= b->data && from <= b->data + b->len) {
        /* Bytes of its own: they move when it grows. */
        size_t at = (size_t)(from - b->data);
        skf_buf_reserve(b, len);
        data = b->data + at;
    } else {
        skf_buf_reserve(b, len);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void skf_buf_adds(struct skf_buf *b, const char *s)
{
    skf_buf_add(b, s, strlen(s));
}

void skf_buf_addc(struct skf_buf *b, char c)
{
    skf_buf_add(b, &c, 1);
}

void skf_buf_addv(struct skf_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    assert(n >= 0);
    skf_buf_reserve(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    va_end(again);
    b->len += (size_t)n;
}

void skf_buf_addf(struct skf_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_buf_addv(b, fmt, ap);
    va_end(ap);
}

void skf_buf_drop(struct skf_buf *b, size_t n)
{
    assert(n <= b->len);
    if (!n)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

void skf_buf_cut(struct skf_buf *b, size_t n)
{
    assert(n <= b->len);
    b->len = n;
    if (b->cap)
        b->data[n] = '\0';
}

void skf_buf_trim(struct skf_buf *b)
{
    size_t n = b->len;
    while (n && strchr(" \t\r\n", b->data[n - 1]) && b->data[n - 1])
        n--;
    skf_buf_cut(b, n);
}

void skf_buf_swap(struct skf_buf *a, struct skf_buf *b)
{
    struct skf_buf t = *a;
    *a = *b;
    *b = t;
}

char *skf_buf_take(struct skf_buf *b)
{
    char *data = b->cap ? b->data : skf_xstrdup("");
    skf_buf_init(b);
    return data;
}

ssize_t skf_buf_read(struct skf_buf *b, int fd, size_t max)
{
    skf_buf_reserve(b, max);
    ssize_t n;
    do {
        n = read(fd, b->data + b->len, max);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        b->len += (size_t)n;
    b->data[b->len] = '\0';
    return n;
}

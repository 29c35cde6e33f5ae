#include "lib/base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

void skf_strv_clear(struct skf_strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    s->n = 0;
    if (s->v)
        s->v[0] = NULL;
}

void skf_strv_release(struct skf_strv *s)
{
    skf_strv_clear(s);
    skf_vec_release(s);
}

void skf_strv_take(struct skf_strv *s, char *owned)
{
    skf_vec_reserve(s, 2);
    s->v[s->n++] = owned;
    s->v[s->n] = NULL;
}

void skf_strv_add(struct skf_strv *s, const char *text)
{
    skf_strv_take(s, skf_xstrdup(text));
}

void skf_strv_addn(struct skf_strv *s, const char *text, size_t len)
{
    skf_strv_take(s, skf_xstrndup(text, len));
}

void skf_strv_addf(struct skf_strv *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_strv_take(s, skf_xvasprintf(fmt, ap));
    va_end(ap);
}

void skf_strv_addv(struct skf_strv *s, const struct skf_strv *more)
{
    size_t n = more->n; /* before: `more` may be `s` */
    for (size_t i = 0; i < n; i++)
        skf_strv_add(s, more->v[i]);
}

bool skf_strv_has(const struct skf_strv *s, const char *text)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i], text) == 0)
            return true;
    return false;
}

bool skf_strv_equal(const struct skf_strv *a, const struct skf_strv *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    return true;
}

void skf_strv_remove(struct skf_strv *s, size_t i)
{
    free(s->v[i]);
    skf_vec_remove(s, i);
    s->v[s->n] = NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void skf_strv_sort(struct skf_strv *s)
{
    if (s->n > 1)
        qsort(s->v, s->n, sizeof *s->v, compare);
}

void skf_strv_uniq(struct skf_strv *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (kept && strcmp(s->v[kept - 1], s->v[i]) == 0)
            free(s->v[i]);
        else
            s->v[kept++] = s->v[i];
    }
    s->n = kept;
    if (s->v)
        s->v[kept] = NULL;
}

long skf_strv_find_sorted(const struct skf_strv *s, const char *text)
{
    if (!s->n)
        return -1;
    char **hit = bsearch(&text, s->v, s->n, sizeof *s->v, compare);
    return hit ? (long)(hit - s->v) : -1;
}

void skf_strv_split(struct skf_strv *s, const char *text, const char *seps)
{
    while (*text) {
        text += strspn(text, seps);
        size_t len = strcspn(text, seps);
        if (len)
            skf_strv_addn(s, text, len);
        text += len;
    }
}

char *skf_strv_join(const struct skf_strv *s, const char *sep)
{
    struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < s->n; i++) {
        if (i)
            skf_buf_adds(&b, sep);
        skf_buf_adds(&b, s->v[i]);
    }
    return skf_buf_take(&b);
}

void skf_strv_swap(struct skf_strv *a, struct skf_strv *b)
{
    struct skf_strv t = *a;
    *a = *b;
    *b = t;
}

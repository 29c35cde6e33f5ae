/* lib/base/vec.h: typed growable arrays, and a list of owned strings that is always a valid argv.
 */
#ifndef SKF_BASE_VEC_H
#define SKF_BASE_VEC_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/mem.h"

/* struct { SKF_VEC(struct thing) things; }  ->  things.v[i], things.n */
#define SKF_VEC(type)                                                                              \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }

#define skf_vec_reserve(vec, extra)                                                                \
    do {                                                                                           \
        size_t skf_need_ = (vec)->n + (extra);                                                     \
        if (skf_need_ > (vec)->cap) {                                                              \
            (vec)->cap = (vec)->cap * 2 > skf_need_ ? (vec)->cap * 2                               \
                         : skf_need_ < 8            ? 8                                            \
                                                    : skf_need_;                                              \
            (vec)->v = skf_xreallocarray((vec)->v, (vec)->cap, sizeof *(vec)->v);                  \
        }                                                                                          \
    } while (0)
#define skf_vec_push(vec, ...)                                                                     \
    do {                                                                                           \
        skf_vec_reserve((vec), 1);                                                                 \
        (vec)->v[(vec)->n++] = (__VA_ARGS__);                                                      \
    } while (0)
/* Removes element i; the order of the rest stays. */
#define skf_vec_remove(vec, i)                                                                     \
    do {                                                                                           \
        size_t skf_i_ = (i);                                                                       \
        __builtin_memmove(&(vec)->v[skf_i_], &(vec)->v[skf_i_ + 1],                                \
                          ((vec)->n - skf_i_ - 1) * sizeof *(vec)->v);                             \
        (vec)->n--;                                                                                \
    } while (0)
/* Frees the array, not what the elements own. */
#define skf_vec_release(vec)                                                                       \
    do {                                                                                           \
        free((vec)->v);                                                                            \
        (vec)->v = NULL;                                                                           \
        (vec)->n = (vec)->cap = 0;                                                                 \
    } while (0)

/* Owned strings. `v` is NULL while empty and never touched; else v[n] is NULL. */
struct skf_strv {
    char **v;
    size_t n, cap;
};
#define SKF_STRV_INIT                                                                              \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void skf_strv_release(struct skf_strv *s);
void skf_strv_clear(struct skf_strv *s);
void skf_strv_add(struct skf_strv *s, const char *text);
void skf_strv_addn(struct skf_strv *s, const char *text, size_t len);
void skf_strv_addf(struct skf_strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skf_strv_take(struct skf_strv *s, char *owned);
void skf_strv_addv(struct skf_strv *s, const struct skf_strv *more);
bool skf_strv_has(const struct skf_strv *s, const char *text);
bool skf_strv_equal(const struct skf_strv *a, const struct skf_strv *b);
void skf_strv_remove(struct skf_strv *s, size_t i);
void skf_strv_sort(struct skf_strv *s); /* bytewise */
void skf_strv_uniq(struct skf_strv *s); /* after sort */
/* Index in a sorted list, or -1. */
long skf_strv_find_sorted(const struct skf_strv *s, const char *text);
/* Splits at any of the characters in `seps`; empty parts are dropped. */
void skf_strv_split(struct skf_strv *s, const char *text, const char *seps);
char *skf_strv_join(const struct skf_strv *s, const char *sep);
void skf_strv_swap(struct skf_strv *a, struct skf_strv *b);
#define skf_autostrv __attribute__((cleanup(skf_strv_release)))
#endif

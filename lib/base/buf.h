/* lib/base/buf.h: a growable run of bytes. Always NUL-terminated behind `len`, so `data` is also a
 * C string when the content has no NUL of its own. */
#ifndef SKF_BASE_BUF_H
#define SKF_BASE_BUF_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct skf_buf {
    char *data; /* never NULL for reading: points at an empty string when nothing is held */
    size_t len;
    size_t cap; /* 0 = data is not owned */
};
extern char skf_buf_empty[1];
#define SKF_BUF_INIT                                                                               \
    {                                                                                              \
        skf_buf_empty, 0, 0                                                                        \
    }

void skf_buf_init(struct skf_buf *b);
void skf_buf_release(struct skf_buf *b); /* frees; usable again afterwards */
void skf_buf_clear(struct skf_buf *b);   /* len = 0, keeps the memory */
void skf_buf_reserve(struct skf_buf *b, size_t extra);
void skf_buf_add(struct skf_buf *b, const void *data, size_t len);
void skf_buf_adds(struct skf_buf *b, const char *s);
void skf_buf_addc(struct skf_buf *b, char c);
void skf_buf_addf(struct skf_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skf_buf_addv(struct skf_buf *b, const char *fmt, va_list ap);
/* Removes the first n bytes. */
void skf_buf_drop(struct skf_buf *b, size_t n);
/* Cuts to len n; n <= len. */
void skf_buf_cut(struct skf_buf *b, size_t n);
/* Removes blanks and line ends from the end. */
void skf_buf_trim(struct skf_buf *b);
void skf_buf_swap(struct skf_buf *a, struct skf_buf *b);
/* Hands the bytes over to the caller, NUL-terminated, to be freed with free(); b is empty after. */
char *skf_buf_take(struct skf_buf *b);
/* Appends what one read(2) of up to `max` bytes gives; retries on EINTR. Returns as read does. */
ssize_t skf_buf_read(struct skf_buf *b, int fd, size_t max);
#define skf_autobuf __attribute__((cleanup(skf_buf_release)))
#endif

/* lib/base/err.h: the error value. No owner: copies by assignment, fits inside a request struct. */
#ifndef SKF_BASE_ERR_H
#define SKF_BASE_ERR_H
#include <stdarg.h>

/* A code exists when some caller branches on it, or when it decides the exit code. */
enum skf_code {
    SKF_OK = 0,
    SKF_EINVAL,       /* a value that the user gave makes no sense */
    SKF_ENOTFOUND,    /* file, program, image, object: not there */
    SKF_EEXIST,       /* already there */
    SKF_EDENIED,      /* permission or credentials */
    SKF_ETIMEDOUT,    /* a stated time limit has passed */
    SKF_ECANCELED,    /* somebody asked us to stop */
    SKF_ECHILD,       /* a child process failed; `sys` is its exit status, or 128 + signal */
    SKF_ECONFIG,      /* skaffold.yaml and friends; file:line:col are set where known */
    SKF_EUNSUPPORTED, /* understood, and not done by skiff */
    SKF_ENET,         /* cannot reach, connection lost, TLS */
    SKF_EPROTO,       /* the other side answered nonsense, or a digest does not match */
    SKF_ETOOBIG,      /* over a stated limit */
    SKF_EIO,          /* operating system refused; `sys` is errno */
    SKF_EUSAGE,       /* command line */
    SKF_EBUILD,       /* the user's code does not build */
    SKF_ESTATUS,      /* deployed, and it does not become ready */
    SKF_EBUG,         /* our own mistake */
};

struct skf_err {
    enum skf_code code;
    int sys;
    int line, col; /* 1-based; 0 = unknown */
    char file[256];
    char msg[1024];
};

#define SKF_ERR_INIT                                                                               \
    {                                                                                              \
        SKF_OK, 0, 0, 0, "", ""                                                                    \
    }

/* Each of these returns -code, so that `return skf_err_set(...)` reads well. `err` is never NULL.
 * Texts: lower case, problem first, subject in single quotes, no full stop. */
int skf_err_set(struct skf_err *err, enum skf_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int skf_err_setv(struct skf_err *err, enum skf_code code, const char *fmt, va_list ap);
/* Text, then ": " and strerror(errnum). ENOENT, EACCES and ENOSPC etc. map to their codes. */
int skf_err_errno(struct skf_err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* libuv's negative error numbers. */
int skf_err_uv(struct skf_err *err, int uv_status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "TEXT: " before the message; keeps code and position. */
int skf_err_wrap(struct skf_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says where; line and col are 1-based, 0 = unknown. Only fills a position that is not yet set. */
int skf_err_at(struct skf_err *err, const char *file, int line, int col);
/* "file:line:col: msg" with the parts that are known, into `out`. */
void skf_err_format(const struct skf_err *err, char *out, unsigned long out_size);
void skf_err_clear(struct skf_err *err);
#endif

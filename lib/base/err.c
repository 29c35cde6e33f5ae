#include "lib/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int skf_err_setv(struct skf_err *err, enum skf_code code, const char *fmt, va_list ap)
{
    /* Not straight into err: an argument may be err->msg itself. */
    char text[sizeof err->msg];
    assert(code != SKF_OK);
    vsnprintf(text, sizeof text, fmt, ap);
    err->code = code;
    err->sys = 0;
    err->line = err->col = 0;
    err->file[0] = '\0';
    memcpy(err->msg, text, strlen(text) + 1);
    return -(int)code;
}

int skf_err_set(struct skf_err *err, enum skf_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_err_setv(err, code, fmt, ap);
    va_end(ap);
    return -(int)code;
}

static enum skf_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return SKF_ENOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return SKF_EDENIED;
    case EEXIST:
        return SKF_EEXIST;
    case ETIMEDOUT:
        return SKF_ETIMEDOUT;
    case ECANCELED:
        return SKF_ECANCELED;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
        return SKF_ENET;
    default:
        return SKF_EIO;
    }
}

static void append_reason(struct skf_err *err, int errnum)
{
    char reason[128];
    /* GNU strerror_r: may or may not use the buffer; never a shared one. */
    const char *text = strerror_r(errnum, reason, sizeof reason);
    size_t len = strlen(err->msg);
    size_t room = sizeof err->msg - sizeof reason - 2; /* a long name must not cost the reason */
    if (len > room) {
        len = room;
        memcpy(err->msg + len - 3, "...", 3);
    }
    snprintf(err->msg + len, sizeof err->msg - len, ": %s", text);
    for (char *p = err->msg + len + 2; *p >= 'A' && *p <= 'Z'; p++) {
        /* "No such file" reads "no such file" in the middle of a sentence; "I/O error" stays. */
        if (p[1] < 'a' || p[1] > 'z')
            break;
        *p = (char)(*p - 'A' + 'a');
    }
    err->sys = errnum;
}

int skf_err_errno(struct skf_err *err, int errnum, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_err_setv(err, code_of_errno(errnum), fmt, ap);
    va_end(ap);
    append_reason(err, errnum);
    return -(int)err->code;
}

int skf_err_uv(struct skf_err *err, int uv_status, const char *fmt, ...)
{
    /* On Unix libuv's errors are negated errno values, but for a few above 3000. */
    int errnum = uv_status < 0 && uv_status > -3000 ? -uv_status : EIO;
    va_list ap;
    va_start(ap, fmt);
    skf_err_setv(err, code_of_errno(errnum), fmt, ap);
    va_end(ap);
    append_reason(err, errnum);
    return -(int)err->code;
}

int skf_err_wrap(struct skf_err *err, const char *fmt, ...)
{
    char text[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (len >= 0 && (size_t)len < sizeof text)
        snprintf(text + len, sizeof text - (size_t)len, ": %s", err->msg);
    memcpy(err->msg, text, strlen(text) + 1);
    return -(int)err->code;
}

int skf_err_at(struct skf_err *err, const char *file, int line, int col)
{
    if (!err->file[0] && file)
        snprintf(err->file, sizeof err->file, "%s", file);
    if (!err->line) {
        err->line = line;
        err->col = col;
    }
    return -(int)err->code;
}

void skf_err_format(const struct skf_err *err, char *out, unsigned long out_size)
{
    if (err->file[0] && err->line && err->col)
        snprintf(out, out_size, "%s:%d:%d: %s", err->file, err->line, err->col, err->msg);
    else if (err->file[0] && err->line)
        snprintf(out, out_size, "%s:%d: %s", err->file, err->line, err->msg);
    else if (err->file[0])
        snprintf(out, out_size, "%s: %s", err->file, err->msg);
    else
        snprintf(out, out_size, "%s", err->msg);
}

void skf_err_clear(struct skf_err *err)
{
    memset(err, 0, sizeof *err);
}

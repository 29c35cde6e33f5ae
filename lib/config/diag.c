/* lib/config/diag.c: findings in files, and how people and programs see them. */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/load.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

/* Enough to see what is wrong with a file; a generated one must not fill the screen. */
enum { MAX_DIAGNOSTICS = 100, MAX_SOURCE = 160 };

void skf_diagnostics_release(struct skf_diagnostics *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->v[i].file);
        free(d->v[i].message);
        free(d->v[i].hint);
        free(d->v[i].source);
    }
    free(d->v);
    *d = (struct skf_diagnostics)SKF_DIAGNOSTICS_INIT;
}

bool skf_diagnostics_failed(const struct skf_diagnostics *d)
{
    for (size_t i = 0; i < d->n; i++) {
        if (!d->v[i].warning)
            return true;
    }
    return false;
}

/* Takes over message; the list is in order of file and line so that it reads like the file. */
static void add(struct skf_diagnostics *d, bool warning, const char *file, int line, int col,
                const struct skf_doc *doc, const char *hint, char *message)
{
    size_t at = d->n;
    for (size_t i = 0; i < d->n; i++) {
        const struct skf_diagnostic *x = &d->v[i];
        bool same_file = strcmp(x->file, file) == 0;
        if (same_file && x->line == line && x->col == col && strcmp(x->message, message) == 0) {
            free(message);
            return;
        }
        if (same_file && at == d->n && line &&
            (x->line > line || (x->line == line && x->col > col)))
            at = i;
    }
    if (d->n >= MAX_DIAGNOSTICS) {
        free(message);
        return;
    }
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 8;
        d->v = skf_xreallocarray(d->v, d->cap, sizeof *d->v);
    }
    memmove(&d->v[at + 1], &d->v[at], (d->n - at) * sizeof *d->v);
    d->n++;
    struct skf_diagnostic *x = &d->v[at];
    *x = (struct skf_diagnostic){ .file = skf_xstrdup(file),
                                  .line = line,
                                  .col = col,
                                  .message = message,
                                  .hint = skf_xstrdup_null(hint),
                                  .warning = warning || d->soften };
    size_t len;
    const char *source = doc && line ? skf_doc_line(doc, line, &len) : NULL;
    if (source)
        x->source = skf_xstrndup(source, len);
}

void skf_diagnostic_add(struct skf_diagnostics *d, bool warning, const struct skf_node *at,
                        const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = skf_xvasprintf(fmt, ap);
    va_end(ap);
    const struct skf_doc *doc = at ? at->doc : NULL;
    add(d, warning, doc ? doc->file : "", at ? at->line : 0, at ? at->col : 0, doc, hint, text);
}

void skf_diagnostic_add_err(struct skf_diagnostics *d, const struct skf_doc *doc,
                            const struct skf_err *err, const char *hint)
{
    add(d, false, err->file, err->line, err->col, doc, hint, skf_xstrdup(err->msg));
}

/* The part of a long line around the column; *col becomes the column within it. */
static void source_window(const char *source, int *col, const char **from, size_t *len)
{
    size_t at = 0;
    for (int c = 1; c < *col && source[at]; c++) {
        do
            at++;
        while (((unsigned char)source[at] & 0xc0) == 0x80);
    }
    size_t start = at > MAX_SOURCE / 2 ? at - MAX_SOURCE / 2 : 0;
    if (strlen(source) <= MAX_SOURCE)
        start = 0;
    while (((unsigned char)source[start] & 0xc0) == 0x80)
        start++;
    for (size_t i = 0; i < start; i++)
        *col -= ((unsigned char)source[i] & 0xc0) != 0x80;
    *from = source + start;
    *len = strnlen(*from, MAX_SOURCE);
    while (*len && ((unsigned char)(*from)[*len] & 0xc0) == 0x80)
        --*len;
}

void skf_diagnostic_format(const struct skf_diagnostic *d, bool color, struct skf_buf *out)
{
    const char *bold = color ? "\033[1m" : "", *off = color ? "\033[0m" : "";
    const char *hue = !color ? "" : d->warning ? "\033[33m" : "\033[31m";
    if (d->file[0]) {
        skf_buf_addf(out, "%s%s", bold, d->file);
        if (d->line)
            skf_buf_addf(out, ":%d", d->line);
        if (d->line && d->col)
            skf_buf_addf(out, ":%d", d->col);
        skf_buf_addf(out, ":%s ", off);
    }
    skf_buf_addf(out, "%s%s:%s %s\n", hue, d->warning ? "warning" : "error", off, d->message);
    if (d->source && d->col) {
        int col = d->col;
        const char *from;
        size_t len;
        source_window(d->source, &col, &from, &len);
        skf_buf_adds(out, "  ");
        for (size_t i = 0; i < len; i++)
            skf_buf_addc(out, (unsigned char)from[i] < 0x20 && from[i] != '\t' ? '?' : from[i]);
        skf_buf_adds(out, "\n  ");
        size_t i = 0;
        for (int c = 1; c < col; c++) {
            skf_buf_addc(out, i < len && from[i] == '\t' ? '\t' : ' ');
            do
                i++;
            while (i < len && ((unsigned char)from[i] & 0xc0) == 0x80);
        }
        skf_buf_addf(out, "%s^%s\n", hue, off);
    }
    if (d->hint)
        skf_buf_addf(out, "  hint: %s\n", d->hint);
}

static void json_member(struct skf_buf *out, const char *name, const char *text)
{
    skf_buf_addf(out, ", \"%s\": ", name);
    skf_emit_json_string(text, strlen(text), out);
}

void skf_diagnostics_json(const struct skf_diagnostics *d, struct skf_buf *out)
{
    skf_buf_adds(out, "[");
    for (size_t i = 0; i < d->n; i++) {
        const struct skf_diagnostic *x = &d->v[i];
        skf_buf_addf(out, "%s\n  {\"severity\": \"%s\"", i ? "," : "",
                     x->warning ? "warning" : "error");
        if (x->file[0])
            json_member(out, "file", x->file);
        if (x->line)
            skf_buf_addf(out, ", \"line\": %d, \"column\": %d", x->line, x->col);
        json_member(out, "message", x->message);
        if (x->hint)
            json_member(out, "hint", x->hint);
        skf_buf_addc(out, '}');
    }
    skf_buf_adds(out, d->n ? "\n]\n" : "]\n");
}

void skf_diagnostics_err(const struct skf_diagnostics *d, struct skf_err *err)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct skf_diagnostic *x = &d->v[i];
        if (x->warning)
            continue;
        skf_err_clear(err);
        skf_err_set(err, SKF_ECONFIG, "%s", x->message);
        skf_err_at(err, x->file[0] ? x->file : NULL, x->line, x->col);
        return;
    }
}

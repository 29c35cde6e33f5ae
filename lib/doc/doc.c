#include "lib/doc/doc.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/internal.h"

struct skf_part *skf_doc_add_part(struct skf_doc *d)
{
    d->parts = skf_xreallocarray(d->parts, d->n_parts + 1, sizeof *d->parts);
    struct skf_part *p = &d->parts[d->n_parts++];
    memset(p, 0, sizeof *p);
    return p;
}

void skf_doc_free(struct skf_doc *d)
{
    if (!d)
        return;
    skf_arena_release(&d->arena);
    free(d->parts);
    free(d->dups);
    free(d->text);
    free(d->file);
    free(d);
}

struct skf_doc *skf_doc_new(const char *file)
{
    struct skf_doc *d = skf_xcalloc(1, sizeof *d);
    d->file = skf_xstrdup(file ? file : "");
    d->text = skf_xstrdup("");
    return d;
}

/* The first byte that is not UTF-8 (overlong forms and surrogates included), or len. */
static size_t utf8_end(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        size_t more = s[i] >= 0xc2 && s[i] <= 0xdf   ? 1
                      : s[i] >= 0xe0 && s[i] <= 0xef ? 2
                      : s[i] >= 0xf0 && s[i] <= 0xf4 ? 3
                                                     : 0;
        if (!more || len - i <= more)
            return i;
        for (size_t k = 1; k <= more; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return i;
        }
        if ((s[i] == 0xe0 && s[i + 1] < 0xa0) || (s[i] == 0xed && s[i + 1] > 0x9f) ||
            (s[i] == 0xf0 && s[i + 1] < 0x90) || (s[i] == 0xf4 && s[i + 1] > 0x8f))
            return i;
        i += more + 1;
    }
    return len;
}

void skf_doc_locate(const struct skf_doc *d, size_t offset, int *line, int *col)
{
    *line = 1;
    *col = 1;
    size_t at = d->len >= 3 && memcmp(d->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (; at < offset && at < d->len; at++) {
        if (d->text[at] == '\n') {
            ++*line;
            *col = 1;
        } else if (((unsigned char)d->text[at] & 0xc0) != 0x80) {
            ++*col;
        }
    }
}

const char *skf_doc_line(const struct skf_doc *d, int line, size_t *len)
{
    const char *p = d->text;
    const char *end = d->text + d->len;
    if (line < 1)
        return NULL;
    if (d->len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    for (; line > 1; line--) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (!p)
            return NULL;
        p++;
    }
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    *len = (size_t)((stop ? stop : end) - p);
    if (*len && p[*len - 1] == '\r')
        --*len;
    return p;
}

int skf_doc_check_dups(const struct skf_doc *d, struct skf_err *err)
{
    if (!d->n_dups)
        return 0;
    const struct skf_dup *dup = &d->dups[0];
    return skf_node_err(err, dup->second, SKF_ECONFIG, "the key '%s' stands here and in line %d",
                        dup->second->text, dup->first->line);
}

static int check_text(const struct skf_doc *d, struct skf_err *err)
{
    const unsigned char *s = (const unsigned char *)d->text;
    if (d->len >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff))) {
        skf_err_set(err, SKF_ECONFIG, "the file is UTF-16: save it as UTF-8");
        return skf_err_at(err, d->file, 1, 1);
    }
    size_t bad = utf8_end(d->text, d->len);
    const char *nul = memchr(d->text, '\0', d->len);
    if (nul && (size_t)(nul - d->text) < bad)
        bad = (size_t)(nul - d->text);
    if (bad == d->len)
        return 0;
    int line, col;
    skf_doc_locate(d, bad, &line, &col);
    if (nul == d->text + bad)
        skf_err_set(err, SKF_ECONFIG, "the file has a NUL byte: is it binary, or UTF-16?");
    else
        skf_err_set(err, SKF_ECONFIG, "byte 0x%02x is not valid UTF-8: save the file as UTF-8",
                    s[bad]);
    return skf_err_at(err, d->file, line, col);
}

/* A lone CR, NEL, LS, PS: line ends to YAML 1.1, not to editors. A byte order mark inside: no
 * column. */
static bool has_odd_breaks(const struct skf_doc *d)
{
    for (size_t i = 0; i < d->len; i++) {
        const unsigned char *s = (const unsigned char *)d->text + i;
        if ((s[0] == '\r' && s[1] != '\n') || (s[0] == 0xc2 && s[1] == 0x85) ||
            (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)) ||
            (i && s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf))
            return true;
    }
    return false;
}

/* Text that begins like a JSON object or list is worth a try as JSON. */
static bool looks_like_json(const struct skf_doc *d, size_t at)
{
    at += strspn(d->text + at, " \t\r\n");
    return d->text[at] == '{' || d->text[at] == '[';
}

static void drop_tree(struct skf_doc *d)
{
    skf_arena_release(&d->arena);
    free(d->parts);
    free(d->dups);
    d->parts = NULL;
    d->dups = NULL;
    d->n_parts = d->n_dups = 0;
}

static int parse(const char *file, const char *text, size_t len, bool json_only,
                 struct skf_doc **out, struct skf_err *err)
{
    if (len > SKF_DOC_MAX_BYTES) {
        skf_err_set(err, SKF_ETOOBIG, "the text has %zu bytes, more than the limit of %d MB", len,
                    SKF_DOC_MAX_BYTES / (1024 * 1024));
        return skf_err_at(err, file, 0, 0);
    }
    struct skf_doc *d = skf_xcalloc(1, sizeof *d);
    d->file = skf_xstrdup(file ? file : "");
    d->text = skf_xmalloc(len + 1);
    if (len)
        memcpy(d->text, text, len);
    d->text[len] = '\0';
    d->len = len;
    size_t at = len >= 3 && memcmp(d->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int rc = check_text(d, err);
    if (rc == 0 && json_only) {
        rc = skf_doc_read_json(d, at, err);
    } else if (rc == 0) {
        struct skf_err not_json = SKF_ERR_INIT;
        if (looks_like_json(d, at) && skf_doc_read_json(d, at, &not_json) == 0) {
            rc = 0;
        } else {
            drop_tree(d);
            rc = skf_doc_read_yaml(d, at, err);
        }
    }
    if (rc) {
        skf_doc_free(d);
        return rc;
    }
    d->odd_breaks = !d->json && has_odd_breaks(d);
    *out = d;
    return 0;
}

int skf_doc_parse(const char *file, const char *text, size_t len, struct skf_doc **out,
                  struct skf_err *err)
{
    return parse(file, text, len, false, out, err);
}

int skf_doc_parse_json(const char *file, const char *text, size_t len, struct skf_doc **out,
                       struct skf_err *err)
{
    return parse(file, text, len, true, out, err);
}

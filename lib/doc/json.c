/* lib/doc/json.c: a JSON reader that keeps positions (jansson has none for values). Strict RFC
 * 8259. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/internal.h"

struct reader {
    struct skf_doc *d;
    size_t at;
    size_t line_start; /* byte where the current line starts, for columns */
    size_t extra;      /* bytes of the line so far that are not characters of their own */
    int line;
    size_t n_nodes;
    struct skf_err *err;
};

static int here_col(const struct reader *r)
{
    return (int)(r->at - r->line_start - r->extra) + 1;
}

static int fail(struct reader *r, enum skf_code code, const char *text)
{
    skf_err_set(r->err, code, "%s", text);
    return skf_err_at(r->err, r->d->file, r->line, here_col(r));
}

static void blanks(struct reader *r)
{
    for (;; r->at++) {
        char c = r->d->text[r->at];
        if (c == '\n') {
            r->line++;
            r->line_start = r->at + 1;
            r->extra = 0;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static int hex4(const char *p, unsigned *out)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                            : 99;
        if (d == 99)
            return -1;
        v = v * 16 + d;
    }
    *out = v;
    return 0;
}

static void add_utf8(struct skf_buf *b, unsigned c)
{
    if (c < 0x80) {
        skf_buf_addc(b, (char)c);
    } else if (c < 0x800) {
        skf_buf_addc(b, (char)(0xc0 | c >> 6));
        skf_buf_addc(b, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        skf_buf_addc(b, (char)(0xe0 | c >> 12));
        skf_buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
        skf_buf_addc(b, (char)(0x80 | (c & 0x3f)));
    } else {
        skf_buf_addc(b, (char)(0xf0 | c >> 18));
        skf_buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
        skf_buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
        skf_buf_addc(b, (char)(0x80 | (c & 0x3f)));
    }
}

/* At the character behind a backslash. */
static int escape(struct reader *r, struct skf_buf *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = r->d->text + r->at;
    const char *hit = *p ? strchr(from, *p) : NULL;
    if (hit) {
        skf_buf_addc(b, to[hit - from]);
        r->at++;
        return 0;
    }
    unsigned c, low;
    if (*p != 'u' || hex4(p + 1, &c))
        return fail(r, SKF_ECONFIG, "an unknown escape after '\\'");
    r->at += 5;
    if (c >= 0xd800 && c < 0xdc00 && p[5] == '\\' && p[6] == 'u' && hex4(p + 7, &low) == 0 &&
        low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    } else if (c >= 0xd800 && c < 0xe000) {
        c = 0xfffd;
    }
    add_utf8(b, c);
    return 0;
}

static int string(struct reader *r, struct skf_node *n)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    n->style = SKF_STYLE_DOUBLE;
    r->at++;
    for (;;) {
        unsigned char c = (unsigned char)r->d->text[r->at];
        if (c == '"')
            break;
        if (r->at >= r->d->len)
            return fail(r, SKF_ECONFIG, "the text ends in the middle of a string");
        if (c < 0x20)
            return fail(r, SKF_ECONFIG, "a control character in a string: write it as an escape");
        r->extra += (c & 0xc0) == 0x80;
        r->at++;
        if (c != '\\') {
            skf_buf_addc(&b, (char)c);
            continue;
        }
        int rc = escape(r, &b);
        if (rc)
            return rc;
    }
    r->at++;
    n->len = b.len;
    char *copy = skf_arena_alloc(&r->d->arena, b.len + 1);
    memcpy(copy, b.data, b.len);
    n->text = copy;
    return 0;
}

static size_t digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? : its length, or 0. */
static size_t number_len(const char *p)
{
    size_t i = p[0] == '-';
    size_t whole = digits(p + i);
    if (!whole || (whole > 1 && p[i] == '0'))
        return 0;
    i += whole;
    if (p[i] == '.') {
        size_t n = digits(p + i + 1);
        if (!n)
            return 0;
        i += 1 + n;
    }
    if (p[i] == 'e' || p[i] == 'E') {
        size_t sign = p[i + 1] == '-' || p[i + 1] == '+';
        size_t n = digits(p + i + 1 + sign);
        if (!n)
            return 0;
        i += 1 + sign + n;
    }
    return i;
}

static int word(struct reader *r, struct skf_node *n)
{
    static const char *const words[] = { "true", "false", "null" };
    const char *p = r->d->text + r->at;
    size_t len = number_len(p);
    for (size_t i = 0; i < SKF_ARRAY_LEN(words) && !len; i++) {
        if (strncmp(p, words[i], strlen(words[i])) == 0)
            len = strlen(words[i]);
    }
    if (!len || (p[len] && !strchr(" \t\r\n,]}", p[len])))
        return fail(r, SKF_ECONFIG,
                    r->at >= r->d->len ? "the text ends where a value must stand"
                                       : "expected a value");
    n->len = len;
    n->text = skf_arena_strndup(&r->d->arena, p, len);
    r->at += len;
    return 0;
}

static int value(struct reader *r, unsigned depth, struct skf_node **out);

/* Behind a member: ',' goes on, the closing character ends. */
static int more(struct reader *r, char close, bool *go_on)
{
    blanks(r);
    char c = r->d->text[r->at];
    if (c != ',' && c != close)
        return fail(r, SKF_ECONFIG, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    r->at++;
    *go_on = c == ',';
    return 0;
}

static int object(struct reader *r, unsigned depth, struct skf_node *n)
{
    r->at++;
    blanks(r);
    bool go_on = r->d->text[r->at] != '}';
    if (!go_on)
        r->at++;
    while (go_on) {
        struct skf_entry e = { 0 };
        blanks(r);
        if (r->d->text[r->at] != '"')
            return fail(r, SKF_ECONFIG, "expected a key in double quotes");
        int rc = value(r, depth + 1, &e.key);
        if (rc)
            return rc;
        blanks(r);
        if (r->d->text[r->at] != ':')
            return fail(r, SKF_ECONFIG, "expected ':' after the key");
        r->at++;
        rc = value(r, depth + 1, &e.value);
        if (rc == 0)
            rc = more(r, '}', &go_on);
        if (rc)
            return rc;
        skf_node_push_entry(r->d, n, e);
    }
    return 0;
}

static int array(struct reader *r, unsigned depth, struct skf_node *n)
{
    r->at++;
    blanks(r);
    bool go_on = r->d->text[r->at] != ']';
    if (!go_on)
        r->at++;
    while (go_on) {
        struct skf_node *item = NULL;
        int rc = value(r, depth + 1, &item);
        if (rc == 0)
            rc = more(r, ']', &go_on);
        if (rc)
            return rc;
        skf_node_append(r->d, n, item);
    }
    return 0;
}

static int value(struct reader *r, unsigned depth, struct skf_node **out)
{
    blanks(r);
    if (depth > SKF_DOC_MAX_DEPTH)
        return fail(r, SKF_ETOOBIG, "nested deeper than 100 levels");
    if (++r->n_nodes > SKF_DOC_MAX_NODES)
        return fail(r, SKF_ETOOBIG, "too many values in one file");
    char c = r->d->text[r->at];
    enum skf_kind kind = c == '{' ? SKF_MAPPING : c == '[' ? SKF_SEQUENCE : SKF_SCALAR;
    struct skf_node *n =
        skf_node_new(r->d, kind, kind == SKF_SCALAR ? SKF_STYLE_PLAIN : SKF_STYLE_FLOW);
    n->line = r->line;
    n->col = here_col(r);
    n->start = (uint32_t)r->at;
    int rc = c == '{'   ? object(r, depth, n)
             : c == '[' ? array(r, depth, n)
             : c == '"' ? string(r, n)
                        : word(r, n);
    if (rc)
        return rc;
    n->end = (uint32_t)r->at;
    skf_node_close(r->d, n);
    *out = n;
    return 0;
}

int skf_doc_read_json(struct skf_doc *d, size_t at, struct skf_err *err)
{
    struct reader r = { .d = d, .at = at, .line_start = at, .line = 1, .err = err };
    struct skf_node *root = NULL;
    int rc = value(&r, 1, &root);
    if (rc)
        return rc;
    blanks(&r);
    if (r.at < d->len)
        return fail(&r, SKF_ECONFIG, "something stands behind the end of the JSON value");
    d->json = true;
    struct skf_part *p = skf_doc_add_part(d);
    *p = (struct skf_part){ .root = root, .start = at, .end = d->len, .line = 1 };
    return 0;
}

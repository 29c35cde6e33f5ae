#include "lib/doc/emit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/doc/edit.h"

static void indent_by(struct skf_buf *out, int indent)
{
    for (int i = 0; i < indent; i++)
        skf_buf_addc(out, ' ');
}

/* Text of several lines that a literal block gives back byte for byte. */
static bool fits_literal(const char *s, size_t len)
{
    if (!memchr(s, '\n', len) || s[0] == ' ' || s[0] == '\n' || s[0] == '\t')
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c == 0xc2 || c == 0xe2 ||
            c == 0xef)
            return false; /* NEL, LS, PS and BOM live behind these lead bytes: quote them */
        if (c == '\n' && i && (s[i - 1] == ' ' || s[i - 1] == '\t'))
            return false;
    }
    return s[len - 1] != ' ' && s[len - 1] != '\t';
}

static void emit_literal(const char *s, size_t len, int indent, struct skf_buf *out)
{
    size_t ends = 0;
    while (ends < len && s[len - 1 - ends] == '\n')
        ends++;
    skf_buf_adds(out, ends == 0 ? "|-" : ends == 1 ? "|" : "|+");
    skf_buf_addc(out, '\n');
    bool at_start = true;
    for (size_t i = 0; i < len; i++) {
        if (at_start && s[i] != '\n')
            indent_by(out, indent);
        at_start = s[i] == '\n';
        skf_buf_addc(out, s[i]);
    }
    if (ends == 0)
        skf_buf_addc(out, '\n');
}

/* The scalar and its line end. */
static void emit_scalar(const struct skf_node *n, int indent, struct skf_buf *out)
{
    if (skf_node_scalar(n) != SKF_SCALAR_STRING && n->style == SKF_STYLE_PLAIN && !n->tag) {
        skf_buf_adds(out, n->len ? n->text : "null");
    } else if (n->tag && skf_node_scalar(n) != SKF_SCALAR_STRING) {
        skf_buf_addf(out, "%s ", n->tag);
        skf_edit_quote(out, n->text, n->len, false);
    } else if (fits_literal(n->text, n->len)) {
        emit_literal(n->text, n->len, indent, out);
        return;
    } else {
        skf_edit_quote(out, n->text, n->len, false);
    }
    skf_buf_addc(out, '\n');
}

static void emit(const struct skf_node *n, int indent, bool at_start, struct skf_buf *out);

/* Behind "key:" or "-": on the same line, or below it. */
static void emit_value(const struct skf_node *v, int indent, bool in_list, struct skf_buf *out)
{
    if (v->kind == SKF_SCALAR) {
        skf_buf_addc(out, ' ');
        emit_scalar(v, indent + 2, out);
    } else if (v->n == 0) {
        skf_buf_adds(out, v->kind == SKF_MAPPING ? " {}\n" : " []\n");
    } else if (in_list) {
        skf_buf_addc(out, ' ');
        emit(v, indent + 2, true, out);
    } else {
        skf_buf_addc(out, '\n');
        emit(v, v->kind == SKF_MAPPING ? indent + 2 : indent, false, out);
    }
}

/* at_start: the cursor stands behind "- ", so the first line needs no indentation. */
static void emit(const struct skf_node *n, int indent, bool at_start, struct skf_buf *out)
{
    for (size_t i = 0; i < n->n; i++) {
        if (i || !at_start)
            indent_by(out, indent);
        if (n->kind == SKF_SEQUENCE) {
            skf_buf_addc(out, '-');
            emit_value(n->items[i], indent, true, out);
            continue;
        }
        const struct skf_node *k = n->entries[i].key;
        if (k->kind != SKF_SCALAR) {
            /* A key that is a list or mapping: JSON is the one form that fits on its line. */
            skf_buf_adds(out, "? ");
            skf_emit_json(k, 0, out);
            skf_buf_addc(out, '\n');
            indent_by(out, indent);
        } else if (k->style == SKF_STYLE_PLAIN && !k->tag && k->len &&
                   skf_node_scalar(k) != SKF_SCALAR_STRING) {
            skf_buf_adds(out, k->text);
        } else {
            skf_edit_quote(out, k->text, k->len, false);
        }
        skf_buf_addc(out, ':');
        emit_value(n->entries[i].value, indent, false, out);
    }
}

void skf_emit_yaml(const struct skf_node *n, struct skf_buf *out)
{
    if (!n)
        skf_buf_adds(out, "null\n");
    else if (n->kind == SKF_SCALAR)
        emit_scalar(n, 2, out);
    else if (n->n == 0)
        skf_buf_adds(out, n->kind == SKF_MAPPING ? "{}\n" : "[]\n");
    else
        emit(n, 0, false, out);
}

/* Length of the UTF-8 sequence at s, or 0 when it is none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80                    ? 1
               : s[0] >= 0xc2 && s[0] <= 0xdf ? 2
               : s[0] >= 0xe0 && s[0] <= 0xef ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                              : 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Too long forms, surrogates, and what is beyond Unicode. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

void skf_emit_json_string(const char *text, size_t len, struct skf_buf *out)
{
    const unsigned char *s = (const unsigned char *)text;
    skf_buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(s + i, len - i);
        if (n == 0) {
            skf_buf_adds(out, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (s[i] == '"' || s[i] == '\\')
            skf_buf_addf(out, "\\%c", s[i]);
        else if (s[i] == '\n')
            skf_buf_adds(out, "\\n");
        else if (s[i] == '\t')
            skf_buf_adds(out, "\\t");
        else if (s[i] == '\r')
            skf_buf_adds(out, "\\r");
        else if (s[i] < 0x20)
            skf_buf_addf(out, "\\u%04x", s[i]);
        else
            skf_buf_add(out, text + i, n);
        i += n;
    }
    skf_buf_addc(out, '"');
}

static void json_scalar(const struct skf_node *n, struct skf_buf *out)
{
    long long v;
    bool yes;
    char *end;
    switch (skf_node_scalar(n)) {
    case SKF_SCALAR_NULL:
        skf_buf_adds(out, "null");
        return;
    case SKF_SCALAR_BOOL:
        if (skf_node_bool(n, &yes)) {
            skf_buf_adds(out, yes ? "true" : "false");
            return;
        }
        break;
    case SKF_SCALAR_INT:
        if (skf_node_int(n, &v)) {
            skf_buf_addf(out, "%lld", v);
            return;
        }
        break;
    case SKF_SCALAR_FLOAT: {
        double f = strtod(n->text, &end);
        if (*end == '\0' && isfinite(f)) {
            for (int digits = 15; digits <= 17; digits++) {
                char text[40];
                snprintf(text, sizeof text, "%.*g", digits, f);
                if (digits == 17 || strtod(text, NULL) == f) {
                    skf_buf_adds(out, text);
                    return;
                }
            }
        }
        break;
    }
    case SKF_SCALAR_STRING:
        break;
    }
    skf_emit_json_string(n->text, n->len, out);
}

static void json(const struct skf_node *n, int step, int indent, struct skf_buf *out)
{
    if (!n) {
        skf_buf_adds(out, "null");
        return;
    }
    if (n->kind == SKF_SCALAR) {
        json_scalar(n, out);
        return;
    }
    bool map = n->kind == SKF_MAPPING;
    skf_buf_addc(out, map ? '{' : '[');
    for (size_t i = 0; i < n->n; i++) {
        if (i)
            skf_buf_addc(out, ',');
        if (step) {
            skf_buf_addc(out, '\n');
            indent_by(out, indent + step);
        }
        if (map) {
            const struct skf_node *k = n->entries[i].key;
            if (k->kind == SKF_SCALAR) {
                skf_emit_json_string(k->text, k->len, out);
            } else {
                skf_autobuf struct skf_buf text = SKF_BUF_INIT;
                json(k, 0, 0, &text);
                skf_emit_json_string(text.data, text.len, out);
            }
            skf_buf_adds(out, step ? ": " : ":");
        }
        json(map ? n->entries[i].value : n->items[i], step, indent + step, out);
    }
    if (step && n->n) {
        skf_buf_addc(out, '\n');
        indent_by(out, indent);
    }
    skf_buf_addc(out, map ? '}' : ']');
}

void skf_emit_json(const struct skf_node *n, int indent, struct skf_buf *out)
{
    json(n, indent, 0, out);
}

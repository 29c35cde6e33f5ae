#include "lib/doc/doc.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"

static bool one_of(const char *text, size_t len, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
            return true;
    }
    return false;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a digit in a base up to 16, or 99. */
static unsigned digit_value(char c)
{
    if (digit(c))
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 99;
}

/* 10, -7, 0x1f, 0o17, 0b1, 017, 1_000. *fits tells whether it is within a long long. */
static bool parse_int(const char *s, size_t len, long long *out, bool *fits)
{
    size_t i = 0;
    bool neg = false;
    if (i < len && (s[i] == '-' || s[i] == '+'))
        neg = s[i++] == '-';
    unsigned base = 10;
    if (len - i > 2 && s[i] == '0' && strchr("xXoObB", s[i + 1])) {
        char c = s[i + 1];
        base = c == 'x' || c == 'X' ? 16 : c == 'o' || c == 'O' ? 8 : 2;
        i += 2;
    } else if (len - i > 1 && s[i] == '0') {
        base = 8;
        i++;
    }
    if (i >= len || s[i] == '_')
        return false;
    unsigned long long v = 0;
    bool over = false;
    for (; i < len; i++) {
        if (s[i] == '_')
            continue;
        unsigned d = digit_value(s[i]);
        if (d >= base)
            return false;
        over = over || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v);
    }
    *fits = !over && v <= 0x7fffffffffffffffULL;
    if (*fits)
        *out = neg ? -(long long)v : (long long)v;
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s, size_t len)
{
    static const char *const special[] = { ".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
                                           "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF" };
    if (one_of(s, len, special, SKF_ARRAY_LEN(special)))
        return true;
    size_t i = 0, before = 0, after = 0;
    if (i < len && (s[i] == '-' || s[i] == '+'))
        i++;
    for (; i < len && (digit(s[i]) || (before && s[i] == '_')); i++)
        before++;
    if (i < len && s[i] == '.') {
        for (i++; i < len && (digit(s[i]) || (after && s[i] == '_')); i++)
            after++;
    }
    if (!before && !after)
        return false;
    if (i < len && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        if (i < len && (s[i] == '-' || s[i] == '+'))
            i++;
        size_t exponent = 0;
        for (; i < len && digit(s[i]); i++)
            exponent++;
        if (!exponent)
            return false;
    }
    return i == len;
}

enum skf_scalar skf_scalar_of_plain(const char *text, size_t len)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
    static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE" };
    long long v;
    bool fits;
    if (one_of(text, len, nulls, SKF_ARRAY_LEN(nulls)))
        return SKF_SCALAR_NULL;
    if (one_of(text, len, bools, SKF_ARRAY_LEN(bools)))
        return SKF_SCALAR_BOOL;
    if (!strchr("+-.0123456789", text[0]))
        return SKF_SCALAR_STRING;
    if (parse_int(text, len, &v, &fits))
        return fits ? SKF_SCALAR_INT : SKF_SCALAR_FLOAT;
    if (is_float(text, len))
        return SKF_SCALAR_FLOAT;
    return SKF_SCALAR_STRING;
}

enum skf_scalar skf_node_scalar(const struct skf_node *n)
{
    if (n->tag) {
        if (strcmp(n->tag, "!!null") == 0)
            return SKF_SCALAR_NULL;
        if (strcmp(n->tag, "!!bool") == 0)
            return SKF_SCALAR_BOOL;
        if (strcmp(n->tag, "!!int") == 0)
            return SKF_SCALAR_INT;
        if (strcmp(n->tag, "!!float") == 0)
            return SKF_SCALAR_FLOAT;
        return SKF_SCALAR_STRING;
    }
    if (n->style != SKF_STYLE_PLAIN)
        return SKF_SCALAR_STRING;
    return skf_scalar_of_plain(n->text, n->len);
}

bool skf_node_is_null(const struct skf_node *n)
{
    return !n || (n->kind == SKF_SCALAR && skf_node_scalar(n) == SKF_SCALAR_NULL);
}

bool skf_node_bool(const struct skf_node *n, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "y" };
    static const char *const no[] = { "false", "no", "off", "n" };
    if (!n || n->kind != SKF_SCALAR)
        return false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(yes); i++) {
        if (strcasecmp(n->text, yes[i]) == 0) {
            *out = true;
            return true;
        }
        if (strcasecmp(n->text, no[i]) == 0) {
            *out = false;
            return true;
        }
    }
    return false;
}

bool skf_node_int(const struct skf_node *n, long long *out)
{
    bool fits = false;
    return n && n->kind == SKF_SCALAR && skf_node_scalar(n) == SKF_SCALAR_INT &&
           parse_int(n->text, n->len, out, &fits) && fits;
}

const char *skf_node_kind_words(const struct skf_node *n)
{
    if (!n)
        return "nothing";
    if (n->kind == SKF_MAPPING)
        return "a mapping";
    if (n->kind == SKF_SEQUENCE)
        return "a list";
    switch (skf_node_scalar(n)) {
    case SKF_SCALAR_NULL:
        return "nothing";
    case SKF_SCALAR_BOOL:
        return "true or false";
    case SKF_SCALAR_INT:
    case SKF_SCALAR_FLOAT:
        return "a number";
    case SKF_SCALAR_STRING:
        break;
    }
    return "text";
}

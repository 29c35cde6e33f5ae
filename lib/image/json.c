#include "lib/image/image.h"

#include <string.h>

#include "lib/base/buf.h"

/* Go's encoding/json escapes what could hurt inside HTML, and jansson does not. */
static void add_string(struct skf_buf *b, const char *s, size_t len)
{
    skf_buf_addc(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        switch (c) {
        case '"':
        case '\\':
            skf_buf_addc(b, '\\');
            skf_buf_addc(b, (char)c);
            break;
        case '\n':
            skf_buf_adds(b, "\\n");
            break;
        case '\r':
            skf_buf_adds(b, "\\r");
            break;
        case '\t':
            skf_buf_adds(b, "\\t");
            break;
        case '\b':
            skf_buf_adds(b, "\\b");
            break;
        case '\f':
            skf_buf_adds(b, "\\f");
            break;
        case '<':
        case '>':
        case '&':
            skf_buf_addf(b, "\\u%04x", c);
            break;
        default:
            if (c < 0x20) {
                skf_buf_addf(b, "\\u%04x", c);
            } else if (c == 0xe2 && i + 2 < len && (unsigned char)s[i + 1] == 0x80 &&
                       ((unsigned char)s[i + 2] | 1) == 0xa9) { /* U+2028, U+2029 */
                skf_buf_addf(b, "\\u202%x", (unsigned char)s[i + 2] - 0xa0);
                i += 2;
            } else {
                skf_buf_addc(b, (char)c);
            }
        }
    }
    skf_buf_addc(b, '"');
}

/* How the text is laid out: 0 = without any blank, else so many of them a level. */
struct layout {
    struct skf_buf *b;
    int indent, level;
};

static void new_line(const struct layout *l)
{
    if (l->indent)
        skf_buf_addf(l->b, "\n%*s", l->indent * l->level, "");
}

static void add_value(struct layout *l, const json_t *v);

static void add_object(struct layout *l, json_t *v)
{
    const char *key, *sep = "";
    json_t *member;
    skf_buf_addc(l->b, '{');
    l->level++;
    json_object_foreach(v, key, member)
    {
        skf_buf_adds(l->b, sep);
        new_line(l);
        add_string(l->b, key, strlen(key));
        skf_buf_adds(l->b, l->indent ? ": " : ":");
        add_value(l, member);
        sep = ",";
    }
    l->level--;
    if (*sep)
        new_line(l);
    skf_buf_addc(l->b, '}');
}

static void add_array(struct layout *l, const json_t *v)
{
    skf_buf_addc(l->b, '[');
    l->level++;
    for (size_t i = 0; i < json_array_size(v); i++) {
        skf_buf_adds(l->b, i ? "," : "");
        new_line(l);
        add_value(l, json_array_get(v, i));
    }
    l->level--;
    if (json_array_size(v))
        new_line(l);
    skf_buf_addc(l->b, ']');
}

/* Depth is limited by jansson's parser (2048). */
static void add_value(struct layout *l, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        add_object(l, (json_t *)(uintptr_t)v);
        break;
    case JSON_ARRAY:
        add_array(l, v);
        break;
    case JSON_STRING:
        add_string(l->b, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        skf_buf_addf(l->b, "%lld", (long long)json_integer_value(v));
        break;
    case JSON_REAL:
        skf_buf_addf(l->b, "%.17g", json_real_value(v));
        break;
    case JSON_TRUE:
        skf_buf_adds(l->b, "true");
        break;
    case JSON_FALSE:
        skf_buf_adds(l->b, "false");
        break;
    case JSON_NULL:
        skf_buf_adds(l->b, "null");
        break;
    }
}

char *skf_image_json(const json_t *doc)
{
    struct skf_buf b = SKF_BUF_INIT;
    add_value(&(struct layout){ .b = &b }, doc);
    return skf_buf_take(&b);
}

char *skf_image_json_indented(const json_t *doc)
{
    struct skf_buf b = SKF_BUF_INIT;
    add_value(&(struct layout){ .b = &b, .indent = 2 }, doc);
    skf_buf_addc(&b, '\n');
    return skf_buf_take(&b);
}

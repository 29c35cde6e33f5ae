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

/* Depth is limited by jansson's parser (2048). */
static void add_value(struct skf_buf *b, const json_t *v)
{
    size_t i;
    const char *sep = "";
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        skf_buf_addc(b, '{');
        for (void *it = json_object_iter((json_t *)(uintptr_t)v); it;
             it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
            const char *key = json_object_iter_key(it);
            skf_buf_adds(b, sep);
            add_string(b, key, strlen(key));
            skf_buf_addc(b, ':');
            add_value(b, json_object_iter_value(it));
            sep = ",";
        }
        skf_buf_addc(b, '}');
        break;
    case JSON_ARRAY:
        skf_buf_addc(b, '[');
        for (i = 0; i < json_array_size(v); i++) {
            skf_buf_adds(b, sep);
            add_value(b, json_array_get(v, i));
            sep = ",";
        }
        skf_buf_addc(b, ']');
        break;
    case JSON_STRING:
        add_string(b, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        skf_buf_addf(b, "%lld", (long long)json_integer_value(v));
        break;
    case JSON_REAL:
        skf_buf_addf(b, "%.17g", json_real_value(v));
        break;
    case JSON_TRUE:
        skf_buf_adds(b, "true");
        break;
    case JSON_FALSE:
        skf_buf_adds(b, "false");
        break;
    case JSON_NULL:
        skf_buf_adds(b, "null");
        break;
    }
}

char *skf_image_json(const json_t *doc)
{
    struct skf_buf b = SKF_BUF_INIT;
    add_value(&b, doc);
    return skf_buf_take(&b);
}

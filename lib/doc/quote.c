/* lib/doc/quote.c: which texts may stand plain, and quotes for the others. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/doc/edit.h"
#include "lib/doc/emit.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Words and shapes that some YAML reader (1.1 or 1.2) does not take for text. */
static bool read_as_other_type(const char *s, size_t len)
{
    static const char *const words[] = { "y",  "Y",  "n",  "N",  "yes", "Yes", "YES", "no", "No",
                                         "NO", "on", "On", "ON", "off", "Off", "OFF", "=",  "<<" };
    if (skf_scalar_of_plain(s, len) != SKF_SCALAR_STRING)
        return true;
    for (size_t i = 0; i < SKF_ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], s, len) == 0)
            return true;
    }
    /* 2024-01-02..., and 12:30:45 of YAML 1.1 (a number in base sixty) */
    size_t i = 0, colons = 0, dashes = 0;
    if (s[0] == '-' || s[0] == '+')
        i++;
    if (i >= len || !digit(s[i]))
        return false;
    for (; i < len && (digit(s[i]) || strchr(":_-.", s[i])); i++) {
        colons += s[i] == ':';
        dashes += s[i] == '-';
    }
    return (i == len && colons) || (dashes >= 2 && digit(s[0]));
}

static bool special_char(const unsigned char *s, size_t left)
{
    if (s[0] < 0x20 || s[0] == 0x7f)
        return true;
    if (s[0] == 0xc2 && left > 1 && s[1] < 0xa0) /* C1 controls and NEL */
        return true;
    if (s[0] == 0xe2 && left > 2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)) /* LS, PS */
        return true;
    return s[0] == 0xef && left > 2 && s[1] == 0xbb && s[2] == 0xbf; /* byte order mark */
}

static bool has_special(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (special_char((const unsigned char *)s + i, len - i))
            return true;
    }
    return false;
}

static bool plain_is_safe(const char *s, size_t len, bool flow)
{
    if (!len || s[0] == ' ' || s[len - 1] == ' ' || s[len - 1] == ':')
        return false;
    if (strchr(",[]{}#&*!|>'\"%@`", s[0]))
        return false;
    if (strchr("-?:", s[0]) && (len == 1 || s[1] == ' ' || flow))
        return false;
    if (strncmp(s, "---", 3) == 0 || strncmp(s, "...", 3) == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((s[i] == ':' && s[i + 1] == ' ') || (s[i] == ' ' && s[i + 1] == '#'))
            return false;
        if (flow && (strchr(",[]{}", s[i]) || (s[i] == ':' && strchr(",[]{}", s[i + 1]))))
            return false;
    }
    return true;
}

static void quote_double(struct skf_buf *out, const char *text, size_t len)
{
    /* JSON's escapes are YAML's; what YAML calls unprintable beyond them needs \u. */
    size_t from = out->len;
    skf_emit_json_string(text, len, out);
    for (size_t i = from; i < out->len; i++) {
        const unsigned char *s = (const unsigned char *)out->data + i;
        if (!special_char(s, out->len - i))
            continue;
        unsigned c;
        size_t n;
        if (s[0] < 0x80) {
            c = s[0];
            n = 1;
        } else if (s[0] == 0xc2) {
            c = s[1];
            n = 2;
        } else {
            c = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
            n = 3;
        }
        skf_autobuf struct skf_buf tail = SKF_BUF_INIT;
        skf_buf_add(&tail, out->data + i + n, out->len - i - n);
        skf_buf_cut(out, i);
        skf_buf_addf(out, "\\u%04x", c);
        i = out->len - 1;
        skf_buf_add(out, tail.data, tail.len);
    }
}

void skf_edit_quote(struct skf_buf *out, const char *text, size_t len, bool flow)
{
    bool special = has_special(text, len);
    if (special || read_as_other_type(text, len)) {
        quote_double(out, text, len);
    } else if (plain_is_safe(text, len, flow)) {
        skf_buf_add(out, text, len);
    } else {
        skf_buf_addc(out, '\'');
        for (size_t i = 0; i < len; i++) {
            if (text[i] == '\'')
                skf_buf_addc(out, '\'');
            skf_buf_addc(out, text[i]);
        }
        skf_buf_addc(out, '\'');
    }
}

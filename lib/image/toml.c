#include "lib/image/toml.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

struct reader {
    const char *at;
    int line;
    const struct skf_toml_handler *to;
    struct skf_err *err;
};

static int bad(struct reader *r, const char *what)
{
    skf_err_set(r->err, SKF_EINVAL, "%s", what);
    return skf_err_at(r->err, NULL, r->line, 0);
}

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t\r");
}

/* Blanks, line ends and comments. */
static void skip_space(struct reader *r)
{
    for (;;) {
        skip_blanks(r);
        if (*r->at == '#')
            r->at += strcspn(r->at, "\n");
        if (*r->at != '\n')
            return;
        r->line++;
        r->at++;
    }
}

static char escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* "..." with escapes, or '...' as it is; stands on the quote. */
static int read_text(struct reader *r, struct skf_buf *out)
{
    char quote = *r->at++;
    for (; *r->at != quote; r->at++) {
        if (!*r->at || *r->at == '\n')
            return bad(r, "a text is not closed");
        if (quote == '"' && *r->at == '\\' && r->at[1])
            skf_buf_addc(out, escaped(*++r->at));
        else
            skf_buf_addc(out, *r->at);
    }
    r->at++;
    return 0;
}

/* A part of a name: bare or quoted. */
static int read_part(struct reader *r, struct skf_buf *out)
{
    skip_blanks(r);
    skf_buf_clear(out);
    if (*r->at == '"' || *r->at == '\'')
        return read_text(r, out);
    size_t len = strspn(r->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (!len)
        return bad(r, "a name is missing");
    skf_buf_add(out, r->at, len);
    r->at += len;
    return 0;
}

static int read_name(struct reader *r, struct skf_strv *parts)
{
    skf_autobuf struct skf_buf part = SKF_BUF_INIT;
    for (;;) {
        if (read_part(r, &part) < 0)
            return -SKF_EINVAL;
        skf_strv_add(parts, part.data ? part.data : "");
        skip_blanks(r);
        if (*r->at != '.')
            return 0;
        r->at++;
    }
}

static int read_table(struct reader *r)
{
    skf_autostrv struct skf_strv name = SKF_STRV_INIT;
    size_t brackets = r->at[1] == '[' ? 2 : 1;
    r->at += brackets;
    if (read_name(r, &name) < 0)
        return -SKF_EINVAL;
    for (size_t i = 0; i < brackets; i++)
        if (*r->at++ != ']')
            return bad(r, "the name of a table is not closed");
    return r->to->on_table(r->to->data, &name, r->err);
}

/* A list of texts; anything else in it is refused: nothing that is read here has it. */
static int read_list(struct reader *r, struct skf_strv *value)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    r->at++;
    for (;;) {
        skip_space(r);
        if (*r->at == ']') {
            r->at++;
            return 0;
        }
        if (*r->at != '"' && *r->at != '\'')
            return bad(r, "a list of texts is expected");
        skf_buf_clear(&text);
        if (read_text(r, &text) < 0)
            return -SKF_EINVAL;
        skf_strv_add(value, text.data ? text.data : "");
        skip_space(r);
        if (*r->at == ',')
            r->at++;
    }
}

static int read_value(struct reader *r, const char *key)
{
    skf_autostrv struct skf_strv value = SKF_STRV_INIT;
    skip_blanks(r);
    if (*r->at == '[') {
        if (read_list(r, &value) < 0)
            return -SKF_EINVAL;
    } else if (*r->at == '"' || *r->at == '\'') {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        if (read_text(r, &text) < 0)
            return -SKF_EINVAL;
        skf_strv_add(&value, text.data ? text.data : "");
    } else if (strncmp(r->at, "true", 4) == 0 || strncmp(r->at, "false", 5) == 0) {
        skf_strv_add(&value, *r->at == 't' ? "true" : "false");
        r->at += *r->at == 't' ? 4 : 5;
    } else { /* a number, a date, a table in a line: nothing that we ask for */
        r->at += strcspn(r->at, "\n");
        return 0;
    }
    return r->to->on_value(r->to->data, key, &value, r->err);
}

static int read_line(struct reader *r)
{
    skf_autostrv struct skf_strv key = SKF_STRV_INIT;
    if (*r->at == '[')
        return read_table(r);
    if (read_name(r, &key) < 0)
        return -SKF_EINVAL;
    if (*r->at++ != '=')
        return bad(r, "'=' is expected after a name");
    skf_autofree char *name = skf_strv_join(&key, ".");
    return read_value(r, name);
}

int skf_toml_read(const char *text, const struct skf_toml_handler *to, struct skf_err *err)
{
    struct reader r = { .at = text, .line = 1, .to = to, .err = err };
    for (;;) {
        skip_space(&r);
        if (!*r.at)
            return 0;
        int rc = read_line(&r);
        if (rc < 0)
            return rc;
        skip_blanks(&r);
        if (*r.at && *r.at != '\n' && *r.at != '#')
            return bad(&r, "there is more on the line than a value");
    }
}

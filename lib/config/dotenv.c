#include "lib/config/dotenv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/io/file.h"

enum { MAX_DOTENV = 1024 * 1024 };

struct reader {
    const char *text, *p;
    struct skf_strv *out;
    struct skf_err *err;
};

static int fail(const struct reader *r, const char *words)
{
    int line = 1;
    for (const char *c = r->text; c < r->p; c++)
        line += *c == '\n';
    skf_err_set(r->err, SKF_ECONFIG, "%s", words);
    return skf_err_at(r->err, NULL, line, 1);
}

static bool key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static const char *value_of(const struct reader *r, const char *name, size_t len)
{
    for (size_t i = r->out->n; i > 0; i--) {
        const char *e = r->out->v[i - 1];
        if (strncmp(e, name, len) == 0 && e[len] == '=')
            return e + len + 1;
    }
    return "";
}

/* At a '$': appends what it stands for and moves on. */
static void variable(struct reader *r, const char **p, struct skf_buf *out)
{
    bool brace = (*p)[1] == '{';
    const char *name = *p + 1 + brace;
    size_t len = 0;
    while (isalnum((unsigned char)name[len]) || name[len] == '_')
        len++;
    if (!len || (brace && name[len] != '}')) {
        skf_buf_addc(out, *(*p)++);
        return;
    }
    skf_buf_adds(out, value_of(r, name, len));
    *p = name + len + brace;
}

static int quoted(struct reader *r, struct skf_buf *out)
{
    char quote = *r->p;
    const char *start = r->p++;
    while (*r->p != quote) {
        if (!*r->p) {
            r->p = start;
            return fail(r, "a value without its closing quote");
        }
        if (quote == '"' && *r->p == '\\' && r->p[1]) {
            char c = r->p[1];
            skf_buf_addc(out, c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
            r->p += 2;
        } else if (quote == '"' && *r->p == '$') {
            variable(r, &r->p, out);
        } else {
            skf_buf_addc(out, *r->p++);
        }
    }
    r->p++;
    return 0;
}

static void bare(struct reader *r, struct skf_buf *out)
{
    const char *end = r->p + strcspn(r->p, "\r\n");
    for (const char *c = r->p; c < end; c++) {
        if (*c == '#' && (c == r->p || isspace((unsigned char)c[-1])))
            end = c;
    }
    while (r->p < end) {
        if (*r->p == '$')
            variable(r, &r->p, out);
        else
            skf_buf_addc(out, *r->p++);
    }
    r->p += strcspn(r->p, "\n");
    skf_buf_trim(out);
}

static int setting(struct reader *r)
{
    if (strncmp(r->p, "export", 6) == 0 && (r->p[6] == ' ' || r->p[6] == '\t'))
        r->p += 6 + strspn(r->p + 6, " \t");
    const char *key = r->p;
    while (key_char(*r->p))
        r->p++;
    size_t key_len = (size_t)(r->p - key);
    r->p += strspn(r->p, " \t");
    if (!key_len || (*r->p != '=' && *r->p != ':'))
        return fail(r, "expected 'NAME=value'");
    r->p++;
    r->p += strspn(r->p, " \t");
    skf_autobuf struct skf_buf value = SKF_BUF_INIT;
    int rc = 0;
    if (*r->p == '"' || *r->p == '\'') {
        rc = quoted(r, &value);
        r->p += strspn(r->p, " \t\r");
        if (rc == 0 && *r->p && *r->p != '\n' && *r->p != '#')
            rc = fail(r, "something stands behind the closing quote");
        r->p += strcspn(r->p, "\n");
    } else {
        bare(r, &value);
    }
    if (rc == 0)
        skf_strv_addf(r->out, "%.*s=%s", (int)key_len, key, value.data);
    return rc;
}

int skf_dotenv_parse(const char *text, size_t len, struct skf_strv *out, struct skf_err *err)
{
    if (strlen(text) != len)
        return skf_err_set(err, SKF_ECONFIG, "the file has a NUL byte");
    skf_autostrv struct skf_strv got = SKF_STRV_INIT;
    struct reader r = { .text = text, .p = text, .out = &got, .err = err };
    if (strncmp(r.p, "\xef\xbb\xbf", 3) == 0)
        r.p += 3;
    for (;;) {
        r.p += strspn(r.p, " \t\r\n");
        if (!*r.p)
            break;
        if (*r.p == '#') {
            r.p += strcspn(r.p, "\n");
            continue;
        }
        int rc = setting(&r);
        if (rc)
            return rc;
    }
    skf_strv_addv(out, &got);
    return 0;
}

int skf_dotenv_load(const char *file, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv settings = SKF_STRV_INIT;
    if (!skf_file_exists(file))
        return 0;
    int rc = skf_file_read(file, MAX_DOTENV, &text, err);
    if (rc == 0)
        rc = skf_dotenv_parse(text.data, text.len, &settings, err);
    if (rc)
        return skf_err_at(err, file, 0, 0);
    for (size_t i = 0; i < settings.n; i++) {
        char *eq = strchr(settings.v[i], '=');
        *eq = '\0';
        setenv(settings.v[i], eq + 1, 0);
    }
    return 0;
}

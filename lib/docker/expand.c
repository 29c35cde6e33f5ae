/* Docker's word expansion (shell/lex.go's rules): what a variable in COPY, ADD, FROM, ENV, ARG
 * becomes. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "lib/docker/dockerfile.h"

enum { MAX_NESTING = 32, MAX_VALUE = 64 * 1024 };

struct expander {
    const char *p;
    char escape;
    skf_docker_lookup *lookup;
    const void *ctx;
    struct skf_err *err;
    int depth;
};

static int expand_until(struct expander *x, const char *stops, struct skf_buf *out);

static int fail(struct expander *x, const char *what)
{
    return skf_err_set(x->err, SKF_ECONFIG, "bad variable: %s", what);
}

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static void read_name(struct expander *x, struct skf_buf *name)
{
    if (starts_name(*x->p)) {
        while (starts_name(*x->p) || isdigit((unsigned char)*x->p))
            skf_buf_addc(name, *x->p++);
    } else if (isdigit((unsigned char)*x->p)) {
        while (isdigit((unsigned char)*x->p))
            skf_buf_addc(name, *x->p++);
    } else if (*x->p && strchr("@*#?-$!0", *x->p)) {
        skf_buf_addc(name, *x->p++);
    }
}

/* --- ${x#p} and ${x/p/r} ---------------------------------------------------------------------- */

/* Length of the shortest or longest prefix (suffix) that the pattern matches, or -1. */
static long match_end(const char *value, const char *pattern, bool suffix, bool longest)
{
    size_t len = strlen(value);
    for (size_t i = 0; i <= len; i++) {
        size_t n = longest ? len - i : i;
        skf_autofree char *part = suffix ? skf_xstrdup(value + len - n) : skf_xstrndup(value, n);
        if (fnmatch(pattern, part, 0) == 0)
            return (long)n;
    }
    return -1;
}

static void cut(const char *value, const char *pattern, bool suffix, bool longest,
                struct skf_buf *out)
{
    long n = match_end(value, pattern, suffix, longest);
    size_t len = strlen(value);
    if (n < 0)
        skf_buf_adds(out, value);
    else if (suffix)
        skf_buf_add(out, value, len - (size_t)n);
    else
        skf_buf_adds(out, value + n);
}

static void replace(const char *value, const char *pattern, const char *with, bool all,
                    struct skf_buf *out)
{
    bool done = false;
    while (*value) {
        long n = done ? -1 : match_end(value, pattern, false, true);
        if (n <= 0) {
            skf_buf_addc(out, *value++);
            continue;
        }
        skf_buf_adds(out, with);
        value += n;
        done = !all;
    }
}

/* --- ${...} ----------------------------------------------------------------------------------- */

/* Reads a word up to one of the stops, which is consumed. */
static int read_word(struct expander *x, const char *stops, struct skf_buf *word)
{
    int rc = expand_until(x, stops, word);
    if (rc < 0)
        return rc;
    if (!*x->p)
        return fail(x, "missing '}'");
    x->p++;
    return 0;
}

static int expand_pattern(struct expander *x, const char *value, struct skf_buf *out)
{
    skf_autobuf struct skf_buf pattern = SKF_BUF_INIT, with = SKF_BUF_INIT;
    char op = *x->p++;
    bool twice = *x->p == op;
    x->p += twice;
    int rc = read_word(x, op == '/' ? "/}" : "}", &pattern);
    if (rc < 0)
        return rc;
    if (op == '/' && x->p[-1] == '/')
        rc = read_word(x, "}", &with);
    if (rc < 0)
        return rc;
    if (!value)
        return 0;
    if (strlen(value) > MAX_VALUE / 64)
        return fail(x, "the value is too long for a pattern");
    if (op == '/')
        replace(value, pattern.data, with.data, twice, out);
    else
        cut(value, pattern.data, op == '%', twice, out);
    return 0;
}

static int expand_braces(struct expander *x, struct skf_buf *out)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT, word = SKF_BUF_INIT;
    read_name(x, &name);
    if (!name.len)
        return fail(x, "bad substitution");
    const char *value = x->lookup(x->ctx, name.data);
    if (*x->p == '}') {
        x->p++;
        skf_buf_adds(out, value ? value : "");
        return 0;
    }
    if (*x->p == '#' || *x->p == '%' || *x->p == '/')
        return expand_pattern(x, value, out);
    bool colon = *x->p == ':';
    x->p += colon;
    char op = *x->p;
    if (op != '-' && op != '+' && op != '?')
        return *x->p ? fail(x, "unsupported modifier") : fail(x, "missing '}'");
    x->p++;
    int rc = read_word(x, "}", &word);
    if (rc < 0)
        return rc;
    bool set = value && (!colon || value[0]);
    if (op == '+')
        skf_buf_adds(out, set ? word.data : "");
    else if (set)
        skf_buf_adds(out, value);
    else if (op == '-')
        skf_buf_adds(out, word.data);
    else
        return skf_err_set(x->err, SKF_ECONFIG, "%.100s: %.200s", name.data,
                           word.len ? word.data : "is not set");
    return 0;
}

static int expand_dollar(struct expander *x, struct skf_buf *out)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    if (*x->p == '{') {
        x->p++;
        if (++x->depth > MAX_NESTING)
            return fail(x, "nested too deeply");
        int rc = expand_braces(x, out);
        x->depth--;
        return rc;
    }
    read_name(x, &name);
    if (!name.len) {
        skf_buf_addc(out, '$');
        return 0;
    }
    const char *value = x->lookup(x->ctx, name.data);
    skf_buf_adds(out, value ? value : "");
    return 0;
}

static int expand_until(struct expander *x, const char *stops, struct skf_buf *out)
{
    char quote = '\0';
    while (*x->p && (quote || !strchr(stops, *x->p))) {
        char c = *x->p++;
        if (out->len > MAX_VALUE)
            return fail(x, "the value is too long");
        if (quote == '\'') {
            if (c == '\'')
                quote = '\0';
            else
                skf_buf_addc(out, c);
        } else if (c == '\'' && !quote) {
            quote = c;
        } else if (c == '"') {
            quote = quote ? '\0' : c;
        } else if (c == x->escape) {
            /* in double quotes an escape only works on what has a meaning there */
            if (quote && *x->p && *x->p != '"' && *x->p != '$' && *x->p != x->escape)
                skf_buf_addc(out, c);
            if (*x->p)
                skf_buf_addc(out, *x->p++);
        } else if (c == '$') {
            int rc = expand_dollar(x, out);
            if (rc < 0)
                return rc;
        } else {
            skf_buf_addc(out, c);
        }
    }
    return quote ? fail(x, "a quote is not closed") : 0;
}

int skf_docker_expand(const char *text, char escape, skf_docker_lookup *lookup, const void *ctx,
                      struct skf_buf *out, struct skf_err *err)
{
    struct expander x = { .p = text, .escape = escape, .lookup = lookup, .ctx = ctx, .err = err };
    return expand_until(&x, "", out);
}

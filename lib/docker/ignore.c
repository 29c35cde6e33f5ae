#include "lib/docker/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/base/vec.h"

/* A pattern is one of Docker's three short cuts, or a row of tokens that is run like a regular
 * expression. */
enum shape { EXACT, PREFIX, SUFFIX, TOKENS };
enum kind {
    CHAR,     /* this byte */
    ONE,      /* ?: anything but a slash */
    REST,     /* of a character of several bytes, behind ONE */
    RUN,      /* *: any number of them */
    ANYTHING, /* ** at the end */
    ELEMENTS, /* **: whole directories, also none */
    SET,      /* [...] */
    START,    /* ^, which Docker forgets to escape */
};

struct token {
    enum kind kind;
    unsigned char byte;
    unsigned char set[32]; /* one bit a byte */
};

struct skf_docker_pattern {
    char *text; /* cleaned, without "!" */
    bool exception;
    enum shape shape;
    SKF_VEC(struct token) tokens;
};

/* --- one pattern ------------------------------------------------------------------------------ */

static void set_add(struct token *t, unsigned char c)
{
    t->set[c / 8] |= (unsigned char)(1u << (c % 8));
}

static bool set_has(const struct token *t, unsigned char c)
{
    return t->set[c / 8] & (1u << (c % 8));
}

/* \d and friends reach Go's regular expressions as they are. */
static bool add_escape_class(struct token *t, char c)
{
    t->kind = SET;
    for (int b = 0; b < 128; b++) {
        bool digit = b >= '0' && b <= '9';
        bool word = digit || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_';
        bool space = b == ' ' || (b >= '\t' && b <= '\r' && b != '\v');
        if ((c == 'd' && digit) || (c == 'w' && word) || (c == 's' && space))
            set_add(t, (unsigned char)b);
    }
    return c == 'd' || c == 'w' || c == 's';
}

/* From behind "["; NULL = never closed, or empty. */
static const char *read_set(const char *p, struct token *t)
{
    bool negated = *p == '^';
    bool any = false;
    p += negated;
    while (*p && (*p != ']' || !any)) {
        if (*p == ']') /* "[]" */
            return NULL;
        if (*p == '\\' && !*++p)
            return NULL;
        unsigned char lo = (unsigned char)*p++, hi = lo;
        if (*p == '-') {
            if (!*++p || *p == ']')
                return NULL;
            if (*p == '\\' && !*++p)
                return NULL;
            hi = (unsigned char)*p++;
        }
        for (unsigned b = lo; b <= hi; b++)
            set_add(t, (unsigned char)b);
        any = true;
    }
    if (*p != ']')
        return NULL;
    for (size_t i = 0; negated && i < sizeof t->set; i++)
        t->set[i] = (unsigned char)~t->set[i];
    return p + 1;
}

static void push(struct skf_docker_pattern *pat, enum kind kind, char byte)
{
    struct token t = { .kind = kind, .byte = (unsigned char)byte };
    skf_vec_push(&pat->tokens, t);
}

/* false = syntax error */
static bool compile(struct skf_docker_pattern *pat)
{
    const char *start = pat->text, *p = start;
    pat->shape = EXACT;
    while (*p) {
        char c = *p++;
        if (c == '*' && *p == '*') {
            p++;
            p += *p == '/';
            push(pat, *p ? ELEMENTS : ANYTHING, 0);
            if (*p)
                pat->shape = TOKENS;
            else
                pat->shape = pat->shape == EXACT ? PREFIX : TOKENS;
            if (pat->tokens.n == 1)
                pat->shape = SUFFIX;
        } else if (c == '*' || c == '?') {
            push(pat, c == '*' ? RUN : ONE, 0);
            if (c == '?')
                push(pat, REST, 0);
            pat->shape = TOKENS;
        } else if (c == '[') {
            struct token t = { .kind = SET };
            p = read_set(p, &t);
            if (!p)
                return false;
            skf_vec_push(&pat->tokens, t);
            pat->shape = TOKENS;
        } else if (c == ']') {
            push(pat, CHAR, c);
            pat->shape = TOKENS;
        } else if (c == '\\') {
            struct token t = { .kind = CHAR, .byte = (unsigned char)*p };
            if (!*p)
                return false;
            if (!add_escape_class(&t, *p))
                t.kind = CHAR;
            skf_vec_push(&pat->tokens, t);
            p++;
            pat->shape = TOKENS;
        } else {
            push(pat, c == '^' ? START : CHAR, c);
        }
    }
    return true;
}

/* Positions in the pattern that are alive after what has been read: advances over all bytes at
 * once, so the cost is path x pattern whatever the pattern is. */
static void add_state(const struct skf_docker_pattern *pat, bool *on, size_t at, size_t read)
{
    for (; at <= pat->tokens.n && !on[at]; at++) {
        on[at] = true;
        if (at == pat->tokens.n)
            return;
        enum kind k = pat->tokens.v[at].kind;
        bool passes =
            k == RUN || k == REST || k == ANYTHING || k == ELEMENTS || (k == START && read == 0);
        if (!passes)
            return;
    }
}

enum { MAX_TOKENS = 1024 };

static bool run_tokens(const struct skf_docker_pattern *pat, const char *path, size_t len)
{
    bool a[MAX_TOKENS + 1], b[MAX_TOKENS + 1];
    bool *now = a, *next = b;
    size_t n = pat->tokens.n;
    memset(now, 0, n + 1);
    add_state(pat, now, 0, 0);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)path[i];
        bool any = false;
        memset(next, 0, n + 1);
        for (size_t s = 0; s < n; s++) {
            if (!now[s])
                continue;
            const struct token *t = &pat->tokens.v[s];
            bool stays = (t->kind == RUN && c != '/') || t->kind == ANYTHING ||
                         (t->kind == REST && (c & 0xc0) == 0x80);
            bool goes = (t->kind == CHAR && t->byte == c) || (t->kind == ONE && c != '/') ||
                        (t->kind == SET && set_has(t, c));
            /* "(.*\/)?": may be left only behind a slash; until then it eats everything. */
            if (t->kind == ELEMENTS) {
                if (c == '/')
                    add_state(pat, next, s + 1, i + 1);
                next[s] = true;
                any = true;
                continue;
            }
            if (stays)
                add_state(pat, next, s, i + 1);
            if (goes)
                add_state(pat, next, s + 1, i + 1);
            any = any || stays || goes;
        }
        if (!any)
            return false;
        bool *swap = now;
        now = next;
        next = swap;
    }
    return now[n];
}

static bool matches(const struct skf_docker_pattern *pat, const char *path)
{
    size_t len = strlen(path), pattern_len = strlen(pat->text);
    switch (pat->shape) {
    case EXACT:
        return strcmp(pat->text, path) == 0;
    case PREFIX:
        while (pattern_len && (pat->text[pattern_len - 1] == '*'))
            pattern_len--;
        return strncmp(path, pat->text, pattern_len) == 0;
    case SUFFIX: {
        const char *suffix = pat->text + 2;
        size_t suffix_len = pattern_len - 2;
        if (len >= suffix_len && strcmp(path + len - suffix_len, suffix) == 0)
            return true;
        return suffix[0] == '/' && strcmp(path, suffix + 1) == 0;
    }
    case TOKENS:
        break;
    }
    return run_tokens(pat, path, len);
}

/* --- the file --------------------------------------------------------------------------------- */

enum { LINE_MAX_BYTES = 64 * 1024 };

static void trim(const char **p, size_t *len)
{
    static const char blanks[] = " \t\r\v\f";
    while (*len && strchr(blanks, **p))
        (*p)++, (*len)--;
    while (*len && strchr(blanks, (*p)[*len - 1]))
        (*len)--;
}

static void pattern_release(struct skf_docker_pattern *pat)
{
    free(pat->text);
    skf_vec_release(&pat->tokens);
}

struct patterns {
    SKF_VEC(struct skf_docker_pattern) list;
    bool exceptions;
};

static int read_line(const char *p, size_t len, struct patterns *out, struct skf_err *err)
{
    struct skf_docker_pattern pat = { 0 };
    if (len && *p == '#')
        return 0;
    trim(&p, &len);
    if (!len)
        return 0;
    if (*p == '!') {
        pat.exception = true;
        p++, len--;
        trim(&p, &len);
        if (!len)
            return skf_err_set(err, SKF_ECONFIG, "illegal exclusion pattern: \"!\"");
    }
    skf_autofree char *raw = skf_xstrndup(p, len);
    pat.text = skf_path_clean(raw);
    if (pat.text[0] == '/' && pat.text[1])
        memmove(pat.text, pat.text + 1, strlen(pat.text));
    if (strlen(pat.text) > MAX_TOKENS / 2 || !compile(&pat)) {
        bool long_ = strlen(pat.text) > MAX_TOKENS / 2;
        pattern_release(&pat);
        return long_ ? skf_err_set(err, SKF_ETOOBIG, "the pattern is longer than %d characters",
                                   MAX_TOKENS / 2)
                     : skf_err_set(err, SKF_ECONFIG, "syntax error in pattern '%.200s'", raw);
    }
    out->exceptions = out->exceptions || pat.exception;
    skf_vec_push(&out->list, pat);
    return 0;
}

static void drop(struct skf_docker_pattern *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pattern_release(&list[i]);
    free(list);
}

int skf_docker_ignore_parse(const char *text, size_t len, const char *file,
                            struct skf_docker_ignore *out, struct skf_err *err)
{
    struct patterns got = { 0 };
    int line = 0, rc = 0;
    if (len > SKF_DOCKER_IGNORE_MAX)
        return skf_err_set(err, SKF_ETOOBIG, "'%s' has more than %d bytes", file,
                           SKF_DOCKER_IGNORE_MAX);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, len -= 3;
    while (len && rc == 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;
        line++;
        if (n > LINE_MAX_BYTES)
            rc = skf_err_set(err, SKF_ETOOBIG, "the line is longer than %d bytes", LINE_MAX_BYTES);
        else if (got.list.n >= SKF_DOCKER_IGNORE_MAX_PATTERNS)
            rc = skf_err_set(err, SKF_ETOOBIG, "there are more than %d patterns",
                             SKF_DOCKER_IGNORE_MAX_PATTERNS);
        else
            rc = read_line(text, n, &got, err);
        n += end != NULL;
        text += n;
        len -= n;
    }
    if (rc < 0) {
        drop(got.list.v, got.list.n);
        skf_err_at(err, file, line, 0);
        return rc;
    }
    out->patterns = got.list.v;
    out->n = got.list.n;
    out->exceptions = got.exceptions;
    return 0;
}

void skf_docker_ignore_release(struct skf_docker_ignore *ig)
{
    drop(ig->patterns, ig->n);
    memset(ig, 0, sizeof *ig);
}

/* --- asking ----------------------------------------------------------------------------------- */

bool skf_docker_ignored_below(const struct skf_docker_ignore *ig, const char *path,
                              const bool *parent, bool *hits)
{
    bool ignored = false;
    for (size_t i = 0; i < ig->n; i++) {
        const struct skf_docker_pattern *pat = &ig->patterns[i];
        hits[i] = (parent && parent[i]) || matches(pat, path);
        if (hits[i])
            ignored = !pat->exception;
    }
    return ignored;
}

bool skf_docker_ignored(const struct skf_docker_ignore *ig, const char *path)
{
    bool ignored = false;
    skf_autofree char *part = skf_xstrdup(path);
    skf_autofree bool *hits = skf_xcalloc(ig->n + 1, sizeof *hits);
    if (!path[0] || strcmp(path, ".") == 0)
        return false;
    /* From the topmost directory down to the path itself. */
    for (size_t i = 1;; i++) {
        if (path[i] && path[i] != '/')
            continue;
        part[i] = '\0';
        ignored = skf_docker_ignored_below(ig, part, hits, hits);
        part[i] = path[i];
        if (!path[i])
            return ignored;
    }
}

bool skf_docker_ignore_prunes(const struct skf_docker_ignore *ig, const char *dir, bool classic)
{
    size_t len = strlen(dir);
    for (size_t i = 0; i < ig->n; i++) {
        const struct skf_docker_pattern *pat = &ig->patterns[i];
        if (!pat->exception)
            continue;
        size_t n = strlen(pat->text);
        if (n >= 3 && strcmp(pat->text + n - 3, "/**") == 0)
            n -= 3;
        else if (n >= 2 && strcmp(pat->text + n - 2, "/*") == 0)
            n -= 2;
        if (!classic && strcspn(pat->text, "*[]?^\\") < n)
            return false;
        if (strncmp(pat->text, dir, len) == 0 && (pat->text[len] == '/' || !pat->text[len]))
            return false;
    }
    return true;
}

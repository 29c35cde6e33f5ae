#include "lib/base/glob.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/mem.h"

/* Patterns come from files: bound the work of hostile ones ("*" * 50, nested braces), and the
 * stack. */
enum { MAX_PATTERN = 4096, MAX_STEPS = 200000, MAX_DEPTH = 64, MAX_LEVEL = 5000 };

struct match {
    const char *text; /* start of the whole path */
    int steps, level;
};

static bool match_here(struct match *m, const char *p, const char *s, int depth);

/* A class starting behind "[": sets *end behind "]"; false when there is no "]". */
static bool class_has(const char *p, unsigned char c, const char **end, bool *valid)
{
    bool negate = *p == '^' || *p == '!';
    bool hit = false;
    if (negate)
        p++;
    const char *first = p;
    while (*p && (*p != ']' || p == first)) {
        if (*p == '\\' && p[1])
            p++;
        unsigned char lo = (unsigned char)*p++, hi = lo;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            p++;
            if (*p == '\\' && p[1])
                p++;
            hi = (unsigned char)*p++;
        }
        hit = hit || (lo <= c && c <= hi);
    }
    *valid = *p == ']';
    *end = *valid ? p + 1 : p;
    return hit != negate;
}

/* The brace group that starts at p ("{"): tries each alternative joined with what follows. */
static bool match_braces(struct match *m, const char *p, const char *s, int depth)
{
    int level = 0;
    const char *close = p;
    for (; *close; close++) {
        if (*close == '\\' && close[1])
            close++;
        else if (*close == '{')
            level++;
        else if (*close == '}' && --level == 0)
            break;
    }
    m->steps += (int)(close - p) / 16; /* looking for it is work too */
    if (!*close || depth >= MAX_DEPTH)
        return *s == '{' && match_here(m, p + 1, s + 1, depth + 1);
    const char *rest = close + 1;
    const char *start = p + 1;
    level = 0;
    for (const char *q = p + 1;; q++) {
        if (*q == '\\' && q < close) {
            q++;
            continue;
        }
        if (*q == '{')
            level++;
        else if (*q == '}' && q != close)
            level--;
        if (q == close || (*q == ',' && level == 0)) {
            size_t alt = (size_t)(q - start), tail = strlen(rest);
            if (alt + tail < MAX_PATTERN) {
                skf_autofree char *joined = skf_xmalloc(alt + tail + 1);
                memcpy(joined, start, alt);
                memcpy(joined + alt, rest, tail + 1);
                if (match_here(m, joined, s, depth + 1))
                    return true;
            }
            start = q + 1;
        }
        if (q == close)
            return false;
    }
}

/* "**" that is a whole element. A pattern's elements start where those of the path do. */
static bool spans(const struct match *m, const char *p, const char *s)
{
    return p[0] == '*' && p[1] == '*' && (p[2] == '/' || p[2] == '\0') &&
           (s == m->text || s[-1] == '/');
}

static bool match_from(struct match *m, const char *p, const char *s, int depth)
{
    for (;;) {
        if (++m->steps > MAX_STEPS)
            return false;
        switch (*p) {
        case '\0':
            return *s == '\0';
        case '*':
            if (spans(m, p, s)) {
                while (strncmp(p, "**/**/", 6) == 0)
                    p += 3; /* a second one says nothing new */
                if (p[2] == '\0')
                    return true;
                for (const char *t = s;;) { /* any number of whole elements */
                    if (match_here(m, p + 3, t, depth))
                        return true;
                    t = strchr(t, '/');
                    if (!t || m->steps > MAX_STEPS)
                        return false;
                    t++;
                }
            }
            while (*p == '*')
                p++;
            for (const char *t = s;; t++) {
                if (match_here(m, p, t, depth))
                    return true;
                if (*t == '\0' || *t == '/' || m->steps > MAX_STEPS)
                    return false;
            }
        case '?':
            if (*s == '\0' || *s == '/')
                return false;
            p++, s++;
            while (((unsigned char)*s & 0xc0) == 0x80)
                s++; /* the rest of a UTF-8 character */
            break;
        case '[': {
            const char *end;
            bool valid;
            bool hit = class_has(p + 1, (unsigned char)*s, &end, &valid);
            m->steps += (int)(end - p) / 16;
            if (!valid || !hit || *s == '\0' || *s == '/')
                return false;
            p = end;
            s++;
            break;
        }
        case '{':
            return match_braces(m, p, s, depth);
        case '/':
            /* a pattern that ends in two stars also names the directory itself */
            if (*s == '\0' && strcmp(p, "/**") == 0)
                return true;
            if (*s != '/')
                return false;
            p++, s++;
            break;
        case '\\':
            if (p[1])
                p++;
            /* fall through */
        default:
            if (*p != *s)
                return false;
            p++, s++;
        }
    }
}

static bool match_here(struct match *m, const char *p, const char *s, int depth)
{
    if (m->level >= MAX_LEVEL)
        return false;
    m->level++;
    bool matches = match_from(m, p, s, depth);
    m->level--;
    return matches;
}

bool skf_glob_match(const char *pattern, const char *path)
{
    struct match m = { .text = path };
    while (strncmp(pattern, "./", 2) == 0)
        pattern += 2;
    if (strnlen(pattern, MAX_PATTERN) == MAX_PATTERN)
        return false;
    return match_here(&m, pattern, path, 0);
}

bool skf_glob_has_meta(const char *text)
{
    return strpbrk(text, "*?[{") != NULL;
}

#include "builders/ko/goscan.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_SOURCE = 32 * 1024 * 1024 };

struct cursor {
    const char *p, *end;
};

/* Blanks and comments; constraints among them are taken by the line scan. */
static void skip_blank(struct cursor *c)
{
    while (c->p < c->end) {
        if (isspace((unsigned char)*c->p) || *c->p == ';') {
            c->p++;
        } else if (c->end - c->p >= 2 && c->p[0] == '/' && c->p[1] == '/') {
            const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
            c->p = nl ? nl : c->end;
        } else if (c->end - c->p >= 2 && c->p[0] == '/' && c->p[1] == '*') {
            const char *close = memmem(c->p + 2, (size_t)(c->end - c->p - 2), "*/", 2);
            c->p = close ? close + 2 : c->end;
        } else {
            return;
        }
    }
}

static bool word(struct cursor *c, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(c->end - c->p) <= n || memcmp(c->p, w, n) != 0)
        return false;
    unsigned char next = (unsigned char)c->p[n];
    if (isalnum(next) || next == '_' || next >= 0x80)
        return false;
    c->p += n;
    return true;
}

/* "..." or `...`, which holds no escapes in an import path worth reading. */
static void skip_string(struct cursor *c)
{
    char quote = *c->p++;
    while (c->p < c->end && *c->p != quote && (quote == '`' || *c->p != '\n'))
        c->p += *c->p == '\\' && quote == '"' && c->p + 1 < c->end ? 2 : 1;
    if (c->p < c->end)
        c->p++;
}

/* Behind "import": one spec, or all up to the closing parenthesis. */
static void skip_import(struct cursor *c)
{
    bool group = false;
    while (c->p < c->end) {
        skip_blank(c);
        if (c->p >= c->end)
            return;
        if (*c->p == '(' && !group) {
            group = true;
            c->p++;
        } else if (*c->p == ')' && group) {
            c->p++;
            return;
        } else if (*c->p == '"' || *c->p == '`') {
            skip_string(c);
            if (!group)
                return;
        } else if (*c->p == '.' || *c->p == '_' || isalnum((unsigned char)*c->p) ||
                   (unsigned char)*c->p >= 0x80) {
            c->p++;
        } else {
            return; /* broken code */
        }
    }
}

static void take(struct skf_buf *out, const char *from, const char *to)
{
    skf_buf_add(out, from, (size_t)(to - from));
    skf_buf_addc(out, '\n');
}

static void scan_directives(const char *text, size_t len, struct skf_buf *out)
{
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        const char *stop = nl ? nl : end;
        const char *p = line;
        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        size_t n = (size_t)(stop - p);
        if ((n > 5 && memcmp(p, "//go:", 5) == 0) || (n > 9 && memcmp(p, "// +build", 9) == 0))
            take(out, p, stop);
        line = stop + 1;
    }
}

void skf_goscan(const char *text, size_t len, struct skf_buf *out)
{
    struct cursor c = { text, text + len };
    for (;;) {
        skip_blank(&c);
        const char *from = c.p;
        if (word(&c, "package")) {
            const char *nl = memchr(c.p, '\n', (size_t)(c.end - c.p));
            c.p = nl ? nl : c.end;
        } else if (word(&c, "import")) {
            skip_import(&c);
        } else {
            break;
        }
        take(out, from, c.p);
    }
    scan_directives(text, len, out);
}

bool skf_goscan_is_source(const char *name)
{
    size_t len = strlen(name);
    if (len < 4 || strcmp(name + len - 3, ".go") != 0 || name[0] == '_' || name[0] == '.')
        return false;
    return len < 8 || strcmp(name + len - 8, "_test.go") != 0;
}

static void note_time(const char *path, int64_t *newest_us)
{
    struct stat st;
    if (!newest_us || stat(path, &st) < 0)
        return;
    const struct timespec *times[] = { &st.st_mtim, &st.st_ctim }; /* mv keeps the first */
    for (size_t i = 0; i < SKF_ARRAY_LEN(times); i++) {
        int64_t us = (int64_t)times[i]->tv_sec * 1000000 + times[i]->tv_nsec / 1000;
        if (us > *newest_us)
            *newest_us = us;
    }
}

void skf_goscan_dir(const char *dir, struct skf_sha256 *h, int64_t *newest_us)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_list(dir, &names, &ignored) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        if (!skf_goscan_is_source(names.v[i]))
            continue;
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        skf_autobuf struct skf_buf text = SKF_BUF_INIT, part = SKF_BUF_INIT;
        note_time(path, newest_us);
        if (skf_file_read(path, MAX_SOURCE, &text, &ignored) == 0)
            skf_goscan(text.data, text.len, &part);
        skf_sha256_add(h, names.v[i], strlen(names.v[i]) + 1);
        skf_sha256_add(h, part.data, part.len + 1);
    }
}

void skf_goscan_stat(const char *path, struct skf_sha256 *h)
{
    struct stat st;
    struct {
        long long size, s, ns, changed_s, changed_ns;
        unsigned long long ino;
    } seen = { .size = -1 };
    if (stat(path, &st) == 0) {
        seen.size = st.st_size;
        seen.s = st.st_mtim.tv_sec;
        seen.ns = st.st_mtim.tv_nsec;
        seen.changed_s = st.st_ctim.tv_sec;
        seen.changed_ns = st.st_ctim.tv_nsec;
        seen.ino = st.st_ino;
    }
    skf_sha256_add(h, path, strlen(path) + 1);
    skf_sha256_add(h, &seen, sizeof seen);
}

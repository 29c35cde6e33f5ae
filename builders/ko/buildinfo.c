#include "builders/ko/buildinfo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum {
    WINDOW = 256 * 1024,
    HEADER = 32, /* magic, pointer size, flags, then unused since Go 1.18 */
    MAX_TEXT = 16 << 20,
    SENTINEL = 16, /* around the text of modules */
    FLAGS_AT = 15,
    INLINE_TEXT = 2, /* flag: the texts follow, not pointers to them */
};

/* Split, so that our own constant is not what is found in a program that contains this one. */
static const char magic_head[] = "\xff Go build", magic_tail[] = "inf:";

static bool is_magic(const unsigned char *at)
{
    size_t head = sizeof magic_head - 1;
    return memcmp(at, magic_head, head) == 0 &&
           memcmp(at + head, magic_tail, sizeof magic_tail - 1) == 0;
}

/* A length in Go's varint, then so many bytes; owned, or NULL when the file does not have them. */
static char *read_text(int fd, off_t *at, size_t *size)
{
    unsigned char head[10];
    ssize_t got = pread(fd, head, sizeof head, *at);
    uint64_t len = 0;
    ssize_t n = 0;
    for (unsigned shift = 0; n < got && shift < 64; shift += 7) {
        unsigned char c = head[n++];
        len |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            break;
    }
    if (n < 1 || (head[n - 1] & 0x80) || len > MAX_TEXT)
        return NULL;
    char *text = skf_xmalloc(len + 1);
    if (pread(fd, text, len, *at + n) != (ssize_t)len) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *size = len;
    *at += n + (off_t)len;
    return text;
}

/* The modules' text at a place that looks right; owned, or NULL. */
static char *text_at(int fd, off_t at)
{
    unsigned char header[HEADER];
    if (pread(fd, header, HEADER, at) != HEADER || !(header[FLAGS_AT] & INLINE_TEXT))
        return NULL;
    size_t len = 0;
    at += HEADER;
    skf_autofree char *version = read_text(fd, &at, &len);
    if (!version || (strncmp(version, "go", 2) != 0 && strncmp(version, "devel", 5) != 0))
        return NULL; /* the constant of somebody who reads build information */
    skf_autofree char *modules = read_text(fd, &at, &len);
    if (!modules || len < 2 * SENTINEL + 1 || modules[len - SENTINEL - 1] != '\n')
        return NULL;
    return skf_xstrndup(modules + SENTINEL, len - 2 * SENTINEL);
}

static char *find_text(int fd)
{
    skf_autofree unsigned char *window = skf_xmalloc(WINDOW);
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, window, WINDOW, at)) >= HEADER; at += n - n % SENTINEL) {
        for (ssize_t i = 0; i + SENTINEL <= n; i += SENTINEL) {
            char *text = is_magic(window + i) ? text_at(fd, at + i) : NULL;
            if (text)
                return text;
        }
    }
    return NULL;
}

static struct skf_go_module module_of(const char *line)
{
    skf_autostrv struct skf_strv part = SKF_STRV_INIT;
    const char *field[3] = { "", "", "" };
    size_t n = 0;
    skf_strv_split(&part, line, "\t");
    for (size_t i = 1; i < part.n && n < 3; i++)
        field[n++] = part.v[i];
    return (struct skf_go_module){ skf_xstrdup(field[0]), skf_xstrdup(field[1]),
                                   skf_xstrdup(field[2]) };
}

static void module_release(struct skf_go_module *m)
{
    free(m->path);
    free(m->version);
    free(m->sum);
}

void skf_go_buildinfo_parse(const char *text, struct skf_go_buildinfo *out)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    *out = (struct skf_go_buildinfo){ 0 };
    skf_strv_split(&lines, text, "\n");
    for (size_t i = 0; i < lines.n; i++) {
        const char *line = lines.v[i];
        if (strncmp(line, "mod\t", 4) == 0) {
            module_release(&out->main);
            out->main = module_of(line);
        } else if (strncmp(line, "dep\t", 4) == 0) {
            skf_vec_push(&out->deps, module_of(line));
        }
    }
    if (!out->main.path)
        out->main = module_of("");
}

bool skf_go_buildinfo_read(int fd, struct skf_go_buildinfo *out)
{
    skf_autofree char *text = find_text(fd);
    skf_go_buildinfo_parse(text ? text : "", out);
    return text != NULL;
}

void skf_go_buildinfo_release(struct skf_go_buildinfo *b)
{
    module_release(&b->main);
    for (size_t i = 0; i < b->deps.n; i++)
        module_release(&b->deps.v[i]);
    skf_vec_release(&b->deps);
    memset(b, 0, sizeof *b);
}

#include "builders/ko/goerror.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"

struct known {
    const char *text;
    const char *advice;
};

static const struct known known_texts[] = {
    { "go.mod file not found",
      "run 'go mod init NAME' and 'go mod tidy' there, or set 'dir' or 'context' "
      "to the directory of the module" },
    { "cannot find main module",
      "run 'go mod init NAME' there, or set 'dir' or 'context' to the directory "
      "of the module" },
    { "missing go.sum entry", "run 'go mod tidy'" },
    { "updates to go.mod needed", "run 'go mod tidy'" },
    { "inconsistent vendoring", "run 'go mod vendor'" },
    { "no required module provides package",
      "check the import path, or add its module with 'go get'" },
    { "does not contain modules listed in go.work", "add the directory with 'go work use', or set "
                                                    "GOWORK=off" },
    { "current directory is contained in a module that is not one of the workspace modules",
      "add the directory with 'go work use', or set GOWORK=off" },
    { "build constraints exclude all Go files", "check the platform and the -tags in 'flags'" },
    { "directory not found", "check 'main', 'dir' and 'context' in skaffold.yaml" },
    { "is not in std", "a directory is written './dir' in 'main'; else check the import path" },
    { "is not in GOROOT", "a directory is written './dir' in 'main'; else check the import path" },
    { "error obtaining VCS status",
      "add '-buildvcs=false' to 'flags', or let git trust the directory "
      "(safe.directory)" },
    { "toolchain not available",
      "install a newer Go, or allow Go to fetch one (GOTOOLCHAIN=auto)" },
    { "(running go ", "install a newer Go, or allow Go to fetch one (GOTOOLCHAIN=auto)" },
    { "C source files not allowed when not using cgo",
      "cgo is off: add 'CGO_ENABLED=1' to 'env' and use "
      "a base image with a libc" },
    { "cgo: C compiler", "install a C compiler, or leave out CGO_ENABLED=1" },
    { "no space left on device", "make room: 'go clean -cache' frees Go's build cache" },
};

static bool number(const char **p, int *out)
{
    int n = 0;
    const char *s = *p;
    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s) && n < 100000000; s++)
        n = n * 10 + (*s - '0');
    *p = s;
    *out = n;
    return true;
}

bool skf_goerror_split(const char *text, size_t *file_len, int *line, int *col, const char **rest)
{
    if (text[0] == ':')
        return false;
    for (const char *p = text; (p = strchr(p, ':')); p++) {
        const char *q = p + 1;
        int l, c = 0;
        if (!number(&q, &l) || *q != ':')
            continue;
        const char *after = q + 1;
        if (number(&after, &c) && *after == ':')
            after++;
        else {
            c = 0;
            after = q + 1;
        }
        *file_len = (size_t)(p - text);
        *line = l;
        *col = c;
        while (*after == ' ')
            after++;
        *rest = after;
        return true;
    }
    return false;
}

static bool is_source(const char *name, size_t len)
{
    static const char *const ends[] = { ".go", ".s",   ".S",     ".c",      ".h",
                                        ".cc", ".cpp", "go.mod", "go.work", "go.sum" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(ends); i++) {
        size_t n = strlen(ends[i]);
        if (len > n && strncmp(name + len - n, ends[i], n) == 0)
            return true;
        if (len == n && ends[i][0] == 'g' && strncmp(name, ends[i], n) == 0)
            return true;
    }
    return false;
}

/* Go writes "./main.go", "sub/x.go" or an absolute name; people want one from where they stand. */
static void set_file(struct skf_goerror *g, const char *name, size_t len, const char *dir)
{
    skf_autofree char *text = skf_xstrndup(name, len);
    skf_autofree char *full = skf_path_abs(dir, text);
    skf_autofree char *here = skf_path_abs(NULL, ".");
    if (skf_path_within(here, full)) {
        skf_autofree char *rel = skf_path_rel(here, full);
        snprintf(g->file, sizeof g->file, "%s", rel);
    } else {
        snprintf(g->file, sizeof g->file, "%s", full);
    }
}

void skf_goerror_line(struct skf_goerror *g, const char *text, const char *dir)
{
    for (size_t i = 0; !g->advice && i < SKF_ARRAY_LEN(known_texts); i++)
        if (strstr(text, known_texts[i].text))
            g->advice = known_texts[i].advice;
    /* "# example.com/m/cmd" heads the errors of a package; the place says it better. */
    if (text[0] == '#' || !text[strspn(text, " \t")])
        return;
    size_t file_len;
    int line, col;
    const char *rest;
    if (skf_goerror_split(text, &file_len, &line, &col, &rest) && is_source(text, file_len)) {
        if (g->places++ == 0) {
            set_file(g, text, file_len, dir);
            g->line = line;
            g->col = col;
            snprintf(g->first, sizeof g->first, "%s", rest);
        }
    } else if (!g->other[0] && strncmp(text, "go: downloading ", 16) != 0) {
        snprintf(g->other, sizeof g->other, "%s", strncmp(text, "go: ", 4) == 0 ? text + 4 : text);
    }
}

void skf_goerror_set(const struct skf_goerror *g, struct skf_err *err)
{
    const char *text = g->first[0] ? g->first : g->other[0] ? g->other : "go failed without a word";
    char more[64] = "";
    if (g->places > 1)
        snprintf(more, sizeof more, " (and %zu more)", g->places - 1);
    /* The advice says it better. */
    const char *help = strstr(text, "; see 'go help modules'");
    size_t len = help ? (size_t)(help - text) : strlen(text);
    while (len && (text[len - 1] == ':' || text[len - 1] == ' '))
        len--; /* "no required module provides package X; to add it:" */
    *err = (struct skf_err)SKF_ERR_INIT;
    skf_err_set(err, SKF_EBUILD, "%.*s%s%s%s", (int)len, text, more, g->advice ? ": " : "",
                g->advice ? g->advice : "");
    if (g->places)
        skf_err_at(err, g->file, g->line, g->col);
}

void skf_goerror_from_text(const char *text, const char *dir, struct skf_err *err)
{
    struct skf_goerror g = { 0 };
    while (*text) {
        size_t len = strcspn(text, "\n");
        skf_autofree char *line = skf_xstrndup(text, len);
        skf_goerror_line(&g, line, dir);
        text += len + (text[len] == '\n');
    }
    skf_goerror_set(&g, err);
}

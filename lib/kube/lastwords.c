#include "lib/kube/lastwords.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

static bool has_any(const char *line, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasestr(line, words[i]))
            return true;
    }
    return false;
}
#define HAS_ANY(line, list) has_any(line, list, SKF_ARRAY_LEN(list))

/* --- stacks ----------------------------------------------------------------------------------- */

/* "    app/main.go:85 +0x1d4": the first frame that is not the runtime's own. */
static char *go_frame(const struct skf_strv *lines, size_t from)
{
    for (size_t i = from; i < lines->n; i++) {
        const char *line = lines->v[i] + strspn(lines->v[i], " ");
        const char *end = strstr(line, ".go:");
        if (!end || line == lines->v[i] || strstr(line, "runtime/") || strstr(line, "/panic.go"))
            continue;
        size_t len = (size_t)(end - line) + 4;
        len += strspn(line + len, "0123456789");
        const char *name = line;
        for (const char *p = line; p < end; p++)
            name = *p == '/' ? p + 1 : name;
        return skf_xstrndup(name, len - (size_t)(name - line));
    }
    return NULL;
}

/* "    at com.example.Main.main(Main.java:12)", "    at run (/app/index.js:3:9)" */
static char *at_frame(const struct skf_strv *lines, size_t from)
{
    for (size_t i = from; i < lines->n; i++) {
        const char *line = lines->v[i] + strspn(lines->v[i], " ");
        const char *open = strchr(line, '(');
        const char *close = open ? strchr(open, ')') : NULL;
        if (strncmp(line, "at ", 3) != 0 || !close || !memchr(open, ':', (size_t)(close - open)) ||
            strncmp(open + 1, "node:", 5) == 0)
            continue;
        return skf_xstrndup(open + 1, (size_t)(close - open) - 1);
    }
    return NULL;
}

static char *with_place(const char *words, char *place)
{
    if (!place)
        return skf_xstrdup(words);
    char *text = skf_xasprintf("%s (at %s)", words, place);
    free(place);
    return text;
}

/* Behind "Traceback": the files, then the exception at the left margin. */
static char *python(const struct skf_strv *lines, size_t from)
{
    const char *file = NULL, *last = NULL;
    for (size_t i = from + 1; i < lines->n; i++) {
        if (strncmp(lines->v[i], "  File \"", 8) == 0)
            file = lines->v[i] + 8;
        else if (lines->v[i][0] != ' ' && strncmp(lines->v[i], "Traceback", 9) != 0 &&
                 strncmp(lines->v[i], "During handling", 15) != 0)
            last = lines->v[i];
    }
    if (!last)
        return skf_xstrdup(lines->v[from]);
    const char *quote = file ? strchr(file, '"') : NULL;
    const char *number = quote ? strstr(quote, "line ") : NULL;
    if (!number)
        return skf_xstrdup(last);
    return with_place(last, skf_xasprintf("%.*s:%.*s", (int)(quote - file), file,
                                          (int)strspn(number + 5, "0123456789"), number + 5));
}

static char *java(const struct skf_strv *lines, size_t from)
{
    size_t cause = from;
    for (size_t i = from; i < lines->n; i++) {
        if (strncmp(lines->v[i], "Caused by: ", 11) == 0)
            cause = i;
    }
    const char *words = lines->v[cause] + (cause == from ? 0 : 11);
    return with_place(words, at_frame(lines, cause + 1));
}

/* The beginning of what a runtime says of its own death; NULL: not one. */
static char *stack_words(const struct skf_strv *lines, size_t i)
{
    const char *line = lines->v[i];
    static const char *const plain[] = { "Unhandled exception", "Segmentation fault", "Uncaught ",
                                         "FATAL EXCEPTION" };
    if (strncmp(line, "panic: ", 7) == 0 || strncmp(line, "fatal error: ", 13) == 0)
        return with_place(line, go_frame(lines, i + 1));
    if (strncmp(line, "Traceback (most recent", 22) == 0)
        return python(lines, i);
    if (strncmp(line, "Exception in thread", 19) == 0)
        return java(lines, i);
    if (strncmp(line, "thread '", 8) == 0 && strstr(line, "panicked at")) {
        size_t len = strlen(line);
        if (len && line[len - 1] == ':' && i + 1 < lines->n)
            return skf_xasprintf("%s %s", line, lines->v[i + 1]);
        return skf_xstrdup(line);
    }
    return HAS_ANY(line, plain) ? skf_xstrdup(line) : NULL;
}

/* --- lines ------------------------------------------------------------------------------------ */

static const char *member(const json_t *o, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_object_get(o, names[i]));
        if (text && *text)
            return text;
    }
    return NULL;
}

/* {"level":"fatal","msg":"cannot open the database","error":"no such host"} in words. */
static char *plain_words(const char *line)
{
    static const char *const says[] = { "msg", "message", "@message", "event", "text" };
    static const char *const errors[] = { "error", "err", "exception", "cause", "reason" };
    json_t *o = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
    const char *said = member(o, says, SKF_ARRAY_LEN(says));
    const char *error = member(o, errors, SKF_ARRAY_LEN(errors));
    char *text = said && error && !strstr(said, error) ? skf_xasprintf("%s: %s", said, error)
                 : said || error                       ? skf_xstrdup(said ? said : error)
                                                       : skf_xstrdup(line + strspn(line, " "));
    json_decref(o);
    return text;
}

/* Says nothing of why. */
static bool is_noise(const char *line)
{
    static const char *const starts[] = { "goroutine ", "exit status ", "Usage",
                                          "usage",      "Node.js v",    "npm ERR!",
                                          "    at ",    "Aborted",      "created by " };
    for (size_t i = 0; i < SKF_ARRAY_LEN(starts); i++) {
        if (strncmp(line, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    return false;
}

static const char *last_with(const struct skf_strv *lines, const char *const *words, size_t n)
{
    for (size_t i = lines->n; i > 0; i--) {
        const char *line = lines->v[i - 1];
        if (line[0] != ' ' && !is_noise(line) && has_any(line, words, n))
            return line;
    }
    return NULL;
}

char *skf_last_words(const struct skf_strv *lines)
{
    static const char *const strong[] = { "error",  "fatal",     "exception", "failed",
                                          "cannot", "could not", "unable",    "no such",
                                          "denied", "refused",   "can't",     "panic" };
    static const char *const weak[] = { "not set", "required",    "missing",   "invalid",
                                        "unknown", "not defined", "not found", "expired",
                                        "must ",   "unrecognized" };
    for (size_t i = 0; i < lines->n; i++) {
        char *words = stack_words(lines, i);
        if (words)
            return words;
    }
    const char *line = last_with(lines, strong, SKF_ARRAY_LEN(strong));
    if (!line)
        line = last_with(lines, weak, SKF_ARRAY_LEN(weak));
    if (!line)
        line = last_with(lines, (const char *const[]){ "" }, 1);
    if (!line && lines->n)
        line = lines->v[lines->n - 1];
    return line ? plain_words(line) : skf_xstrdup("");
}

/* --- well-known things ------------------------------------------------------------------------ */

const struct skf_words_hint *skf_last_words_hint(const char *words)
{
    static const struct {
        const char *text[6]; /* one of them is in the words */
        struct skf_words_hint hint;
    } known[] = {
        { { "exec format error" },
          { "build it for the node's platform (--platform), or give the script a first line "
            "'#!...'",
            "command", true } },
        { { "read-only file system", "EROFS", "Read-only file system" },
          { "its root file system is read-only: mount an emptyDir where it writes",
            "securityContext.readOnlyRootFilesystem", false } },
        { { "bind: permission denied", "bind() to 0.0.0.0:80 failed",
            "EACCES: permission denied 0" },
          { "ports below 1024 are not for its user: listen on a higher one", "ports", false } },
        { { "address already in use", "EADDRINUSE", "Address in use" },
          { "another container of the pod, or it itself, has that port already", "ports", false } },
        { { "flag provided but not defined", "unknown flag", "unknown shorthand flag",
            "unrecognized argument", "unrecognized option", "unknown option" },
          { "check its args in the manifest", "args", false } },
        { { "system:serviceaccount:" },
          { "give its ServiceAccount a Role that allows it (RBAC)", NULL, false } },
        { { "heap out of memory", "OutOfMemoryError", "cannot allocate memory", "bad_alloc" },
          { "raise resources.limits.memory, or make it use less", "resources.limits.memory",
            false } },
        { { "no space left on device", "ENOSPC", "disk quota exceeded" },
          { "give it a larger volume", "volumeMounts", false } },
        { { "signed by unknown authority", "unable to get local issuer certificate",
            "self-signed certificate", "CERTIFICATE_VERIFY_FAILED" },
          { "the certificates that it trusts (CA) are not in its image", "", false } },
        { { "no such host", "ENOTFOUND", "name resolution", "could not translate host name",
            "Name or service not known", "EAI_AGAIN" },
          { "is there a Service of that name in its namespace?", "env", false } },
        { { "connection refused", "ECONNREFUSED" },
          { "is what it connects to deployed, and the address right?", "env", false } },
        { { "environment variable", "is not set", "must be set", "env var", "not defined in env",
            "KeyError: '" },
          { "set it in env", "env", false } },
        { { "permission denied", "EACCES", "Permission denied", "Operation not permitted" },
          { "its user may not do that: check runAsUser and fsGroup, and the image's files",
            "securityContext", false } },
        { { "no such file or directory", "ENOENT", "Cannot find module", "FileNotFound",
            "No module named" },
          { "is that file in the image, or mounted?", "volumeMounts", false } },
    };
    static const struct skf_words_hint no_interpreter = {
        "its interpreter (first line) or its loader is not in the image: build it static, or name "
        "the program itself",
        "command", true
    };
    if (strncmp(words, "exec /", 6) == 0 && strstr(words, ": no such file or directory"))
        return &no_interpreter;
    for (size_t i = 0; i < SKF_ARRAY_LEN(known); i++) {
        for (size_t k = 0; k < SKF_ARRAY_LEN(known[i].text) && known[i].text[k]; k++) {
            if (strstr(words, known[i].text[k]))
                return &known[i].hint;
        }
    }
    return NULL;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* "serving on :3000", "Listening at http://0.0.0.0:5000", "started on port 8000" */
static void ports_in(const char *line, unsigned *ports, size_t *n, size_t max)
{
    static const char *const words[] = { "listen", "serv",  "start", "running",
                                         "port",   "bound", "bind" };
    if (!HAS_ANY(line, words))
        return;
    for (const char *p = line; *p && *n < max; p++) {
        bool behind = *p == ':' || (strncasecmp(p, "port", 4) == 0 && (p += 3));
        if (!behind)
            continue;
        const char *digits = p + 1 + strspn(p + 1, " =:");
        size_t len = strspn(digits, "0123456789");
        unsigned long port = len >= 2 && len <= 5 ? strtoul(digits, NULL, 10) : 0;
        /* 23:44:30 is a time. */
        bool clock = digits[len] == ':' || (p > line && isdigit((unsigned char)p[-1]) && len == 2);
        bool known = false;
        for (size_t i = 0; i < *n; i++)
            known = known || ports[i] == port;
        if (port >= 10 && port < 65536 && !clock && !known)
            ports[(*n)++] = (unsigned)port;
    }
}

size_t skf_last_words_ports(const char *text, size_t len, unsigned *ports, size_t max)
{
    size_t n = 0;
    while (len && n < max) {
        const char *eol = memchr(text, '\n', len);
        size_t line_len = eol ? (size_t)(eol - text) : len;
        skf_autofree char *line = skf_xstrndup(text, line_len < 400 ? line_len : 400);
        ports_in(line, ports, &n, max);
        text += line_len + (eol != NULL);
        len -= line_len + (eol != NULL);
    }
    return n;
}

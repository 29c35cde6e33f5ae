#include "builders/docker/failure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 40 };

void skf_docker_log_add(struct skf_docker_log *log, const char *line)
{
    size_t len = strlen(line);
    skf_strv_add(&log->lines, line);
    log->bytes += len;
    if (log->lines.n <= SKF_DOCKER_LOG_LINES && log->bytes <= SKF_DOCKER_LOG_BYTES)
        return;
    /* A quarter at once, so that the cost stays linear. */
    size_t n = log->lines.n / 4 + 1;
    for (size_t i = 0; i < n; i++) {
        log->bytes -= strlen(log->lines.v[i]);
        free(log->lines.v[i]);
    }
    memmove(log->lines.v, log->lines.v + n, (log->lines.n - n + 1) * sizeof *log->lines.v);
    log->lines.n -= n;
    log->dropped = true;
}

void skf_docker_log_release(struct skf_docker_log *log)
{
    skf_strv_release(&log->lines);
    memset(log, 0, sizeof *log);
}

bool skf_docker_log_lacks_buildx(const struct skf_docker_log *log)
{
    for (size_t i = 0; i < log->lines.n; i++)
        if (strstr(log->lines.v[i], "buildx component is missing"))
            return true;
    return false;
}

/* --- BuildKit's plain output: "#7 0.123 text", "#7 [build 2/4] RUN x", "#7 ERROR: why" -------- */

static const char *step_of(const char *line, long *step)
{
    char *end;
    if (line[0] != '#' || !isdigit((unsigned char)line[1]))
        return NULL;
    *step = strtol(line + 1, &end, 10);
    return *end == ' ' ? end + 1 : NULL;
}

static const char *without_time(const char *text)
{
    size_t n = strspn(text, "0123456789");
    if (!n || text[n] != '.')
        return text;
    n += 1 + strspn(text + n + 1, "0123456789");
    return text[n] == ' ' ? text + n + 1 : text[n] ? text : text + n;
}

struct failed {
    long step;        /* -1 = none */
    const char *text; /* "RUN x": of the step; borrowed from the log */
    const char *why;
};

static const char *last_with(const struct skf_docker_log *log, const char *prefix)
{
    for (size_t i = log->lines.n; i-- > 0;)
        if (strncmp(log->lines.v[i], prefix, strlen(prefix)) == 0)
            return log->lines.v[i];
    return NULL;
}

/* "[build 2/4] RUN x" -> "RUN x" */
static const char *instruction_of(const char *text)
{
    const char *close = text[0] == '[' ? strstr(text, "] ") : NULL;
    return close ? close + 2 : NULL;
}

static struct failed find_buildkit(const struct skf_docker_log *log)
{
    struct failed f = { .step = -1 };
    long step;
    for (size_t i = 0; i < log->lines.n; i++) {
        const char *text = step_of(log->lines.v[i], &step);
        if (text && strncmp(text, "ERROR: ", 7) == 0) {
            f.step = step;
            f.why = text + 7;
        }
    }
    for (size_t i = 0; f.step >= 0 && i < log->lines.n && !f.text; i++) {
        const char *text = step_of(log->lines.v[i], &step);
        if (text && step == f.step)
            f.text = instruction_of(text);
    }
    return f;
}

/* "Step 3/4 : RUN x" is the last one; what follows it says why. */
static struct failed find_classic(const struct skf_docker_log *log)
{
    struct failed f = { .step = -1 };
    const char *step = last_with(log, "Step ");
    const char *colon = step ? strstr(step, " : ") : NULL;
    if (colon && log->lines.n && log->lines.v[log->lines.n - 1] != step) {
        f.text = colon + 3;
        f.why = log->lines.v[log->lines.n - 1];
    }
    return f;
}

/* --- for the reader --------------------------------------------------------------------------- */

void skf_docker_log_digest(const struct skf_docker_log *log, struct skf_strv *out)
{
    struct failed f = find_buildkit(log);
    long step;
    size_t from = log->lines.n > TAIL_LINES ? log->lines.n - TAIL_LINES : 0;
    if (f.step < 0) {
        const char *last = last_with(log, "Step ");
        bool plain = false; /* what is not about a step of BuildKit that went well */
        for (size_t i = from; i < log->lines.n; i++)
            plain = plain || (log->lines.v[i][0] && !step_of(log->lines.v[i], &step));
        for (size_t i = from; i < log->lines.n; i++) {
            if (log->lines.v[i] == last)
                skf_strv_clear(out); /* earlier steps went well */
            if (!plain || (log->lines.v[i][0] && !step_of(log->lines.v[i], &step)))
                skf_strv_add(out, log->lines.v[i]);
        }
        return;
    }
    for (size_t i = 0; i < log->lines.n; i++) {
        const char *text = step_of(log->lines.v[i], &step);
        if (!text || step != f.step || strncmp(text, "sha256:", 7) == 0)
            continue;
        skf_strv_add(out, without_time(text));
    }
}

/* --- one error -------------------------------------------------------------------------------- */

static void squeeze(const char *text, struct skf_buf *out)
{
    for (; *text; text++) {
        bool blank = isspace((unsigned char)*text);
        if (!blank)
            skf_buf_addc(out, *text);
        else if (out->len && out->data[out->len - 1] != ' ')
            skf_buf_addc(out, ' ');
    }
    skf_buf_trim(out);
}

/* The line of the instruction that prints as `text`: builders print it with blanks squeezed. */
static int line_of(const struct skf_dockerfile *d, const char *text)
{
    skf_autobuf struct skf_buf want = SKF_BUF_INIT, have = SKF_BUF_INIT;
    int found = 0, loose = 0, n_loose = 0;
    squeeze(text, &want);
    for (size_t i = 0; d && i < d->list.n; i++) {
        const struct skf_docker_instruction *in = &d->list.v[i];
        size_t len = strlen(in->name);
        skf_autofree char *bare = skf_xasprintf("%s %s", in->name, in->rest);
        skf_autofree char *flags = skf_strv_join(&in->flags, " --");
        skf_autofree char *whole =
            skf_xasprintf("%s %s%s %s", in->name, in->flags.n ? "--" : "", flags, in->rest);
        skf_buf_clear(&have);
        squeeze(bare, &have);
        if (strcasecmp(have.data, want.data) == 0 && !found)
            found = in->line;
        skf_buf_clear(&have);
        squeeze(whole, &have);
        if (strcasecmp(have.data, want.data) == 0 && !found)
            found = in->line;
        /* variables were expanded, flags printed or not: the only one of its kind will do */
        if (strncasecmp(want.data, in->name, len) == 0 && want.data[len] == ' ') {
            loose = in->line;
            n_loose++;
        }
    }
    return found ? found : n_loose == 1 ? loose : 0;
}

/* "... parse error line 2: ..." and "... parse error on line 2: ..." */
static int parse_error_line(const char *text)
{
    const char *at = strstr(text, "arse error");
    at = at ? strstr(at, "line ") : NULL;
    return at ? (int)strtol(at + 5, NULL, 10) : 0;
}

/* buildx: "Dockerfile:3" alone on a line */
static int told_line(const struct skf_docker_log *log, const char *file)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t len = strlen(base);
    for (size_t i = log->lines.n; i-- > 0;) {
        const char *l = log->lines.v[i];
        if (strncmp(l, base, len) == 0 && l[len] == ':' && isdigit((unsigned char)l[len + 1]))
            return (int)strtol(l + len + 1, NULL, 10);
    }
    return 0;
}

static const char *daemon_is_down(const struct skf_docker_log *log)
{
    static const char *const texts[] = { "annot connect to the Docker daemon",
                                         "error during connect",
                                         "permission denied while trying to connect" };
    for (size_t i = 0; i < log->lines.n; i++)
        for (size_t j = 0; j < SKF_ARRAY_LEN(texts); j++)
            if (strstr(log->lines.v[i], texts[j]))
                return log->lines.v[i];
    return NULL;
}

static const char *last_words(const struct skf_docker_log *log)
{
    for (size_t i = log->lines.n; i-- > 0;) {
        const char *l = log->lines.v[i] + strspn(log->lines.v[i], " ");
        if (*l && strncmp(l, "---", 3) != 0)
            return strncmp(l, "ERROR: ", 7) == 0 ? l + 7 : l;
    }
    return NULL;
}

/* "failed to solve with frontend dockerfile.v0: failed to ...: why": the last part says it. */
static const char *core_of(const char *text)
{
    static const char *const wraps[] = { "failed to solve with frontend dockerfile.v0: ",
                                         "failed to solve with frontend gateway.v0: ",
                                         "failed to solve: ",
                                         "rpc error: code = Unknown desc = ",
                                         "failed to create LLB definition: ",
                                         "failed to build LLB: ",
                                         "docker build: Docker says 400: ",
                                         "docker build: Docker says 500: ",
                                         "Error response from daemon: " };
    for (size_t i = 0; i < SKF_ARRAY_LEN(wraps);) {
        size_t len = strlen(wraps[i]);
        bool hit = strncmp(text, wraps[i], len) == 0;
        text += hit ? len : 0;
        i = hit ? 0 : i + 1;
    }
    return text;
}

int skf_docker_failure(const struct skf_docker_log *log, const struct skf_dockerfile *d,
                       const char *file, const char *fallback, struct skf_err *err)
{
    const char *down = daemon_is_down(log);
    if (down)
        return skf_err_set(err, SKF_ENET, "docker build: %.600s (start Docker, or set DOCKER_HOST)",
                           strncmp(down, "ERROR: ", 7) == 0 ? down + 7 : down);
    struct failed f = find_buildkit(log);
    if (!f.text)
        f = find_classic(log);
    const char *words = last_words(log);
    const char *why = core_of(f.why ? f.why : words ? words : fallback);
    int line = parse_error_line(why);
    if (f.text)
        skf_err_set(err, SKF_EBUILD, "'%.200s' failed: %.500s", f.text, why);
    else
        skf_err_set(err, SKF_EBUILD, "docker build failed: %.600s", why);
    if (!line && !f.text && words)
        line = parse_error_line(words);
    if (!line)
        line = told_line(log, file);
    if (!line && f.text)
        line = line_of(d, f.text);
    return line ? skf_err_at(err, file, line, 0) : -(int)err->code;
}

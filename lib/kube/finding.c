#include "lib/kube/finding.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/lastwords.h"

enum { MAX_LOG_LINES = 20, MAX_LOG_LINE = 300 };

void skf_finding_release(struct skf_finding *f)
{
    char *owned[] = { f->object, f->namespace_, f->pod,        f->container,
                      f->text,   f->hint,       f->field,      f->about,
                      f->where,  f->instance,   f->last_words, f->about_namespace };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
    skf_strv_release(&f->log);
    memset(f, 0, sizeof *f);
}

/* Terminal escapes and other control characters have no place in our own lines. */
static char *clean_line(const char *text, size_t len)
{
    struct skf_buf out = SKF_BUF_INIT;
    for (size_t i = 0; i < len && out.len < MAX_LOG_LINE; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0x1b && i + 1 < len && text[i + 1] == '[') {
            for (i += 2; i < len && !isalpha((unsigned char)text[i]); i++)
                ;
        } else if (c == '\t') {
            skf_buf_adds(&out, "    ");
        } else if (c >= 0x20 && c != 0x7f) {
            skf_buf_addc(&out, (char)c);
        }
    }
    skf_buf_trim(&out);
    return skf_buf_take(&out);
}

void skf_finding_set_log(struct skf_finding *f, const char *text, size_t len)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    while (len) {
        const char *eol = memchr(text, '\n', len);
        size_t n = eol ? (size_t)(eol - text) : len;
        char *line = clean_line(text, n);
        if (*line)
            skf_strv_take(&lines, line);
        else
            free(line);
        text += n + (eol ? 1 : 0);
        len -= n + (eol ? 1 : 0);
    }
    skf_replace(&f->last_words, skf_last_words(&lines));
    skf_strv_clear(&f->log);
    for (size_t i = lines.n > MAX_LOG_LINES ? lines.n - MAX_LOG_LINES : 0; i < lines.n; i++)
        skf_strv_add(&f->log, lines.v[i]);
}

static bool has_word(const char *line, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasestr(line, words[i]))
            return true;
    }
    return false;
}

bool skf_finding_waits_for_other(const struct skf_finding *f)
{
    static const char *const words[] = {
        "connection refused", "ECONNREFUSED",    "no such host",
        "i/o timeout",        "ETIMEDOUT",       "ENOTFOUND",
        "timed out",          "EAI_AGAIN",       "connection reset",
        "not ready yet",      "name resolution", "no route to host",
        "waiting for",        "unavailable",     "retry",
        "could not connect",  "can't connect",   "cannot connect",
        "failed to connect",
    };
    for (size_t i = 0; i < f->log.n; i++) {
        if (has_word(f->log.v[i], words, SKF_ARRAY_LEN(words)))
            return true;
    }
    return false;
}

/* Of a program that ended, its last words are the cause; of one that runs they are a help. */
static bool has_ended(enum skf_cause cause)
{
    return cause == SKF_CAUSE_CRASH || cause == SKF_CAUSE_EXIT_0 || cause == SKF_CAUSE_START;
}

void skf_finding_line(const struct skf_finding *f, struct skf_buf *out)
{
    if (f->object)
        skf_buf_addf(out, "%s: ", f->object);
    if (f->container)
        skf_buf_addf(out, "container '%s' ", f->container);
    else if (f->pod)
        skf_buf_addf(out, "pod '%s' ", f->pod);
    skf_buf_adds(out, f->text ? f->text : "is not ready");
    if (f->last_words && *f->last_words)
        skf_buf_addf(out, has_ended(f->cause) ? ": %s" : "; its log ends with '%s'", f->last_words);
    if (f->hint)
        skf_buf_addf(out, "; %s", f->hint);
    if (f->where)
        skf_buf_addf(out, " (%s)", f->where);
}

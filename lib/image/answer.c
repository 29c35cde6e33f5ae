/* What an answer says: whether to try again and when, which error it is, where an upload goes on.
 */
#include "lib/image/call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/clock.h"

enum { MAX_WAIT_MS = 20000, MAX_ASKED_WAIT_S = 60 };

bool skf_call_later(int status)
{
    static const int list[] = { 408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524 };
    for (size_t i = 0; i < SKF_ARRAY_LEN(list); i++)
        if (status == list[i])
            return true;
    return false;
}

bool skf_call_transient(const struct skf_call *c, const struct skf_err *err)
{
    if (err) /* a certificate does not get better by asking again */
        return err->code == SKF_ETIMEDOUT ||
               (err->code == SKF_ENET && !strstr(err->msg, "certificate"));
    return skf_call_later(c->http.status);
}

/* Seconds that Retry-After asks for: a number or a date. -1 = not given. */
long skf_call_asked_wait_s(const struct skf_call *c)
{
    const char *text = c->http_used ? skf_http_header(&c->http, "retry-after") : NULL;
    struct tm tm = { 0 };
    if (!text)
        return -1;
    if (*text >= '0' && *text <= '9')
        return strtol(text, NULL, 10);
    if (!strptime(text, "%a, %d %b %Y %H:%M:%S", &tm))
        return -1;
    long wait = (long)(timegm(&tm) - skf_clock_wall_ms() / 1000);
    return wait < 0 ? 0 : wait;
}

long skf_call_delay(const struct skf_call *c, unsigned tries)
{
    long asked = skf_call_asked_wait_s(c);
    if (asked > MAX_ASKED_WAIT_S)
        return -1;
    if (asked >= 0)
        return asked * 1000;
    unsigned long most = (unsigned long)c->registry->retry_ms << (tries > 16 ? 16 : tries - 1);
    if (most > MAX_WAIT_MS)
        most = MAX_WAIT_MS;
    return (long)((unsigned long)random() % (most + 1)); /* full jitter */
}

static json_t *first_error(const struct skf_call *c, json_t **doc)
{
    *doc = json_loadb(c->http.body.data, c->http.body.len, 0, NULL);
    return json_array_get(json_object_get(*doc, "errors"), 0);
}

bool skf_call_has_code(const struct skf_call *c, const char *code)
{
    json_t *doc = json_loadb(c->http.body.data, c->http.body.len, 0, NULL);
    const json_t *errors = json_object_get(doc, "errors");
    bool found = false;
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(errors, i), "code"));
        found = found || (text && strcmp(text, code) == 0);
    }
    json_decref(doc);
    return found;
}

static enum skf_code code_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return SKF_EDENIED;
    case 404:
        return SKF_ENOTFOUND;
    case 413:
        return SKF_ETOOBIG;
    default:
        return skf_call_later(status) ? SKF_ENET : SKF_EPROTO;
    }
}

/* Text from elsewhere: one line, no control characters. */
static void add_clean(struct skf_buf *b, const char *text)
{
    for (size_t n = 0; text && *text && n < 300; text++, n++)
        skf_buf_addc(b, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

int skf_call_fail(const struct skf_call *c, const char *doing, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    json_t *doc;
    const json_t *e = first_error(c, &doc);
    const char *code = json_string_value(json_object_get(e, "code"));
    const char *message = json_string_value(json_object_get(e, "message"));
    const char *detail = json_string_value(json_object_get(e, "detail"));
    if (code) {
        add_clean(&text, code);
        if (message && *message) {
            skf_buf_adds(&text, ": ");
            add_clean(&text, message);
        }
        if (detail && *detail) {
            skf_buf_adds(&text, " (");
            add_clean(&text, detail);
            skf_buf_addc(&text, ')');
        }
    } else if (c->http.body.len && c->http.body.data[0] != '<') {
        add_clean(&text, c->http.body.data);
        skf_buf_trim(&text);
    }
    json_decref(doc);
    const char *hint = c->http.status == 413 ? "; a proxy limits the size of bodies" : "";
    return skf_err_set(err, code_of_status(c->http.status), "%s: registry '%s' says %d%s%s%s",
                       doing, c->host->name, c->http.status, text.len ? ": " : "", text.data, hint);
}

char *skf_call_location(const struct skf_call *c)
{
    const char *to = skf_http_header(&c->http, "location");
    const char *base = c->http.final_url ? c->http.final_url : c->http.url;
    if (!to || !*to)
        return NULL;
    size_t scheme = strcspn(base, ":") + 3, authority = scheme + strcspn(base + scheme, "/?#");
    if (strncasecmp(to, "http://", 7) == 0 || strncasecmp(to, "https://", 8) == 0) {
        const char *rest = strstr(to, "://") + 3;
        size_t name = strlen(c->host->name);
        /* A proxy that does not tell the registry about https makes it answer with http. */
        if (strncasecmp(rest, c->host->name, name) == 0 && strchr("/?", rest[name]))
            return skf_xasprintf("%s://%s", c->host->scheme, rest);
        return skf_xstrdup(to);
    }
    if (strncmp(to, "//", 2) == 0)
        return skf_xasprintf("%s:%s", c->host->scheme, to);
    if (*to == '/')
        return skf_xasprintf("%.*s%s", (int)authority, base, to);
    size_t dir = strcspn(base, "?#");
    while (dir > authority && base[dir - 1] != '/')
        dir--;
    return skf_xasprintf("%.*s%s%s", (int)dir, base, dir == authority ? "/" : "", to);
}

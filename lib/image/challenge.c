#include "lib/image/challenge.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

enum { DEFAULT_LIFE_S = 60, MAX_LIFE_S = 24 * 3600 };

void skf_challenge_release(struct skf_challenge *c)
{
    free(c->realm);
    free(c->service);
    free(c->scope);
    memset(c, 0, sizeof *c);
}

static const char *skip_blank(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static size_t token_length(const char *p)
{
    size_t n = 0;
    while (p[n] && (isalnum((unsigned char)p[n]) || strchr("!#$%&'*+-.^_`|~/", p[n])))
        n++;
    return n;
}

/* A token or a quoted string, at *at; owned. */
static char *read_value(const char **at)
{
    const char *p = *at;
    struct skf_buf b = SKF_BUF_INIT;
    if (*p == '"') {
        for (p++; *p && *p != '"'; p++) {
            if (*p == '\\' && p[1])
                p++;
            skf_buf_addc(&b, *p);
        }
        if (*p)
            p++;
    } else {
        while (*p && *p != ',' && *p != ' ' && *p != '\t')
            skf_buf_addc(&b, *p++);
    }
    *at = p;
    return skf_buf_take(&b);
}

static void keep_better(struct skf_challenge *out, struct skf_challenge *c)
{
    bool usable = c->kind == SKF_AUTH_BASIC || (c->kind == SKF_AUTH_BEARER && c->realm);
    if (!usable)
        c->kind = SKF_AUTH_UNKNOWN;
    bool better = out->kind == SKF_AUTH_NONE || (out->kind == SKF_AUTH_UNKNOWN && usable) ||
                  (out->kind == SKF_AUTH_BASIC && c->kind == SKF_AUTH_BEARER);
    if (better) {
        skf_challenge_release(out);
        *out = *c;
        memset(c, 0, sizeof *c);
    }
    skf_challenge_release(c);
}

void skf_challenge_add(struct skf_challenge *out, const char *header)
{
    struct skf_challenge now = { 0 };
    const char *p = header;
    for (;;) {
        while (*p == ',' || *p == ' ' || *p == '\t')
            p++;
        if (!*p)
            break;
        size_t len = token_length(p);
        if (!len) { /* nothing that we know; go on behind the next comma */
            while (*p && *p != ',')
                p++;
            continue;
        }
        const char *word = p;
        const char *next = skip_blank(p + len);
        if (*next != '=') { /* a scheme begins */
            if (now.kind)
                keep_better(out, &now);
            now.kind = len == 5 && strncasecmp(word, "basic", 5) == 0    ? SKF_AUTH_BASIC
                       : len == 6 && strncasecmp(word, "bearer", 6) == 0 ? SKF_AUTH_BEARER
                                                                         : SKF_AUTH_UNKNOWN;
            p = next;
            continue;
        }
        p = skip_blank(next + 1);
        char *value = read_value(&p);
        char **slot = len == 5 && strncasecmp(word, "realm", 5) == 0     ? &now.realm
                      : len == 7 && strncasecmp(word, "service", 7) == 0 ? &now.service
                      : len == 5 && strncasecmp(word, "scope", 5) == 0   ? &now.scope
                                                                         : NULL;
        if (slot && !*slot)
            *slot = value;
        else
            free(value);
    }
    if (now.kind)
        keep_better(out, &now);
    skf_challenge_release(&now);
}

/* Loopback, private and link-local addresses written as such. */
static bool is_private_literal(const char *host, size_t len)
{
    unsigned a, b;
    char text[64];
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (text[0] == '[')
        return strncmp(text, "[::1]", 5) == 0 || strncasecmp(text, "[fe80:", 6) == 0 ||
               strncasecmp(text, "[fc", 3) == 0 || strncasecmp(text, "[fd", 3) == 0;
    if (strcspn(text, ":") == 9 && strncasecmp(text, "localhost", 9) == 0)
        return true;
    if (sscanf(text, "%3u.%3u.", &a, &b) != 2)
        return false;
    return a == 127 || a == 10 || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
           (a == 169 && b == 254) || a == 0;
}

int skf_challenge_check_realm(const struct skf_challenge *c, const char *registry_scheme,
                              const char *registry_host, struct skf_err *err)
{
    bool https = strncasecmp(c->realm, "https://", 8) == 0;
    bool http = strncasecmp(c->realm, "http://", 7) == 0;
    const char *host = c->realm + (https ? 8 : 7);
    if (!https && !(http && strcmp(registry_scheme, "http") == 0))
        return skf_err_set(
            err, SKF_EDENIED,
            "the registry '%s' wants credentials sent to '%.200s', which is not https",
            registry_host, c->realm);
    size_t len = strcspn(host, "/?#");
    if (!len || memchr(host, '@', len))
        return skf_err_set(err, SKF_EPROTO,
                           "the registry '%s' names a broken token server '%.200s'", registry_host,
                           c->realm);
    if (is_private_literal(host, len) && !is_private_literal(registry_host, strlen(registry_host)))
        return skf_err_set(err, SKF_EDENIED,
                           "the registry '%s' wants credentials sent to the private address '%.*s'",
                           registry_host, (int)len, host);
    return 0;
}

static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

int skf_token_parse(const char *json, size_t len, char **token, int64_t *life_s,
                    struct skf_err *err)
{
    json_t *doc = json_loadb(json, len, 0, NULL);
    const char *text = json_string_value(json_object_get(doc, "access_token"));
    if (!text || !*text)
        text = json_string_value(json_object_get(doc, "token"));
    /* A line end inside would become a header of its own. */
    if (!text || !*text || !printable(text)) {
        json_decref(doc);
        return skf_err_set(err, SKF_EPROTO, "the token server's answer has no token");
    }
    json_int_t life = json_integer_value(json_object_get(doc, "expires_in"));
    if (life <= 0)
        life = DEFAULT_LIFE_S;
    *life_s = life > MAX_LIFE_S ? MAX_LIFE_S : life;
    *token = skf_xstrdup(text);
    json_decref(doc);
    return 0;
}

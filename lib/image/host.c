#include "lib/image/host.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_PEM = 1024 * 1024, MAX_BUNDLE = 8 * 1024 * 1024 };

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static void free_token(void *p)
{
    struct token *t = p;
    skf_secret_free(t->value);
    free(t);
}

void skf_host_free(void *p)
{
    struct skf_host *h = p;
    skf_map_release_with(&h->tokens, free_token);
    skf_challenge_release(&h->challenge);
    free(h->name);
    free(h->ca_pem);
    free(h->client_cert);
    skf_secret_free(h->client_key);
    free(h);
}

/* Docker's folder of extra CAs and client certificates for a registry. */
static void read_certs(struct skf_host *h, const char *certs_dir)
{
    skf_autofree char *dir = skf_path_join(certs_dir, h->name);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autobuf struct skf_buf cas = SKF_BUF_INIT;
    struct skf_err why = SKF_ERR_INIT;
    if (!skf_file_is_dir(dir))
        return;
    if (skf_file_list(dir, &names, &why) < 0) {
        skf_log_debug("registry: %s", why.msg);
        return;
    }
    for (size_t i = 0; i < names.n; i++) {
        const char *ext = skf_path_ext(names.v[i]);
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        if (strcmp(ext, ".crt") != 0 && strcmp(ext, ".cert") != 0 && strcmp(ext, ".key") != 0)
            continue;
        if (skf_file_read(path, MAX_PEM, &text, &why) < 0) {
            skf_log_debug("registry: %s", why.msg);
            continue;
        }
        if (strcmp(ext, ".crt") == 0) {
            skf_buf_add(&cas, text.data, text.len);
            skf_buf_addc(&cas, '\n');
        } else if (strcmp(ext, ".cert") == 0) {
            skf_replace(&h->client_cert, skf_buf_take(&text));
        } else {
            skf_secret_free(h->client_key);
            h->client_key = skf_buf_take(&text);
        }
    }
    if (!cas.len)
        return;
    /* Docker adds these to the system's; curl takes one set, so both go in. */
    const char *env = getenv("SSL_CERT_FILE");
    skf_autobuf struct skf_buf bundle = SKF_BUF_INIT;
    if (skf_file_read(env && *env ? env : SYSTEM_BUNDLE, MAX_BUNDLE, &bundle, &why) == 0)
        skf_buf_add(&cas, bundle.data, bundle.len);
    h->ca_pem = skf_buf_take(&cas);
}

static bool is_insecure(const struct skf_registry *r, const struct skf_ref *ref)
{
    skf_autofree char *name = skf_xasprintf("%s/%s", ref->domain, ref->path);
    for (size_t i = 0; i < r->insecure.n; i++)
        if (strncmp(name, r->insecure.v[i], strlen(r->insecure.v[i])) == 0)
            return true;
    return false;
}

/* Names and addresses that ggcr also tries over http: private IPv4, *.local. */
static bool is_local_name(const char *host)
{
    size_t len = strcspn(host, ":");
    unsigned a, b, c, d;
    char end;
    if (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &end) >= 4)
        return a == 10 || (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168);
    return len > 6 && strncasecmp(host + len - 6, ".local", 6) == 0;
}

struct skf_host *skf_host_get(struct skf_registry *r, const struct skf_ref *ref, bool insecure)
{
    const char *name = skf_ref_api_host(ref);
    struct skf_host *h = skf_map_get(&r->hosts, name);
    if (!h) {
        h = skf_xcalloc(1, sizeof *h);
        h->name = skf_xstrdup(name);
        h->loopback = skf_ref_is_loopback(ref);
        h->local_name = is_local_name(name);
        read_certs(h, r->certs_dir);
        skf_map_put(&r->hosts, name, h);
    }
    if (!h->insecure && (insecure || is_insecure(r, ref))) {
        h->insecure = true;
        h->scheme = NULL; /* another set of schemes may be tried now */
    }
    return h;
}

static struct token *find_token(const struct skf_host *h, const char *scopes)
{
    return skf_map_get(&h->tokens, scopes);
}

const char *skf_host_token(const struct skf_host *h, const char *scopes)
{
    const struct token *t = find_token(h, scopes);
    return t && skf_clock_us() < t->renew_us ? t->value : NULL;
}

void skf_host_put_token(struct skf_host *h, const char *scopes, char *value, int64_t life_s)
{
    struct token *t = skf_xcalloc(1, sizeof *t);
    t->value = value;
    t->renew_us = skf_clock_us() + life_s * 800000;
    struct token *old = skf_map_put(&h->tokens, scopes, t);
    if (old)
        free_token(old);
}

void skf_host_drop_token(struct skf_host *h, const char *scopes, const char *value)
{
    const struct token *t = find_token(h, scopes);
    if (t && strcmp(t->value, value) == 0)
        free_token(skf_map_del(&h->tokens, scopes));
}

void skf_host_transport(const struct skf_host *h, struct skf_http_transport *t)
{
    t->insecure = h->insecure;
    t->ca_pem = h->ca_pem;
    t->client_cert_pem = h->client_cert;
    t->client_key_pem = h->client_key;
}

unsigned skf_host_schemes(const struct skf_host *h, const char *out[2])
{
    bool both = h->loopback || h->insecure || h->local_name;
    out[0] = h->loopback ? "http" : "https";
    out[1] = h->loopback ? "https" : "http";
    return both ? 2 : 1;
}

bool skf_host_trusted(const struct skf_host *h)
{
    return strcmp(h->scheme, "https") == 0 || h->loopback || h->insecure;
}

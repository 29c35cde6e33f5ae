#include "lib/image/call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/image/helper.h"
#include "lib/image/host.h"

enum {
    TOKEN_MAX = 1024 * 1024,
    ERROR_MAX = 64 * 1024,
    IDLE_MS = 60000,
    IMPATIENT_CONNECT_MS = 5000
};

enum state { START, PING, LOGIN, TOKEN, SEND, PAUSE };

static void advance(struct skf_call *c);

void skf_call_init(struct skf_call *c, struct skf_registry *r, const struct skf_ref *ref,
                   bool insecure)
{
    memset(c, 0, sizeof *c);
    c->registry = r;
    c->host = skf_host_get(r, ref, insecure);
    c->repository = skf_xstrdup(ref->path);
    c->full_name = skf_xasprintf("%s/%s", ref->domain, ref->path);
    c->method = "GET";
    c->max_body = ERROR_MAX;
}

static void drop_http(struct skf_call *c)
{
    if (c->http_used)
        skf_http_req_release(&c->http);
    c->http_used = false;
}

void skf_call_release(struct skf_call *c)
{
    drop_http(c);
    free(c->path);
    free(c->url);
    free(c->repository);
    free(c->full_name);
    skf_secret_free(c->used_token);
    skf_strv_release(&c->scopes);
    skf_login_release(&c->login);
    memset(c, 0, sizeof *c);
}

void skf_call_again(struct skf_call *c, const char *method)
{
    c->method = method;
    skf_replace(&c->path, NULL);
    skf_replace(&c->url, NULL);
    c->accept = c->content_type = c->mount_from = NULL;
    c->body = NULL;
    c->body_from = c->body_size = 0;
    c->single = c->impatient = false;
    c->max_body = ERROR_MAX;
    c->on_body = NULL;
    c->on_sent = NULL;
    c->range_from = 0;
    c->tries = 0;
    c->reauthorised = false;
    skf_err_clear(&c->err);
}

static void finish(struct skf_call *c)
{
    struct skf_err err = c->err;
    c->done(c, err.code ? &err : NULL);
}

/* --- waiting and trying again ----------------------------------------------------------------- */

static void on_pause_over(struct skf_defer *d)
{
    advance(SKF_CONTAINER_OF(d, struct skf_call, defer));
}

static void pause_for(struct skf_call *c, unsigned ms)
{
    c->state = PAUSE;
    skf_defer_start(c->registry->loop, &c->defer, ms, on_pause_over);
}

void skf_call_tell_wait(const struct skf_call *c, long ms)
{
    if (skf_call_asked_wait_s(c) <= 0)
        return;
    skf_autofree char *text =
        skf_xasprintf("the registry '%s' asks to wait %ld s", c->host->name, ms / 1000);
    skf_registry_note(c->registry, text);
}

/* Another try after a wait, or false when there is none left. */
static bool try_again(struct skf_call *c, const char *why)
{
    /* Nothing listens on this machine: say so soon. */
    bool refused = c->state == PING && c->host->loopback && !c->http.status;
    if (c->single || ++c->tries >= (refused || c->impatient ? 2u : (unsigned)SKF_CALL_TRIES))
        return false;
    long ms = skf_call_delay(c, c->tries);
    if (ms < 0) {
        skf_err_set(&c->err, SKF_ENET,
                    "the registry '%s' asks to wait %ld s before the next request", c->host->name,
                    skf_call_asked_wait_s(c));
        return false;
    }
    skf_call_tell_wait(c, ms);
    skf_log_debug("registry: %s: %s; trying again in %ld ms", c->host->name, why, ms);
    pause_for(c, (unsigned)ms);
    return true;
}

/* --- requests --------------------------------------------------------------------------------- */

static void begin_http(struct skf_call *c, const char *method, char *url)
{
    drop_http(c);
    skf_http_req_init(&c->http);
    c->http_used = true;
    c->http.method = method;
    c->http.url = url;
    c->http.idle_ms = IDLE_MS;
    if (c->impatient)
        c->http.connect_ms = IMPATIENT_CONNECT_MS;
    c->http.data = c;
    skf_host_transport(c->host, &c->http.transport);
    c->requests++;
}

static void learn_challenge(struct skf_call *c)
{
    struct skf_challenge now = { 0 };
    for (size_t i = 0; i < c->http.answer_headers.n; i++) {
        const char *line = c->http.answer_headers.v[i];
        if (strncmp(line, "www-authenticate:", 17) == 0)
            skf_challenge_add(&now, line + 17);
    }
    if (!now.kind)
        now.kind = SKF_AUTH_UNKNOWN;
    if (now.scope) {
        skf_autostrv struct skf_strv asked = SKF_STRV_INIT;
        skf_strv_split(&asked, now.scope, " ");
        for (size_t i = 0; i < asked.n && c->scopes.n < 8; i++)
            if (!skf_strv_has(&c->scopes, asked.v[i]))
                skf_strv_add(&c->scopes, asked.v[i]);
    }
    skf_challenge_release(&c->host->challenge);
    c->host->challenge = now;
}

static void on_pong(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_call *c = r->data;
    const char *schemes[2];
    unsigned n = skf_host_schemes(c->host, schemes);
    if (c->err.code) {
        finish(c);
        return;
    }
    if (!err && (r->status == 200 || r->status == 401)) {
        c->host->scheme = schemes[c->ping_at];
        if (r->status == 401)
            learn_challenge(c);
        c->tries = 0;
        advance(c);
        return;
    }
    if (!err)
        c->ping_status = r->status;
    else if (strstr(err->msg, "certificate")) /* it speaks TLS: this is the answer that counts */
        c->untrusted = *err;
    bool later = !err && skf_call_later(r->status); /* the right scheme, the wrong moment */
    if (!later && ++c->ping_at < n) {
        advance(c);
        return;
    }
    if (!later)
        c->ping_at = 0;
    if (skf_call_transient(c, err) && try_again(c, err ? err->msg : "not ready"))
        return;
    if (!c->err.code) {
        if (c->untrusted.code)
            skf_err_set(&c->err, SKF_ENET,
                        "cannot reach the registry '%s': %s; put the certificate of its CA into "
                        "%s/%s/ca.crt, or name it with --insecure-registry",
                        c->host->name, c->untrusted.msg, c->registry->certs_dir, c->host->name);
        else if (err && !c->ping_status)
            skf_err_set(&c->err, err->code, "cannot reach the registry '%s': %s", c->host->name,
                        err->msg);
        else
            skf_err_set(&c->err, SKF_EPROTO,
                        "'%s' does not answer like a registry: status %d to GET /v2/",
                        c->host->name, c->ping_status);
    }
    finish(c);
}

static void ping(struct skf_call *c)
{
    const char *schemes[2];
    skf_host_schemes(c->host, schemes);
    c->state = PING;
    if (c->ping_at == 0) {
        c->ping_status = 0;
        skf_err_clear(&c->untrusted);
    }
    begin_http(c, "GET", skf_xasprintf("%s://%s/v2/", schemes[c->ping_at], c->host->name));
    c->http.max_body = ERROR_MAX;
    skf_http_start(c->registry->http, &c->http, on_pong);
}

static void on_login(struct skf_call *c, const struct skf_err *err)
{
    if (err && !c->err.code)
        c->err = *err;
    c->have_login = true;
    advance(c);
}

static void no_login(struct skf_call *c)
{
    skf_err_set(&c->err, SKF_EDENIED, "no credentials found for '%s'; run: docker login %s",
                c->host->name, c->host->name);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static void set_basic(struct skf_call *c)
{
    skf_autofree char *pair = skf_xasprintf("%s:%s", c->login.user, c->login.password);
    skf_autofree char *coded = skf_base64_encode(pair, strlen(pair));
    skf_strv_addf(&c->http.headers, "Authorization: Basic %s", coded);
    explicit_bzero(pair, strlen(pair));
    explicit_bzero(coded, strlen(coded));
}

static void on_token(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_call *c = r->data;
    if (c->err.code) {
        finish(c);
        return;
    }
    if (err || skf_call_later(r->status)) {
        if (skf_call_transient(c, err) && try_again(c, "no answer from the token server"))
            return;
        if (!c->err.code)
            skf_err_set(&c->err, err ? err->code : SKF_ENET, "cannot get a token for '%s': %s",
                        c->host->name, err ? err->msg : "the token server is not available");
        finish(c);
        return;
    }
    if (c->token_posted && (r->status == 400 || r->status == 404 || r->status == 405)) {
        skf_secret_free(c->login.identity_token); /* the older way is all that is left */
        c->login.identity_token = NULL;
        advance(c);
        return;
    }
    if (r->status != 200) {
        if (!skf_login_any(&c->login) && (r->status == 401 || r->status == 403))
            no_login(c);
        else
            skf_err_set(&c->err, SKF_EDENIED,
                        "the token server of '%s' refused the credentials (status %d); run: docker "
                        "login %s",
                        c->host->name, r->status, c->host->name);
        finish(c);
        return;
    }
    char *token;
    int64_t life_s;
    if (skf_token_parse(r->body.data, r->body.len, &token, &life_s, &c->err) < 0) {
        finish(c);
        return;
    }
    explicit_bzero(r->body.data, r->body.len);
    skf_autofree char *scopes = skf_strv_join(&c->scopes, " ");
    skf_host_put_token(c->host, scopes, token, life_s);
    advance(c);
}

static char *token_query(const struct skf_call *c)
{
    struct skf_buf url = SKF_BUF_INIT;
    const struct skf_challenge *ask = &c->host->challenge;
    skf_buf_adds(&url, ask->realm);
    char sep = strchr(ask->realm, '?') ? '&' : '?';
    if (ask->service) {
        skf_autofree char *service = skf_http_escape(ask->service);
        skf_buf_addf(&url, "%cservice=%s", sep, service);
        sep = '&';
    }
    for (size_t i = 0; i < c->scopes.n; i++) {
        skf_autofree char *scope = skf_http_escape(c->scopes.v[i]);
        skf_buf_addf(&url, "%cscope=%s", sep, scope);
        sep = '&';
    }
    if (c->login.user) {
        skf_autofree char *account = skf_http_escape(c->login.user);
        skf_buf_addf(&url, "%caccount=%s", sep, account);
    }
    return skf_buf_take(&url);
}

static void add_field(struct skf_buf *b, const char *name, const char *value)
{
    skf_autofree char *coded = skf_http_escape(value);
    skf_buf_addf(b, "%s%s=%s", b->len ? "&" : "", name, coded);
    explicit_bzero(coded, strlen(coded));
}

static void ask_token(struct skf_call *c)
{
    const struct skf_challenge *ask = &c->host->challenge;
    if (skf_challenge_check_realm(ask, c->host->scheme, c->host->name, &c->err) < 0) {
        finish(c);
        return;
    }
    c->state = TOKEN;
    c->token_posted = c->login.identity_token != NULL;
    if (c->token_posted) {
        begin_http(c, "POST", skf_xstrdup(ask->realm));
        skf_strv_add(&c->http.headers, "Content-Type: application/x-www-form-urlencoded");
        skf_autofree char *scopes = skf_strv_join(&c->scopes, " ");
        add_field(&c->http.send, "grant_type", "refresh_token");
        if (ask->service)
            add_field(&c->http.send, "service", ask->service);
        add_field(&c->http.send, "client_id", "skiff");
        add_field(&c->http.send, "scope", scopes);
        add_field(&c->http.send, "refresh_token", c->login.identity_token);
    } else {
        begin_http(c, "GET", token_query(c));
        if (c->login.user)
            set_basic(c);
    }
    c->http.max_body = TOKEN_MAX;
    skf_http_start(c->registry->http, &c->http, on_token);
}

/* --- the request itself ----------------------------------------------------------------------- */

static bool same_host(const struct skf_call *c, const char *url)
{
    size_t scheme = strlen(c->host->scheme), name = strlen(c->host->name);
    return strncmp(url, c->host->scheme, scheme) == 0 && strncmp(url + scheme, "://", 3) == 0 &&
           strncasecmp(url + scheme + 3, c->host->name, name) == 0 &&
           strchr("/?#", url[scheme + 3 + name]);
}

/* Blocks for a page of a file that has just been hashed: it is in the page cache. */
static ssize_t read_body(struct skf_http_req *r, char *to, size_t len)
{
    struct skf_call *c = r->data;
    ssize_t n = skf_blob_read(c->body, c->body_from + c->body_at, to, len);
    if (n > 0)
        c->body_at += n;
    if (n > 0 && c->on_sent)
        c->on_sent(c);
    return n;
}

static bool rewind_body(struct skf_http_req *r)
{
    struct skf_call *c = r->data;
    if (c->single) /* curl would send it again by itself, to an upload that has got half of it */
        return false;
    c->body_at = 0;
    return true;
}

static bool on_body(struct skf_http_req *r, const char *data, size_t len)
{
    struct skf_call *c = r->data;
    if (r->status >= 200 && r->status < 300)
        return c->on_body(c, data, len);
    if (r->body.len + len <= ERROR_MAX) /* an error's text; more of it helps nobody */
        skf_buf_add(&r->body, data, len);
    return true;
}

static void on_answer(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_call *c = r->data;
    if (c->err.code) {
        finish(c);
        return;
    }
    if (!err && r->status == 401 && !c->reauthorised) {
        c->reauthorised = true;
        if (c->used_token) {
            skf_autofree char *scopes = skf_strv_join(&c->scopes, " ");
            skf_host_drop_token(c->host, scopes, c->used_token);
        }
        learn_challenge(c);
        advance(c);
        return;
    }
    if (!err && r->status == 401) {
        skf_call_fail(c,
                      skf_login_any(&c->login) ? "the credentials were refused"
                                               : "no credentials found (run: docker login HOST)",
                      &c->err);
        finish(c);
        return;
    }
    if (skf_call_transient(c, err)) {
        if (try_again(c, err ? err->msg : "the registry is not ready"))
            return;
        if (c->err.code) {
            finish(c);
            return;
        }
    }
    if (err) {
        c->err = *err;
        skf_err_wrap(&c->err, "registry '%s'", c->host->name);
    }
    finish(c);
}

static void authorise(struct skf_call *c, const char *token)
{
    skf_secret_free(c->used_token);
    c->used_token = NULL;
    if (!same_host(c, c->http.url))
        return;
    if (token) {
        skf_strv_addf(&c->http.headers, "Authorization: Bearer %s", token);
        c->used_token = skf_xstrdup(token);
    } else if (c->host->challenge.kind == SKF_AUTH_BASIC && c->login.user) {
        set_basic(c);
    }
}

static void send_request(struct skf_call *c, const char *token)
{
    c->state = SEND;
    char *url = c->url ? skf_xstrdup(c->url)
                       : skf_xasprintf("%s://%s/v2/%s/%s", c->host->scheme, c->host->name,
                                       c->repository, c->path);
    begin_http(c, c->method, url);
    authorise(c, token);
    if (c->accept)
        skf_strv_addf(&c->http.headers, "Accept: %s", c->accept);
    if (c->content_type)
        skf_strv_addf(&c->http.headers, "Content-Type: %s", c->content_type);
    if (c->range_from > 0)
        skf_strv_addf(&c->http.headers, "Range: bytes=%lld-", (long long)c->range_from);
    if (strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0)
        c->http.max_redirects = 10;
    c->body_at = 0;
    if (c->body) {
        if (c->body_size)
            skf_strv_addf(&c->http.headers, "Content-Range: %lld-%lld", (long long)c->body_from,
                          (long long)(c->body_from + c->body_size - 1));
        c->http.has_body = true;
        c->http.send_size = c->body_size ? c->body_size : c->body->size;
        c->http.read_body = read_body;
        c->http.rewind_body = rewind_body;
    }
    c->http.max_body = c->max_body;
    if (c->on_body)
        c->http.on_body = on_body;
    skf_http_start(c->registry->http, &c->http, on_answer);
}

/* --- the order of things ---------------------------------------------------------------------- */

static void advance(struct skf_call *c)
{
    const struct skf_challenge *ask = &c->host->challenge;
    if (c->err.code) {
        finish(c);
        return;
    }
    if (!c->host->scheme) {
        ping(c);
        return;
    }
    if (ask->kind == SKF_AUTH_NONE) {
        send_request(c, NULL);
        return;
    }
    if (ask->kind == SKF_AUTH_UNKNOWN) {
        skf_err_set(&c->err, SKF_EUNSUPPORTED,
                    "the registry '%s' asks for a kind of login that skiff does not know",
                    c->host->name);
        finish(c);
        return;
    }
    skf_autofree char *scopes = skf_strv_join(&c->scopes, " ");
    const char *token = ask->kind == SKF_AUTH_BEARER ? skf_host_token(c->host, scopes) : NULL;
    if (token) {
        send_request(c, token);
        return;
    }
    if (!c->have_login && skf_host_trusted(c->host)) {
        c->state = LOGIN;
        skf_helper_login(c, on_login);
        return;
    }
    if (ask->kind == SKF_AUTH_BASIC) {
        if (!c->login.user)
            no_login(c);
        if (c->err.code)
            finish(c);
        else
            send_request(c, NULL);
        return;
    }
    if (c->login.registry_token)
        send_request(c, c->login.registry_token);
    else
        ask_token(c);
}

void skf_call_start(struct skf_call *c, void (*done)(struct skf_call *c, const struct skf_err *err))
{
    c->done = done;
    skf_autofree char *own =
        skf_xasprintf("repository:%s:%s", c->repository, c->push ? "pull,push" : "pull");
    if (!skf_strv_has(&c->scopes, own))
        skf_strv_add(&c->scopes, own);
    if (c->mount_from && strcmp(c->mount_from, c->repository) != 0) {
        skf_autofree char *from = skf_xasprintf("repository:%s:pull", c->mount_from);
        if (!skf_strv_has(&c->scopes, from))
            skf_strv_add(&c->scopes, from);
    }
    pause_for(c, 0);
    c->state = START;
}

static void on_defer_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct skf_call, defer));
}

void skf_call_cancel(struct skf_call *c)
{
    if (c->err.code)
        return;
    skf_err_set(&c->err, SKF_ECANCELED, "cancelled");
    if (c->defer.open)
        skf_defer_cancel(&c->defer, on_defer_dropped);
    else if (c->state == LOGIN)
        skf_helper_cancel(c);
    else
        skf_http_cancel(&c->http);
}

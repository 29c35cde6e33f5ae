/* happy path: start -> due list -> tick: credentials are there -> HTTP -> done.
 * credentials: while they are fetched, requests wait in `parked`; then all become due again.
 * failures:   an answer of 400 and more becomes an error with the server's text; a 401 asks an exec
 *             plugin (or a token file) once for new credentials and tries again.
 * on cancel:  a waiting request is due with SKF_ECANCELED; a running one through HTTP.
 * Everything that calls back does so from tick or from the HTTP client's done, never from start. */
#include "lib/kube/api.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"
#include "lib/kube/api_internal.h"
#include "lib/kube/auth.h"
#include "lib/kube/jget.h"

enum {
    MAX_ANSWER = 64 * 1024 * 1024,
    MAX_ERROR_BODY = 64 * 1024,
    EXEC_LIMIT_MS = 60 * 1000, /* a browser login may be behind it */
    MAX_PLUGIN_OUT = 1024 * 1024,
    MIN_SKEW_MS = 2000, /* the Date header has whole seconds */
};

struct list {
    struct skf_kube_req *first, *last;
};

struct skf_kube_api {
    uv_loop_t *loop;
    struct skf_http *http;
    const struct skf_kube_context *context;
    char *base_url;
    uv_timer_t tick;
    struct list due, parked;
    size_t active;
    struct skf_kube_credentials *credentials; /* NULL: to be fetched */
    struct skf_proc helper;                   /* the exec plugin, or kubectl proxy */
    bool helper_runs, fetching, freed, tick_closed;
    struct skf_buf plugin_out; /* what the exec plugin has written so far */
    char *plugin_said;         /* its last line on stderr */
    void (*on_said)(void *data, const char *line);
    void *said_data;
    char *proxy_dir, *note;
    int64_t skew_ms;
};

/* --- lists ------------------------------------------------------------------------------------ */

static void list_push(struct list *l, struct skf_kube_req *r)
{
    r->prev = l->last;
    r->next = NULL;
    if (l->last)
        l->last->next = r;
    else
        l->first = r;
    l->last = r;
}

static void list_del(struct list *l, struct skf_kube_req *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        l->first = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        l->last = r->prev;
    r->prev = r->next = NULL;
}

static void on_tick(uv_timer_t *timer);

static void make_due(struct skf_kube_api *api, struct skf_kube_req *r)
{
    if (r->queued)
        return;
    r->queued = true;
    list_push(&api->due, r);
    uv_timer_start(&api->tick, on_tick, 0, 0);
}

static void wake_parked(struct skf_kube_api *api, const struct skf_err *err)
{
    while (api->parked.first) {
        struct skf_kube_req *r = api->parked.first;
        list_del(&api->parked, r);
        r->queued = false;
        if (err && !r->failure.code)
            r->failure = *err;
        make_due(api, r);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

struct skf_kube_api *skf_kube_api_new(uv_loop_t *loop, struct skf_http *http,
                                      const struct skf_kube_context *context)
{
    struct skf_kube_api *api = skf_xcalloc(1, sizeof *api);
    api->loop = loop;
    api->http = http;
    api->context = context;
    skf_buf_init(&api->plugin_out);
    api->base_url = skf_xstrdup(context->unsupported ? "http://localhost" : context->server);
    uv_timer_init(loop, &api->tick);
    api->tick.data = api;
    return api;
}

static void destroy_when_closed(struct skf_kube_api *api)
{
    if (!api->freed || !api->tick_closed || api->helper_runs)
        return;
    struct skf_err ignored = SKF_ERR_INIT;
    if (api->proxy_dir)
        skf_file_remove_tree(api->proxy_dir, &ignored);
    skf_kube_credentials_unref(api->credentials);
    skf_buf_release(&api->plugin_out);
    free(api->plugin_said);
    free(api->proxy_dir);
    free(api->note);
    free(api->base_url);
    free(api);
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct skf_kube_api *api = handle->data;
    api->tick_closed = true;
    destroy_when_closed(api);
}

void skf_kube_api_free(struct skf_kube_api *api)
{
    if (!api)
        return;
    assert(api->active == 0);
    api->freed = true;
    if (api->helper_runs)
        skf_proc_stop(&api->helper);
    uv_close((uv_handle_t *)&api->tick, on_tick_closed);
}

uv_loop_t *skf_kube_api_loop(const struct skf_kube_api *api)
{
    return api->loop;
}

const struct skf_kube_context *skf_kube_api_context(const struct skf_kube_api *api)
{
    return api->context;
}

int64_t skf_kube_api_skew_ms(const struct skf_kube_api *api)
{
    return api->skew_ms;
}

const char *skf_kube_api_note(const struct skf_kube_api *api)
{
    return api->note;
}

void skf_kube_api_on_said(struct skf_kube_api *api, void (*fn)(void *data, const char *line),
                          void *data)
{
    api->on_said = fn;
    api->said_data = data;
}

/* --- credentials ------------------------------------------------------------------------------ */

static const char *user_name(const struct skf_kube_api *api)
{
    return api->context->user ? api->context->user : "";
}

static void fetched(struct skf_kube_api *api, struct skf_kube_credentials *got,
                    const struct skf_err *err)
{
    api->fetching = false;
    skf_kube_credentials_unref(api->credentials);
    api->credentials = got;
    wake_parked(api, got ? NULL : err);
}

static void explain_exec(const struct skf_kube_api *api, const struct skf_proc *p,
                         struct skf_err *err)
{
    const struct skf_exec_plugin *plugin = api->context->exec;
    if (err->code == SKF_ENOTFOUND) {
        skf_err_set(err, SKF_EDENIED, "credential program '%s' of user '%s' is not there%s%s",
                    plugin->command, user_name(api), plugin->install_hint ? ": " : "",
                    plugin->install_hint ? plugin->install_hint : "");
        return;
    }
    const char *said = api->plugin_said ? api->plugin_said : ""; /* its last line says most */
    skf_err_set(err, SKF_EDENIED, "credential program '%s' of user '%s' failed (exit %d)%s%s",
                plugin->command, user_name(api), p->status, *said ? ": " : "", said);
}

static void on_exec_done(struct skf_proc *p, const struct skf_err *failure)
{
    struct skf_kube_api *api = p->data;
    struct skf_kube_credentials *got = NULL;
    struct skf_err err = SKF_ERR_INIT;
    api->helper_runs = false;
    if (failure) {
        err = *failure;
        if (err.code != SKF_ECANCELED)
            explain_exec(api, p, &err);
    } else {
        got = skf_kube_credentials_parse(api->context->exec, api->plugin_out.data,
                                         api->plugin_out.len, &err);
    }
    explicit_bzero(api->plugin_out.data, api->plugin_out.len);
    skf_buf_clear(&api->plugin_out);
    skf_proc_release(p);
    if (api->freed) {
        skf_kube_credentials_unref(got);
        destroy_when_closed(api);
        return;
    }
    fetched(api, got, &err);
}

static void on_exec_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                         size_t len)
{
    struct skf_kube_api *api = p->data;
    if (from == SKF_PROC_ERR) {
        if (len)
            skf_replace(&api->plugin_said, skf_xstrdup(line));
        if (api->on_said && !api->freed)
            api->on_said(api->said_data, line);
    } else if (api->plugin_out.len < MAX_PLUGIN_OUT) {
        skf_buf_add(&api->plugin_out, line, len);
        skf_buf_addc(&api->plugin_out, '\n');
    }
}

static void fetch_from_exec(struct skf_kube_api *api)
{
    const struct skf_exec_plugin *plugin = api->context->exec;
    struct skf_proc *p = &api->helper;
    skf_proc_init(p);
    p->data = api;
    skf_strv_add(&p->argv, plugin->command);
    skf_strv_addv(&p->argv, &plugin->args);
    skf_strv_addv(&p->env, &plugin->env);
    skf_autofree char *info = skf_kube_exec_info(api->context);
    skf_strv_addf(&p->env, "KUBERNETES_EXEC_INFO=%s", info);
    p->on_line = on_exec_line;
    p->limit_ms = EXEC_LIMIT_MS;
    skf_replace(&api->plugin_said, NULL);
    api->helper_runs = api->fetching = true;
    skf_proc_start(api->loop, p, on_exec_done);
}

static void on_proxy_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                          size_t len)
{
    struct skf_kube_api *api = p->data;
    (void)len;
    skf_log_debug("kubectl proxy: %s", line);
    if (from != SKF_PROC_OUT || !api->fetching || strncmp(line, "Starting to serve", 17) != 0)
        return;
    struct skf_kube_credentials *c = skf_kube_credentials_new();
    c->unix_socket = skf_path_join(api->proxy_dir, "api.sock");
    fetched(api, c, NULL);
}

static void on_proxy_done(struct skf_proc *p, const struct skf_err *failure)
{
    struct skf_kube_api *api = p->data;
    struct skf_err err = SKF_ERR_INIT;
    api->helper_runs = false;
    skf_proc_release(p);
    if (api->freed) {
        destroy_when_closed(api);
        return;
    }
    if (failure && failure->code == SKF_ENOTFOUND)
        skf_err_set(&err, SKF_ENOTFOUND, "kubectl is not installed, and user '%s' needs it (%s)",
                    user_name(api), api->context->unsupported);
    else
        skf_err_set(&err, SKF_ENET, "kubectl proxy ended%s%s", failure ? ": " : "",
                    failure ? failure->msg : "");
    fetched(api, NULL, &err); /* the next request starts another */
}

static void start_proxy(struct skf_kube_api *api)
{
    struct skf_err err = SKF_ERR_INIT;
    const struct skf_kube_context *context = api->context;
    if (!api->proxy_dir)
        api->proxy_dir = skf_file_temp_dir("skiff-kube", &err);
    if (!api->proxy_dir) {
        fetched(api, NULL, &err);
        return;
    }
    skf_replace(&api->note, skf_xasprintf("talking to the cluster through one kubectl proxy: skiff "
                                          "does not do %s itself",
                                          context->unsupported));
    struct skf_proc *p = &api->helper;
    skf_proc_init(p);
    p->data = api;
    p->on_line = on_proxy_line;
    skf_autofree char *socket = skf_path_join(api->proxy_dir, "api.sock");
    unlink(socket);
    skf_proc_args(p, "kubectl", "proxy", "--context", context->name, NULL);
    skf_strv_addf(&p->argv, "--unix-socket=%s", socket);
    if (context->files.n) {
        skf_autofree char *files = skf_strv_join(&context->files, ":");
        skf_strv_addf(&p->env, "KUBECONFIG=%s", files);
    }
    api->helper_runs = api->fetching = true;
    skf_proc_start(api->loop, p, on_proxy_done);
}

static bool have_credentials(const struct skf_kube_api *api)
{
    return api->credentials && (api->credentials->expires_ms == 0 ||
                                api->credentials->expires_ms > skf_clock_wall_ms());
}

bool skf_kube_api_has_credentials(const struct skf_kube_api *api)
{
    return have_credentials(api);
}

struct skf_kube_credentials *skf_kube_api_credentials(struct skf_kube_api *api)
{
    return skf_kube_credentials_ref(api->credentials);
}

const char *skf_kube_api_base(const struct skf_kube_api *api)
{
    return api->base_url;
}

/* Begins to fetch; static ones are there at once. -code: they cannot be had. */
static int ask_credentials(struct skf_kube_api *api, struct skf_err *err)
{
    if (api->fetching)
        return 0;
    if (api->context->unsupported) {
        start_proxy(api);
    } else if (api->context->exec) {
        fetch_from_exec(api);
    } else {
        struct skf_kube_credentials *got = skf_kube_credentials_static(api->context, err);
        if (!got)
            return -(int)err->code;
        skf_kube_credentials_unref(api->credentials);
        api->credentials = got;
    }
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

void skf_kube_req_init(struct skf_kube_req *r)
{
    memset(r, 0, sizeof *r);
    r->method = "GET";
    r->max_body = MAX_ANSWER;
    r->limit_ms = 30 * 1000;
    skf_buf_init(&r->send);
    skf_buf_init(&r->arrived);
    skf_http_req_init(&r->http);
}

void skf_kube_req_release(struct skf_kube_req *r)
{
    assert(r->state == SKF_REQ_IDLE);
    skf_replace(&r->path, NULL);
    skf_buf_release(&r->send);
    skf_buf_release(&r->arrived);
    json_decref(r->json);
    r->json = NULL;
    skf_http_req_release(&r->http);
}

void skf_kube_req_start(struct skf_kube_api *api, struct skf_kube_req *r,
                        void (*done)(struct skf_kube_req *r, const struct skf_err *err))
{
    assert(r->state == SKF_REQ_IDLE && !api->freed);
    r->api = api;
    r->done = done;
    r->state = SKF_REQ_WAITING;
    r->cancelled = r->retried = false;
    r->status = 0;
    skf_err_clear(&r->failure);
    api->active++;
    make_due(api, r);
}

void skf_kube_get(struct skf_kube_api *api, struct skf_kube_req *r, char *path,
                  void (*done)(struct skf_kube_req *r, const struct skf_err *err))
{
    skf_replace(&r->path, path);
    skf_kube_req_start(api, r, done);
}

void skf_kube_req_cancel(struct skf_kube_req *r)
{
    if (r->state == SKF_REQ_IDLE || r->cancelled)
        return;
    r->cancelled = true;
    if (r->state == SKF_REQ_RUNNING) {
        skf_http_cancel(&r->http);
        return;
    }
    if (r->state == SKF_REQ_ENDED)
        return; /* its end is due already, or is being reported right now */
    for (struct skf_kube_req *p = r->api->parked.first; p; p = p->next) {
        if (p != r)
            continue;
        list_del(&r->api->parked, r);
        r->queued = false;
        break;
    }
    make_due(r->api, r);
}

static void finish(struct skf_kube_req *r)
{
    struct skf_kube_api *api = r->api;
    struct skf_err err = r->failure;
    if (r->cancelled) {
        skf_err_clear(&err);
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    }
    skf_kube_credentials_unref(r->credentials);
    r->credentials = NULL;
    r->state = SKF_REQ_IDLE;
    api->active--;
    r->done(r, err.code ? &err : NULL);
}

static enum skf_code code_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return SKF_EDENIED;
    case 404:
        return SKF_ENOTFOUND;
    case 409:
        return SKF_EEXIST;
    default:
        return status == 429 || status >= 500 ? SKF_ENET : SKF_EINVAL;
    }
}

static void fail_of_answer(struct skf_kube_req *r)
{
    const char *message = skf_jstr(r->json, "message");
    enum skf_code code = code_of_status(r->status);
    if (r->status == 401)
        skf_err_set(&r->failure, code,
                    "the cluster does not accept the credentials of user '%s' "
                    "(context '%s'): expired?",
                    user_name(r->api), r->api->context->name);
    else if (message && *message)
        skf_err_set(&r->failure, code, "%s", message);
    else
        skf_err_set(&r->failure, code, "the API server answered %d to %s %s", r->status, r->method,
                    r->path);
}

static void learn_skew(struct skf_kube_req *r)
{
    const char *date = skf_http_header(&r->http, "date");
    struct tm tm = { 0 };
    if (!date || !strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return;
    int64_t skew = (int64_t)timegm(&tm) * 1000 - skf_clock_wall_ms();
    r->api->skew_ms = skew > MIN_SKEW_MS || skew < -MIN_SKEW_MS ? skew : 0;
}

/* The credentials that this request used are no good: the next one fetches others. */
static bool try_again_with_new_credentials(struct skf_kube_req *r)
{
    struct skf_kube_api *api = r->api;
    if (r->status != 401 || r->retried || r->cancelled ||
        (!api->context->exec && !api->context->token_file))
        return false;
    r->retried = true;
    if (api->credentials == r->credentials && api->credentials) {
        skf_kube_credentials_unref(api->credentials);
        api->credentials = NULL;
    }
    skf_kube_credentials_unref(r->credentials);
    r->credentials = NULL;
    r->state = SKF_REQ_WAITING;
    make_due(api, r);
    return true;
}

static void on_http_done(struct skf_http_req *h, const struct skf_err *err)
{
    struct skf_kube_req *r = SKF_CONTAINER_OF(h, struct skf_kube_req, http);
    r->status = h->status;
    learn_skew(r);
    if (err) {
        r->failure = *err;
        skf_err_wrap(&r->failure, "API server %s", r->api->context->server);
    } else {
        if (try_again_with_new_credentials(r))
            return;
        const struct skf_buf *body = r->on_data && r->status < 400 ? NULL : &h->body;
        if (r->on_data && r->status >= 400)
            body = &r->arrived;
        if (body && body->len)
            r->json = json_loadb(body->data, body->len, 0, NULL);
        if (r->status >= 400)
            fail_of_answer(r);
        else if (body && !r->json)
            skf_err_set(&r->failure, SKF_EPROTO, "the API server's answer to %s %s is not JSON",
                        r->method, r->path);
        skf_buf_release(&h->body);
    }
    r->state = SKF_REQ_ENDED;
    make_due(r->api, r);
}

static bool on_http_body(struct skf_http_req *h, const char *data, size_t len)
{
    struct skf_kube_req *r = SKF_CONTAINER_OF(h, struct skf_kube_req, http);
    if (h->status >= 400 && r->arrived.len + len > MAX_ERROR_BODY)
        return true;
    skf_buf_add(&r->arrived, data, len);
    if (h->status < 400)
        make_due(r->api, r);
    return true;
}

void skf_kube_api_impersonate(const struct skf_kube_context *context, struct skf_strv *headers)
{
    skf_strv_addf(headers, "Impersonate-User: %s", context->impersonate_user);
    skf_strv_addv(headers, &context->impersonate);
}

static void launch(struct skf_kube_req *r)
{
    struct skf_kube_api *api = r->api;
    const struct skf_kube_context *context = api->context;
    struct skf_http_req *h = &r->http;
    r->credentials = skf_kube_credentials_ref(api->credentials);
    skf_http_req_release(h);
    skf_http_req_init(h);
    skf_buf_clear(&r->arrived);
    json_decref(r->json);
    r->json = NULL;
    h->method = r->method;
    h->url = skf_xasprintf("%s%s", api->base_url, r->path);
    skf_strv_addf(&h->headers, "Accept: %s", r->accept ? r->accept : "application/json");
    skf_strv_add(&h->headers, "User-Agent: skiff");
    if (r->credentials->authorization)
        skf_strv_add(&h->headers, r->credentials->authorization);
    if (context->impersonate_user && !r->credentials->unix_socket)
        skf_kube_api_impersonate(context, &h->headers);
    if (r->send.len || r->has_body) {
        skf_strv_addf(&h->headers, "Content-Type: %s",
                      r->content_type ? r->content_type : "application/json");
        skf_buf_add(&h->send, r->send.data, r->send.len);
        h->has_body = true;
    }
    h->transport = (struct skf_http_transport){
        .unix_socket = r->credentials->unix_socket,
        .ca_pem = context->ca_pem,
        .client_cert_pem = r->credentials->cert_pem,
        .client_key_pem = r->credentials->key_pem,
        .tls_server_name = context->tls_server_name,
        .insecure = context->insecure,
        .proxy = context->proxy_url,
    };
    h->max_body = r->max_body;
    h->trickles = r->on_data != NULL;
    if (r->on_data)
        h->on_body = on_http_body;
    else
        h->limit_ms = r->limit_ms;
    r->state = SKF_REQ_RUNNING;
    skf_http_start(api->http, h, on_http_done);
}

static void deliver(struct skf_kube_req *r)
{
    skf_autobuf struct skf_buf data = SKF_BUF_INIT;
    skf_buf_swap(&data, &r->arrived);
    r->on_data(r, data.data, data.len);
}

static void advance(struct skf_kube_req *r)
{
    struct skf_kube_api *api = r->api;
    if (r->state == SKF_REQ_WAITING) {
        if (!r->cancelled && !r->failure.code && !have_credentials(api) &&
            ask_credentials(api, &r->failure) == 0 && !have_credentials(api)) {
            r->queued = true;
            list_push(&api->parked, r);
            return;
        }
        if (r->cancelled || r->failure.code)
            finish(r);
        else
            launch(r);
        return;
    }
    bool ended = r->state == SKF_REQ_ENDED;
    if (r->on_data && r->arrived.len && !r->cancelled && r->status < 400 && r->http.status < 400) {
        deliver(r);
        /* on_data may cancel; it may not release a request that is not done. */
    }
    if (ended)
        finish(r);
}

static void on_tick(uv_timer_t *timer)
{
    struct skf_kube_api *api = timer->data;
    while (api->due.first) {
        struct skf_kube_req *r = api->due.first;
        list_del(&api->due, r);
        r->queued = false;
        advance(r);
    }
}

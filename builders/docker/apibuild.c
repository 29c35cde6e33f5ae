#include "builders/docker/apibuild.h"

#include <string.h>

#include "lib/docker/auth.h"
#include "lib/image/docker_stream.h"
#include "lib/image/login.h"

enum { PING_MS = 10000, ERROR_MAX = 65536 };

static struct skf_docker_apibuild *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_docker_apibuild, flow);
}

static void abort_request(struct skf_flow *f)
{
    skf_http_cancel(&of(f)->req);
}

static void fresh_request(struct skf_docker_apibuild *a, const char *method, const char *path,
                          struct skf_flow *f)
{
    if (a->req_used)
        skf_http_req_release(&a->req);
    skf_http_req_init(&a->req);
    a->req_used = true;
    a->req.method = method;
    a->req.data = a;
    skf_docker_host_address(a->host, &a->req, path);
    f->abort = abort_request;
}

/* --- ping ------------------------------------------------------------------------------------- */

static void on_ping(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_docker_apibuild *a = r->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        skf_docker_host_blame(a->host, &why);
    } else {
        skf_docker_engine_learn(a->host, r, &why);
    }
    skf_flow_resume(&a->flow, why.code ? &why : NULL);
}

static enum skf_next ping(struct skf_flow *f)
{
    struct skf_docker_apibuild *a = of(f);
    if (skf_docker_host_check(a->host, &f->err) < 0 || skf_docker_engine_minor(a->host))
        return SKF_NEXT;
    fresh_request(a, "GET", "/_ping", f);
    a->req.limit_ms = PING_MS;
    skf_http_start(a->http, &a->req, on_ping);
    return SKF_WAIT;
}

/* --- build ------------------------------------------------------------------------------------ */

static ssize_t read_context(struct skf_http_req *r, char *to, size_t len)
{
    struct skf_docker_apibuild *a = r->data;
    if (a->chunk.len == 0 && !a->tar_ended) {
        int rc = skf_docker_tar_next(a->tar, &a->chunk, &a->failed);
        if (rc < 0)
            return -1;
        a->tar_ended = rc == 0;
    }
    if (len > a->chunk.len)
        len = a->chunk.len;
    memcpy(to, a->chunk.data, len);
    skf_buf_drop(&a->chunk, len);
    a->sent_bytes += (int64_t)len;
    return (ssize_t)len;
}

/* "stream" texts come in pieces of lines. */
static void add_text(struct skf_docker_apibuild *a, const char *text)
{
    for (; *text; text++) {
        if (*text != '\n') {
            skf_buf_addc(&a->line, *text);
            continue;
        }
        skf_buf_trim(&a->line);
        if (a->line.len)
            a->on_line(a, a->line.data);
        skf_buf_clear(&a->line);
    }
}

static void on_message(void *ctx, const json_t *message)
{
    struct skf_docker_apibuild *a = ctx;
    const char *error = skf_docker_message_error(message);
    const char *text = json_string_value(json_object_get(message, "stream"));
    const char *status = json_string_value(json_object_get(message, "status"));
    if (text)
        add_text(a, text);
    else if (status && !json_object_get(message, "progressDetail"))
        a->on_line(a, status);
    if (json_object_get(json_object_get(message, "aux"), "ID"))
        a->has_id = true;
    if (error) {
        add_text(a, "\n");
        a->on_line(a, error);
        if (!a->failed.code)
            skf_err_set(&a->failed, SKF_EBUILD, "%.800s", error);
    }
}

static bool on_body(struct skf_http_req *r, const char *data, size_t len)
{
    struct skf_docker_apibuild *a = r->data;
    if (r->status >= 300) {
        if (r->body.len + len < ERROR_MAX)
            skf_buf_add(&r->body, data, len);
        return true;
    }
    struct skf_err why = SKF_ERR_INIT;
    if (skf_docker_messages_feed(&a->messages, data, len, on_message, a, &why) < 0) {
        if (!a->failed.code)
            a->failed = why;
        return false;
    }
    return true;
}

/* A Dockerfile that cannot be read is the user's; the rest is Docker's. */
static void refused(struct skf_docker_apibuild *a, struct skf_err *err)
{
    skf_docker_error(&a->req, "docker build", err);
    a->on_line(a, err->msg);
    err->code = a->req.status == 400 || strstr(err->msg, "arse error") ? SKF_EBUILD : err->code;
}

static void on_built(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_docker_apibuild *a = r->data;
    struct skf_err why = SKF_ERR_INIT;
    add_text(a, "\n");
    if (a->failed.code) {
        why = a->failed;
    } else if (err) {
        why = *err;
        skf_docker_host_blame(a->host, &why);
    } else if (r->status >= 300) {
        refused(a, &why);
    } else if (!a->has_id) {
        skf_err_set(&why, SKF_EPROTO, "docker build: Docker's answer ended without an image");
    }
    skf_flow_resume(&a->flow, why.code ? &why : NULL);
}

static enum skf_next build(struct skf_flow *f)
{
    struct skf_docker_apibuild *a = of(f);
    a->tar = skf_docker_tar_new(&a->settings->files, &f->err);
    if (!a->tar)
        return SKF_NEXT;
    skf_autofree char *query = skf_docker_query(a->settings, skf_docker_tar_dockerfile(a->tar));
    skf_autofree char *path =
        skf_xasprintf("/v1.%d/build?%s", skf_docker_engine_minor(a->host), query);
    fresh_request(a, "POST", path, f);
    a->auth = skf_docker_auth_all();
    skf_strv_add(&a->req.headers, "Content-Type: application/x-tar");
    if (a->auth)
        skf_strv_addf(&a->req.headers, "X-Registry-Config: %s", a->auth);
    a->req.has_body = true;
    a->req.read_body = read_context;
    a->req.send_size = -1; /* chunked */
    a->req.on_body = on_body;
    skf_http_start(a->http, &a->req, on_built);
    return SKF_WAIT;
}

static const struct skf_step steps[] = { { "docker ping", ping },
                                         { "docker build", build },
                                         { 0 } };

static void on_flow_done(struct skf_flow *f)
{
    struct skf_docker_apibuild *a = of(f);
    struct skf_err err = f->err;
    a->done(a, err.code ? &err : NULL);
}

void skf_docker_apibuild_start(struct skf_docker_apibuild *a)
{
    skf_buf_init(&a->chunk);
    skf_buf_init(&a->line);
    skf_flow_start(a->loop, &a->flow, steps, on_flow_done);
}

void skf_docker_apibuild_cancel(struct skf_docker_apibuild *a)
{
    skf_flow_cancel(&a->flow);
}

void skf_docker_apibuild_release(struct skf_docker_apibuild *a)
{
    if (a->req_used)
        skf_http_req_release(&a->req);
    skf_docker_tar_free(a->tar);
    skf_docker_messages_release(&a->messages);
    skf_buf_release(&a->chunk);
    skf_buf_release(&a->line);
    skf_secret_free(a->auth);
    memset(a, 0, sizeof *a);
}

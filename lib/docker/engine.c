#include "lib/docker/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/image/docker_stream.h"
#include "lib/io/file.h"

enum { OUR_MINOR = 52, IDLE_MS = 10 * 60 * 1000, PING_MS = 10000 };

/* address -> minor version, for the life of the process */
static struct skf_map versions = SKF_MAP_INIT;

int skf_docker_engine_minor(const struct skf_docker_host *h)
{
    return (int)(intptr_t)skf_map_get(&versions, h->address);
}

void skf_docker_engine_forget(void)
{
    skf_map_release(&versions);
}

int skf_docker_engine_learn(const struct skf_docker_host *h, const struct skf_http_req *ping,
                            struct skf_err *err)
{
    const char *version = skf_http_header(ping, "api-version");
    const char *wanted = getenv("DOCKER_API_VERSION");
    long long minor;
    if (ping->status != 200 || !version || strncmp(version, "1.", 2) != 0 ||
        !skf_num_parse(version + 2, 12, 999, &minor))
        return skf_err_set(err, SKF_EPROTO,
                           "what answers at '%s' (%s) is not a Docker Engine (status %d)",
                           h->address, h->origin, ping->status);
    if (minor > OUR_MINOR)
        minor = OUR_MINOR;
    if (wanted && strncmp(wanted, "1.", 2) == 0)
        skf_num_parse(wanted + 2, 12, 999, &minor);
    skf_map_put(&versions, h->address, (void *)(intptr_t)minor);
    return 0;
}

static struct skf_docker_op *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_docker_op, flow);
}

/* A file without a name: it ends with its descriptor. */
static int open_spool(struct skf_err *err)
{
    const char *dir = getenv("TMPDIR");
    skf_autofree char *path = skf_xasprintf("%s/skiff-image-XXXXXX", dir && dir[0] ? dir : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot make a temporary file '%s'", path);
    unlink(path);
    return fd;
}

static void spool(struct skf_docker_op *op, const char *data, size_t len)
{
    if (op->failed.code || skf_file_write_all(op->fd, data, len, &op->failed) < 0)
        return;
    op->saved_bytes += (int64_t)len;
}

/* --- results ---------------------------------------------------------------------------------- */

static int read_inspect(struct skf_docker_op *op, const char *text, size_t len, struct skf_err *err)
{
    json_t *doc = json_loadb(text, len, 0, NULL);
    const json_t *image = json_is_array(doc) ? json_array_get(doc, 0) : doc;
    const char *id = json_string_value(json_object_get(image, "Id"));
    const json_t *digests = json_object_get(image, "RepoDigests");
    int rc = 0;
    if (!id || !skf_digest_valid(id))
        rc = skf_err_set(err, SKF_EPROTO, "Docker does not tell the ID of '%s'", op->name);
    else
        op->id = skf_xstrdup(id);
    for (size_t i = 0; rc == 0 && i < json_array_size(digests); i++)
        if (json_is_string(json_array_get(digests, i)))
            skf_strv_add(&op->repo_digests, json_string_value(json_array_get(digests, i)));
    json_decref(doc);
    return rc;
}

/* "v1: digest: sha256:... size: 528", the last words of a push. */
static void read_push_line(struct skf_docker_op *op, const char *line)
{
    const char *at = strstr(line, "digest: sha256:");
    if (!at)
        return;
    skf_autofree char *digest = skf_xstrndup(at + 8, SKF_DIGEST_TEXT - 1);
    if (skf_digest_valid(digest))
        skf_replace(&op->digest, skf_xstrdup(digest));
}

static int check_push(struct skf_docker_op *op, struct skf_err *err)
{
    if (op->digest)
        return 0;
    return skf_err_set(err, SKF_EPROTO, "pushing '%s': Docker's answer ended without a digest",
                       op->name);
}

/* --- by the API ------------------------------------------------------------------------------- */

static void abort_request(struct skf_flow *f)
{
    skf_http_cancel(&of(f)->req);
}

static enum skf_next request(struct skf_docker_op *op, const char *method, char *path,
                             void (*done)(struct skf_http_req *r, const struct skf_err *err))
{
    skf_docker_host_address(op->host, &op->req, path);
    free(path);
    op->req.method = method;
    op->req.data = op;
    op->flow.abort = abort_request;
    skf_http_start(op->http, &op->req, done);
    return SKF_WAIT;
}

static void fresh_request(struct skf_docker_op *op)
{
    if (op->req_used)
        skf_http_req_release(&op->req);
    skf_http_req_init(&op->req);
    op->req.idle_ms = IDLE_MS;
    op->req_used = true;
}

static void on_ping(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_docker_op *op = r->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        skf_docker_host_blame(op->host, &why);
    } else {
        skf_docker_engine_learn(op->host, r, &why);
    }
    skf_flow_resume(&op->flow, why.code ? &why : NULL);
}

static enum skf_next ping(struct skf_flow *f)
{
    struct skf_docker_op *op = of(f);
    if (skf_docker_host_check(op->host, &f->err) < 0 || skf_docker_engine_minor(op->host))
        return SKF_NEXT;
    fresh_request(op);
    op->req.limit_ms = PING_MS;
    return request(op, "GET", skf_xstrdup("/_ping"), on_ping);
}

static const char *doing(const struct skf_docker_op *op)
{
    switch (op->verb) {
    case SKF_DOCKER_INSPECT:
        return "looking at the image in Docker";
    case SKF_DOCKER_TAG:
        return "tagging the image in Docker";
    case SKF_DOCKER_PUSH:
        return "pushing the image from Docker";
    case SKF_DOCKER_SAVE:
        return "reading the image out of Docker";
    }
    return "asking Docker";
}

static void on_message(void *ctx, const json_t *message)
{
    struct skf_docker_op *op = ctx;
    const char *error = skf_docker_message_error(message);
    const char *digest =
        json_string_value(json_object_get(json_object_get(message, "aux"), "Digest"));
    const char *status = json_string_value(json_object_get(message, "status"));
    if (error && !op->failed.code)
        skf_err_set(&op->failed, SKF_EPROTO, "pushing '%s': %.600s", op->name, error);
    if (digest && skf_digest_valid(digest))
        skf_replace(&op->digest, skf_xstrdup(digest));
    if (status && op->on_line && !json_object_get(message, "progressDetail"))
        op->on_line(op, status);
}

static bool on_body(struct skf_http_req *r, const char *data, size_t len)
{
    struct skf_docker_op *op = r->data;
    if (r->status >= 300) /* an error text: small */
        skf_buf_add(&r->body, data, r->body.len + len < 65536 ? len : 0);
    else if (op->verb == SKF_DOCKER_SAVE)
        spool(op, data, len);
    else if (skf_docker_messages_feed(&op->messages, data, len, on_message, op, &op->failed) < 0)
        return false;
    return !op->failed.code || op->verb != SKF_DOCKER_SAVE;
}

static int judge(struct skf_docker_op *op, struct skf_err *err)
{
    if (op->req.status >= 300)
        return skf_docker_error(&op->req, doing(op), err);
    if (op->verb == SKF_DOCKER_INSPECT)
        return read_inspect(op, op->req.body.data, op->req.body.len, err);
    return op->verb == SKF_DOCKER_PUSH ? check_push(op, err) : 0;
}

static void on_answer(struct skf_http_req *r, const struct skf_err *err)
{
    struct skf_docker_op *op = r->data;
    struct skf_err why = SKF_ERR_INIT;
    if (op->failed.code) {
        why = op->failed;
    } else if (err) {
        why = *err;
        skf_docker_host_blame(op->host, &why);
    } else {
        judge(op, &why);
    }
    skf_flow_resume(&op->flow, why.code ? &why : NULL);
}

static enum skf_next ask(struct skf_flow *f)
{
    struct skf_docker_op *op = of(f);
    int minor = skf_docker_engine_minor(op->host);
    fresh_request(op);
    switch (op->verb) {
    case SKF_DOCKER_INSPECT:
        return request(op, "GET", skf_xasprintf("/v1.%d/images/%s/json", minor, op->name),
                       on_answer);
    case SKF_DOCKER_TAG: {
        skf_autofree char *repo = skf_http_escape(op->repo), *tag = skf_http_escape(op->tag);
        return request(
            op, "POST",
            skf_xasprintf("/v1.%d/images/%s/tag?repo=%s&tag=%s", minor, op->name, repo, tag),
            on_answer);
    }
    case SKF_DOCKER_PUSH: {
        skf_autofree char *tag = skf_http_escape(op->tag);
        op->req.on_body = on_body;
        op->req.has_body = true;
        skf_strv_addf(&op->req.headers, "X-Registry-Auth: %s", op->auth ? op->auth : "e30=");
        return request(op, "POST",
                       skf_xasprintf("/v1.%d/images/%s/push?tag=%s", minor, op->repo, tag),
                       on_answer);
    }
    case SKF_DOCKER_SAVE:
        break;
    }
    op->fd = open_spool(&f->err);
    if (op->fd < 0)
        return SKF_NEXT;
    op->req.on_body = on_body;
    return request(op, "GET", skf_xasprintf("/v1.%d/images/%s/get", minor, op->name), on_answer);
}

/* --- by the docker program -------------------------------------------------------------------- */

static void abort_program(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

static void on_program_output(struct skf_proc *p, enum skf_proc_stream from, const char *data,
                              size_t len)
{
    struct skf_docker_op *op = p->data;
    if (from == SKF_PROC_OUT)
        spool(op, data, len);
    else if (op->said.len < 65536)
        skf_buf_add(&op->said, data, len);
    if (op->failed.code)
        skf_proc_stop(p);
}

static void on_program_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                            size_t len)
{
    struct skf_docker_op *op = p->data;
    (void)from;
    read_push_line(op, line);
    if (op->on_line)
        op->on_line(op, line);
    if (len && strncmp(line, "WARNING", 7) != 0) {
        skf_buf_clear(&op->said);
        skf_buf_adds(&op->said, line);
    }
}

static void blame_program(struct skf_docker_op *op, const struct skf_err *err, struct skf_err *why)
{
    struct skf_buf *text = op->said.len ? &op->said : &op->proc.errout;
    *why = *err;
    if (err->code != SKF_ECHILD)
        return;
    skf_buf_trim(text);
    bool missing =
        strcasestr(text->data, "no such image") || strcasestr(text->data, "does not exist");
    bool down = strstr(text->data, "Cannot connect to the Docker daemon");
    const char *line = strrchr(text->data, '\n');
    line = line ? line + 1 : text->data;
    skf_err_set(why,
                missing ? SKF_ENOTFOUND
                : down  ? SKF_ENET
                        : SKF_EPROTO,
                "%s: %.600s", doing(op), line[0] ? line : err->msg);
}

static void on_program_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_docker_op *op = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (op->failed.code)
        why = op->failed;
    else if (err)
        blame_program(op, err, &why);
    else if (op->verb == SKF_DOCKER_INSPECT)
        read_inspect(op, p->out.data, p->out.len, &why);
    else if (op->verb == SKF_DOCKER_PUSH)
        check_push(op, &why);
    skf_flow_resume(&op->flow, why.code ? &why : NULL);
}

static enum skf_next run_program(struct skf_flow *f)
{
    struct skf_docker_op *op = of(f);
    struct skf_proc *p = &op->proc;
    skf_proc_init(p);
    op->proc_used = true;
    switch (op->verb) {
    case SKF_DOCKER_INSPECT:
        skf_proc_args(p, "docker", "image", "inspect", op->name, NULL);
        break;
    case SKF_DOCKER_TAG:
        skf_proc_args(p, "docker", "tag", op->name, NULL);
        skf_strv_addf(&p->argv, "%s:%s", op->repo, op->tag);
        break;
    case SKF_DOCKER_PUSH:
        skf_proc_args(p, "docker", "push", op->name, NULL);
        p->merge = true;
        p->on_line = on_program_line;
        break;
    case SKF_DOCKER_SAVE:
        skf_proc_args(p, "docker", "save", op->name, NULL);
        p->on_output = on_program_output;
        op->fd = open_spool(&f->err);
        if (op->fd < 0)
            return SKF_NEXT;
        break;
    }
    skf_docker_host_env(op->host, &p->env);
    p->data = op;
    f->abort = abort_program;
    skf_proc_start(op->loop, p, on_program_done);
    return SKF_WAIT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static const struct skf_step api_steps[] = { { "docker ping", ping }, { "docker", ask }, { 0 } };
static const struct skf_step program_steps[] = { { "docker", run_program }, { 0 } };

static void on_flow_done(struct skf_flow *f)
{
    struct skf_docker_op *op = of(f);
    struct skf_err err = f->err;
    op->done(op, err.code ? &err : NULL);
}

void skf_docker_op_start(struct skf_docker_op *op)
{
    op->fd = -1;
    skf_buf_init(&op->said);
    /* The program knows the user's credentials for a registry. */
    bool program = !op->host->api || (op->verb == SKF_DOCKER_PUSH && op->host->cli);
    skf_flow_start(op->loop, &op->flow, program ? program_steps : api_steps, on_flow_done);
}

void skf_docker_op_cancel(struct skf_docker_op *op)
{
    skf_flow_cancel(&op->flow);
}

void skf_docker_op_release(struct skf_docker_op *op)
{
    if (op->req_used)
        skf_http_req_release(&op->req);
    if (op->proc_used)
        skf_proc_release(&op->proc);
    skf_docker_messages_release(&op->messages);
    skf_buf_release(&op->said);
    skf_strv_release(&op->repo_digests);
    free(op->id);
    free(op->digest);
    if (op->fd >= 0)
        close(op->fd);
    memset(op, 0, sizeof *op);
    op->fd = -1;
}

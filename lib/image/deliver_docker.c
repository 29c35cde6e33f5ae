/* Into a Docker Engine: happy path: ping (which API version) -> is this image there already? ->
 * else load an archive of what the engine lacks -> read the image's ID -> tag it NAME:ID. A load
 * answers 200 and fails inside its JSON stream: only "Loaded image" is success. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/image/deliver_internal.h"
#include "lib/image/docker_stream.h"
#include "lib/image/memo.h"

enum { OUR_MINOR = 52, LOAD_IDLE_MS = 10 * 60 * 1000 };

typedef void answer_fn(struct delivery *y, int status);

static void load(struct delivery *y);

static void fail(struct delivery *y)
{
    struct skf_err why = y->err;
    skf_delivery_end(y, &why);
}

static void cancel_request(struct delivery *y)
{
    skf_http_cancel(&y->http);
}

static void on_answer(struct skf_http_req *r, const struct skf_err *err)
{
    struct delivery *y = r->data;
    y->cancel = NULL;
    if (err && !y->err.code) {
        y->err = *err;
        skf_err_wrap(&y->err, "cannot reach Docker at '%s'", y->d->target.docker_host);
    }
    if (y->err.code)
        fail(y);
    else
        y->on_docker(y, r->status);
}

static int set_address(struct delivery *y, const char *path)
{
    const char *host = y->d->target.docker_host;
    if (strncmp(host, "unix://", 7) == 0) {
        y->http.transport.unix_socket = host + 7;
        y->http.url = skf_xasprintf("http://docker%s", path);
    } else if (strncmp(host, "tcp://", 6) == 0 || strncmp(host, "http://", 7) == 0) {
        bool tls = y->d->target.docker_certs != NULL;
        y->http.url =
            skf_xasprintf("%s://%s%s", tls ? "https" : "http", strstr(host, "://") + 3, path);
        skf_docker_tls_apply(&y->docker_tls, &y->http.transport);
    } else {
        return skf_err_set(&y->err, SKF_EUNSUPPORTED,
                           "the Docker address '%s' is of a kind that skiff does not speak; use "
                           "unix:// or tcp://",
                           host);
    }
    return 0;
}

/* Starts a request whose answer goes to `next`; false = y->err is set. */
static bool prepare(struct delivery *y, const char *method, const char *path, answer_fn *next)
{
    if (y->http_used)
        skf_http_req_release(&y->http);
    skf_http_req_init(&y->http);
    y->http_used = true;
    y->http.method = method;
    y->http.data = y;
    y->http.idle_ms = LOAD_IDLE_MS;
    y->on_docker = next;
    return set_address(y, path) == 0;
}

static void ask(struct delivery *y, const char *method, char *path, answer_fn *next)
{
    skf_autofree char *owned = path;
    if (!prepare(y, method, owned, next)) {
        fail(y);
        return;
    }
    y->cancel = cancel_request;
    skf_http_start(y->d->http, &y->http, on_answer);
}

static void refused(struct delivery *y, const char *doing)
{
    skf_docker_error(&y->http, doing, &y->err);
    fail(y);
}

/* --- last steps ------------------------------------------------------------------------------- */

static void on_tagged(struct delivery *y, int status)
{
    if (status != 201) {
        refused(y, "tagging the image in Docker");
        return;
    }
    y->d->deployed = skf_xasprintf("%s:%s", y->ref.name, y->docker_id);
    skf_delivery_end(y, NULL);
}

static void on_inspected(struct delivery *y, int status)
{
    json_t *doc = json_loadb(y->http.body.data, y->http.body.len, 0, NULL);
    const char *id = json_string_value(json_object_get(doc, "Id"));
    if (status != 200 || !id || !skf_digest_valid(id)) {
        json_decref(doc);
        refused(y, "reading the image's ID from Docker");
        return;
    }
    skf_replace(&y->docker_id, skf_xstrdup(skf_digest_hex(id)));
    json_decref(doc);
    ask(y, "POST",
        skf_xasprintf("/v1.%d/images/%s/tag?repo=%s/%s&tag=%s", y->docker_minor, y->name,
                      y->ref.domain, y->ref.path, y->docker_id),
        on_tagged);
}

static void inspect(struct delivery *y)
{
    ask(y, "GET", skf_xasprintf("/v1.%d/images/%s/json", y->docker_minor, y->name), on_inspected);
}

static void on_retagged(struct delivery *y, int status)
{
    if (status == 201)
        inspect(y);
    else
        refused(y, "tagging the image in Docker");
}

/* --- load ------------------------------------------------------------------------------------- */

static ssize_t read_archive(struct skf_http_req *r, char *to, size_t len)
{
    struct delivery *y = r->data;
    if (y->chunk.len == 0 && !y->archive_ended) {
        int rc = skf_archive_next(y->archive, &y->chunk, &y->err);
        if (rc < 0)
            return -1;
        y->archive_ended = rc == 0;
    }
    if (len > y->chunk.len)
        len = y->chunk.len;
    memcpy(to, y->chunk.data, len);
    skf_buf_drop(&y->chunk, len);
    return (ssize_t)len;
}

static void on_loaded(struct delivery *y, int status)
{
    struct skf_err why = SKF_ERR_INIT;
    int rc = status == 200
                 ? skf_docker_stream(y->http.body.data, y->http.body.len, "Loaded image", &why)
                 : skf_docker_error(&y->http, "loading the image into Docker", &why);
    if (rc == 0) {
        skf_delivery_remember(y);
        inspect(y);
        return;
    }
    if (y->thin) {
        skf_log_debug("docker: the engine lacks what it once had (%.200s); sending all of it",
                      why.msg);
        skf_memo_forget("sent", y->target);
        skf_strv_clear(&y->have);
        skf_delivery_archive(y, load);
        return;
    }
    y->err = why;
    skf_err_wrap(&y->err, "cannot load '%s' into Docker", y->name);
    fail(y);
}

static void load(struct delivery *y)
{
    skf_autofree char *path = skf_xasprintf("/v1.%d/images/load?quiet=1", y->docker_minor);
    if (!prepare(y, "POST", path, on_loaded)) {
        fail(y);
        return;
    }
    skf_strv_add(&y->http.headers, "Content-Type: application/x-tar");
    skf_buf_clear(&y->chunk);
    y->http.has_body = true;
    y->http.read_body = read_archive;
    y->http.send_size = -1; /* chunked */
    y->cancel = cancel_request;
    skf_http_start(y->d->http, &y->http, on_answer);
}

/* --- first steps ------------------------------------------------------------------------------ */

static void on_looked(struct delivery *y, int status)
{
    if (status == 200) /* by ID: the very same image */
        ask(y, "POST",
            skf_xasprintf("/v1.%d/images/%s/tag?repo=%s/%s&tag=%s", y->docker_minor,
                          y->image->config->digest, y->ref.domain, y->ref.path,
                          y->ref.tag ? y->ref.tag : "latest"),
            on_retagged);
    else
        skf_delivery_archive(y, load);
}

static void on_ping(struct delivery *y, int status)
{
    const char *version = skf_http_header(&y->http, "api-version");
    long long minor;
    if (status != 200 || !version || strncmp(version, "1.", 2) != 0 ||
        !skf_num_parse(version + 2, 12, 999, &minor)) {
        skf_err_set(&y->err, SKF_EPROTO, "what answers at '%s' is not a Docker Engine (status %d)",
                    y->d->target.docker_host, status);
        fail(y);
        return;
    }
    y->docker_minor = minor < OUR_MINOR ? (int)minor : OUR_MINOR;
    ask(y, "GET", skf_xasprintf("/v1.%d/images/%s/json", y->docker_minor, y->image->config->digest),
        on_looked);
}

void skf_deliver_docker(struct delivery *y)
{
    const char *host = y->d->target.docker_host;
    if (!host) {
        skf_err_set(&y->err, SKF_EBUG, "no Docker address is given");
        fail(y);
        return;
    }
    if (y->d->target.docker_certs &&
        skf_docker_tls_read(y->d->target.docker_certs, &y->docker_tls, &y->err) < 0) {
        fail(y);
        return;
    }
    if (strncmp(host, "unix://", 7) == 0 && access(host + 7, R_OK | W_OK) < 0) {
        skf_err_errno(&y->err, errno, "cannot reach Docker at '%s'%s", host,
                      errno == EACCES ? " (is your user in the group docker?)" : "");
        fail(y);
        return;
    }
    y->target = skf_xasprintf("docker %s", host);
    skf_memo_load("sent", y->target, &y->have);
    ask(y, "GET", skf_xstrdup("/_ping"), on_ping);
}

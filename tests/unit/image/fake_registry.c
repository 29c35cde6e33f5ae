#include "fake_registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"

struct fake_conn {
    uv_tcp_t tcp;
    struct fake_registry *f;
    struct fake_conn *prev, *next;
    struct skf_buf in;
    bool logged;
    struct fault *fault; /* found for the request being read */
};

struct request {
    char *method, *path, *query;
    char *authorization, *content_type, *range, *content_range;
    const char *body;
    size_t body_len;
};

/* --- connections ------------------------------------------------------------------------------ */

static void on_conn_closed(uv_handle_t *h)
{
    struct fake_conn *c = h->data;
    if (c->prev)
        c->prev->next = c->next;
    else
        c->f->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    skf_buf_release(&c->in);
    free(c);
}

static void close_conn(struct fake_conn *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static void on_linger_end(uv_shutdown_t *req, int status)
{
    (void)status;
    close_conn(req->handle->data);
    free(req);
}

struct reply {
    uv_write_t req;
    struct skf_buf bytes;
    bool close;
};

static void on_written(uv_write_t *req, int status)
{
    struct reply *r = SKF_CONTAINER_OF(req, struct reply, req);
    struct fake_conn *c = req->handle->data;
    if (r->close && status == 0 && !uv_is_closing((uv_handle_t *)&c->tcp)) {
        uv_shutdown_t *end = skf_xmalloc(sizeof *end);
        if (uv_shutdown(end, (uv_stream_t *)&c->tcp, on_linger_end) < 0) {
            free(end);
            close_conn(c);
        }
    }
    skf_buf_release(&r->bytes);
    free(r);
}

static void answer(struct fake_conn *c, bool head_only, int status, const char *headers,
                   const void *body, size_t len)
{
    struct reply *r = skf_xcalloc(1, sizeof *r);
    struct fault *fault = c->fault;
    size_t send = len;
    skf_buf_init(&r->bytes);
    if (fault && fault->kind == FAULT_EXTRA)
        send = len + 7;
    skf_buf_addf(&r->bytes, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, send,
                 headers ? headers : "");
    size_t head = r->bytes.len;
    if (!head_only && len)
        skf_buf_add(&r->bytes, body, len);
    if (!head_only && fault && fault->kind == FAULT_EXTRA)
        skf_buf_adds(&r->bytes, "1234567");
    if (!head_only && fault && fault->kind == FAULT_GARBLE)
        r->bytes.data[r->bytes.len - 1] ^= 1;
    if (!head_only && fault && fault->kind == FAULT_CUT) {
        skf_buf_cut(&r->bytes, head + fault->at);
        r->close = true;
    }
    uv_buf_t buf = uv_buf_init(r->bytes.data, (unsigned)r->bytes.len);
    uv_write(&r->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
}

static void answer_error(struct fake_conn *c, int status, const char *headers, const char *code)
{
    skf_autofree char *body =
        skf_xasprintf("{\"errors\":[{\"code\":\"%s\",\"message\":\"fake\"}]}", code);
    answer(c, false, status, headers, body, strlen(body));
}

/* --- store ------------------------------------------------------------------------------------ */

static void put(struct skf_map *map, const char *repo, const char *ref, struct skf_buf *bytes)
{
    skf_autofree char *key = skf_xasprintf("%s@%s", repo, ref);
    struct skf_buf *old = skf_map_put(map, key, bytes);
    if (old) {
        skf_buf_release(old);
        free(old);
    }
}

static struct skf_buf *find(struct skf_map *map, const char *repo, const char *ref)
{
    skf_autofree char *key = skf_xasprintf("%s@%s", repo, ref);
    return skf_map_get(map, key);
}

void fake_put_blob(struct fake_registry *f, const char *repo, const char *digest, const void *data,
                   size_t len)
{
    struct skf_buf *b = skf_xmalloc(sizeof *b);
    skf_buf_init(b);
    skf_buf_add(b, data, len);
    put(&f->blobs, repo, digest, b);
}

bool fake_has_blob(struct fake_registry *f, const char *repo, const char *digest)
{
    return find(&f->blobs, repo, digest) != NULL;
}

static void drop(void *p)
{
    skf_buf_release(p);
    free(p);
}

void fake_drop_blobs(struct fake_registry *f)
{
    skf_map_release_with(&f->blobs, drop);
}

void fake_put_manifest(struct fake_registry *f, const char *repo, const char *reference,
                       const char *type, const void *data, size_t len)
{
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of(data, len, digest);
    const char *names[] = { reference, digest };
    for (int i = 0; i < 2; i++) {
        struct skf_buf *b = skf_xmalloc(sizeof *b);
        skf_buf_init(b);
        skf_buf_add(b, type, strlen(type) + 1);
        skf_buf_add(b, data, len);
        put(&f->manifests, repo, names[i], b);
    }
}

const struct skf_buf *fake_manifest(struct fake_registry *f, const char *repo,
                                    const char *reference)
{
    return find(&f->manifests, repo, reference);
}

int fake_count(const struct fake_registry *f, const char *start)
{
    int n = 0;
    for (size_t i = 0; i < f->log.n; i++)
        n += strncmp(f->log.v[i], start, strlen(start)) == 0;
    return n;
}

/* --- requests --------------------------------------------------------------------------------- */

static char *query_value(const char *query, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = query; p && *p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
        if (strncmp(p, name, len) == 0 && p[len] == '=')
            return skf_xstrndup(p + len + 1, strcspn(p + len + 1, "&"));
    return NULL;
}

static bool authorised(struct fake_conn *c, const struct request *q)
{
    struct fake_registry *f = c->f;
    skf_autofree char *want = NULL;
    if (f->auth == FAKE_OPEN)
        return true;
    if (f->auth == FAKE_BASIC)
        want = skf_xasprintf("Basic %s", f->user_password);
    else
        want = skf_xasprintf("Bearer token-%d", f->token);
    if (!f->token_scope_error && q->authorization && strcmp(q->authorization, want) == 0)
        return true;
    skf_autofree char *header =
        f->auth == FAKE_BASIC
            ? skf_xstrdup("WWW-Authenticate: Basic realm=\"fake\"\r\n")
            : skf_xasprintf(
                  "WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"fake\"\r\n",
                  f->host);
    answer_error(c, 401, header, "UNAUTHORIZED");
    return false;
}

static void give_token(struct fake_conn *c, const struct request *q)
{
    struct fake_registry *f = c->f;
    skf_autofree char *want = f->user_password ? skf_xasprintf("Basic %s", f->user_password) : NULL;
    if (want && (!q->authorization || strcmp(q->authorization, want) != 0)) {
        answer_error(c, 401, NULL, "UNAUTHORIZED");
        return;
    }
    skf_autofree char *body =
        skf_xasprintf("{\"token\":\"token-%d\",\"expires_in\":300}", f->token);
    answer(c, false, 200, NULL, body, strlen(body));
}

static void on_manifest(struct fake_conn *c, const struct request *q, const char *repo,
                        const char *ref)
{
    struct fake_registry *f = c->f;
    bool head = strcmp(q->method, "HEAD") == 0;
    if (strcmp(q->method, "PUT") == 0) {
        /* Every digest in it has to be there. */
        for (const char *p = q->body; (p = strstr(p, "sha256:")); p++) {
            skf_autofree char *digest = skf_xstrndup(p, 71);
            bool own = strstr(q->body, "base.digest") && strstr(q->body, "base.digest") < p;
            if (!own && !fake_has_blob(f, repo, digest) && !fake_manifest(f, repo, digest)) {
                answer_error(c, 404, NULL, "MANIFEST_BLOB_UNKNOWN");
                return;
            }
        }
        fake_put_manifest(f, repo, ref, q->content_type, q->body, q->body_len);
        answer(c, false, 201, NULL, "", 0);
        return;
    }
    const struct skf_buf *m = fake_manifest(f, repo, ref);
    if (!m) {
        answer_error(c, 404, NULL, "MANIFEST_UNKNOWN");
        return;
    }
    char digest[SKF_DIGEST_TEXT];
    size_t type = strlen(m->data) + 1;
    skf_digest_of(m->data + type, m->len - type, digest);
    skf_autofree char *headers =
        skf_xasprintf("Content-Type: %s\r\nDocker-Content-Digest: %s\r\n", m->data, digest);
    answer(c, head, 200, headers, m->data + type, m->len - type);
}

static void on_blob(struct fake_conn *c, const struct request *q, const char *repo,
                    const char *digest)
{
    const struct skf_buf *b = find(&c->f->blobs, repo, digest);
    if (!b) {
        answer_error(c, 404, NULL, "BLOB_UNKNOWN");
        return;
    }
    long from = q->range ? strtol(q->range + strlen("bytes="), NULL, 10) : 0;
    if (from > 0) {
        skf_autofree char *headers =
            skf_xasprintf("Content-Range: bytes %ld-%zu/%zu\r\n", from, b->len - 1, b->len);
        answer(c, false, 206, headers, b->data + from, b->len - (size_t)from);
        return;
    }
    answer(c, strcmp(q->method, "HEAD") == 0, 200, NULL, b->data, b->len);
}

/* What an open upload has so far; made on first use. */
static struct skf_buf *part_of(struct fake_registry *f, const char *path)
{
    struct skf_buf *b = skf_map_get(&f->parts, path);
    if (!b) {
        b = skf_xmalloc(sizeof *b);
        skf_buf_init(b);
        skf_map_put(&f->parts, path, b);
    }
    return b;
}

static void add_part(struct fake_conn *c, const struct request *q)
{
    struct skf_buf *part = part_of(c->f, q->path);
    size_t from = q->content_range ? (size_t)strtol(q->content_range, NULL, 10) : part->len;
    if (from != part->len) {
        answer_error(c, 416, NULL, "BLOB_UPLOAD_INVALID");
        return;
    }
    skf_buf_add(part, q->body, q->body_len);
    skf_autofree char *headers = skf_xasprintf("Location: %s?_state=y\r\nRange: 0-%zu\r\n", q->path,
                                               part->len ? part->len - 1 : 0);
    answer(c, false, 202, headers, "", 0);
}

static void say_parts(struct fake_conn *c, const struct request *q)
{
    const struct skf_buf *part = skf_map_get(&c->f->parts, q->path);
    if (!part) {
        answer_error(c, 404, NULL, "BLOB_UPLOAD_UNKNOWN");
        return;
    }
    skf_autofree char *headers = skf_xasprintf("Location: %s?_state=z\r\nRange: 0-%zu\r\n", q->path,
                                               part->len ? part->len - 1 : 0);
    answer(c, false, 204, headers, "", 0);
}

static void on_upload(struct fake_conn *c, const struct request *q, const char *repo)
{
    struct fake_registry *f = c->f;
    if (f->max_body && q->body_len > f->max_body) {
        answer(c, false, 413, NULL, "too large", 9);
        return;
    }
    if (strcmp(q->method, "PATCH") == 0) {
        add_part(c, q);
        return;
    }
    if (strcmp(q->method, "GET") == 0) {
        say_parts(c, q);
        return;
    }
    skf_autofree char *mount = query_value(q->query, "mount");
    skf_autofree char *from = query_value(q->query, "from");
    skf_autofree char *digest = query_value(q->query, "digest");
    if (strcmp(q->method, "POST") == 0) {
        const struct skf_buf *b = mount && from ? find(&f->blobs, from, mount) : NULL;
        if (b && !f->no_mount) {
            fake_put_blob(f, repo, mount, b->data, b->len);
            answer(c, false, 201, NULL, "", 0);
            return;
        }
        skf_autofree char *headers =
            skf_xasprintf("Location: %s%s/v2/%s/blobs/uploads/up-%d?_state=x\r\n",
                          f->location_host || f->absolute_location ? "http://" : "",
                          f->location_host       ? f->location_host
                          : f->absolute_location ? f->host
                                                 : "",
                          repo, ++f->uploads);
        answer(c, false, 202, headers, "", 0);
        return;
    }
    char real[SKF_DIGEST_TEXT];
    struct skf_buf *all = part_of(f, q->path);
    skf_buf_add(all, q->body, q->body_len);
    skf_digest_of(all->data, all->len, real);
    if (!digest || strcmp(real, digest) != 0) {
        answer_error(c, 400, NULL, "DIGEST_INVALID");
        return;
    }
    fake_put_blob(f, repo, digest, all->data, all->len);
    answer(c, false, 201, NULL, "", 0);
}

static void route(struct fake_conn *c, const struct request *q)
{
    if (strncmp(q->path, "/token", 6) == 0) {
        give_token(c, q);
        return;
    }
    if (!authorised(c, q))
        return;
    if (strcmp(q->path, "/v2/") == 0) {
        answer(c, false, 200, NULL, "{}", 2);
        return;
    }
    const char *name = q->path + strlen("/v2/"), *at;
    if ((at = strstr(q->path, "/manifests/"))) {
        skf_autofree char *repo = skf_xstrndup(name, (size_t)(at - name));
        on_manifest(c, q, repo, at + strlen("/manifests/"));
    } else if ((at = strstr(q->path, "/blobs/uploads/"))) {
        skf_autofree char *repo = skf_xstrndup(name, (size_t)(at - name));
        on_upload(c, q, repo);
    } else if ((at = strstr(q->path, "/blobs/"))) {
        skf_autofree char *repo = skf_xstrndup(name, (size_t)(at - name));
        on_blob(c, q, repo, at + strlen("/blobs/"));
    } else {
        answer_error(c, 404, NULL, "UNSUPPORTED");
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static char *header_of(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = strstr(head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, name, len) == 0 && p[2 + len] == ':') {
            const char *v = p + 3 + len + strspn(p + 3 + len, " ");
            return skf_xstrndup(v, strcspn(v, "\r"));
        }
    return NULL;
}

static struct fault *find_fault(struct fake_registry *f, const char *method, const char *path)
{
    for (int i = 0; i < f->n_faults; i++) {
        struct fault *x = &f->faults[i];
        int times = x->times ? x->times : 1;
        if ((x->method && strcmp(x->method, method) != 0) || (x->path && !strstr(path, x->path)))
            continue;
        if (x->hits++ < x->skip || x->hits > x->skip + times)
            continue;
        return x;
    }
    return NULL;
}

static void release_request(struct request *q)
{
    free(q->method);
    free(q->path);
    free(q->query);
    free(q->authorization);
    free(q->content_type);
    free(q->range);
    free(q->content_range);
}

/* Handles one request when it is all there; false = more bytes are needed, or the end. */
static bool handle(struct fake_conn *c)
{
    struct fake_registry *f = c->f;
    if (c->in.len && c->in.data[0] == 0x16) { /* somebody speaks TLS to us */
        close_conn(c);
        return false;
    }
    char *end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL;
    if (!end)
        return false;
    size_t head_len = (size_t)(end + 4 - c->in.data);
    skf_autofree char *head = skf_xstrndup(c->in.data, head_len);
    skf_autofree char *length = header_of(head, "content-length");
    size_t body_len = length ? (size_t)strtol(length, NULL, 10) : 0;
    skf_autofree char *coding = header_of(head, "transfer-encoding");
    if (coding) { /* chunked: all up to the empty chunk; nobody looks inside */
        static const char last[] = "\r\n0\r\n\r\n";
        size_t n = sizeof last - 1;
        bool all = c->in.len >= head_len + n && memcmp(c->in.data + c->in.len - n, last, n) == 0;
        body_len = all ? c->in.len - head_len : c->in.len;
    }
    size_t space = strcspn(head, " ");
    const char *target = head + space + 1;
    size_t target_len = strcspn(target, " ");
    struct request q = { .method = skf_xstrndup(head, space),
                         .path = skf_xstrndup(target, strcspn(target, "? ")),
                         .query = NULL };
    if (strlen(q.path) < target_len)
        q.query = skf_xstrndup(target + strlen(q.path) + 1, target_len - strlen(q.path) - 1);
    q.authorization = header_of(head, "authorization");
    q.content_type = header_of(head, "content-type");
    q.range = header_of(head, "range");
    q.content_range = header_of(head, "content-range");
    if (!c->logged) {
        c->logged = true;
        skf_strv_addf(&f->log, "%s %.*s", q.method, (int)target_len, target);
        skf_strv_add(&f->seen_auth, q.authorization ? q.authorization : "");
        c->fault = find_fault(f, q.method, q.path);
    }
    bool more = c->in.len < head_len + body_len;
    struct fault *x = c->fault;
    if (x && (x->kind == FAULT_RESET ||
              (x->kind == FAULT_RESET_BODY && c->in.len - head_len >= x->at))) {
        size_t came = c->in.len - head_len;
        if (f->keeps_parts && x->kind == FAULT_RESET_BODY && came)
            skf_buf_add(part_of(f, q.path), c->in.data + head_len, came);
        release_request(&q);
        close_conn(c);
        return false;
    }
    if (more || (x && x->kind == FAULT_HANG)) {
        release_request(&q);
        return false;
    }
    if (x && x->kind == FAULT_EXPIRE)
        f->token++;
    q.body = c->in.data + head_len;
    q.body_len = body_len;
    skf_autofree char *body = skf_xstrndup(q.body, body_len); /* text, for manifests */
    if (q.content_type && strstr(q.content_type, "json"))
        q.body = body;
    if (x && x->kind == FAULT_STATUS)
        answer(c, strcmp(q.method, "HEAD") == 0, x->status, x->header, x->body ? x->body : "",
               x->body ? strlen(x->body) : 0);
    else
        route(c, &q);
    release_request(&q);
    skf_buf_drop(&c->in, head_len + body_len);
    c->logged = false;
    c->fault = NULL;
    return true;
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    (void)h, (void)n;
    *buf = uv_buf_init(skf_xmalloc(65536), 65536);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct fake_conn *c = s->data;
    if (n > 0)
        skf_buf_add(&c->in, buf->base, (size_t)n);
    free(buf->base);
    if (n < 0) {
        close_conn(c);
        return;
    }
    while (!uv_is_closing((uv_handle_t *)&c->tcp) && handle(c))
        ;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct fake_registry *f = server->data;
    struct fake_conn *c = skf_xcalloc(1, sizeof *c);
    assert(status == 0);
    c->f = f;
    skf_buf_init(&c->in);
    c->next = f->conns;
    if (f->conns)
        f->conns->prev = c;
    f->conns = c;
    uv_tcp_init(f->loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) < 0)
        close_conn(c);
    else
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

void fake_start(struct fake_registry *f, uv_loop_t *loop)
{
    struct sockaddr_in addr;
    int len = sizeof addr;
    memset(f, 0, sizeof *f);
    f->loop = loop;
    f->token = 1;
    uv_ip4_addr("127.0.0.1", 0, &addr);
    uv_tcp_init(loop, &f->server);
    f->server.data = f;
    uv_tcp_bind(&f->server, (const struct sockaddr *)&addr, 0);
    int rc = uv_listen((uv_stream_t *)&f->server, 16, on_connection);
    assert(rc == 0);
    (void)rc;
    uv_tcp_getsockname(&f->server, (struct sockaddr *)&addr, &len);
    f->port = ntohs(addr.sin_port);
    snprintf(f->host, sizeof f->host, "127.0.0.1:%d", f->port);
}

void fake_stop(struct fake_registry *f)
{
    uv_close((uv_handle_t *)&f->server, NULL);
    for (struct fake_conn *c = f->conns; c; c = c->next)
        close_conn(c);
}

void fake_release(struct fake_registry *f)
{
    fake_drop_blobs(f);
    skf_map_release_with(&f->parts, drop);
    skf_map_release_with(&f->manifests, drop);
    skf_strv_release(&f->log);
    skf_strv_release(&f->seen_auth);
}

void fake_fault(struct fake_registry *f, struct fault fault)
{
    assert(f->n_faults < 8);
    f->faults[f->n_faults++] = fault;
}

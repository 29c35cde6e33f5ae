/* happy path: bind, listen -> a client connects -> its line is read -> run -> lines go out ->
 *             shutdown, close.
 * failures:   a client that sends nonsense, too much, or is another user's gets an error line or
 *             nothing; it never harms the session.
 * on free:    all ends at once; what a client's buffer has taken still reaches it. */
#include "lib/engine/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/base/vec.h"
#include "lib/engine/state.h"
#include "lib/io/file.h"

enum { MAX_REQUEST = 64 * 1024, MAX_BEHIND = 8 * 1024 * 1024, KEY_LEN = 16 };

struct connection {
    struct skf_control_call call; /* first: calls are given back as this */
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    struct skf_control *server;
    struct skf_buf in;
    json_t *request;
    bool ending, closing;
    char chunk[4096];
};

struct skf_control {
    uv_loop_t *loop;
    uv_pipe_t listener;
    const struct skf_control_command *commands;
    void *data;
    char *path;
    SKF_VEC(struct connection *) open;
    size_t handles; /* that are not closed yet */
    bool freed;
};

struct line {
    uv_write_t req;
    char *text;
};

/* --- where ------------------------------------------------------------------------------------ */

char *skf_control_dir(struct skf_err *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *dir = runtime && runtime[0] == '/' ? skf_path_join(runtime, "skiff")
                                             : skf_xasprintf("/tmp/skiff-%u", (unsigned)geteuid());
    struct stat st;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        skf_err_errno(err, errno, "cannot make '%s'", dir);
    } else if (lstat(dir, &st) < 0) {
        skf_err_errno(err, errno, "cannot look at '%s'", dir);
    } else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
        skf_err_set(err, SKF_EDENIED,
                    "'%s' must be a directory of yours that nobody else can use: remove it, or "
                    "set XDG_RUNTIME_DIR",
                    dir);
    } else {
        return dir;
    }
    free(dir);
    return NULL;
}

char *skf_control_key(const char *project_dir)
{
    char digest[SKF_DIGEST_TEXT];
    skf_autofree char *real = realpath(project_dir, NULL);
    const char *dir = real ? real : project_dir;
    skf_digest_of(dir, strlen(dir), digest);
    return skf_xstrndup(skf_digest_hex(digest), KEY_LEN);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void unref(struct skf_control *c)
{
    if (--c->handles)
        return;
    skf_vec_release(&c->open);
    free(c->path);
    free(c);
}

static void on_connection_closed(uv_handle_t *h)
{
    struct connection *k = h->data;
    struct skf_control *c = k->server;
    skf_buf_release(&k->in);
    json_decref(k->request);
    free(k);
    unref(c);
}

static void close_connection(struct connection *k)
{
    struct skf_control *c = k->server;
    if (k->closing)
        return;
    k->closing = true;
    for (size_t i = 0; i < c->open.n; i++) {
        if (c->open.v[i] != k)
            continue;
        skf_vec_remove(&c->open, i);
        break;
    }
    k->call.on_event = NULL;
    if (k->call.closed)
        k->call.closed(&k->call);
    uv_close((uv_handle_t *)&k->pipe, on_connection_closed);
}

static void on_shut_down(uv_shutdown_t *req, int status)
{
    struct connection *k = req->data;
    (void)status;
    close_connection(k);
}

void skf_control_end(struct skf_control_call *call)
{
    struct connection *k = (struct connection *)call;
    if (k->ending || k->closing)
        return;
    k->ending = true;
    call->on_event = NULL;
    k->shutdown.data = k;
    if (uv_shutdown(&k->shutdown, (uv_stream_t *)&k->pipe, on_shut_down) != 0)
        close_connection(k);
}

/* --- lines out -------------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    struct line *l = SKF_CONTAINER_OF(req, struct line, req);
    struct connection *k = req->handle->data;
    free(l->text);
    free(l);
    if (status < 0 && status != UV_ECANCELED)
        close_connection(k);
}

void skf_control_send(struct skf_control_call *call, json_t *object)
{
    struct connection *k = (struct connection *)call;
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (!text || k->closing || k->ending) {
        free(text);
        return;
    }
    if (k->pipe.write_queue_size > MAX_BEHIND) {
        free(text);
        close_connection(k);
        return;
    }
    struct line *l = skf_xcalloc(1, sizeof *l);
    size_t len = strlen(text);
    l->text = skf_xrealloc(text, len + 2);
    memcpy(l->text + len, "\n", 2);
    uv_buf_t buf = uv_buf_init(l->text, (unsigned)len + 1);
    if (uv_write(&l->req, (uv_stream_t *)&k->pipe, &buf, 1, on_written) != 0) {
        free(l->text);
        free(l);
        close_connection(k);
    }
}

const char *skf_control_code_name(enum skf_code code)
{
    static const char *const names[] = {
        [SKF_OK] = "ok",
        [SKF_EINVAL] = "invalid",
        [SKF_ENOTFOUND] = "not-found",
        [SKF_EEXIST] = "exists",
        [SKF_EDENIED] = "denied",
        [SKF_ETIMEDOUT] = "timeout",
        [SKF_ECANCELED] = "canceled",
        [SKF_ECHILD] = "child",
        [SKF_ECONFIG] = "config",
        [SKF_EUNSUPPORTED] = "unsupported",
        [SKF_ENET] = "network",
        [SKF_EPROTO] = "protocol",
        [SKF_ETOOBIG] = "too-big",
        [SKF_EIO] = "io",
        [SKF_EUSAGE] = "usage",
        [SKF_EBUILD] = "build",
        [SKF_ESTATUS] = "status",
        [SKF_EBUG] = "bug",
    };
    return (size_t)code < SKF_ARRAY_LEN(names) && names[code] ? names[code] : "unknown";
}

void skf_control_fail(struct skf_control_call *call, const struct skf_err *err)
{
    skf_control_send(call,
                     json_pack("{s:{s:s,s:o}}", "error", "code", skf_control_code_name(err->code),
                               "message", skf_text_json(err->msg, strlen(err->msg))));
    skf_control_end(call);
}

/* --- a line in -------------------------------------------------------------------------------- */

static void refuse(struct connection *k, enum skf_code code, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_err_set(&err, code, "%s", text);
    skf_control_fail(&k->call, &err);
}

static void serve(struct connection *k, const char *text, size_t len)
{
    const struct skf_control *c = k->server;
    k->request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(k->request, "command"));
    k->call.request = k->request;
    k->call.data = c->data;
    if (!name) {
        refuse(k, SKF_EPROTO, "a request is one line of JSON with a \"command\"");
        return;
    }
    for (const struct skf_control_command *cmd = c->commands; cmd->name; cmd++) {
        if (strcmp(cmd->name, name) == 0) {
            cmd->run(&k->call);
            return;
        }
    }
    refuse(k, SKF_EUNSUPPORTED, "the running session does not know this command");
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct connection *k = h->data;
    (void)suggested;
    *buf = uv_buf_init(k->chunk, sizeof k->chunk);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct connection *k = s->data;
    if (n < 0) { /* the client has gone, or has said all it will say */
        if (!k->ending || n != UV_EOF)
            close_connection(k);
        return;
    }
    if (k->request || k->ending)
        return; /* one request a connection */
    skf_buf_add(&k->in, buf->base, (size_t)n);
    const char *end = memchr(k->in.data, '\n', k->in.len);
    if (end)
        serve(k, k->in.data, (size_t)(end - k->in.data));
    else if (k->in.len > MAX_REQUEST)
        refuse(k, SKF_ETOOBIG, "the request is too long");
}

/* The directory keeps others out; this holds even where somebody has opened it. */
static bool is_ours(uv_pipe_t *p)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;
    return uv_fileno((uv_handle_t *)p, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void on_connect(uv_stream_t *listener, int status)
{
    struct skf_control *c = listener->data;
    if (status < 0)
        return;
    struct connection *k = skf_xcalloc(1, sizeof *k);
    skf_buf_init(&k->in);
    k->server = c;
    uv_pipe_init(c->loop, &k->pipe, 0);
    k->pipe.data = k;
    c->handles++;
    skf_vec_push(&c->open, k);
    if (uv_accept(listener, (uv_stream_t *)&k->pipe) != 0 || !is_ours(&k->pipe) ||
        uv_read_start((uv_stream_t *)&k->pipe, on_alloc, on_read) != 0)
        close_connection(k);
}

/* --- the server ------------------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *h)
{
    unref(h->data);
}

struct skf_control *skf_control_start(uv_loop_t *loop, const char *dir,
                                      const struct skf_control_command *commands, void *data,
                                      struct skf_err *err)
{
    skf_autofree char *where = skf_control_dir(err);
    skf_autofree char *key = skf_control_key(dir);
    if (!where)
        return NULL;
    struct skf_control *c = skf_xcalloc(1, sizeof *c);
    c->loop = loop;
    c->commands = commands;
    c->data = data;
    c->path = skf_xasprintf("%s/%s.%d.sock", where, key, (int)getpid());
    c->handles = 1;
    uv_pipe_init(loop, &c->listener, 0);
    c->listener.data = c;
    /* A client takes a socket that refuses for one of a dead session, and removes it: ours has its
     * name once it listens. */
    skf_autofree char *unready = skf_xasprintf("%s.new", c->path);
    int rc = 0;
    if (strlen(unready) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        rc = skf_err_set(err, SKF_ETOOBIG, "'%s' is too long for the name of a socket", c->path);
    } else {
        unlink(unready); /* of a process that had our number */
        mode_t old = umask(077);
        int bound = uv_pipe_bind(&c->listener, unready);
        umask(old);
        if (bound == 0)
            bound = uv_listen((uv_stream_t *)&c->listener, 16, on_connect);
        if (bound == 0 && rename(unready, c->path) < 0)
            bound = uv_translate_sys_error(errno);
        if (bound != 0)
            rc = skf_err_uv(err, bound, "cannot listen on '%s'", c->path);
    }
    if (rc < 0) {
        uv_close((uv_handle_t *)&c->listener, on_listener_closed);
        return NULL;
    }
    uv_unref((uv_handle_t *)&c->listener);
    return c;
}

void skf_control_free(struct skf_control *c)
{
    if (!c || c->freed)
        return;
    c->freed = true;
    unlink(c->path);
    while (c->open.n)
        close_connection(c->open.v[c->open.n - 1]);
    uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}

void skf_control_event(struct skf_control *c, const struct skf_event *event)
{
    for (size_t i = c ? c->open.n : 0; i-- > 0;) {
        if (i >= c->open.n)
            continue; /* more than one has gone */
        struct connection *k = c->open.v[i];
        if (k->call.on_event)
            k->call.on_event(&k->call, event);
    }
}

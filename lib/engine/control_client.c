#include "lib/engine/control_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/engine/control.h"
#include "lib/io/file.h"

enum { MAX_LINE = 16 * 1024 * 1024 };

/* "KEY.PID.sock" of this key: the pid, else 0. */
static int pid_of(const char *name, const char *key)
{
    size_t len = strlen(key);
    long long pid = 0;
    if (strncmp(name, key, len) != 0 || name[len] != '.')
        return 0;
    const char *end = strchr(name + len + 1, '.');
    if (!end || strcmp(end, ".sock") != 0)
        return 0;
    skf_autofree char *digits = skf_xstrndup(name + len + 1, (size_t)(end - name) - len - 1);
    return skf_num_parse(digits, 1, INT32_MAX, &pid) ? (int)pid : 0;
}

/* -1: nobody listens. */
static int try_connect(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (errno == ECONNREFUSED) /* its process was killed */
        unlink(path);
    close(fd);
    return -1;
}

/* The sessions of one directory: how many, their numbers, and a connection to the last one. */
static size_t connect_all(const char *dir, const struct skf_strv *names, const char *where, int pid,
                          struct skf_buf *pids, int *fd)
{
    skf_autofree char *key = skf_control_key(dir);
    size_t found = 0;
    for (size_t i = 0; i < names->n; i++) {
        int here = pid_of(names->v[i], key);
        if (!here || (pid && here != pid))
            continue;
        skf_autofree char *path = skf_path_join(where, names->v[i]);
        int got = try_connect(path);
        if (got < 0)
            continue;
        if (*fd >= 0)
            close(*fd);
        *fd = got;
        skf_buf_addf(pids, "%s%d", found++ ? ", " : "", here);
    }
    return found;
}

int skf_control_connect(const char *project_dir, int pid, struct skf_control_client *out,
                        struct skf_err *err)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autobuf struct skf_buf pids = SKF_BUF_INIT;
    skf_autofree char *dir = skf_path_abs(NULL, project_dir);
    skf_autofree char *where = skf_control_dir(err);
    int fd = -1;
    if (!where || skf_file_list(where, &names, err) < 0)
        return -(int)err->code;
    for (;;) {
        size_t found = connect_all(dir, &names, where, pid, &pids, &fd);
        if (found > 1) {
            close(fd);
            return skf_err_set(err, SKF_EINVAL,
                               "several sessions run in '%s': choose one with --session=PID (%s)",
                               dir, pids.data);
        }
        if (found || strcmp(dir, "/") == 0)
            break;
        skf_replace(&dir, skf_path_dir(dir));
    }
    if (fd < 0)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "no 'skiff dev' runs for '%s' or a directory above it", project_dir);
    *out = (struct skf_control_client){ .fd = fd, .in = SKF_BUF_INIT };
    return 0;
}

int skf_control_request(struct skf_control_client *c, json_t *request, struct skf_err *err)
{
    char *text = json_dumps(request, JSON_COMPACT);
    skf_autobuf struct skf_buf line = SKF_BUF_INIT;
    json_decref(request);
    skf_buf_addf(&line, "%s\n", text);
    free(text);
    for (size_t at = 0; at < line.len;) {
        ssize_t n = send(c->fd, line.data + at, line.len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return skf_err_errno(err, errno, "cannot ask the session");
        at += (size_t)n;
    }
    return 0;
}

/* 1: something can be read; 0: time is up. */
static int wait_readable(const struct skf_control_client *c)
{
    for (;;) {
        int64_t left = c->until_ms ? c->until_ms - skf_clock_ms() : -1;
        if (c->until_ms && left <= 0)
            return 0;
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        int n = poll(&p, 1, (int)(left > INT32_MAX ? INT32_MAX : left));
        if (n > 0 || (n < 0 && errno != EINTR))
            return 1;
    }
}

static int parse(const char *text, size_t len, json_t **out, struct skf_err *err)
{
    *out = json_loadb(text, len, 0, NULL);
    const json_t *failed = json_object_get(*out, "error");
    const char *said = json_string_value(json_object_get(failed, "message"));
    if (!*out)
        return skf_err_set(err, SKF_EPROTO, "the session answered what is no JSON");
    /* An answer that is nothing but an error; others may carry one. */
    if (failed && json_object_size(*out) == 1) {
        skf_err_set(err, SKF_EPROTO, "%s", said ? said : "the session refuses");
        json_decref(*out);
        *out = NULL;
        return -(int)err->code;
    }
    return 1;
}

int skf_control_next(struct skf_control_client *c, json_t **out, struct skf_err *err)
{
    for (;;) {
        const char *end = memchr(c->in.data, '\n', c->in.len);
        if (end) {
            size_t len = (size_t)(end - c->in.data);
            int rc = parse(c->in.data, len, out, err);
            skf_buf_drop(&c->in, len + 1);
            return rc;
        }
        if (c->in.len > MAX_LINE)
            return skf_err_set(err, SKF_ETOOBIG, "the session's answer is too long");
        if (!wait_readable(c))
            return skf_err_set(err, SKF_ETIMEDOUT, "the time is up");
        ssize_t n = skf_buf_read(&c->in, c->fd, 64 * 1024);
        if (n < 0)
            return skf_err_errno(err, errno, "cannot read the session's answer");
        if (n == 0)
            return 0;
    }
}

void skf_control_client_close(struct skf_control_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    skf_buf_release(&c->in);
}

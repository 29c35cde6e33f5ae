/* happy path: pipes, uv_spawn, read both pipes to their end, exit callback, close all, done.
 * failures:   spawn fails -> handles close -> done. Limits (time, bytes) -> stop, then done with
 * them. on cancel:  SIGTERM to the group; when the child has exited, look every few ms whether its
 * own children are gone too; SIGKILL to those that outstay the grace; then as the happy path with
 *             SKF_ECANCELED. */
#include "lib/io/proc.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"

enum { DEFAULT_CAPTURE = 16 * 1024 * 1024, MAX_LINE = 1024 * 1024, READ_SIZE = 64 * 1024 };
enum { GROUP_LOOK_MS = 10, LAST_READ_MAX = 1024 * 1024 /* the largest pipe */ };

static unsigned long started;
static struct skf_proc *living; /* loop thread only */

unsigned long skf_proc_count(void)
{
    return started;
}

static void list_add(struct skf_proc *p)
{
    p->prev = NULL;
    p->next = living;
    if (living)
        living->prev = p;
    living = p;
}

static void list_del(struct skf_proc *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else if (living == p)
        living = p->next;
    if (p->next)
        p->next->prev = p->prev;
    p->prev = p->next = NULL;
}

void skf_proc_kill_all(void)
{
    for (struct skf_proc *p = living; p; p = p->next)
        kill(-p->process.pid, SIGKILL);
}

void skf_proc_init(struct skf_proc *p)
{
    memset(p, 0, sizeof *p);
    p->capture_max = DEFAULT_CAPTURE;
    p->stop_ms = 2000;
    p->drain_ms = 500;
    p->status = -1;
    skf_buf_init(&p->out);
    skf_buf_init(&p->errout);
    skf_buf_init(&p->line[0]);
    skf_buf_init(&p->line[1]);
}

void skf_proc_release(struct skf_proc *p)
{
    assert(!p->running);
    skf_strv_release(&p->argv);
    skf_strv_release(&p->env);
    skf_replace(&p->cwd, NULL);
    skf_buf_release(&p->out);
    skf_buf_release(&p->errout);
    skf_buf_release(&p->line[0]);
    skf_buf_release(&p->line[1]);
}

void skf_proc_args(struct skf_proc *p, const char *first, ...)
{
    va_list ap;
    va_start(ap, first);
    for (const char *arg = first; arg; arg = va_arg(ap, const char *))
        skf_strv_add(&p->argv, arg);
    va_end(ap);
}

char *skf_proc_which(const char *program)
{
    if (strchr(program, '/'))
        return access(program, X_OK) == 0 ? skf_xstrdup(program) : NULL;
    const char *path = getenv("PATH");
    skf_autostrv struct skf_strv dirs = SKF_STRV_INIT;
    skf_strv_split(&dirs, path ? path : "/usr/local/bin:/usr/bin:/bin", ":");
    for (size_t i = 0; i < dirs.n; i++) {
        skf_autofree char *full = skf_path_join(dirs.v[i], program);
        struct stat st; /* a directory is "executable" too */
        if (access(full, X_OK) == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
            return skf_take(&full);
    }
    return NULL;
}

static void maybe_end(struct skf_proc *p);
static void got_output(struct skf_proc *p, enum skf_proc_stream from, const char *data, size_t len);

/* --- the end ---------------------------------------------------------------------------------- */

static void fail(struct skf_proc *p, enum skf_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct skf_proc *p, enum skf_code code, const char *fmt, ...)
{
    va_list ap;
    if (p->failure.code)
        return;
    va_start(ap, fmt);
    skf_err_setv(&p->failure, code, fmt, ap);
    va_end(ap);
}

static void deliver_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                         size_t len)
{
    if (len && line[len - 1] == '\r')
        len--;
    skf_autofree char *copy = skf_xmalloc(len + 1);
    memcpy(copy, line, len);
    copy[len] = '\0';
    p->on_line(p, from, copy, len);
}

static void flush_lines(struct skf_proc *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->on_line && p->line[i].len)
            deliver_line(p, i == 0 ? SKF_PROC_OUT : SKF_PROC_ERR, p->line[i].data, p->line[i].len);
        skf_buf_clear(&p->line[i]);
    }
}

static void finish(struct skf_proc *p)
{
    list_del(p);
    flush_lines(p);
    p->running = false;
    p->ended_us = skf_clock_us();
    const char *name = p->argv.n ? skf_path_base(p->argv.v[0]) : "process";
    if (!p->failure.code && p->signal) {
        fail(p, SKF_ECHILD, "%s was ended by signal %d (%s)", name, p->signal,
             strsignal(p->signal));
        p->failure.sys = 128 + p->signal;
    } else if (!p->failure.code && p->status != 0) {
        fail(p, SKF_ECHILD, "%s exited with status %d", name, p->status);
        p->failure.sys = p->status;
    }
    p->done(p, p->failure.code ? &p->failure : NULL);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct skf_proc *p = handle->data;
    if (--p->open_handles == 0)
        finish(p);
}

static void close_handle(struct skf_proc *p, void *handle)
{
    (void)p;
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void close_pipes(struct skf_proc *p)
{
    if (p->out_open)
        close_handle(p, &p->out_pipe);
    if (p->err_open)
        close_handle(p, &p->err_pipe);
    p->out_open = p->err_open = false;
}

/* What stands in the pipe already: the loop may have been too busy to read it within the limit. */
static void read_rest(struct skf_proc *p, uv_pipe_t *pipe, enum skf_proc_stream from)
{
    uv_os_fd_t fd;
    skf_autobuf struct skf_buf rest = SKF_BUF_INIT;
    if (uv_fileno((uv_handle_t *)pipe, &fd) < 0)
        return;
    while (rest.len < LAST_READ_MAX && skf_buf_read(&rest, fd, READ_SIZE) > 0)
        ;
    if (rest.len)
        got_output(p, from, rest.data, rest.len);
}

static void on_drain_limit(uv_timer_t *timer)
{
    struct skf_proc *p = timer->data;
    if (p->out_open)
        read_rest(p, &p->out_pipe, SKF_PROC_OUT);
    if (p->err_open)
        read_rest(p, &p->err_pipe, SKF_PROC_ERR);
    skf_log_debug("proc: %s: a grandchild keeps its output open; closing it", p->argv.v[0]);
    close_pipes(p);
    close_handle(p, &p->timer);
}

static void start_timer(struct skf_proc *p, uv_timer_cb fn, uint64_t ms)
{
    uv_update_time(p->loop); /* the loop's clock stands still while a callback works */
    if (!uv_is_closing((uv_handle_t *)&p->timer))
        uv_timer_start(&p->timer, fn, ms, 0);
}

static void on_group_timer(uv_timer_t *timer)
{
    maybe_end(timer->data);
}

/* Does anything but zombies run in the group? An init that does not reap (containers have such)
 * leaves those for ever, and kill(2) counts them. */
static bool group_runs(int group)
{
    if (kill(-group, 0) < 0)
        return false;
    DIR *dir = opendir("/proc");
    if (!dir)
        return true; /* cannot tell */
    bool runs = false;
    struct dirent *e;
    while (!runs && (e = readdir(dir))) {
        long long pid;
        char path[64], text[512];
        if (!skf_num_parse(e->d_name, 1, INT_MAX, &pid))
            continue;
        snprintf(path, sizeof path, "/proc/%lld/stat", pid);
        skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (n <= 0)
            continue;
        text[n] = '\0';
        /* "PID (NAME) STATE PARENT GROUP ...": the name may hold anything, also ")" */
        const char *rest = strrchr(text, ')');
        char state;
        int parent, its_group;
        if (rest && sscanf(rest + 1, " %c %d %d", &state, &parent, &its_group) == 3)
            runs = its_group == group && state != 'Z' && state != 'X';
    }
    closedir(dir);
    return runs;
}

/* After the child's exit: is somebody of its group still to be waited for? As long as there is one,
 * the kernel gives the group's number to nobody else; we look often enough not to miss its end by
 * much. */
static bool group_lingers(struct skf_proc *p)
{
    if (!p->stopping || p->killed || !group_runs(p->process.pid))
        return false;
    if (uv_now(p->loop) < p->kill_at)
        return true;
    p->killed = true;
    kill(-p->process.pid, SIGKILL);
    return false;
}

/* Exit *and* end of file of both pipes: whichever comes last ends the operation. */
static void maybe_end(struct skf_proc *p)
{
    if (!p->exited)
        return;
    if (p->in_open) {
        p->in_open = false;
        close_handle(p, &p->in_pipe);
    }
    if (group_lingers(p)) {
        start_timer(p, on_group_timer, GROUP_LOOK_MS);
        return;
    }
    if (p->stopping)
        p->killed = true; /* the group is gone: its number is no longer ours */
    list_del(p);
    if (!p->out_open && !p->err_open)
        close_handle(p, &p->timer);
    else
        start_timer(p, on_drain_limit, p->drain_ms);
}

/* --- output ----------------------------------------------------------------------------------- */

static void add_to_lines(struct skf_proc *p, enum skf_proc_stream from, const char *data,
                         size_t len)
{
    struct skf_buf *line = &p->line[from == SKF_PROC_OUT ? 0 : 1];
    while (len) {
        const char *end = memchr(data, '\n', len);
        size_t part = end ? (size_t)(end - data) : len;
        if (!end) {
            skf_buf_add(line, data, part);
            if (line->len > MAX_LINE) { /* a line without an end: hand it over in parts */
                deliver_line(p, from, line->data, line->len);
                skf_buf_clear(line);
            }
            return;
        }
        if (line->len) {
            skf_buf_add(line, data, part);
            deliver_line(p, from, line->data, line->len);
            skf_buf_clear(line);
        } else {
            deliver_line(p, from, data, part);
        }
        data += part + 1;
        len -= part + 1;
    }
}

static void got_output(struct skf_proc *p, enum skf_proc_stream from, const char *data, size_t len)
{
    if (p->on_output) {
        p->on_output(p, from, data, len);
    } else if (p->on_line) {
        add_to_lines(p, from, data, len);
    } else {
        struct skf_buf *to = from == SKF_PROC_OUT ? &p->out : &p->errout;
        if (to->len + len > p->capture_max) {
            fail(p, SKF_ETOOBIG, "%s printed more than %zu bytes", skf_path_base(p->argv.v[0]),
                 p->capture_max);
            skf_proc_stop(p);
            return;
        }
        skf_buf_add(to, data, len);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(skf_xmalloc(READ_SIZE), READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct skf_proc *p = stream->data;
    bool is_out = stream == (uv_stream_t *)&p->out_pipe;
    if (n > 0)
        got_output(p, is_out ? SKF_PROC_OUT : SKF_PROC_ERR, buf->base, (size_t)n);
    free(buf->base);
    if (n >= 0)
        return;
    if (is_out)
        p->out_open = false;
    else
        p->err_open = false;
    close_handle(p, stream);
    maybe_end(p);
}

/* --- start ------------------------------------------------------------------------------------ */

static void on_child_exit(uv_process_t *process, int64_t status, int signum)
{
    struct skf_proc *p = process->data;
    p->exited = true;
    p->status = (int)status;
    p->signal = signum;
    uv_timer_stop(&p->timer);
    close_handle(p, &p->process);
    maybe_end(p); /* on a stop, waits for the rest of the group */
}

static void on_kill_timer(uv_timer_t *timer)
{
    struct skf_proc *p = timer->data;
    if (!p->exited && !p->killed) {
        p->killed = true;
        kill(-p->process.pid, SIGKILL);
    }
}

static void on_limit(uv_timer_t *timer)
{
    struct skf_proc *p = timer->data;
    fail(p, SKF_ETIMEDOUT, "%s took longer than %g s", skf_path_base(p->argv.v[0]),
         p->limit_ms / 1000.0);
    skf_proc_stop(p);
}

static char **environment(const struct skf_proc *p)
{
    extern char **environ;
    size_t n = 0;
    while (environ[n])
        n++;
    char **env = skf_xcalloc(n + p->env.n + 1, sizeof *env);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        size_t key = strcspn(environ[i], "=") + 1;
        bool replaced = false;
        for (size_t j = 0; j < p->env.n && !replaced; j++)
            replaced = strncmp(environ[i], p->env.v[j], key) == 0;
        if (!replaced)
            env[out++] = environ[i];
    }
    for (size_t j = 0; j < p->env.n; j++) { /* the last of equal names wins */
        size_t key = strcspn(p->env.v[j], "=") + 1;
        bool again = false;
        for (size_t k = j + 1; k < p->env.n && !again; k++)
            again = strncmp(p->env.v[j], p->env.v[k], key) == 0;
        if (!again)
            env[out++] = p->env.v[j];
    }
    return env;
}

static void on_dead_start(uv_timer_t *timer)
{
    struct skf_proc *p = timer->data;
    close_handle(p, &p->timer);
}

/* A handle that counts towards the end. */
static void own_handle(struct skf_proc *p, void *handle)
{
    ((uv_handle_t *)handle)->data = p;
    p->open_handles++;
}

static void explain_spawn_failure(struct skf_proc *p, int status)
{
    const char *program = p->argv.v[0];
    skf_autofree char *found = skf_proc_which(program);
    struct stat st;
    if (p->cwd && stat(p->cwd, &st) < 0)
        skf_err_errno(&p->failure, errno, "cannot run %s in '%s'", program, p->cwd);
    else if (p->cwd && !S_ISDIR(st.st_mode))
        skf_err_errno(&p->failure, ENOTDIR, "cannot run %s in '%s'", program, p->cwd);
    else if (p->cwd && access(p->cwd, X_OK) < 0)
        skf_err_errno(&p->failure, errno, "cannot run %s in '%s'", program, p->cwd);
    else if (status == UV_ENOENT && !found && !strchr(program, '/'))
        skf_err_set(&p->failure, SKF_ENOTFOUND, "%s is not installed or not in PATH", program);
    else if (status == UV_ENOENT && found)
        skf_err_set(&p->failure, SKF_ENOTFOUND,
                    "cannot run '%s': the interpreter that its first line names is missing", found);
    else
        skf_err_uv(&p->failure, status, "cannot run '%s'", program);
}

void skf_proc_start(uv_loop_t *loop, struct skf_proc *p,
                    void (*done)(struct skf_proc *p, const struct skf_err *err))
{
    assert(p->argv.n && !p->running);
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
    p->loop = loop;
    p->done = done;
    p->running = true;
    p->started_us = skf_clock_us();
    if (p->use_stdin)
        signal(SIGPIPE, SIG_IGN); /* skf_loop_init did; not every loop comes from there */
    uv_timer_init(loop, &p->timer);
    own_handle(p, &p->timer);

    /* Real pipes, not libuv's socket pairs: a child may open /dev/stderr. */
    if ((p->use_stdin && pipe2(in, O_CLOEXEC) < 0) || pipe2(out, O_CLOEXEC) < 0 ||
        (!p->merge && pipe2(err, O_CLOEXEC) < 0)) {
        skf_err_errno(&p->failure, errno, "cannot run '%s': no pipe", p->argv.v[0]);
        int ends[] = { in[0], in[1], out[0], out[1], err[0], err[1] };
        for (size_t i = 0; i < SKF_ARRAY_LEN(ends); i++)
            skf_close_fd(&ends[i]);
        uv_timer_start(&p->timer, on_dead_start, 0, 0);
        return;
    }

    uv_stdio_container_t stdio[3];
    stdio[0].flags = p->use_stdin ? UV_INHERIT_FD : UV_IGNORE;
    stdio[0].data.fd = in[0];
    stdio[1].flags = UV_INHERIT_FD;
    stdio[1].data.fd = out[1];
    stdio[2].flags = UV_INHERIT_FD;
    stdio[2].data.fd = p->merge ? out[1] : err[1];
    skf_autofree char **env = environment(p);
    uv_process_options_t options = {
        .exit_cb = on_child_exit,
        .file = p->argv.v[0],
        .args = p->argv.v,
        .env = env,
        .cwd = p->cwd,
        .flags = UV_PROCESS_DETACHED, /* a group of its own */
        .stdio_count = 3,
        .stdio = stdio,
    };
    int status = uv_spawn(loop, &p->process, &options);
    own_handle(p, &p->process);
    skf_close_fd(&in[0]);
    skf_close_fd(&out[1]);
    skf_close_fd(&err[1]);
    if (status < 0) {
        explain_spawn_failure(p, status);
        skf_close_fd(&in[1]);
        skf_close_fd(&out[0]);
        skf_close_fd(&err[0]);
        close_handle(p, &p->process); /* a failed spawn also needs its close */
        uv_timer_start(&p->timer, on_dead_start, 0, 0);
        return;
    }
    started++;
    list_add(p);
    if (skf_log_debug_on()) {
        skf_autofree char *line = skf_strv_join(&p->argv, " ");
        skf_log_debug("proc %d: %s", p->process.pid, line);
    }

    uv_pipe_init(loop, &p->out_pipe, 0);
    own_handle(p, &p->out_pipe);
    uv_pipe_open(&p->out_pipe, out[0]);
    p->out_open = true;
    uv_read_start((uv_stream_t *)&p->out_pipe, on_alloc, on_read);
    if (!p->merge) {
        uv_pipe_init(loop, &p->err_pipe, 0);
        own_handle(p, &p->err_pipe);
        uv_pipe_open(&p->err_pipe, err[0]);
        p->err_open = true;
        uv_read_start((uv_stream_t *)&p->err_pipe, on_alloc, on_read);
    }
    if (p->use_stdin) {
        uv_pipe_init(loop, &p->in_pipe, 0);
        own_handle(p, &p->in_pipe);
        uv_pipe_open(&p->in_pipe, in[1]);
        p->in_open = true;
    }
    if (p->limit_ms)
        start_timer(p, on_limit, p->limit_ms);
}

/* --- stdin ------------------------------------------------------------------------------------ */

struct feed {
    uv_write_t req;
    char data[];
};

static void on_fed(uv_write_t *req, int status)
{
    struct skf_proc *p = req->data;
    free(SKF_CONTAINER_OF(req, struct feed, req));
    if (status < 0 && p->in_open) {
        /* The child does not read its input any more. Whether that is wrong, its exit says. */
        p->in_open = false;
        close_handle(p, &p->in_pipe);
    }
    if (p->in_open && p->in_pipe.write_queue_size == 0 && p->on_drained) {
        void (*fn)(struct skf_proc *) = p->on_drained;
        p->on_drained = NULL;
        fn(p);
    }
}

void skf_proc_feed(struct skf_proc *p, const void *data, size_t len)
{
    if (!p->in_open || !len)
        return;
    struct feed *f = skf_xmalloc(sizeof *f + len);
    memcpy(f->data, data, len);
    f->req.data = p;
    uv_buf_t buf = uv_buf_init(f->data, (unsigned)len);
    if (uv_write(&f->req, (uv_stream_t *)&p->in_pipe, &buf, 1, on_fed) < 0)
        free(f);
}

size_t skf_proc_feed_pending(const struct skf_proc *p)
{
    return p->in_open ? p->in_pipe.write_queue_size : 0;
}

void skf_proc_on_drained(struct skf_proc *p, void (*fn)(struct skf_proc *p))
{
    p->on_drained = fn;
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    struct skf_proc *p = req->data;
    free(req);
    if (p->in_open) {
        p->in_open = false;
        close_handle(p, &p->in_pipe);
    }
}

void skf_proc_feed_end(struct skf_proc *p)
{
    if (!p->in_open)
        return;
    uv_shutdown_t *req = skf_xmalloc(sizeof *req);
    req->data = p;
    if (uv_shutdown(req, (uv_stream_t *)&p->in_pipe, on_shutdown) < 0)
        free(req); /* ended already: the first one closes it */
}

/* --- stop ------------------------------------------------------------------------------------- */

void skf_proc_stop(struct skf_proc *p)
{
    if (!p->running || !p->open_handles)
        return;
    fail(p, SKF_ECANCELED, "%s: cancelled", skf_path_base(p->argv.v[0]));
    if (p->stopping || p->process.pid <= 0 || uv_is_closing((uv_handle_t *)&p->timer))
        return;
    p->stopping = true;
    kill(-p->process.pid, SIGTERM);
    uv_update_time(p->loop);
    p->kill_at = uv_now(p->loop) + p->stop_ms;
    if (p->exited) { /* only its output is still open, by a child of its own */
        close_pipes(p);
        maybe_end(p);
        return;
    }
    start_timer(p, on_kill_timer, p->stop_ms);
}

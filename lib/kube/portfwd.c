/* The listener, the target it leads to, and the list of connections (portfwd_conn.c).
 * on stop: listener, target and connections close; the last one ends with `done`. */
#include "lib/kube/portfwd.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/kube/portfwd_conn.h"

enum { BACKLOG = 64, NEAR = 10, RANGE_FIRST = 4503, RANGE_LAST = 4533 };

void skf_portfwd_init(struct skf_portfwd *f)
{
    memset(f, 0, sizeof *f);
    skf_kube_target_init(&f->target);
}

void skf_portfwd_release(struct skf_portfwd *f)
{
    assert(!f->active);
    char *owned[] = { f->kind, f->namespace_, f->name, f->port, f->address, f->told_pod };
    for (size_t i = 0; i < SKF_ARRAY_LEN(owned); i++)
        free(owned[i]);
    skf_kube_target_release(&f->target);
    skf_vec_release(&f->conns);
}

/* --- ports ------------------------------------------------------------------------------------ */

/* A numeric address of either family, or "localhost"; `port` goes in. false: neither. */
static bool socket_address(const char *address, unsigned port, struct sockaddr_storage *out,
                           socklen_t *len)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    memset(out, 0, sizeof *out);
    if (strcmp(address, "localhost") == 0)
        address = "127.0.0.1";
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof v4);
        *len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof v6);
        *len = sizeof v6;
        return true;
    }
    return false;
}

static bool is_v6(const char *address)
{
    return strchr(address, ':') != NULL;
}

/* A listening socket, or -1 with errno. */
static int listen_on(const char *address, unsigned port)
{
    struct sockaddr_storage to;
    socklen_t len;
    if (!socket_address(address, port, &to, &len)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1; /* a port in TIME_WAIT is free */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (to.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&to, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static bool bindable(const char *address, unsigned port)
{
    int fd = listen_on(address, port);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool is_free(const char *address, unsigned port)
{
    return port <= 65535 && bindable(is_v6(address) ? "::" : "0.0.0.0", port) &&
           bindable(address, port);
}

static unsigned any_free(const char *address)
{
    int fd = listen_on(address, 0);
    struct sockaddr_storage got;
    socklen_t len = sizeof got;
    unsigned port = 0;
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&got, &len) == 0)
        port = ntohs(got.ss_family == AF_INET6
                         ? ((const struct sockaddr_in6 *)(const void *)&got)->sin6_port
                         : ((const struct sockaddr_in *)(const void *)&got)->sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

unsigned skf_portfwd_choose(const char *address, unsigned wanted)
{
    for (unsigned p = wanted; wanted && p <= wanted + NEAR; p++) {
        if (is_free(address, p))
            return p;
    }
    for (unsigned p = RANGE_FIRST; p <= RANGE_LAST; p++) {
        if (is_free(address, p))
            return p;
    }
    return any_free(address);
}

/* --- callbacks -------------------------------------------------------------------------------- */

void skf_portfwd_tell(struct skf_portfwd *f, enum skf_portfwd_event event, const char *text)
{
    if (f->on_event && !f->stopping)
        f->on_event(f, event, text);
}

static void maybe_done(struct skf_portfwd *f)
{
    if (!f->stopping || f->listening || f->target_open || f->conns.n)
        return;
    f->active = false;
    f->done(f);
}

void skf_portfwd_conn_gone(struct skf_portfwd_conn *c)
{
    struct skf_portfwd *f = c->forward;
    for (size_t i = 0; i < f->conns.n; i++) {
        if (f->conns.v[i] == c) {
            skf_vec_remove(&f->conns, i);
            break;
        }
    }
    free(c);
    maybe_done(f);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct skf_portfwd *f = listener->data;
    if (status == 0 && !f->stopping)
        skf_portfwd_accept(f);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct skf_portfwd *f = handle->data;
    f->listening = false;
    maybe_done(f);
}

static void on_target_closed(struct skf_kube_target *t)
{
    struct skf_portfwd *f = t->data;
    f->target_open = false;
    maybe_done(f);
}

static void on_target_change(struct skf_kube_target *t)
{
    struct skf_portfwd *f = t->data;
    struct skf_target_view now;
    const char *pod = skf_kube_target_pick(t, false, &now) ? now.pod : "";
    if (!f->told_pod || strcmp(f->told_pod, pod) != 0) {
        bool first = !f->told_pod;
        skf_replace(&f->told_pod, skf_xstrdup(pod));
        if (*pod)
            skf_portfwd_tell(f, SKF_PORTFWD_TARGET, pod);
        else if (!first)
            skf_portfwd_tell(f, SKF_PORTFWD_NOBODY, "");
    }
    for (size_t i = 0; *pod && i < f->conns.n; i++)
        skf_portfwd_conn_retry(f->conns.v[i]);
}

static void on_target_error(struct skf_kube_target *t, const struct skf_err *err)
{
    skf_portfwd_tell(t->data, SKF_PORTFWD_TROUBLE, err->msg);
}

/* --- start and stop --------------------------------------------------------------------------- */

static int check(const struct skf_portfwd *f, struct skf_err *err)
{
    static const char *const kinds[] = { "Service",    "Deployment", "StatefulSet", "DaemonSet",
                                         "ReplicaSet", "Job",        "Pod" };
    bool known = false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(kinds); i++)
        known = known || strcmp(kinds[i], f->kind) == 0;
    if (!known)
        return skf_err_set(err, SKF_EINVAL,
                           "cannot forward to a '%s': expected Service, Deployment, "
                           "StatefulSet, DaemonSet, ReplicaSet, Job or Pod",
                           f->kind);
    struct sockaddr_storage ignored;
    socklen_t len;
    if (!socket_address(f->address, 0, &ignored, &len))
        return skf_err_set(err, SKF_EINVAL,
                           "cannot listen on '%s': expected an IP address or 'localhost'",
                           f->address);
    return 0;
}

static int open_listener(struct skf_portfwd *f, struct skf_err *err)
{
    long long port = 0;
    bool number = skf_num_parse(f->port, 1, 65535, &port);
    f->asked_port = f->wanted ? f->wanted : number && port >= 1024 ? (unsigned)port : 0;
    f->local_port = skf_portfwd_choose(f->address, f->asked_port);
    int fd = f->local_port ? listen_on(f->address, f->local_port) : -1;
    if (fd < 0)
        return skf_err_errno(err, f->local_port ? errno : EADDRINUSE,
                             "cannot listen on %s for %s '%s'", f->address, f->kind, f->name);
    uv_tcp_init(skf_kube_api_loop(f->api), &f->listener);
    f->listener.data = f;
    f->listening = f->active = true;
    uv_tcp_open(&f->listener, fd);
    uv_listen((uv_stream_t *)&f->listener, BACKLOG, on_connection);
    return 0;
}

int skf_portfwd_start(struct skf_kube_api *api, struct skf_portfwd *f, struct skf_err *err)
{
    assert(!f->active);
    if (!f->address)
        f->address = skf_xstrdup("127.0.0.1");
    if (check(f, err) < 0)
        return -(int)err->code;
    f->api = api;
    if (open_listener(f, err) < 0)
        return -(int)err->code;
    struct skf_kube_target *t = &f->target;
    t->kind = skf_xstrdup(f->kind);
    t->namespace_ = skf_xstrdup(f->namespace_);
    t->name = skf_xstrdup(f->name);
    t->port = skf_xstrdup(f->port);
    t->data = f;
    t->on_change = on_target_change;
    t->on_error = on_target_error;
    t->closed = on_target_closed;
    f->target_open = true;
    skf_kube_target_start(api, t);
    return 0;
}

void skf_portfwd_stop(struct skf_portfwd *f, void (*done)(struct skf_portfwd *f))
{
    assert(f->active);
    if (f->stopping)
        return;
    f->done = done;
    f->stopping = true;
    if (f->listening)
        uv_close((uv_handle_t *)&f->listener, on_listener_closed);
    for (size_t i = 0; i < f->conns.n; i++)
        skf_portfwd_conn_close(f->conns.v[i]);
    if (f->target_open && !skf_kube_target_close(&f->target))
        f->target_open = false;
}

#include "lib/image/helper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

enum { HELPER_LIMIT_MS = 30000, HELPER_MAX = 1024 * 1024 };

struct helper {
    char *program, *server;
    bool ready;
    struct skf_login login;   /* when ready */
    struct skf_call *owner;   /* runs the process now */
    struct skf_call *waiting; /* list through next_waiter */
};

static void run_helper(struct skf_call *c);

void skf_helper_free(void *p)
{
    struct helper *h = p;
    assert(!h->owner && !h->waiting);
    skf_login_release(&h->login);
    free(h->program);
    free(h->server);
    free(h);
}

static void copy_login(struct skf_login *to, const struct skf_login *from)
{
    to->user = skf_xstrdup_null(from->user);
    to->password = skf_xstrdup_null(from->password);
    to->identity_token = skf_xstrdup_null(from->identity_token);
    to->registry_token = skf_xstrdup_null(from->registry_token);
}

static void on_deferred(struct skf_defer *d)
{
    struct skf_call *c = SKF_CONTAINER_OF(d, struct skf_call, defer);
    c->login_done(c, NULL);
}

/* Reports from the next turn, so that nobody is called from inside his own start. */
static void report_soon(struct skf_call *c)
{
    skf_defer_start(c->registry->loop, &c->defer, 0, on_deferred);
}

static void on_helper_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_call *c = p->data;
    struct helper *h = c->helper;
    struct skf_err why = SKF_ERR_INIT;
    c->helper = NULL;
    h->owner = NULL;
    if (p->errout.len)
        skf_log_debug("%s: %s", h->program, p->errout.data);
    if (err && err->code == SKF_ENOTFOUND)
        skf_err_set(&why, SKF_ENOTFOUND,
                    "the credential helper '%s' is not installed, but '%s' asks for it", h->program,
                    c->registry->logins.path);
    else if (err && err->code != SKF_ECHILD)
        why = *err;
    else
        skf_login_from_helper(h->program, p->status, p->out.data, p->out.len, &h->login, &why);
    if (p->out.len)
        explicit_bzero(p->out.data, p->out.len);
    skf_proc_release(p);
    h->ready = !why.code;
    if (h->ready)
        copy_login(&c->login, &h->login);
    /* Without a result the next in line asks for himself; else all have it. */
    while (h->waiting && (h->ready || !h->owner)) {
        struct skf_call *next = h->waiting;
        h->waiting = next->next_waiter;
        next->next_waiter = NULL;
        if (h->ready) {
            next->helper = NULL;
            copy_login(&next->login, &h->login);
            report_soon(next);
        } else {
            run_helper(next);
        }
    }
    c->login_done(c, why.code ? &why : NULL);
}

static void run_helper(struct skf_call *c)
{
    struct helper *h = c->helper;
    h->owner = c;
    skf_proc_init(&c->proc);
    skf_proc_args(&c->proc, h->program, "get", NULL);
    c->proc.use_stdin = true;
    c->proc.limit_ms = HELPER_LIMIT_MS;
    c->proc.capture_max = HELPER_MAX;
    c->proc.data = c;
    skf_proc_start(c->registry->loop, &c->proc, on_helper_done);
    skf_proc_feed(&c->proc, h->server, strlen(h->server));
    skf_proc_feed_end(&c->proc);
}

static int load_files(struct skf_registry *r, struct skf_err *err)
{
    if (r->logins_loaded)
        return 0;
    if (skf_login_load(r->docker_config, &r->logins, err) < 0)
        return -(int)err->code; /* not kept: a mended file is seen by the next call */
    r->logins_loaded = true;
    return 0;
}

void skf_helper_login(struct skf_call *c,
                      void (*done)(struct skf_call *c, const struct skf_err *err))
{
    char *program = NULL, *server = NULL;
    struct skf_registry *r = c->registry;
    c->login_done = done;
    skf_login_release(&c->login);
    if (load_files(r, &c->err) < 0 ||
        skf_login_find(&r->logins, c->full_name, &c->login, &program, &server, &c->err) < 0 ||
        !program) {
        report_soon(c);
        return;
    }
    skf_autofree char *key = skf_xasprintf("%s %s", program, server);
    struct helper *h = skf_map_get(&r->helpers, key);
    if (!h) {
        h = skf_xcalloc(1, sizeof *h);
        h->program = program;
        h->server = server;
        skf_map_put(&r->helpers, key, h);
    } else {
        free(program);
        free(server);
    }
    if (h->ready) {
        copy_login(&c->login, &h->login);
        report_soon(c);
        return;
    }
    c->helper = h;
    if (!h->owner) {
        run_helper(c);
        return;
    }
    c->next_waiter = h->waiting;
    h->waiting = c;
}

void skf_helper_cancel(struct skf_call *c)
{
    struct helper *h = c->helper;
    if (!h)
        return; /* its report is on the way */
    if (h->owner == c) {
        skf_proc_stop(&c->proc);
        return;
    }
    struct skf_call **at = &h->waiting;
    while (*at != c)
        at = &(*at)->next_waiter;
    *at = c->next_waiter;
    c->next_waiter = NULL;
    c->helper = NULL;
    report_soon(c);
}

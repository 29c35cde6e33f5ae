#include "lib/engine/hooks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/kube/jget.h"

enum { MAX_MANIFESTS = 64 * 1024 * 1024 };

/* One container that a hook runs in. */
struct skf_hook_exec {
    struct skf_hook_run *run;
    struct skf_proc proc;
    char *pod, *namespace_, *container;
};

void skf_hook_env(struct skf_strv *env, const char *name, const char *value)
{
    skf_autofree char *variable = skf_xasprintf("SKAFFOLD_%s", name);
    if (!getenv(variable))
        skf_strv_addf(env, "%s=%s", variable, value);
}

/* Go's names are uname's in lower case, as far as skiff runs. */
bool skf_hook_applies(const struct skf_hook *h)
{
    struct utsname u;
    if (!h->os.n || uname(&u) != 0)
        return true;
    for (char *p = u.sysname; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (size_t i = 0; i < h->os.n; i++)
        if (strcmp(h->os.v[i], u.sysname) == 0)
            return true;
    return false;
}

static void next_hook(struct skf_hook_run *r);

static void finish(struct skf_hook_run *r)
{
    r->state = SKF_HOOK_IDLE;
    if (r->cancelled)
        skf_err_set(&r->failure, SKF_ECANCELED, "%s hooks: cancelled", r->phase);
    r->done(r, r->failure.code ? &r->failure : NULL);
}

/* The hook at r->at has ended, well or not. */
static void hook_ended(struct skf_hook_run *r)
{
    if (r->failure.code || r->cancelled) {
        finish(r);
        return;
    }
    r->at++;
    next_hook(r);
}

/* "sh -c 'make gen'" as far as a line takes it. */
static char *shown_command(const struct skf_hook *h)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    for (size_t i = 0; i < h->command.n; i++)
        skf_buf_addf(&text, "%s%s", i ? " " : "", h->command.v[i]);
    return text.len > 120 ? skf_xasprintf("%.117s...", text.data) : skf_buf_take(&text);
}

static void note_failure(struct skf_hook_run *r, const struct skf_err *err, const char *where)
{
    skf_autofree char *command = shown_command(&r->hooks[r->at]);
    if (r->failure.code)
        return;
    r->failure = *err;
    if (where)
        skf_err_wrap(&r->failure, "%s hook '%s' in %s", r->phase, command, where);
    else
        skf_err_wrap(&r->failure, "%s hook '%s'", r->phase, command);
}

/* --- on this machine -------------------------------------------------------------------------- */

static void on_host_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                         size_t len)
{
    struct skf_hook_run *r = p->data;
    (void)from, (void)len;
    r->on_line(r, line);
}

/* withChange: standard output is the manifests, standard error is for the user. */
static void take_change(struct skf_hook_run *r, struct skf_err *err)
{
    skf_buf_trim(&r->host.errout);
    if (r->host.errout.len)
        r->on_line(r, r->host.errout.data);
    if (!r->host.out.len)
        skf_err_set(err, SKF_EINVAL, "it has withChange, and printed no manifests");
    else
        skf_buf_swap(r->text, &r->host.out);
}

static void on_host_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_hook_run *r = p->data;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (r->text && r->hooks[r->at].with_change && !r->cancelled && !err)
        take_change(r, &failure);
    if (failure.code && !r->cancelled)
        note_failure(r, &failure, NULL);
    skf_proc_release(p);
    hook_ended(r);
}

static void start_host(struct skf_hook_run *r, const struct skf_hook *h)
{
    struct skf_proc *p = &r->host;
    skf_proc_init(p);
    for (size_t i = 0; i < h->command.n; i++)
        skf_strv_add(&p->argv, h->command.v[i]);
    skf_strv_addv(&p->env, r->env);
    p->cwd = h->dir ? skf_path_abs(r->dir, h->dir) : NULL;
    p->data = r;
    if (r->text && h->with_change) {
        p->capture_max = MAX_MANIFESTS;
    } else {
        p->on_line = on_host_line;
        p->merge = true;
    }
    p->use_stdin = r->text != NULL;
    r->state = SKF_HOOK_HOST;
    skf_proc_start(r->loop, p, on_host_done);
    if (r->text) {
        skf_proc_feed(p, r->text->data, r->text->len);
        skf_proc_feed_end(p);
    }
}

/* --- in containers ---------------------------------------------------------------------------- */

static void free_execs(struct skf_hook_run *r)
{
    for (size_t i = 0; i < r->execs.n; i++) {
        struct skf_hook_exec *x = r->execs.v[i];
        skf_proc_release(&x->proc);
        free(x->pod);
        free(x->namespace_);
        free(x->container);
        free(x);
    }
    skf_vec_release(&r->execs);
}

static void on_exec_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                         size_t len)
{
    struct skf_hook_exec *x = p->data;
    (void)from, (void)len;
    skf_autofree char *text = skf_xasprintf("[%s] %s", x->container, line);
    x->run->on_line(x->run, text);
}

static void on_exec_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_hook_exec *x = p->data;
    struct skf_hook_run *r = x->run;
    skf_autofree char *where = skf_xasprintf("container '%s' of pod '%s'", x->container, x->pod);
    if (err && !r->cancelled)
        note_failure(r, err, where);
    if (--r->execs_running)
        return;
    free_execs(r);
    hook_ended(r);
}

static void start_exec(struct skf_hook_run *r, struct skf_hook_exec *x)
{
    const struct skf_hook *h = &r->hooks[r->at];
    skf_proc_args(&x->proc, r->kubectl, "--context", skf_kube_api_context(r->api)->name, NULL);
    if (r->kubeconfig)
        skf_proc_args(&x->proc, "--kubeconfig", r->kubeconfig, NULL);
    skf_proc_args(&x->proc, "exec", x->pod, "--namespace", x->namespace_, "-c", x->container, "--",
                  NULL);
    for (size_t i = 0; i < h->command.n; i++)
        skf_strv_add(&x->proc.argv, h->command.v[i]);
    x->proc.merge = true;
    x->proc.data = x;
    x->proc.on_line = on_exec_line;
    skf_proc_start(r->loop, &x->proc, on_exec_done);
}

static void start_execs(struct skf_hook_run *r)
{
    r->execs_running = r->execs.n;
    if (!r->execs.n || r->cancelled || r->failure.code) {
        free_execs(r);
        hook_ended(r);
        return;
    }
    r->state = SKF_HOOK_EXEC;
    for (size_t i = 0; i < r->execs.n; i++)
        start_exec(r, r->execs.v[i]);
}

static bool name_matches(const char *pattern, const char *name)
{
    return !pattern || !pattern[0] || skf_glob_match(pattern, name);
}

/* Containers that run now, and that the hook means. */
static void add_containers(struct skf_hook_run *r, const json_t *pod)
{
    const struct skf_hook *h = &r->hooks[r->at];
    const char *name = skf_jtext(pod, "metadata.name");
    size_t i;
    json_t *container;
    bool leaving = skf_jstr(pod, "metadata.deletionTimestamp") != NULL;
    if (strcmp(skf_jtext(pod, "status.phase"), "Running") != 0 || leaving ||
        !name_matches(h->pod_name, name))
        return;
    json_array_foreach(skf_jget(pod, "spec.containers"), i, container)
    {
        const char *own = skf_jtext(container, "name");
        const json_t *status = skf_jfind(pod, "status.containerStatuses", "name", own);
        if (!skf_jget(status, "state.running") || !name_matches(h->container_name, own) ||
            (r->image && strcmp(skf_jtext(container, "image"), r->image) != 0))
            continue;
        struct skf_hook_exec *x = skf_xcalloc(1, sizeof *x);
        x->run = r;
        x->pod = skf_xstrdup(name);
        x->namespace_ = skf_xstrdup(skf_jtext(pod, "metadata.namespace"));
        x->container = skf_xstrdup(own);
        skf_proc_init(&x->proc);
        skf_vec_push(&r->execs, x);
    }
}

static void list_next(struct skf_hook_run *r);

static void on_listed(struct skf_kube_req *req, const struct skf_err *err)
{
    struct skf_hook_run *r = req->data;
    size_t i;
    json_t *pod;
    if (err && !r->cancelled)
        note_failure(r, err, "the cluster");
    json_array_foreach(skf_jget(req->json, "items"), i, pod) add_containers(r, pod);
    skf_kube_req_release(req);
    r->namespace_at++;
    list_next(r);
}

static void list_next(struct skf_hook_run *r)
{
    if (r->namespace_at >= r->namespaces->n || r->cancelled || r->failure.code) {
        start_execs(r);
        return;
    }
    r->state = SKF_HOOK_LIST;
    skf_kube_req_init(&r->list);
    r->list.data = r;
    skf_kube_get(r->api, &r->list, skf_kube_path("Pod", r->namespaces->v[r->namespace_at], NULL),
                 on_listed);
}

/* --- the list --------------------------------------------------------------------------------- */

static void next_hook(struct skf_hook_run *r)
{
    while (r->at < r->n && !skf_hook_applies(&r->hooks[r->at]))
        r->at++;
    if (r->at == r->n || r->cancelled) {
        finish(r);
        return;
    }
    const struct skf_hook *h = &r->hooks[r->at];
    if (!h->in_container) {
        start_host(r, h);
    } else if (r->api) {
        r->namespace_at = 0;
        list_next(r);
    } else {
        struct skf_err err = SKF_ERR_INIT;
        skf_err_set(&err, SKF_ENOTFOUND, "it runs in containers, and there is no cluster");
        note_failure(r, &err, NULL);
        finish(r);
    }
}

static void on_first(struct skf_defer *d)
{
    next_hook(SKF_CONTAINER_OF(d, struct skf_hook_run, first));
}

void skf_hooks_start(uv_loop_t *loop, struct skf_hook_run *r)
{
    r->loop = loop;
    r->at = 0;
    r->cancelled = false;
    r->failure = (struct skf_err)SKF_ERR_INIT;
    r->state = SKF_HOOK_FIRST;
    skf_defer_start(loop, &r->first, 0, on_first);
}

void skf_hooks_cancel(struct skf_hook_run *r)
{
    if (r->cancelled || r->state == SKF_HOOK_IDLE)
        return;
    r->cancelled = true;
    if (r->state == SKF_HOOK_HOST)
        skf_proc_stop(&r->host);
    else if (r->state == SKF_HOOK_LIST)
        skf_kube_req_cancel(&r->list);
    for (size_t i = 0; r->state == SKF_HOOK_EXEC && i < r->execs.n; i++)
        skf_proc_stop(&r->execs.v[i]->proc);
}

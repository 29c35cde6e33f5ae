/* happy path: [prepare: kubectl starts and waits for its input] -> deploy: fed, end of input ->
 * lines -> exit 0 -> done. failures:   kubectl's last lines of stderr are the error's text. on
 * cancel:  the process group is stopped; done comes with SKF_ECANCELED. A prepared kubectl that
 * ends by itself before it was fed is an error of the deploy that follows. */
#include "deployers/kubectl/kubectl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/project.h"
#include "lib/io/proc.h"

/* Twelve objects that are refused, each with its patch. */
enum { ERROR_LINES_MAX = 256 * 1024 };

/* One kubectl process of a skf_deploy. */
struct run {
    struct skf_deploy *deploy;
    struct skf_proc proc;
    struct skf_buf errors; /* the end of stderr */
    bool fed;
    bool ended;
    struct skf_err ended_with;
};

static void add_flags(struct skf_proc *p, const struct skf_strings *flags)
{
    for (size_t i = 0; i < flags->n; i++)
        skf_strv_add(&p->argv, flags->v[i]);
}

/* The order of Skaffold's arguments (skaffold-behaviour.md 10.2): wrappers rely on it. */
static void add_command(struct run *r, const char *command)
{
    const struct skf_deploy *d = r->deploy;
    struct skf_proc *p = &r->proc;
    const char *namespace_ =
        d->namespace_ ? d->namespace_ : skf_project_default_namespace(d->config);
    skf_proc_args(p, d->kubectl, NULL);
    if (d->kube->files.n) /* else we are in a pod of the cluster, and kubectl finds out as we did */
        skf_proc_args(p, "--context", d->kube->name, NULL);
    if (namespace_ && namespace_[0])
        skf_proc_args(p, "--namespace", namespace_, NULL);
    if (d->kubeconfig)
        skf_proc_args(p, "--kubeconfig", d->kubeconfig, NULL);
    skf_proc_args(p, command, NULL);
    add_flags(p, &d->module->kubectl_flags.global);
}

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct run *r = p->data;
    if (from == SKF_PROC_ERR) {
        skf_buf_add(&r->errors, line, len);
        skf_buf_addc(&r->errors, '\n');
        if (r->errors.len > ERROR_LINES_MAX)
            skf_buf_drop(&r->errors, r->errors.len - ERROR_LINES_MAX);
    }
    if (r->deploy->on_line && (from == SKF_PROC_OUT || strncmp(line, "Warning:", 8) == 0))
        r->deploy->on_line(r->deploy, line);
}

static void free_run(struct run *r)
{
    skf_proc_release(&r->proc);
    skf_buf_release(&r->errors);
    free(r);
}

static void report(struct run *r)
{
    struct skf_deploy *d = r->deploy;
    struct skf_err err = r->ended_with;
    skf_autobuf struct skf_buf said = SKF_BUF_INIT;
    d->priv = NULL;
    skf_buf_trim(&r->errors);
    skf_buf_swap(&said, &r->errors);
    free_run(r);
    if (err.code == SKF_ECHILD && said.len) {
        skf_err_set(&err, SKF_ECHILD, "kubectl: %s", said.data);
        d->errors = said.data;
    }
    d->done(d, err.code ? &err : NULL);
}

static void on_done(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    r->ended = true;
    if (err)
        r->ended_with = *err;
    if (r->fed || (err && err->code == SKF_ECANCELED))
        report(r);
    /* else: it ended while prepared; deploy says so */
}

static struct run *start(struct skf_deploy *d, const char *command)
{
    struct run *r = skf_xcalloc(1, sizeof *r);
    r->deploy = d;
    d->priv = r;
    skf_buf_init(&r->errors);
    skf_proc_init(&r->proc);
    r->proc.data = r;
    r->proc.use_stdin = true;
    r->proc.on_line = on_line;
    add_command(r, command);
    if (strcmp(command, "apply") == 0) {
        add_flags(&r->proc, &d->module->kubectl_flags.apply);
        skf_proc_args(&r->proc, "-f", "-", NULL);
        if (d->force)
            skf_proc_args(&r->proc, "--force", "--grace-period=0", NULL);
        if (d->module->kubectl_flags.disable_validation)
            skf_proc_args(&r->proc, "--validate=false", NULL);
    } else {
        add_flags(&r->proc, &d->module->kubectl_flags.delete_);
        skf_proc_args(&r->proc, "--ignore-not-found=true", "--wait=false", "-f", "-", NULL);
    }
    skf_proc_start(d->services->loop, &r->proc, on_done);
    return r;
}

static void feed(struct run *r, const char *manifests, size_t len)
{
    r->fed = true;
    skf_proc_feed(&r->proc, manifests, len);
    skf_proc_feed_end(&r->proc);
}

static void prepare(struct skf_deploy *d)
{
    if (!d->priv)
        start(d, "apply");
}

static void deploy(struct skf_deploy *d, const char *manifests, size_t len)
{
    struct run *r = d->priv;
    if (r && r->ended) { /* the prepared one died (killed, out of memory): a fresh one, once */
        free_run(r);
        d->priv = NULL;
    }
    feed(d->priv ? d->priv : start(d, "apply"), manifests, len);
}

static void remove_objects(struct skf_deploy *d, const char *manifests, size_t len)
{
    feed(start(d, "delete"), manifests, len);
}

static bool cancel(struct skf_deploy *d)
{
    struct run *r = d->priv;
    if (!r)
        return false;
    if (r->ended && !r->fed) {
        free_run(r);
        d->priv = NULL;
        return false;
    }
    skf_proc_stop(&r->proc);
    return true;
}

static bool wanted(const struct skf_config *config)
{
    for (size_t i = 0; i < config->n_modules; i++)
        if (config->modules[i].has_kubectl)
            return true;
    return false;
}

const struct skf_deployer_ops skf_deployer_kubectl = {
    .name = "kubectl",
    .wanted = wanted,
    .prepare = prepare,
    .deploy = deploy,
    .remove = remove_objects,
    .cancel = cancel,
};

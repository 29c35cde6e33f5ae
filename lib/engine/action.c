#include "lib/engine/action.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

struct skf_action_container {
    struct skf_action_run *run;
    const struct skf_container *what;
    char *name;           /* for Docker; our own, so that nothing of somebody else is met */
    struct skf_proc proc; /* one of the two */
    struct skf_job job;
    bool ended_well;
};

static void finish(struct skf_action_run *r)
{
    for (size_t i = 0; i < r->containers.n; i++) {
        struct skf_action_container *c = r->containers.v[i];
        if (r->action->mode.in_cluster)
            skf_job_release(&c->job);
        else
            skf_proc_release(&c->proc);
        free(c->name);
        free(c);
    }
    skf_vec_release(&r->containers);
    r->done(r, r->failure.code ? &r->failure : NULL);
}

/* --- what is left over ------------------------------------------------------------------------ */

static void on_removed(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_action_run *r = p->data;
    (void)err; /* most often there is nothing left to remove */
    skf_proc_release(p);
    finish(r);
}

/* A docker that was ended may leave its container running. */
static void remove_rest(struct skf_action_run *r)
{
    skf_proc_init(&r->removal);
    skf_proc_args(&r->removal, "docker", "rm", "--force", NULL);
    for (size_t i = 0; i < r->containers.n; i++)
        if (!r->containers.v[i]->ended_well)
            skf_strv_add(&r->removal.argv, r->containers.v[i]->name);
    r->removal.data = r;
    skf_proc_start(r->loop, &r->removal, on_removed);
}

static void stop_all(struct skf_action_run *r)
{
    r->stopping = true;
    for (size_t i = 0; i < r->containers.n; i++) {
        if (r->action->mode.in_cluster)
            skf_job_stop(&r->containers.v[i]->job);
        else
            skf_proc_stop(&r->containers.v[i]->proc);
    }
}

/* --- running ---------------------------------------------------------------------------------- */

static void ended(struct skf_action_container *c, const struct skf_err *err)
{
    struct skf_action_run *r = c->run;
    c->ended_well = !err;
    if (err && !r->failure.code) {
        r->failure = *err;
        if (err->code == SKF_ETIMEDOUT)
            skf_err_set(&r->failure, SKF_ETIMEDOUT, "it took longer than %d s",
                        r->action->timeout_s);
        skf_err_wrap(&r->failure, "'%s', container '%s'", r->action->name, c->what->name);
        if (r->action->fail_fast != SKF_NO && !r->stopping)
            stop_all(r);
    }
    if (--r->running)
        return;
    if (r->failure.code && !r->action->mode.in_cluster)
        remove_rest(r);
    else
        finish(r);
}

static void on_docker_ended(struct skf_proc *p, const struct skf_err *err)
{
    ended(p->data, err);
}

static void on_job_ended(struct skf_job *j, const struct skf_err *err)
{
    ended(j->data, err);
}

static void on_job_line(struct skf_job *j, const char *line)
{
    struct skf_action_container *c = j->data;
    c->run->on_line(c->run, c->what->name, line);
}

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct skf_action_container *c = p->data;
    (void)from, (void)len;
    c->run->on_line(c->run, c->what->name, line);
}

static const char *reference_of(const struct skf_action_run *r, const char *image)
{
    for (size_t i = 0; i + 1 < r->images->n; i += 2)
        if (strcmp(r->images->v[i], image) == 0)
            return r->images->v[i + 1];
    return image;
}

static unsigned limit_ms(const struct skf_action_run *r)
{
    return skf_seconds_ms(r->action->timeout_s);
}

static int fill_job(struct skf_action_run *r, struct skf_action_container *c)
{
    struct skf_job *j = &c->job;
    j->place = r->cluster;
    j->container = c->what->name;
    j->limit_ms = limit_ms(r);
    j->data = c;
    j->on_line = on_job_line;
    j->done = on_job_ended;
    if (skf_job_manifest(r->action->mode.in_cluster, r->dir, c->what,
                         reference_of(r, c->what->image), r->cluster, &j->manifest,
                         &r->failure) < 0)
        return skf_err_wrap(&r->failure, "'%s', container '%s'", r->action->name, c->what->name);
    return 0;
}

/* As in Kubernetes: `command` is the entrypoint, `args` what it is given. */
static void fill_docker(struct skf_action_run *r, struct skf_action_container *c)
{
    const struct skf_container *w = c->what;
    const struct skf_variable *env = w->env.v;
    struct skf_proc *p = &c->proc;
    skf_proc_init(p);
    skf_proc_args(p, "docker", "run", "--rm", "--name", c->name, NULL);
    if (r->network)
        skf_proc_args(p, "--network", r->network, NULL);
    if (r->env_file)
        skf_proc_args(p, "--env-file", r->env_file, NULL);
    for (size_t i = 0; i < w->env.n; i++) {
        skf_strv_add(&p->argv, "--env");
        skf_strv_addf(&p->argv, "%s=%s", env[i].name, env[i].value ? env[i].value : "");
    }
    if (w->command.n)
        skf_proc_args(p, "--entrypoint", w->command.v[0], NULL);
    skf_proc_args(p, reference_of(r, w->image), NULL);
    for (size_t i = 1; i < w->command.n; i++)
        skf_strv_add(&p->argv, w->command.v[i]);
    for (size_t i = 0; i < w->args.n; i++)
        skf_strv_add(&p->argv, w->args.v[i]);
    p->merge = true;
    p->limit_ms = limit_ms(r);
    p->data = c;
    p->on_line = on_line;
}

static void on_first(struct skf_defer *d)
{
    struct skf_action_run *r = SKF_CONTAINER_OF(d, struct skf_action_run, first);
    if (r->stopping || r->failure.code || !r->containers.n) {
        finish(r);
        return;
    }
    r->running = r->containers.n;
    for (size_t i = 0; i < r->containers.n; i++) {
        if (r->action->mode.in_cluster)
            skf_job_start(r->loop, &r->containers.v[i]->job);
        else
            skf_proc_start(r->loop, &r->containers.v[i]->proc, on_docker_ended);
    }
}

void skf_action_start(uv_loop_t *loop, struct skf_action_run *r)
{
    const struct skf_container *v = r->action->containers.v;
    r->loop = loop;
    for (size_t i = 0; i < r->action->containers.n && !r->failure.code; i++) {
        struct skf_action_container *c = skf_xcalloc(1, sizeof *c);
        c->run = r;
        c->what = &v[i];
        c->name = skf_xasprintf("%s-skiff-%ld", v[i].name, (long)getpid());
        skf_vec_push(&r->containers, c);
        if (r->action->mode.in_cluster)
            fill_job(r, c);
        else
            fill_docker(r, c);
    }
    skf_defer_start(loop, &r->first, 0, on_first);
}

void skf_action_cancel(struct skf_action_run *r)
{
    if (!r->failure.code)
        skf_err_set(&r->failure, SKF_ECANCELED, "'%s': cancelled", r->action->name);
    if (r->running && !r->stopping)
        stop_all(r);
    r->stopping = true;
}

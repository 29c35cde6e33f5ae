/* What to watch for one artifact.
 *
 * happy path: the user's own globs; else what Go says, which is asked only when something that
 *             decides the answer has changed (prepare.h).
 * failures:   code that does not build is none: Go names what it can, and the list holds what would
 *             mend it.
 * on cancel:  what runs ends first. */
#include "builders/ko/inputs.h"
#include "builders/ko/prepare.h"

struct job {
    struct skf_flow flow;
    struct skf_inputs_job *j;
    struct skf_ko_prepare prepare;
    struct skf_inputs found;
};

static struct job *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct job, flow);
}

static const struct skf_ko_dependencies *dependencies_of(const struct job *job)
{
    const struct skf_ko_options *o = job->j->ctx.artifact->options;
    return o ? o->dependencies : NULL;
}

static bool has_paths(const struct job *job)
{
    const struct skf_ko_dependencies *d = dependencies_of(job);
    return d && d->paths.n;
}

static void on_prepared(struct skf_ko_prepare *p, const struct skf_err *err)
{
    struct job *job = p->data;
    skf_flow_resume(&job->flow, err);
}

static void stop_prepare(struct skf_flow *f)
{
    skf_ko_prepare_cancel(&of(f)->prepare);
}

static enum skf_next prepare(struct skf_flow *f)
{
    struct job *job = of(f);
    if (has_paths(job)) {
        skf_ko_inputs_from_globs(job->j->ctx.dir, dependencies_of(job), &job->found, &f->err);
        return SKF_NEXT;
    }
    job->prepare.ctx = &job->j->ctx;
    job->prepare.data = job;
    f->abort = stop_prepare;
    skf_ko_prepare_start(&job->prepare, on_prepared);
    return SKF_WAIT;
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct job *job = of(f);
    const struct skf_ko_dependencies *d = dependencies_of(job);
    struct skf_inputs *to = &job->found;
    if (!has_paths(job)) {
        const struct skf_inputs *from = &job->prepare.graph->inputs;
        skf_strv_addv(&to->files, &from->files);
        skf_strv_addv(&to->dirs, &from->dirs);
        skf_strv_addv(&to->trees, &from->trees);
        skf_strv_addv(&to->manifests, &from->manifests);
        if (d)
            skf_ko_inputs_ignore(job->j->ctx.dir, &d->ignore, to);
    }
    job->j->inputs = job->found;
    job->found = (struct skf_inputs){ 0 };
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "prepare", prepare },
    { "result", conclude },
    { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_inputs_job *j = job->j;
    struct skf_err err = f->err;
    skf_ko_prepare_release(&job->prepare);
    skf_inputs_release(&job->found);
    free(job);
    j->priv = NULL;
    j->done(j, err.code ? &err : NULL);
}

void skf_ko_inputs_start(struct skf_inputs_job *j)
{
    struct job *job = skf_xcalloc(1, sizeof *job);
    job->j = j;
    j->priv = job;
    skf_flow_start(j->ctx.services->loop, &job->flow, steps, on_flow_done);
}

void skf_ko_inputs_cancel(struct skf_inputs_job *j)
{
    struct job *job = j->priv;
    if (job)
        skf_flow_cancel(&job->flow);
}

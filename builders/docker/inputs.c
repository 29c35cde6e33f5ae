/* What to watch for one artifact: the Dockerfile, the ignore file, and what COPY, ADD and bind
 * mounts read.
 *
 * happy path: settings -> pool work (parse, fold) -> done(NULL).
 * failures:   a Dockerfile that cannot be read or parsed is none: the whole context is watched.
 * on cancel:  done comes with SKF_ECANCELED. */
#include <string.h>

#include "builders/docker/settings.h"
#include "lib/io/flow.h"
#include "lib/io/work.h"

struct job {
    struct skf_flow flow;
    struct skf_inputs_job *j;
    struct skf_docker_settings settings;
    struct skf_work work;
    bool all_stages;
    /* results of the pool */
    struct skf_inputs found;
};

static struct job *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct job, flow);
}

static enum skf_next prepare(struct skf_flow *f)
{
    struct job *job = of(f);
    const struct skf_build_context *ctx = &job->j->ctx;
    const char *image = ctx->artifact->image;
    skf_autofree char *reference = skf_xasprintf("%s:latest", image);
    skf_docker_settings_make(ctx, reference, &job->settings, &f->err);
    /* The classic builder runs stages that nobody needs. */
    job->all_stages = ctx->module->use_buildkit == SKF_NO;
    return SKF_NEXT;
}

static void add_manifest(struct skf_inputs *in, const char *path)
{
    skf_strv_add(&in->files, path);
    skf_strv_add(&in->manifests, path);
}

static void collect(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    const struct skf_docker_files *files = &job->settings.files;
    const struct skf_docker_question q = { .build_args = &job->settings.build_args,
                                           .target = job->settings.options->target,
                                           .platform = job->settings.platform,
                                           .all_stages = job->all_stages };
    struct skf_docker_watch watch = { 0 };
    struct skf_err why = SKF_ERR_INIT;
    skf_autofree char *beside = skf_xasprintf("%s.dockerignore", files->dockerfile);
    add_manifest(&job->found, files->dockerfile);
    add_manifest(&job->found, beside); /* either may appear */
    if (strcmp(beside, files->ignore_file) != 0)
        add_manifest(&job->found, files->ignore_file);
    /* Of a Dockerfile that cannot be used the build says what is wrong; until it is mended nothing
     * may be missed. */
    int rc = skf_docker_watch_find(files, &q, &watch, &why);
    skf_strv_addv(&job->found.files, &watch.files);
    if (rc < 0 || watch.reads)
        skf_strv_add(&job->found.trees, files->dir);
    if (watch.reads) {
        job->found.skips = skf_docker_reads_skip;
        job->found.skip_free = skf_docker_reads_free;
        job->found.skip_data = skf_take(&watch.reads);
    }
    skf_docker_watch_release(&watch);
    skf_strv_sort(&job->found.files);
    skf_strv_uniq(&job->found.files);
}

static void on_collected(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    skf_flow_resume(&job->flow, w->err.code ? &w->err : NULL);
}

static void stop_work(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static enum skf_next collect_inputs(struct skf_flow *f)
{
    struct job *job = of(f);
    f->abort = stop_work;
    skf_work_start(job->j->ctx.services->loop, &job->work, collect, on_collected);
    return SKF_WAIT;
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct job *job = of(f);
    job->j->inputs = job->found;
    job->found = (struct skf_inputs){ 0 };
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "prepare", prepare }, { "collect", collect_inputs }, { "result", conclude }, { 0 }
};

static void on_flow_done(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_inputs_job *j = job->j;
    struct skf_err err = f->err;
    skf_docker_settings_release(&job->settings);
    skf_inputs_release(&job->found);
    free(job);
    j->priv = NULL;
    j->done(j, err.code ? &err : NULL);
}

void skf_docker_inputs_start(struct skf_inputs_job *j)
{
    struct job *job = skf_xcalloc(1, sizeof *job);
    job->j = j;
    j->priv = job;
    skf_flow_start(j->ctx.services->loop, &job->flow, steps, on_flow_done);
}

void skf_docker_inputs_cancel(struct skf_inputs_job *j)
{
    struct job *job = j->priv;
    if (job)
        skf_flow_cancel(&job->flow);
}

/* What to watch for one artifact: the user's globs, the list that a command prints, what a
 * Dockerfile reads, or the whole context.
 *
 * happy path: command, when there is one -> pool work -> done(NULL).
 * failures:   a command that fails or prints no list of files: done(err).
 * on cancel:  the child ends; done with SKF_ECANCELED. */
#include <jansson.h>
#include <string.h>

#include "builders/custom/reads.h"
#include "builders/custom/run.h"
#include "lib/base/path.h"
#include "lib/docker/context.h"
#include "lib/io/file.h"
#include "lib/io/flow.h"
#include "lib/io/proc.h"
#include "lib/io/work.h"

enum { MAX_FILES = 200000, LIST_MAX = 32 * 1024 * 1024 };

struct job {
    struct skf_flow flow;
    struct skf_inputs_job *j;
    const struct skf_custom_dependencies *deps; /* NULL = the whole context */
    struct skf_proc proc;
    bool proc_used;
    struct skf_work work;
    /* the pool's own copies and results; the options outlive it */
    char *dir;
    struct skf_strv build_args;
    struct skf_docker_files files;
    struct skf_inputs found;
};

static struct job *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct job, flow);
}

/* --- a command that prints the list ----------------------------------------------------------- */

static int read_list(struct job *job, const struct skf_buf *text, struct skf_err *err)
{
    json_error_t why;
    size_t i;
    json_t *item, *list = json_loadb(text->data, text->len, 0, &why);
    int rc = 0;
    if (!json_is_array(list))
        rc = skf_err_set(err, SKF_ECONFIG,
                         "'%s' must print a JSON list of files, such as [\"a.go\", \"b.go\"]: %s",
                         job->deps->command, list ? "it is no list" : why.text);
    json_array_foreach(list, i, item)
    {
        if (rc == 0 && (!json_is_string(item) || i >= MAX_FILES))
            rc = skf_err_set(err, SKF_ECONFIG, "'%s' printed a list with %s", job->deps->command,
                             i >= MAX_FILES ? "too many files" : "something else than texts");
        if (rc == 0)
            skf_strv_take(&job->found.files, skf_path_abs(job->dir, json_string_value(item)));
    }
    json_decref(list);
    return rc;
}

static void on_list(struct skf_proc *p, const struct skf_err *err)
{
    struct job *job = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        skf_buf_trim(&p->errout);
        if (err->code == SKF_ECHILD && p->errout.len)
            skf_err_set(&why, SKF_ECHILD, "%.600s", p->errout.data);
        skf_err_wrap(&why, "dependencies.command '%s'", job->deps->command);
    } else {
        read_list(job, &p->out, &why);
    }
    skf_flow_resume(&job->flow, why.code ? &why : NULL);
}

static void stop_list(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

static enum skf_next ask_command(struct skf_flow *f)
{
    struct job *job = of(f);
    if (!job->deps || !job->deps->command)
        return SKF_NEXT;
    skf_proc_init(&job->proc);
    job->proc_used = true;
    skf_strv_split(&job->proc.argv, job->deps->command, " ");
    if (!job->proc.argv.n) {
        skf_err_set(&f->err, SKF_ECONFIG, "dependencies.command is empty");
        return SKF_NEXT;
    }
    job->proc.cwd = skf_xstrdup(job->dir);
    job->proc.capture_max = LIST_MAX;
    job->proc.data = job;
    f->abort = stop_list;
    skf_proc_start(job->j->ctx.services->loop, &job->proc, on_list);
    return SKF_WAIT;
}

/* --- pool ------------------------------------------------------------------------------------- */

static void add_manifest(struct skf_inputs *in, const char *path)
{
    skf_strv_add(&in->files, path);
    skf_strv_add(&in->manifests, path);
}

/* Of a Dockerfile that cannot be used the command says what is wrong; until it is mended nothing
 * may be missed. */
static void find_in_dockerfile(struct job *job)
{
    const struct skf_docker_question q = { .build_args = &job->build_args };
    struct skf_docker_watch watch = { 0 };
    struct skf_err why = SKF_ERR_INIT;
    add_manifest(&job->found, job->files.dockerfile);
    add_manifest(&job->found, job->files.ignore_file);
    int rc = skf_docker_watch_find(&job->files, &q, &watch, &why);
    skf_strv_addv(&job->found.files, &watch.files);
    if (rc < 0 || watch.reads)
        skf_strv_add(&job->found.trees, job->dir);
    if (watch.reads) {
        job->found.skips = skf_docker_reads_skip;
        job->found.skip_free = skf_docker_reads_free;
        job->found.skip_data = skf_take(&watch.reads);
    }
    skf_docker_watch_release(&watch);
}

static void collect(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    const char *everything[] = { "." };
    const struct skf_strings all = { .v = everything, .n = 1 };
    if (job->deps->dockerfile)
        find_in_dockerfile(job);
    else if (!job->deps->command)
        skf_custom_reads(job->dir, job->deps->paths.n ? &job->deps->paths : &all,
                         &job->deps->ignore, &job->found);
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

static int copy_dockerfile(struct job *job, struct skf_err *err)
{
    const struct skf_custom_dockerfile *d = job->deps->dockerfile;
    const struct skf_build_context *ctx = &job->j->ctx;
    for (size_t i = 0; i < d->build_args.n; i++) {
        const struct skf_pair *p = &d->build_args.v[i];
        skf_autofree char *value = NULL;
        if (!p->value) {
            skf_strv_add(&job->build_args, p->key);
            continue;
        }
        if (skf_custom_expand(p->value, "dependencies.dockerfile.buildArgs", &value, err) < 0)
            return -(int)err->code;
        skf_strv_addf(&job->build_args, "%s=%s", p->key, value);
    }
    skf_docker_files_find(ctx->dir, d->path, ctx->services->cwd, &job->files);
    return 0;
}

static enum skf_next collect_inputs(struct skf_flow *f)
{
    struct job *job = of(f);
    if (!job->deps) {
        skf_strv_add(&job->found.trees, job->dir);
        return SKF_NEXT;
    }
    if (job->deps->dockerfile && copy_dockerfile(job, &f->err) < 0)
        return SKF_NEXT;
    f->abort = stop_work;
    skf_work_start(job->j->ctx.services->loop, &job->work, collect, on_collected);
    return SKF_WAIT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum skf_next conclude(struct skf_flow *f)
{
    struct job *job = of(f);
    /* What the list says may change with each of its files: the command is asked again. */
    if (job->deps && job->deps->command)
        skf_strv_addv(&job->found.manifests, &job->found.files);
    job->j->inputs = job->found;
    job->found = (struct skf_inputs){ 0 };
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "dependencies", ask_command }, { "collect", collect_inputs }, { "result", conclude }, { 0 }
};

static void on_flow_done(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_inputs_job *j = job->j;
    struct skf_err err = f->err;
    if (job->proc_used)
        skf_proc_release(&job->proc);
    free(job->dir);
    skf_strv_release(&job->build_args);
    skf_docker_files_release(&job->files);
    skf_inputs_release(&job->found);
    free(job);
    j->priv = NULL;
    j->done(j, err.code ? &err : NULL);
}

void skf_custom_inputs_start(struct skf_inputs_job *j)
{
    const struct skf_custom_options *o = j->ctx.artifact->options;
    struct job *job = skf_xcalloc(1, sizeof *job);
    job->j = j;
    job->deps = o ? o->dependencies : NULL;
    job->dir = skf_xstrdup(j->ctx.dir);
    j->priv = job;
    skf_flow_start(j->ctx.services->loop, &job->flow, steps, on_flow_done);
}

void skf_custom_inputs_cancel(struct skf_inputs_job *j)
{
    struct job *job = j->priv;
    if (job)
        skf_flow_cancel(&job->flow);
}

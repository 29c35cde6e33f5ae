/* What to watch for one artifact: the user's globs, the list that a command prints, what a
 * Dockerfile reads, or the whole context.
 *
 * happy path: command, when there is one -> pool work -> done(NULL).
 * failures:   a command that fails or prints no list of files: done(err).
 * on cancel:  the child or the walk ends; done with SKF_ECANCELED. */
#include <jansson.h>
#include <string.h>

#include "builders/custom/run.h"
#include "lib/base/glob.h"
#include "lib/base/path.h"
#include "lib/docker/context.h"
#include "lib/docker/except.h"
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
    /* the pool's own copies and results */
    char *dir;
    struct skf_strv paths, ignore, build_args, dirs_done;
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

/* --- globs ------------------------------------------------------------------------------------ */

static bool is_ignored(const struct skf_strv *ignore, const char *rel)
{
    for (size_t i = 0; i < ignore->n; i++) {
        size_t len = strlen(ignore->v[i]);
        while (len && ignore->v[i][len - 1] == '/')
            len--;
        if (skf_glob_match(ignore->v[i], rel))
            return true;
        /* a directory stands for all below it */
        if (len && strncmp(rel, ignore->v[i], len) == 0 && rel[len] == '/')
            return true;
    }
    return false;
}

/* New files in `dir` that match the glob count. Where it would also match an ignored file that is
 * there (what the command itself writes, often), the names of those are left out. */
static void add_dir(struct job *job, const char *dir, const char *glob)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT, others = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    struct skf_strv *dirs = &job->found.dirs;
    bool clash = false;
    for (size_t i = 0; i < job->dirs_done.n; i += 2)
        if (strcmp(job->dirs_done.v[i], dir) == 0 && strcmp(job->dirs_done.v[i + 1], glob) == 0)
            return;
    skf_strv_add(&job->dirs_done, dir);
    skf_strv_add(&job->dirs_done, glob);
    if (job->ignore.n)
        skf_file_list(dir, &names, &ignored);
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        skf_autofree char *rel = skf_path_rel(job->dir, path);
        bool matches = skf_glob_match(glob, names.v[i]);
        bool left_out = is_ignored(&job->ignore, rel);
        if (left_out || !matches)
            skf_strv_add(&others, names.v[i]);
        clash = clash || (left_out && matches);
    }
    if (clash) {
        skf_docker_add_except(dirs, dir, &others);
        return;
    }
    skf_strv_add(dirs, dir);
    skf_strv_add(dirs, glob);
}

static int add_glob(struct job *job, const char *pattern, struct skf_err *err)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autofree char *whole = skf_path_abs(job->dir, pattern);
    if (!skf_glob_has_meta(pattern)) {
        if (skf_file_is_dir(whole) && !job->ignore.n) {
            skf_strv_add(&job->found.trees, whole);
            return 0;
        }
        if (!skf_file_is_dir(whole)) { /* it may still appear */
            skf_strv_add(&job->found.files, whole);
            return 0;
        }
    }
    if (skf_file_glob(job->dir, pattern, &names, err) < 0)
        return -(int)err->code;
    const char *last = skf_path_base(pattern);
    const char *glob = skf_glob_has_meta(last) && strcmp(last, "**") != 0 ? last : "*";
    skf_autofree char *parent = skf_path_dir(whole);
    if (!skf_glob_has_meta(parent))
        add_dir(job, parent, glob);
    for (size_t i = 0; i < names.n; i++) {
        if (is_ignored(&job->ignore, names.v[i]))
            continue;
        skf_autofree char *path = skf_path_join(job->dir, names.v[i]);
        skf_autofree char *dir = skf_path_dir(path);
        skf_strv_add(&job->found.files, path);
        add_dir(job, dir, glob);
    }
    return 0;
}

/* --- pool ------------------------------------------------------------------------------------- */

static bool cancelled(void *work)
{
    return skf_work_cancelled(work);
}

static int find_in_dockerfile(struct job *job, struct skf_work *w, struct skf_err *err)
{
    struct skf_dockerfile d = { 0 };
    struct skf_docker_ignore ig = { 0 };
    struct skf_docker_sources sources = { 0 };
    struct skf_docker_watch watch = { 0 };
    const struct skf_docker_question q = { .build_args = &job->build_args };
    int rc = skf_docker_files_parse(&job->files, &d, err);
    if (rc == 0)
        rc = skf_docker_files_ignore(&job->files, &ig, err);
    if (rc == 0)
        rc = skf_docker_sources_find(&d, job->files.dockerfile, &q, &sources, err);
    if (rc == 0)
        rc = skf_docker_watch_find(&job->files, &ig, &sources, cancelled, w, &watch, err);
    if (rc == 0) {
        skf_strv_addv(&job->found.files, &watch.files);
        skf_strv_addv(&job->found.dirs, &watch.dirs);
        skf_strv_addv(&job->found.trees, &watch.trees);
    }
    skf_docker_watch_release(&watch);
    skf_docker_sources_release(&sources);
    skf_docker_ignore_release(&ig);
    skf_dockerfile_release(&d);
    return rc;
}

static void add_manifest(struct skf_inputs *in, const char *path)
{
    skf_strv_add(&in->files, path);
    skf_strv_add(&in->manifests, path);
}

static void collect(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    struct skf_err why = SKF_ERR_INIT;
    if (job->files.dockerfile) {
        add_manifest(&job->found, job->files.dockerfile);
        add_manifest(&job->found, job->files.ignore_file);
        if (find_in_dockerfile(job, w, &why) < 0) {
            if (why.code == SKF_ECANCELED)
                w->err = why;
            else /* the command says what is wrong; until then nothing may be missed */
                skf_strv_add(&job->found.trees, job->dir);
        }
    }
    for (size_t i = 0; !w->err.code && i < job->paths.n; i++)
        add_glob(job, job->paths.v[i], &w->err);
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
    if (!job->deps || (!job->deps->paths.n && !job->deps->dockerfile && !job->deps->command)) {
        skf_strv_add(&job->found.trees, job->dir);
        return SKF_NEXT;
    }
    for (size_t i = 0; i < job->deps->paths.n; i++)
        skf_strv_add(&job->paths, job->deps->paths.v[i]);
    for (size_t i = 0; i < job->deps->ignore.n; i++)
        skf_strv_add(&job->ignore, job->deps->ignore.v[i]);
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
    skf_strv_release(&job->paths);
    skf_strv_release(&job->ignore);
    skf_strv_release(&job->build_args);
    skf_strv_release(&job->dirs_done);
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

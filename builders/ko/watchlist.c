/* What to watch for one artifact.
 *
 * happy path: the user's own globs; else settings, then the remembered list if nothing that decides
 * it has changed, else one `go list -deps`. failures:   code that does not build is none: Go names
 * what it can, and the list holds what would mend it. on cancel:  the child or the pool work ends
 * first. */
#include <string.h>

#include "builders/ko/goscan.h"
#include "builders/ko/inputs.h"
#include "builders/ko/prepare.h"
#include "lib/base/clock.h"
#include "lib/io/work.h"

struct job {
    struct skf_flow flow;
    struct skf_inputs_job *j;
    struct skf_ko_prepare prepare;
    struct skf_ko_golist list;
    bool list_used;
    struct skf_work work;
    /* the pool's own copies and results */
    struct skf_strv mark_dirs, mark_files;
    char mark[SKF_DIGEST_TEXT];
    int64_t newest_us, listed_us;
    struct skf_inputs found;
    bool known;
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

/* --- what was remembered ---------------------------------------------------------------------- */

static void compute_mark(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_sha256_add(&h, job->prepare.settings_digest, sizeof job->prepare.settings_digest);
    for (size_t i = 0; i < job->mark_dirs.n && !skf_work_cancelled(w); i++)
        skf_goscan_dir(job->mark_dirs.v[i], &h, &job->newest_us);
    for (size_t i = 0; i < job->mark_files.n; i++)
        skf_goscan_stat(job->mark_files.v[i], &h);
    skf_sha256_end(&h, job->mark);
}

static void copy_inputs(struct skf_inputs *to, const struct skf_inputs *from)
{
    skf_strv_addv(&to->files, &from->files);
    skf_strv_addv(&to->dirs, &from->dirs);
    skf_strv_addv(&to->trees, &from->trees);
    skf_strv_addv(&to->manifests, &from->manifests);
}

static void stop_work(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static void on_mark(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    struct skf_ko_session *s = job->prepare.session;
    if (!w->err.code && s->have_inputs && strcmp(s->inputs_mark, job->mark) == 0) {
        copy_inputs(&job->found, &s->inputs);
        job->known = true;
    }
    skf_flow_resume(&job->flow, w->err.code ? &w->err : NULL);
}

static enum skf_next compare(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_ko_session *s = job->prepare.session;
    if (has_paths(job) || !s->have_inputs)
        return SKF_NEXT;
    skf_strv_addv(&job->mark_dirs, &s->mark_dirs);
    skf_strv_addv(&job->mark_files, &s->mark_files);
    f->abort = stop_work;
    skf_work_start(job->j->ctx.services->loop, &job->work, compute_mark, on_mark);
    return SKF_WAIT;
}

/* --- Go's answer ------------------------------------------------------------------------------ */

static void on_list(struct skf_ko_golist *l, const struct skf_err *err)
{
    struct job *job = l->data;
    /* "Go says no" still leaves the directory and its manifests to watch. */
    bool broken = err && (err->code == SKF_EBUILD || err->code == SKF_ECONFIG);
    skf_flow_resume(&job->flow, broken ? NULL : err);
}

static void stop_list(struct skf_flow *f)
{
    skf_ko_golist_cancel(&of(f)->list);
}

static enum skf_next ask_go(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_ko_prepare *p = &job->prepare;
    if (has_paths(job) || job->known)
        return SKF_NEXT;
    job->list = (struct skf_ko_golist){ .go = p->plan.go,
                                        .dir = p->plan.run_dir,
                                        .pattern = p->plan.pattern,
                                        .env = &p->settings.env,
                                        .flags = &p->settings.flags,
                                        .deps = true,
                                        .data = job };
    job->list_used = true;
    job->listed_us = skf_clock_wall_ms() * 1000;
    f->abort = stop_list;
    skf_ko_golist_start(job->j->ctx.services->loop, &job->list, on_list);
    return SKF_WAIT;
}

static void collect(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    struct skf_inputs *in = &job->found;
    skf_ko_inputs_from_packages(&job->list.packages, &job->prepare.plan, job->list.no_module, in);
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2)
        if (strcmp(in->dirs.v[i + 1], skf_ko_go_glob) == 0)
            skf_strv_add(&job->mark_dirs, in->dirs.v[i]);
    for (size_t i = 0; i < in->manifests.n; i++) {
        size_t len = strlen(in->manifests.v[i]);
        if (len < 3 || strcmp(in->manifests.v[i] + len - 3, ".go") != 0)
            skf_strv_add(&job->mark_files, in->manifests.v[i]);
    }
    compute_mark(w);
}

static void on_collected(struct skf_work *w)
{
    struct job *job = SKF_CONTAINER_OF(w, struct job, work);
    skf_flow_resume(&job->flow, w->err.code ? &w->err : NULL);
}

static enum skf_next collect_answer(struct skf_flow *f)
{
    struct job *job = of(f);
    if (!job->list_used)
        return SKF_NEXT;
    skf_strv_clear(&job->mark_dirs);
    skf_strv_clear(&job->mark_files);
    job->newest_us = 0;
    f->abort = stop_work;
    skf_work_start(job->j->ctx.services->loop, &job->work, collect, on_collected);
    return SKF_WAIT;
}

/* --- result ----------------------------------------------------------------------------------- */

static void remember(struct job *job)
{
    struct skf_ko_session *s = job->prepare.session;
    struct skf_err ignored = SKF_ERR_INIT;
    skf_inputs_release(&s->inputs);
    s->inputs = (struct skf_inputs){ 0 };
    copy_inputs(&s->inputs, &job->found);
    skf_strv_swap(&s->mark_dirs, &job->mark_dirs);
    skf_strv_swap(&s->mark_files, &job->mark_files);
    snprintf(s->inputs_mark, sizeof s->inputs_mark, "%s", job->mark);
    /* A file saved while Go was reading: its import may be missing in the answer. Ask again next
     * time. A file's time may lag by a tick of the kernel's clock. */
    bool raced = job->newest_us + 20000 >= job->listed_us;
    s->have_inputs = !raced;
    /* The package that is to be built was in the answer: the build need not ask for it. */
    const struct skf_ko_package *p =
        raced ? NULL : skf_ko_main_package(&job->list.packages, &job->prepare.plan, &ignored);
    if (p && !job->prepare.plan.strict)
        skf_ko_session_keep_package(s, p, job->prepare.plan.run_dir, job->list.no_module,
                                    &job->list.files, job->prepare.settings_digest);
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct job *job = of(f);
    const struct skf_ko_dependencies *d = dependencies_of(job);
    if (job->list_used)
        remember(job);
    if (d && !has_paths(job))
        skf_ko_inputs_ignore(job->j->ctx.dir, &d->ignore, &job->found);
    job->j->inputs = job->found;
    job->found = (struct skf_inputs){ 0 };
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "prepare", prepare },        { "compare", compare }, { "go list", ask_go },
    { "collect", collect_answer }, { "result", conclude }, { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct job *job = of(f);
    struct skf_inputs_job *j = job->j;
    struct skf_err err = f->err;
    if (job->list_used)
        skf_ko_golist_release(&job->list);
    skf_ko_prepare_release(&job->prepare);
    skf_strv_release(&job->mark_dirs);
    skf_strv_release(&job->mark_files);
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

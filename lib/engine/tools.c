#include "lib/engine/tools.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { MAX_OUTPUT = 64 * 1024 * 1024 };

struct skf_tool_run *skf_tools_add(struct skf_tools *t, char *shown)
{
    skf_vec_push(&t->runs, (struct skf_tool_run){ .shown = shown });
    return &t->runs.v[t->runs.n - 1];
}

void skf_tools_release(struct skf_tools *t)
{
    for (size_t i = 0; i < t->runs.n; i++) {
        free(t->runs.v[i].shown);
        free(t->runs.v[i].cwd);
        free(t->runs.v[i].input);
        skf_strv_release(&t->runs.v[i].argv);
    }
    skf_vec_release(&t->runs);
    skf_objects_release(&t->objects);
}

static void start_run(struct skf_tools *t);

static int take_output(struct skf_tools *t, const struct skf_tool_run *run, struct skf_err *err)
{
    size_t before = t->objects.n;
    if (run->prepares)
        return 0;
    int rc = skf_manifest_parse(run->shown, t->proc.out.data, t->proc.out.len, &t->objects, err);
    for (size_t i = before; i < t->objects.n; i++)
        t->objects.v[i].group = run->group;
    return rc;
}

static void on_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_tools *t = p->data;
    const struct skf_tool_run *run = &t->runs.v[t->at];
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (err && err->code == SKF_ECHILD && p->errout.len) {
        skf_buf_trim(&p->errout);
        skf_err_set(&failure, SKF_EINVAL, "%s", p->errout.data);
    }
    if (!err)
        take_output(t, run, &failure);
    if (failure.code && failure.code != SKF_ECANCELED && !failure.file[0])
        skf_err_wrap(&failure, "%s", run->shown);
    skf_proc_release(p);
    if (!failure.code && ++t->at < t->runs.n) {
        start_run(t);
        return;
    }
    if (failure.code)
        skf_objects_release(&t->objects);
    t->done(t, failure.code ? &failure : NULL);
}

static void start_run(struct skf_tools *t)
{
    const struct skf_tool_run *run = &t->runs.v[t->at];
    skf_proc_init(&t->proc);
    skf_strv_addv(&t->proc.argv, &run->argv);
    t->proc.cwd = skf_xstrdup_null(run->cwd);
    t->proc.capture_max = MAX_OUTPUT;
    t->proc.data = t;
    t->proc.use_stdin = run->input != NULL;
    skf_proc_start(t->loop, &t->proc, on_done);
    if (run->input) {
        skf_proc_feed(&t->proc, run->input, strlen(run->input));
        skf_proc_feed_end(&t->proc);
    }
}

void skf_tools_start(uv_loop_t *loop, struct skf_tools *t)
{
    t->loop = loop;
    t->at = 0;
    start_run(t);
}

void skf_tools_cancel(struct skf_tools *t)
{
    skf_proc_stop(&t->proc);
}

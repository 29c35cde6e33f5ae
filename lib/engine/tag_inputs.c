/* inputDigest: [each builder lists its inputs] -> [files listed and hashed in the pool] -> text. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/inputdigest.h"
#include "lib/engine/inputs.h"
#include "lib/engine/tag_impl.h"
#include "lib/io/work.h"

struct skf_tag_inputs {
    struct skf_tag *tag;
    struct skf_inputs_job *jobs; /* one a source */
    bool *asked;                 /* its answer is still to come */
    size_t n, waiting;
    struct skf_err err;
    struct skf_work work;
    char digest[SKF_SHA256_HEX];
};

void skf_tag_inputs_free(struct skf_tag_inputs *in)
{
    for (size_t i = 0; in && i < in->n; i++)
        skf_inputs_release(&in->jobs[i].inputs);
    if (in) {
        free(in->jobs);
        free(in->asked);
    }
    free(in);
}

static void abort_asking(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    for (size_t i = 0; i < t->inputs->n; i++)
        if (t->inputs->asked[i])
            t->sources[i].builder->cancel_inputs(&t->inputs->jobs[i]);
}

static void on_inputs(struct skf_inputs_job *j, const struct skf_err *err)
{
    struct skf_tag_inputs *in = j->data;
    in->asked[j - in->jobs] = false;
    if (err && !in->err.code)
        in->err = *err;
    if (--in->waiting == 0)
        skf_flow_resume(&in->tag->flow, in->err.code ? &in->err : NULL);
}

static enum skf_next ask_builders(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    struct skf_tag_inputs *in = skf_xcalloc(1, sizeof *in);
    t->inputs = in;
    in->tag = t;
    in->n = in->waiting = t->n_sources;
    in->jobs = skf_xcalloc(in->n + 1, sizeof *in->jobs);
    in->asked = skf_xcalloc(in->n + 1, sizeof *in->asked);
    if (!in->n)
        return SKF_NEXT;
    f->abort = abort_asking;
    for (size_t i = 0; i < in->n; i++) {
        in->jobs[i] =
            (struct skf_inputs_job){ .ctx = t->sources[i].ctx, .data = in, .done = on_inputs };
        in->asked[i] = true;
        t->sources[i].builder->inputs(&in->jobs[i]);
    }
    return SKF_WAIT;
}

/* --- in the pool ------------------------------------------------------------------------------ */

static bool stopped(void *data)
{
    return skf_work_cancelled(data);
}

static void hash(struct skf_work *w)
{
    struct skf_tag_inputs *in = SKF_CONTAINER_OF(w, struct skf_tag_inputs, work);
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    for (size_t i = 0; i < in->n && !w->err.code; i++) {
        skf_autostrv struct skf_strv files = SKF_STRV_INIT;
        if (skf_inputs_list(&in->jobs[i].inputs, stopped, w, &files, &w->err) == 0)
            skf_strv_addv(&all, &files);
    }
    if (w->err.code)
        return;
    skf_strv_sort(&all);
    skf_strv_uniq(&all);
    skf_input_digest(&all, in->tag->dir, false, stopped, w, in->digest, &w->err);
}

static void on_hashed(struct skf_work *w)
{
    struct skf_tag_inputs *in = SKF_CONTAINER_OF(w, struct skf_tag_inputs, work);
    skf_flow_resume(&in->tag->flow, w->err.code ? &w->err : NULL);
}

static void abort_hashing(struct skf_flow *f)
{
    skf_work_cancel(&SKF_CONTAINER_OF(f, struct skf_tag, flow)->inputs->work);
}

static enum skf_next hash_files(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    f->abort = abort_hashing;
    skf_work_start(f->timer.loop, &t->inputs->work, hash, on_hashed);
    return SKF_WAIT;
}

static enum skf_next take_digest(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    t->text = skf_xstrdup(t->inputs->digest);
    return SKF_NEXT;
}

const struct skf_step skf_tag_input_digest[] = {
    { "inputs", ask_builders }, { "digest", hash_files }, { "text", take_digest }, { 0 }
};

#include "lib/engine/hydrate.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/helm.h"
#include "lib/engine/kustomize.h"
#include "lib/engine/remote.h"

static struct skf_hydrate *hydrate_of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_hydrate, flow);
}

static bool counts(const struct skf_hydrate *h, const struct skf_module *m)
{
    return !h->deployed || m->has_kubectl;
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void on_hook_line(struct skf_hook_run *r, const char *line)
{
    struct skf_hydrate *h = r->data;
    h->on_line(h, line);
}

static void abort_hooks(struct skf_flow *f)
{
    skf_hooks_cancel(&hydrate_of(f)->run);
}

static void run_hooks(struct skf_hydrate *h, const struct skf_hook *hooks, size_t n,
                      struct skf_buf *text,
                      void (*done)(struct skf_hook_run *r, const struct skf_err *err))
{
    h->run = (struct skf_hook_run){ .phase = h->phase,
                                    .hooks = hooks,
                                    .n = n,
                                    .dir = h->plan->config.modules[h->module].dir,
                                    .env = h->hook_env,
                                    .text = text,
                                    .data = h,
                                    .on_line = on_hook_line,
                                    .done = done };
    h->on_phase(h, h->phase, true);
    skf_hooks_start(h->loop, &h->run);
}

/* The next module, from h->module on, whose hooks are to run. */
static const struct skf_module *next_module(struct skf_hydrate *h, bool after)
{
    const struct skf_config *c = &h->plan->config;
    for (; h->module < c->n_modules && !h->no_hooks; h->module++) {
        const struct skf_module *m = &c->modules[h->module];
        if (counts(h, m) && (after ? m->render_hooks.n_after : m->render_hooks.n_before))
            return m;
    }
    return NULL;
}

static bool run_before(struct skf_hydrate *h);

static void on_before(struct skf_hook_run *r, const struct skf_err *err)
{
    struct skf_hydrate *h = r->data;
    if (!err)
        h->on_phase(h, h->phase, false);
    h->module++;
    if (err || h->flow.err.code || !run_before(h))
        skf_flow_resume(&h->flow, err);
}

static bool run_before(struct skf_hydrate *h)
{
    const struct skf_module *m = next_module(h, false);
    if (m)
        run_hooks(h, m->render_hooks.before, m->render_hooks.n_before, NULL, on_before);
    return m != NULL;
}

static enum skf_next before(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    h->module = 0;
    h->phase = "pre-render";
    if (!run_before(h))
        return SKF_NEXT;
    f->abort = abort_hooks;
    return SKF_WAIT;
}

/* --- other programs --------------------------------------------------------------------------- */

static void on_generated(struct skf_tools *t, const struct skf_err *err)
{
    struct skf_hydrate *h = t->data;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (!err)
        skf_manifest_strip_live(&t->objects, &failure);
    skf_objects_copy(&t->objects, &h->generated);
    skf_tools_release(t);
    skf_flow_resume(&h->flow, failure.code ? &failure : NULL);
}

static void abort_tools(struct skf_flow *f)
{
    skf_tools_cancel(&hydrate_of(f)->tools);
}

/* They run when something that they read has changed; a new image alone needs only a new render. */
static enum skf_next generate(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    if (!h->sources_changed)
        return SKF_NEXT;
    skf_objects_release(&h->generated);
    h->tools = (struct skf_tools){ .data = h, .done = on_generated };
    skf_remote_add(&h->plan->config, h->kube, h->kubectl, h->kubeconfig, h->deployed, &h->tools);
    skf_kustomize_add(&h->plan->config, h->kubectl, h->deployed, &h->tools);
    if (!h->tools.runs.n)
        return SKF_NEXT;
    f->abort = abort_tools;
    skf_tools_start(h->loop, &h->tools);
    return SKF_WAIT;
}

static void on_charts(struct skf_tools *t, const struct skf_err *err)
{
    struct skf_hydrate *h = t->data;
    skf_objects_copy(&t->objects, &h->charts);
    skf_tools_release(t);
    skf_flow_resume(&h->flow, err);
}

/* What is rendered for a cluster is what kubectl applies; else charts of deploy.helm count too. */
static const struct skf_helm *charts_of(const struct skf_hydrate *h, const struct skf_module *m)
{
    if (!counts(h, m))
        return NULL;
    return m->render_helm || h->deployed ? m->render_helm : m->deploy_helm;
}

/* Charts may be given the images, so that they are rendered anew for each. */
static enum skf_next charts(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    size_t n = 0;
    skf_autofree struct skf_pair *images = skf_xcalloc(h->plan->n_artifacts, sizeof *images);
    for (size_t i = 0; i < h->plan->n_artifacts; i++)
        if (h->references && h->references[i])
            images[n++] = (struct skf_pair){ .key = h->plan->artifacts[i].artifact->image,
                                             .value = h->references[i] };
    skf_objects_release(&h->charts);
    h->tools = (struct skf_tools){ .data = h, .done = on_charts };
    for (size_t i = 0; i < h->plan->config.n_modules && !f->err.code; i++) {
        const struct skf_module *m = &h->plan->config.modules[i];
        const struct skf_helm *helm = charts_of(h, m);
        if (helm)
            skf_helm_add(m, helm, i, h->namespace_, images, n, &h->tools, &f->err);
    }
    if (f->err.code || !h->tools.runs.n) {
        skf_tools_release(&h->tools);
        return SKF_NEXT;
    }
    f->abort = abort_tools;
    skf_tools_start(h->loop, &h->tools);
    return SKF_WAIT;
}

/* --- files, images, namespace ------------------------------------------------------------------
 */

static enum skf_next render(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    struct skf_objects all = { 0 };
    skf_objects_copy(&h->generated, &all);
    skf_objects_copy(&h->charts, &all);
    const struct skf_render_request req = { .plan = h->plan,
                                            .references = h->references,
                                            .generated = &all,
                                            .namespace_ = h->namespace_,
                                            .deployed = h->deployed,
                                            .debug = h->debug };
    skf_render(&req, &h->rendered, &f->err);
    skf_objects_release(&all);
    return SKF_NEXT;
}

/* --- hooks that see the result -----------------------------------------------------------------
 */

/* The objects of the module at hand: joined into h->text; false when there are none. */
static bool join_module(struct skf_hydrate *h)
{
    struct skf_objects own = { 0 };
    for (size_t i = 0; i < h->rendered.objects.n; i++)
        if (h->rendered.objects.v[i].group == h->module)
            skf_vec_push(&own, h->rendered.objects.v[i]); /* borrowed */
    skf_buf_clear(&h->text);
    skf_manifest_join(&own, &h->text);
    bool any = own.n > 0;
    skf_vec_release(&own);
    return any;
}

/* What the hooks made of the module's manifests takes their place. */
static int replace_module(struct skf_hydrate *h, struct skf_err *err)
{
    struct skf_objects made = { 0 }, all = { 0 };
    bool placed = false;
    int rc = skf_manifest_parse("the output of a post-render hook", h->text.data, h->text.len,
                                &made, err);
    for (size_t i = 0; rc == 0 && i < made.n; i++)
        made.v[i].group = h->module;
    for (size_t i = 0; rc == 0 && i < h->rendered.objects.n; i++) {
        const struct skf_objects one = { .v = &h->rendered.objects.v[i], .n = 1 };
        if (one.v->group != h->module)
            skf_objects_copy(&one, &all);
        else if (!placed)
            skf_objects_copy(&made, &all);
        placed = placed || one.v->group == h->module;
    }
    skf_objects_release(&made);
    if (rc < 0)
        return rc;
    skf_objects_release(&h->rendered.objects);
    h->rendered.objects = all;
    return 0;
}

static bool any_change(const struct skf_hook_run *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->hooks[i].with_change && skf_hook_applies(&r->hooks[i]))
            return true;
    return false;
}

static bool run_after(struct skf_hydrate *h);

static void on_after(struct skf_hook_run *r, const struct skf_err *err)
{
    struct skf_hydrate *h = r->data;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (!err && any_change(r))
        replace_module(h, &failure);
    if (!failure.code)
        h->on_phase(h, h->phase, false);
    h->module++;
    if (failure.code || h->flow.err.code || !run_after(h))
        skf_flow_resume(&h->flow, failure.code ? &failure : NULL);
}

static bool run_after(struct skf_hydrate *h)
{
    const struct skf_module *m = next_module(h, true);
    while (m && !join_module(h)) {
        h->module++;
        m = next_module(h, true);
    }
    if (m)
        run_hooks(h, m->render_hooks.after, m->render_hooks.n_after, &h->text, on_after);
    return m != NULL;
}

static enum skf_next after(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    h->module = 0;
    h->phase = "post-render";
    if (!run_after(h))
        return SKF_NEXT;
    f->abort = abort_hooks;
    return SKF_WAIT;
}

static const struct skf_step steps[] = {
    { "pre-render hooks", before }, { "other programs' manifests", generate },
    { "charts", charts },           { "rendering", render },
    { "post-render hooks", after }, { 0 },
};

static void on_done(struct skf_flow *f)
{
    struct skf_hydrate *h = hydrate_of(f);
    if (f->err.code)
        skf_rendered_release(&h->rendered);
    h->done(h, f->err.code ? &f->err : NULL);
}

void skf_hydrate_start(uv_loop_t *loop, struct skf_hydrate *h)
{
    h->loop = loop;
    memset(&h->rendered, 0, sizeof h->rendered);
    skf_flow_start(loop, &h->flow, steps, on_done);
}

void skf_hydrate_cancel(struct skf_hydrate *h)
{
    skf_flow_cancel(&h->flow);
}

void skf_hydrate_release(struct skf_hydrate *h)
{
    skf_objects_release(&h->generated);
    skf_objects_release(&h->charts);
    skf_buf_release(&h->text);
}

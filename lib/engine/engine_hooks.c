/* Hooks of a whole phase: build.hooks around all builds of a module, deploy hooks around its apply.
 * happy path: module by module; then the caller's done.
 * failures:   the first one ends it. A failed hook of the build phase keeps everything from being
 *             built until something changes.
 * on cancel:  as in hooks.h. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"

/* One phase at a time. */
struct phase_run {
    struct skf_engine *engine;
    struct skf_hook_run run;
    bool running;
    enum hooks_phase phase;
    size_t module;
    void (*done)(struct skf_engine *e, const struct skf_err *err);
};

/* A save may open the build phase while what was built before is being deployed: each has a run of
 * its own. */
struct skf_phase_hooks {
    struct phase_run build, deploy;
    struct skf_strv env, cluster_env, namespaces;
    char run_id[40];
    bool *opened; /* by module: its build phase has begun */
    bool failed;
};

static const char *const names[] = {
    [HOOKS_PRE_BUILD] = "pre-build",
    [HOOKS_POST_BUILD] = "post-build",
    [HOOKS_PRE_DEPLOY] = "pre-deploy",
    [HOOKS_POST_DEPLOY] = "post-deploy",
};

/* A version 4 UUID: what this session is called. */
static void make_run_id(char *out, size_t size)
{
    unsigned char r[16];
    arc4random_buf(r, sizeof r);
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    snprintf(out, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13],
             r[14], r[15]);
}

void hooks_init(struct skf_engine *e)
{
    e->hooks = skf_xcalloc(1, sizeof *e->hooks);
    e->hooks->build.engine = e->hooks->deploy.engine = e;
    make_run_id(e->hooks->run_id, sizeof e->hooks->run_id);
}

void hooks_free(struct skf_engine *e)
{
    struct skf_phase_hooks *h = e->hooks;
    skf_strv_release(&h->env);
    skf_strv_release(&h->cluster_env);
    skf_strv_release(&h->namespaces);
    free(h->opened);
    free(h);
}

bool hooks_busy(const struct skf_engine *e)
{
    return e->hooks->build.running || e->hooks->deploy.running;
}

bool hooks_failed(const struct skf_engine *e)
{
    return e->hooks->failed;
}

void hooks_retry(struct skf_engine *e)
{
    e->hooks->failed = false;
}

void hooks_reset(struct skf_engine *e)
{
    free(e->hooks->opened);
    e->hooks->opened = NULL;
}

void hooks_stop(struct skf_engine *e)
{
    if (e->hooks->build.running)
        skf_hooks_cancel(&e->hooks->build.run);
    if (e->hooks->deploy.running)
        skf_hooks_cancel(&e->hooks->deploy.run);
}

/* --- what they are given ---------------------------------------------------------------------- */

const struct skf_strv *hooks_env(struct skf_engine *e)
{
    struct skf_strv *env = &e->hooks->env;
    const struct skf_plan_request *plan = &e->opts.plan;
    const char *repo = plan->default_repo ? plan->default_repo : plan->fallback_repo;
    if (env->n)
        return env;
    if (repo && repo[0])
        skf_hook_env(env, "DEFAULT_REPO", repo);
    if (plan->multi_level_repo)
        skf_hook_env(env, "MULTI_LEVEL_REPO", "true");
    skf_hook_env(env, "WORK_DIR", e->services.cwd ? e->services.cwd : ".");
    return env;
}

const struct skf_strv *hooks_cluster_env(struct skf_engine *e)
{
    struct skf_strv *env = &e->hooks->cluster_env;
    skf_strv_clear(&e->hooks->namespaces);
    deploy_namespaces(e, &e->hooks->namespaces);
    skf_autofree char *namespaces = skf_strv_join(&e->hooks->namespaces, ",");
    skf_strv_clear(env);
    skf_strv_addv(env, hooks_env(e));
    skf_hook_env(env, "RUN_ID", e->hooks->run_id);
    if (e->opts.kube)
        skf_hook_env(env, "KUBE_CONTEXT", e->opts.kube->name);
    skf_hook_env(env, "NAMESPACES", namespaces);
    return env;
}

/* --- running them ----------------------------------------------------------------------------- */

static bool has_dirty_unit(const struct skf_engine *e, const struct skf_module *m)
{
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].dirty && e->units[i].planned->module == m)
            return true;
    return false;
}

/* The hooks of module `at` for a phase, or none. */
static const struct skf_hook *hooks_of(const struct skf_engine *e, enum hooks_phase phase,
                                       size_t at, size_t *n)
{
    const struct skf_module *m = &e->plan.config.modules[at];
    const struct skf_hooks *hooks = phase <= HOOKS_POST_BUILD ? &m->build_hooks : &m->deploy_hooks;
    bool before = phase == HOOKS_PRE_BUILD || phase == HOOKS_PRE_DEPLOY;
    *n = before ? hooks->n_before : hooks->n_after;
    return before ? hooks->before : hooks->after;
}

static bool counts(const struct skf_engine *e, enum hooks_phase phase, size_t at)
{
    const bool *opened = e->hooks->opened;
    if (phase == HOOKS_PRE_BUILD)
        return !opened[at] && has_dirty_unit(e, &e->plan.config.modules[at]);
    return phase == HOOKS_POST_BUILD ? opened && opened[at] : true;
}

static bool run_next(struct phase_run *p);

static void on_line(struct skf_hook_run *r, const char *line)
{
    const struct phase_run *p = r->data;
    engine_emit(p->engine, SKF_EV_HOOKS_LINE, NULL, line);
}

static void on_done(struct skf_hook_run *r, const struct skf_err *err)
{
    struct phase_run *p = r->data;
    struct skf_engine *e = p->engine;
    p->running = false;
    if (!err) {
        engine_emit(e, SKF_EV_HOOKS_DONE, NULL, r->phase);
        if (p->phase == HOOKS_PRE_BUILD)
            e->hooks->opened[p->module] = true;
    }
    p->module++;
    if (err || !run_next(p))
        p->done(e, err);
}

static bool run_next(struct phase_run *p)
{
    struct skf_engine *e = p->engine;
    struct skf_phase_hooks *h = e->hooks;
    for (; p->module < e->plan.config.n_modules; p->module++) {
        size_t n;
        const struct skf_hook *hooks = hooks_of(e, p->phase, p->module, &n);
        if (!counts(e, p->phase, p->module))
            continue;
        if (!n) {
            if (p->phase == HOOKS_PRE_BUILD)
                h->opened[p->module] = true;
            continue;
        }
        bool cluster = p->phase >= HOOKS_PRE_DEPLOY;
        p->run = (struct skf_hook_run){ .phase = names[p->phase],
                                        .hooks = hooks,
                                        .n = n,
                                        .dir = e->plan.config.modules[p->module].dir,
                                        .env = cluster ? hooks_cluster_env(e) : hooks_env(e),
                                        .api = cluster ? e->api : NULL,
                                        .kubectl = e->opts.kubectl,
                                        .kubeconfig = e->opts.kubeconfig,
                                        .namespaces = &h->namespaces,
                                        .data = p,
                                        .on_line = on_line,
                                        .done = on_done };
        p->running = true;
        engine_emit(e, SKF_EV_HOOKS_STARTED, NULL, p->run.phase);
        skf_hooks_start(e->services.loop, &p->run);
        return true;
    }
    return false;
}

bool hooks_run(struct skf_engine *e, enum hooks_phase phase,
               void (*done)(struct skf_engine *e, const struct skf_err *err))
{
    struct phase_run *p = phase <= HOOKS_POST_BUILD ? &e->hooks->build : &e->hooks->deploy;
    p->phase = phase;
    p->module = 0;
    p->done = done;
    return run_next(p);
}

/* --- around the builds ------------------------------------------------------------------------ */

static void on_build_hooks(struct skf_engine *e, const struct skf_err *err)
{
    struct skf_phase_hooks *h = e->hooks;
    if (err && err->code != SKF_ECANCELED) {
        h->failed = true;
        engine_emit_err(e, SKF_EV_HOOKS_FAILED, NULL, err);
        engine_fail(e, SKF_STAGE_BUILD, err);
    }
    if (err || h->build.phase == HOOKS_POST_BUILD)
        hooks_reset(e);
    engine_pump(e);
}

bool hooks_open_build(struct skf_engine *e)
{
    struct skf_phase_hooks *h = e->hooks;
    if (hooks_busy(e) || h->failed)
        return false;
    if (!h->opened)
        h->opened = skf_xcalloc(e->plan.config.n_modules, sizeof *h->opened);
    return !hooks_run(e, HOOKS_PRE_BUILD, on_build_hooks);
}

bool hooks_close_build(struct skf_engine *e)
{
    if (hooks_busy(e))
        return false;
    if (e->hooks->opened && hooks_run(e, HOOKS_POST_BUILD, on_build_hooks))
        return false;
    hooks_reset(e);
    return true;
}

bool hooks_may_write_manifests(const struct skf_engine *e)
{
    for (size_t i = 0; i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        if (m->render_hooks.n_before || m->build_hooks.n_before || m->build_hooks.n_after)
            return true;
        for (size_t j = 0; j < m->n_artifacts; j++)
            if (m->artifacts[j].hooks.n_before || m->artifacts[j].hooks.n_after)
                return true;
    }
    return false;
}

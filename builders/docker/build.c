/* One build.
 *
 * happy path: settings and Dockerfile -> `docker build` (BuildKit), or POST /build (classic) -> to
 *             the target -> done(NULL). The output is shown as progress and kept; it is told only
 *             when the build fails (or in debug): it is long, and says nothing when all went well.
 * failures:   no docker program and no socket, no Dockerfile: at once. A failing step: its output
 *             as lines, then SKF_EBUILD with the step and its line. A docker program without
 *             BuildKit: once more with the classic builder, unless something needs BuildKit.
 * on cancel:  the child and its group end, or the connection closes; done comes with
 *             SKF_ECANCELED. */
#include <string.h>

#include "builders/docker/apibuild.h"
#include "builders/docker/failure.h"
#include "builders/docker/hint.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/docker/place.h"

/* The docker program of this process has no BuildKit; found out by the first build. */
static bool no_buildx;

struct docker_build {
    struct skf_flow flow;
    struct skf_build *b;
    int64_t phase_us;
    struct skf_docker_settings settings;
    struct skf_dockerfile dockerfile;
    struct skf_docker_host host;
    struct skf_docker_log log;
    struct skf_proc proc;
    struct skf_docker_apibuild api;
    struct skf_docker_place place;
    struct skf_deliver required; /* one after the other */
    char *required_name;
    size_t required_at;
    bool required_used;
    bool buildkit, proc_used, api_used, place_used, built;
};

static struct docker_build *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct docker_build, flow);
}

/* --- prepare ---------------------------------------------------------------------------------- */

static const char *needs_program(const struct docker_build *d)
{
    if (d->settings.cli_flags.n)
        return "'cliFlags'";
    if (d->b->ctx.module->use_docker_cli)
        return "'useDockerCLI'";
    if (d->b->ctx.module->use_buildkit == SKF_YES)
        return "'useBuildkit'";
    return skf_docker_settings_buildkit_only(&d->settings, &d->dockerfile);
}

static enum skf_next prepare(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    struct skf_build *b = d->b;
    if (skf_docker_settings_make(&b->ctx, b->reference, &d->settings, &f->err) < 0)
        return SKF_NEXT;
    if (skf_docker_files_parse(&d->settings.files, &d->dockerfile, &f->err) < 0 ||
        skf_docker_host_find(&b->target, &d->host, &f->err) < 0)
        return SKF_NEXT;
    skf_docker_settings_add_declared(&d->settings, &d->dockerfile, b);
    const char *needs = needs_program(d);
    if (!d->host.cli && needs)
        skf_err_set(
            &f->err, SKF_ENOTFOUND,
            "%s needs the program 'docker', which is not in PATH: install it, or leave that out",
            needs);
    return SKF_NEXT;
}

/* --- images that it is built on --------------------------------------------------------------- */

static enum skf_next load_required(struct skf_flow *f);

static void on_required(struct skf_deliver *r, const struct skf_err *err)
{
    struct docker_build *d = r->data;
    struct skf_err why = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (err)
        skf_err_wrap(&why, "the required image '%s'", d->required_name);
    d->required_at++;
    if (err || load_required(&d->flow) == SKF_NEXT)
        skf_flow_resume(&d->flow, err ? &why : NULL);
}

static void abort_required(struct skf_flow *f)
{
    skf_deliver_cancel(&of(f)->required);
}

/* What was built without Docker went to nodes only: a FROM would not find it. */
static enum skf_next load_required(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    struct skf_build *b = d->b;
    bool on_node = b->target.kind == SKF_TARGET_CONTAINERD || b->target.kind == SKF_TARGET_NODES;
    while (d->required_at < b->n_required &&
           (!on_node || !d->host.api || !b->required_images[d->required_at] ||
            !skf_dockerfile_declares(&d->dockerfile, b->required[d->required_at].key)))
        d->required_at++;
    if (d->required_at >= b->n_required)
        return SKF_NEXT;
    if (d->required_used)
        skf_deliver_release(&d->required);
    skf_replace(&d->required_name, skf_docker_required_name(b, d->required_at));
    d->required = (struct skf_deliver){ .loop = b->ctx.services->loop,
                                        .http = b->ctx.services->http,
                                        .registry = b->ctx.services->registry,
                                        .target = { .kind = SKF_TARGET_DOCKER,
                                                    .docker_host = d->host.address,
                                                    .docker_certs = d->host.certs },
                                        .image = b->required_images[d->required_at],
                                        .reference = d->required_name,
                                        .data = d,
                                        .done = on_required };
    d->required_used = true;
    f->abort = abort_required;
    skf_deliver_start(&d->required);
    return SKF_WAIT;
}

/* --- by the docker program -------------------------------------------------------------------- */

static void keep_line(struct docker_build *d, const char *line)
{
    if (d->b->on_progress)
        d->b->on_progress(d->b, line);
    if (skf_log_debug_on())
        skf_log_debug("docker: %s", line);
    skf_docker_log_add(&d->log, line);
}

static void on_proc_line(struct skf_proc *p, enum skf_proc_stream from, const char *line,
                         size_t len)
{
    (void)from;
    (void)len;
    keep_line(p->data, line);
}

/* What a reader of the failed build needs; then the error. */
static void tell(struct docker_build *d, const char *fallback, struct skf_err *err)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_autofree char *shown = skf_path_show(d->settings.files.dockerfile);
    skf_docker_log_digest(&d->log, &lines);
    for (size_t i = 0; d->b->on_line && i < lines.n; i++)
        d->b->on_line(d->b, lines.v[i]);
    skf_err_clear(err);
    skf_docker_failure(&d->log, &d->dockerfile, shown, fallback, err);
}

/* The classic builder can do the same, and says so once. */
static bool fall_back(struct docker_build *d, struct skf_err *err)
{
    if (!d->buildkit || !skf_docker_log_lacks_buildx(&d->log))
        return false;
    const char *needs = d->b->ctx.module->use_buildkit == SKF_YES
                            ? "'useBuildkit'"
                            : skf_docker_settings_buildkit_only(&d->settings, &d->dockerfile);
    if (needs) {
        skf_err_set(err, SKF_ENOTFOUND,
                    "%s needs BuildKit, and the program 'docker' has no buildx plugin: install it "
                    "(package docker-buildx-plugin or docker-buildx)",
                    needs);
        return true;
    }
    no_buildx = true;
    skf_strv_add(&d->b->notes,
                 "the program 'docker' has no buildx plugin: built with the classic builder; "
                 "docker-buildx-plugin brings BuildKit, which is faster");
    return true;
}

static void give_hint(struct docker_build *d)
{
    skf_autofree char *shown = skf_path_show(d->settings.files.dockerfile);
    char *hint = skf_docker_hint(&d->dockerfile, shown);
    if (hint)
        skf_strv_take(&d->b->notes, hint);
}

static void on_proc_done(struct skf_proc *p, const struct skf_err *err)
{
    struct docker_build *d = p->data;
    struct skf_err why = SKF_ERR_INIT;
    d->built = err == NULL;
    if (d->built && d->buildkit)
        give_hint(d);
    if (err && err->code == SKF_ECHILD && fall_back(d, &why)) {
        skf_flow_resume(&d->flow, why.code ? &why : NULL);
        return;
    }
    if (err) {
        why = *err;
        if (err->code == SKF_ECHILD)
            tell(d, err->msg, &why);
    }
    skf_flow_resume(&d->flow, err ? &why : NULL);
}

static void abort_proc(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

static enum skf_next run_program(struct docker_build *d)
{
    struct skf_proc *p = &d->proc;
    if (d->proc_used)
        skf_proc_release(p);
    skf_docker_log_release(&d->log);
    skf_proc_init(p);
    d->proc_used = true;
    skf_docker_argv(&d->settings, d->buildkit, &p->argv);
    skf_strv_addf(&p->env, "DOCKER_BUILDKIT=%d", d->buildkit);
    skf_strv_add(&p->env, "BUILDKIT_PROGRESS=plain");
    skf_docker_host_env(&d->host, &p->env);
    p->merge = true;
    p->on_line = on_proc_line;
    p->data = d;
    d->flow.abort = abort_proc;
    skf_proc_start(d->b->ctx.services->loop, p, on_proc_done);
    return SKF_WAIT;
}

static enum skf_next build_with_buildkit(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    d->buildkit = d->host.cli && d->b->ctx.module->use_buildkit != SKF_NO && !no_buildx;
    return d->buildkit ? run_program(d) : SKF_NEXT;
}

/* --- the classic builder ---------------------------------------------------------------------- */

static void on_api_line(struct skf_docker_apibuild *a, const char *line)
{
    keep_line(a->data, line);
}

static void on_api_done(struct skf_docker_apibuild *a, const struct skf_err *err)
{
    struct docker_build *d = a->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        if (err->code == SKF_EBUILD)
            tell(d, err->msg, &why);
    }
    skf_flow_resume(&d->flow, err ? &why : NULL);
}

static void abort_api(struct skf_flow *f)
{
    skf_docker_apibuild_cancel(&of(f)->api);
}

static enum skf_next build_classic(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    const struct skf_module *m = d->b->ctx.module;
    if (d->built)
        return SKF_NEXT;
    d->buildkit = false;
    if (!d->host.api || (d->host.cli && (m->use_docker_cli || d->settings.cli_flags.n)))
        return run_program(d);
    skf_docker_log_release(&d->log);
    d->api = (struct skf_docker_apibuild){ .loop = d->b->ctx.services->loop,
                                           .http = d->b->ctx.services->http,
                                           .host = &d->host,
                                           .settings = &d->settings,
                                           .data = d,
                                           .on_line = on_api_line,
                                           .done = on_api_done };
    d->api_used = true;
    f->abort = abort_api;
    skf_docker_apibuild_start(&d->api);
    return SKF_WAIT;
}

/* --- to the target ---------------------------------------------------------------------------- */

static int64_t lap(struct docker_build *d)
{
    int64_t now = skf_clock_us(), took = now - d->phase_us;
    d->phase_us = now;
    return took;
}

static void on_placed(struct skf_docker_place *p, const struct skf_err *err)
{
    struct docker_build *d = p->data;
    skf_flow_resume(&d->flow, err);
}

static void abort_place(struct skf_flow *f)
{
    skf_docker_place_cancel(&of(f)->place);
}

static enum skf_next place(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    struct skf_build *b = d->b;
    b->phase_us[SKF_PHASE_BUILD] = lap(d);
    b->phase = SKF_PHASE_DELIVER;
    d->place = (struct skf_docker_place){ .loop = b->ctx.services->loop,
                                          .http = b->ctx.services->http,
                                          .registry = b->ctx.services->registry,
                                          .host = &d->host,
                                          .target = b->target,
                                          .reference = b->reference,
                                          .expected_digest = b->expected_digest,
                                          .data = d,
                                          .done = on_placed };
    d->place_used = true;
    f->abort = abort_place;
    skf_docker_place_start(&d->place);
    return SKF_WAIT;
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    struct skf_build *b = d->b;
    b->deployed = skf_take(&d->place.deployed);
    b->digest = skf_take(&d->place.digest);
    b->image = skf_take(&d->place.image);
    b->bytes_sent = d->place.bytes_sent;
    b->phase_us[SKF_PHASE_DELIVER] = lap(d);
    return SKF_NEXT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static const struct skf_step steps[] = {
    { "prepare", prepare },
    { "required images", load_required },
    { "docker build", build_with_buildkit },
    { "docker build", build_classic },
    { "deliver", place },
    { "result", conclude },
    { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct docker_build *d = of(f);
    struct skf_build *b = d->b;
    struct skf_err err = f->err;
    if (d->proc_used)
        skf_proc_release(&d->proc);
    if (d->api_used)
        skf_docker_apibuild_release(&d->api);
    if (d->place_used)
        skf_docker_place_release(&d->place);
    if (d->required_used)
        skf_deliver_release(&d->required);
    free(d->required_name);
    skf_docker_log_release(&d->log);
    skf_dockerfile_release(&d->dockerfile);
    skf_docker_settings_release(&d->settings);
    skf_docker_host_release(&d->host);
    free(d);
    b->priv = NULL;
    b->done(b, err.code ? &err : NULL);
}

void skf_docker_build_start(struct skf_build *b)
{
    struct docker_build *d = skf_xcalloc(1, sizeof *d);
    d->b = b;
    d->phase_us = skf_clock_us();
    b->priv = d;
    skf_flow_start(b->ctx.services->loop, &d->flow, steps, on_flow_done);
}

void skf_docker_build_cancel(struct skf_build *b)
{
    struct docker_build *d = b->priv;
    if (d)
        skf_flow_cancel(&d->flow);
}

/* One build by the user's command.
 *
 * happy path: `sh -c buildCommand` in the context -> pushed: the digest that the registry has for
 * the tag; local: the image in Docker, and from there to the target -> done(NULL). failures:   the
 * command fails: SKF_EBUILD with its exit status (its output went out as it came). It ends well,
 * and there is no such image: an error that says so. on cancel:  the command's process group gets
 * SIGTERM, and SIGKILL after 2 s; done with SKF_ECANCELED. */
#include <stdarg.h>
#include <string.h>

#include "builders/custom/run.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/docker/place.h"
#include "lib/io/proc.h"

enum { STOP_MS = 2000 };

struct custom_build {
    struct skf_flow flow;
    struct skf_build *b;
    int64_t phase_us;
    struct skf_proc proc;
    struct skf_pull pull;
    struct skf_docker_host host;
    struct skf_docker_place place;
    bool proc_used, place_used;
};

static struct custom_build *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct custom_build, flow);
}

static bool pushes(const struct custom_build *c)
{
    return c->b->target.kind == SKF_TARGET_REGISTRY;
}

/* --- the command ------------------------------------------------------------------------------ */

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct custom_build *c = p->data;
    (void)from;
    (void)len;
    if (c->b->on_line)
        c->b->on_line(c->b, line);
}

static void on_command_done(struct skf_proc *p, const struct skf_err *err)
{
    struct custom_build *c = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        if (err->code == SKF_ECHILD)
            skf_err_set(&why, SKF_EBUILD, "the build command of '%s' failed: %.600s",
                        c->b->ctx.artifact->image, err->msg);
    }
    skf_flow_resume(&c->flow, err ? &why : NULL);
}

static void abort_command(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

static enum skf_next command(struct skf_flow *f)
{
    struct custom_build *c = of(f);
    struct skf_build *b = c->b;
    const struct skf_custom_options *o = b->ctx.artifact->options;
    skf_autofree char *text = NULL;
    if (skf_custom_expand(o->build_command, "buildCommand", &text, &f->err) < 0)
        return SKF_NEXT;
    skf_proc_init(&c->proc);
    c->proc_used = true;
    if (skf_custom_env(&b->ctx, b->reference, pushes(c), &c->proc.env, &f->err) < 0)
        return SKF_NEXT;
    for (size_t i = 0; i < b->n_required; i++)
        if (!getenv(b->required[i].key))
            skf_strv_addf(&c->proc.env, "%s=%s", b->required[i].key, b->required[i].value);
    if (!pushes(c) && skf_docker_host_find(&b->target, &c->host, &f->err) < 0)
        return SKF_NEXT;
    skf_docker_host_env(&c->host, &c->proc.env);
    /* A shell by definition: that is what the user writes for. */
    skf_proc_args(&c->proc, "sh", "-c", text, NULL);
    c->proc.cwd = skf_xstrdup(b->ctx.dir);
    c->proc.merge = true;
    c->proc.stop_ms = STOP_MS;
    c->proc.on_line = on_line;
    c->proc.data = c;
    f->abort = abort_command;
    skf_proc_start(b->ctx.services->loop, &c->proc, on_command_done);
    return SKF_WAIT;
}

/* --- what it made ----------------------------------------------------------------------------- */

static int64_t lap(struct custom_build *c)
{
    int64_t now = skf_clock_us(), took = now - c->phase_us;
    c->phase_us = now;
    return took;
}

/* The command's fault, not the delivery's. */
__attribute__((format(printf, 3, 4))) static void
made_nothing(struct custom_build *c, struct skf_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_err_setv(err, SKF_EBUILD, fmt, ap);
    va_end(ap);
    c->b->phase = SKF_PHASE_BUILD;
}

static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    struct custom_build *c = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        if (err->code == SKF_ENOTFOUND)
            made_nothing(
                c, &why,
                "the custom script didn't push an image with tag [%s]: PUSH_IMAGE was true, so "
                "the build command must push $IMAGE",
                c->b->reference);
    }
    skf_flow_resume(&c->flow, err ? &why : NULL);
}

static void abort_pull(struct skf_flow *f)
{
    skf_pull_cancel(&of(f)->pull);
}

static enum skf_next ask_registry(struct skf_flow *f)
{
    struct custom_build *c = of(f);
    struct skf_build *b = c->b;
    b->phase_us[SKF_PHASE_BUILD] = lap(c);
    b->phase = SKF_PHASE_DELIVER;
    if (!pushes(c))
        return SKF_NEXT;
    c->pull = (struct skf_pull){ .registry = b->ctx.services->registry,
                                 .reference = b->reference,
                                 .data = c,
                                 .done = on_pulled };
    f->abort = abort_pull;
    skf_pull_start(&c->pull);
    return SKF_WAIT;
}

static void on_placed(struct skf_docker_place *p, const struct skf_err *err)
{
    struct custom_build *c = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        if (err->code == SKF_ENOTFOUND && !p->id)
            made_nothing(
                c, &why,
                "the custom script didn't produce an image with tag [%s]: the build command must "
                "leave $IMAGE in Docker (%s)",
                c->b->reference, c->host.address);
    }
    skf_flow_resume(&c->flow, err ? &why : NULL);
}

static void abort_place(struct skf_flow *f)
{
    skf_docker_place_cancel(&of(f)->place);
}

static enum skf_next place(struct skf_flow *f)
{
    struct custom_build *c = of(f);
    struct skf_build *b = c->b;
    if (pushes(c))
        return SKF_NEXT;
    c->place = (struct skf_docker_place){ .loop = b->ctx.services->loop,
                                          .http = b->ctx.services->http,
                                          .registry = b->ctx.services->registry,
                                          .host = &c->host,
                                          .target = b->target,
                                          .reference = b->reference,
                                          .expected_digest = b->expected_digest,
                                          .data = c,
                                          .done = on_placed };
    c->place_used = true;
    f->abort = abort_place;
    skf_docker_place_start(&c->place);
    return SKF_WAIT;
}

static enum skf_next conclude(struct skf_flow *f)
{
    struct custom_build *c = of(f);
    struct skf_build *b = c->b;
    if (pushes(c)) {
        b->digest = skf_xstrdup(c->pull.image->manifest->digest);
        b->deployed = skf_xasprintf("%s@%s", b->reference, b->digest);
    } else {
        b->deployed = skf_take(&c->place.deployed);
        b->digest = skf_take(&c->place.digest);
        b->image = skf_take(&c->place.image);
        b->bytes_sent = c->place.bytes_sent;
    }
    b->phase_us[SKF_PHASE_DELIVER] = lap(c);
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "build command", command },
    { "registry", ask_registry },
    { "deliver", place },
    { "result", conclude },
    { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct custom_build *c = of(f);
    struct skf_build *b = c->b;
    struct skf_err err = f->err;
    if (c->proc_used)
        skf_proc_release(&c->proc);
    if (c->place_used)
        skf_docker_place_release(&c->place);
    skf_image_unref(c->pull.image);
    skf_docker_host_release(&c->host);
    free(c);
    b->priv = NULL;
    b->done(b, err.code ? &err : NULL);
}

void skf_custom_build_start(struct skf_build *b)
{
    struct custom_build *c = skf_xcalloc(1, sizeof *c);
    c->b = b;
    c->phase_us = skf_clock_us();
    b->priv = c;
    skf_flow_start(b->ctx.services->loop, &c->flow, steps, on_flow_done);
}

void skf_custom_build_cancel(struct skf_build *b)
{
    struct custom_build *c = b->priv;
    if (c)
        skf_flow_cancel(&c->flow);
}

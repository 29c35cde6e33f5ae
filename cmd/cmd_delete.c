#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"

struct removal {
    struct session *session;
    struct skf_deploy deploy;
    struct skf_err err;
    bool done;
};

static void on_line(struct skf_deploy *d, const char *line)
{
    (void)d;
    printf(" - %s\n", line);
    fflush(stdout);
}

static void on_done(struct skf_deploy *d, const struct skf_err *err)
{
    struct removal *r = d->data;
    if (err)
        r->err = *err;
    r->done = true;
    uv_stop(&r->session->loop); /* a turn that began with this timer must not go on to wait */
}

static int remove_by(struct session *s, const struct skf_engine_options *options,
                     const struct skf_deployer_ops *ops, const struct skf_buf *manifests)
{
    struct removal r = { .session = s };
    r.deploy = (struct skf_deploy){ .services = &s->services,
                                    .kube = &s->kube,
                                    .config = &s->config,
                                    .module = &s->config.modules[0],
                                    .kubectl = s->kubectl,
                                    .kubeconfig = options->kubeconfig,
                                    .namespace_ = options->namespace_,
                                    .data = &r,
                                    .on_line = on_line,
                                    .done = on_done };
    ops->remove(&r.deploy, ops->own_sources ? NULL : manifests->data, manifests->len);
    while (!r.done) {
        if (s->stop.signum)
            ops->cancel(&r.deploy);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    if (ops->forget)
        ops->forget(&r.deploy);
    if (s->stop.signum)
        return 128 + s->stop.signum;
    if (r.err.code) {
        console_error(&s->console, &r.err);
        return EXIT_CODE_DEPLOY;
    }
    return EXIT_CODE_OK;
}

/* Deployers in reverse order; one that fails does not keep the others from it. */
static int remove_objects(struct session *s, const struct skf_engine_options *options,
                          const struct skf_buf *manifests)
{
    int code = EXIT_CODE_OK;
    size_t n = 0;
    while (options->deployers[n])
        n++;
    printf("Cleaning up...\n");
    while (n-- && code <= 128) {
        const struct skf_deployer_ops *ops = options->deployers[n];
        bool has_work = ops->own_sources ? ops->wanted(&s->config) : manifests->len > 0;
        int failed = has_work ? remove_by(s, options, ops, manifests) : EXIT_CODE_OK;
        code = failed ? failed : code;
    }
    return code;
}

/* Only the names of the objects count: nothing is planned, tagged or built. */
static int collect(struct session *s, struct skf_rendered *out)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_plan plan = { .config = s->config };
    struct skf_objects kustomized = { 0 };
    int failed = session_kustomize(s, &s->config, &kustomized);
    if (failed)
        return failed;
    struct skf_render_request req = { .plan = &plan,
                                      .kustomized = &kustomized,
                                      .namespace_ = s->options->namespace_ };
    int rc = skf_render(&req, out, &err);
    skf_objects_release(&kustomized);
    if (rc < 0) {
        console_error(&s->console, &err);
        return EXIT_CODE_DEPLOY;
    }
    return EXIT_CODE_OK;
}

int cmd_delete(const struct options *o)
{
    struct session s;
    struct skf_rendered rendered = { 0 };
    int code = session_open(&s, o, "delete", NEEDS_CLUSTER, false);
    if (code == 0)
        code = collect(&s, &rendered);
    if (code == 0) {
        struct skf_engine_options options;
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        session_engine_options(&s, &options);
        skf_manifest_join(&rendered.objects, &text);
        if (o->dry_run)
            printf("Following resources would be deleted:\n%s", text.data);
        else
            code = remove_objects(&s, &options, &text);
    }
    skf_rendered_release(&rendered);
    session_close(&s);
    return code;
}

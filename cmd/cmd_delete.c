#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/engine/project.h"
#include "lib/kube/changes.h"
#include "lib/kube/survey.h"

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
    const struct skf_plan plan = { .config = s->config };
    return session_hydrate(s, &plan, NULL, true, out);
}

/* --- whose the objects are -------------------------------------------------------------------- */

struct inquiry {
    struct skf_survey survey;
    struct session *session;
    struct skf_err err;
    bool done;
};

static void on_survey(struct skf_survey *s, const struct skf_err *err)
{
    struct inquiry *q = s->data;
    if (err)
        q->err = *err;
    q->done = true;
    uv_stop(&q->session->loop);
}

/* NULL: this project's, to be deleted. Else why it stays; owned. */
static char *why_it_stays(const struct skf_survey_item *item, const char *project)
{
    const struct skf_owner *owner = &item->owner;
    if (item->state == SKF_SURVEY_UNKNOWN)
        return skf_xstrdup("cannot be looked at");
    if (!owner->project)
        return skf_xstrdup("was not created by skiff");
    if (strcmp(owner->project, project) != 0)
        return skf_xasprintf("belongs to another project (%s)", owner->project);
    enum skf_session_state state =
        owner->session ? skf_owner_session_state(owner->session) : SKF_SESSION_DEAD;
    if (state != SKF_SESSION_ALIVE && state != SKF_SESSION_FOREIGN)
        return NULL;
    skf_autofree char *who = skf_owner_session_words(owner->session);
    return skf_xasprintf(state == SKF_SESSION_ALIVE ? "is in use by %s, which still runs"
                                                    : "was created by %s, which may still run",
                         who);
}

/* Keeps the objects that this project has created; the others are named. */
static void keep_own(struct session *s, const struct skf_survey *survey,
                     struct skf_objects *objects)
{
    skf_autofree char *project = skf_project_id(&s->config);
    struct skf_objects own = { 0 };
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        const struct skf_objects one = { .v = &objects->v[i], .n = 1 };
        if (survey->items[i].state == SKF_SURVEY_ABSENT)
            continue;
        skf_autofree char *why = why_it_stays(&survey->items[i], project);
        if (!why)
            skf_objects_copy(&one, &own);
        else
            fprintf(stderr, "%s/%s %s: it stays\n", o->kind, o->name, why);
    }
    skf_objects_release(objects);
    *objects = own;
}

static int ask_owners(struct session *s, struct skf_objects *objects)
{
    struct inquiry q = { .session = s };
    struct skf_kube_api *api = skf_kube_api_new(&s->loop, s->http, &s->kube);
    q.survey.data = &q;
    skf_survey_start(api, &q.survey, objects,
                     skf_project_namespace(&s->config, s->options->namespace_, &s->kube),
                     on_survey);
    while (!q.done) {
        if (s->stop.signum)
            skf_survey_cancel(&q.survey);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    if (!q.err.code)
        keep_own(s, &q.survey, objects);
    skf_survey_release(&q.survey);
    skf_kube_api_free(api);
    if (s->stop.signum)
        return 128 + s->stop.signum;
    if (!q.err.code)
        return EXIT_CODE_OK;
    skf_err_wrap(&q.err, "cannot use the cluster of context '%s'", s->kube.name);
    console_error(&s->console, &q.err);
    return EXIT_CODE_CLUSTER;
}

int cmd_delete(const struct options *o)
{
    struct session s;
    struct skf_rendered rendered = { 0 };
    int code = session_open(&s, o, "delete", NEEDS_CLUSTER, false);
    if (code == 0)
        code = session_expand(&s);
    if (code == 0)
        code = collect(&s, &rendered);
    if (code == 0)
        code = ask_owners(&s, &rendered.objects);
    if (code == 0) {
        struct skf_engine_options options;
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        session_engine_options(&s, &options);
        skf_objects_sort(&rendered.objects);
        skf_objects_reverse(&rendered.objects);
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

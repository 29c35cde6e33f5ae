#include <stdio.h>
#include <string.h>

#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/engine/action.h"
#include "lib/engine/project.h"

struct execution {
    struct skf_action_run run;
    struct session *session;
    struct skf_err err;
    bool done;
};

/* What the actions of one command share. */
struct runner {
    struct session session;
    struct skf_strv images;
    struct skf_job_place place; /* without an api: nothing runs in the cluster */
};

static int need_cluster(struct runner *x, const char *command)
{
    struct session *s = &x->session;
    int code = session_need_cluster(s, command);
    if (code)
        return code;
    x->place = (struct skf_job_place){
        .api = skf_kube_api_new(&s->loop, s->http, &s->kube),
        .kubectl = s->kubectl,
        .kubeconfig = s->options->kubeconfig,
        .namespace_ = s->options->namespace_,
        .otherwise = skf_project_namespace(&s->config, NULL, &s->kube),
    };
    return 0;
}

static void close_runner(struct runner *x)
{
    skf_kube_api_free(x->place.api);
    skf_strv_release(&x->images);
    session_close(&x->session);
}

static void on_line(struct skf_action_run *r, const char *container, const char *line)
{
    (void)r;
    printf("[%s] %s\n", container, line);
    fflush(stdout);
}

static void on_done(struct skf_action_run *r, const struct skf_err *err)
{
    struct execution *x = r->data;
    if (err)
        x->err = *err;
    x->done = true;
    uv_stop(&x->session->loop); /* a turn that began with this timer must not go on to wait */
}

static int run_action(struct runner *all, const struct skf_module *m,
                      const struct skf_action *action)
{
    struct session *s = &all->session;
    struct execution x = { .session = s,
                           .run = { .action = action,
                                    .images = &all->images,
                                    .dir = m->dir,
                                    .cluster = &all->place,
                                    .network = s->options->docker_network,
                                    .env_file = s->options->env_file,
                                    .on_line = on_line,
                                    .done = on_done } };
    x.run.data = &x;
    skf_action_start(&s->loop, &x.run);
    bool asked = false;
    while (!x.done) {
        if (s->stop.signum && !asked)
            skf_action_cancel(&x.run);
        asked = s->stop.signum != 0;
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    if (s->stop.signum)
        return 128 + s->stop.signum;
    if (!x.err.code)
        return EXIT_CODE_OK;
    console_error(&s->console, &x.err);
    return x.err.code == SKF_ECONFIG ? EXIT_CODE_CONFIG : EXIT_CODE_FAILED;
}

/* --- exec ------------------------------------------------------------------------------------- */

static const struct skf_action *find_action(const struct session *s, const char *name,
                                            const struct skf_module **module, struct skf_err *err)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    for (size_t i = 0; i < s->config.n_modules; i++) {
        const struct skf_module *m = *module = &s->config.modules[i];
        for (size_t j = 0; j < m->n_actions; j++) {
            if (strcmp(m->actions[j].name, name) == 0)
                return &m->actions[j];
            skf_strv_add(&names, m->actions[j].name);
        }
    }
    skf_autofree char *known = skf_strv_join(&names, ", ");
    skf_err_set(err, SKF_EUSAGE, "no custom action is named '%s'%s%s", name,
                names.n ? ": there are " : "", known);
    return NULL;
}

static int report(const struct session *s, const struct skf_err *err)
{
    console_error(&s->console, err);
    return exit_code_of(SKF_STAGE_TEST, err);
}

int cmd_exec(const struct options *o)
{
    struct runner x = { 0 };
    struct session *s = &x.session;
    struct skf_err err = SKF_ERR_INIT;
    const struct skf_module *module = NULL;
    int code = session_open(s, o, "exec", NEEDS_NO_CLUSTER, false);
    if (code == 0 && o->arguments.n != 1)
        skf_err_set(&err, SKF_EUSAGE, "name one custom action: skiff exec ACTION");
    if (code == 0 && !err.code)
        artifacts_read(o, &x.images, &err);
    const struct skf_action *action =
        code == 0 && !err.code ? find_action(s, o->arguments.v[0], &module, &err) : NULL;
    if (code == 0 && !action)
        code = report(s, &err);
    if (code == 0 && action->mode.in_cluster)
        code = need_cluster(&x, "exec");
    if (code == 0)
        code = run_action(&x, module, action);
    close_runner(&x);
    return code;
}

/* --- verify ----------------------------------------------------------------------------------- */

/* Said before the first test runs, not in the middle. */
static int check_cluster(struct runner *x)
{
    const struct skf_config *c = &x->session.config;
    for (size_t i = 0; i < c->n_modules; i++)
        for (size_t j = 0; j < c->modules[i].n_verify; j++)
            if (c->modules[i].verify[j].mode.in_cluster)
                return need_cluster(x, "verify");
    return 0;
}

/* All of them, whatever fails; the first failure is the result. */
static int run_tests(struct runner *x)
{
    struct session *s = &x->session;
    int code = EXIT_CODE_OK;
    size_t n = 0;
    for (size_t i = 0; i < s->config.n_modules; i++) {
        const struct skf_module *m = &s->config.modules[i];
        for (size_t j = 0; j < m->n_verify && code <= 128; j++, n++) {
            int failed = run_action(x, m, &m->verify[j]);
            code = failed > 128 || !code ? failed : code;
        }
    }
    if (n)
        return code;
    struct skf_err err = SKF_ERR_INIT;
    skf_err_set(&err, SKF_ECONFIG, "there is nothing to verify: 'verify' has no tests");
    return report(s, &err);
}

int cmd_verify(const struct options *o)
{
    struct runner x = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    int code = session_open(&x.session, o, "verify", NEEDS_NO_CLUSTER, false);
    if (code == 0 && artifacts_read(o, &x.images, &err) < 0)
        code = report(&x.session, &err);
    if (code == 0)
        code = check_cluster(&x);
    if (code == 0)
        code = run_tests(&x);
    close_runner(&x);
    return code;
}

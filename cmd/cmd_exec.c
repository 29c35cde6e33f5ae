#include <stdio.h>
#include <string.h>

#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"
#include "lib/engine/action.h"

struct execution {
    struct skf_action_run run;
    struct session *session;
    struct skf_err err;
    bool done;
};

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

static int run_action(struct session *s, const struct skf_action *action,
                      const struct skf_strv *images)
{
    struct execution x = { .session = s,
                           .run = { .action = action,
                                    .images = images,
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
    return x.err.code == SKF_EUNSUPPORTED ? EXIT_CODE_CONFIG : EXIT_CODE_FAILED;
}

/* --- exec ------------------------------------------------------------------------------------- */

static const struct skf_action *find_action(const struct session *s, const char *name,
                                            struct skf_err *err)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    for (size_t i = 0; i < s->config.n_modules; i++) {
        const struct skf_module *m = &s->config.modules[i];
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
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv images = SKF_STRV_INIT;
    int code = session_open(&s, o, "exec", NEEDS_NO_CLUSTER, false);
    if (code == 0 && o->arguments.n != 1)
        skf_err_set(&err, SKF_EUSAGE, "name one custom action: skiff exec ACTION");
    if (code == 0 && !err.code)
        artifacts_read(o, &images, &err);
    const struct skf_action *action =
        code == 0 && !err.code ? find_action(&s, o->arguments.v[0], &err) : NULL;
    if (code == 0)
        code = action ? run_action(&s, action, &images) : report(&s, &err);
    session_close(&s);
    return code;
}

/* --- verify ----------------------------------------------------------------------------------- */

/* All of them, whatever fails; the first failure is the result. */
static int run_tests(struct session *s, const struct skf_strv *images)
{
    int code = EXIT_CODE_OK;
    size_t n = 0;
    for (size_t i = 0; i < s->config.n_modules; i++) {
        const struct skf_module *m = &s->config.modules[i];
        for (size_t j = 0; j < m->n_verify && code <= 128; j++, n++) {
            int failed = run_action(s, &m->verify[j], images);
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
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv images = SKF_STRV_INIT;
    int code = session_open(&s, o, "verify", NEEDS_NO_CLUSTER, false);
    if (code == 0)
        code = artifacts_read(o, &images, &err) < 0 ? report(&s, &err) : run_tests(&s, &images);
    session_close(&s);
    return code;
}

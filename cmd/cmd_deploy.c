#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"

int cmd_deploy(const struct options *o)
{
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv given = SKF_STRV_INIT;
    int code = session_open(&s, o, "deploy", NEEDS_CLUSTER, false);
    if (code == 0 && artifacts_read(o, &given, &err) < 0) {
        console_error(&s.console, &err);
        code = exit_code_of(SKF_STAGE_CONFIG, &err);
    }
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        options.deploys = options.plan.deploys = true;
        options.given = &given;
        code = session_run_engine(&s, &options);
    }
    session_close(&s);
    return code;
}

/* What a configuration would deploy gives way to files that are ready to be applied; how (flags,
 * namespace, deadline) stays. */
static void only_these(struct skf_config *config, const struct options *o)
{
    struct skf_module *m = &config->modules[0];
    config->n_modules = 1;
    m->has_kubectl = true;
    m->has_kustomize = false;
    m->render_helm = m->deploy_helm = NULL;
    m->n_artifacts = m->n_tests = m->n_port_forwards = 0;
    m->render_hooks = m->build_hooks = m->deploy_hooks = (struct skf_hooks){ 0 };
    const char **files = skf_arena_calloc(&config->arena, o->arguments.n, sizeof *files);
    for (size_t i = 0; i < o->arguments.n; i++)
        files[i] = o->arguments.v[i];
    m->dir = ".";
    m->raw_yaml = (struct skf_strings){ .v = files, .n = o->arguments.n };
}

int cmd_apply(const struct options *o)
{
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    int code = session_open(&s, o, "apply", NEEDS_CLUSTER, false);
    if (code == 0 && !o->arguments.n) {
        skf_err_set(&err, SKF_EUSAGE, "name the files to apply: skiff apply FILE...");
        console_error(&s.console, &err);
        code = EXIT_CODE_USAGE;
    }
    if (code == 0) {
        struct skf_engine_options options;
        only_these(&s.config, o);
        session_engine_options(&s, &options);
        options.deploys = options.plan.deploys = true;
        code = session_run_engine(&s, &options);
    }
    session_close(&s);
    return code;
}

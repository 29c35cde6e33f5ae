#include "cmd/commands.h"
#include "cmd/session.h"

int cmd_run(const struct options *o)
{
    struct session s;
    int code = session_open(&s, o, "run", NEEDS_CLUSTER, false);
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        options.deploys = options.plan.deploys = true;
        options.tests = !o->skip_tests;
        code = session_run_engine(&s, &options);
    }
    session_close(&s);
    return code;
}

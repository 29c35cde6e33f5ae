#include "cmd/commands.h"
#include "cmd/session.h"

int cmd_dev(const struct options *o)
{
    struct session s;
    int code = session_open(&s, o, "dev", NEEDS_CLUSTER, false);
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        options.dev = options.deploys = options.plan.deploys = true;
        code = session_run_engine(&s, &options);
        console_summary(&s.console, skf_engine_history(s.engine));
    }
    session_close(&s);
    return code;
}

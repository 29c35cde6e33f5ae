#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/keys.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"

enum { POLL_MS = 1000 };

/* --trigger, --watch-poll-interval, --auto-*: when a change is acted on. */
static int choose_trigger(const struct options *o, struct skf_engine_options *out,
                          struct skf_err *err)
{
    const char *how = o->trigger ? o->trigger : "notify";
    long long ms = POLL_MS;
    if (strcmp(how, "notify") != 0 && strcmp(how, "polling") != 0 && strcmp(how, "manual") != 0)
        return skf_err_set(err, SKF_EUSAGE, "--trigger takes notify, polling or manual, not '%s'",
                           how);
    if (o->poll_interval && !skf_num_parse(o->poll_interval, 10, 3600 * 1000, &ms))
        return skf_err_set(err, SKF_EUSAGE,
                           "--watch-poll-interval takes milliseconds (10 to 3600000), not '%s'",
                           o->poll_interval);
    bool manual = strcmp(how, "manual") == 0;
    out->poll_ms = strcmp(how, "polling") == 0 ? (unsigned)ms : 0;
    out->hold_builds = manual || !o->auto_build;
    out->hold_deploys = manual || !o->auto_deploy;
    out->watch_images = &o->watch_images;
    return 0;
}

/* The directory that the session is found by: where it was started, unless its file is elsewhere.
 */
static char *project_dir(const struct session *s)
{
    const char *file = s->options->file;
    skf_autofree char *path = skf_path_abs(s->cwd, file && strcmp(file, "-") != 0 ? file : ".");
    return skf_path_within(s->cwd, path) ? skf_xstrdup(s->cwd) : skf_path_dir(path);
}

static int run(const struct options *o, const char *command, bool debug)
{
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_engine_options options = { 0 };
    struct skf_keys keys;
    if (choose_trigger(o, &options, &err) < 0) {
        fprintf(stderr, "skiff: %s\n", err.msg);
        return EXIT_CODE_USAGE;
    }
    int code = session_open(&s, o, command, NEEDS_CLUSTER, false);
    if (code == 0) {
        skf_autofree char *project = project_dir(&s);
        session_engine_options(&s, &options);
        choose_trigger(o, &options, &err);
        options.debug = debug;
        options.dev = options.deploys = options.plan.deploys = true;
        options.tests = !o->skip_tests;
        options.control_dir = project;
        keys_open(&s, &keys);
        code = session_run_engine(&s, &options);
        skf_keys_stop(&keys);
        if (s.engine) /* else where images go could not be told */
            console_summary(&s.console, skf_engine_history(s.engine));
    }
    session_close(&s);
    return code;
}

int cmd_dev(const struct options *o)
{
    return run(o, "dev", false);
}

int cmd_debug(const struct options *o)
{
    return run(o, "debug", true);
}

#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/config/dotenv.h"

static int apply_verbosity(const struct options *o, struct skf_err *err)
{
    static const char *const quiet[] = { "panic", "fatal", "error", "warning", "warn", "info" };
    if (!o->verbosity)
        return 0;
    if (strcmp(o->verbosity, "debug") == 0 || strcmp(o->verbosity, "trace") == 0) {
        skf_log_set_debug(true);
        return 0;
    }
    for (size_t i = 0; i < SKF_ARRAY_LEN(quiet); i++)
        if (strcmp(o->verbosity, quiet[i]) == 0)
            return 0;
    return skf_err_set(err, SKF_EUSAGE, "--verbosity takes warning, info or debug, not '%s'",
                       o->verbosity);
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct options o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_dotenv_load("skaffold.env", &err) <
        0) { /* before all: it may hold SKAFFOLD_* options */
        char text[2048];
        skf_err_format(&err, text, sizeof text);
        fprintf(stderr, "warning: skaffold.env is not used: %s\n", text);
        skf_err_clear(&err);
    }
    if (options_parse(c->bit, c->name, argc, argv, &o, &err) < 0 || apply_verbosity(&o, &err) < 0) {
        fprintf(stderr, "skiff: %s\n", err.msg);
        options_release(&o);
        return EXIT_CODE_USAGE;
    }
    int code;
    if (o.help) {
        command_help(c, stdout);
        code = EXIT_CODE_OK;
    } else if (o.arguments.n && !c->arguments) {
        fprintf(stderr, "skiff: '%s' takes no argument '%s'\n", c->name, o.arguments.v[0]);
        code = EXIT_CODE_USAGE;
    } else {
        code = c->run(&o);
    }
    options_release(&o);
    return code;
}

/* A session stays for a day: one heap for all threads, and large buffers straight from the system,
 * go back when they are freed. By default each thread has a heap of its own, and what was large
 * once is kept. */
static void stay_small(void)
{
    enum { LARGE = 64 * 1024 };
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
    stay_small();
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        commands_overview(stderr);
        return EXIT_CODE_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *c = command_find(name);
    int code = c ? run_command(c, argc - 2, argv + 2) : command_unknown(name);
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        fprintf(stderr, "skiff: cannot write standard output\n");
        code = EXIT_CODE_FAILED;
    }
    return code;
}

#include "cmd/commands.h"

#include <string.h>

#include "cmd/exit.h"
#include "lib/base/mem.h"
#include "lib/base/suggest.h"

const struct command commands[] = {
    { "dev", CMD_DEV, "build and deploy on every change, until Ctrl-C",
      "Watches the sources, the manifests and skaffold.yaml. A save is built, delivered and "
      "applied; a\n"
      "newer save pre-empts what runs. A failed step never ends the session. Ctrl-C removes what "
      "this\n"
      "session created.",
      cmd_dev },
    { "debug", CMD_DEV, "dev with the programs under a debugger",
      "Go programs of the ko builder are built without optimisation and start in delve; its port "
      "is "
      "forwarded\n"
      "to 56268 here. Changes wait until they are asked for (key r), unless --auto-build and "
      "--auto-deploy.",
      cmd_debug },
    { "run", CMD_RUN, "build and deploy once",
      "Builds, deploys, waits until it is ready, and leaves it running.", cmd_run },
    { "deploy", CMD_DEPLOY, "deploy images that were built",
      "The images are named with --build-artifacts, --images or --tag. Builds nothing.",
      cmd_deploy },
    { "apply", CMD_APPLY, "apply manifests that are ready, and wait for them",
      "Nothing is rendered; the settings of deploy.kubectl count.", cmd_apply, "FILE..." },
    { "build", CMD_BUILD, "build the images",
      "Prints the result as JSON with -q or -o '{{json .}}'.", cmd_build },
    { "render", CMD_RENDER, "print the manifests as they would be applied",
      "Manifests go to standard output (or -o FILE), everything else to standard error.",
      cmd_render },
    { "delete", CMD_DELETE, "delete what run has deployed",
      "Deletes the objects of the manifests that this project has created. Builds nothing.",
      cmd_delete },
    { "diagnose", CMD_DIAGNOSE, "print the configuration that is in effect",
      "Newest version, profiles applied, defaults filled in, as YAML.", cmd_diagnose },
    { "init", CMD_INIT, "write a skaffold.yaml for what is in this directory",
      "Finds Dockerfiles, Go programs, Kubernetes manifests and kustomizations, and pairs the "
      "images "
      "in the\n"
      "manifests with what builds them. Asks on a terminal; --force asks nothing.",
      cmd_init },
    { "fix", CMD_FIX, "rewrite an old skaffold.yaml in the newest version",
      "Prints it, or writes it with -o FILE or --overwrite. Comments are lost.", cmd_fix },
    { "test", CMD_TEST, "run the custom tests of images that were built",
      "The images are named with --build-artifacts or --images.", cmd_test },
    { "exec", CMD_EXEC, "run a custom action: its containers, with Docker or as Jobs",
      "Images are those of --build-artifacts or --images where they name them.", cmd_exec,
      "ACTION" },
    { "verify", CMD_VERIFY, "run the containers of 'verify', with Docker or as Jobs",
      "All of them, one after the other; one that fails is the result.", cmd_verify },
    { "filter", CMD_FILTER, "put images into manifests that are read from standard input",
      "What helm calls as its post-renderer. Prints the manifests.", cmd_filter },
    { "schema", CMD_SCHEMA, "print the JSON schema of skaffold.yaml, for editors",
      "'schema list' names the versions that are read; 'schema get VERSION' is Skaffold's "
      "spelling.",
      cmd_schema, "[list | get VERSION]" },
    { "config", CMD_SETTINGS, "settings of all projects, and clusters that may be deployed to",
      "config set KEY VALUE        in ~/.skaffold/config, for the current context or --global\n"
      "config unset KEY\n"
      "config list [--all]\n"
      "config allow-context NAME   a cluster that is not local needs not be named any more\n"
      "config forget-context NAME",
      cmd_config, "VERB [ARGUMENTS]" },
    { "state", CMD_STATE, "where the running dev stands: builds, deployment, app",
      "Asks the 'skiff dev' of this directory, or of the nearest one above it.", cmd_state },
    { "wait", CMD_WAIT, "wait until the running dev is ready, or has failed",
      "A save of a moment ago counts, and a dev that is being started. Exit status: 0 when what "
      "was\n"
      "waited for has come; with --for=ready the code of the step that failed (3 config, 4 build,\n"
      "6 deploy, 7 status), and 1 when the time is up, the session ends, or changes wait for a\n"
      "trigger.",
      cmd_wait },
    { "trigger", CMD_TRIGGER, "have the running dev build and deploy now",
      "What waits is built and deployed; when nothing does, all images are built again.",
      cmd_trigger },
    { "events", CMD_EVENTS, "what the running dev does, as lines of JSON",
      "The last 256 events, then each as it comes, until the session or this command ends.",
      cmd_events },
    { "logs", CMD_LOGS, "what the containers of this project have said",
      "Finds the workloads by the project's label in the cluster, so that no dev need run; names "
      "narrow\nthem down. Without --follow: what there is now, in the order of time.",
      cmd_logs, "[NAME...]" },
    { "why", CMD_WHY, "which image a file belongs to, by which rule, or why it is ignored",
      "Asks the running dev, else reads the configuration itself.", cmd_why, "PATH" },
    { "doctor", CMD_DOCTOR, "is all in place here, and what to do where it is not",
      "Looks at limits, folders, tools, the cluster and registries. Builds and changes nothing. "
      "Exit status\n1 when something is wrong.",
      cmd_doctor },
    { "version", CMD_VERSION, "print the version", NULL, cmd_version },
    { "help", CMD_HELP, "explain a command: skiff help COMMAND", NULL, cmd_help, "[COMMAND]" },
};
const size_t commands_count = SKF_ARRAY_LEN(commands);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

void commands_overview(FILE *to)
{
    fprintf(to, "skiff: a fast dev loop for Kubernetes that reads your skaffold.yaml\n\n"
                "  skiff dev         build, deploy and watch the project in this folder\n"
                "  skiff run --tail  once, and follow its logs\n\n"
                "Usage: skiff COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < commands_count; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\n'skiff help COMMAND' lists the options of a command.\n");
}

void command_help(const struct command *c, FILE *to)
{
    fprintf(to, "skiff %s: %s\n", c->name, c->summary);
    if (c->text)
        fprintf(to, "\n%s\n", c->text);
    fprintf(to, "\nUsage: skiff %s%s%s [OPTIONS]\n", c->name, c->arguments ? " " : "",
            c->arguments ? c->arguments : "");
    options_help(c->bit, to);
}

int command_unknown(const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (size_t i = 0; i < commands_count && n < SKF_ARRAY_LEN(names); i++)
        names[n++] = commands[i].name;
    const char *near = skf_suggest(name, names, n);
    if (near)
        fprintf(stderr, "skiff: unknown command '%s': did you mean '%s'?\n", name, near);
    else
        fprintf(stderr, "skiff: unknown command '%s': see 'skiff help'\n", name);
    return EXIT_CODE_USAGE;
}

int cmd_version(const struct options *o)
{
    (void)o;
    printf("skiff %s\n", SKIFF_VERSION);
    return EXIT_CODE_OK;
}

int cmd_help(const struct options *o)
{
    if (!o->arguments.n) {
        commands_overview(stdout);
        return EXIT_CODE_OK;
    }
    const char *name = o->arguments.v[0];
    const struct command *c = command_find(name);
    if (!c)
        return command_unknown(name);
    command_help(c, stdout);
    return EXIT_CODE_OK;
}

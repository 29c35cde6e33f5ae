/* cmd/options.h: the command line as one table. Parsing, environment forms, help and errors come
 * from it. Names are Skaffold's. */
#ifndef SKF_CMD_OPTIONS_H
#define SKF_CMD_OPTIONS_H
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/field.h"

/* Which commands know an option: bits. */
enum {
    CMD_DEV = 1 << 0,
    CMD_RUN = 1 << 1,
    CMD_BUILD = 1 << 2,
    CMD_RENDER = 1 << 3,
    CMD_DELETE = 1 << 4,
    CMD_VERSION = 1 << 5,
    CMD_HELP = 1 << 6,
    CMD_DIAGNOSE = 1 << 7,
    CMD_FIX = 1 << 8,
    CMD_SCHEMA = 1 << 9,
    CMD_FILTER = 1 << 10,
    CMD_TEST = 1 << 11,
    CMD_DEPLOY = 1 << 12,
    CMD_APPLY = 1 << 13,
    CMD_EXEC = 1 << 14,
    CMD_VERIFY = 1 << 15,
    CMD_EVENTS = 1 << 16,
    CMD_STATE = 1 << 17,
    CMD_TRIGGER = 1 << 18,
    CMD_WAIT = 1 << 19,
    CMD_WHY = 1 << 20,
    CMD_DOCTOR = 1 << 26,
    CMD_LOGS = 1 << 23,
    CMD_SETTINGS = 1 << 24, /* config */
    CMD_INIT = 1 << 25,
    CMD_PIPELINE = CMD_DEV | CMD_RUN | CMD_BUILD | CMD_RENDER | CMD_DELETE | CMD_DEPLOY | CMD_APPLY,
    /* Read the whole configuration. */
    CMD_CONFIG = CMD_PIPELINE | CMD_TEST | CMD_EXEC | CMD_VERIFY | CMD_DIAGNOSE | CMD_WHY |
                 CMD_DOCTOR | CMD_LOGS,
    /* Are given images. */
    CMD_GIVEN = CMD_FILTER | CMD_TEST | CMD_EXEC | CMD_VERIFY | CMD_DEPLOY | CMD_RENDER,
    /* Speak with a running dev. */
    CMD_CONTROL = CMD_EVENTS | CMD_STATE | CMD_TRIGGER | CMD_WAIT,
    CMD_ALL = CMD_CONFIG | CMD_CONTROL | CMD_FIX | CMD_FILTER | CMD_SCHEMA | CMD_SETTINGS |
              CMD_INIT | CMD_VERSION | CMD_HELP,
};

struct options {
    const char *file, *kube_context, *kubeconfig, *namespace_, *default_repo, *tag;
    const char *output, *file_output, *verbosity, *digest_source, *color, *global_config;
    const char *compression, *sbom;
    const char *remote_cache_dir, *sync_remote_cache, *format, *version;
    const char *build_artifacts, *docker_network, *env_file;
    const char *wait_for, *timeout, *session, *trigger, *poll_interval, *build_concurrency;
    struct skf_strv profiles, modules, platforms, build_images, insecure, port_forward;
    struct skf_strv watch_images, images, artifacts, kubernetes_manifests;
    bool profile_auto_activation, propagate_profiles, tail, cleanup, skip_tests, force, quiet,
        dry_run, offline, timestamps, help, yaml_only, overwrite, skip_build, analyze,
        enable_templating, global, all, json, auto_build, auto_deploy, cache_artifacts, no_prune;
    bool wait_for_deletions;
    unsigned wait_for_deletions_max_ms, wait_for_deletions_delay_ms;
    enum skf_tristate push, status_check;
    enum skf_tristate tolerate_failures;
    const char *since, *grep; /* logs */
    bool follow;
    struct skf_strv arguments; /* what is no option */
    struct skf_strv owned;     /* texts that the pointers above point into */
};

/* Defaults for a command, then SKAFFOLD_* of the environment, then the arguments. Errors are usage
 * errors with a suggestion. */
int options_parse(unsigned command, const char *command_name, int argc, char *const *argv,
                  struct options *out, struct skf_err *err);
void options_release(struct options *o);
/* The options of a command, one a line. */
void options_help(unsigned command, FILE *to);
#endif

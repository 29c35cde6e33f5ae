#include "cmd/options.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"

enum kind {
    KIND_TEXT,     /* const char * */
    KIND_LIST,     /* struct skf_strv; repeatable, comma separated */
    KIND_EACH,     /* struct skf_strv; repeatable, each as it is */
    KIND_BOOL,     /* bool */
    KIND_TRISTATE, /* enum skf_tristate */
    KIND_DURATION, /* unsigned, in ms; "90s", "2m" */
    KIND_MODES,    /* a list whose value may be left out: --port-forward */
    KIND_AGREED, /* Skaffold's switch for what skiff does, or never does, anyway: help says which */
    KIND_REFUSED, /* Skaffold has it, skiff has not: help says why */
};

struct option {
    const char *name;
    char letter;
    enum kind kind;
    unsigned commands;
    size_t offset;
    const char *value; /* what the value is called in help */
    const char *help;
};

#define AT(member) offsetof(struct options, member)
#define IMAGES (CMD_DEV | CMD_RUN | CMD_BUILD | CMD_RENDER)
#define DEPLOYS (CMD_DEV | CMD_RUN | CMD_DEPLOY | CMD_APPLY)

static const struct option table[] = {
    { "filename", 'f', KIND_TEXT, CMD_INIT, AT(file), "FILE", "write there (skaffold.yaml)" },
    { "artifact", 'a', KIND_EACH, CMD_INIT, AT(artifacts), "PATH=IMAGE",
      "what builds an image: a Dockerfile, or the directory of a Go program; also as JSON" },
    { "kubernetes-manifest", 'k', KIND_EACH, CMD_INIT, AT(kubernetes_manifests), "FILE",
      "a manifest or glob, instead of those that are found" },
    { "skip-build", 0, KIND_BOOL, CMD_INIT, AT(skip_build), NULL, "only what to deploy" },
    { "analyze", 0, KIND_BOOL, CMD_INIT, AT(analyze), NULL,
      "print what is found as JSON, and write nothing" },
    { "force", 0, KIND_BOOL, CMD_INIT, AT(force), NULL,
      "ask nothing, and replace a file that is there" },
    { "format", 0, KIND_TEXT, CMD_CONFIG | CMD_FIX, AT(format), "FORMAT",
      "findings in the configuration as text or json (text)" },
    { "filename", 'f', KIND_TEXT, CMD_CONFIG | CMD_FIX, AT(file), "FILE",
      "the configuration; '-' reads standard input (skaffold.yaml)" },
    { "profile", 'p', KIND_LIST, CMD_CONFIG, AT(profiles), "NAME",
      "activate profiles; '-NAME' switches one off" },
    { "profile-auto-activation", 0, KIND_BOOL, CMD_CONFIG, AT(profile_auto_activation), NULL,
      "activate profiles by environment, context and command (true)" },
    { "propagate-profiles", 0, KIND_BOOL, CMD_CONFIG, AT(propagate_profiles), NULL,
      "-p reaches required configurations too (true)" },
    { "remote-cache-dir", 0, KIND_TEXT, CMD_CONFIG, AT(remote_cache_dir), "DIR",
      "where repositories of 'requires.git' are cloned (~/.skaffold/remote-cache)" },
    { "sync-remote-cache", 0, KIND_TEXT, CMD_CONFIG, AT(sync_remote_cache), "WHEN",
      "bring these clones up to date: always, missing, never (always)" },
    { "module", 'm', KIND_LIST, CMD_CONFIG, AT(modules), "NAME", "only these modules" },
    { "namespace", 'n', KIND_TEXT, CMD_PIPELINE | CMD_LOGS, AT(namespace_), "NAME",
      "namespace for objects that name none" },
    { "kube-context", 0, KIND_TEXT, CMD_CONFIG, AT(kube_context), "NAME",
      "the context to use, not the current one" },
    { "kube-context", 'k', KIND_TEXT, CMD_SETTINGS, AT(kube_context), "NAME",
      "the values of this context, not of the current one" },
    { "kubeconfig", 0, KIND_TEXT, CMD_CONFIG | CMD_SETTINGS, AT(kubeconfig), "FILE",
      "the kubeconfig to use" },
    { "config", 'c', KIND_TEXT, CMD_CONFIG | CMD_SETTINGS, AT(global_config), "FILE",
      "the settings of all projects (~/.skaffold/config)" },
    { "global", 'g', KIND_BOOL, CMD_SETTINGS, AT(global), NULL, "the values for all contexts" },
    { "all", 'a', KIND_BOOL, CMD_SETTINGS, AT(all), NULL, "list the values of all contexts" },
    { "default-repo", 'd', KIND_TEXT, CMD_PIPELINE | CMD_DOCTOR, AT(default_repo), "REPO",
      "where images are pushed; '' switches a found one off" },
    { "insecure-registry", 0, KIND_LIST, IMAGES | CMD_DOCTOR, AT(insecure), "HOST",
      "registries reached by plain http or with unverified TLS" },
    { "platform", 0, KIND_LIST, IMAGES, AT(platforms), "OS/ARCH", "build for these platforms" },
    { "tag", 't', KIND_TEXT, IMAGES | CMD_DEPLOY, AT(tag), "TAG", "this tag for every image" },
    { "build-image", 'b', KIND_LIST, CMD_BUILD | CMD_RUN, AT(build_images), "TEXT",
      "only images whose name contains the text" },
    { "build-artifacts", 'a', KIND_TEXT, CMD_GIVEN, AT(build_artifacts), "FILE",
      "images that were built: what 'build --file-output' wrote; '-' reads standard input" },
    { "images", 'i', KIND_LIST, CMD_GIVEN, AT(images), "NAME=TAG", "images that were built" },
    { "push", 0, KIND_TRISTATE, IMAGES | CMD_DOCTOR, AT(push), NULL,
      "push images, or do not (--push=false)" },
    { "compression", 0, KIND_TEXT, IMAGES, AT(compression), "HOW",
      "of layers: gzip, zstd, none (none on this machine, else gzip)" },
    { "sbom", 0, KIND_TEXT, CMD_RUN | CMD_BUILD, AT(sbom), "KIND",
      "push a bill of materials beside each ko image: spdx, none (spdx)" },
    { "tail", 0, KIND_BOOL, DEPLOYS, AT(tail), NULL,
      "follow the logs of what is deployed (dev: true)" },
    { "port-forward", 0, KIND_MODES, DEPLOYS, AT(port_forward), "MODES",
      "user, services, pods, off (dev: user; without a value: user,services)" },
    { "wait-for-deletions", 0, KIND_BOOL, DEPLOYS, AT(wait_for_deletions), NULL,
      "wait for objects that are being deleted, before they are applied anew (true)" },
    { "wait-for-deletions-max", 0, KIND_DURATION, DEPLOYS, AT(wait_for_deletions_max_ms), "TIME",
      "... so long (60s)" },
    { "wait-for-deletions-delay", 0, KIND_DURATION, DEPLOYS, AT(wait_for_deletions_delay_ms),
      "TIME", "accepted as Skaffold's; skiff looks four times a second" },
    { "status-check", 0, KIND_TRISTATE, DEPLOYS, AT(status_check), NULL,
      "wait until what was deployed is ready (true)" },
    { "tolerate-failures-until-deadline", 0, KIND_TRISTATE, DEPLOYS, AT(tolerate_failures), NULL,
      "what has failed may come right until the deadline (false)" },
    { "cleanup", 0, KIND_BOOL, CMD_DEV, AT(cleanup), NULL,
      "at the end remove what this session created (true)" },
    { "docker-network", 0, KIND_TEXT, CMD_EXEC | CMD_VERIFY, AT(docker_network), "NAME",
      "the network of the containers" },
    { "env-file", 0, KIND_TEXT, CMD_EXEC | CMD_VERIFY, AT(env_file), "FILE",
      "variables of the containers, one NAME=VALUE a line" },
    { "skip-tests", 0, KIND_BOOL, CMD_DEV | CMD_RUN | CMD_BUILD, AT(skip_tests), NULL,
      "deploy without testing (build never tests)" },
    { "force", 0, KIND_BOOL, DEPLOYS, AT(force), NULL,
      "replace objects that cannot be changed in place (deletes and creates them)" },
    { "cache-artifacts", 0, KIND_BOOL, CMD_DEV | CMD_RUN | CMD_BUILD | CMD_RENDER,
      AT(cache_artifacts), NULL,
      "leave out builds of contents that were built before, when the image is still there (true)" },
    { "no-prune", 0, KIND_BOOL, CMD_DEV, AT(no_prune), NULL,
      "keep older images of this session on the node (all but the last few are removed)" },
    { "build-concurrency", 0, KIND_TEXT, CMD_DEV | CMD_RUN | CMD_BUILD, AT(build_concurrency), "N",
      "so many builds at once; 0: all (build.local.concurrency, else 1)" },
    { "trigger", 0, KIND_TEXT, CMD_DEV, AT(trigger), "HOW",
      "notify: a change starts a loop; polling: the same by looking again and again; manual: "
      "only the r key or 'skiff trigger' does (notify)" },
    { "watch-poll-interval", 'i', KIND_TEXT, CMD_DEV, AT(poll_interval), "MS",
      "how often --trigger=polling looks (1000)" },
    { "watch-image", 'w', KIND_LIST, CMD_DEV, AT(watch_images), "TEXT",
      "watch the sources of images whose name contains the text only" },
    { "auto-build", 0, KIND_BOOL, CMD_DEV, AT(auto_build), NULL,
      "build on a change, not on a trigger (true)" },
    { "auto-deploy", 0, KIND_BOOL, CMD_DEV, AT(auto_deploy), NULL,
      "deploy on a change, not on a trigger (true)" },
    { "for", 0, KIND_TEXT, CMD_WAIT, AT(wait_for), "WHAT", "ready or error (ready)" },
    { "timeout", 0, KIND_TEXT, CMD_WAIT, AT(timeout), "DURATION",
      "give up after this time, as 90s or 2m (no limit)" },
    { "json", 0, KIND_BOOL, CMD_STATE | CMD_WAIT | CMD_WHY | CMD_LOGS, AT(json), NULL,
      "the answer as JSON" },
    { "since", 0, KIND_TEXT, CMD_LOGS, AT(since), "DURATION",
      "only what was said within this time, as 90s or 10m (all)" },
    { "grep", 0, KIND_TEXT, CMD_LOGS, AT(grep), "REGEX",
      "only lines that match this extended regular expression" },
    { "follow", 0, KIND_BOOL, CMD_LOGS, AT(follow), NULL, "go on as lines come, until Ctrl-C" },
    { "session", 0, KIND_TEXT, CMD_CONTROL, AT(session), "PID",
      "which dev, where several run in one directory" },
    { "quiet", 'q', KIND_BOOL, CMD_BUILD, AT(quiet), NULL, "print nothing but the result" },
    { "output", 'o', KIND_TEXT, CMD_BUILD, AT(output), "TEMPLATE",
      "print the result ('{{json .}}'), or write type=oci,dest=DIR | type=docker,dest=FILE" },
    { "output", 'o', KIND_TEXT, CMD_RENDER | CMD_FIX | CMD_DIAGNOSE, AT(output), "FILE",
      "write there, not to standard output" },
    { "yaml-only", 0, KIND_BOOL, CMD_DIAGNOSE, AT(yaml_only), NULL,
      "only the effective configuration" },
    { "enable-templating", 0, KIND_BOOL, CMD_DIAGNOSE, AT(enable_templating), NULL,
      "fill templates in from the environment" },
    { "version", 0, KIND_TEXT, CMD_FIX, AT(version), "VERSION",
      "the version to bring the file to (the newest)" },
    { "overwrite", 0, KIND_BOOL, CMD_FIX, AT(overwrite), NULL,
      "write into the file itself; the old text is kept in FILE.v2" },
    { "file-output", 0, KIND_TEXT, CMD_BUILD, AT(file_output), "FILE",
      "write the result there too" },
    { "dry-run", 0, KIND_BOOL, CMD_BUILD | CMD_DELETE, AT(dry_run), NULL,
      "only say what would be done" },
    { "digest-source", 0, KIND_TEXT, CMD_RENDER, AT(digest_source), "SOURCE",
      "local: build; tag: name:tag; remote: ask the registry; none: leave images" },
    { "offline", 0, KIND_BOOL, CMD_RENDER, AT(offline), NULL, "do not contact a cluster" },
    { "verbosity", 'v', KIND_TEXT, CMD_ALL, AT(verbosity), "LEVEL",
      "warning, info or debug (warning)" },
    { "color", 0, KIND_TEXT, CMD_ALL, AT(color), "WHEN", "auto, always or never (auto)" },
    { "timestamps", 0, KIND_BOOL, CMD_PIPELINE, AT(timestamps), NULL, "the time before each line" },
    { "help", 'h', KIND_BOOL, CMD_ALL, AT(help), NULL, "this text" },
    { "rpc-port", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL, "skiff has no gRPC control API" },
    { "rpc-http-port", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL,
      "skiff has no HTTP control API yet" },
    { "cache-file", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL,
      "skiff keeps its cache in its own folder ($XDG_CACHE_HOME/skiff)" },
    { "interactive", 0, KIND_AGREED, CMD_ALL, 0, NULL, "asks only on a terminal" },
    { "assume-yes", 0, KIND_AGREED, CMD_PIPELINE, 0, NULL, "asks nothing that it could assume" },
    { "update-check", 0, KIND_AGREED, CMD_ALL, 0, NULL, "never looks for updates" },
    { "detect-minikube", 0, KIND_AGREED, CMD_PIPELINE, 0, NULL, "knows minikube by its context" },
    { "no-prune", 0, KIND_AGREED, CMD_PIPELINE, 0, NULL, "never removes images" },
    { "no-prune-children", 0, KIND_AGREED, CMD_PIPELINE, 0, NULL, "never removes images" },
    { "iterative-status-check", 0, KIND_AGREED, CMD_PIPELINE, 0, NULL, "waits once, for all" },
    { "keep-running-on-failure", 0, KIND_AGREED, CMD_DEV, 0, NULL, "always keeps running" },
    { "label", 'l', KIND_REFUSED, CMD_PIPELINE, 0, NULL,
      "write the label in the manifests, or with kustomize" },
    { "mute-logs", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL, "skiff has no phases to mute" },
    { "toot", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL, "skiff rings no bell: see 'skiff wait'" },
    { "event-log-file", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL, "see 'skiff events'" },
    { "force-colors", 0, KIND_REFUSED, CMD_ALL, 0, NULL, "use --color=always" },
    { "render-only", 0, KIND_REFUSED, CMD_DEV | CMD_RUN, 0, NULL, "use 'skiff render'" },
    { "set", 0, KIND_REFUSED, CMD_RENDER | CMD_DELETE, 0, NULL,
      "skiff has no setters of kpt: use kustomize or a chart" },
    { "set-value-file", 0, KIND_REFUSED, CMD_RENDER | CMD_DELETE, 0, NULL,
      "skiff has no setters of kpt: use kustomize or a chart" },
    { "resource-selector-rules-file", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL,
      "write the rules into 'resourceSelector' of skaffold.yaml" },
    { "status-check-selectors", 0, KIND_REFUSED, CMD_PIPELINE, 0, NULL,
      "skiff waits for all well-known workloads" },
    { "auto-sync", 0, KIND_REFUSED, CMD_DEV, 0, NULL,
      "skiff always syncs what the rules of an artifact take" },
};

static void *member(struct options *o, const struct option *opt)
{
    return (char *)o + opt->offset;
}

static const char *keep(struct options *o, const char *text)
{
    skf_strv_add(&o->owned, text);
    return o->owned.v[o->owned.n - 1];
}

static int check_modes(const char *shown, const struct skf_strv *list, struct skf_err *err)
{
    static const char *const known[] = { "user", "services", "pods", "debug", "off" };
    for (size_t i = 0; i < list->n; i++) {
        size_t k = 0;
        while (k < SKF_ARRAY_LEN(known) && strcmp(known[k], list->v[i]) != 0)
            k++;
        if (k == SKF_ARRAY_LEN(known))
            return skf_err_set(err, SKF_EUSAGE,
                               "%s takes user, services, pods, debug or off, not '%s'", shown,
                               list->v[i]);
    }
    if (list->n > 1 && skf_strv_has(list, "off"))
        return skf_err_set(err, SKF_EUSAGE, "%s: off must stand alone", shown);
    return 0;
}

static int set(struct options *o, const struct option *opt, const char *shown, const char *value,
               struct skf_err *err)
{
    bool yes = true;
    switch (opt->kind) {
    case KIND_TEXT:
        *(const char **)member(o, opt) = keep(o, value);
        return 0;
    case KIND_DURATION: {
        long long ms;
        if (!skf_num_parse_duration_ms(value, &ms) || ms < 0 || ms > UINT_MAX)
            return skf_err_set(err, SKF_EUSAGE, "%s takes a duration as 90s or 2m, not '%s'", shown,
                               value);
        *(unsigned *)member(o, opt) = (unsigned)ms;
        return 0;
    }
    case KIND_LIST:
        skf_strv_split(member(o, opt), value, ",");
        return 0;
    case KIND_EACH:
        skf_strv_add(member(o, opt), value);
        return 0;
    case KIND_MODES: {
        struct skf_strv *list = member(o, opt);
        skf_strv_clear(list);
        if (value && skf_num_parse_bool(value, &yes))
            value = yes ? NULL : "off";
        skf_strv_split(list, value ? value : "user,services", ",");
        return check_modes(shown, list, err);
    }
    case KIND_AGREED:
    case KIND_BOOL:
    case KIND_TRISTATE:
        if (value && !skf_num_parse_bool(value, &yes))
            return skf_err_set(err, SKF_EUSAGE, "%s takes true or false, not '%s'", shown, value);
        if (opt->kind == KIND_BOOL)
            *(bool *)member(o, opt) = yes;
        else if (opt->kind == KIND_TRISTATE)
            *(enum skf_tristate *)member(o, opt) = yes ? SKF_YES : SKF_NO;
        return 0;
    case KIND_REFUSED:
        break;
    }
    return skf_err_set(err, SKF_EUSAGE, "%s is not supported: %s", shown, opt->help);
}

static bool takes_value(const struct option *opt)
{
    return opt->kind == KIND_TEXT || opt->kind == KIND_DURATION || opt->kind == KIND_LIST ||
           opt->kind == KIND_EACH;
}

static const struct option *find(unsigned command, const char *name, size_t len)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++)
        if ((table[i].commands & command) && strlen(table[i].name) == len &&
            strncmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static const struct option *find_letter(unsigned command, char letter)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++)
        if ((table[i].commands & command) && table[i].letter && table[i].letter == letter)
            return &table[i];
    return NULL;
}

static int unknown(unsigned command, const char *command_name, const char *name, size_t len,
                   struct skf_err *err)
{
    const char *names[SKF_ARRAY_LEN(table)];
    size_t n = 0;
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++)
        if ((table[i].commands & command) && table[i].kind < KIND_AGREED)
            names[n++] = table[i].name;
    skf_autofree char *typed = skf_xstrndup(name, len);
    const char *near = skf_suggest(typed, names, n);
    if (near)
        return skf_err_set(err, SKF_EUSAGE, "unknown option '--%s' for '%s': did you mean '--%s'?",
                           typed, command_name, near);
    return skf_err_set(err, SKF_EUSAGE, "unknown option '--%s' for '%s': see 'skiff help %s'",
                       typed, command_name, command_name);
}

/* --- environment ------------------------------------------------------------------------------ */

static int from_environment(unsigned command, struct options *o, struct skf_err *err)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++) {
        const struct option *opt = &table[i];
        if (!(opt->commands & command) || opt->kind == KIND_REFUSED ||
            strcmp(opt->name, "help") == 0)
            continue;
        skf_autofree char *variable = skf_xasprintf("SKAFFOLD_%s", opt->name);
        for (char *p = variable; *p; p++)
            *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
        const char *value = getenv(variable);
        if (value && set(o, opt, variable, value, err) < 0)
            return -SKF_EUSAGE;
    }
    return 0;
}

/* An argument beats the variable; lists do not add up. */
static void clear_list(struct options *o, const struct option *opt, struct skf_strv *seen)
{
    if (opt->kind != KIND_LIST || skf_strv_has(seen, opt->name))
        return;
    skf_strv_add(seen, opt->name);
    skf_strv_clear(member(o, opt));
}

/* --- arguments -------------------------------------------------------------------------------- */

struct reader {
    unsigned command;
    const char *command_name;
    int argc;
    char *const *argv;
    int at;
    struct skf_strv seen;
};

static int read_long(struct reader *r, struct options *o, struct skf_err *err)
{
    const char *arg = r->argv[r->at] + 2;
    size_t len = strcspn(arg, "=");
    const char *value = arg[len] ? arg + len + 1 : NULL;
    const struct option *opt = find(r->command, arg, len);
    if (!opt)
        return unknown(r->command, r->command_name, arg, len, err);
    skf_autofree char *shown = skf_xasprintf("--%s", opt->name);
    if (takes_value(opt) && !value) {
        if (r->at + 1 >= r->argc)
            return skf_err_set(err, SKF_EUSAGE, "%s needs a value", shown);
        value = r->argv[++r->at];
    }
    clear_list(o, opt, &r->seen);
    return set(o, opt, shown, value, err);
}

/* -fFILE, -f FILE, -qf FILE */
static int read_short(struct reader *r, struct options *o, struct skf_err *err)
{
    for (const char *p = r->argv[r->at] + 1; *p; p++) {
        const struct option *opt = find_letter(r->command, *p);
        if (!opt)
            return skf_err_set(err, SKF_EUSAGE,
                               "unknown option '-%c' for '%s': see 'skiff help %s'", *p,
                               r->command_name, r->command_name);
        char shown[] = { '-', *p, '\0' };
        clear_list(o, opt, &r->seen);
        if (!takes_value(opt)) {
            if (set(o, opt, shown, NULL, err) < 0)
                return -SKF_EUSAGE;
            continue;
        }
        const char *value = p[1] ? p + 1 + (p[1] == '=') : NULL;
        if (!value) {
            if (r->at + 1 >= r->argc)
                return skf_err_set(err, SKF_EUSAGE, "%s needs a value", shown);
            value = r->argv[++r->at];
        }
        return set(o, opt, shown, value, err);
    }
    return 0;
}

static int read_arguments(struct reader *r, struct options *o, struct skf_err *err)
{
    bool only_arguments = false;
    for (r->at = 0; r->at < r->argc; r->at++) {
        const char *arg = r->argv[r->at];
        int rc = 0;
        if (only_arguments || arg[0] != '-' || !arg[1])
            skf_strv_add(&o->arguments, arg);
        else if (strcmp(arg, "--") == 0)
            only_arguments = true;
        else
            rc = arg[1] == '-' ? read_long(r, o, err) : read_short(r, o, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int options_parse(unsigned command, const char *command_name, int argc, char *const *argv,
                  struct options *out, struct skf_err *err)
{
    struct options o = { .profile_auto_activation = true,
                         .propagate_profiles = true,
                         .cleanup = true,
                         .wait_for_deletions = true,
                         .wait_for_deletions_max_ms = 60 * 1000,
                         .cache_artifacts = true,
                         .auto_build = true,
                         .auto_deploy = true,
                         .tail = command == CMD_DEV };
    if (command == CMD_DEV)
        skf_strv_add(&o.port_forward, "user");
    if (strcmp(command_name, "debug") == 0) {
        o.auto_build = o.auto_deploy = false;
        skf_strv_add(&o.port_forward, "debug");
    }
    struct reader r = {
        .command = command, .command_name = command_name, .argc = argc, .argv = argv
    };
    int rc = from_environment(command, &o, err);
    if (rc == 0)
        rc = read_arguments(&r, &o, err);
    skf_strv_release(&r.seen);
    if (rc < 0) {
        options_release(&o);
        return rc;
    }
    *out = o;
    return 0;
}

void options_release(struct options *o)
{
    struct skf_strv *lists[] = { &o->profiles,     &o->modules,
                                 &o->platforms,    &o->build_images,
                                 &o->insecure,     &o->port_forward,
                                 &o->watch_images, &o->images,
                                 &o->artifacts,    &o->kubernetes_manifests,
                                 &o->arguments,    &o->owned };
    for (size_t i = 0; i < SKF_ARRAY_LEN(lists); i++)
        skf_strv_release(lists[i]);
}

enum { HELP_COLUMN = 29 };

void options_help(unsigned command, FILE *to)
{
    fprintf(to, "\nOptions:\n");
    for (size_t i = 0; i < SKF_ARRAY_LEN(table); i++) {
        const struct option *opt = &table[i];
        if (!(opt->commands & command) || opt->kind >= KIND_AGREED)
            continue;
        char name[64];
        int len = snprintf(name, sizeof name, "--%s", opt->name);
        size_t left = sizeof name - (size_t)len;
        if (opt->kind == KIND_MODES)
            snprintf(name + len, left, "[=%s]", opt->value);
        else if (opt->value)
            snprintf(name + len, left, " %s", opt->value);
        if (opt->letter)
            fprintf(to, "  -%c, ", opt->letter);
        else
            fprintf(to, "      ");
        if (strlen(name) > HELP_COLUMN) /* the explanation on a line of its own */
            fprintf(to, "%s\n      %-*s %s\n", name, HELP_COLUMN, "", opt->help);
        else
            fprintf(to, "%-*s %s\n", HELP_COLUMN, name, opt->help);
    }
    fprintf(
        to,
        "\nEach option has a form in the environment: SKAFFOLD_DEFAULT_REPO for --default-repo.\n");
}

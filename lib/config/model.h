/* lib/config/model.h: what a skaffold.yaml asks for, after upgrade, profiles and defaults. All
 * pointers live in the config's arena and end with skf_config_release. */
#ifndef SKF_CONFIG_MODEL_H
#define SKF_CONFIG_MODEL_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/config/field.h"

struct skf_doc;

/* What a builder or deployer brings to the schema: its yaml key and its option table. Given to the
 * loader by cmd/, so that lib/ does not know the plugins. */
struct skf_section {
    const char *name;               /* the yaml key under an artifact ("ko") or under deploy */
    const struct skf_field *fields; /* NULL: taken as it is */
    size_t size;                    /* of the options struct */
    const char *instead;            /* known to Skaffold, refused by name: what to use instead */
    bool lenient;                   /* unknown keys are dropped, with a warning */
};

/* A command around a phase: on this machine, or in running containers. */
struct skf_hook {
    struct skf_strings command;
    struct skf_strings os; /* only on these; empty = everywhere */
    const char *dir;
    bool with_change; /* after rendering: what it prints takes the place of the manifests */
    bool in_container;
    const char *pod_name, *container_name; /* globs; NULL = any */
};
struct skf_hooks {
    struct skf_hook *before, *after;
    size_t n_before, n_after;
};

struct skf_artifact_requires {
    const char *image, *alias;
};

/* What changes go into running containers, instead of a new image. */
struct skf_sync_rule {
    const char *src;   /* doublestar glob, relative to the context */
    const char *dest;  /* in the container; relative: to its working directory */
    const char *strip; /* leading part of the path that is left away, or NULL */
};
struct skf_sync {
    struct skf_list manual;   /* struct skf_sync_rule */
    struct skf_strings infer; /* globs; the builder knows where such a file is in the image */
    bool auto_;               /* all that the builder knows */
    struct skf_hooks hooks;
};

struct skf_artifact {
    const char *image;
    const char *context; /* as written, default "." */
    const char *builder; /* name of the section: "ko", "docker", "custom" */
    void *options;       /* the section's struct, parsed by its table, in the arena */
    struct skf_strings platforms;
    struct skf_list requires; /* struct skf_artifact_requires */
    struct skf_hooks hooks;
    const struct skf_sync *sync; /* NULL: every change is a new image */
    const struct skf_node *at;   /* the artifact in the file, for errors */
};

enum skf_tag_policy {
    SKF_TAG_GIT_COMMIT,
    SKF_TAG_SHA256,
    SKF_TAG_DATE_TIME,
    SKF_TAG_ENV_TEMPLATE,
    SKF_TAG_INPUT_DIGEST,
    SKF_TAG_CUSTOM_TEMPLATE,
};
struct skf_tag_component;
struct skf_tagger {
    enum skf_tag_policy policy;
    const char *git_variant, *git_prefix;
    bool git_ignore_changes;
    const char *date_format, *date_timezone;
    const char *template_text; /* envTemplate, customTemplate */
    struct skf_tag_component *components;
    size_t n_components;
};
struct skf_tag_component {
    const char *name;
    struct skf_tagger tagger;
};

struct skf_port_forward {
    const char *resource_type, *resource_name, *namespace_, *port, *address;
    int local_port; /* 0 = choose */
    const struct skf_node *at;
};

/* An object that is read from a cluster, to be changed and applied like a file's. */
struct skf_remote_manifest {
    const char *namespace_, *object; /* NULL: the default one; "deployment/web" */
    const char *kube_context;        /* NULL: the session's */
};

struct skf_kubectl_flags {
    struct skf_strings global, apply, delete_;
    bool disable_validation;
};

/* One chart of manifests.helm or deploy.helm. Templates are not expanded yet. */
struct skf_helm_packaged {
    const char *version, *app_version;
};
struct skf_helm_release {
    const char *name, *namespace_, *version, *repo;
    const char *chart_path, *remote_chart; /* one of them */
    struct skf_strings values_files, depends_on;
    struct skf_pairs set_values, set_value_templates, set_files; /* nested keys are dotted */
    const struct skf_node *overrides;                            /* a mapping, or NULL */
    enum skf_tristate create_namespace, upgrade_on_change;
    bool wait, recreate_pods, skip_build_dependencies, skip_tests, use_helm_secrets;
    struct skf_helm_packaged *packaged;
    const struct skf_node *at; /* the release in the file, for errors */
};
struct skf_helm_flags {
    struct skf_strings global, install, upgrade, dep_build, template_;
};
struct skf_helm {
    struct skf_helm_release *releases;
    size_t n_releases;
    struct skf_helm_flags flags;
};

/* A command that says whether a built image is good. */
struct skf_test_dependencies {
    const char *command; /* prints a JSON list of files; or: */
    struct skf_strings paths, ignore;
};
struct skf_custom_test {
    const char *command; /* for a shell */
    int timeout_s;       /* 0 = none */
    struct skf_test_dependencies *dependencies;
};
struct skf_test {
    const char *image, *context; /* context as written */
    struct skf_list custom;      /* struct skf_custom_test */
};

/* Containers that run on their own: a test of `verify`, an action of `customActions`. */
struct skf_variable {
    const char *name, *value;
};
struct skf_container {
    const char *name, *image;
    struct skf_strings command, args;
    struct skf_list env; /* struct skf_variable */
};
struct skf_cluster_mode {
    const char *overrides;    /* an object as JSON or YAML text, merged over the Job; or NULL */
    const char *job_manifest; /* as written, or NULL */
};
struct skf_execution_mode {
    void *local; /* which is set: the mode; neither: local */
    struct skf_cluster_mode *in_cluster;
};
struct skf_action {
    const char *name;
    enum skf_tristate fail_fast; /* the first that fails ends the others; default yes */
    int timeout_s;               /* 0 = none */
    struct skf_execution_mode mode;
    struct skf_list containers; /* struct skf_container */
};

/* resourceSelector: a kind, and the paths of images and labels in its objects. */
struct skf_resource_filter {
    const char *group_kind; /* "Rollout.argoproj.io" */
    struct skf_strings images, labels;
};

/* One module: one document of the file. Several are possible; most files have one. */
struct skf_module {
    const char *name; /* metadata.name or NULL */
    const char *file; /* as given, for messages */
    const char *dir;  /* absolute directory that relative paths in it mean */
    struct skf_artifact *artifacts;
    size_t n_artifacts;
    struct skf_tagger tagger;
    struct skf_strings platforms, insecure_registries;
    enum skf_tristate local_push;
    int local_concurrency;
    enum skf_tristate use_buildkit;
    bool use_docker_cli, try_import_missing;
    struct skf_hooks build_hooks;

    struct skf_strings raw_yaml; /* manifests: files, globs, URLs */
    struct skf_remote_manifest *remote_manifests;
    size_t n_remote_manifests;
    struct skf_strings kustomize_paths, kustomize_build_args;
    bool has_kustomize;
    const struct skf_helm *render_helm; /* NULL = none */
    struct skf_hooks render_hooks;

    const struct skf_helm *deploy_helm;
    bool has_kubectl;
    struct skf_kubectl_flags kubectl_flags;
    const char *default_namespace;
    struct skf_hooks deploy_hooks;
    struct skf_strings docker_deploy_images; /* deploy.docker.images */
    bool has_docker_deploy;
    enum skf_tristate status_check;
    int status_deadline_s; /* default 600 */
    bool tolerate_failures;
    const char *kube_context;
    const char *log_prefix; /* "container" ... */
    struct skf_strings log_json_fields;

    struct skf_action *verify, *actions;
    size_t n_verify, n_actions;
    struct skf_test *tests;
    size_t n_tests;

    struct skf_list allowed, denied; /* struct skf_resource_filter */
    struct skf_port_forward *port_forwards;
    size_t n_port_forwards;
    struct skf_strings active_profiles;
};

/* A calm note that is no error ("apiVersion prefix 'skaffold.dev/' read as 'skaffold/'"). */
struct skf_config_note {
    const char *file;
    int line, col;
    const char *text;
};

struct skf_config {
    struct skf_arena arena;
    struct skf_module *modules;
    size_t n_modules;
    struct skf_config_note *notes;
    size_t n_notes;
    struct skf_strings files; /* every file that was read, absolute: what to watch for edits */
    struct skf_doc **docs;    /* owned; positions of all nodes point into them */
    size_t n_docs;
    const struct skf_node **roots; /* for each module its effective tree: newest version, profiles
                                    * applied, defaults filled in */
};
#endif

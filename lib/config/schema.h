/* lib/config/schema.h: the tables of the newest skaffold.yaml, and the structs they fill: the
 * file's own shape, which load.c turns into the model. */
#ifndef SKF_CONFIG_SCHEMA_H
#define SKF_CONFIG_SCHEMA_H
#include "lib/config/model.h"

struct skf_wire_hook {
    struct skf_hook *host, *container; /* one of them */
};
struct skf_wire_hooks {
    struct skf_list before, after; /* of skf_hook, or of skf_wire_hook */
};

struct skf_wire_git_tag {
    const char *variant, *prefix;
    bool ignore_changes;
};
struct skf_wire_date_tag {
    const char *format, *timezone;
};
struct skf_wire_template_tag {
    const char *text;
    struct skf_list components; /* struct skf_wire_component */
};
struct skf_wire_tag {
    struct skf_wire_git_tag *git;
    void *sha256, *input_digest;
    struct skf_wire_template_tag *env, *custom;
    struct skf_wire_date_tag *date;
};
struct skf_wire_component {
    const char *name;
    struct skf_wire_tag tag;
};

struct skf_wire_local {
    enum skf_tristate push, use_buildkit;
    bool try_import_missing, use_docker_cli;
    int concurrency;
};

struct skf_wire_sync {
    struct skf_list manual; /* struct skf_sync_rule */
    struct skf_strings infer;
    enum skf_tristate auto_;
    struct skf_wire_hooks hooks;
};

struct skf_wire_artifact {
    const char *image, *context, *runtime_type;
    struct skf_wire_sync *sync;
    struct skf_strings platforms;
    struct skf_list requires;
    struct skf_wire_hooks hooks;
};

struct skf_wire_kustomize {
    struct skf_strings paths, build_args;
};
struct skf_wire_kubectl {
    struct skf_kubectl_flags flags;
    const char *default_namespace;
    struct skf_strings remote_manifests;
    struct skf_wire_hooks hooks;
};
struct skf_wire_helm {
    struct skf_list releases; /* struct skf_helm_release */
    struct skf_helm_flags flags;
    int concurrency;
    struct skf_wire_hooks hooks;
};
struct skf_wire_docker_deploy {
    struct skf_strings images;
};
struct skf_wire_forward {
    const char *resource_type, *resource_name, *namespace_, *port, *address;
    int local_port;
};

struct skf_wire_remote {
    const char *manifest, *kube_context;
};

struct skf_wire_requires {
    struct skf_strings configs;
    const char *path;
    const struct skf_node *git, *active_profiles;
};

struct skf_wire_verify {
    const char *name;
    int timeout_s;
    struct skf_container container;
    struct skf_execution_mode mode;
};

struct skf_wire {
    const char *api_version, *kind, *name;
    struct skf_pairs labels, annotations;
    const struct skf_node *requires, *profiles;
    /* build */
    const struct skf_node *artifacts;
    struct skf_strings platforms, insecure_registries;
    struct skf_wire_tag tag;
    struct skf_wire_local *local;
    struct skf_wire_hooks build_hooks;
    /* manifests */
    struct skf_strings raw_yaml;
    struct skf_list remote_manifests; /* struct skf_wire_remote */
    struct skf_wire_kustomize *kustomize;
    struct skf_wire_helm *render_helm;
    struct skf_wire_hooks render_hooks;
    /* deploy */
    struct skf_wire_kubectl *kubectl;
    struct skf_wire_docker_deploy *docker;
    struct skf_wire_helm *helm;
    enum skf_tristate status_check;
    int status_deadline_s;
    bool tolerate_failures;
    const char *kube_context, *log_prefix;
    struct skf_strings log_json_fields;
    struct skf_list forwards;        /* struct skf_wire_forward */
    struct skf_list allowed, denied; /* struct skf_resource_filter */
    struct skf_list tests;           /* struct skf_test */
    struct skf_list verify;          /* struct skf_wire_verify */
    struct skf_list actions;         /* struct skf_action */
};

/* The whole document, and what a profile may overlay (the pipeline). */
extern const struct skf_field skf_schema_config[];
extern const struct skf_field skf_schema_pipeline[];
extern const struct skf_field skf_schema_deploy[];
extern const struct skf_field skf_schema_profile[]; /* name, activation ... and the pipeline */
/* Hooks of file sync: on this machine, or in the containers of the image. */
extern const struct skf_field skf_schema_sync_hooks[];
/* Without the builder sections. */
extern const struct skf_field skf_schema_artifact[];

/* The artifact's table with the builders' sections behind it (type SKF_T_ANY when they have fields,
 * with an offset behind *size; refused ones by name), in the arena. section_offset[i] belongs to
 * sections[i]. */
struct skf_artifact_schema {
    const struct skf_field *fields;
    const struct skf_section *sections;
    size_t n_sections, size;
};
void skf_schema_artifact_init(struct skf_artifact_schema *s, const struct skf_section *builders,
                              struct skf_arena *arena);
/* Where section i's node is in a decoded artifact. */
const struct skf_node *skf_schema_section(const struct skf_artifact_schema *s, const void *artifact,
                                          size_t i);

/* refuse.c: the first field of an effective tree that is not acted on by a command that builds, or
 * that deploys too; NULL = none. */
struct skf_refusal {
    char path[256];      /* "build.artifacts.hooks" */
    const char *instead; /* static */
};
const struct skf_node *skf_schema_refused(const struct skf_node *root, bool deploys,
                                          struct skf_refusal *out);
/* The same for a command that only tests: what stands under `test`. */
const struct skf_node *skf_schema_refused_test(const struct skf_node *root,
                                               struct skf_refusal *out);

/* Hints for keys that older versions had: `moved` of struct skf_decode. */
const char *skf_schema_moved(const char *path, const char *key, struct skf_arena *arena);
#endif

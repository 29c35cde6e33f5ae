/* lib/config/schema.c: what a skaffold.yaml may say: the document and the sections that skiff acts
 * on. */
#include <stdio.h>
#include <string.h>

#include "lib/base/suggest.h"
#include "lib/config/schema_table.h"

#define HOST_HOOK                                                                                  \
    F("command", STRINGS, skf_hook, command, .required = true, .braces = true, .always = true,     \
      .help = "program and arguments, no shell"),                                                  \
        F("os", STRINGS, skf_hook, os, .help = "run only there: linux, darwin, windows"),          \
        F("dir", STRING, skf_hook, dir, .path = true, .since = "v2beta27",                         \
          .help = "working directory")
#define CONTAINER_COMMAND                                                                          \
    F("command", STRINGS, skf_hook, command, .required = true, .braces = true, .always = true,     \
      .help = "program and arguments, run in each matching container")
#define WRAPPED_HOOK(kind, table)                                                                  \
    F(#kind, STRUCT_PTR, skf_wire_hook, kind, .sub = table, .size = sizeof(struct skf_hook),       \
      .oneof = "kind of hook")
#define HOOKS(before_table, after_table, strct)                                                    \
    F("before", LIST, skf_wire_hooks, before, .sub = before_table, .size = sizeof(struct strct)),  \
        F("after", LIST, skf_wire_hooks, after, .sub = after_table, .size = sizeof(struct strct)), \
        END

static const struct skf_field host_hook[] = { HOST_HOOK, END };
static const struct skf_field changing_hook[] = {
    HOST_HOOK,
    F("withChange", BOOL, skf_hook, with_change, .since = "v4beta9",
      .help = "its output replaces the manifests"),
    END,
};
static const struct skf_field deploy_container[] = {
    CONTAINER_COMMAND,
    F("podName", STRING, skf_hook, pod_name, .always = true,
      .help = "a glob; all pods when left out"),
    F("containerName", STRING, skf_hook, container_name, .help = "a glob"),
    END,
};
static const struct skf_field sync_container[] = { CONTAINER_COMMAND, END };

static const struct skf_field render_before[] = { WRAPPED_HOOK(host, host_hook), END };
static const struct skf_field render_after[] = { WRAPPED_HOOK(host, changing_hook), END };
static const struct skf_field deploy_hook[] = { WRAPPED_HOOK(host, host_hook),
                                                WRAPPED_HOOK(container, deploy_container), END };
static const struct skf_field sync_hook[] = { WRAPPED_HOOK(host, host_hook),
                                              WRAPPED_HOOK(container, sync_container), END };

const struct skf_field skf_schema_host_hooks[] = { HOOKS(host_hook, host_hook, skf_hook) };
static const struct skf_field render_hooks[] = { HOOKS(render_before, render_after,
                                                       skf_wire_hook) };
const struct skf_field skf_schema_deploy_hooks[] = { HOOKS(deploy_hook, deploy_hook,
                                                           skf_wire_hook) };
const struct skf_field skf_schema_sync_hooks[] = { HOOKS(sync_hook, sync_hook, skf_wire_hook) };

/* --- build ------------------------------------------------------------------------------------ */

static const struct skf_field git_tag[] = {
    F("variant", STRING, skf_wire_git_tag, variant, .since = "v1beta9",
      .help = "Tags, CommitSha, AbbrevCommitSha, TreeSha, AbbrevTreeSha"),
    F("prefix", STRING, skf_wire_git_tag, prefix, .since = "v2beta3"),
    F("ignoreChanges", BOOL, skf_wire_git_tag, ignore_changes, .since = "v2beta11",
      .help = "never append '-dirty'"),
    END,
};
static const struct skf_field date_tag[] = {
    F("format", STRING, skf_wire_date_tag, format, .help = "a layout of Go's time package"),
    F("timezone", STRING, skf_wire_date_tag, timezone),
    END,
};
static const struct skf_field nothing[] = { END };
static const struct skf_field env_tag[] = {
    F("template", STRING, skf_wire_template_tag, text, .required = true, .templated = true),
    END,
};

#define POLICY "tag policy"
#define PLAIN_POLICIES                                                                             \
    F("gitCommit", STRUCT_PTR, skf_wire_tag, git, .sub = git_tag,                                  \
      .size = sizeof(struct skf_wire_git_tag), .oneof = POLICY),                                   \
        F("sha256", STRUCT_PTR, skf_wire_tag, sha256, .sub = nothing, .oneof = POLICY),            \
        F("envTemplate", STRUCT_PTR, skf_wire_tag, env, .sub = env_tag,                            \
          .size = sizeof(struct skf_wire_template_tag), .oneof = POLICY),                          \
        F("dateTime", STRUCT_PTR, skf_wire_tag, date, .sub = date_tag,                             \
          .size = sizeof(struct skf_wire_date_tag), .oneof = POLICY),                              \
        F("inputDigest", STRUCT_PTR, skf_wire_tag, input_digest, .sub = nothing,                   \
          .since = "v2beta14", .oneof = POLICY)

#define COMPONENT(key, kind, member, ...)                                                          \
    {                                                                                              \
        .name = (key), .type = SKF_T_##kind,                                                       \
        .offset = offsetof(struct skf_wire_component, tag.member), __VA_ARGS__                     \
    }
static const struct skf_field component[] = {
    F("name", STRING, skf_wire_component, name, .help = "name of the component in the template"),
    COMPONENT("gitCommit", STRUCT_PTR, git, .sub = git_tag, .size = sizeof(struct skf_wire_git_tag),
              .oneof = POLICY),
    COMPONENT("sha256", STRUCT_PTR, sha256, .sub = nothing, .oneof = POLICY),
    COMPONENT("envTemplate", STRUCT_PTR, env, .sub = env_tag,
              .size = sizeof(struct skf_wire_template_tag), .oneof = POLICY),
    COMPONENT("dateTime", STRUCT_PTR, date, .sub = date_tag,
              .size = sizeof(struct skf_wire_date_tag), .oneof = POLICY),
    COMPONENT("inputDigest", STRUCT_PTR, input_digest, .sub = nothing, .oneof = POLICY),
    NOT("customTemplate", STRUCT_PTR, "a custom template cannot hold another one", .oneof = POLICY),
    END,
};
static const struct skf_field custom_tag[] = {
    F("template", STRING, skf_wire_template_tag, text, .required = true, .templated = true),
    F("components", LIST, skf_wire_template_tag, components, .sub = component,
      .size = sizeof(struct skf_wire_component)),
    END,
};
static const struct skf_field tag_policy[] = {
    PLAIN_POLICIES,
    F("customTemplate", STRUCT_PTR, skf_wire_tag, custom, .sub = custom_tag,
      .size = sizeof(struct skf_wire_template_tag), .since = "v2beta6", .oneof = POLICY),
    END,
};

static const struct skf_field local_build[] = {
    F("push", TRISTATE, skf_wire_local, push,
      .help = "push to a registry; unset: the cluster decides"),
    F("tryImportMissing", BOOL, skf_wire_local, try_import_missing, .since = "v2beta8",
      .refused = "leave it out: images are always built", .refused_when = SKF_REFUSED_BUILDING),
    F("useDockerCLI", BOOL, skf_wire_local, use_docker_cli),
    F("useBuildkit", TRISTATE, skf_wire_local, use_buildkit),
    F("concurrency", INT, skf_wire_local, concurrency, .ptr = true, .since = "v2alpha2",
      .help = "builds at once; 0 = no limit"),
    END,
};

static const struct skf_field artifact_requires[] = {
    F("image", STRING, skf_artifact_requires, image, .required = true, .always = true),
    F("alias", STRING, skf_artifact_requires, alias),
    END,
};

const struct skf_field skf_schema_artifact[] = {
    F("image", STRING, skf_wire_artifact, image, .required = true, .help = "name of the image"),
    F("context", STRING, skf_wire_artifact, context, .path = true, .def = ".",
      .help = "directory of the sources"),
    F("sync", STRUCT_PTR, skf_wire_artifact, sync, .sub = skf_schema_sync,
      .size = sizeof(struct skf_wire_sync),
      .help = "changed files that go into running containers, without a new image"),
    F("requires", LIST, skf_wire_artifact, requires, .sub = artifact_requires,
      .size = sizeof(struct skf_artifact_requires), .since = "v2beta9"),
    F("hooks", STRUCT, skf_wire_artifact, hooks, .sub = skf_schema_host_hooks, .since = "v2beta20"),
    F("platforms", STRINGS, skf_wire_artifact, platforms, .since = "v2beta27",
      .help = "os/arch, instead of build.platforms"),
    F("runtimeType", STRING, skf_wire_artifact, runtime_type, .since = "v4beta2"),
    END,
};

#define BUILD_TYPE "kind of build"
static const struct skf_field build[] = {
    F("artifacts", ANY, skf_wire, artifacts, .help = "the images to build"),
    F("insecureRegistries", STRINGS, skf_wire, insecure_registries, .since = "v1beta8",
      .help = "registries that are reached without TLS"),
    F("platforms", STRINGS, skf_wire, platforms, .since = "v2beta27",
      .help = "os/arch of all artifacts"),
    F("tagPolicy", STRUCT, skf_wire, tag, .sub = tag_policy),
    F("local", STRUCT_PTR, skf_wire, local, .sub = local_build,
      .size = sizeof(struct skf_wire_local), .oneof = BUILD_TYPE),
    NOT("googleCloudBuild", STRUCT_PTR, "skiff builds on this machine: use 'local: {}'",
        .sub = skf_schema_gcb, .oneof = BUILD_TYPE),
    NOT("cluster", STRUCT_PTR, "skiff builds on this machine: use 'local: {}'",
        .sub = skf_schema_cluster, .lenient = true, .oneof = BUILD_TYPE),
    F("hooks", STRUCT, skf_wire, build_hooks, .sub = skf_schema_host_hooks, .since = "v4beta7"),
    END,
};

/* --- manifests and deploy --------------------------------------------------------------------- */

static const struct skf_field kustomize[] = {
    F("paths", STRINGS, skf_wire_kustomize, paths, .path = true, .templated = true),
    F("buildArgs", STRINGS, skf_wire_kustomize, build_args),
    END,
};
static const struct skf_field manifests[] = {
    F("rawYaml", STRINGS, skf_wire, raw_yaml, .path = true, .templated = true,
      .help = "files, globs or URLs of Kubernetes manifests"),
    F("remoteManifests", LIST, skf_wire, remote_manifests, .sub = skf_schema_remote_manifest,
      .size = sizeof(struct skf_wire_remote), .since = "v4beta1"),
    F("kustomize", STRUCT_PTR, skf_wire, kustomize, .sub = kustomize,
      .size = sizeof(struct skf_wire_kustomize)),
    F("helm", STRUCT_PTR, skf_wire, render_helm, .sub = skf_schema_render_helm,
      .size = sizeof(struct skf_wire_helm)),
    NOT("kpt", STRINGS, "render with kpt and name the result under 'rawYaml'", .path = true),
    F("hooks", STRUCT, skf_wire, render_hooks, .sub = render_hooks),
    NOT("transform", LIST, "use 'kustomize' for changes to manifests",
        .sub = skf_schema_kpt_function, .ptr = true),
    NOT("validate", LIST, "validate in a render hook", .sub = skf_schema_kpt_function, .ptr = true),
    NOT("output", STRING, "use 'skiff render -o FILE'"),
    END,
};

static const struct skf_field kubectl_flags[] = {
    F("global", STRINGS, skf_kubectl_flags, global),
    F("apply", STRINGS, skf_kubectl_flags, apply),
    F("delete", STRINGS, skf_kubectl_flags, delete_),
    F("disableValidation", BOOL, skf_kubectl_flags, disable_validation, .since = "v2alpha3"),
    END,
};
static const struct skf_field kubectl[] = {
    F("flags", STRUCT, skf_wire_kubectl, flags, .sub = kubectl_flags),
    /* Still in the schema, without effect: only the upgrade of older versions reads it. */
    F("remoteManifests", STRINGS, skf_wire_kubectl, remote_manifests),
    F("defaultNamespace", STRING, skf_wire_kubectl, default_namespace, .templated = true,
      .ptr = true, .since = "v2beta8"),
    F("hooks", STRUCT, skf_wire_kubectl, hooks, .sub = skf_schema_deploy_hooks,
      .since = "v2beta21"),
    END,
};
static const struct skf_field docker_deploy[] = {
    F("images", STRINGS, skf_wire_docker_deploy, images, .required = true, .always = true),
    NOT("useCompose", BOOL, "skiff runs the images itself"),
    END,
};
static const struct skf_field log_json[] = { F("fields", STRINGS, skf_wire, log_json_fields), END };
static const struct skf_field logs[] = {
    F("prefix", STRING, skf_wire, log_prefix, .def = "container",
      .help = "auto, container, podAndContainer or none"),
    { .name = "jsonParse", .type = SKF_T_STRUCT, .sub = log_json, .since = "v2beta27" },
    END,
};
const struct skf_field skf_schema_deploy[] = {
    F("kubectl", STRUCT_PTR, skf_wire, kubectl, .sub = kubectl,
      .size = sizeof(struct skf_wire_kubectl)),
    F("docker", STRUCT_PTR, skf_wire, docker, .sub = docker_deploy,
      .size = sizeof(struct skf_wire_docker_deploy), .since = "v2beta23",
      .refused = "use deploy.kubectl", .refused_when = SKF_REFUSED_DEPLOYING),
    F("helm", STRUCT_PTR, skf_wire, helm, .sub = skf_schema_deploy_helm,
      .size = sizeof(struct skf_wire_helm)),
    NOT("kpt", STRUCT_PTR, "use 'kubectl: {}'", .sub = skf_schema_kpt),
    NOT("cloudrun", STRUCT_PTR, "skiff deploys to Kubernetes and Docker only",
        .sub = skf_schema_cloudrun, .since = "v3alpha1"),
    F("statusCheck", TRISTATE, skf_wire, status_check, .since = "v2beta16",
      .help = "wait until all is ready"),
    F("statusCheckDeadlineSeconds", INT, skf_wire, status_deadline_s, .since = "v1beta13"),
    F("tolerateFailuresUntilDeadline", BOOL, skf_wire, tolerate_failures, .since = "v4beta1",
      .help = "what has failed may come right until the deadline"),
    F("kubeContext", STRING, skf_wire, kube_context, .since = "v1beta16",
      .help = "the only context to deploy to"),
    { .name = "logs", .type = SKF_T_STRUCT, .sub = logs, .since = "v2beta6" },
    END,
};

const struct skf_field skf_schema_forward[] = {
    F("resourceType", STRING, skf_wire_forward, resource_type),
    F("resourceName", STRING, skf_wire_forward, resource_name, .templated = true),
    F("namespace", STRING, skf_wire_forward, namespace_, .templated = true),
    F("port", INT_OR_NAME, skf_wire_forward, port, .help = "of the container or service"),
    F("address", STRING, skf_wire_forward, address, .def = "127.0.0.1", .since = "v2alpha1"),
    F("localPort", INT, skf_wire_forward, local_port),
    END,
};

/* --- the document ----------------------------------------------------------------------------- */

static const struct skf_field metadata[] = {
    F("name", STRING, skf_wire, name),
    F("labels", STRING_MAP, skf_wire, labels, .braces = true, .since = "v3alpha1"),
    F("annotations", STRING_MAP, skf_wire, annotations, .braces = true, .since = "v3alpha1"),
    END,
};

/* verify and customActions act in commands of their own only, so they are let pass here. */
#define PIPELINE                                                                                   \
    { .name = "build", .type = SKF_T_STRUCT, .sub = build },                                       \
        F("test", LIST, skf_wire, tests, .sub = skf_schema_test, .size = sizeof(struct skf_test)), \
        { .name = "manifests", .type = SKF_T_STRUCT, .sub = manifests, .since = "v3alpha1" },      \
        { .name = "deploy", .type = SKF_T_STRUCT, .sub = skf_schema_deploy },                      \
        F("portForward", LIST, skf_wire, forwards, .sub = skf_schema_forward,                      \
          .size = sizeof(struct skf_wire_forward), .since = "v1beta12"),                           \
        { .name = "resourceSelector",                                                              \
          .type = SKF_T_STRUCT,                                                                    \
          .sub = skf_schema_selector,                                                              \
          .since = "v2beta28" },                                                                   \
        F("verify", LIST, skf_wire, verify, .sub = skf_schema_verify,                              \
          .size = sizeof(struct skf_wire_verify), .since = "v3alpha1"),                            \
        F("customActions", LIST, skf_wire, actions, .sub = skf_schema_action,                      \
          .size = sizeof(struct skf_action), .since = "v4beta5")

const struct skf_field skf_schema_pipeline[] = { PIPELINE, END };

const struct skf_field skf_schema_config[] = {
    F("apiVersion", STRING, skf_wire, api_version, .required = true, .always = true),
    F("kind", STRING, skf_wire, kind, .always = true),
    { .name = "metadata", .type = SKF_T_STRUCT, .sub = metadata, .since = "v1beta13" },
    F("requires", ANY, skf_wire, requires, .since = "v2beta11"),
    PIPELINE,
    F("profiles", ANY, skf_wire, profiles),
    END,
};

struct activation {
    const char *env, *context, *command;
};
static const struct skf_field activation[] = {
    F("env", STRING, activation, env, .braces = true, .help = "NAME=value or NAME=regex"),
    F("kubeContext", STRING, activation, context, .braces = true),
    F("command", STRING, activation, command, .braces = true),
    END,
};

struct patch {
    const char *op, *path, *from;
    const struct skf_node *value;
};
static const struct skf_field patch[] = {
    F("op", STRING, patch, op, .help = "add, remove, replace, move, copy or test"),
    F("path", STRING, patch, path, .required = true),
    F("from", STRING, patch, from),
    F("value", ANY, patch, value),
    END,
};

struct profile {
    struct skf_wire pipeline;
    const char *name;
    struct skf_list activation, patches;
    bool all;
};
const struct skf_field skf_schema_profile[] = {
    F("name", STRING, profile, name, .required = true),
    F("activation", LIST, profile, activation, .sub = activation, .size = sizeof(struct activation),
      .since = "v1beta4"),
    F("requiresAllActivations", BOOL, profile, all, .since = "v3alpha1"),
    F("patches", LIST, profile, patches, .sub = patch, .size = sizeof(struct patch),
      .since = "v1beta4"),
    PIPELINE,
    END,
};

void skf_schema_artifact_init(struct skf_artifact_schema *s, const struct skf_section *builders,
                              struct skf_arena *arena)
{
    /* What Skaffold knows, for callers that bring no builders or not all of them. */
    static const struct skf_section others[] = {
        { .name = "docker", .instead = "this skiff was built without the docker builder" },
        { .name = "ko", .instead = "this skiff was built without the ko builder" },
        { .name = "custom", .instead = "this skiff was built without the custom builder" },
        { .name = "jib",
          .fields = skf_schema_jib,
          .instead = "use 'custom' with a build command that calls jib" },
        { .name = "bazel",
          .fields = skf_schema_bazel,
          .instead = "use 'custom' with a build command that calls bazel" },
        { .name = "buildpacks",
          .fields = skf_schema_buildpacks,
          .instead = "use 'custom' with a build command that calls pack" },
        { .name = "kaniko",
          .fields = skf_schema_kaniko,
          .lenient = true,
          .instead = "use 'docker': kaniko builds inside a cluster" },
    };
    size_t n_own = 0, n_common = 0, n = 0;
    while (builders && builders[n_own].name)
        n_own++;
    while (skf_schema_artifact[n_common].name)
        n_common++;
    struct skf_section *all =
        skf_arena_calloc(arena, n_own + sizeof others / sizeof others[0] + 1, sizeof *all);
    for (; n < n_own; n++)
        all[n] = builders[n];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        bool given = false;
        for (size_t k = 0; k < n_own; k++)
            given = given || strcmp(builders[k].name, others[i].name) == 0;
        if (!given)
            all[n++] = others[i];
    }
    struct skf_field *f = skf_arena_calloc(arena, n_common + n + 1, sizeof *f);
    memcpy(f, skf_schema_artifact, n_common * sizeof *f);
    for (size_t i = 0; i < n; i++) {
        f[n_common + i] = (struct skf_field){
            .name = all[i].name,
            .type = SKF_T_ANY,
            .ptr = true,
            .offset = sizeof(struct skf_wire_artifact) + i * sizeof(void *),
            .refused = all[i].instead,
            .oneof = "builder",
        };
    }
    *s = (struct skf_artifact_schema){
        .fields = f,
        .sections = all,
        .n_sections = n,
        .size = sizeof(struct skf_wire_artifact) + n * sizeof(void *),
    };
}

const struct skf_node *skf_schema_section(const struct skf_artifact_schema *s, const void *artifact,
                                          size_t i)
{
    (void)s;
    const char *base = (const char *)artifact + sizeof(struct skf_wire_artifact);
    return ((const struct skf_node *const *)(const void *)base)[i];
}

const char *skf_schema_moved(const char *path, const char *key, struct skf_arena *arena)
{
    static const struct {
        const char *path, *key, *hint;
    } table[] = {
        { "deploy.kubectl", "manifests", "since v3alpha1 the list is 'manifests.rawYaml'" },
        { "deploy", "kustomize",
          "since v3alpha1 it is 'manifests.kustomize', with 'deploy.kubectl: {}'" },
        { "", "artifacts", "artifacts stand under 'build:'" },
        { "", "tagPolicy", "it stands under 'build:'" },
        { "build", "manifests", "it stands at the top of the file, not under 'build:'" },
        { "deploy", "manifests", "it stands at the top of the file, not under 'deploy:'" },
        { "deploy", "rawYaml", "it is 'manifests.rawYaml', at the top of the file" },
        { "", "spec", "skaffold.yaml has no 'spec:': is this a Kubernetes manifest?" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(path, table[i].path) == 0 && strcmp(key, table[i].key) == 0)
            return table[i].hint;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *near = table[i].key;
        if (strcmp(path, table[i].path) == 0 && *path && skf_suggest(key, &near, 1))
            return skf_arena_printf(arena, "did you mean '%s'? %s", near, table[i].hint);
    }
    if (strncmp(path, "build.artifacts[", 16) == 0 && strchr(path, ']') &&
        !strchr(path + 16, '.')) {
        if (strcmp(key, "imageName") == 0)
            return "since v1alpha4 it is 'image'";
        if (strcmp(key, "workspace") == 0)
            return "since v1alpha4 it is 'context'";
        if (strcmp(key, "dockerfile") == 0)
            return "write 'docker: {dockerfile: ...}'";
        if (strcmp(key, "main") == 0 || strcmp(key, "fromImage") == 0)
            return skf_arena_printf(arena, "write 'ko: {%s: ...}'", key);
    }
    return NULL;
}

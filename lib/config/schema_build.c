/* lib/config/schema_build.c: builds that happen elsewhere, and file sync. */
#include "lib/config/schema_table.h"

/* --- Google Cloud Build ----------------------------------------------------------------------- */

static const struct skf_field emulator[] = {
    N("image", STRING, .required = true, .always = true),
    N("args", STRINGS),
    N("entrypoint", STRING),
    END,
};

const struct skf_field skf_schema_gcb[] = {
    N("projectId", STRING),
    N("diskSizeGb", INT),
    N("machineType", STRING),
    N("timeout", STRING),
    N("logging", STRING),
    N("logStreamingOption", STRING),
    N("dockerImage", STRING, .def = "gcr.io/cloud-builders/docker"),
    N("kanikoImage", STRING, .def = "gcr.io/kaniko-project/executor:latest"),
    N("mavenImage", STRING, .def = "gcr.io/cloud-builders/mvn"),
    N("gradleImage", STRING, .def = "gcr.io/cloud-builders/gradle"),
    N("packImage", STRING, .def = "gcr.io/k8s-skaffold/pack"),
    N("koImage", STRING, .def = "gcr.io/k8s-skaffold/skaffold"),
    N("bucket", STRING),
    N("concurrency", INT),
    N("workerPool", STRING),
    N("region", STRING),
    N("platformEmulatorInstallStep", STRUCT_PTR, .sub = emulator),
    N("serviceAccount", STRING),
    END,
};

/* --- kaniko in the cluster -------------------------------------------------------------------- */

static const struct skf_field docker_config[] = {
    N("path", STRING),
    N("secretName", STRING, .def = "docker-cfg"),
    END,
};
static const struct skf_field amounts[] = {
    N("cpu", STRING),
    N("memory", STRING),
    N("ephemeralStorage", STRING),
    N("resourceStorage", STRING),
    END,
};
static const struct skf_field resources[] = {
    N("requests", STRUCT_PTR, .sub = amounts),
    N("limits", STRUCT_PTR, .sub = amounts),
    END,
};
/* A type of Kubernetes that Skaffold reads and prints by the lower-cased names of Go. */
static const struct skf_field toleration[] = {
    N("key", STRING, .always = true),
    N("operator", STRING, .always = true),
    N("value", STRING, .always = true),
    N("effect", STRING, .always = true),
    N("tolerationseconds", ANY, .always = true),
    END,
};

const struct skf_field skf_schema_cluster[] = {
    N("HTTP_PROXY", STRING),
    N("HTTPS_PROXY", STRING),
    N("pullSecretPath", STRING),
    N("pullSecretName", STRING),
    N("pullSecretMountPath", STRING, .def = "/secret"),
    N("namespace", STRING),
    N("timeout", STRING, .def = "20m"),
    N("dockerConfig", STRUCT_PTR, .sub = docker_config),
    N("serviceAccount", STRING),
    N("tolerations", LIST, .sub = toleration),
    N("nodeSelector", STRING_MAP, .braces = true),
    N("annotations", STRING_MAP, .braces = true),
    N("labels", STRING_MAP, .braces = true),
    N("runAsUser", INT, .ptr = true),
    N("resources", STRUCT_PTR, .sub = resources),
    N("concurrency", INT),
    N("volumes", ANY),
    N("randomPullSecret", BOOL),
    N("randomDockerConfigSecret", BOOL),
    END,
};

/* --- file sync -------------------------------------------------------------------------------- */

static const struct skf_field sync_rule[] = {
    F("src", STRING, skf_sync_rule, src, .required = true,
      .help = "glob for changed files, relative to the context"),
    F("dest", STRING, skf_sync_rule, dest, .required = true,
      .help = "directory in the container; relative to its working directory"),
    F("strip", STRING, skf_sync_rule, strip, .help = "leading part of the path to leave away"),
    END,
};

#define SYNC "kind of sync"
const struct skf_field skf_schema_sync[] = {
    F("manual", LIST, skf_wire_sync, manual, .sub = sync_rule, .size = sizeof(struct skf_sync_rule),
      .oneof = SYNC, .since = "v1beta10", .help = "files and where they go"),
    F("infer", STRINGS, skf_wire_sync, infer, .oneof = SYNC, .since = "v1beta13",
      .help = "files whose place the builder knows: by COPY and ADD, or in kodata"),
    F("auto", TRISTATE, skf_wire_sync, auto_, .oneof = SYNC, .since = "v2beta1",
      .help = "all files whose place the builder knows"),
    F("hooks", STRUCT, skf_wire_sync, hooks, .sub = skf_schema_sync_hooks, .since = "v2beta20"),
    END,
};

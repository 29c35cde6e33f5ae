/* lib/config/schema_builders.c: builders that skiff knows and does not have: their files are read
 * and printed. */
#include "lib/config/schema_table.h"

const struct skf_field skf_schema_jib[] = {
    N("project", STRING), N("args", STRINGS), N("type", STRING), N("fromImage", STRING), END,
};

static const struct skf_field platform[] = {
    N("platform", STRING, .required = true, .always = true),
    N("target", STRING, .required = true, .always = true),
    END,
};
const struct skf_field skf_schema_bazel[] = {
    N("target", STRING, .required = true),
    N("args", STRINGS),
    N("platforms", LIST, .sub = platform),
    END,
};

static const struct skf_field paths[] = {
    N("paths", STRINGS),
    N("ignore", STRINGS),
    END,
};
static const struct skf_field volume[] = {
    N("host", STRING, .required = true, .always = true, .path = true),
    N("target", STRING, .required = true, .always = true),
    N("options", STRING),
    END,
};
const struct skf_field skf_schema_buildpacks[] = {
    N("builder", STRING),
    N("runImage", STRING),
    N("env", STRINGS, .templated = true),
    N("buildpacks", STRINGS),
    N("trustBuilder", BOOL),
    N("clearCache", BOOL),
    N("projectDescriptor", STRING, .def = "project.toml"),
    N("dependencies", STRUCT_PTR, .sub = paths),
    N("volumes", LIST, .sub = volume),
    N("network", STRING),
    N("buildArgs", STRING_MAP, .templated = true, .since = "v4beta14"),
    END,
};

static const struct skf_field cache[] = {
    N("repo", STRING),
    N("hostPath", STRING),
    N("ttl", STRING),
    N("cacheCopyLayers", BOOL),
    N("cacheRunLayers", TRISTATE, .def = "true"),
    END,
};
/* As Skaffold prints a type of Kubernetes: by the lower-cased names of Go. */
static const struct skf_field variable[] = {
    N("name", STRING, .always = true),
    N("value", STRING, .always = true, .templated = true),
    N("valuefrom", ANY, .always = true),
    END,
};
const struct skf_field skf_schema_kaniko[] = {
    N("cleanup", BOOL),
    N("insecure", BOOL),
    N("insecurePull", BOOL),
    N("force", BOOL),
    N("logTimestamp", BOOL),
    N("reproducible", BOOL),
    N("singleSnapshot", BOOL),
    N("skipTLS", BOOL),
    N("skipTLSVerifyPull", BOOL),
    N("skipUnusedStages", BOOL),
    N("useNewRun", BOOL),
    N("whitelistVarRun", BOOL),
    N("dockerfile", STRING, .def = "Dockerfile"),
    N("target", STRING),
    N("initImage", STRING, .def = "gcr.io/k8s-skaffold/skaffold-helpers/busybox"),
    N("image", STRING, .def = "gcr.io/kaniko-project/executor:latest"),
    N("imagePullSecret", STRING),
    N("destination", STRINGS, .since = "v4beta11"),
    N("digestFile", STRING, .def = "/dev/termination-log"),
    N("imageFSExtractRetry", STRING),
    N("imageNameWithDigestFile", STRING),
    N("logFormat", STRING),
    N("ociLayoutPath", STRING),
    N("registryMirror", STRING),
    N("snapshotMode", STRING),
    N("pushRetry", STRING),
    N("tarPath", STRING),
    N("verbosity", STRING),
    N("insecureRegistry", STRINGS),
    N("skipTLSVerifyRegistry", STRINGS),
    N("env", LIST, .sub = variable),
    N("cache", STRUCT_PTR, .sub = cache),
    N("registryCertificate", STRING_MAP),
    N("label", STRING_MAP, .templated = true),
    N("buildArgs", STRING_MAP, .templated = true),
    N("volumeMounts", ANY),
    N("contextSubPath", STRING, .path = true),
    N("ignorePaths", STRINGS),
    N("copyMaxRetries", INT, .ptr = true, .def = "3"),
    N("copyTimeout", STRING, .def = "5m"),
    N("buildContextCompressionLevel", INT, .ptr = true, .def = "1"),
    END,
};

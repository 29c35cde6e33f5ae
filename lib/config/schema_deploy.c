/* lib/config/schema_deploy.c: manifests and deployers of tools other than kubectl. */
#include "lib/config/schema_table.h"

/* --- helm ------------------------------------------------------------------------------------- */

static const struct skf_field flags[] = {
    N("global", STRINGS),
    N("install", STRINGS),
    N("upgrade", STRINGS),
    N("depBuild", STRINGS, .since = "v4beta13"),
    N("template", STRINGS, .since = "v4beta13"),
    END,
};
static const struct skf_field packaged[] = {
    N("version", STRING, .templated = true),
    N("appVersion", STRING, .templated = true),
    END,
};
#define CHART "source of the chart"
static const struct skf_field release[] = {
    N("name", STRING, .required = true, .templated = true),
    N("chartPath", STRING, .path = true, .templated = true, .oneof = CHART),
    N("remoteChart", STRING, .oneof = CHART, .since = "v2beta13", .braces = true),
    N("valuesFiles", STRINGS, .path = true, .templated = true),
    N("namespace", STRING, .templated = true),
    N("version", STRING, .templated = true),
    N("setValues", FLAT_MAP, .templated = true),
    N("setValueTemplates", FLAT_MAP, .templated = true),
    N("setFiles", STRING_MAP, .path = true),
    N("createNamespace", TRISTATE),
    N("wait", BOOL),
    N("recreatePods", BOOL),
    N("skipBuildDependencies", BOOL),
    N("skipTests", BOOL),
    N("useHelmSecrets", BOOL),
    N("repo", STRING, .templated = true),
    N("upgradeOnChange", TRISTATE),
    N("overrides", ANY),
    N("packaged", STRUCT_PTR, .sub = packaged),
    N("dependsOn", STRINGS, .since = "v4beta12"),
    END,
};

const struct skf_field skf_schema_render_helm[] = {
    N("flags", STRUCT, .sub = flags),
    N("releases", LIST, .sub = release),
    END,
};
const struct skf_field skf_schema_deploy_helm[] = {
    N("concurrency", INT, .ptr = true, .def = "1"),
    N("releases", LIST, .sub = release),
    N("flags", STRUCT, .sub = flags),
    N("hooks", STRUCT, .sub = skf_schema_deploy_hooks),
    END,
};

/* --- kpt, Cloud Run, manifests of other clusters ---------------------------------------------- */

const struct skf_field skf_schema_kpt[] = {
    N("dir", STRING, .def = ".kpt-pipeline"),
    N("applyFlags", STRINGS),
    N("flags", STRINGS),
    N("name", STRING),
    N("inventoryID", STRING),
    N("namespace", STRING),
    N("force", BOOL),
    N("defaultNamespace", STRING, .ptr = true),
    END,
};
const struct skf_field skf_schema_kpt_function[] = {
    N("name", STRING, .required = true, .always = true),
    N("configMap", STRINGS),
    END,
};
const struct skf_field skf_schema_cloudrun[] = {
    N("projectid", STRING),
    N("region", STRING),
    N("hooks", STRUCT, .sub = skf_schema_host_hooks),
    END,
};
const struct skf_field skf_schema_remote_manifest[] = {
    N("manifest", STRING),
    N("kubeContext", STRING),
    END,
};

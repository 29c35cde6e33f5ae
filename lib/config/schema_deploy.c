/* lib/config/schema_deploy.c: manifests and deployers of tools other than kubectl. */
#include "lib/config/schema_table.h"

/* --- helm ------------------------------------------------------------------------------------- */

static const struct skf_field flags[] = {
    F("global", STRINGS, skf_helm_flags, global),
    F("install", STRINGS, skf_helm_flags, install),
    F("upgrade", STRINGS, skf_helm_flags, upgrade),
    F("depBuild", STRINGS, skf_helm_flags, dep_build, .since = "v4beta13"),
    F("template", STRINGS, skf_helm_flags, template_, .since = "v4beta13"),
    END,
};
static const struct skf_field packaged[] = {
    F("version", STRING, skf_helm_packaged, version, .templated = true),
    F("appVersion", STRING, skf_helm_packaged, app_version, .templated = true),
    END,
};
#define CHART "source of the chart"
static const struct skf_field release[] = {
    F("name", STRING, skf_helm_release, name, .required = true, .templated = true),
    F("chartPath", STRING, skf_helm_release, chart_path, .path = true, .templated = true,
      .oneof = CHART),
    F("remoteChart", STRING, skf_helm_release, remote_chart, .oneof = CHART, .since = "v2beta13",
      .templated = true, .help = "a chart of a repository, or a URL"),
    F("valuesFiles", STRINGS, skf_helm_release, values_files, .path = true, .templated = true),
    F("namespace", STRING, skf_helm_release, namespace_, .templated = true),
    F("version", STRING, skf_helm_release, version, .templated = true),
    F("setValues", FLAT_MAP, skf_helm_release, set_values, .templated = true),
    F("setValueTemplates", FLAT_MAP, skf_helm_release, set_value_templates, .templated = true),
    F("setFiles", STRING_MAP, skf_helm_release, set_files, .path = true, .templated = true),
    F("createNamespace", TRISTATE, skf_helm_release, create_namespace),
    F("wait", BOOL, skf_helm_release, wait),
    F("recreatePods", BOOL, skf_helm_release, recreate_pods),
    F("skipBuildDependencies", BOOL, skf_helm_release, skip_build_dependencies,
      .help = "no 'helm dependency build'"),
    F("skipTests", BOOL, skf_helm_release, skip_tests, .help = "render without the chart's tests"),
    F("useHelmSecrets", BOOL, skf_helm_release, use_helm_secrets,
      .help = "through the plugin helm-secrets"),
    F("repo", STRING, skf_helm_release, repo, .templated = true),
    F("upgradeOnChange", TRISTATE, skf_helm_release, upgrade_on_change),
    F("overrides", ANY, skf_helm_release, overrides),
    F("packaged", STRUCT_PTR, skf_helm_release, packaged, .sub = packaged,
      .size = sizeof(struct skf_helm_packaged)),
    F("dependsOn", STRINGS, skf_helm_release, depends_on, .since = "v4beta12",
      .help = "releases that come first"),
    END,
};
#define RELEASES                                                                                   \
    F("releases", LIST, skf_wire_helm, releases, .sub = release,                                   \
      .size = sizeof(struct skf_helm_release))

const struct skf_field skf_schema_render_helm[] = {
    F("flags", STRUCT, skf_wire_helm, flags, .sub = flags),
    RELEASES,
    END,
};
const struct skf_field skf_schema_deploy_helm[] = {
    F("concurrency", INT, skf_wire_helm, concurrency, .ptr = true, .def = "1",
      .help = "skiff takes one release after the other"),
    RELEASES,
    F("flags", STRUCT, skf_wire_helm, flags, .sub = flags),
    F("hooks", STRUCT, skf_wire_helm, hooks, .sub = skf_schema_deploy_hooks),
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
    F("manifest", STRING, skf_wire_remote, manifest,
      .help = "TYPE/NAME or NAMESPACE:TYPE/NAME of an object in a cluster"),
    F("kubeContext", STRING, skf_wire_remote, kube_context),
    END,
};

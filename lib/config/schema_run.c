/* lib/config/schema_run.c: tests, verification, custom actions, and which objects are looked at. */
#include "lib/config/schema_table.h"

/* --- test ------------------------------------------------------------------------------------- */

#define DEPENDENCY "kind of dependency"
static const struct skf_field dependencies[] = {
    F("command", STRING, skf_test_dependencies, command, .oneof = DEPENDENCY, .braces = true,
      .help = "prints a JSON list of files"),
    F("paths", STRINGS, skf_test_dependencies, paths, .oneof = DEPENDENCY),
    F("ignore", STRINGS, skf_test_dependencies, ignore),
    END,
};
static const struct skf_field custom_test[] = {
    F("command", STRING, skf_custom_test, command, .required = true, .always = true,
      .templated = true, .help = "for a shell; IMAGE and TEST_CONTEXT are set"),
    F("timeoutSeconds", INT, skf_custom_test, timeout_s),
    F("dependencies", STRUCT_PTR, skf_custom_test, dependencies, .sub = dependencies,
      .size = sizeof(struct skf_test_dependencies)),
    END,
};
const struct skf_field skf_schema_test[] = {
    F("image", STRING, skf_test, image, .required = true, .always = true),
    F("context", STRING, skf_test, context, .path = true, .def = ".", .since = "v2beta14"),
    F("custom", LIST, skf_test, custom, .sub = custom_test, .since = "v2beta13",
      .size = sizeof(struct skf_custom_test)),
    NOT("structureTests", STRINGS,
        "call 'container-structure-test test --image $IMAGE --config FILE' in a custom test",
        .path = true, .refused_when = SKF_REFUSED_DEPLOYING),
    NOT("structureTestsArgs", STRINGS, "write them into the command of a custom test",
        .refused_when = SKF_REFUSED_DEPLOYING),
    END,
};

/* --- verify and customActions ----------------------------------------------------------------- */

static const struct skf_field variable[] = {
    F("name", STRING, skf_variable, name, .required = true, .always = true),
    F("value", STRING, skf_variable, value, .always = true, .braces = true),
    END,
};
static const struct skf_field container[] = {
    F("name", STRING, skf_container, name, .required = true, .always = true),
    F("image", STRING, skf_container, image, .required = true, .always = true),
    F("command", STRINGS, skf_container, command, .braces = true),
    F("args", STRINGS, skf_container, args, .braces = true),
    F("env", LIST, skf_container, env, .sub = variable, .size = sizeof(struct skf_variable)),
    END,
};
static const struct skf_field local_mode[] = {
    N("useLocalImages", BOOL, .since = "v4beta8"),
    END,
};
static const struct skf_field cluster_mode[] = {
    F("overrides", STRING, skf_cluster_mode, overrides, .braces = true),
    F("jobManifestPath", STRING, skf_cluster_mode, job_manifest),
    END,
};
static const struct skf_field mode[] = {
    F("local", STRUCT_PTR, skf_execution_mode, local, .sub = local_mode, .size = 1),
    F("kubernetesCluster", STRUCT_PTR, skf_execution_mode, in_cluster, .sub = cluster_mode,
      .size = sizeof(struct skf_cluster_mode)),
    END,
};
const struct skf_field skf_schema_verify[] = {
    F("name", STRING, skf_wire_verify, name, .required = true, .always = true),
    F("timeout", INT, skf_wire_verify, timeout_s, .ptr = true, .since = "v4beta6"),
    F("container", STRUCT, skf_wire_verify, container, .sub = container, .required = true,
      .always = true, .lenient = true),
    F("executionMode", STRUCT, skf_wire_verify, mode, .sub = mode, .since = "v4beta4"),
    END,
};
const struct skf_field skf_schema_action[] = {
    F("name", STRING, skf_action, name, .required = true, .always = true),
    F("failFast", TRISTATE, skf_action, fail_fast, .def = "true"),
    F("timeout", INT, skf_action, timeout_s, .ptr = true),
    F("executionMode", STRUCT, skf_action, mode, .sub = mode),
    F("containers", LIST, skf_action, containers, .sub = container, .required = true,
      .always = true, .size = sizeof(struct skf_container)),
    END,
};

/* --- resourceSelector ------------------------------------------------------------------------- */

static const struct skf_field filter[] = {
    F("groupKind", STRING, skf_resource_filter, group_kind, .required = true, .always = true,
      .help = "Kind or Kind.group"),
    F("image", STRINGS, skf_resource_filter, images,
      .help = "paths like .spec.image; .* is every key 'image'"),
    F("labels", STRINGS, skf_resource_filter, labels,
      .help = "paths; skiff sets .metadata.labels only"),
    /* Tolerations and affinity for nodes of one cloud: skiff sets none. */
    N("podSpec", STRINGS, .since = "v3alpha1"),
    END,
};
const struct skf_field skf_schema_selector[] = {
    F("allow", LIST, skf_wire, allowed, .sub = filter, .size = sizeof(struct skf_resource_filter),
      .help = "kinds that hold images, beside the well-known ones"),
    F("deny", LIST, skf_wire, denied, .sub = filter, .size = sizeof(struct skf_resource_filter),
      .help = "kinds that are left alone"),
    END,
};

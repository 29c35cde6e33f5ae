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
    N("name", STRING, .required = true, .always = true),
    N("value", STRING, .always = true, .braces = true),
    END,
};
static const struct skf_field container[] = {
    N("name", STRING, .required = true, .always = true),
    N("image", STRING, .required = true, .always = true),
    N("command", STRINGS, .braces = true),
    N("args", STRINGS, .braces = true),
    N("env", LIST, .sub = variable),
    END,
};
static const struct skf_field local_mode[] = {
    N("useLocalImages", BOOL, .since = "v4beta8"),
    END,
};
static const struct skf_field cluster_mode[] = {
    N("overrides", STRING, .braces = true),
    N("jobManifestPath", STRING),
    END,
};
static const struct skf_field mode[] = {
    N("local", STRUCT_PTR, .sub = local_mode),
    N("kubernetesCluster", STRUCT_PTR, .sub = cluster_mode),
    END,
};
const struct skf_field skf_schema_verify[] = {
    N("name", STRING, .required = true, .always = true),
    N("timeout", INT, .ptr = true, .since = "v4beta6"),
    N("container", STRUCT, .sub = container, .required = true, .always = true, .lenient = true),
    N("executionMode", STRUCT, .sub = mode, .since = "v4beta4"),
    END,
};
const struct skf_field skf_schema_action[] = {
    N("name", STRING, .required = true, .always = true),
    N("failFast", TRISTATE, .def = "true"),
    N("timeout", INT, .ptr = true),
    N("executionMode", STRUCT, .sub = mode),
    N("containers", LIST, .sub = container, .required = true, .always = true),
    END,
};

/* --- resourceSelector ------------------------------------------------------------------------- */

static const struct skf_field filter[] = {
    N("groupKind", STRING, .required = true, .always = true),
    N("image", STRINGS),
    N("labels", STRINGS),
    N("podSpec", STRINGS, .since = "v3alpha1"),
    END,
};
const struct skf_field skf_schema_selector[] = {
    N("allow", LIST, .sub = filter),
    N("deny", LIST, .sub = filter),
    END,
};

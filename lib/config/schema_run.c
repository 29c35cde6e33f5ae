/* lib/config/schema_run.c: tests, verification, custom actions, and which objects are looked at. */
#include "lib/config/schema_table.h"

/* --- test ------------------------------------------------------------------------------------- */

#define DEPENDENCY "kind of dependency"
static const struct skf_field dependencies[] = {
    N("command", STRING, .oneof = DEPENDENCY, .braces = true),
    N("paths", STRINGS, .oneof = DEPENDENCY),
    N("ignore", STRINGS),
    END,
};
static const struct skf_field custom_test[] = {
    N("command", STRING, .required = true, .always = true, .templated = true),
    N("timeoutSeconds", INT),
    N("dependencies", STRUCT_PTR, .sub = dependencies),
    END,
};
const struct skf_field skf_schema_test[] = {
    N("image", STRING, .required = true, .always = true),
    N("context", STRING, .path = true, .def = ".", .since = "v2beta14"),
    N("custom", LIST, .sub = custom_test, .since = "v2beta13"),
    N("structureTests", STRINGS, .path = true),
    N("structureTestsArgs", STRINGS),
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

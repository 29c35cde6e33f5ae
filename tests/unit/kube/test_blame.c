/* What servers and kubectl say of manifests, taken apart and put at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/kube/blame.h"
#include "lib/kube/place.h"

struct wanted {
    const char *kind, *name, *field, *text, *hint; /* NULL hint: none; text and hint: a part */
    bool at_key;
};

static void expect(const struct skf_blames *got, const struct wanted *wanted, size_t n)
{
    assert_int_equal(got->n, n);
    for (size_t i = 0; i < n; i++) {
        const struct skf_blame *b = &got->v[i];
        const char *const pairs[][2] = { { b->kind, wanted[i].kind },
                                         { b->name, wanted[i].name },
                                         { b->field, wanted[i].field } };
        for (size_t k = 0; k < SKF_ARRAY_LEN(pairs); k++) {
            if (pairs[k][1])
                assert_string_equal(pairs[k][0], pairs[k][1]);
            else
                assert_null(pairs[k][0]);
        }
        assert_non_null(strstr(b->text, wanted[i].text));
        if (wanted[i].hint)
            assert_non_null(strstr(b->hint, wanted[i].hint));
        else
            assert_null(b->hint);
        assert_int_equal(b->at_key, wanted[i].at_key);
    }
}

static void message(const char *text, const struct wanted *wanted, size_t n)
{
    struct skf_blames got = { 0 };
    skf_blame_message(text, &got);
    expect(&got, wanted, n);
    skf_blames_release(&got);
}
#define MESSAGE(text, ...)                                                                         \
    do {                                                                                           \
        const struct wanted w_[] = { __VA_ARGS__ };                                                \
        message(text, w_, SKF_ARRAY_LEN(w_));                                                      \
    } while (0)

static void test_messages(void **state)
{
    (void)state;
    MESSAGE(
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
        "unknown field \"spec.replica\", duplicate field \"spec.paused\"",
        { "Deployment", NULL, "spec.replica", "'replica' is no field", "'replicas'", true },
        { "Deployment", NULL, "spec.paused", "stands here twice", NULL });
    MESSAGE("Service in version \"v1\" cannot be handled as a Service: strict decoding error: "
            "unknown field \"ports\"",
            { "Service", NULL, "ports", "'ports' is no field", "indentation", true });
    MESSAGE("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal "
            "number into Go struct field ConfigMap.data of type string",
            { "ConfigMap", NULL, "data", "'data' is a number where text is expected", "quotes" });
    MESSAGE("failed to create typed patch object (n/a; apps/v1, Kind=Deployment): errors:\n"
            "  .spec.containers[name=\"web\"].env[name=\"PORT\"].value: expected string, got "
            "&value.valueUnstructured{Value:80}\n  .spec.replica: field not declared in schema",
            { NULL, NULL, ".spec.containers[name=\"web\"].env[name=\"PORT\"].value",
              "'value': expected string", "quotes" },
            { NULL, NULL, ".spec.replica", "'replica' is no field", "'replicas'", true });
    MESSAGE("failed to create typed patch object (n/a; apps/v1, Kind=Deployment): .spec.paused: "
            "expected boolean, got &{[1]}",
            { NULL, NULL, ".spec.paused", "'paused': expected boolean", NULL });
    MESSAGE("Deployment.apps \"a\" is invalid: [spec.template.metadata.labels: Invalid value: "
            "{\"app\":\"b\", \"c: d\":\"e\"}: `selector` does not match template `labels`, "
            "spec.x[0].name: Required value]",
            { "Deployment", "a", "spec.template.metadata.labels", "Invalid value", "selector's" },
            { "Deployment", "a", "spec.x[0].name", "Required value", NULL });
    MESSAGE("deployments.apps is forbidden: User \"bob\" cannot create resource \"deployments\" in "
            "API group \"apps\" in the namespace \"n\"",
            { NULL, NULL, NULL, "deployments.apps is forbidden",
              "a role with get, create and patch on 'deployments' in namespace 'n'" });
    MESSAGE("namespaces \"x\" not found",
            { NULL, NULL, "metadata.namespace", "not found", "kubectl create namespace x" });
    MESSAGE("admission webhook \"w.example\" denied the request: no: not today",
            { NULL, NULL, NULL, "denied the request: no: not today", NULL });
}

static void test_kubectl(void **state)
{
    (void)state;
    static const char said[] =
        "Warning: something old\n"
        "Error from server (Invalid): error when applying patch:\n"
        "{\"spec\":{}}\nto:\n"
        "Resource: \"apps/v1, Resource=deployments\", GroupVersionKind: \"apps/v1, "
        "Kind=Deployment\"\nName: \"imm\", Namespace: \"n\"\n"
        "for: \"STDIN\": error when patching \"STDIN\": Deployment.apps \"imm\" is invalid: "
        "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"a2\"}}: field is immutable\n"
        "The Pod \"p\" is invalid: \n* spec.containers[0].name: Required value\n"
        "* spec.x: Forbidden: no\n"
        "resource mapping not found for name: \"b\" namespace: \"\" from \"STDIN\": no matches for "
        "kind \"Thing\" in version \"example.com/v1\"\nensure CRDs are installed first\n"
        "Error from server (Forbidden): error when retrieving current configuration of:\n"
        "Resource: \"/v1, Resource=secrets\", GroupVersionKind: \"/v1, Kind=Secret\"\n"
        "Name: \"s\", Namespace: \"n\"\n"
        "from server for: \"STDIN\": secrets \"s\" is forbidden: User \"bob\" cannot get resource "
        "\"secrets\" in API group \"\" in the namespace \"n\"\n"
        "error: the namespace from the provided object \"a\" does not match the namespace \"b\". "
        "You must pass '--namespace=a' to perform this operation.\n"
        "Unable to connect to the server: EOF";
    static const struct wanted wanted[] = {
        { "Deployment", "imm", "spec.selector", "field is immutable", "--force" },
        { "Pod", "p", "spec.containers[0].name", "Required value", NULL },
        { "Pod", "p", "spec.x", "Forbidden: no", NULL },
        { "Thing", "b", "kind", "knows no kind 'Thing' in 'example.com/v1'", "api-resources" },
        { "Secret", "s", NULL, "is forbidden", "on 'secrets'" },
        { NULL, NULL, "metadata.namespace", "names the namespace 'a', and 'b' was asked",
          "one namespace only" },
        { NULL, NULL, NULL, "Unable to connect to the server: EOF", NULL },
    };
    struct skf_blames got = { 0 };
    skf_blame_kubectl(said, &got);
    expect(&got, wanted, SKF_ARRAY_LEN(wanted));
    assert_string_equal(got.v[0].namespace_, "n");
    skf_blames_release(&got);
    skf_blame_kubectl("", &got);
    assert_int_equal(got.n, 0);
}

/* --- places ----------------------------------------------------------------------------------- */

static const char manifest[] = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: first}\n"
                               "---\n"
                               "# two\n"
                               "apiVersion: apps/v1\n"
                               "kind: Deployment\n"
                               "metadata:\n"
                               "  name: web\n"
                               "  labels:\n"
                               "    app.kubernetes.io/name: x\n"
                               "spec:\n"
                               "  containers:\n"
                               "  - name: a\n"
                               "    env:\n"
                               "    - {name: X, value: x}\n"
                               "  - name: b\n"
                               "    env:\n"
                               "    - name: Y\n"
                               "      value: 80\n"
                               "    ports: [{containerPort: 1}]\n";

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool at_key;
        int line, col;
    } cases[] = {
        { NULL, false, 6, 1 },
        { "spec.containers[1].env[0].value", false, 20, 14 },
        { ".spec.containers[name=\"b\"].env[name=\"Y\"].value", false, 20, 14 },
        { "spec.containers[1].env[0].value", true, 20, 7 },
        { "spec.containers.ports.containerPort", false, 21, 29 }, /* only b has ports */
        { ".spec.containers[name=\"b\"].ports[containerPort=1,protocol=\"TCP\"].containerPort",
          false, 21, 29 },
        { "spec.selector", false, 12, 1 }, /* missing: where it would stand */
        { "spec.containers[0].image", false, 14, 5 }, /* in this item */
        { "metadata.labels.app.kubernetes.io/name", false, 11, 29 },
        { "nowhere", false, 6, 1 },
        { "spec.containers[99]", false, 13, 3 },
        { "[[[", false, 6, 1 },
    };
    struct skf_err err = SKF_ERR_INIT;
    char *dir = skf_file_temp_dir("skiff-place", &err);
    char *file = skf_path_join(dir, "k8s.yaml");
    assert_int_equal(skf_file_write_atomic(file, 0600, manifest, strlen(manifest), &err), 0);
    struct skf_objects o = { 0 };
    assert_int_equal(skf_manifest_parse(file, manifest, strlen(manifest), &o, &err), 0);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_doc *doc;
        const struct skf_node *at = skf_place_of(&o.v[1], cases[i].field, cases[i].at_key, &doc);
        if (!at || at->line != cases[i].line || at->col != cases[i].col)
            fail_msg("'%s' at %d:%d, not at %d:%d", cases[i].field ? cases[i].field : "",
                     at ? at->line : 0, at ? at->col : 0, cases[i].line, cases[i].col);
        skf_doc_free(doc);
    }
    struct skf_doc *doc;
    skf_replace(&o.v[1].name, skf_xstrdup("gone"));
    assert_null(skf_place_of(&o.v[1], "spec", false, &doc));
    assert_null(doc);
    skf_objects_release(&o);
    assert_int_equal(skf_file_remove_tree(dir, &err), 0);
    free(file);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_messages),
                                        cmocka_unit_test(test_kubectl),
                                        cmocka_unit_test(test_places) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

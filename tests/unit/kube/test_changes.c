#include "lib/kube/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/service_check.h"

static struct skf_objects parse(const char *text)
{
    struct skf_objects o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_manifest_parse("x.yaml", text, strlen(text), &o, &err) < 0)
        fail_msg("%s", err.msg);
    return o;
}

static char *names(const struct skf_objects *o)
{
    struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < o->n; i++)
        skf_buf_addf(&b, "%s%s", i ? " " : "", o->v[i].name);
    return b.len ? skf_buf_take(&b) : skf_xstrdup("");
}

static void check_names(struct skf_objects *o, const char *want)
{
    char *got = names(o);
    assert_string_equal(got, want);
    free(got);
    skf_objects_release(o);
}

#define OBJ(version, kind, name, extra)                                                            \
    "---\n{apiVersion: " version ", kind: " kind ", metadata: {name: " name "}" extra "}\n"

static void test_order(void **state)
{
    (void)state;
    struct skf_objects o = parse(
        OBJ("x.dev/v1", "Mine", "custom", "") OBJ("apps/v1", "Deployment", "d1", "")
            OBJ("v1", "Service", "svc", "")
                OBJ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hook", "")
                    OBJ("v1", "ConfigMap", "cm", "") OBJ("apps/v1", "Deployment", "d0", "")
                        OBJ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "crd", "")
                            OBJ("v1", "Namespace", "ns", "")
                                OBJ("rbac.authorization.k8s.io/v1", "RoleBinding", "rb", "")
                                    OBJ("v1", "ServiceAccount", "sa", ""));
    skf_objects_sort(&o);
    char *got = names(&o);
    assert_string_equal(got, "ns crd sa rb cm svc d1 d0 custom hook"); /* d1 d0: as written */
    free(got);
    skf_objects_reverse(&o);
    check_names(&o, "hook custom d0 d1 svc cm rb sa crd ns");
}

static void test_changes(void **state)
{
    (void)state;
    struct skf_applied a = { 0 };
    struct skf_objects changed = { 0 }, removed = { 0 };
    struct skf_objects one = parse(OBJ("v1", "ConfigMap", "a", "") OBJ("v1", "Service", "b", "")
                                       OBJ("apps/v1beta1", "Deployment", "c", ""));
    skf_applied_diff(&a, &one, "default", &changed, &removed);
    check_names(&changed, "a b c");
    check_names(&removed, "");
    skf_applied_put(&a, &one, "default");
    changed = removed = (struct skf_objects){ 0 };
    skf_applied_diff(&a, &one, "default", &changed, &removed);
    check_names(&changed, "");
    check_names(&removed, "");
    /* One changes its text, one goes, one is new, one says its namespace and version otherwise. */
    struct skf_objects two = parse(OBJ("v1", "ConfigMap", "a", ", data: {x: y}") OBJ(
        "v1", "Secret", "n", "") "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: c, "
                                 "namespace: default}}\n");
    changed = removed = (struct skf_objects){ 0 };
    skf_applied_diff(&a, &two, "default", &changed, &removed);
    check_names(&changed, "a n c");
    check_names(&removed, "b");
    /* Without `put` (the apply failed) the next diff is the same. */
    changed = removed = (struct skf_objects){ 0 };
    skf_applied_diff(&a, &two, "default", &changed, &removed);
    skf_applied_put(&a, &two, "default");
    skf_applied_drop(&a, &removed, "default");
    check_names(&changed, "a n c");
    check_names(&removed, "b");
    struct skf_objects all = { 0 };
    skf_applied_all(&a, &all);
    check_names(&all, "c n a");
    skf_objects_release(&one);
    skf_objects_release(&two);
    skf_applied_release(&a);
}

static void test_an_object_twice(void **state)
{
    (void)state;
    struct skf_applied a = { 0 };
    struct skf_objects changed = { 0 }, removed = { 0 };
    struct skf_objects o = parse(OBJ("v1", "ConfigMap", "a", ", data: {x: '1'}")
                                     OBJ("v1", "ConfigMap", "a", ", data: {x: '2'}"));
    skf_applied_diff(&a, &o, "default", &changed, &removed);
    assert_int_equal(changed.n, 1);
    assert_non_null(strstr(changed.v[0].text, "'2'"));
    skf_applied_put(&a, &changed, "default");
    skf_objects_release(&changed);
    changed = (struct skf_objects){ 0 };
    skf_applied_diff(&a, &o, "default", &changed, &removed);
    assert_int_equal(changed.n, 0); /* does not flap */
    skf_objects_release(&o);
    skf_objects_release(&changed);
    skf_objects_release(&removed);
    skf_applied_release(&a);
}

static void check_services(const char *service, const char *want)
{
    char *text = skf_xasprintf(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n%s---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n"
        "    metadata: {labels: {app: web, tier: a}}\n    spec:\n      containers:\n"
        "      - {ports: [{containerPort: 8080, name: http}]}\n",
        service);
    struct skf_objects o = parse(text);
    struct skf_strv notes = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_check_services(&o, "default", &notes, &err), 0);
    assert_int_equal(notes.n, want ? 1 : 0);
    if (want && !strstr(notes.v[0], want))
        fail_msg("%s", notes.v[0]);
    skf_strv_release(&notes);
    skf_objects_release(&o);
    free(text);
}

static void test_services(void **state)
{
    (void)state;
    check_services("  selector: {app: web}\n  ports: [{port: 80, targetPort: 8080}]\n", NULL);
    check_services("  selector: {app: web}\n  ports: [{port: 80, targetPort: http}]\n", NULL);
    check_services("  selector: {app: web}\n  ports: [{port: 8080}]\n", NULL);
    check_services("  selector: {app: wep}\n  ports: [{port: 8080}]\n",
                   "x.yaml:5:13: service 's' selects no pod");
    check_services("  selector: {app: web}\n  ports: [{port: 80}]\n",
                   "x.yaml:6:18: service 's' leads to port 80, which Deployment 'web'");
    check_services("  selector: {app: web}\n  ports: [{port: 80, targetPort: htpp}]\n", "htpp");
    check_services("  ports: [{port: 80}]\n", NULL); /* no selector: by hand */
}

static void check_ingress(const char *port, const char *want)
{
    char *text = skf_xasprintf(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n"
        "  ports: [{port: 80, name: web}]\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n"
        "  defaultBackend: {service: {name: of-somebody-else, port: {number: 1}}}\n"
        "  rules:\n  - http:\n      paths:\n"
        "      - {path: /, backend: {service: {name: s, port: {%s}}}}\n",
        port);
    struct skf_objects o = parse(text);
    struct skf_strv notes = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_check_services(&o, "default", &notes, &err), 0);
    assert_int_equal(notes.n, want ? 1 : 0);
    if (want)
        assert_string_equal(notes.v[0], want);
    skf_strv_release(&notes);
    skf_objects_release(&o);
    free(text);
}

static void test_ingresses(void **state)
{
    (void)state;
    check_ingress("number: 80", NULL);
    check_ingress("name: web", NULL);
    check_ingress("number: 8080", "x.yaml:15:63: ingress 'i' leads to port 8080, which service 's' "
                                  "does not have");
    check_ingress("name: http", "x.yaml:15:61: ingress 'i' leads to port http, which service 's' "
                                "does not have");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_changes),
        cmocka_unit_test(test_an_object_twice), cmocka_unit_test(test_services),
        cmocka_unit_test(test_ingresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/kube/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"

static const char service[] = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n"
                              "  selector: {app: web}\n  ports: [%s]\n";

/* The ports that the pod is counted on for: "c:8080 d:9090 ". */
static void check(const char *ports, const char *labels, const char *probe, const char *want)
{
    skf_autofree char *text = skf_xasprintf(
        "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\",\"labels\":{%s}},\"spec\":"
        "{\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":8080,\"name\":\"http\"}]%s}"
        ","
        "{\"name\":\"d\",\"ports\":[{\"containerPort\":9090}]}]}}",
        labels, probe);
    struct skf_buf yaml = SKF_BUF_INIT;
    skf_buf_adds(&yaml, "");
    const char *hole = strstr(service, "%s");
    skf_buf_add(&yaml, service, (size_t)(hole - service));
    skf_buf_addf(&yaml, "%s%s", ports, hole + 2);
    struct skf_objects objects = { 0 };
    struct skf_reach reach = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    json_t *pod = json_loads(text, 0, NULL);
    assert_non_null(pod);
    assert_int_equal(skf_manifest_parse("x.yaml", yaml.data, yaml.len, &objects, &err), 0);
    skf_reach_add(&reach, &objects, "default", pod);
    struct skf_buf got = SKF_BUF_INIT;
    skf_buf_adds(&got, "");
    for (size_t i = 0; i < reach.n; i++)
        skf_buf_addf(&got, "%s:%u ", reach.v[i].container, reach.v[i].port);
    assert_string_equal(got.data, want);
    skf_buf_release(&got);
    skf_buf_release(&yaml);
    skf_reach_release(&reach);
    skf_objects_release(&objects);
    json_decref(pod);
}

#define WEB "\"app\":\"web\""

static void test_ports_of_services(void **state)
{
    (void)state;
    check("{port: 80, targetPort: 8080}", WEB, "", "c:8080 ");
    check("{port: 80, targetPort: http}, {port: 9090}", WEB, "", "c:8080 d:9090 ");
    check("{port: 80, targetPort: nobody}", WEB, "", ""); /* said from the manifests already */
    check("{port: 80, targetPort: 7000}", WEB, "", "c:7000 ");
    check("{port: 80, targetPort: 8080, protocol: UDP}", WEB, "", "");
    check("{port: 80, targetPort: 8080}", "\"app\":\"other\"", "", "");
}

static void test_what_a_probe_has_seen_is_not_looked_at(void **state)
{
    (void)state;
    check("{port: 80, targetPort: 8080}", WEB, ",\"readinessProbe\":{\"httpGet\":{\"port\":8080}}",
          "");
    check("{port: 80, targetPort: 8080}", WEB,
          ",\"readinessProbe\":{\"tcpSocket\":{\"port\":\"http\"}}", "");
    check("{port: 80, targetPort: 8080}", WEB, ",\"readinessProbe\":{\"httpGet\":{\"port\":8081}}",
          "c:8080 ");
    check("{port: 80, targetPort: 8080}", WEB,
          ",\"readinessProbe\":{\"exec\":{\"command\":[\"true\"]}}", "c:8080 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_of_services),
        cmocka_unit_test(test_what_a_probe_has_seen_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/kube/kubeconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DIR FIXTURES "/kube/kubeconfig/"

static struct skf_kube_context load(const char *path, const char *context)
{
    struct skf_kube_context c = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_kubeconfig_load(path, context, &c, &err) < 0)
        fail_msg("%s: %s", context ? context : "current", err.msg);
    return c;
}

static struct skf_err load_error(const char *path, const char *context)
{
    struct skf_kube_context c = { .name = (char *)(uintptr_t) "untouched" };
    struct skf_err err = SKF_ERR_INIT;
    assert_true(skf_kubeconfig_load(path, context, &c, &err) < 0);
    assert_string_equal(c.name, "untouched");
    return err;
}

static void test_current_context_with_extension(void **state)
{
    (void)state;
    struct skf_kube_context c = load(DIR "one.yaml", NULL);
    assert_string_equal(c.name, "skiff");
    assert_string_equal(c.namespace_, "team-a");
    assert_string_equal(c.server, "https://127.0.0.1:6443");
    assert_string_equal(c.ca_pem, "fake-ca");
    assert_string_equal(c.client_cert_pem, "cert");
    assert_string_equal(c.client_key_pem, "key");
    assert_int_equal(c.kind, SKF_CLUSTER_SKIFF);
    assert_string_equal(c.containerd_socket, "/run/skiff/containerd.sock");
    assert_string_equal(c.containerd_namespace, "k8s.io");
    assert_string_equal(c.node_registry, "localhost:5000");
    assert_true(skf_kube_is_local(&c));
    assert_int_equal(c.files.n, 1);
    skf_kube_context_release(&c);
}

static void test_cluster_settings(void **state)
{
    (void)state;
    struct skf_kube_context c = load(DIR "one.yaml", "kind-dev");
    assert_int_equal(c.kind, SKF_CLUSTER_KIND);
    assert_string_equal(c.tool_cluster, "dev");
    assert_true(c.insecure);
    assert_string_equal(c.tls_server_name, "kubernetes");
    assert_string_equal(c.proxy_url, "http://proxy:3128");
    assert_string_equal(c.token, "secret-token");
    assert_string_equal(c.namespace_, "default");
    skf_kube_context_release(&c);
}

static void test_credentials(void **state)
{
    (void)state;
    struct skf_kube_context c = load(DIR "one.yaml", "prod");
    assert_string_equal(c.ca_pem, "fake-ca"); /* a file, relative to the kubeconfig */
    assert_int_equal(c.kind, SKF_CLUSTER_REMOTE);
    assert_false(skf_kube_is_local(&c));
    assert_non_null(c.exec);
    assert_string_equal(c.exec->command, DIR "bin/login");
    assert_int_equal(c.exec->args.n, 2);
    assert_string_equal(c.exec->env.v[0], "AWS_PROFILE=dev");
    assert_true(c.exec->provide_cluster_info);
    assert_string_equal(c.exec->install_hint, "install it with apt");
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod-file");
    assert_string_equal(c.token_file, DIR "token");
    assert_null(c.token);
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod-basic");
    assert_string_equal(c.username, "bob");
    assert_string_equal(c.password, "pa:ss");
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod-oidc");
    assert_string_equal(c.unsupported, "auth-provider 'oidc'");
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod-old-exec");
    assert_string_equal(c.exec->command, "login");
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod-somebody");
    skf_autofree char *headers = skf_strv_join(&c.impersonate, ", ");
    assert_string_equal(c.impersonate_user, "alice");
    assert_string_equal(headers, "Impersonate-Uid: 7, Impersonate-Group: dev, Impersonate-Group: "
                                 "ops, Impersonate-Extra-example.com%2Freason: on call");
    skf_kube_context_release(&c);
}

static void test_refused_users(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "prod-gcp", "gke-gcloud-auth-plugin" },
        { "prod-terminal", "wants a terminal" },
        { "prod-no-mode", "needs an interactiveMode" },
        { "prod-nobody-else", "need 'as'" },
        { "prod-two-lines", "a line break in 'as'" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_kube_context c;
        struct skf_err err = SKF_ERR_INIT;
        assert_true(skf_kubeconfig_load(DIR "one.yaml", cases[i][0], &c, &err) < 0);
        assert_non_null(strstr(err.msg, cases[i][1]));
        assert_true(err.line > 0);
    }
}

static void test_merge_first_wins(void **state)
{
    (void)state;
    setenv("KUBECONFIG", DIR "missing.yaml:" DIR "two.yaml::" DIR "one.yaml:" DIR "two.yaml", 1);
    struct skf_kube_context c = load(NULL, NULL);
    assert_string_equal(c.name, "k3d-two");
    assert_int_equal(c.kind, SKF_CLUSTER_K3D);
    assert_string_equal(c.tool_cluster, "two");
    assert_int_equal(c.files.n, 2);
    skf_kube_context_release(&c);
    c = load(NULL, "prod");
    assert_string_equal(c.server, "https://shadowed.example.com");
    skf_kube_context_release(&c);
    c = load(DIR "one.yaml", "prod"); /* a named file stands alone */
    assert_string_equal(c.server, "https://prod.example.com");
    skf_kube_context_release(&c);
    char *current = skf_kubeconfig_current(NULL);
    assert_string_equal(current, "k3d-two");
    free(current);
    assert_null(skf_kubeconfig_current(DIR "no-current.yaml"));
    assert_null(skf_kubeconfig_current_namespace(DIR "no-current.yaml"));
    unsetenv("KUBECONFIG");
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *file, *context;
        enum skf_code code;
        const char *text;
        int line;
    } cases[] = {
        { DIR "missing.yaml", NULL, SKF_ENOTFOUND, "missing.yaml", 0 },
        { DIR "no-current.yaml", NULL, SKF_ENOTFOUND, "no current context", 0 },
        { DIR "one.yaml", "skif", SKF_ENOTFOUND, "did you mean 'skiff'", 0 },
        { DIR "one.yaml", "zzzzzzzzzzz", SKF_ENOTFOUND, "there are 'skiff', 'kind-dev'", 0 },
        { DIR "one.yaml", "lost-cluster", SKF_ENOTFOUND, "cluster 'nowhere'", 0 },
        { DIR "one.yaml", "lost-user", SKF_ENOTFOUND, "user 'nobody'", 0 },
        { DIR "one.yaml", "prod-half", SKF_ECONFIG, "a client certificate without its key", 45 },
        { DIR "one.yaml", "prod-bad64", SKF_ECONFIG, "not base64", 47 },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = load_error(cases[i].file, cases[i].context);
        if (err.code != cases[i].code || !strstr(err.msg, cases[i].text))
            fail_msg("case %zu: code %d, '%s'", i, err.code, err.msg);
        assert_int_equal(err.line, cases[i].line);
        assert_null(strstr(err.msg, "a2V5")); /* no secret in a message */
    }
    struct skf_err err = load_error(DIR "broken.yaml", NULL);
    assert_true(err.line > 0);
}

static void test_in_cluster_needs_the_files(void **state)
{
    (void)state;
    setenv("KUBECONFIG", DIR "missing.yaml", 1);
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    struct skf_err err = load_error(NULL, NULL);
    assert_int_equal(err.code, SKF_ENOTFOUND);
    assert_non_null(strstr(err.msg, "KUBECONFIG"));
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBECONFIG");
}

static void test_local(void **state)
{
    (void)state;
    static const struct {
        const char *name, *server;
        bool local;
    } cases[] = {
        { "x", "https://127.0.0.1:6443", true },
        { "x", "https://127.1.2.3", true },
        { "x", "https://localhost:6443", true },
        { "x", "https://[::1]:6443", true },
        { "x", "https://localhost.evil.com", false },
        { "x", "https://127.0.0.1.evil.com", false },
        { "colima", "https://1.2.3.4", true },
        { "colima-x", "https://1.2.3.4", true },
        { "rancher-desktop", "https://1.2.3.4", true },
        { "colimax", "https://1.2.3.4", false },
        { "prod", "https://1.2.3.4", false },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_kube_context c = { .name = (char *)(uintptr_t)cases[i].name,
                                      .server = (char *)(uintptr_t)cases[i].server };
        if (skf_kube_is_local(&c) != cases[i].local)
            fail_msg("%s %s", cases[i].name, cases[i].server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_context_with_extension),
        cmocka_unit_test(test_cluster_settings),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_refused_users),
        cmocka_unit_test(test_merge_first_wins),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_in_cluster_needs_the_files),
        cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

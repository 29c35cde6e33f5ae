/* Where Docker is: environment, contexts, the usual sockets. */
#include "tests/unit/builders/support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/docker/host.h"

static char *scratch;

/* A home of its own; with or without a docker program. */
static void prepare(const char *name, bool program)
{
    static const char *const names[] = {
        "DOCKER_HOST",       "DOCKER_CONTEXT",   "DOCKER_CONFIG",
        "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR"
    };
    skf_autofree char *home = skf_path_join(scratch, name);
    skf_autofree char *bin = skf_path_join(home, "bin");
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    put(home, "bin/other", "");
    if (program) {
        skf_autofree char *path = skf_path_join(bin, "docker");
        put(bin, "docker", "#!/bin/sh\n");
        assert_int_equal(chmod(path, 0755), 0);
    }
    setenv("HOME", home, 1);
    setenv("PATH", bin, 1);
}

static struct skf_docker_host found(const char *given)
{
    struct skf_docker_host h = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    struct skf_target target = { .kind = SKF_TARGET_DOCKER, .docker_host = given };
    if (skf_docker_host_find(&target, &h, &err) < 0)
        fail_msg("%s", err.msg);
    return h;
}

static void expect_none(const char *part)
{
    struct skf_docker_host h;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_docker_host_find(NULL, &h, &err), -SKF_ENOTFOUND);
    if (!strstr(err.msg, part))
        fail_msg("'%s' is not in '%s'", part, err.msg);
}

static void test_environment(void **state)
{
    (void)state;
    prepare("environment", false);
    setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
    struct skf_docker_host h = found(NULL);
    assert_true(h.api);
    assert_false(h.cli);
    assert_string_equal(h.origin, "DOCKER_HOST");
    struct skf_http_req r;
    skf_http_req_init(&r);
    skf_docker_host_address(&h, &r, "/v1.41/x");
    assert_string_equal(r.url, "http://10.0.0.1:2375/v1.41/x");
    skf_http_req_release(&r);
    skf_docker_host_release(&h);

    h = found("tcp://10.0.0.2:2375"); /* the target wins */
    assert_true(h.given);
    assert_string_equal(h.address, "tcp://10.0.0.2:2375");
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    skf_docker_host_env(&h, &env);
    assert_string_equal(env.v[0], "DOCKER_HOST=tcp://10.0.0.2:2375");
    assert_string_equal(env.v[1], "DOCKER_TLS_VERIFY="); /* the user's is for another one */
    skf_docker_host_release(&h);

    setenv("DOCKER_TLS_VERIFY", "1", 1);
    setenv("DOCKER_CERT_PATH", getenv("HOME"), 1);
    expect_none("cert.pem");
    put(getenv("HOME"), "cert.pem", "a certificate");
    put(getenv("HOME"), "key.pem", "a key");
    h = found(NULL);
    assert_true(h.api);
    skf_http_req_init(&r);
    skf_docker_host_address(&h, &r, "/v1.41/x");
    assert_string_equal(r.url, "https://10.0.0.1:2375/v1.41/x");
    assert_string_equal(r.transport.client_key_pem, "a key");
    assert_null(r.transport.ca_pem); /* the system's */
    skf_http_req_release(&r);
    skf_docker_host_release(&h);
    setenv("DOCKER_HOST", "ssh://me@there", 1);
    expect_none("'ssh://me@there' (DOCKER_HOST)");
    prepare("environment", true);
    setenv("DOCKER_HOST", "ssh://me@there", 1);
    h = found(NULL);
    assert_true(h.cli);
    assert_false(h.api);
    skf_docker_host_release(&h);
}

static void test_sockets(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    prepare("sockets", false);
    setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1);
    expect_none("nothing listens at 'unix:///nowhere/docker.sock' (DOCKER_HOST)");
    struct skf_docker_host lost = { .address = skf_xstrdup("unix:///nowhere/docker.sock"),
                                    .origin = "x",
                                    .api = true };
    assert_int_equal(skf_docker_host_check(&lost, &err), -SKF_ENET);
    assert_non_null(strstr(err.msg, "systemctl start docker"));
    skf_docker_host_release(&lost);

    prepare("sockets", true); /* podman's docker program has no such socket */
    setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1);
    struct skf_docker_host h = found(NULL);
    assert_false(h.api);
    skf_docker_host_release(&h);

    skf_autofree char *run = skf_path_join(getenv("HOME"), "run");
    skf_autofree char *want = skf_xasprintf("unix://%s/docker.sock", run);
    put(run, "docker.sock", "");
    unsetenv("DOCKER_HOST");
    setenv("XDG_RUNTIME_DIR", run, 1);
    if (skf_file_exists("/var/run/docker.sock"))
        return; /* this machine has a Docker of its own: it comes first */
    h = found(NULL);
    assert_string_equal(h.address, want);
    assert_true(h.api);
    skf_docker_host_release(&h);
}

static void test_contexts(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_docker_host h;
    char digest[SKF_DIGEST_TEXT];
    prepare("contexts", true);
    skf_digest_of("remote", 6, digest);
    skf_autofree char *meta =
        skf_xasprintf(".docker/contexts/meta/%s/meta.json", skf_digest_hex(digest));
    skf_autofree char *tls =
        skf_xasprintf(".docker/contexts/tls/%s/docker/ca.pem", skf_digest_hex(digest));
    const char *home = getenv("HOME");
    put(home, meta, "{\"Name\":\"remote\",\"Endpoints\":{\"docker\":{\"Host\":\"tcp://r:2375\"}}}");
    put(home, ".docker/config.json", "{\"currentContext\":\"remote\"}");
    h = found(NULL);
    assert_string_equal(h.address, "tcp://r:2375");
    assert_string_equal(h.origin, "the docker context 'remote'");
    assert_true(h.api);
    skf_docker_host_release(&h);

    put(home, tls, "x");
    h = found(NULL);
    assert_false(h.api); /* no certificate of ours: the docker program may know more */
    skf_docker_host_release(&h);

    setenv("DOCKER_CONTEXT", "default", 1); /* wins over config.json */
    h = found(NULL);
    assert_memory_equal(h.address, "unix://", 7);
    skf_docker_host_release(&h);

    setenv("DOCKER_CONTEXT", "unknown", 1);
    assert_true(skf_docker_host_find(NULL, &h, &err) < 0);
    assert_non_null(strstr(err.msg, "unknown"));
    unsetenv("DOCKER_CONTEXT");
}

static int open_scratch(void **state)
{
    int rc = make_scratch(state);
    scratch = *state;
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_contexts),
    };
    return cmocka_run_group_tests(tests, open_scratch, drop_scratch);
}

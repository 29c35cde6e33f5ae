#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/document.h"
#include "lib/image/image.h"

#define LAYER "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIFF "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIFF2 "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static struct skf_image *base_of(const char *config, const char *manifest_rest, const char *family)
{
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of(config, strlen(config), digest);
    bool docker = strcmp(family, "docker") == 0;
    skf_autofree char *manifest =
        skf_xasprintf("{\"layers\":[{\"digest\":\"" LAYER "\",\"size\":77,\"mediaType\":\"%s\"}],"
                      "\"config\":{\"digest\":\"%s\",\"mediaType\":\"%s\",\"size\":%zu},"
                      "\"mediaType\":\"%s\",\"schemaVersion\":2%s}",
                      docker ? SKF_MT_DOCKER_LAYER_GZIP : SKF_MT_OCI_LAYER_GZIP, digest,
                      docker ? SKF_MT_DOCKER_CONFIG : SKF_MT_OCI_CONFIG, strlen(config),
                      docker ? SKF_MT_DOCKER_MANIFEST : SKF_MT_OCI_MANIFEST, manifest_rest);
    struct skf_image *im =
        skf_image_from_documents(manifest, strlen(manifest), "", config, strlen(config),
                                 "docker.io/library/base", false, &err);
    if (!im)
        fail_msg("%s", err.msg);
    return im;
}

static const char *config_text(const struct skf_image *im)
{
    return im->config->pieces[0].bytes;
}

static const char *manifest_text(const struct skf_image *im)
{
    return im->manifest->pieces[0].bytes;
}

static const char base_config[] =
    "{\"config\":{\"Volumes\":null,\"Cmd\":[\"sh\"],\"Env\":[\"A=1\",\"PATH=/usr/bin:/bin\"],"
    "\"ExposedPorts\":{\"90/tcp\":{},\"80/tcp\":{}},\"Labels\":{\"z\":\"1\",\"a\":\"<&>\"},"
    "\"WorkingDir\":\"/"
    "\",\"Novel\":{\"keep\":true}},\"created\":\"2024-01-02T03:04:05.120000000Z\","
    "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\",\"os.features\":[],"
    "\"history\":[{\"created_by\":\"x\",\"empty_layer\":false}],\"my.field\":1,"
    "\"rootfs\":{\"diff_ids\":[\"" DIFF "\"],\"type\":\"layers\"}}";

static void edits_and_serialises_as_ko_does(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_image *base =
        base_of(base_config, ",\"annotations\":{\"z\":\"base\",\"b\":\"1\"}", "docker");
    struct skf_blob *blob = skf_blob_new_bytes("layer", 5, SKF_MT_DOCKER_LAYER_GZIP);
    struct skf_image_layer layer = { .blob = blob,
                                     .diff_id = DIFF2,
                                     .history_author = "ko",
                                     .history_created_by = "ko build ko://example.com/x",
                                     .history_comment = "go build output, at /ko-app/x" };
    const char *entry[] = { "/ko-app/x", NULL }, *env[] = { "KO_DATA_PATH=/var/run/ko", NULL };
    const char *labels[] = { "m", "2", "a", "new", NULL },
               *notes[] = { "a", "2", "z", "mine", NULL };
    struct skf_image_edit edit = { .layers = &layer,
                                   .n_layers = 1,
                                   .entrypoint = entry,
                                   .path_append = "/ko-app",
                                   .env = env,
                                   .labels = labels,
                                   .author = "github.com/ko-build/ko",
                                   .annotations = notes };
    struct skf_image *im = skf_image_append(base, &edit, &err);
    assert_non_null(im);
    assert_string_equal(
        config_text(im),
        "{\"architecture\":\"arm\",\"author\":\"github.com/ko-build/ko\","
        "\"created\":\"2024-01-02T03:04:05.12Z\",\"history\":[{\"created\":\"0001-01-01T00:00:"
        "00Z\","
        "\"created_by\":\"x\"},{\"author\":\"ko\",\"created\":\"0001-01-01T00:00:00Z\","
        "\"created_by\":\"ko build ko://example.com/x\",\"comment\":\"go build output, at "
        "/ko-app/x\"}],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIFF
        "\",\"" DIFF2 "\"]},\"config\":{\"Entrypoint\":[\"/ko-app/x\"],\"Env\":[\"A=1\","
        "\"PATH=/usr/bin:/bin:/ko-app\",\"KO_DATA_PATH=/var/run/ko\"],\"Labels\":{\"a\":\"new\","
        "\"m\":\"2\",\"z\":\"1\"},\"WorkingDir\":\"/\",\"ExposedPorts\":{\"80/tcp\":{},"
        "\"90/tcp\":{}},\"Novel\":{\"keep\":true}},\"variant\":\"v7\",\"my.field\":1}");
    skf_autofree char *want = skf_xasprintf(
        "{\"schemaVersion\":2,\"mediaType\":\"" SKF_MT_DOCKER_MANIFEST "\",\"config\":{"
        "\"mediaType\":\"" SKF_MT_DOCKER_CONFIG "\",\"size\":%lld,\"digest\":\"%s\"},\"layers\":[{"
        "\"mediaType\":\"" SKF_MT_DOCKER_LAYER_GZIP "\",\"size\":77,\"digest\":\"" LAYER "\"},{"
        "\"mediaType\":\"" SKF_MT_DOCKER_LAYER_GZIP "\",\"size\":5,\"digest\":\"%s\"}],"
        "\"annotations\":{\"a\":\"2\",\"b\":\"1\",\"z\":\"mine\"}}",
        (long long)im->config->size, im->config->digest, blob->digest);
    assert_string_equal(manifest_text(im), want);
    assert_string_equal(im->manifest->media_type, SKF_MT_DOCKER_MANIFEST);
    assert_int_equal(im->n_layers, 2);
    assert_string_equal(im->layers[0]->remote_repository, "docker.io/library/base");
    assert_string_equal(im->platform.variant, "v7");
    skf_image_unref(im);
    skf_image_unref(base);
    skf_blob_unref(blob);
}

static void path_and_nothing_else(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_platform p = { .os = "linux", .arch = "amd64" };
    struct skf_image *base = skf_image_scratch(&p);
    assert_string_equal(config_text(base),
                        "{\"architecture\":\"amd64\",\"created\":\"0001-01-01T00:00:00Z\","
                        "\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},"
                        "\"config\":{}}");
    struct skf_image_edit edit = { .path_append = "/ko-app" };
    struct skf_image *im = skf_image_append(base, &edit, &err);
    assert_non_null(strstr(config_text(im), "\"Env\":[\"PATH=/ko-app\"]"));
    skf_image_unref(im);
    struct skf_image_edit none = { 0 };
    im = skf_image_append(base, &none, &err);
    assert_string_equal(im->config->digest, base->config->digest);
    assert_string_equal(im->manifest->digest, base->manifest->digest);
    skf_image_unref(im);
    skf_image_unref(base);
}

static void index_follows_the_base(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_platform p = { .os = "linux", .arch = "amd64" };
    struct skf_image *child = skf_image_scratch(&p);
    json_t *doc = json_pack("{s:i}", "schemaVersion", 2);
    struct skf_image base = { .refs = 1, .manifest_doc = doc };
    base.manifest = skf_blob_new_bytes("x", 1, SKF_MT_DOCKER_LIST);
    json_t *d =
        json_pack("{s:{s:s, s:s, s:s}, s:s, s:s, s:i, s:{s:s}}", "platform", "variant", "v8", "os",
                  "linux", "architecture", "arm64", "mediaType", SKF_MT_DOCKER_MANIFEST, "digest",
                  LAYER, "size", 1, "annotations", "k", "v");
    const char *notes[] = { "org.opencontainers.image.base.name", "index.docker.io/library/x:1",
                            NULL };
    struct skf_image *im = skf_image_index(&base, &child, &d, 1, notes, &err);
    skf_autofree char *want = skf_xasprintf(
        "{\"schemaVersion\":2,\"mediaType\":\"" SKF_MT_DOCKER_LIST "\",\"manifests\":[{"
        "\"mediaType\":\"" SKF_MT_DOCKER_MANIFEST "\",\"size\":%lld,\"digest\":\"%s\","
        "\"annotations\":{\"k\":\"v\"},\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\","
        "\"variant\":\"v8\"}}],\"annotations\":{\"org.opencontainers.image.base.name\":"
        "\"index.docker.io/library/x:1\"}}",
        (long long)child->manifest->size, child->manifest->digest);
    assert_string_equal(manifest_text(im), want);
    assert_null(im->config);
    skf_image_unref(im);
    skf_image_unref(child);
    json_decref(d);
    json_decref(doc);
    skf_blob_unref(base.manifest);
}

static void escapes_as_go_does(void **state)
{
    (void)state;
    json_t *v =
        json_string("<a>&\"\\/\n\t\r\b\f\x01\x1f\x7f\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xc3\xa4");
    skf_autofree char *text = skf_image_json(v);
    assert_string_equal(text, "\"\\u003ca\\u003e\\u0026\\\"\\\\/\\n\\t\\r\\b\\f\\u0001\\u001f\x7f"
                              "\\u2028\\u2029\xe2\x80\xaa\xc3\xa4\"");
    json_decref(v);
    v = json_loads("[1,-2,1.5,true,false,null,{},[]]", 0, NULL);
    skf_autofree char *list = skf_image_json(v);
    assert_string_equal(list, "[1,-2,1.5,true,false,null,{},[]]");
    json_decref(v);
}

static void static_base_is_the_same_each_time(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_platform p = { .os = "linux", .arch = "arm64" };
    struct skf_image *a = skf_image_static(&p, &err), *b = skf_image_static(&p, &err);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(a->manifest->digest, b->manifest->digest);
    assert_true(skf_blob_is_local(a->layers[0]));
    assert_non_null(strstr(config_text(a), "\"User\":\"65532\""));
    assert_non_null(strstr(config_text(a), "\"architecture\":\"arm64\""));
    skf_image_unref(a);
    skf_image_unref(b);
    setenv("SSL_CERT_FILE", "/nonexistent/ca.pem", 1);
    assert_null(skf_image_static(&p, &err));
    assert_int_equal(err.code, SKF_ENOTFOUND);
    assert_non_null(strstr(err.msg, "CA bundle"));
    unsetenv("SSL_CERT_FILE");
}

static void refuses_what_does_not_fit(void **state)
{
    static const struct {
        const char *config, *text;
    } cases[] = {
        { "[]", "not a JSON object" },
        { "{\"rootfs\":{\"diff_ids\":[]}}", "1 layers and a config for 0" },
        { "{\"rootfs\":{\"diff_ids\":[\"a\",\"b\"]}}", "1 layers and a config for 2" },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        char digest[SKF_DIGEST_TEXT];
        skf_digest_of(cases[i].config, strlen(cases[i].config), digest);
        skf_autofree char *m = skf_xasprintf(
            "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"c\",\"digest\":\"%s\",\"size\":1},"
            "\"layers\":[{\"mediaType\":\"l\",\"digest\":\"" LAYER "\",\"size\":1}]}",
            digest);
        assert_null(skf_image_from_documents(m, strlen(m), "", cases[i].config,
                                             strlen(cases[i].config), "r", false, &err));
        if (!strstr(err.msg, cases[i].text))
            fail_msg("%s", err.msg);
        /* a config with another digest than the manifest says */
        assert_null(skf_image_from_documents(m, strlen(m), "", "{}", 2, "r", false, &err));
        assert_non_null(strstr(err.msg, "has the digest"));
    }
}

static void parses_and_matches_platforms(void **state)
{
    static const struct {
        const char *want, *have;
        int matches;
    } cases[] = {
        { "linux/amd64", "linux/amd64", 1 },
        { "linux/arm", "linux/arm/v6", 1 },
        { "linux/arm64", "linux/arm64/v8", 1 },
        { "linux/arm64/v8", "linux/arm64", 0 },
        { "linux", "linux/s390x", 1 },
        { "linux/amd64", "unknown/unknown", 0 },
        { "windows/amd64:10.0.17763", "windows/amd64:10.0.17763.100", 1 },
        { "windows/amd64:10.0.1776", "windows/amd64:10.0.17763.100", 0 },
        { "linux/amd64:1.2.3", "linux/amd64:1.2.3.4", 0 },
    };
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_platform want, have;
        char text[160];
        assert_int_equal(skf_platform_parse(cases[i].want, &want, &err), 0);
        assert_int_equal(skf_platform_parse(cases[i].have, &have, &err), 0);
        if (skf_platform_matches(&want, &have) != (cases[i].matches != 0))
            fail_msg("%s %s", cases[i].want, cases[i].have);
        skf_platform_format(&have, text, sizeof text);
        assert_string_equal(text, cases[i].have);
    }
    struct skf_platform p;
    assert_int_not_equal(skf_platform_parse("a/b/c/d", &p, &err), 0);
    assert_int_not_equal(skf_platform_parse("", &p, &err), 0);
    assert_int_not_equal(
        skf_platform_parse("linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &p, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_and_serialises_as_ko_does),
        cmocka_unit_test(path_and_nothing_else),
        cmocka_unit_test(index_follows_the_base),
        cmocka_unit_test(escapes_as_go_does),
        cmocka_unit_test(static_base_is_the_same_each_time),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(parses_and_matches_platforms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

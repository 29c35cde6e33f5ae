#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/image/ref.h"

static void check_parts(const char *text, const char *domain, const char *path, const char *tag,
                        const char *digest, const char *name)
{
    struct skf_ref r;
    struct skf_err err = SKF_ERR_INIT;
    int rc = skf_ref_parse(text, &r, &err);
    if (rc)
        fail_msg("'%s': %s", text, err.msg);
    assert_string_equal(r.domain, domain);
    assert_string_equal(r.path, path);
    assert_string_equal(r.tag ? r.tag : "", tag);
    assert_string_equal(r.digest ? r.digest : "", digest);
    assert_string_equal(r.name, name);
    skf_ref_release(&r);
}

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static void parses_parts(void **state)
{
    (void)state;
    check_parts("nginx", "docker.io", "library/nginx", "", "", "nginx");
    check_parts("nginx:1.25", "docker.io", "library/nginx", "1.25", "", "nginx");
    check_parts("team/app", "docker.io", "team/app", "", "", "team/app");
    check_parts("docker.io/nginx", "docker.io", "library/nginx", "", "", "docker.io/nginx");
    check_parts("index.docker.io/a/b", "docker.io", "a/b", "", "", "index.docker.io/a/b");
    check_parts("host:5000/x", "host:5000", "x", "", "", "host:5000/x");
    check_parts("localhost/x:t", "localhost", "x", "t", "", "localhost/x");
    check_parts("Host/x", "Host", "x", "", "", "Host/x");
    check_parts("[::1]:5000/x/y:z", "[::1]:5000", "x/y", "z", "", "[::1]:5000/x/y");
    check_parts("gcr.io/my-project/go-app@" DIGEST, "gcr.io", "my-project/go-app", "", DIGEST,
                "gcr.io/my-project/go-app");
    check_parts("r.io/a:t@" DIGEST, "r.io", "a", "t", DIGEST, "r.io/a");
    check_parts("a__b/c--d/e.f_g", "docker.io", "a__b/c--d/e.f_g", "", "", "a__b/c--d/e.f_g");
    check_parts("x:_A.b-9", "docker.io", "library/x", "_A.b-9", "", "x");
}

static void refuses(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "@",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a/B",
        "r.io/A",
        "a:",
        "a:-x",
        "a:.x",
        "a:x/y:",
        "a@sha256:12",
        "a@" HEX,
        "a:t@",
        "a..b",
        "a___b",
        "-a",
        "a-",
        "a b",
        "host:0/x",
        "host:65536/x",
        "host:x/y",
        "[::1/x",
        "[]/x",
        "ko://example.com/x",
        "-h.io/x",
        "h-.io/x",
        HEX,
        "a\tb",
        "\xc3\xa4",
        "host:5000/",
        "host:5000",
        "a:b:c",
        "sha256:" /* empty tag */,
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        struct skf_ref r = { (char *)1 };
        struct skf_err err = SKF_ERR_INIT;
        if (strcmp(bad[i], "host:5000") == 0)
            continue; /* name "host", tag "5000" */
        if (skf_ref_parse(bad[i], &r, &err) == 0)
            fail_msg("'%s' was accepted", bad[i]);
        assert_int_equal(err.code, SKF_EINVAL);
        assert_ptr_equal(r.domain, (char *)1); /* outputs untouched */
    }
    char tag[132] = "a:";
    struct skf_ref r;
    struct skf_err err = SKF_ERR_INIT;
    memset(tag + 2, 'x', 128);
    assert_int_equal(skf_ref_parse(tag, &r, &err), 0);
    skf_ref_release(&r);
    tag[130] = 'x';
    assert_int_not_equal(skf_ref_parse(tag, &r, &err), 0);
    char path[300] = { 0 };
    memset(path, 'x', 256);
    assert_int_not_equal(skf_ref_parse(path, &r, &err), 0);
}

static void check_full(const char *text, const char *full, const char *ggcr, const char *api)
{
    struct skf_ref r;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_ref_parse(text, &r, &err), 0);
    skf_autofree char *f = skf_ref_full(&r), *g = skf_ref_ggcr(&r);
    assert_string_equal(f, full);
    assert_string_equal(g, ggcr);
    assert_string_equal(skf_ref_api_host(&r), api);
    skf_ref_release(&r);
}

static void spells_in_full(void **state)
{
    (void)state;
    check_full("alpine", "docker.io/library/alpine:latest", "index.docker.io/library/alpine:latest",
               "registry-1.docker.io");
    check_full("a/b:c@" DIGEST, "docker.io/a/b@" DIGEST, "index.docker.io/a/b@" DIGEST,
               "registry-1.docker.io");
    check_full("gcr.io/x:1", "gcr.io/x:1", "gcr.io/x:1", "gcr.io");
}

static void knows_loopback(void **state)
{
    static const struct {
        const char *text;
        int loopback;
    } cases[] = { { "localhost:5000/x", 1 },
                  { "127.0.0.1:5000/x", 1 },
                  { "127.1.2.3/x", 1 },
                  { "[::1]/x", 1 },
                  { "[::1]:5000/x", 1 },
                  { "a.localhost:1/x", 1 },
                  { "localhost.example/x", 0 },
                  { "127.evil.com/x", 0 },
                  { "nginx", 0 },
                  { "notlocalhost:5/x", 0 },
                  { "128.0.0.1/x", 0 },
                  { "[::11]/x", 0 },
                  { "127.0.0.1.evil.com/x", 0 } };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_ref r;
        struct skf_err err = SKF_ERR_INIT;
        assert_int_equal(skf_ref_parse(cases[i].text, &r, &err), 0);
        if (skf_ref_is_loopback(&r) != (cases[i].loopback != 0))
            fail_msg("%s", cases[i].text);
        skf_ref_release(&r);
    }
}

static void rewrites_for_default_repo(void **state)
{
    static const struct {
        const char *repo;
        int multi;
        const char *image, *want;
    } cases[] = {
        { "", 0, "gcr.io/p/app:1", "gcr.io/p/app:1" },
        { "reg.io:5000", 0, "gcr.io/proj/app", "reg.io:5000/gcr_io_proj_app" },
        { "reg.io:5000", 0, "gcr.io/proj/app:v.1@" DIGEST,
          "reg.io:5000/gcr_io_proj_app:v.1@" DIGEST },
        { "gcr.io/me-proj1", 0, "gcr.io/other1/app", "gcr.io/me-proj1/gcr.io/other1/app" },
        { "gcr.io/me-proj1/sub", 0, "gcr.io/me-proj1/app", "gcr.io/me-proj1/sub/app" },
        { "gcr.io/me-proj1", 0, "gcr.io/me-proj1/app", "gcr.io/me-proj1/app" },
        { "localhost:5000", 0, "localhost:5000/app:x", "localhost:5000/app:x" },
        { "localhost:5000", 0, "app", "localhost:5000/app" },
        { "localhost:5000", 1, "team/app", "localhost:5000/team/app" },
        { "localhost:5000", 0, "ko://example.com/Cmd/Web", "localhost:5000/example_com_cmd_web" },
        { "eu-docker.pkg.dev/proj-a", 0, "x/y", "eu-docker.pkg.dev/proj-a/x/y" },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autofree char *got =
            skf_ref_default_repo(cases[i].repo, cases[i].multi != 0, cases[i].image);
        assert_string_equal(got, cases[i].want);
    }
    char longer[400] = { 0 };
    memset(longer, 'a', 300);
    skf_autofree char *cut = skf_ref_default_repo("reg.io", false, longer);
    assert_int_equal(strlen(cut), 255);
}

static void sanitises(void **state)
{
    (void)state;
    skf_autofree char *a = skf_ref_sanitise("ko://Example.com/X:Tag");
    skf_autofree char *b = skf_ref_sanitise("reg:5000/App");
    assert_string_equal(a, "example.com/x:Tag");
    assert_string_equal(b, "reg:5000/app");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_parts),   cmocka_unit_test(refuses),
        cmocka_unit_test(spells_in_full), cmocka_unit_test(knows_loopback),
        cmocka_unit_test(sanitises),      cmocka_unit_test(rewrites_for_default_repo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

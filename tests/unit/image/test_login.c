#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/mem.h"
#include "lib/image/challenge.h"
#include "lib/image/login.h"

/* "kind realm service scope" of the headers, which are separated by newlines. */
static void check(const char *headers, int kind, const char *realm, const char *service,
                  const char *scope)
{
    struct skf_challenge c = { 0 };
    skf_autofree char *copy = skf_xstrdup(headers);
    char *save = NULL;
    for (char *h = strtok_r(copy, "\n", &save); h; h = strtok_r(NULL, "\n", &save))
        skf_challenge_add(&c, h);
    if (c.kind != (enum skf_auth_kind)kind)
        fail_msg("'%s': kind %d", headers, c.kind);
    assert_string_equal(c.realm ? c.realm : "", realm);
    assert_string_equal(c.service ? c.service : "", service);
    assert_string_equal(c.scope ? c.scope : "", scope);
    skf_challenge_release(&c);
}

static void reads_challenges(void **state)
{
    (void)state;
    check("Bearer realm=\"https://a/t\",service=\"reg\",scope=\"repository:a/b:pull,push\"",
          SKF_AUTH_BEARER, "https://a/t", "reg", "repository:a/b:pull,push");
    check(" bEARER REALM=https://a/t , Service = \"x\\\"y\"", SKF_AUTH_BEARER, "https://a/t",
          "x\"y", "");
    check("Basic realm=\"x, y\"", SKF_AUTH_BASIC, "x, y", "", "");
    check("Basic", SKF_AUTH_BASIC, "", "", "");
    check("Negotiate, Basic realm=\"b\", Bearer realm=\"https://t\"", SKF_AUTH_BEARER, "https://t",
          "", "");
    check("Bearer realm=\"https://t\"\nBasic realm=\"b\"", SKF_AUTH_BEARER, "https://t", "", "");
    check("Negotiate YII==\nDigest realm=\"d\",nonce=\"n\"", SKF_AUTH_UNKNOWN, "", "", "");
    check("Bearer service=\"no realm\"\nBasic realm=\"b\"", SKF_AUTH_BASIC, "b", "", "");
    check("Bearer realm=\"unterminated", SKF_AUTH_BEARER, "unterminated", "", "");
    check(",,, =x, \x01\x02", SKF_AUTH_NONE, "", "", "");
}

static void checks_where_tokens_are_asked_for(void **state)
{
    static const struct {
        const char *realm, *scheme, *host;
        int ok;
    } cases[] = {
        { "https://auth.example/token", "https", "reg.example", 1 },
        { "http://auth.example/token", "https", "reg.example", 0 },
        { "http://127.0.0.1:5001/token", "http", "127.0.0.1:5000", 1 },
        { "https://127.0.0.1/x", "https", "reg.example", 0 },
        { "https://169.254.169.254/latest", "https", "reg.example", 0 },
        { "https://10.1.2.3/x", "https", "10.0.0.1:5000", 1 },
        { "https://[::1]/x", "https", "reg.example", 0 },
        { "https://localhost:1/x", "https", "reg.example", 0 },
        { "https://user:pw@evil/x", "https", "reg.example", 0 },
        { "file:///etc/passwd", "https", "reg.example", 0 },
        { "https://", "https", "reg.example", 0 },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_challenge c = { .realm = skf_xstrdup(cases[i].realm) };
        int rc = skf_challenge_check_realm(&c, cases[i].scheme, cases[i].host, &err);
        if ((rc == 0) != (cases[i].ok != 0))
            fail_msg("%s: %s", cases[i].realm, err.msg);
        skf_challenge_release(&c);
    }
}

static void reads_tokens(void **state)
{
    static const struct {
        const char *json, *token;
        int life;
    } cases[] = {
        { "{\"token\":\"a\"}", "a", 60 },
        { "{\"token\":\"a\",\"access_token\":\"b\",\"expires_in\":300}", "b", 300 },
        { "{\"token\":\"a\",\"expires_in\":-5}", "a", 60 },
        { "{\"token\":\"a\",\"expires_in\":99999999}", "a", 86400 },
        { "{\"token\":\"\"}", NULL, 0 },
        { "{\"token\":\"a\\r\\nX-Evil: 1\"}", NULL, 0 },
        { "{\"token\":5}", NULL, 0 },
        { "[]", NULL, 0 },
        { "", NULL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        char *token = NULL;
        int64_t life = 0;
        int rc = skf_token_parse(cases[i].json, strlen(cases[i].json), &token, &life, &err);
        if ((rc == 0) != (cases[i].token != NULL))
            fail_msg("%s", cases[i].json);
        if (token) {
            assert_string_equal(token, cases[i].token);
            assert_int_equal(life, cases[i].life);
        }
        free(token);
    }
}

static void finds_credentials(void **state)
{
    /* auth: alice:secret, bob:b:c, ":x", "noColon" */
    static const char config[] =
        "{\"auths\":{\"reg.io\":{\"auth\":\"YWxpY2U6c2VjcmV0\"},"
        "\"reg.io/team\":{\"auth\":\"Ym9iOmI6Yw\"},"
        "\"https://old.io/v1/\":{\"username\":\"u\",\"password\":\"p\"},"
        "\"https://index.docker.io/v1/\":{\"auth\":\"YWxpY2U6c2VjcmV0\"},"
        "\"id.io\":{\"identitytoken\":\"it\"},\"rt.io\":{\"registrytoken\":\"rt\"},"
        "\"bad1.io\":{\"auth\":\"Ong=\"},\"bad2.io\":{\"auth\":\"bm9Db2xvbg==\"},"
        "\"bad3.io\":{\"auth\":\"***\"},\"empty.io\":{}},"
        "\"credHelpers\":{\"helped.io\":\"one\",\"evil.io\":\"../../bin/sh\"}}";
    static const struct {
        const char *repository, *user, *password, *helper, *server;
        int fails;
    } cases[] = {
        { "reg.io/x", "alice", "secret", "", "", 0 },
        { "reg.io/team/app", "bob", "b:c", "", "", 0 },
        { "reg.io/teamwork", "alice", "secret", "", "", 0 },
        { "old.io/x", "u", "p", "", "", 0 },
        { "docker.io/library/x", "alice", "secret", "", "", 0 },
        { "other.io/x", "", "", "", "", 0 },
        { "empty.io/x", "", "", "", "", 0 },
        { "bad1.io/x", "", "", "", "", 1 },
        { "bad2.io/x", "", "", "", "", 1 },
        { "bad3.io/x", "", "", "", "", 1 },
        { "helped.io/x", "", "", "docker-credential-one", "helped.io", 0 },
        { "evil.io/x", "", "", "", "", 1 },
    };
    (void)state;
    struct skf_login_file f = { .doc = json_loads(config, 0, NULL), .path = skf_xstrdup("C.json") };
    assert_non_null(f.doc);
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_login l = { 0 };
        char *helper = NULL, *server = NULL;
        int rc = skf_login_find(&f, cases[i].repository, &l, &helper, &server, &err);
        if ((rc != 0) != (cases[i].fails != 0))
            fail_msg("%s: %s", cases[i].repository, err.msg);
        assert_null(strstr(err.msg, "secret"));
        assert_string_equal(l.user ? l.user : "", cases[i].user);
        assert_string_equal(l.password ? l.password : "", cases[i].password);
        assert_string_equal(helper ? helper : "", cases[i].helper);
        assert_string_equal(server ? server : "", cases[i].server);
        skf_login_release(&l);
        free(helper);
        free(server);
    }
    struct skf_err err = SKF_ERR_INIT;
    struct skf_login l = { 0 };
    char *helper = NULL, *server = NULL;
    assert_int_equal(skf_login_find(&f, "id.io/x", &l, &helper, &server, &err), 0);
    assert_string_equal(l.identity_token, "it");
    skf_login_release(&l);
    assert_int_equal(skf_login_find(&f, "rt.io/x", &l, &helper, &server, &err), 0);
    assert_string_equal(l.registry_token, "rt");
    skf_login_release(&l);
    skf_login_unload(&f);

    f.doc = json_loads(
        "{\"credsStore\":\"desktop\",\"auths\":{\"a.io\":{\"auth\":\"YWxpY2U6c2VjcmV0\"}}}", 0,
        NULL);
    assert_int_equal(skf_login_find(&f, "docker.io/library/x", &l, &helper, &server, &err), 0);
    assert_string_equal(helper, "docker-credential-desktop");
    assert_string_equal(server, "https://index.docker.io/v1/");
    free(helper);
    free(server);
    skf_login_unload(&f);
}

static void github_token_serves_ghcr(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_login_file f = { 0 };
    struct skf_login l = { 0 };
    char *helper = NULL, *server = NULL;
    setenv("GITHUB_TOKEN", "ght", 1);
    unsetenv("GITHUB_ACTOR");
    assert_int_equal(skf_login_find(&f, "ghcr.io/a/b", &l, &helper, &server, &err), 0);
    assert_string_equal(l.user, "unset");
    assert_string_equal(l.password, "ght");
    skf_login_release(&l);
    assert_int_equal(skf_login_find(&f, "quay.io/a/b", &l, &helper, &server, &err), 0);
    assert_null(l.user);
    unsetenv("GITHUB_TOKEN");
}

static void reads_what_helpers_print(void **state)
{
    static const struct {
        int status;
        const char *text, *user, *identity;
        int code;
    } cases[] = {
        { 0, "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}\n", "u", "", 0 },
        { 0, "{\"Username\":\"<token>\",\"Secret\":\"idt\"}", "", "idt", 0 },
        { 1, "credentials not found in native keychain\n", "", "", 0 },
        { 1, "keychain locked\nmore", "", "", SKF_EDENIED },
        { 1, "", "", "", SKF_EDENIED },
        { 0, "noise", "", "", SKF_EPROTO },
        { 0, "{\"Username\":\"u\"}", "", "", SKF_EPROTO },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_login l = { 0 };
        int rc = skf_login_from_helper("docker-credential-x", cases[i].status, cases[i].text,
                                       strlen(cases[i].text), &l, &err);
        assert_int_equal(rc, -cases[i].code);
        assert_string_equal(l.user ? l.user : "", cases[i].user);
        assert_string_equal(l.identity_token ? l.identity_token : "", cases[i].identity);
        skf_login_release(&l);
    }
}

static void base64_both_ways(void **state)
{
    static const char *const texts[] = { "", "a", "ab", "abc", "abcd", "\xff\xfe\x00x" };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++) {
        size_t len = strlen(texts[i]), got;
        skf_autofree char *coded = skf_base64_encode(texts[i], len);
        skf_autofree char *back = skf_base64_decode(coded, &got);
        assert_int_equal(got, len);
        assert_string_equal(back, texts[i]);
    }
    size_t n;
    assert_null(skf_base64_decode("a", &n));
    assert_null(skf_base64_decode("a*b=", &n));
    assert_null(skf_base64_decode("QQ=Q", &n));
    skf_autofree char *url = skf_base64_decode("_-8", &n);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_challenges),
        cmocka_unit_test(checks_where_tokens_are_asked_for),
        cmocka_unit_test(reads_tokens),
        cmocka_unit_test(finds_credentials),
        cmocka_unit_test(github_token_serves_ghcr),
        cmocka_unit_test(reads_what_helpers_print),
        cmocka_unit_test(base64_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

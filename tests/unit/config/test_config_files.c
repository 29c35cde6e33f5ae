/* The small readers: skaffold.env and ~/.skaffold/config; fix and schema; findings as text and
 * JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/config/dotenv.h"
#include "lib/config/global.h"
#include "lib/config/load.h"
#include "lib/config/profile.h"
#include "lib/config/version.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"

static void reads_dotenv(void **state)
{
    (void)state;
    static const char text[] =
        "# comment\n\nA=1\nexport B = two words # tail\nC='$A # x'\n"
        "D=\"$A-${B}\\n$NOPE.\"\nE=a#b\nF: yaml\nG=\nH='two\nlines'\r\nI=$A$\n";
    static const char *const want[] = { "A=1",   "B=two words", "C=$A # x", "D=1-two words\n.",
                                        "E=a#b", "F=yaml",      "G=",       "H=two\nlines",
                                        "I=1$" };
    skf_autostrv struct skf_strv got = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_dotenv_parse(text, strlen(text), &got, &err), 0);
    assert_int_equal(got.n, SKF_ARRAY_LEN(want));
    for (size_t i = 0; i < got.n; i++)
        assert_string_equal(got.v[i], want[i]);
    assert_int_equal(skf_dotenv_parse("A=1\n= 2\n", 8, &got, &err), -SKF_ECONFIG);
    assert_int_equal(err.line, 2);
    assert_int_equal(skf_dotenv_parse("A=1\nB='x\n\n", 10, &got, &err), -SKF_ECONFIG);
    assert_int_equal(err.line, 2);
    assert_int_equal(skf_dotenv_parse("A='x' y", 7, &got, &err), -SKF_ECONFIG);
    assert_int_equal(got.n, SKF_ARRAY_LEN(want));
}

static void loads_dotenv_without_overriding(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_file_temp_dir("dotenv", &err);
    skf_autofree char *file = skf_xasprintf("%s/skaffold.env", dir);
    static const char text[] = "SKIFF_T_OLD=new\nSKIFF_T_NEW=new\n";
    setenv("SKIFF_T_OLD", "old", 1);
    assert_int_equal(skf_dotenv_load(file, &err), 0); /* missing is fine */
    assert_int_equal(skf_file_write_atomic(file, 0600, text, strlen(text), &err), 0);
    assert_int_equal(skf_dotenv_load(file, &err), 0);
    assert_string_equal(getenv("SKIFF_T_OLD"), "old");
    assert_string_equal(getenv("SKIFF_T_NEW"), "new");
    assert_int_equal(skf_file_remove_tree(dir, &err), 0);
}

static void reads_global_config(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_file_temp_dir("global", &err);
    skf_autofree char *file = skf_xasprintf("%s/config", dir);
    static const char text[] = "global:\n  default-repo: gcr.io/all\n  local-cluster: false\n"
                               "  insecure-registries: [a]\n  survey: {x: 1}\n"
                               "kubeContexts:\n- kube-context: kind\n  local-cluster: true\n"
                               "  insecure-registries: [b, a]\n"
                               "- kube-context: '!kind'\n  default-repo: other\n";
    struct skf_global g;
    assert_int_equal(skf_global_load(file, "x", &g, &err), 0);
    assert_null(g.default_repo);
    skf_global_release(&g);
    assert_int_equal(skf_file_write_atomic(file, 0600, text, strlen(text), &err), 0);
    assert_int_equal(skf_global_load(file, "my-kind-x", &g, &err), 0);
    assert_string_equal(g.default_repo, "gcr.io/all");
    assert_int_equal(g.local_cluster, SKF_YES);
    assert_int_equal(g.insecure_registries.n, 2);
    assert_string_equal(g.insecure_registries.v[0], "b");
    skf_global_release(&g);
    assert_int_equal(skf_global_load(file, "prod", &g, &err), 0);
    assert_string_equal(g.default_repo, "other");
    assert_int_equal(g.local_cluster, SKF_NO);
    skf_global_release(&g);
    assert_int_equal(skf_file_write_atomic(file, 0600, "a: [", 4, &err), 0);
    assert_int_equal(skf_global_load(file, "prod", &g, &err), -SKF_ECONFIG);
    assert_int_equal(skf_file_remove_tree(dir, &err), 0);
}

static void matches_patterns(void **state)
{
    (void)state;
    assert_true(skf_profile_match("kind", "my-kind-x"));
    assert_false(skf_profile_match("!kind", "my-kind-x"));
    assert_true(skf_profile_match("!!kind", "my-kind-x"));
    assert_true(skf_profile_match("^(?:a|b)\\d+$", "b42"));
    assert_true(skf_profile_match("gke_[\\d]+", "gke_7"));
    assert_true(skf_profile_match("a(", "a(")); /* no regular expression: equality */
    assert_false(skf_profile_match("a(", "xa("));
}

static void fixes_files(void **state)
{
    (void)state;
    static const char text[] = "apiVersion: skaffold/v1beta2\nkind: Config\nbuild:\n  artifacts:\n"
                               "  - image: a # c\ndeploy:\n  kubectl: {manifests: [x]}\n";
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    skf_autobuf struct skf_buf once = SKF_BUF_INIT, twice = SKF_BUF_INIT;
    bool changed;
    assert_int_equal(
        skf_config_fix(&(struct skf_fix){ "f", text, strlen(text) }, &once, &changed, &diags), 0);
    assert_true(changed);
    assert_string_equal(once.data,
                        "apiVersion: skaffold/v4beta14\nkind: Config\nbuild:\n  artifacts:\n"
                        "  - image: a\ndeploy:\n  kubectl: {}\nmanifests:\n  rawYaml:\n  - x\n");
    assert_int_equal(
        skf_config_fix(&(struct skf_fix){ "f", once.data, once.len }, &twice, &changed, &diags), 0);
    assert_false(changed);
    assert_string_equal(once.data, twice.data);
    assert_int_equal(skf_config_fix(&(struct skf_fix){ "f", "a: 1", 4 }, &twice, &changed, &diags),
                     -SKF_ECONFIG);
    skf_diagnostics_release(&diags);
}

/* Every version is read, and each can be brought to every later one. */
static void fixes_every_version(void **state)
{
    (void)state;
    for (int from = 0; from < SKF_VERSION_COUNT; from++) {
        for (int to = from; to < SKF_VERSION_COUNT; to += to + 12 < SKF_VERSION_COUNT ? 12 : 1) {
            struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
            skf_autobuf struct skf_buf out = SKF_BUF_INIT;
            skf_autofree char *text =
                skf_xasprintf("apiVersion: skaffold/%s\nkind: Config\n", skf_version_name(from));
            skf_autofree char *version = skf_xasprintf("skaffold/%s", skf_version_name(to));
            skf_autofree char *want = skf_xasprintf("apiVersion: %s\nkind: Config\n", version);
            bool changed;
            const struct skf_fix fix = { "f", text, strlen(text), .version = version };
            assert_int_equal(skf_config_fix(&fix, &out, &changed, &diags), 0);
            assert_string_equal(out.data, want);
            assert_int_equal(changed, from != to);
            skf_diagnostics_release(&diags);
        }
    }
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    static const char text[] = "apiVersion: skaffold/v3\nkind: Config\n";
    bool changed;
    const struct skf_fix back = { "f", text, strlen(text), .version = "skaffold/v1" };
    const struct skf_fix nowhere = { "f", text, strlen(text), .version = "skaffold/v99" };
    assert_int_equal(skf_config_fix(&back, &out, &changed, &diags), -SKF_ECONFIG);
    assert_int_equal(skf_config_fix(&nowhere, &out, &changed, &diags), -SKF_ECONFIG);
    assert_int_equal(diags.n, 2);
    skf_diagnostics_release(&diags);
}

static void exports_schema(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    skf_config_schema(NULL, &out);
    assert_int_equal(skf_doc_parse_json("schema", out.data, out.len, &d, &err), 0);
    assert_int_equal(d->n_dups, 0);
    const struct skf_node *artifacts =
        skf_node_find(d->parts[0].root, "properties", "build", "properties", "artifacts", NULL);
    assert_non_null(skf_node_find(artifacts, "items", "properties", "image", NULL));
    assert_string_equal(skf_node_path(artifacts, "items.required[0]")->text, "image");
    skf_doc_free(d);
}

static void shows_findings(void **state)
{
    (void)state;
    static const char text[] = "a:\n\tbé: \"x\"\n";
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    struct skf_doc *d = skf_doc_new("f.yaml");
    free(d->text);
    d->text = skf_xstrdup(text);
    d->len = strlen(text);
    struct skf_node *n = skf_node_new_str(d, NULL, "x");
    n->line = 2;
    n->col = 6;
    skf_diagnostic_add(&diags, false, n, "say '%'", "bad \"%s\"", "x");
    skf_diagnostic_add(&diags, false, n, "say '%'", "bad \"%s\"", "x"); /* once is enough */
    n->line = 1;
    skf_diagnostic_add(&diags, true, n, NULL, "first");
    assert_int_equal(diags.n, 2);
    assert_true(skf_diagnostics_failed(&diags));
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_diagnostic_format(&diags.v[1], false, &out);
    assert_string_equal(
        out.data, "f.yaml:2:6: error: bad \"x\"\n  \tbé: \"x\"\n  \t    ^\n  hint: say '%'\n");
    skf_buf_clear(&out);
    skf_diagnostics_json(&diags, &out);
    assert_string_equal(
        out.data,
        "[\n  {\"severity\": \"warning\", \"file\": \"f.yaml\", \"line\": 1, \"column\": 6, "
        "\"message\": \"first\"},\n  {\"severity\": \"error\", \"file\": \"f.yaml\", \"line\": 2, "
        "\"column\": 6, \"message\": \"bad \\\"x\\\"\", \"hint\": \"say '%'\"}\n]\n");
    struct skf_err err = SKF_ERR_INIT;
    skf_diagnostics_err(&diags, &err);
    assert_int_equal(err.code, SKF_ECONFIG);
    assert_int_equal(err.line, 2);
    skf_diagnostics_release(&diags);
    skf_doc_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dotenv),        cmocka_unit_test(loads_dotenv_without_overriding),
        cmocka_unit_test(reads_global_config), cmocka_unit_test(matches_patterns),
        cmocka_unit_test(fixes_files),         cmocka_unit_test(fixes_every_version),
        cmocka_unit_test(exports_schema),      cmocka_unit_test(shows_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

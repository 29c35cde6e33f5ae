#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/config/template.h"

static const char *no_env(void *ctx, const char *name)
{
    return strcmp(name, "HOME") == 0 ? ctx : NULL;
}

static const struct skf_tpair git_pairs[] = {
    { "Tag", { .kind = SKF_TV_STRING, .str = "v1.2.3" } },
    { "IsDirty", { .kind = SKF_TV_BOOL, .yes = true } },
    { "CommitTimestamp", { .kind = SKF_TV_INT, .num = 1700000000 } },
    { 0 },
};
static const struct skf_tmap *root_map(void)
{
    static struct skf_strv env;
    static struct skf_tmap env_map, git_map, root;
    static struct skf_tpair pairs[4];
    if (!env.n) {
        static char text[4][10] = { "FOO=old", "A-B=dash", "FOO=bar", "EMPTY=" };
        static char *words[] = { text[0], text[1], text[2], text[3], NULL };
        env = (struct skf_strv){ words, 4, 5 };
        env_map = skf_tmap_envv_template;
        env_map.data = &env;
        git_map = skf_tmap_pairs_template;
        git_map.data = git_pairs;
        pairs[0] = (struct skf_tpair){ "Env", { .kind = SKF_TV_MAP, .map = &env_map } };
        pairs[1] = (struct skf_tpair){ "Git", { .kind = SKF_TV_MAP, .map = &git_map } };
        pairs[2] = (struct skf_tpair){ "Date", { .kind = SKF_TV_STRING, .str = "2026-11-23" } };
        root = skf_tmap_pairs_template;
        root.data = pairs;
    }
    return &root;
}

static struct skf_template_env env(void)
{
    return (struct skf_template_env){ .root = root_map(),
                                      .sprig = true,
                                      .getenv = no_env,
                                      .ctx = (void *)(uintptr_t) "/home/x",
                                      .now_s = 1700000000 };
}

static void expands(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "plain", "plain" },
        { "-X main.v={{.Env.FOO}}", "-X main.v=bar" },
        { "{{.Git.Tag}}-{{.Git.IsDirty}}-{{.Git.CommitTimestamp}}", "v1.2.3-true-1700000000" },
        { "{{.Nope}} {{.Env.NOPE}} {{.Nope.A.B}}", "<no value> <no value> <no value>" },
        { "{{index .Env \"A-B\"}}", "dash" },
        { "a {{- /* comment */ -}} b", "ab" },
        { "a {{- .Date -}} b{{- 3 }} ", "a2026-11-23b3 " },
        { "{{if .Git.IsDirty}}d{{else}}c{{end}}", "d" },
        { "{{if not .Git.IsDirty}}d{{else if eq .Date \"x\" \"2026-11-23\"}}e{{else}}c{{end}}",
          "e" },
        { "{{if and .Env.EMPTY .Nope.X}}a{{else}}b{{end}}", "b" },
        { "{{or .Env.EMPTY .Env.FOO}}", "bar" },
        { "{{with .Git}}{{.Tag}}/{{$.Date}}{{end}}", "v1.2.3/2026-11-23" },
        { "{{with .Env.EMPTY}}a{{else}}b{{end}}", "b" },
        { "{{with .Env.EMPTY}}a{{else with .Env.FOO}}{{.}}{{end}}", "bar" },
        { "{{range $i, $x := splitList \",\" \"a,b,c\"}}{{if $i}}-{{end}}{{$x}}{{end}}", "a-b-c" },
        { "{{range list 1 2 3 4}}{{if eq . 2}}{{continue}}{{end}}{{if eq . "
          "4}}{{break}}{{end}}{{.}}{{end}}",
          "13" },
        { "{{range 3}}{{.}}{{end}}{{range list}}x{{else}}none{{end}}", "012none" },
        { "{{range $k, $v := .Git}}{{$k}}={{$v}};{{end}}",
          "CommitTimestamp=1700000000;IsDirty=true;Tag=v1.2.3;" },
        { "{{$x := .Date}}{{if true}}{{$x = \"y\"}}{{end}}{{$x}}", "y" },
        { "{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .Date}}{{block \"b\" 3}}[{{.}}]{{end}}",
          "<2026-11-23>[3]" },
        { "{{printf \"%s|%5d|%-4d|%04d|%q|%v|%x|%.2s\" .Date 42 7 -7 \"a\\\"b\" true 255 \"abc\"}}",
          "2026-11-23|   42|7   |-007|\"a\\\"b\"|true|ff|ab" },
        { "{{printf \"%d\" \"x\"}} {{printf \"%s\"}} {{printf \"a\" 1}}",
          "%!d(string=x) %!s(MISSING) a%!(EXTRA int=1)" },
        { "{{print \"a\" 1 2 \"b\"}} {{println 1 2}}", "a1 2b 1 2\n" },
        { "{{len .Env.FOO}} {{slice \"abcdef\" 1 3}} {{index \"ab\" 1}}", "3 bc 98" },
        { "{{lt 1 2}} {{ge \"b\" \"a\"}} {{ne 1 2}} {{gt 1 2}} {{le 2 2}}",
          "true true true false true" },
        { "{{`raw \"x\"`}} {{'a'}} {{-3}} {{0x10}}", "raw \"x\" 97 -3 16" },
        { "{{ ( .Env.FOO | printf \"%s-%s\" \"x\" ) | upper }}", "X-BAR" },
        { "{{(index .Env \"FOO\") | quote}}{{squote 1 2}}", "\"bar\"'1' '2'" },
        { "{{default \"d\" .Env.NOPE}} {{.Env.FOO | default \"d\"}} {{empty .Env.EMPTY}}",
          "d bar true" },
        { "{{coalesce .Env.EMPTY .Nope \"z\"}} {{ternary \"a\" \"b\" true}}", "z a" },
        { "{{env \"HOME\"}} {{expandenv \"$HOME/${HOME}/$NOPE\"}}", "/home/x /home/x//home/x/" },
        { "{{lower \"AbÉ\"}} {{title \"a bc\"}} {{trim \" x \"}} {{trimAll \"-\" \"--x-\"}}",
          "abÉ A Bc x x" },
        { "{{trimPrefix \"v\" .Git.Tag}} {{trimSuffix \"3\" .Git.Tag}} {{replace \".\" \"_\" "
          ".Git.Tag}}",
          "1.2.3 v1.2. v1_2_3" },
        { "{{contains \"2\" .Git.Tag}} {{hasPrefix \"v\" .Git.Tag}} {{hasSuffix \"v\" .Git.Tag}}",
          "true true false" },
        { "{{trunc 2 \"abc\"}} {{trunc -2 \"abc\"}} {{substr 1 2 \"abc\"}} {{repeat 3 \"ab\"}}",
          "ab bc b ababab" },
        { "{{cat 1 \"a\"}} {{nospace \"a b\"}} {{indent 2 \"a\\nb\"}}", "1 a ab   a\n  b" },
        { "{{sha256sum \"\" | trunc 8}} {{b64enc \"hello\"}} {{b64dec \"aGVsbG8=\"}}",
          "e3b0c442 aGVsbG8= hello" },
        { "{{(split \".\" .Git.Tag)._1}} {{join \"+\" (splitList \".\" \"a.b\")}} {{first (list 1 "
          "2)}}",
          "2 a+b 1" },
        { "{{add 1 2 3}} {{sub 5 2}} {{mul 2 3}} {{div 7 2}} {{mod 7 2}} {{add1 1}} {{max 1 3 2}} "
          "{{int \"4\"}}",
          "6 3 6 3 1 2 3 4" },
        { "{{regexReplaceAll \"([a-z])([0-9])\" \"a1-b2\" \"${2}$1\"}} {{regexMatch \"^v\" "
          ".Git.Tag}}",
          "1a-2b true" },
        { "{{dateInZone \"2006-01-02T15:04:05Z07:00\" now \"UTC\"}} {{now | unixEpoch}}",
          "2023-11-14T22:13:20Z 1700000000" },
        { "{{html \"<a>\"}} {{urlquery \"a b&\"}} {{js \"'\"}}", "&lt;a&gt; a+b%26 \\'" },
        { "{{print nil}} {{true}}", "<nil> true" },
        { "{{.Env.FOO}}}}", "bar}}" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_template_env e = env();
        struct skf_err err = SKF_ERR_INIT;
        char *out = NULL;
        if (skf_template_expand(cases[i][0], &e, &out, &err))
            fail_msg("%s: %d:%d %s", cases[i][0], err.line, err.col, err.msg);
        assert_string_equal(out, cases[i][1]);
        free(out);
    }
}

static void explains_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool sprig, strict;
        int col;
        const char *msg;
    } cases[] = {
        { "x{{.Env.X}}", false, true, 4, "map has no entry for key \"X\" at <.Env.X>" },
        { "{{index .Env \"X\"}}", false, true, 3, "map has no entry for key \"X\"" },
        { "{{.Env.X", false, false, 9, "the '{{' is never closed with '}}'" },
        { "{{if .A}}", false, false, 3,
          "the {{if}}, {{with}} or {{range}} is never closed with {{end}}" },
        { "{{end}}", false, false, 8, "an {{end}} or {{else}} that closes nothing" },
        { "{{frob 1}}", true, false, 3,
          "function \"frob\" is not defined (or not supported by skiff)" },
        { "{{upper \"a\"}}", false, false, 3, "function \"upper\" is not defined here" },
        { "{{$x}}", false, false, 3, "undefined variable \"$x\"" },
        { "{{1.5}}", false, false, 3, "the number '1.5' is not supported: whole numbers only" },
        { "{{.Date.X}}", false, false, 3, "can't evaluate field X at <.Date.X>: it has no fields" },
        { "{{eq 1 \"a\"}}", false, false, 3, "incompatible types for comparison" },
        { "{{1 2}}", false, false, 5, "unexpected argument: the value in front is no function" },
        { "{{template \"x\"}}", false, false, 3, "template \"x\" not defined" },
        { "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}", false, false, 17,
          "the template is nested too deeply" },
        { "{{range 100000000}}x{{end}}", false, false, 9,
          "the template does too much work: it was stopped" },
        { "{{repeat 9000000 \"a\"}}", true, false, 3, "repeat: 9000000 times is too much" },
        { "{{div 1 0}}", true, false, 3, "division by zero" },
        { "{{cmd \"ls\"}}", true, false, 3,
          "function \"cmd\" is not supported by skiff: run the program before and pass its output "
          "in an "
          "environment variable" },
        { "{{required \"X must be set\" .X}}", true, false, 3, "X must be set" },
        { "{{}}", false, false, 3, "a value is missing" },
        { "{{\"abc}}", false, false, 3, "a string without its closing \"" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_template_env e = env();
        struct skf_err err = SKF_ERR_INIT;
        char *out = NULL;
        e.sprig = cases[i].sprig;
        e.fail_missing = cases[i].strict;
        assert_int_equal(skf_template_expand(cases[i].text, &e, &out, &err), -SKF_ECONFIG);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(err.line, 1);
        assert_int_equal(err.col, cases[i].col);
        assert_null(out);
    }
}

static void caps_hostile_templates(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (int i = 0; i < 5000; i++)
        skf_buf_adds(&b, "{{if true}}");
    struct skf_template_env e = env();
    struct skf_err err = SKF_ERR_INIT;
    char *out;
    assert_int_not_equal(skf_template_expand(b.data, &e, &out, &err), 0);
    skf_buf_clear(&b);
    skf_buf_adds(&b, "{{");
    for (int i = 0; i < 5000; i++)
        skf_buf_addc(&b, '(');
    assert_int_not_equal(skf_template_expand(b.data, &e, &out, &err), 0);
    assert_string_equal(err.msg, "the template is nested too deeply");
}

static void names_roots(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "plain", "" },
        { "{{.Env.X}} {{.Git.Tag}} {{.Env.X}}", "Env.X Git.Tag" },
        { "{{with .Git}}{{.Tag}}{{$.Date}}{{end}}", "Date Git Git.Tag" },
        { "{{range .L}}{{.X}}{{end}}{{index .Env \"A\"}}", "Env L" },
        { "{{if (eq .A 1)}}{{else if .B}}{{else}}{{.C}}{{end}}", "A B C" },
        { "{{printf \"%v\" .}}", "." },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autostrv struct skf_strv roots = SKF_STRV_INIT;
        struct skf_err err = SKF_ERR_INIT;
        assert_int_equal(skf_template_roots(cases[i][0], &roots, &err), 0);
        skf_autofree char *words = skf_strv_join(&roots, " ");
        assert_string_equal(words, cases[i][1]);
    }
    skf_autostrv struct skf_strv roots = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_template_roots("{{.Git.Tag}}", &roots, &err), 0);
    assert_true(skf_template_names(&roots, "Git"));
    assert_true(skf_template_names(&roots, "Git.Tag"));
    assert_false(skf_template_names(&roots, "Gi"));
    assert_false(skf_template_names(&roots, "Git.T"));
    assert_int_not_equal(skf_template_roots("{{.A", &roots, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands),
        cmocka_unit_test(explains_errors),
        cmocka_unit_test(caps_hostile_templates),
        cmocka_unit_test(names_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

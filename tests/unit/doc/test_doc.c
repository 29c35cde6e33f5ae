#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

static struct skf_doc *parse(const char *text)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    if (skf_doc_parse("f.yaml", text, strlen(text), &d, &err))
        fail_msg("%d:%d: %s", err.line, err.col, err.msg);
    return d;
}

static void fails(const char *text, size_t len, const char *want)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    char got[1400];
    assert_int_not_equal(skf_doc_parse("f", text, len, &d, &err), 0);
    assert_null(d);
    skf_err_format(&err, got, sizeof got);
    assert_string_equal(got, want);
}

static void knows_positions(void **state)
{
    (void)state;
    struct skf_doc *d = parse("# héllo\na: é\nb:\n  - &x [1, \"two\"]\n  - !!str &y\n    z\nc:\n");
    const struct skf_node *root = d->parts[0].root;
    const struct skf_node *a = skf_node_get(root, "a");
    assert_int_equal(a->line, 2);
    assert_int_equal(a->col, 4);
    assert_memory_equal(d->text + a->start, "é", a->end - a->start);
    const struct skf_node *two = skf_node_path(root, "b[0][1]");
    assert_string_equal(two->text, "two");
    assert_int_equal(two->line, 4);
    assert_memory_equal(d->text + two->start, "\"two\"", two->end - two->start);
    const struct skf_node *list = skf_node_pointer(root, "/b/0");
    assert_memory_equal(d->text + list->start, "[1, \"two\"]", list->end - list->start);
    const struct skf_node *z = skf_node_path(root, "b[1]");
    assert_int_equal(z->line, 6);
    assert_int_equal(z->col, 5);
    assert_string_equal(z->tag, "!!str");
    assert_int_equal(d->text[z->start], 'z');
    assert_true(skf_node_is_null(skf_node_get(root, "c")));
    assert_null(skf_node_get(root, "d"));
    skf_doc_free(d);
}

static void resolves_aliases_and_merges(void **state)
{
    (void)state;
    struct skf_doc *d = parse("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n"
                              "m:\n  <<: [*x, *y]\n  a: own\nn: *x\n\"<<\": text\n");
    const struct skf_node *root = d->parts[0].root;
    assert_string_equal(skf_node_path(root, "m.a")->text, "own");
    assert_string_equal(skf_node_path(root, "m.b")->text, "2");
    assert_string_equal(skf_node_path(root, "m.c")->text, "4");
    assert_true(skf_node_entry(skf_node_get(root, "m"), "c")->merged);
    assert_false(skf_node_entry(skf_node_get(root, "m"), "a")->merged);
    assert_ptr_equal(skf_node_get(root, "n"), skf_node_get(root, "x"));
    assert_true(skf_node_entry(root, "n")->aliased);
    assert_string_equal(skf_node_get(root, "<<")->text, "text");
    struct skf_node *copy = skf_node_clone(d, root);
    assert_true(skf_node_equal(copy, root));
    assert_ptr_not_equal(skf_node_get(copy, "n"), skf_node_get(copy, "x"));
    skf_doc_free(d);
}

static void splits_streams(void **state)
{
    (void)state;
    struct skf_doc *d =
        parse("# top\n---\n# one\na: 1\n---\n# nothing\n--- {b: 2}\n...\n---\nc: 3\n");
    assert_int_equal(d->n_parts, 4);
    static const char *const texts[] = { "# one\na: 1\n", "# nothing\n", " {b: 2}\n", "c: 3\n" };
    static const int lines[] = { 3, 6, 7, 10 };
    for (size_t i = 0; i < 4; i++) {
        const struct skf_part *p = &d->parts[i];
        assert_int_equal(p->end - p->start, strlen(texts[i]));
        assert_memory_equal(d->text + p->start, texts[i], strlen(texts[i]));
        assert_int_equal(p->line, lines[i]);
    }
    assert_null(d->parts[1].root);
    assert_non_null(d->parts[2].root);
    skf_doc_free(d);
    d = parse("");
    assert_int_equal(d->n_parts, 0);
    skf_doc_free(d);
    d = parse("\xef\xbb\xbf"
              "a: 1\r\nb: 2\r\n");
    assert_int_equal(d->parts[0].start, 3);
    assert_int_equal(skf_node_get(d->parts[0].root, "b")->line, 2);
    assert_string_equal(skf_node_get(d->parts[0].root, "a")->text, "1");
    skf_doc_free(d);
}

static void finds_duplicates(void **state)
{
    (void)state;
    struct skf_doc *d = parse("a: 1\nb: {k: 1, k: 2}\na: 3\n");
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(d->n_dups, 2);
    assert_int_not_equal(skf_doc_check_dups(d, &err), 0);
    assert_string_equal(err.msg, "the key 'k' stands here and in line 2");
    assert_int_equal(err.line, 2);
    assert_int_equal(err.col, 11);
    assert_string_equal(skf_node_get(d->parts[0].root, "a")->text, "1");
    skf_doc_free(d);
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (int i = 0; i < 300; i++)
        skf_buf_addf(&b, "k%d: 1\n", i == 299 ? 7 : i);
    d = parse(b.data);
    assert_int_equal(d->n_dups, 1);
    assert_int_equal(d->dups[0].first->line, 8);
    skf_doc_free(d);
}

static void explains_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "a:\n\tb: 1\n", "f:2:1: a tab in the indentation: YAML wants spaces" },
        { "a: b: c\n",
          "f:1:5: a ':' where no key can stand: is the indentation wrong, or does text with "
          "': ' need quotes?" },
        { "a: [1, 2\nb: 3\n",
          "f:2:2: expected ',' or ']' in the list (while parsing a flow sequence that "
          "starts in line 1)" },
        { "a: [\n", "f:2:1: expected a value here: is a '[' or '{' not closed?" },
        { "a: |b\n",
          "f:1:5: nothing may stand after '|' or '>': the text begins on the next line" },
        { "a: *nope\n", "f:1:4: no anchor '&nope' stands above this alias" },
        { "a: &x [*x]\n", "f:1:8: the alias '*x' stands inside its own anchor" },
        { "a: &x {<<: *x}\n", "f:1:12: the alias '*x' stands inside its own anchor" },
        { "<<: 3\n", "f:1:5: '<<' merges a mapping or a list of mappings, found a number" },
        { "ok: 1\nb: \xff\n", "f:2:4: byte 0xff is not valid UTF-8: save the file as UTF-8" },
        { "\xff\xfe"
          "a",
          "f:1:1: the file is UTF-16: save it as UTF-8" },
        { "a: \x01\n", "f:1:4: the control character 0x01 is not allowed in YAML" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        fails(cases[i].text, strlen(cases[i].text), cases[i].want);
    fails("a: 1\0", 5, "f:1:5: the file has a NUL byte: is it binary, or UTF-16?");
}

static void limits_hostile_text(void **state)
{
    (void)state;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        skf_buf_addf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            skf_buf_addf(&b, "%s*a%d", k ? ", " : "", i - 1);
        skf_buf_adds(&b, "]\n");
    }
    fails(b.data, b.len,
          "f:7:20: more than 2000000 values once all aliases are followed: this file is refused");
    skf_buf_clear(&b);
    for (int i = 0; i < 200; i++)
        skf_buf_addc(&b, '[');
    fails(b.data, b.len, "f:1:101: nested deeper than 100 levels");
    skf_buf_clear(&b);
    for (int i = 0; i < 60; i++)
        skf_buf_addf(&b, "k%d: &k%d {a: {b: *k%d}}\n", i, i, i - 1);
    fails(b.data + strlen("k0: &k0 {a: {b: *k-1}}\n"), b.len - strlen("k0: &k0 {a: {b: *k-1}}\n"),
          "f:1:17: no anchor '&k0' stands above this alias");
    skf_buf_clear(&b);
    skf_buf_adds(&b, "k0: &k0 1\n");
    for (int i = 1; i < 60; i++)
        skf_buf_addf(&b, "k%d: &k%d {a: {b: *k%d}}\n", i, i, i - 1);
    fails(b.data, b.len, "f:51:19: nested deeper than 100 levels once aliases are followed");
}

static void reads_json(void **state)
{
    (void)state;
    struct skf_doc *d =
        parse("{\n\t\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\ud83d\\ude00\\/\"],\n"
              "\t\"é\": {\"b\": {}}}\n");
    assert_true(d->json);
    const struct skf_node *root = d->parts[0].root;
    assert_string_equal(skf_node_path(root, "a[4]")->text, "xé😀/");
    assert_int_equal(skf_node_path(root, "a[1]")->col, 11);
    const struct skf_node *b = skf_node_find(root, "é", "b", NULL);
    assert_int_equal(b->line, 3);
    assert_int_equal(b->col, 13);
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_emit_json(root, 0, &out);
    assert_string_equal(out.data, "{\"a\":[1,-2500,true,null,\"xé😀/\"],\"é\":{\"b\":{}}}");
    skf_doc_free(d);
    d = parse("{a: 1}"); /* YAML after all */
    assert_false(d->json);
    skf_doc_free(d);
    struct skf_err err = SKF_ERR_INIT;
    static const char *const bad[] = { "{a: 1}", "[1,]", "01",  "{\"a\":1} x",
                                       "\"\n\"", "[1",   "nul", "" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++)
        assert_int_not_equal(skf_doc_parse_json("f", bad[i], strlen(bad[i]), &d, &err), 0);
}

static void knows_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum skf_scalar type;
    } cases[] = {
        { "", SKF_SCALAR_NULL },
        { "~", SKF_SCALAR_NULL },
        { "null", SKF_SCALAR_NULL },
        { "true", SKF_SCALAR_BOOL },
        { "yes", SKF_SCALAR_STRING },
        { "12", SKF_SCALAR_INT },
        { "0x1F", SKF_SCALAR_INT },
        { "017", SKF_SCALAR_INT },
        { "08", SKF_SCALAR_FLOAT },
        { "1.10", SKF_SCALAR_FLOAT },
        { "1e3", SKF_SCALAR_FLOAT },
        { "1.2.3", SKF_SCALAR_STRING },
        { ".inf", SKF_SCALAR_FLOAT },
        { "-", SKF_SCALAR_STRING },
        { "1_000", SKF_SCALAR_INT },
        { "v1", SKF_SCALAR_STRING },
        { "2024-01-02", SKF_SCALAR_STRING },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++)
        assert_int_equal(skf_scalar_of_plain(cases[i].text, strlen(cases[i].text)), cases[i].type);
    struct skf_doc *d = parse("a: Yes\nb: 'off'\nc: 1\nd: 1_0\n");
    bool yes;
    long long n;
    assert_true(skf_node_bool(skf_node_get(d->parts[0].root, "a"), &yes) && yes);
    assert_true(skf_node_bool(skf_node_get(d->parts[0].root, "b"), &yes) && !yes);
    assert_false(skf_node_bool(skf_node_get(d->parts[0].root, "c"), &yes));
    assert_true(skf_node_int(skf_node_get(d->parts[0].root, "d"), &n) && n == 10);
    skf_doc_free(d);
}

/* What is emitted is read back as the same tree, and again gives the same bytes. */
static void emits_what_it_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a: 1\nb:\n- x\n- w: 1\n  z: []\n- - 1\n  - 2\nc: {}\n",
        "a: \"true\"\nb: 'it''s'\nc: \"x: y\"\nd: \"null\"\ne: \"\"\nf: \" x\"\ng: \"a #b\"\n",
        "a: |\n  one\n   two\n\n  three\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: end\n",
        "a: \"tab\\there\"\nb: \"\\x01\\u2028\"\nc: \"12:30\"\nd: \"2024-01-01\"\ne: 08\n",
        "? {x: 1}\n: 2\n",
        "a: \"\\n\"\nb: \"  lead\\nx\"\nc: \"trail \\nx\"\nd: \"-\"\ne: \"- x\"\nf: \"---\"\ng: "
        "\"=\"\n",
        "yes: 1\n\"null\": 2\n'': 3\n",
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++) {
        struct skf_doc *d = parse(texts[i]);
        skf_autobuf struct skf_buf once = SKF_BUF_INIT, twice = SKF_BUF_INIT;
        skf_emit_yaml(d->parts[0].root, &once);
        struct skf_doc *again = parse(once.data);
        skf_emit_yaml(again->parts[0].root, &twice);
        assert_string_equal(once.data, twice.data);
        if (i != 4)
            assert_true(skf_node_equal(d->parts[0].root, again->parts[0].root));
        if (i == 0)
            assert_string_equal(once.data, texts[0]);
        skf_doc_free(again);
        skf_doc_free(d);
    }
}

static void builds_trees(void **state)
{
    (void)state;
    struct skf_doc *d = skf_doc_new("made");
    struct skf_node *map = skf_node_new_map(d, NULL), *list = skf_node_new_seq(d, NULL);
    skf_node_set(d, map, "push", skf_node_new_plain(d, NULL, "false"));
    skf_node_set(d, map, "name", skf_node_new_str(d, NULL, "false"));
    for (int i = 0; i < 9; i++)
        skf_node_insert(d, list, 0, skf_node_new_str(d, NULL, i % 2 ? "odd" : "even"));
    while (list->n > 2)
        skf_node_remove(list, 0);
    skf_node_set(d, map, "list", list);
    skf_node_set(d, map, "push", skf_node_new_plain(d, NULL, "true"));
    assert_non_null(skf_node_del(map, "nothing") ? NULL : map);
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    skf_emit_yaml(map, &out);
    assert_string_equal(out.data, "push: true\nname: \"false\"\nlist:\n- odd\n- even\n");
    skf_doc_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_positions),     cmocka_unit_test(resolves_aliases_and_merges),
        cmocka_unit_test(splits_streams),      cmocka_unit_test(finds_duplicates),
        cmocka_unit_test(explains_errors),     cmocka_unit_test(limits_hostile_text),
        cmocka_unit_test(reads_json),          cmocka_unit_test(knows_types),
        cmocka_unit_test(emits_what_it_reads), cmocka_unit_test(builds_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

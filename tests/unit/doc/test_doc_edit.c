#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/doc/edit.h"

static struct skf_doc *parse(const char *text)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    if (skf_doc_parse("f.yaml", text, strlen(text), &d, &err))
        fail_msg("%d:%d: %s in <%s>", err.line, err.col, err.msg, text);
    return d;
}

static void sets_scalars(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *value, *want;
    } cases[] = {
        { "a:\n- image: go-app # mine\n  b: 1\n", "a[0].image", "r/x:t@sha256:ab",
          "a:\n- image: r/x:t@sha256:ab # mine\n  b: 1\n" },
        { "image: \"go-app\"\n", "image", "x:1", "image: \"x:1\"\n" },
        { "image: 'go-app'\n", "image", "x:1", "image: 'x:1'\n" },
        { "image: 'go-app'\n", "image", "it's", "image: it's\n" },
        { "image: go\n", "image", "true", "image: \"true\"\n" },
        { "image: go\n", "image", "1.10", "image: \"1.10\"\n" },
        { "image: go\n", "image", "a: b", "image: 'a: b'\n" },
        { "image:\nx: 1\n", "image", "go", "image: go\nx: 1\n" },
        { "image: |\n  go\nx: 1\n", "image", "w", "image: w\nx: 1\n" },
        { "image: >-\n  go\n", "image", "w", "image: w\n" },
        { "{image: go, b: 1}\n", "image", "x,y", "{image: 'x,y', b: 1}\n" },
        { "{\"image\":\"go\"}", "image", "w", "{\"image\":\"w\"}" },
        { "image: &i go\nb: *i\n", "b", "w", "image: &i w\nb: *i\n" },
        { "- é: go\n", "[0].é", "ü", "- é: ü\n" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_doc *d = parse(cases[i].text);
        struct skf_edits e = SKF_EDITS_INIT;
        struct skf_err err = SKF_ERR_INIT;
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        const struct skf_node *n = skf_node_path(d->parts[0].root, cases[i].path);
        assert_int_equal(skf_edit_scalar(&e, n, cases[i].value, &err), 0);
        assert_int_equal(skf_edits_apply(&e, d, 0, d->len, &out, &err), 0);
        assert_string_equal(out.data, cases[i].want);
        struct skf_doc *again = parse(out.data);
        assert_string_equal(skf_node_path(again->parts[0].root, cases[i].path)->text,
                            cases[i].value);
        skf_doc_free(again);
        skf_edits_release(&e);
        skf_doc_free(d);
    }
}

static const char *const labels[] = { "metadata", "labels", NULL };
static const char *const metadata[] = { "metadata", NULL };
static const char *const pairs[] = { "a.b/c", "x", "num", "1", NULL };
static const char *const ns[] = { "namespace", "dev", NULL };

static void puts_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* labels absent */
        { "kind: X\nmetadata:\n  name: x # c\nspec: 1\n",
          "kind: X\nmetadata:\n  name: x # c\n  labels:\n    a.b/c: x\n    num: \"1\"\nspec: 1\n" },
        /* there */
        { "metadata:\n  labels:\n    app: y\n\n    # why\n    num: 2\n  name: x\n",
          "metadata:\n  labels:\n    app: y\n\n    # why\n    num: \"1\"\n    a.b/c: x\n  name: "
          "x\n" },
        /* deeper indentation, no newline at the end */
        { "metadata:\n      labels:\n          app: y",
          "metadata:\n      labels:\n          app: y\n          a.b/c: x\n          num: \"1\"" },
        { "metadata: {}\n", "metadata: {labels: {a.b/c: x, num: \"1\"}}\n" },
        { "metadata: {name: x}\n", "metadata: {labels: {a.b/c: x, num: \"1\"}, name: x}\n" },
        { "metadata:\nspec: 1\n", "metadata:\n  labels:\n    a.b/c: x\n    num: \"1\"\nspec: 1\n" },
        { "metadata: null # c\n", "metadata: \n  labels:\n    a.b/c: x\n    num: \"1\" # c\n" },
        { "metadata:\n  labels: {}\n", "metadata:\n  labels: {a.b/c: x, num: \"1\"}\n" },
        { "metadata:\n  labels: ~\n  name: x\n",
          "metadata:\n  labels: \n    a.b/c: x\n    num: \"1\"\n  name: x\n" },
        { "kind: X\n", "kind: X\nmetadata:\n  labels:\n    a.b/c: x\n    num: \"1\"\n" },
        { "{\"metadata\":{\"name\":\"x\"}}",
          "{\"metadata\":{\"labels\": {\"a.b/c\": \"x\", \"num\": \"1\"}, \"name\":\"x\"}}" },
        { "{\n  \"metadata\": {\n    \"name\": \"x\"\n  }\n}\n",
          "{\n  \"metadata\": {\n    \"labels\": {\"a.b/c\": \"x\", \"num\": \"1\"},\n    "
          "\"name\": \"x\"\n"
          "  }\n}\n" },
        { "metadata:\r\n  name: x\r\nspec: 1\r\n",
          "metadata:\r\n  name: x\r\n  labels:\r\n    a.b/c: x\r\n    num: \"1\"\r\nspec: 1\r\n" },
        /* last value is a block scalar, a list, a mapping */
        { "metadata:\n  note: |\n    one\n    two\nspec: 1\n",
          "metadata:\n  note: |\n    one\n    two\n  labels:\n    a.b/c: x\n    num: \"1\"\nspec: "
          "1\n" },
        { "metadata:\n  note: |-\n    one",
          "metadata:\n  note: |-\n    one\n  labels:\n    a.b/c: x\n    num: \"1\"" },
        { "metadata:\n  finalizers:\n  - a\n  - b # last\nspec: 1\n",
          "metadata:\n  finalizers:\n  - a\n  - b # last\n  labels:\n    a.b/c: x\n    num: "
          "\"1\"\nspec: 1\n" },
        { "- metadata:\n    name: x\n", NULL },
        { "x: &x {q: 1}\nmetadata:\n  name: x\n  ann: *x # c\n",
          "x: &x {q: 1}\nmetadata:\n  name: x\n  ann: *x # c\n  labels:\n    a.b/c: x\n    num: "
          "\"1\"\n" },
        { "metadata:\n  labels: &l\n    app: x\nsel: *l\n", NULL },
        { "metadata: text\n", NULL },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_doc *d = parse(cases[i].text);
        struct skf_edits e = SKF_EDITS_INIT;
        struct skf_err err = SKF_ERR_INIT;
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        const struct skf_node *root = d->parts[0].root;
        int rc = skf_edit_put(&e, root, labels, pairs, &err);
        if (!cases[i].want) {
            assert_int_not_equal(rc, 0);
        } else {
            assert_int_equal(rc, 0);
            assert_int_equal(skf_edits_apply(&e, d, 0, d->len, &out, &err), 0);
            assert_string_equal(out.data, cases[i].want);
            struct skf_doc *again = parse(out.data);
            const struct skf_node *put =
                skf_node_find(again->parts[0].root, "metadata", "labels", NULL);
            assert_string_equal(skf_node_get_str(put, "a.b/c"), "x");
            assert_string_equal(skf_node_get_str(put, "num"), "1");
            assert_int_equal(skf_node_scalar(skf_node_get(put, "num")), SKF_SCALAR_STRING);
            skf_doc_free(again);
        }
        skf_edits_release(&e);
        skf_doc_free(d);
    }
}

static void puts_in_streams(void **state)
{
    (void)state;
    struct skf_doc *d = parse("metadata: {name: a}\n---\nmetadata:\n  name: b\n---\nx: 1\n");
    struct skf_edits e = SKF_EDITS_INIT;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    for (size_t i = 0; i < d->n_parts; i++) {
        assert_int_equal(skf_edit_put(&e, d->parts[i].root, labels, pairs, &err), 0);
        if (i < 2)
            assert_int_equal(skf_edit_put(&e, d->parts[i].root, metadata, ns, &err), 0);
    }
    assert_int_equal(skf_edits_apply(&e, d, d->parts[1].start, d->parts[1].end, &out, &err), 0);
    assert_string_equal(out.data, "metadata:\n  name: b\n  labels:\n    a.b/c: x\n    num: \"1\"\n"
                                  "  namespace: dev\n");
    skf_edit_add(&e, d->parts[2].start, d->parts[2].start + 2, "y");
    skf_edit_add(&e, d->parts[2].start + 1, d->parts[2].start + 3, "y");
    assert_int_equal(skf_edits_apply(&e, d, 0, d->len, &out, &err), -SKF_EBUG);
    skf_edits_release(&e);
    skf_doc_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_scalars),
        cmocka_unit_test(puts_pairs),
        cmocka_unit_test(puts_in_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

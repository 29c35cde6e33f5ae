/* tests/fuzz/config_edit.c: any YAML or JSON; after edits and after printing it is still readable
 * and says what was put there. */
#include <stdint.h>

#include "lib/base/mem.h"
#include "lib/doc/doc.h"
#include "lib/doc/edit.h"
#include "lib/doc/emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct skf_doc *parse(const char *text, size_t len)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    return skf_doc_parse("f", text, len, &d, &err) ? NULL : d;
}

static void check_print(const struct skf_node *root)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT, again = SKF_BUF_INIT;
    if (root->weight > 20000)
        return;
    skf_emit_yaml(root, &out);
    struct skf_doc *d = parse(out.data, out.len);
    if (!d || d->n_parts != 1)
        abort();
    if (d->parts[0].root) {
        skf_emit_yaml(d->parts[0].root, &again);
        if (again.len != out.len || memcmp(again.data, out.data, out.len) != 0)
            abort();
    }
    skf_doc_free(d);
    skf_emit_json(root, 2, &again);
}

static void check_edit(const struct skf_doc *d)
{
    static const char *const path[] = { "metadata", "labels", NULL };
    static const char *const pairs[] = { "a.b/c", "x", "num", "1", NULL };
    struct skf_edits e = SKF_EDITS_INIT;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    const struct skf_node *root = d->parts[0].root;
    const struct skf_node *image = skf_node_get(root, "image");
    bool put = skf_edit_put(&e, root, path, pairs, &err) == 0;
    bool set =
        image && image->kind == SKF_SCALAR && skf_edit_scalar(&e, image, "r/x:1@y", &err) == 0;
    if ((put || set) && skf_edits_apply(&e, d, 0, d->len, &out, &err) == 0) {
        struct skf_doc *after = parse(out.data, out.len);
        if (!after)
            abort();
        const struct skf_node *made = after->parts[0].root;
        if (put) {
            const struct skf_node *labels = skf_node_find(made, "metadata", "labels", NULL);
            const char *x = skf_node_get_str(labels, "a.b/c"), *n = skf_node_get_str(labels, "num");
            if (!x || strcmp(x, "x") != 0 || !n || strcmp(n, "1") != 0)
                abort();
        }
        const char *now = set ? skf_node_get_str(made, "image") : NULL;
        if (set && (!now || strcmp(now, "r/x:1@y") != 0))
            abort();
        skf_doc_free(after);
    }
    skf_edits_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_doc *d = parse((const char *)data, size);
    if (!d)
        return 0;
    for (size_t i = 0; i < d->n_parts && i < 20; i++) {
        if (d->parts[i].root)
            check_print(d->parts[i].root);
    }
    if (d->n_parts == 1 && d->parts[0].root && d->parts[0].root->kind == SKF_MAPPING && !d->n_dups)
        check_edit(d);
    skf_doc_free(d);
    return 0;
}

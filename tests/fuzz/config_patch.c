/* tests/fuzz/config_patch.c: any document and any JSON patches: the first YAML document is changed
 * by the list in the second one. What comes out is still a tree that can be printed and read. */
#include <stdint.h>

#include "lib/base/mem.h"
#include "lib/config/profile.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_WEIGHT = 20000, MAX_PATCHES = 50 };

static void check_print(const struct skf_node *root)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_doc *again = NULL;
    skf_emit_yaml(root, &out);
    /* Moves and copies can nest deeper than the reader allows. */
    if (skf_doc_parse("printed", out.data, out.len, &again, &err) < 0 && err.code != SKF_ETOOBIG)
        abort();
    skf_doc_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    if (skf_doc_parse("f", (const char *)data, size, &d, &err) < 0)
        return 0;
    const struct skf_node *base = d->n_parts > 1 ? d->parts[0].root : NULL;
    const struct skf_node *patches = d->n_parts > 1 ? d->parts[1].root : NULL;
    if (base && patches && base->weight < MAX_WEIGHT && patches->weight < MAX_WEIGHT) {
        struct skf_node *root = skf_node_clone(d, base);
        for (size_t i = 0; patches->kind == SKF_SEQUENCE && i < patches->n && i < MAX_PATCHES; i++)
            if (root->kind == SKF_MAPPING && patches->items[i]->kind == SKF_MAPPING)
                skf_patch_apply(d, root, patches->items[i], &diags);
        check_print(root);
    }
    skf_diagnostics_release(&diags);
    skf_doc_free(d);
    return 0;
}

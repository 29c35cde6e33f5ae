/* lib/config/fix.c: a file in the newest version, nothing else changed: no defaults, no profiles
 * applied. */
#include <string.h>

#include "lib/config/load.h"
#include "lib/config/version.h"
#include "lib/doc/emit.h"

static bool has_odd_keys(const struct skf_node *n)
{
    for (size_t i = 0; n->kind != SKF_SCALAR && i < n->n; i++) {
        if (n->kind == SKF_MAPPING && n->entries[i].key->kind != SKF_SCALAR)
            return true;
        if (has_odd_keys(n->kind == SKF_MAPPING ? n->entries[i].value : n->items[i]))
            return true;
    }
    return false;
}

int skf_config_fix(const char *file, const char *text, size_t len, struct skf_buf *out,
                   bool *changed, struct skf_diagnostics *diags)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf got = SKF_BUF_INIT;
    *changed = false;
    if (skf_doc_parse(file, text, len, &d, &err) || skf_doc_check_dups(d, &err)) {
        skf_diagnostic_add_err(diags, d, &err, NULL);
        skf_doc_free(d);
        return -SKF_ECONFIG;
    }
    for (size_t i = 0; i < d->n_parts; i++) {
        struct skf_node *root = d->parts[i].root;
        bool odd;
        if (!root)
            continue;
        const struct skf_node *at = skf_node_get(root, "apiVersion");
        const char *version = skf_node_str(at);
        int from = version ? skf_version_find(version, &odd) : -1;
        if (from < 0 || root->kind != SKF_MAPPING || has_odd_keys(root)) {
            skf_diagnostic_add(diags, false, at ? at : root, NULL,
                               "no 'apiVersion' of Skaffold's: nothing that can be upgraded");
            continue;
        }
        *changed = *changed || strcmp(version, SKF_VERSION_NEWEST) != 0;
        root = skf_node_clone(d, root);
        skf_version_upgrade(d, root, from, diags);
        if (got.len)
            skf_buf_adds(&got, "---\n");
        skf_emit_yaml(root, &got);
    }
    skf_doc_free(d);
    if (skf_diagnostics_failed(diags))
        return -SKF_ECONFIG;
    if (*changed)
        skf_buf_add(out, got.data, got.len);
    else
        skf_buf_add(out, text, len);
    return 0;
}

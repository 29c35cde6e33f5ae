/* lib/config/fix.c: a file in a newer version, nothing else changed: no defaults, no profiles
 * applied. */
#include <string.h>

#include "lib/config/build_model.h"
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

/* The version that is wanted, or -1 and a finding. */
static int find_target(const struct skf_fix *req, struct skf_diagnostics *diags)
{
    bool odd;
    int target = req->version ? skf_version_find(req->version, &odd) : SKF_VERSION_COUNT - 1;
    if (target < 0)
        skf_diagnostic_add(diags, false, NULL, "the newest version is '" SKF_VERSION_NEWEST "'",
                           "unknown version '%s'", req->version);
    return target;
}

/* One document, upgraded; NULL: it cannot be. */
static struct skf_node *fix_part(const struct skf_fix *req, struct skf_doc *d,
                                 struct skf_node *root, int target, bool *changed,
                                 struct skf_diagnostics *diags)
{
    bool odd;
    const struct skf_node *at = skf_node_get(root, "apiVersion");
    const char *version = skf_node_str(at);
    int from = version ? skf_version_find(version, &odd) : -1;
    if (from < 0 || root->kind != SKF_MAPPING || has_odd_keys(root)) {
        skf_diagnostic_add(diags, false, at ? at : root, NULL,
                           "no 'apiVersion' of Skaffold's: nothing that can be upgraded");
        return NULL;
    }
    if (from > target) {
        skf_diagnostic_add(diags, false, at, NULL,
                           "config version '%s' is more recent than target version 'skaffold/%s'",
                           version, skf_version_name(target));
        return NULL;
    }
    *changed = *changed || from != target || odd;
    root = skf_node_clone(d, root);
    skf_version_upgrade(d, root, from, target, diags);
    if (target == SKF_VERSION_COUNT - 1) {
        struct skf_artifact_schema schema;
        struct skf_decode dec = { .arena = &d->arena, .diags = diags, .moved = skf_schema_moved };
        struct skf_node *shown = skf_node_clone(d, root);
        for (size_t i = shown->n; i > 0; i--) /* those hold anchors */
            if (shown->entries[i - 1].key->text[0] == '.')
                skf_node_del(shown, shown->entries[i - 1].key->text);
        skf_schema_artifact_init(&schema, req->builders, &d->arena);
        skf_model_check(&dec, &schema, shown);
    }
    return root;
}

int skf_config_fix(const struct skf_fix *req, struct skf_buf *out, bool *changed,
                   struct skf_diagnostics *diags)
{
    struct skf_doc *d = NULL;
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf got = SKF_BUF_INIT;
    *changed = false;
    int target = find_target(req, diags);
    if (target < 0)
        return -SKF_ECONFIG;
    if (skf_doc_parse(req->file, req->text, req->len, &d, &err) || skf_doc_check_dups(d, &err)) {
        skf_diagnostic_add_err(diags, d, &err, NULL);
        skf_doc_free(d);
        return -SKF_ECONFIG;
    }
    for (size_t i = 0; i < d->n_parts; i++) {
        struct skf_node *root = d->parts[i].root;
        if (!root)
            continue;
        root = fix_part(req, d, root, target, changed, diags);
        if (!root)
            continue;
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
        skf_buf_add(out, req->text, req->len);
    return 0;
}

/* lib/config/refuse.c: what the schema knows and skiff does not do, in a configuration that is
 * about to be acted on. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/schema.h"
#include "lib/config/schema_table.h"
#include "lib/doc/doc.h"

static const struct skf_node *look(const struct skf_field *fields, const struct skf_node *map,
                                   bool deploys, const char *path, struct skf_refusal *out);

static const struct skf_node *look_in_each(const struct skf_field *fields,
                                           const struct skf_node *list, bool deploys,
                                           const char *path, struct skf_refusal *out)
{
    const struct skf_node *found = NULL;
    for (size_t i = 0; list->kind == SKF_SEQUENCE && i < list->n && !found; i++)
        found = look(fields, list->items[i], deploys, path, out);
    return found;
}

static const struct skf_node *look(const struct skf_field *fields, const struct skf_node *map,
                                   bool deploys, const char *path, struct skf_refusal *out)
{
    const struct skf_node *found = NULL;
    for (const struct skf_field *f = fields; f->name && map->kind == SKF_MAPPING && !found; f++) {
        const struct skf_node *v = skf_node_get(map, f->name);
        if (!skf_field_is_on(f, v))
            continue;
        skf_autofree char *sub = skf_xasprintf("%s%s%s", path, *path ? "." : "", f->name);
        if (f->refused && (deploys || f->refused_when != SKF_REFUSED_DEPLOYING)) {
            snprintf(out->path, sizeof out->path, "%s", sub);
            out->instead = f->refused;
            return v;
        }
        if (strcmp(f->name, "artifacts") == 0 && f->type == SKF_T_ANY)
            found = look_in_each(skf_schema_artifact, v, deploys, sub, out);
        else if (f->type == SKF_T_LIST && f->sub)
            found = look_in_each(f->sub, v, deploys, sub, out);
        else if (f->sub)
            found = look(f->sub, v, deploys, sub, out);
    }
    return found;
}

const struct skf_node *skf_schema_refused(const struct skf_node *root, bool deploys,
                                          struct skf_refusal *out)
{
    return look(skf_schema_config, root, deploys, "", out);
}

const struct skf_node *skf_schema_refused_test(const struct skf_node *root, struct skf_refusal *out)
{
    const struct skf_node *tests = skf_node_get(root, "test");
    return tests ? look_in_each(skf_schema_test, tests, true, "test", out) : NULL;
}

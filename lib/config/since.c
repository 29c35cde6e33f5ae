/* lib/config/since.c: a field that is newer than the version a document claims. Skaffold reads each
 * version strictly, so such a file fails there. What the newest tables do not know at a place is
 * left to the upgrade and to the check behind it. */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/version.h"
#include "lib/doc/doc.h"

struct since {
    struct skf_decode *dec;
    const struct skf_artifact_schema *schema;
    int version;
};

static void check(const struct since *s, const struct skf_field *fields, const struct skf_node *map,
                  const char *path);

/* What the newest tables do not have any more. */
static const struct {
    const char *path, *since;
} old_fields[] = {
    { "deploy.kustomize", "v1alpha2" },       { "deploy.kustomize.buildArgs", "v1beta15" },
    { "deploy.kustomize.paths", "v2alpha3" }, { "deploy.kustomize.defaultNamespace", "v2beta8" },
    { "deploy.kustomize.hooks", "v2beta21" },
};

static void check_each(const struct since *s, const struct skf_field *fields,
                       const struct skf_node *list, const char *path)
{
    for (size_t i = 0; list->kind == SKF_SEQUENCE && i < list->n; i++)
        check(s, fields, list->items[i], skf_arena_printf(s->dec->arena, "%s[%zu]", path, i));
}

static bool is_newer(const struct since *s, const char *since)
{
    char name[32];
    bool odd;
    if (!since)
        return false;
    snprintf(name, sizeof name, "skaffold/%s", since);
    return skf_version_find(name, &odd) > s->version;
}

static void tell(const struct since *s, const struct skf_entry *e, const char *path,
                 const char *since)
{
    skf_diagnostic_add(
        s->dec->diags, false, e->key,
        skf_arena_printf(s->dec->arena, "write 'apiVersion: skaffold/%s' or newer", since),
        "'%s' is not known to skaffold/%s: it came with %s", path, skf_version_name(s->version),
        since);
}

/* A field of the pipeline at `root`, which the newest table does not have. */
static void check_old(const struct since *s, const struct skf_node *root, const char *prefix)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(old_fields); i++) {
        skf_autofree char *parent = skf_xstrdup(old_fields[i].path);
        char *last = strrchr(parent, '.');
        *last++ = '\0';
        const struct skf_entry *e = skf_node_entry(skf_node_path(root, parent), last);
        if (e && !skf_node_is_null(e->value) && is_newer(s, old_fields[i].since))
            tell(s, e, skf_arena_printf(s->dec->arena, "%s%s", prefix, old_fields[i].path),
                 old_fields[i].since);
    }
}

static const struct skf_field *section_fields(const struct since *s, const char *name)
{
    for (size_t i = 0; i < s->schema->n_sections; i++)
        if (strcmp(s->schema->sections[i].name, name) == 0)
            return s->schema->sections[i].fields;
    return NULL;
}

static void check_one(const struct since *s, const struct skf_field *f, const struct skf_entry *e,
                      const char *path)
{
    if (is_newer(s, f->since)) {
        tell(s, e, path, f->since);
        return;
    }
    if (strcmp(f->name, "artifacts") == 0 && f->type == SKF_T_ANY)
        check_each(s, s->schema->fields, e->value, path);
    else if (strcmp(f->name, "profiles") == 0 && f->type == SKF_T_ANY)
        check_each(s, skf_schema_profile, e->value, path);
    else if (f->type == SKF_T_ANY && f->oneof && section_fields(s, f->name))
        check(s, section_fields(s, f->name), e->value, path);
    else if (f->type == SKF_T_LIST && f->sub)
        check_each(s, f->sub, e->value, path);
    else if (f->sub)
        check(s, f->sub, e->value, path);
}

static void check(const struct since *s, const struct skf_field *fields, const struct skf_node *map,
                  const char *path)
{
    for (size_t i = 0; map->kind == SKF_MAPPING && i < map->n; i++) {
        const struct skf_entry *e = &map->entries[i];
        const struct skf_field *f =
            e->key->kind == SKF_SCALAR ? skf_field_find(fields, e->key->text) : NULL;
        if (f && !skf_node_is_null(e->value))
            check_one(s, f, e,
                      *path ? skf_arena_printf(s->dec->arena, "%s.%s", path, f->name) : f->name);
    }
}

void skf_version_check_fields(struct skf_decode *dec, const struct skf_artifact_schema *schema,
                              const struct skf_node *root, int version)
{
    const struct since s = { dec, schema, version };
    const struct skf_node *profiles = skf_node_get(root, "profiles");
    if (version == SKF_VERSION_COUNT - 1)
        return;
    check(&s, skf_schema_config, root, "");
    check_old(&s, root, "");
    for (size_t i = 0; profiles && profiles->kind == SKF_SEQUENCE && i < profiles->n; i++)
        check_old(&s, profiles->items[i], skf_arena_printf(dec->arena, "profiles[%zu].", i));
}

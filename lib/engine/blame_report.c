#include "lib/engine/blame_report.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/kube/place.h"

/* "deployments.apps "web" is forbidden: ..." names its object in the API's way. */
static bool text_names(const char *text, const struct skf_object *o)
{
    skf_autofree char *quoted = skf_xasprintf("\"%s\"", o->name);
    return strncasecmp(text, o->kind, strlen(o->kind)) == 0 && strstr(text, quoted);
}

static bool fits(const struct skf_blame *b, const struct skf_object *o)
{
    if (!b->kind && !b->name && !b->namespace_)
        return text_names(b->text, o);
    return (!b->kind || strcasecmp(b->kind, o->kind) == 0) &&
           (!b->name || strcmp(b->name, o->name) == 0) &&
           (!b->namespace_ || !o->namespace_ || strcmp(b->namespace_, o->namespace_) == 0);
}

/* Of several objects that a text may mean, the one that has the very field. */
static bool has_field(const struct skf_object *o, const struct skf_blame *b)
{
    struct skf_doc *doc;
    const struct skf_node *at = skf_place_of(o, b->field, true, &doc);
    const char *dot = b->field ? strrchr(b->field, '.') : NULL, *key = skf_node_str(at);
    bool found = key && b->field && strcmp(key, dot ? dot + 1 : b->field) == 0;
    skf_doc_free(doc);
    return found;
}

static const struct skf_object *object_of(const struct skf_objects *objects,
                                          const struct skf_blame *b)
{
    const struct skf_object *first = NULL;
    for (size_t i = 0; i < objects->n; i++) {
        const struct skf_object *o = &objects->v[i];
        if (!fits(b, o))
            continue;
        if (b->name || has_field(o, b))
            return o;
        if (!first)
            first = o;
    }
    return first;
}

static void report(const struct skf_object *o, const struct skf_blame *b,
                   struct skf_diagnostics *out)
{
    struct skf_doc *doc = NULL;
    const struct skf_node *at = o ? skf_place_of(o, b->field, b->at_key, &doc) : NULL;
    skf_autofree char *name = o ? skf_xasprintf("%s/%s: ", o->kind, o->name) : skf_xstrdup("");
    for (char *p = name; *p && *p != '/'; p++)
        *p = (char)tolower((unsigned char)*p);
    if (at || !o) {
        skf_diagnostic_add(out, false, at, b->hint, "%s%s", name, b->text);
    } else { /* made by a tool, or edited since: the object's beginning is all we know */
        struct skf_err err = SKF_ERR_INIT;
        skf_err_set(&err, SKF_EINVAL, "%s%s%s%s", name, b->text, b->field ? ", in " : "",
                    b->field ? b->field : "");
        skf_err_at(&err, o->file, o->line, 0);
        skf_diagnostic_add_err(out, NULL, &err, b->hint);
    }
    skf_doc_free(doc);
}

void skf_blame_report(const struct skf_objects *objects, const struct skf_object *only,
                      const struct skf_blames *blames, struct skf_diagnostics *out)
{
    for (size_t i = 0; i < blames->n; i++)
        report(only ? only : object_of(objects, &blames->v[i]), &blames->v[i], out);
}

void skf_blame_summary(const struct skf_diagnostics *found, const char *prefix, struct skf_err *err)
{
    skf_err_clear(err);
    if (!found->n)
        return;
    const struct skf_diagnostic *first = &found->v[0];
    if (found->n > 1)
        skf_err_set(err, SKF_EINVAL, "%s%s (and %zu more)", prefix, first->message, found->n - 1);
    else
        skf_err_set(err, SKF_EINVAL, "%s%s", prefix, first->message);
    skf_err_at(err, first->file[0] ? first->file : NULL, first->line, first->col);
}

#include "lib/config/profile.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/schema.h"

enum { MAX_PATTERN = 1000 };

/* Go's \d and \D, which POSIX expressions lack. */
static void translate(const char *pattern, struct skf_buf *out)
{
    bool in_class = false;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && (p[1] == 'd' || p[1] == 'D')) {
            p++;
            skf_buf_adds(out, in_class ? "0-9" : *p == 'd' ? "[0-9]" : "[^0-9]");
            continue;
        }
        if (strncmp(p, "(?:", 3) == 0) { /* groups are never asked for */
            skf_buf_addc(out, '(');
            p += 2;
            continue;
        }
        if (*p == '\\' && p[1] && !in_class)
            skf_buf_addc(out, *p++);
        else if (*p == '[')
            in_class = true;
        else if (*p == ']')
            in_class = false;
        skf_buf_addc(out, *p);
    }
}

bool skf_profile_match(const char *pattern, const char *value)
{
    bool negated = false;
    for (; *pattern == '!'; pattern++)
        negated = !negated;
    bool match = strcmp(pattern, value) == 0;
    if (!match && strlen(pattern) <= MAX_PATTERN) {
        skf_autobuf struct skf_buf posix = SKF_BUF_INIT;
        translate(pattern, &posix);
        regex_t re;
        if (regcomp(&re, posix.data, REG_EXTENDED | REG_NOSUB) == 0) {
            match = regexec(&re, value, 0, NULL, 0) == 0;
            regfree(&re);
        }
    }
    return match != negated;
}

static bool env_holds(const struct skf_node *n, struct skf_diagnostics *diags)
{
    const char *text = n->text, *eq = strchr(text, '=');
    if (!eq) {
        skf_diagnostic_add(diags, false, n, "write 'NAME=value' or 'NAME=regex'",
                           "the activation 'env: %s' has no '='", text);
        return false;
    }
    skf_autofree char *name = skf_xstrndup(text, (size_t)(eq - text));
    const char *value = getenv(name);
    if (!eq[1])
        return !value || !*value;
    return skf_profile_match(eq + 1, value ? value : "");
}

static bool entry_holds(const struct skf_node *a, const struct skf_profile_request *req,
                        struct skf_diagnostics *diags)
{
    const struct skf_node *env = skf_node_get(a, "env");
    const char *context = skf_node_get_str(a, "kubeContext");
    const char *command = skf_node_get_str(a, "command");
    if (skf_node_str(env) && *env->text && !env_holds(env, diags))
        return false;
    if (context && *context &&
        !skf_profile_match(context, req->kube_context ? req->kube_context : ""))
        return false;
    return !command || !*command || skf_profile_match(command, req->command ? req->command : "");
}

static bool activates(const struct skf_node *profile, const struct skf_profile_request *req,
                      struct skf_diagnostics *diags)
{
    const struct skf_node *list = skf_node_get(profile, "activation");
    bool all = false;
    skf_node_bool(skf_node_get(profile, "requiresAllActivations"), &all);
    if (skf_node_is_null(list))
        return false;
    size_t holding = 0;
    for (size_t i = 0; list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const struct skf_node *a = list->items[i];
        holding += a->kind == SKF_MAPPING && entry_holds(a, req, diags);
    }
    return list->kind == SKF_SEQUENCE && list->n && (all ? holding == list->n : holding > 0);
}

static const struct skf_node *profile_named(const struct skf_node *root, const char *name)
{
    const struct skf_node *list = skf_node_get(root, "profiles");
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const char *have = skf_node_get_str(list->items[i], "name");
        if (have && strcmp(have, name) == 0)
            return list->items[i];
    }
    return NULL;
}

void skf_profiles_active(const struct skf_node *root, const struct skf_profile_request *req,
                         struct skf_strv *out, struct skf_diagnostics *diags)
{
    const struct skf_node *list = skf_node_get(root, "profiles");
    for (size_t i = 0; req->automatic && list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const char *name = skf_node_get_str(list->items[i], "name");
        if (name && activates(list->items[i], req, diags) && !skf_strv_has(out, name))
            skf_strv_add(out, name);
    }
    for (size_t i = 0; req->named && i < req->named->n; i++) {
        const char *name = req->named->v[i];
        if (*name == '-') {
            for (size_t k = out->n; k > 0; k--) {
                if (strcmp(out->v[k - 1], name + 1) == 0)
                    skf_strv_remove(out, k - 1);
            }
        } else if (!skf_strv_has(out, name) && profile_named(root, name)) {
            skf_strv_add(out, name);
        }
    }
}

void skf_profiles_check_context(const struct skf_node *before, const struct skf_node *root,
                                const struct skf_profile_request *req,
                                const struct skf_strv *active, struct skf_diagnostics *diags)
{
    const struct skf_node *wanted = skf_node_find(root, "deploy", "kubeContext", NULL);
    const char *current = req->kube_context ? req->kube_context : "";
    if (req->context_given || !req->automatic || !skf_node_str(wanted) || !wanted->len ||
        strcmp(wanted->text, current) == 0)
        return;
    for (size_t i = 0; i < active->n; i++) {
        const struct skf_node *profile = profile_named(before, active->v[i]);
        const struct skf_node *list = skf_node_get(profile, "activation");
        for (size_t k = 0; list && list->kind == SKF_SEQUENCE && k < list->n; k++) {
            const struct skf_node *context = skf_node_get(list->items[k], "kubeContext");
            if (skf_node_str(context) && context->len && entry_holds(list->items[k], req, diags))
                skf_diagnostic_add(diags, false, context,
                                   "revise the activation, or 'deploy.kubeContext'",
                                   "the profile '%s' is active because the context is '%s', but "
                                   "'deploy.kubeContext' is '%s'",
                                   active->v[i], current, wanted->text);
        }
    }
}

/* Does a value count as set for this kind of field? */
static bool counts(const struct skf_node *v, const struct skf_field *f)
{
    bool yes;
    long long number;
    if (skf_node_is_null(v))
        return false;
    if (f->ptr)
        return true;
    switch (f->type) {
    case SKF_T_STRING:
    case SKF_T_INT_OR_NAME:
        return v->kind != SKF_SCALAR || v->len > 0;
    case SKF_T_BOOL:
        return !skf_node_bool(v, &yes) || yes;
    case SKF_T_INT:
        return !skf_node_int(v, &number) || number != 0;
    case SKF_T_STRINGS:
    case SKF_T_STRING_MAP:
    case SKF_T_LIST:
    case SKF_T_FLAT_MAP:
    case SKF_T_ANY:
        return v->kind == SKF_SCALAR || v->n > 0;
    default:
        return true;
    }
}

static void overlay(struct skf_doc *d, struct skf_node *base, const struct skf_node *over,
                    const struct skf_field *fields)
{
    const char *done_group = NULL;
    for (const struct skf_field *f = fields; f->name; f++) {
        struct skf_entry *e = skf_node_entry(over, f->name);
        if (!e || !counts(e->value, f))
            continue;
        if (f->oneof) {
            if (done_group && strcmp(done_group, f->oneof) == 0)
                continue;
            done_group = f->oneof;
            for (const struct skf_field *g = fields; g->name; g++) {
                if (g->oneof && strcmp(g->oneof, f->oneof) == 0)
                    skf_node_del(base, g->name);
            }
        }
        if (f->type == SKF_T_STRUCT && f->sub && e->value->kind == SKF_MAPPING) {
            struct skf_node *have = skf_node_get(base, f->name);
            if (!have || have->kind != SKF_MAPPING) {
                have = skf_node_new_map(d, e->value);
                skf_node_set_key(d, base, e->key, have);
            }
            overlay(d, have, e->value, f->sub);
            continue;
        }
        skf_node_set_key(d, base, e->key, e->value);
    }
}

void skf_profiles_apply(struct skf_doc *d, struct skf_node *root, const struct skf_strv *active,
                        struct skf_diagnostics *diags)
{
    for (size_t i = 0; i < active->n; i++) {
        const struct skf_node *profile = profile_named(root, active->v[i]);
        if (!profile)
            continue;
        overlay(d, root, profile, skf_schema_pipeline);
        const struct skf_node *patches = skf_node_get(profile, "patches");
        for (size_t k = 0; patches && patches->kind == SKF_SEQUENCE && k < patches->n; k++) {
            if (!skf_patch_apply(d, root, patches->items[k], diags))
                break;
        }
    }
    skf_node_del(root, "profiles");
}

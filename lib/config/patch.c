#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/base/vec.h"
#include "lib/config/profile.h"

/* Splits "/a/b~1c" into its elements; false when it does not start with '/'. */
static bool split(const char *path, struct skf_strv *out)
{
    if (*path != '/')
        return false;
    while (*path) {
        skf_autobuf struct skf_buf part = SKF_BUF_INIT;
        for (path++; *path && *path != '/'; path++) {
            bool escape = *path == '~' && (path[1] == '0' || path[1] == '1');
            skf_buf_addc(&part, !escape ? *path : path[1] == '0' ? '~' : '/');
            path += escape;
        }
        skf_strv_add(out, part.data);
    }
    return true;
}

/* The item that an element names: an index, or "key=value" among mappings. -1 = none. */
static long item_index(const struct skf_node *seq, const char *element)
{
    long long i;
    if (skf_num_parse(element, 0, 1 << 30, &i))
        return (size_t)i < seq->n ? (long)i : -1;
    const char *eq = strchr(element, '=');
    if (!eq)
        return -1;
    skf_autofree char *key = skf_xstrndup(element, (size_t)(eq - element));
    for (size_t k = 0; k < seq->n; k++) {
        const char *value = skf_node_get_str(seq->items[k], key);
        if (value && strcmp(value, eq + 1) == 0)
            return (long)k;
    }
    return -1;
}

static struct skf_node *child(const struct skf_node *n, const char *element)
{
    if (n->kind == SKF_MAPPING)
        return skf_node_get(n, element);
    long i = n->kind == SKF_SEQUENCE ? item_index(n, element) : -1;
    return i < 0 ? NULL : n->items[i];
}

struct patch {
    struct skf_doc *d;
    struct skf_node *root;
    const struct skf_node *at; /* for messages */
    struct skf_diagnostics *diags;
};

/* What there is instead of `element`: a name like it, or how long the list is; NULL = nothing to
 * say. Owned. */
static char *instead(const struct skf_node *n, const char *element)
{
    if (n->kind == SKF_SEQUENCE)
        return n->n == 1 ? skf_xstrdup("the list has one item, 0")
               : n->n    ? skf_xasprintf("the list has the items 0 to %zu", n->n - 1)
                         : skf_xstrdup("the list is empty: '-' adds to it");
    skf_autofree const char **names = skf_xcalloc(n->n + 1, sizeof(char *));
    size_t known = 0;
    for (size_t i = 0; i < n->n; i++)
        if (n->entries[i].key->kind == SKF_SCALAR)
            names[known++] = n->entries[i].key->text;
    const char *near = skf_suggest(element, names, known);
    return near ? skf_xasprintf("did you mean '%s'?", near) : NULL;
}

static bool missing(const struct patch *p, const char *path, const struct skf_node *in,
                    const char *element, const char *hint)
{
    skf_autofree char *better = instead(in, element);
    skf_diagnostic_add(p->diags, false, p->at, better ? better : hint,
                       "invalid path '%s': there is no '%s'", path, element);
    return false;
}

/* The container that holds the last element of `path`. NULL, and a finding, when there is none. */
static struct skf_node *parent_of(const struct patch *p, const char *path,
                                  const struct skf_strv *parts)
{
    struct skf_node *n = p->root;
    for (size_t i = 0; i < parts->n; i++) {
        if (n->kind == SKF_SCALAR) {
            skf_diagnostic_add(p->diags, false, p->at, NULL,
                               "invalid path '%s': '%s' is in a single value", path, parts->v[i]);
            return NULL;
        }
        if (i + 1 == parts->n)
            break;
        struct skf_node *next = child(n, parts->v[i]);
        if (skf_node_is_null(next)) {
            missing(p, path, n, parts->v[i],
                    "a path starts at the top of the file: '/build/artifacts/0/...'");
            return NULL;
        }
        n = next;
    }
    return n;
}

static bool add(const struct patch *p, const char *path, struct skf_node *value)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    split(path, &parts);
    struct skf_node *to = parent_of(p, path, &parts);
    const char *last = parts.v[parts.n - 1];
    long long i;
    if (!to)
        return false;
    if (to->kind == SKF_MAPPING) {
        skf_node_set(p->d, to, last, value);
        return true;
    }
    if (strcmp(last, "-") == 0)
        i = (long long)to->n;
    else if (!skf_num_parse(last, 0, (long long)to->n, &i))
        return missing(p, path, to, last, "'-' names the end of a list");
    skf_node_insert(p->d, to, (size_t)i, value);
    return true;
}

static struct skf_node *get(const struct patch *p, const char *path, struct skf_node **parent)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    split(path, &parts);
    *parent = parent_of(p, path, &parts);
    if (!*parent)
        return NULL;
    struct skf_node *n = child(*parent, parts.v[parts.n - 1]);
    if (!skf_node_is_null(n))
        return n;
    missing(p, path, *parent, parts.v[parts.n - 1],
            "fields that are left to their default need 'op: add'");
    return NULL;
}

static bool take_out(const struct patch *p, const char *path)
{
    struct skf_node *parent;
    if (!get(p, path, &parent))
        return false;
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    split(path, &parts);
    const char *last = parts.v[parts.n - 1];
    if (parent->kind == SKF_MAPPING)
        skf_node_del(parent, last);
    else
        skf_node_remove(parent, (size_t)item_index(parent, last));
    return true;
}

static bool replace(const struct patch *p, const char *path, struct skf_node *value)
{
    struct skf_node *parent, *old = get(p, path, &parent);
    if (!old)
        return false;
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    split(path, &parts);
    const char *last = parts.v[parts.n - 1];
    if (parent->kind == SKF_MAPPING)
        skf_node_set(p->d, parent, last, value);
    else
        parent->items[item_index(parent, last)] = value;
    return true;
}

/* Puts a value where move and copy want it: over what is there, or new. */
static bool put(const struct patch *p, const char *path, struct skf_node *value)
{
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    split(path, &parts);
    struct skf_node *to = parent_of(p, path, &parts);
    if (!to)
        return false;
    long i = to->kind == SKF_SEQUENCE ? item_index(to, parts.v[parts.n - 1]) : -1;
    if (i < 0)
        return add(p, path, value);
    to->items[i] = value;
    return true;
}

static bool is_within(const char *inner, const char *outer)
{
    size_t n = strlen(outer);
    return strncmp(inner, outer, n) == 0 && inner[n] == '/';
}

bool skf_patch_apply(struct skf_doc *d, struct skf_node *root, const struct skf_node *patch,
                     struct skf_diagnostics *diags)
{
    const struct skf_node *path_node = skf_node_get(patch, "path");
    const char *op = skf_node_get_str(patch, "op"), *path = skf_node_str(path_node);
    const char *from = skf_node_get_str(patch, "from");
    const struct skf_node *given = skf_node_get(patch, "value");
    struct patch p = { d, root, path_node ? path_node : patch, diags };
    if (!op || !*op)
        op = "replace";
    if (!path || *path != '/') {
        skf_diagnostic_add(diags, false, p.at, "write '/build/artifacts/0/image', for example",
                           "the path of a patch must start with '/'");
        return false;
    }
    if (strcmp(op, "remove") == 0)
        return take_out(&p, path);
    if (strcmp(op, "move") == 0 || strcmp(op, "copy") == 0) {
        struct skf_node *parent;
        if (!from || *from != '/' || is_within(path, from)) {
            skf_diagnostic_add(diags, false, p.at, NULL,
                               "'op: %s' needs 'from', a path that does not hold '%s'", op, path);
            return false;
        }
        struct skf_node *value = get(&p, from, &parent);
        if (!value)
            return false;
        value = skf_node_clone(d, value);
        if (*op == 'm' && !take_out(&p, from))
            return false;
        return put(&p, path, value);
    }
    bool known = strcmp(op, "add") == 0 || strcmp(op, "replace") == 0 || strcmp(op, "test") == 0;
    if (!known) {
        skf_diagnostic_add(diags, false, skf_node_get(patch, "op"),
                           "one of add, remove, replace, move, copy, test",
                           "unknown operation '%s'", op);
        return false;
    }
    if (!given) {
        skf_diagnostic_add(diags, false, p.at, NULL, "'op: %s' needs a 'value'", op);
        return false;
    }
    struct skf_node *value = skf_node_clone(d, given);
    if (strcmp(op, "add") == 0)
        return add(&p, path, value);
    if (strcmp(op, "replace") == 0)
        return replace(&p, path, value);
    struct skf_node *parent, *have = get(&p, path, &parent);
    if (have && !skf_node_equal(have, value))
        skf_diagnostic_add(diags, false, p.at, NULL,
                           "the test of '%s' failed: the value there is another one", path);
    return have && skf_node_equal(have, value);
}

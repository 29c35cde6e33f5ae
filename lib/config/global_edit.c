#include "lib/config/global_edit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/base/suggest.h"
#include "lib/base/vec.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/io/file.h"

enum { MAX_GLOBAL = 4 * 1024 * 1024 };

static const struct {
    const char *name;
    enum { VALUE_TEXT, VALUE_BOOL, VALUE_LIST } type;
} keys[] = {
    { "default-repo", VALUE_TEXT },           { "multi-level-repo", VALUE_BOOL },
    { "local-cluster", VALUE_BOOL },          { "insecure-registries", VALUE_LIST },
    { "debug-helpers-registry", VALUE_TEXT }, { "update-check", VALUE_BOOL },
    { "kind-disable-load", VALUE_BOOL },      { "k3d-disable-load", VALUE_BOOL },
    { "collect-metrics", VALUE_BOOL },
};

char *skf_global_file(void)
{
    const char *home = getenv("HOME");
    return home && *home ? skf_path_join(home, ".skaffold/config") : NULL;
}

static int load(const char *file, struct skf_doc **out, struct skf_node **root, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (skf_file_exists(file) && skf_file_read(file, MAX_GLOBAL, &text, err) < 0)
        return -(int)err->code;
    if (skf_doc_parse(file, text.data, text.len, out, err) < 0)
        return -(int)err->code;
    *root = (*out)->n_parts ? (*out)->parts[0].root : NULL;
    if (skf_node_is_null(*root)) {
        *root = skf_node_new_map(*out, NULL);
        return 0;
    }
    if ((*root)->kind == SKF_MAPPING)
        return 0;
    skf_node_err(err, *root, SKF_ECONFIG, "expected a mapping, found %s",
                 skf_node_kind_words(*root));
    skf_doc_free(*out);
    return -(int)err->code;
}

/* --- one section ------------------------------------------------------------------------------ */

/* Only the entry of this very name: patterns of other entries are their author's. */
static struct skf_node *context_section(const struct skf_node *root, const char *name)
{
    const struct skf_node *list = skf_node_get(root, "kubeContexts");
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const char *has = skf_node_get_str(list->items[i], "kube-context");
        if (has && strcmp(has, name) == 0)
            return list->items[i];
    }
    return NULL;
}

static struct skf_node *make_section(struct skf_doc *d, struct skf_node *root, const char *name)
{
    struct skf_node *made = skf_node_new_map(d, NULL);
    if (!name) {
        skf_node_set(d, root, "global", made);
        return made;
    }
    struct skf_node *list = skf_node_get(root, "kubeContexts");
    if (!list || list->kind != SKF_SEQUENCE) {
        list = skf_node_new_seq(d, NULL);
        skf_node_set(d, root, "kubeContexts", list);
    }
    skf_node_set(d, made, "kube-context", skf_node_new_str(d, NULL, name));
    skf_node_append(d, list, made);
    return made;
}

static struct skf_node *section(const struct skf_node *root, const char *name)
{
    struct skf_node *found = name ? context_section(root, name) : skf_node_get(root, "global");
    return found && found->kind == SKF_MAPPING ? found : NULL;
}

static void add_to_list(struct skf_doc *d, struct skf_node *map, const char *key, const char *value)
{
    struct skf_node *list = skf_node_get(map, key);
    if (!list || list->kind != SKF_SEQUENCE) {
        list = skf_node_new_seq(d, NULL);
        skf_node_set(d, map, key, list);
    }
    for (size_t i = 0; i < list->n; i++) {
        const char *has = skf_node_str(list->items[i]);
        if (has && strcmp(has, value) == 0)
            return;
    }
    skf_node_append(d, list, skf_node_new_str(d, NULL, value));
}

/* --- the public face -------------------------------------------------------------------------- */

static int unknown_key(const char *key, struct skf_err *err)
{
    const char *names[SKF_ARRAY_LEN(keys)];
    skf_autobuf struct skf_buf all = SKF_BUF_INIT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(keys); i++) {
        names[i] = keys[i].name;
        skf_buf_addf(&all, "%s%s", i ? ", " : "", keys[i].name);
    }
    const char *near = skf_suggest(key, names, SKF_ARRAY_LEN(keys));
    if (near)
        return skf_err_set(err, SKF_EUSAGE, "unknown key '%s': did you mean '%s'? There are %s",
                           key, near, all.data);
    return skf_err_set(err, SKF_EUSAGE, "unknown key '%s': there are %s", key, all.data);
}

static int write_back(const char *file, const struct skf_node *root, struct skf_err *err)
{
    skf_autofree char *dir = skf_path_dir(file);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct stat st;
    mode_t mode = stat(file, &st) == 0 ? st.st_mode & 0777 : 0644;
    skf_emit_yaml(root, &text);
    int rc = skf_file_mkdirs(dir, 0755, err);
    return rc < 0 ? rc : skf_file_write_atomic(file, mode, text.data, text.len, err);
}

int skf_global_set(const char *file, const char *kube_context, const char *key, const char *value,
                   struct skf_err *err)
{
    size_t k = 0;
    bool yes = false;
    while (k < SKF_ARRAY_LEN(keys) && strcmp(keys[k].name, key) != 0)
        k++;
    if (k == SKF_ARRAY_LEN(keys))
        return unknown_key(key, err);
    if (keys[k].type == VALUE_BOOL && *value && !skf_num_parse_bool(value, &yes))
        return skf_err_set(err, SKF_EUSAGE, "%s takes true or false, not '%s'", key, value);
    struct skf_doc *d;
    struct skf_node *root;
    if (load(file, &d, &root, err) < 0)
        return -(int)err->code;
    struct skf_node *map = section(root, kube_context);
    if (!map && *value)
        map = make_section(d, root, kube_context);
    if (!*value)
        skf_node_del(map, key);
    else if (keys[k].type == VALUE_LIST)
        add_to_list(d, map, key, value);
    else
        skf_node_set(d, map, key,
                     keys[k].type == VALUE_BOOL
                         ? skf_node_new_plain(d, NULL, yes ? "true" : "false")
                         : skf_node_new_str(d, NULL, value));
    int rc = map ? write_back(file, root, err) : 0;
    skf_doc_free(d);
    return rc;
}

int skf_global_show(const char *file, const char *kube_context, bool all, struct skf_buf *out,
                    struct skf_err *err)
{
    struct skf_doc *d;
    struct skf_node *root;
    if (load(file, &d, &root, err) < 0)
        return -(int)err->code;
    const struct skf_node *shown = all ? root : section(root, kube_context);
    if (shown && shown->n)
        skf_emit_yaml(shown, out);
    skf_doc_free(d);
    return 0;
}

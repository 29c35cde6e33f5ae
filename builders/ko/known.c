#include "builders/ko/known.h"

#include <string.h>

#include "builders/ko/goscan.h"
#include "builders/ko/store.h"

/* Another number when the meaning of what is kept changes, or the bytes of a layer. */
enum { FORM = 1 };

struct skf_ko_graph *skf_ko_graph_new(void)
{
    struct skf_ko_graph *g = skf_xcalloc(1, sizeof *g);
    g->refs = 1;
    return g;
}

struct skf_ko_graph *skf_ko_graph_ref(struct skf_ko_graph *g)
{
    if (g)
        g->refs++;
    return g;
}

void skf_ko_graph_unref(struct skf_ko_graph *g)
{
    if (!g || --g->refs > 0)
        return;
    skf_ko_package_release(&g->package);
    free(g->run_dir);
    free(g->goroot);
    skf_strv_release(&g->files);
    skf_inputs_release(&g->inputs);
    skf_strv_release(&g->mark_dirs);
    skf_strv_release(&g->mark_files);
    free(g);
}

void skf_ko_graph_mark(const struct skf_ko_graph *g, bool (*stopped)(void *), void *arg,
                       char out[SKF_DIGEST_TEXT], int64_t *newest_us)
{
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_sha256_add(&h, g->settings, sizeof g->settings);
    for (size_t i = 0; i < g->mark_dirs.n && !(stopped && stopped(arg)); i++)
        skf_goscan_dir(g->mark_dirs.v[i], &h, newest_us);
    for (size_t i = 0; i < g->mark_files.n; i++)
        skf_goscan_stat(g->mark_files.v[i], &h);
    skf_sha256_end(&h, out);
}

struct skf_ko_kept *skf_ko_kept_new(void)
{
    struct skf_ko_kept *k = skf_xcalloc(1, sizeof *k);
    k->refs = 1;
    return k;
}

struct skf_ko_kept *skf_ko_kept_ref(struct skf_ko_kept *k)
{
    if (k)
        k->refs++;
    return k;
}

void skf_ko_kept_unref(struct skf_ko_kept *k)
{
    if (!k || --k->refs > 0)
        return;
    skf_ko_seen_release(&k->seen);
    free(k->vcs);
    for (size_t i = 0; i < k->layers.n; i++)
        free(k->layers.v[i].key);
    skf_vec_release(&k->layers);
    free(k);
}

void skf_ko_kept_add(struct skf_ko_kept *k, const struct skf_ko_kept_layer *layer)
{
    struct skf_ko_kept_layer copy = *layer;
    if (skf_ko_kept_find(k, layer->key, layer->recipe))
        return;
    copy.key = skf_xstrdup(layer->key);
    skf_vec_push(&k->layers, copy);
}

const struct skf_ko_kept_layer *skf_ko_kept_find(const struct skf_ko_kept *k, const char *key,
                                                 const char *recipe)
{
    for (size_t i = 0; k && i < k->layers.n; i++)
        if (strcmp(k->layers.v[i].key, key) == 0 && strcmp(k->layers.v[i].recipe, recipe) == 0)
            return &k->layers.v[i];
    return NULL;
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *list_of(const struct skf_strv *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n; i++)
        if (json_array_append_new(list, json_string(s->v[i])) < 0) {
            json_decref(list); /* a name that is not UTF-8: nothing is kept */
            return NULL;
        }
    return list;
}

static bool take_list(const json_t *from, const char *key, struct skf_strv *to)
{
    const json_t *list = json_object_get(from, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (!s)
            return false;
        skf_strv_add(to, s);
    }
    return json_is_array(list);
}

static bool take_text(const json_t *from, const char *key, char **to)
{
    const char *s = json_string_value(json_object_get(from, key));
    if (s)
        *to = skf_xstrdup(s);
    return s;
}

static bool take_digest(const json_t *from, const char *key, char to[SKF_DIGEST_TEXT])
{
    const char *s = json_string_value(json_object_get(from, key));
    if (!s || !skf_digest_valid(s))
        return false;
    memcpy(to, s, SKF_DIGEST_TEXT);
    return true;
}

static json_t *graph_to_json(const struct skf_ko_graph *g)
{
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o}",
        "settings", g->settings, "mark", g->mark, "package", g->have_package, "no_module",
        g->no_module, "import_path", g->have_package ? g->package.import_path : "", "name",
        g->have_package ? g->package.name : "", "dir", g->have_package ? g->package.dir : "",
        "gomod", g->have_package ? g->package.gomod : "", "run_dir", g->run_dir, "goroot",
        g->goroot ? g->goroot : "", "files", list_of(&g->files), "inputs",
        list_of(&g->inputs.files), "dirs", list_of(&g->inputs.dirs), "trees",
        list_of(&g->inputs.trees), "manifests", list_of(&g->inputs.manifests), "mark_dirs",
        list_of(&g->mark_dirs), "mark_files", list_of(&g->mark_files));
}

static struct skf_ko_graph *graph_from_json(const json_t *o)
{
    struct skf_ko_graph *g = skf_ko_graph_new();
    struct skf_ko_package *p = &g->package;
    g->have_package = json_is_true(json_object_get(o, "package"));
    g->no_module = json_is_true(json_object_get(o, "no_module"));
    bool good = take_digest(o, "settings", g->settings) && take_digest(o, "mark", g->mark) &&
                take_text(o, "import_path", &p->import_path) && take_text(o, "name", &p->name) &&
                take_text(o, "dir", &p->dir) && take_text(o, "gomod", &p->gomod) &&
                take_text(o, "run_dir", &g->run_dir) && take_text(o, "goroot", &g->goroot) &&
                take_list(o, "files", &g->files) && take_list(o, "inputs", &g->inputs.files) &&
                take_list(o, "dirs", &g->inputs.dirs) && take_list(o, "trees", &g->inputs.trees) &&
                take_list(o, "manifests", &g->inputs.manifests) &&
                take_list(o, "mark_dirs", &g->mark_dirs) &&
                take_list(o, "mark_files", &g->mark_files);
    char **rest[] = { &p->error, &p->error_pos, &p->module_path, &p->module_dir };
    for (size_t i = 0; i < SKF_ARRAY_LEN(rest); i++)
        *rest[i] = skf_xstrdup("");
    if (good && !g->goroot[0])
        skf_replace(&g->goroot, NULL);
    if (good)
        return g;
    skf_ko_graph_unref(g);
    return NULL;
}

static json_t *kept_to_json(const struct skf_ko_kept *k)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < k->layers.n; i++) {
        const struct skf_ko_kept_layer *l = &k->layers.v[i];
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "key", l->key, "recipe",
                                        l->recipe, "diff_id", l->diff_id, "digest", l->digest,
                                        "type", l->media_type, "size", (json_int_t)l->size));
    }
    return json_pack("{s:s, s:o, s:o}", "vcs", k->vcs, "layers", layers, "seen",
                     skf_ko_seen_to_json(&k->seen));
}

static bool take_layer(const json_t *o, struct skf_ko_kept *k)
{
    struct skf_ko_kept_layer l = { 0 };
    const char *recipe = json_string_value(json_object_get(o, "recipe"));
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *key = json_string_value(json_object_get(o, "key"));
    const json_t *size = json_object_get(o, "size");
    if (!key || !recipe || !type || strlen(recipe) >= sizeof l.recipe ||
        strlen(type) >= sizeof l.media_type || !take_digest(o, "diff_id", l.diff_id) ||
        !take_digest(o, "digest", l.digest) || !json_is_integer(size))
        return false;
    skf_autofree char *own = skf_xstrdup(key);
    l.key = own;
    memcpy(l.recipe, recipe, strlen(recipe) + 1);
    memcpy(l.media_type, type, strlen(type) + 1);
    l.size = json_integer_value(size);
    skf_ko_kept_add(k, &l);
    return true;
}

static struct skf_ko_kept *kept_from_json(const json_t *o)
{
    struct skf_ko_kept *k = skf_ko_kept_new();
    const json_t *layers = json_object_get(o, "layers");
    bool good = take_text(o, "vcs", &k->vcs) && json_is_array(layers) &&
                skf_ko_seen_from_json(json_object_get(o, "seen"), &k->seen);
    for (size_t i = 0; good && i < json_array_size(layers); i++)
        good = take_layer(json_array_get(layers, i), k);
    if (good)
        return k;
    skf_ko_kept_unref(k);
    return NULL;
}

void skf_ko_known_load(const char *cache_dir, const char *key, struct skf_ko_graph **graph,
                       struct skf_ko_kept **kept)
{
    json_t *doc = skf_ko_store_load(cache_dir, key);
    *graph = NULL;
    *kept = NULL;
    if (json_integer_value(json_object_get(doc, "form")) == FORM) {
        *graph = graph_from_json(json_object_get(doc, "graph"));
        if (*graph && json_object_get(doc, "kept"))
            *kept = kept_from_json(json_object_get(doc, "kept"));
    }
    json_decref(doc);
}

void skf_ko_known_save(const char *cache_dir, const char *key, const struct skf_ko_graph *graph,
                       const struct skf_ko_kept *kept)
{
    json_t *doc = json_pack("{s:i, s:o}", "form", FORM, "graph", graph_to_json(graph));
    if (doc && kept)
        json_object_set_new(doc, "kept", kept_to_json(kept));
    if (doc)
        skf_ko_store_save(cache_dir, key, doc);
}

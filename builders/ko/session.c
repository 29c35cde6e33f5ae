#include "builders/ko/session.h"

#include <string.h>

#include "builders/ko/base.h"
#include "lib/base/map.h"

static struct skf_map sessions = SKF_MAP_INIT;

struct skf_ko_session *skf_ko_session_get(const char *workdir, const char *pattern)
{
    skf_autofree char *key = skf_xasprintf("%s\n%s", workdir, pattern);
    struct skf_ko_session *s = skf_map_get(&sessions, key);
    if (!s) {
        s = skf_xcalloc(1, sizeof *s);
        s->key = skf_xstrdup(key);
        skf_map_put(&sessions, key, s);
    }
    return s;
}

static void drop_layer(struct skf_ko_made_layer *l)
{
    free(l->key);
    skf_blob_unref(l->blob);
}

static void session_free(void *value)
{
    struct skf_ko_session *s = value;
    skf_ko_graph_unref(s->graph);
    skf_ko_kept_unref(s->kept);
    for (size_t i = 0; i < s->layers.n; i++)
        drop_layer(&s->layers.v[i]);
    skf_vec_release(&s->layers);
    free(s->delivered_digest);
    free(s->delivered_as);
    free(s->deployed);
    skf_strv_release(&s->told);
    skf_blob_unref(s->helper);
    free(s->key);
    free(s);
}

void skf_ko_session_forget_all(void)
{
    skf_map_release_with(&sessions, session_free);
    skf_ko_base_forget_all();
}

void skf_ko_session_learn(struct skf_ko_session *s, const char *settings,
                          struct skf_ko_graph *graph, struct skf_ko_kept *kept)
{
    struct skf_ko_graph *old_graph = s->graph;
    struct skf_ko_kept *old_kept = s->kept;
    snprintf(s->known_key, sizeof s->known_key, "%s", settings);
    s->graph = skf_ko_graph_ref(graph);
    s->kept = skf_ko_kept_ref(kept);
    skf_ko_graph_unref(old_graph);
    skf_ko_kept_unref(old_kept);
}

struct skf_ko_made_layer *skf_ko_session_layer(struct skf_ko_session *s, const char *key)
{
    for (size_t i = 0; i < s->layers.n; i++)
        if (strcmp(s->layers.v[i].key, key) == 0)
            return &s->layers.v[i];
    return NULL;
}

void skf_ko_session_keep_layer(struct skf_ko_session *s, const struct skf_ko_made_layer *made)
{
    struct skf_ko_made_layer copy = *made;
    copy.key = skf_xstrdup(made->key);
    copy.blob = skf_blob_ref(made->blob);
    struct skf_ko_made_layer *old = skf_ko_session_layer(s, made->key);
    if (old) {
        drop_layer(old);
        *old = copy;
    } else {
        skf_vec_push(&s->layers, copy);
    }
}

#include "builders/ko/session.h"

#include <string.h>

#include "builders/ko/base.h"
#include "builders/ko/goscan.h"
#include "lib/base/map.h"
#include "lib/base/path.h"

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

static void drop_package(struct skf_ko_session *s)
{
    if (s->have_package)
        skf_ko_package_release(&s->package);
    skf_strv_clear(&s->files);
    s->have_package = false;
}

static void drop_layer(struct skf_ko_made_layer *l)
{
    free(l->key);
    skf_blob_unref(l->blob);
}

static void session_free(void *value)
{
    struct skf_ko_session *s = value;
    drop_package(s);
    skf_strv_release(&s->files);
    for (size_t i = 0; i < s->layers.n; i++)
        drop_layer(&s->layers.v[i]);
    skf_vec_release(&s->layers);
    skf_inputs_release(&s->inputs);
    skf_strv_release(&s->mark_dirs);
    skf_strv_release(&s->mark_files);
    free(s->delivered_digest);
    free(s->delivered_as);
    free(s->deployed);
    skf_strv_release(&s->told);
    free(s->run_dir);
    free(s->key);
    free(s);
}

void skf_ko_session_forget_all(void)
{
    skf_map_release_with(&sessions, session_free);
    skf_ko_base_forget_all();
}

static void package_mark(const struct skf_ko_package *p, const char *settings,
                         char out[SKF_DIGEST_TEXT])
{
    struct skf_sha256 h;
    skf_sha256_init(&h);
    skf_sha256_add(&h, settings, strlen(settings) + 1);
    skf_goscan_dir(p->dir, &h, NULL);
    /* Without a module, one that appears changes everything. */
    skf_autofree char *gomod =
        p->gomod[0] ? skf_xstrdup(p->gomod) : skf_path_join(p->dir, "go.mod");
    skf_goscan_stat(gomod, &h);
    skf_sha256_end(&h, out);
}

bool skf_ko_session_package_valid(struct skf_ko_session *s, const char *settings_digest)
{
    char now[SKF_DIGEST_TEXT];
    if (!s->have_package)
        return false;
    package_mark(&s->package, settings_digest, now);
    return strcmp(now, s->package_mark) == 0;
}

void skf_ko_session_keep_package(struct skf_ko_session *s, const struct skf_ko_package *p,
                                 const char *run_dir, bool no_module, const struct skf_strv *files,
                                 const char *settings_digest)
{
    drop_package(s);
    skf_ko_package_copy(&s->package, p);
    skf_replace(&s->run_dir, skf_xstrdup(run_dir));
    s->no_module = no_module;
    if (files)
        skf_strv_addv(&s->files, files);
    package_mark(p, settings_digest, s->package_mark);
    s->have_package = true;
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

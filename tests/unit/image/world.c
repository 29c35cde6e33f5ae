#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/layer.h"
#include "lib/io/file.h"

enum { CAP_MS = 30000 };

void world_new_client(struct world *w)
{
    skf_registry_free(w->registry);
    skf_autofree char *daemon = skf_path_join(w->dir, "daemon.json");
    w->registry =
        skf_registry_new(&w->loop, w->http,
                         &(struct skf_registry_options){ .docker_config = w->dir,
                                                         .certs_dir = w->dir,
                                                         .hosts_dir = w->dir,
                                                         .daemon_json = daemon,
                                                         .layer_cache = w->dir,
                                                         .layer_cache_bytes = w->layer_cache_bytes,
                                                         .retry_ms = 1 });
}

int world_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_loop_init(&w->loop, &err), 0);
    w->dir = skf_file_temp_dir("skiff-image", &err);
    assert_non_null(w->dir);
    setenv("XDG_CACHE_HOME", w->dir, 1);
    w->http = skf_http_new(&w->loop);
    world_new_client(w);
    fake_start(&w->a, &w->loop);
    fake_start(&w->b, &w->loop);
    uv_timer_init(&w->loop, &w->cap);
    *state = w;
    return 0;
}

int world_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_registry_free(w->registry);
    skf_http_free(w->http);
    fake_stop(&w->a);
    fake_stop(&w->b);
    uv_close((uv_handle_t *)&w->cap, NULL);
    bool closed = skf_loop_close(&w->loop);
    fake_release(&w->a);
    fake_release(&w->b);
    assert_int_equal(skf_file_remove_tree(w->dir, &err), 0);
    free(w->dir);
    free(w);
    return closed ? 0 : -1;
}

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing happened for %d s", CAP_MS / 1000);
}

void world_run(struct world *w)
{
    uv_timer_start(&w->cap, on_cap, CAP_MS, 0);
    while (!w->over)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_timer_stop(&w->cap);
}

struct skf_image *world_image(const char *layer_text, const char *entry)
{
    struct skf_err err = SKF_ERR_INIT;
    char diff[SKF_DIGEST_TEXT];
    struct skf_platform p = { .os = "linux", .arch = "amd64" };
    struct skf_layer *l = skf_layer_new();
    skf_layer_bytes(l, "file", 0644, 0, layer_text, strlen(layer_text));
    struct skf_blob *b =
        skf_layer_finish(l, SKF_LAYER_PLAIN, SKF_MT_OCI_LAYER, diff, NULL, NULL, &err);
    assert_non_null(b);
    skf_layer_free(l);
    struct skf_image *scratch = skf_image_scratch(&p);
    const char *entrypoint[] = { entry, NULL };
    struct skf_image_layer layer = { .blob = b, .diff_id = diff };
    struct skf_image_edit edit = { .layers = &layer, .n_layers = 1, .entrypoint = entrypoint };
    struct skf_image *im = skf_image_append(scratch, &edit, &err);
    assert_non_null(im);
    skf_image_unref(scratch);
    skf_blob_unref(b);
    return im;
}

static void publish_blob(struct fake_registry *f, const char *repo, const struct skf_blob *b)
{
    char *bytes = skf_xmalloc((size_t)b->size + 1);
    assert_int_equal(skf_blob_read(b, 0, bytes, (size_t)b->size), b->size);
    fake_put_blob(f, repo, b->digest, bytes, (size_t)b->size);
    free(bytes);
}

void world_publish(struct fake_registry *f, const char *repo, const char *tag,
                   const struct skf_image *im)
{
    for (size_t i = 0; i < im->n_children; i++)
        world_publish(f, repo, im->children[i]->manifest->digest, im->children[i]);
    for (size_t i = 0; i < im->n_layers; i++)
        publish_blob(f, repo, im->layers[i]);
    if (im->config)
        publish_blob(f, repo, im->config);
    fake_put_manifest(f, repo, tag, im->manifest->media_type, im->manifest->pieces[0].bytes,
                      (size_t)im->manifest->size);
}

void world_done(struct world *w, const struct skf_err *err)
{
    skf_err_clear(&w->err);
    if (err)
        w->err = *err;
    w->over = true;
    uv_stop(&w->loop); /* else the turn goes on to wait for the next event */
}

static void on_pushed(struct skf_push *p, const struct skf_err *err)
{
    world_done(p->data, err);
}

int world_push(struct world *w, struct skf_image *im, const char *reference, struct skf_push *out)
{
    *out = (struct skf_push){
        .registry = w->registry, .image = im, .reference = reference, .data = w, .done = on_pushed
    };
    w->over = false;
    skf_push_start(out);
    assert_false(w->over);
    world_run(w);
    return -(int)w->err.code;
}

static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    world_done(p->data, err);
}

int world_pull(struct world *w, const char *reference, const char *platform, bool pinned,
               struct skf_image **out)
{
    struct skf_platform want;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *cache = skf_path_join(w->dir, "bases");
    if (platform)
        assert_int_equal(skf_platform_parse(platform, &want, &err), 0);
    struct skf_pull p = { .registry = w->registry,
                          .reference = reference,
                          .wanted = &want,
                          .n_wanted = platform ? 1 : 0,
                          .cache_dir = cache,
                          .pinned = pinned,
                          .data = w,
                          .done = on_pulled };
    w->over = false;
    skf_pull_start(&p);
    assert_false(w->over);
    world_run(w);
    *out = p.image;
    w->stale = p.stale;
    assert_true((p.image != NULL) == (w->err.code == 0));
    return -(int)w->err.code;
}

char *world_reference(const struct fake_registry *f, const char *name)
{
    return skf_xasprintf("%s/%s", f->host, name);
}

void world_write(const struct world *w, const char *name, mode_t mode, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(w->dir, name);
    assert_int_equal(skf_file_write_atomic(path, mode, text, strlen(text), &err), 0);
}

/* Where layers and documents of bases are taken from: the cache, mirrors, other repositories of the
 * target; and what serves when nobody can be reached. */
#include "world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/layer_cache.h"
#include "lib/io/file.h"

/* A base in registry a, pulled: an image whose layer is elsewhere. */
static struct skf_image *pulled_base(struct world *w, const char *repo, const char *text)
{
    struct skf_image *base = world_image(text, "/base"), *im;
    world_publish(&w->a, repo, "latest", base);
    skf_autofree char *ref = world_reference(&w->a, repo);
    if (world_pull(w, ref, NULL, false, &im) != 0)
        fail_msg("%s", w->err.msg);
    skf_image_unref(base);
    return im;
}

/* Pushes to registry b under this name and says how often a layer of `im` was read from a. */
static int push_counting(struct world *w, struct skf_image *im, const char *name)
{
    struct skf_push p;
    skf_autofree char *ref = world_reference(&w->b, name);
    skf_autofree char *get = skf_xasprintf("GET /v2/bases/one/blobs/%s", im->layers[0]->digest);
    int before = fake_count(&w->a, get);
    if (world_push(w, im, ref, &p) != 0)
        fail_msg("%s", w->err.msg);
    assert_true(p.requests > 0);
    return fake_count(&w->a, get) - before;
}

static char *layer_path(const struct world *w, const struct skf_image *im)
{
    return skf_xasprintf("%s/layers/%s", w->dir, skf_digest_hex(im->layers[0]->digest));
}

static void layers_are_read_once_for_all_processes(void **state)
{
    struct world *w = *state;
    w->layer_cache_bytes = 1 << 20;
    w->b.no_mount = true;
    world_new_client(w);
    struct skf_image *im = pulled_base(w, "bases/one", "base layer");
    assert_int_equal(push_counting(w, im, "team/app:dev"), 1);
    assert_int_equal(push_counting(w, im, "team/other:dev"), 0);
    world_new_client(w);
    assert_int_equal(push_counting(w, im, "team/third:dev"), 0);

    /* Damaged: noticed, read again. */
    skf_autofree char *path = layer_path(w, im);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "X", 1, 5), 1);
    close(fd);
    assert_int_equal(push_counting(w, im, "team/fourth:dev"), 1);
    assert_int_equal(push_counting(w, im, "team/fifth:dev"), 0);
    skf_image_unref(im);
}

static void no_cache_costs_nothing_but_time(void **state)
{
    struct world *w = *state;
    w->layer_cache_bytes = 100; /* less than a layer has */
    w->b.no_mount = true;
    world_new_client(w);
    struct skf_image *im = pulled_base(w, "bases/one", "base layer");
    skf_autofree char *path = layer_path(w, im), *folder = skf_path_join(w->dir, "layers");
    assert_int_equal(push_counting(w, im, "team/app:dev"), 1);
    assert_int_equal(push_counting(w, im, "team/other:dev"), 1);
    assert_false(skf_file_exists(path));

    w->layer_cache_bytes = 1 << 20;
    world_new_client(w);
    world_write(w, "layers", 0600, "a file where a folder should be");
    assert_int_equal(push_counting(w, im, "team/third:dev"), 1);
    assert_int_equal(unlink(folder), 0);
    skf_image_unref(im);
}

static void the_least_recently_used_layers_go_first(void **state)
{
    struct world *w = *state;
    char digests[4][SKF_DIGEST_TEXT];
    for (int i = 0; i < 4; i++) {
        skf_autofree char *temp = NULL;
        skf_digest_of(&i, sizeof i, digests[i]);
        int fd = skf_layer_cache_new(w->dir, digests[i], &temp);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 1000), 0);
        const struct timespec day[2] = { { .tv_sec = 86400 * (i + 1) },
                                         { .tv_sec = 86400 * (i + 1) } };
        assert_int_equal(futimens(fd, day), 0);
        close(fd);
        skf_layer_cache_keep(w->dir, temp, digests[i]);
    }
    /* One that another skiff left half-written long ago, and one that it writes now. */
    world_write(w, "layers/0123456789abcdef.aaaaaa", 0600, "old");
    world_write(w, "layers/0123456789abcdef.bbbbbb", 0600, "new");
    skf_autofree char *old = skf_path_join(w->dir, "layers/0123456789abcdef.aaaaaa");
    skf_autofree char *now = skf_path_join(w->dir, "layers/0123456789abcdef.bbbbbb");
    assert_int_equal(utimensat(AT_FDCWD, old, (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0), 0);

    int used = skf_layer_cache_open(w->dir, digests[0], 1000); /* the oldest is used once more */
    assert_true(used >= 0);
    assert_int_equal(skf_layer_cache_open(w->dir, digests[1], 999), -1);
    skf_layer_cache_prune(w->dir, 2500);
    const bool want[4] = { true, false, false, true };
    for (int i = 0; i < 4; i++) {
        int fd = skf_layer_cache_open(w->dir, digests[i], 1000);
        assert_int_equal(fd >= 0, want[i]);
        if (fd >= 0)
            close(fd);
    }
    close(used);
    assert_false(skf_file_exists(old));
    assert_true(skf_file_exists(now));
}

static void a_layer_in_another_repository_of_the_target_is_mounted(void **state)
{
    struct world *w = *state;
    struct skf_image *im = pulled_base(w, "bases/one", "base layer");
    assert_int_equal(push_counting(w, im, "team/app:dev"), 1);
    world_new_client(w); /* another process knows it from the user's cache */
    assert_int_equal(push_counting(w, im, "team/other:dev"), 0);
    assert_int_equal(fake_count(&w->b, "POST /v2/team/other/blobs/uploads/?mount="), 1);
    assert_true(fake_has_blob(&w->b, "team/other", im->layers[0]->digest));

    fake_drop_blobs(&w->b); /* what is remembered has become wrong */
    world_new_client(w);
    assert_int_equal(push_counting(w, im, "team/third:dev"), 1);
    skf_image_unref(im);
}

/* --- mirrors ---------------------------------------------------------------------------------- */

static void mirror_a_by_b(const struct world *w, const char *more)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *folder = skf_path_join(w->dir, w->a.host);
    skf_autofree char *name = skf_xasprintf("%s/hosts.toml", w->a.host);
    skf_autofree char *text =
        skf_xasprintf("server = \"http://%s\"\n[host.\"http://%s%s\n", w->a.host, w->b.host, more);
    assert_int_equal(skf_file_mkdirs(folder, 0700, &err), 0);
    world_write(w, name, 0600, text);
}

static void a_mirror_is_asked_first(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    skf_autofree char *to = world_reference(&w->a, "team/app:dev");
    world_publish(&w->b, "bases/one", "latest", base);
    mirror_a_by_b(w, "\"]\n  capabilities = [\"pull\", \"resolve\"]");
    assert_int_equal(world_pull(w, ref, "linux/amd64", false, &im), 0);
    assert_string_equal(im->manifest->digest, base->manifest->digest);
    assert_int_equal(w->a.log.n, 0);
    assert_int_equal(world_push(w, im, to, &p),
                     0); /* the layer too; written to the registry alone */
    assert_int_equal(fake_count(&w->b, "PUT") + fake_count(&w->b, "POST"), 0);
    assert_int_equal(fake_count(&w->a, "GET /v2/bases/one/blobs/"), 0);
    assert_true(fake_has_blob(&w->a, "team/app", base->layers[0]->digest));
    skf_image_unref(im);
    skf_image_unref(base);
}

static void what_a_mirror_lacks_or_has_wrong_comes_from_the_registry(void **state)
{
    static const struct fault faults[] = {
        { .path = "/v2/", .kind = FAULT_RESET, .times = 99 },
        { .path = "/manifests/", .kind = FAULT_STATUS, .status = 404, .times = 99 },
        { .path = "/manifests/", .kind = FAULT_STATUS, .status = 503, .times = 99 },
        { .path = "/blobs/", .kind = FAULT_GARBLE, .times = 99 },
        { .path = "/blobs/", .kind = FAULT_EXTRA, .times = 99 },
        { .path = "/blobs/", .kind = FAULT_CUT, .at = 3, .times = 99 },
        { .path = "/blobs/", .kind = FAULT_STATUS, .status = 401, .times = 99 },
    };
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    world_publish(&w->a, "bases/one", "latest", base);
    world_publish(&w->b, "bases/one", "latest", base);
    mirror_a_by_b(w, "\"]");
    for (size_t i = 0; i < SKF_ARRAY_LEN(faults); i++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_push p;
        skf_autofree char *cache = skf_path_join(w->dir, "bases");
        skf_autofree char *name = skf_xasprintf("team/app%zu:dev", i);
        skf_autofree char *to = world_reference(&w->a, name);
        w->a.no_mount = true;
        skf_file_remove_tree(cache, &err);
        world_new_client(w);
        w->b.n_faults = 0;
        fake_fault(&w->b, faults[i]);
        if (world_pull(w, ref, NULL, false, &im) != 0 || world_push(w, im, to, &p) != 0)
            fail_msg("fault %zu: %s", i, w->err.msg);
        assert_string_equal(im->manifest->digest, base->manifest->digest);
        skf_image_unref(im);
    }
    skf_image_unref(base);
}

static void a_mirror_for_content_does_not_say_what_a_tag_is(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *old = world_image("old", "/old");
    struct skf_image *im;
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    world_publish(&w->a, "bases/one", "latest", base);
    world_publish(&w->b, "bases/one", "latest", old);
    mirror_a_by_b(w, "\"]\ncapabilities = [\"pull\"]");
    assert_int_equal(world_pull(w, ref, NULL, false, &im), 0);
    assert_string_equal(im->manifest->digest, base->manifest->digest);
    skf_image_unref(im);
    skf_image_unref(old);
    skf_image_unref(base);
}

static void a_mirror_below_a_path(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    world_publish(&w->b, "proxy/hub/bases/one", "latest", base);
    mirror_a_by_b(w, "/v2/proxy/hub\"]\noverride_path = true");
    assert_int_equal(world_pull(w, ref, NULL, false, &im), 0);
    assert_int_equal(w->a.log.n, 0);
    skf_image_unref(im);
    skf_image_unref(base);
}

static void the_daemons_mirrors_are_for_docker_hub(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    skf_autofree char *json =
        skf_xasprintf("{\"registry-mirrors\":[\"ftp://no\",\"http://%s/\"]}", w->b.host);
    world_publish(&w->b, "library/alpine", "latest", base);
    world_write(w, "daemon.json", 0600, json);
    assert_int_equal(world_pull(w, "alpine", NULL, false, &im), 0);
    assert_string_equal(im->layers[0]->remote_repository, "docker.io/library/alpine");
    skf_image_unref(im);
    skf_image_unref(base);
}

/* --- nobody can be reached -------------------------------------------------------------------- */

static void what_a_tag_was_serves_when_nobody_can_be_reached(void **state)
{
    struct world *w = *state;
    struct skf_image *im = pulled_base(w, "bases/one", "base layer"), *again;
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    world_new_client(w);
    fake_fault(&w->a, (struct fault){ .kind = FAULT_RESET, .times = 99 });
    assert_int_equal(world_pull(w, ref, NULL, false, &again), 0);
    assert_true(w->stale);
    assert_string_equal(again->manifest->digest, im->manifest->digest);
    skf_image_unref(again);

    w->a.n_faults = 0; /* it answers, and says no: that is no reason to use what was */
    fake_fault(
        &w->a,
        (struct fault){ .path = "/manifests/", .kind = FAULT_STATUS, .status = 404, .times = 99 });
    assert_int_equal(world_pull(w, ref, NULL, false, &again), -SKF_ENOTFOUND);
    w->a.n_faults = 0;
    assert_int_equal(world_pull(w, ref, NULL, false, &again), 0);
    assert_false(w->stale);
    skf_image_unref(again);
    skf_image_unref(im);
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(layers_are_read_once_for_all_processes),
        with_world(no_cache_costs_nothing_but_time),
        with_world(the_least_recently_used_layers_go_first),
        with_world(a_layer_in_another_repository_of_the_target_is_mounted),
        with_world(a_mirror_is_asked_first),
        with_world(what_a_mirror_lacks_or_has_wrong_comes_from_the_registry),
        with_world(a_mirror_for_content_does_not_say_what_a_tag_is),
        with_world(a_mirror_below_a_path),
        with_world(the_daemons_mirrors_are_for_docker_hub),
        with_world(what_a_tag_was_serves_when_nobody_can_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Images on disk: a layout and an archive, with layers from a registry. */
#include "world.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/output.h"
#include "lib/io/file.h"

static void on_done(struct skf_output *o, const struct skf_err *err)
{
    world_done(o->data, err);
}

static int output(struct world *w, struct skf_image *im, const char *ref, const char *path,
                  enum skf_output_kind kind, int cancel_after)
{
    struct skf_output o = { .loop = &w->loop,
                            .registry = w->registry,
                            .image = im,
                            .reference = ref,
                            .path = path,
                            .kind = kind,
                            .data = w,
                            .done = on_done };
    w->over = false;
    skf_output_start(&o);
    assert_false(w->over);
    for (int i = 0; i < cancel_after && !w->over; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    if (cancel_after >= 0 && !w->over)
        skf_output_cancel(&o);
    world_run(w);
    return -(int)w->err.code;
}

static struct skf_image *remote_image(struct world *w, struct skf_image **base)
{
    struct skf_image *pulled;
    *base = world_image("base layer", "/base");
    world_publish(&w->a, "bases/one", "latest", *base);
    skf_autofree char *from = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, from, NULL, true, &pulled), 0);
    return pulled;
}

static json_t *read_json(const char *dir, const char *name)
{
    skf_autofree char *path = skf_path_join(dir, name);
    json_t *doc = json_load_file(path, 0, NULL);
    assert_non_null(doc);
    return doc;
}

static void check_blob(const char *dir, const struct skf_blob *b)
{
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    skf_autofree char *path = skf_xasprintf("%s/blobs/sha256/%s", dir, skf_digest_hex(b->digest));
    assert_int_equal(skf_file_digest(path, digest, NULL, &err), 0);
    assert_string_equal(digest, b->digest);
}

static void writes_a_layout(void **state)
{
    struct world *w = *state;
    struct skf_image *base, *im = remote_image(w, &base), *other = world_image("two", "/two");
    skf_autofree char *dir = skf_path_join(w->dir, "layout");
    assert_int_equal(output(w, im, "app:dev", dir, SKF_OUTPUT_OCI_LAYOUT, -1), 0);
    assert_int_equal(output(w, other, "app:two", dir, SKF_OUTPUT_OCI_LAYOUT, -1), 0);
    assert_int_equal(output(w, im, "app:dev", dir, SKF_OUTPUT_OCI_LAYOUT, -1), 0);
    check_blob(dir, im->layers[0]);
    check_blob(dir, im->config);
    check_blob(dir, im->manifest);
    check_blob(dir, other->layers[0]);
    json_t *index = read_json(dir, "index.json"), *version = read_json(dir, "oci-layout");
    const json_t *list = json_object_get(index, "manifests");
    assert_int_equal(json_array_size(list), 2); /* the same name replaces */
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "digest")),
                        im->manifest->digest);
    assert_string_equal(json_string_value(json_object_get(version, "imageLayoutVersion")), "1.0.0");
    json_decref(index);
    json_decref(version);

    skf_autofree char *broken = skf_path_join(dir, "index.json");
    assert_int_equal(skf_file_write_atomic(broken, 0644, "[]", 2, &w->err), 0);
    assert_int_equal(output(w, im, "app:dev", dir, SKF_OUTPUT_OCI_LAYOUT, -1), -SKF_EINVAL);
    assert_non_null(strstr(w->err.msg, "not the index"));
    skf_image_unref(other);
    skf_image_unref(im);
    skf_image_unref(base);
}

static void writes_an_archive_or_nothing(void **state)
{
    struct world *w = *state;
    struct skf_image *base, *im = remote_image(w, &base);
    skf_autofree char *file = skf_path_join(w->dir, "image.tar");
    assert_int_equal(output(w, im, "app:dev", file, SKF_OUTPUT_ARCHIVE, -1), 0);
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    int n = 0;
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_filename(a, file, 4096), ARCHIVE_OK);
    while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
        if (strcmp(archive_entry_pathname(e), "manifest.json") == 0) {
            char text[4096] = { 0 };
            assert_true(archive_read_data(a, text, sizeof text - 1) > 0);
            assert_non_null(strstr(text, "\"RepoTags\":[\"docker.io/library/app:dev\"]"));
        }
        n++;
    }
    assert_int_equal(n, 6); /* oci-layout, index, manifest, config, layer, manifest.json */
    archive_read_free(a);

    skf_autofree char *nowhere = skf_path_join(w->dir, "none/image.tar");
    assert_int_equal(output(w, im, "app:dev", nowhere, SKF_OUTPUT_ARCHIVE, -1), -SKF_ENOTFOUND);
    fake_drop_blobs(&w->a); /* the base is gone */
    skf_autofree char *late = skf_path_join(w->dir, "late.tar");
    assert_int_equal(output(w, im, "app:dev", late, SKF_OUTPUT_ARCHIVE, -1), -SKF_ENOTFOUND);
    assert_false(skf_file_exists(late));
    skf_image_unref(im);
    skf_image_unref(base);
}

static void cancel_leaves_no_file(void **state)
{
    struct world *w = *state;
    struct skf_image *base, *im = remote_image(w, &base);
    int cancelled = 0;
    for (int turns = 0; turns < 30; turns++) {
        skf_autofree char *file = skf_xasprintf("%s/c%d.tar", w->dir, turns);
        int rc = output(w, im, "app:dev", file, SKF_OUTPUT_ARCHIVE, turns);
        assert_true(rc == 0 || rc == -SKF_ECANCELED);
        cancelled += rc != 0;
        if (rc == 0)
            assert_true(skf_file_exists(file));
    }
    assert_true(cancelled > 0);
    skf_image_unref(im);
    skf_image_unref(base);
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(writes_a_layout),
        with_world(writes_an_archive_or_nothing),
        with_world(cancel_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/builders/support.h"

#include <fcntl.h>
#include <unistd.h>

#include "builders/ko/assemble.h"
#include "builders/ko/elf.h"
#include "lib/io/loop.h"

static uv_loop_t loop;
static size_t dones;
static struct skf_err failure;

static void on_layer(struct skf_ko_layer_job *j, const struct skf_err *err)
{
    (void)j;
    dones++;
    if (err)
        failure = *err;
}

/* Makes a layer and waits for it; says whether the pool had to work. */
static bool make(struct skf_ko_session *s, struct skf_ko_layer_job *j)
{
    failure = (struct skf_err)SKF_ERR_INIT;
    dones = 0;
    if (skf_ko_layer_start(&loop, s, j, on_layer))
        return false;
    assert_int_equal(dones, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(dones, 1);
    return true;
}

static struct skf_ko_layer_job app(int fd)
{
    return (struct skf_ko_layer_job){ .key = skf_xstrdup("app"),
                                      .how = SKF_LAYER_PLAIN,
                                      .media_type = SKF_MT_OCI_LAYER,
                                      .fd = fd,
                                      .name = skf_xstrdup("app") };
}

static void test_app_layer(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_loop_init(&loop, &err), 0);
    put(*state, "app", "hello");
    skf_autofree char *path = skf_path_join(*state, "app");
    struct skf_ko_session *s = skf_ko_session_get(*state, ".");
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct skf_ko_layer_job j = app(fd);
    assert_true(make(s, &j));
    /* measured on ko's own output: ko-behaviour.md 9.3 */
    assert_string_equal(j.made.diff_id,
                        "sha256:ae2ceceff525f99138968ae262272285e6539a4203babb3acdcca061de0d83f7");
    assert_int_equal(j.made.blob->size, 2560);
    skf_ko_session_keep_layer(s, &j.made);
    struct skf_blob *first = j.made.blob;
    skf_ko_layer_release(&j);

    j = app(fd); /* the same file: no work */
    assert_false(make(s, &j));
    assert_true(j.reused);
    assert_ptr_equal(j.made.blob, first);
    skf_ko_layer_release(&j);

    put(*state, "app", "hellO"); /* another file of the same size */
    skf_autoclose int fd2 = open(path, O_RDONLY | O_CLOEXEC);
    j = app(fd2);
    assert_true(make(s, &j));
    assert_false(j.reused);
    skf_ko_layer_release(&j);
    skf_ko_session_forget_all();
    assert_true(skf_loop_close(&loop));
}

static void test_kodata_layer(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_loop_init(&loop, &err), 0);
    put(*state, "pkg/kodata/a", "a");
    struct skf_ko_session *s = skf_ko_session_get(*state, ".");
    for (int round = 0; round < 3; round++) {
        struct skf_ko_layer_job j = { .key = skf_xstrdup("kodata"),
                                      .media_type = SKF_MT_OCI_LAYER,
                                      .fd = -1,
                                      .package_dir = skf_path_join(*state, "pkg") };
        if (round == 2)
            put(*state, "pkg/kodata/a", "b");
        make(s, &j);
        assert_int_equal(failure.code, SKF_OK);
        assert_int_equal(j.reused, round == 1);
        assert_non_null(j.made.blob);
        if (!j.reused)
            skf_ko_session_keep_layer(s, &j.made);
        skf_ko_layer_release(&j);
    }
    skf_ko_session_forget_all();
    assert_true(skf_loop_close(&loop));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(skf_ko_program_name("example.com/app/cmd/web"), "web");
    assert_string_equal(skf_ko_program_name("example.com/m/v2"), "v2");
    assert_string_equal(skf_ko_program_name("."), "ko-app");
}

static void test_build_id(void **state)
{
    char id[160];
    unsigned char elf[256] = "\177ELF\2\1\1";
    static const unsigned char note[] = { 4, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(*state, "elf");
    memcpy(elf + 100, note, sizeof note);
    memcpy(elf + 116, "a/b/c/d", 7);
    assert_int_equal(skf_file_write_atomic(path, 0644, elf, sizeof elf, &err), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    skf_elf_build_id(fd, id);
    assert_string_equal(id, "a/b/c/d");
    assert_false(skf_elf_is_dynamic(fd));
    close(fd);
    fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    assert_true(skf_elf_is_dynamic(fd));
    close(fd);
    elf[104] = 200; /* longer than the file */
    assert_int_equal(skf_file_write_atomic(path, 0644, elf, sizeof elf, &err), 0);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    skf_elf_build_id(fd, id);
    assert_string_equal(id, "");
    close(fd);
}

static void test_image(void **state)
{
    (void)state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_platform amd64 = { .os = "linux", .arch = "amd64" };
    struct skf_image *base = skf_image_scratch(&amd64);
    struct skf_ko_plan plan = { .source_epoch = 1700000000, .data_epoch = -1 };
    struct skf_strv labels = SKF_STRV_INIT;
    skf_strv_add(&labels, "a");
    skf_strv_add(&labels, "<b>");
    struct skf_ko_made_layer one = { .diff_id = "sha256:1" }, two = { .diff_id = "sha256:2" };
    one.blob = skf_blob_new_bytes("1", 1, SKF_MT_OCI_LAYER);
    two.blob = skf_blob_new_bytes("2", 1, SKF_MT_OCI_LAYER);
    const struct skf_ko_image_parts parts = { .plan = &plan,
                                              .labels = &labels,
                                              .import_path = "example.com/app/cmd/web",
                                              .name = "web",
                                              .base_name = "index.docker.io/library/x:latest" };
    struct skf_image *im = skf_ko_image_make(&parts, base, &one, &two, &err);
    assert_non_null(im);
    skf_autofree char *text = skf_image_json(im->config_doc);
    assert_string_equal(text,
                        "{\"architecture\":\"amd64\",\"author\":\"github.com/ko-build/"
                        "ko\",\"created\":\"2023-11-14T22:13:20Z\","
                        "\"history\":[{\"author\":\"ko\",\"created\":\"0001-01-01T00:00:00Z\","
                        "\"created_by\":\"ko build "
                        "ko://example.com/app/cmd/web\",\"comment\":\"kodata contents, at "
                        "$KO_DATA_PATH\"},{\"author\":\"ko\","
                        "\"created\":\"2023-11-14T22:13:20Z\",\"created_by\":\"ko build "
                        "ko://example.com/app/cmd/web\","
                        "\"comment\":\"go build output, at "
                        "/ko-app/web\"}],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                        "\"diff_ids\":[\"sha256:1\",\"sha256:2\"]},\"config\":{\"Entrypoint\":[\"/"
                        "ko-app/web\"],\"Env\":[\"PATH=/ko-app\","
                        "\"KO_DATA_PATH=/var/run/ko\"],\"Labels\":{\"a\":\"\\u003cb\\u003e\"}}}");
    const json_t *annotations = json_object_get(im->manifest_doc, "annotations");
    assert_string_equal(
        json_string_value(json_object_get(annotations, "org.opencontainers.image.base.digest")),
        base->manifest->digest);
    skf_image_unref(im);
    skf_image_unref(base);
    skf_blob_unref(one.blob);
    skf_blob_unref(two.blob);
    skf_strv_release(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_app_layer), cmocka_unit_test(test_kodata_layer),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_build_id),
        cmocka_unit_test(test_image),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

/* `docker save` archives of several Dockers, written here, as images; and the message stream. */
#include "tests/unit/builders/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/docker/saved.h"
#include "lib/docker/stream.h"
#include "lib/io/tar.h"

struct maker {
    struct skf_tar *tar;
    struct skf_err err;
};

static void add(struct maker *m, const char *name, const char *text)
{
    const struct skf_tar_entry e = { .name = name,
                                     .mode = S_IFREG | 0644,
                                     .size = (int64_t)strlen(text) };
    assert_int_equal(skf_tar_add(m->tar, &e, &m->err), 0);
    assert_int_equal(skf_tar_data(m->tar, text, strlen(text), &m->err), 0);
}

static void add_link(struct maker *m, const char *name, const char *to)
{
    const struct skf_tar_entry e = { .name = name, .mode = S_IFLNK | 0777, .link = to };
    assert_int_equal(skf_tar_add(m->tar, &e, &m->err), 0);
}

/* An open file with what was made; `cut` bytes are missing at the end. */
static int made(struct maker *m, size_t cut)
{
    assert_int_equal(skf_tar_end(m->tar, &m->err), 0);
    const struct skf_buf *out = skf_tar_output(m->tar);
    char name[] = "/tmp/skiff-test-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(skf_file_write_all(fd, out->data, out->len - cut, &m->err), 0);
    skf_tar_free(m->tar);
    m->tar = NULL;
    return fd;
}

static char *config_for(const char *const *layers)
{
    skf_autobuf struct skf_buf ids = SKF_BUF_INIT;
    for (size_t i = 0; layers[i]; i++) {
        char digest[SKF_DIGEST_TEXT];
        skf_digest_of(layers[i], strlen(layers[i]), digest);
        skf_buf_addf(&ids, "%s\"%s\"", i ? "," : "", digest);
    }
    return skf_xasprintf(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
        "\"diff_ids\":[%s]}}",
        ids.data);
}

/* Docker up to 24: HEX/layer.tar, a layer that came twice as a link, manifest.json last. */
static void test_old_docker(void **state)
{
    (void)state;
    const char *layers[] = { "first layer", "second", "first layer", NULL };
    skf_autofree char *config = config_for(layers);
    struct maker m = { .tar = skf_tar_new() };
    const char *deep =
        "a-folder-with-a-name-so-long-that-the-old-header-cannot-hold-it-and-needs-another-"
        "entry-in-front-of-it-0123456789/layer.tar";
    add(&m, "c.json", config);
    add(&m, "aa/layer.tar", layers[0]);
    add(&m, deep, layers[1]);
    add_link(&m, "cc/layer.tar", "../aa/layer.tar");
    skf_autofree char *manifest = skf_xasprintf(
        "[{\"Config\":\"c.json\",\"RepoTags\":[\"x:1\"],\"Layers\":[\"aa/layer.tar\",\"%s\","
        "\"cc/layer.tar\"]}]",
        deep);
    add(&m, "manifest.json", manifest);
    int fd = made(&m, 0);
    struct skf_image *im = NULL;
    if (skf_docker_saved_read(fd, &im, &m.err) < 0)
        fail_msg("%s", m.err.msg);
    close(fd); /* the blobs have descriptors of their own */
    assert_int_equal(im->n_layers, 3);
    assert_string_equal(im->platform.arch, "amd64");
    for (size_t i = 0; i < 3; i++) {
        char digest[SKF_DIGEST_TEXT], text[64] = "";
        skf_digest_of(layers[i], strlen(layers[i]), digest);
        assert_string_equal(im->layers[i]->digest, digest);
        assert_string_equal(im->layers[i]->media_type, SKF_MT_OCI_LAYER);
        assert_true(skf_blob_is_local(im->layers[i]));
        assert_int_equal(skf_blob_read(im->layers[i], 0, text, sizeof text - 1), strlen(layers[i]));
        assert_string_equal(text, layers[i]);
    }
    assert_true(skf_digest_valid(im->manifest->digest));
    skf_image_unref(im);
}

/* Docker 25 and later: blobs/sha256/HEX; with the containerd store layers may be compressed. */
static void test_new_docker(void **state)
{
    (void)state;
    const char *plain[] = { "what is inside", NULL };
    const char *gzip = "\x1f\x8b"
                       "not really";
    skf_autofree char *config = config_for(plain);
    struct maker m = { .tar = skf_tar_new() };
    add(&m, "blobs/sha256/11", config);
    add(&m, "blobs/sha256/22", gzip);
    add(&m, "oci-layout", "{}");
    add(&m, "manifest.json", "[{\"Config\":\"blobs/sha256/11\",\"Layers\":[\"blobs/sha256/22\"]}]");
    int fd = made(&m, 0);
    struct skf_image *im = NULL;
    char digest[SKF_DIGEST_TEXT];
    assert_int_equal(skf_docker_saved_read(fd, &im, &m.err), 0);
    skf_digest_of(gzip, strlen(gzip), digest);
    assert_string_equal(im->layers[0]->digest, digest);
    assert_string_equal(im->layers[0]->media_type, SKF_MT_OCI_LAYER_GZIP);
    skf_image_unref(im);
    close(fd);
}

static void expect_broken(struct maker *m, size_t cut, const char *part)
{
    struct skf_image *im = NULL;
    int fd = made(m, cut);
    skf_err_clear(&m->err);
    assert_true(skf_docker_saved_read(fd, &im, &m->err) < 0);
    assert_null(im);
    if (!strstr(m->err.msg, part))
        fail_msg("'%s' is not in '%s'", part, m->err.msg);
    close(fd);
}

static void test_broken(void **state)
{
    (void)state;
    const char *layers[] = { "x", NULL };
    skf_autofree char *config = config_for(layers);
    struct maker m = { .tar = skf_tar_new() };
    add(&m, "other", "x");
    expect_broken(&m, 0, "its documents are missing");

    m.tar = skf_tar_new();
    add(&m, "c.json", config);
    add(&m, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"gone\"]}]");
    expect_broken(&m, 0, "a layer is missing");

    m.tar = skf_tar_new();
    add(&m, "c.json", config);
    add(&m, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[]}]");
    expect_broken(&m, 0, "do not agree");

    m.tar = skf_tar_new();
    add(&m, "manifest.json", "not json");
    expect_broken(&m, 0, "its documents are missing");

    m.tar = skf_tar_new(); /* cut off in the middle */
    add(&m, "c.json", config);
    expect_broken(&m, 1024, "it ends early");

    m.tar = skf_tar_new(); /* links in a circle */
    add_link(&m, "manifest.json", "loop");
    add_link(&m, "loop", "manifest.json");
    expect_broken(&m, 0, "its documents are missing");
}

/* --- messages --------------------------------------------------------------------------------- */

struct heard {
    unsigned n;
    struct skf_strv errors;
};

static void on_message(void *ctx, const json_t *message)
{
    struct heard *h = ctx;
    const char *error = skf_docker_message_error(message);
    h->n++;
    if (error)
        skf_strv_add(&h->errors, error);
}

static void test_messages_in_pieces(void **state)
{
    (void)state;
    static const char text[] =
        "{\"stream\":\"Step 1\\n\"}\r\n{\"status\":\"x\"}{\"aux\":{}}\r\n"
        "{\"errorDetail\":{\"code\":1,\"message\":\"why\"},\"error\":\"other\"}\n"
        "{\"error\":\"only\"}\n{\"errorDetail\":{}}\n{\"stream\":\"unfinished";
    for (size_t piece = 1; piece < sizeof text; piece += 7) {
        struct skf_docker_messages m = { 0 };
        struct heard h = { 0 };
        struct skf_err err = SKF_ERR_INIT;
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t n = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            assert_int_equal(skf_docker_messages_feed(&m, text + at, n, on_message, &h, &err), 0);
        }
        assert_int_equal(h.n, 6);
        skf_autofree char *errors = skf_strv_join(&h.errors, ",");
        assert_string_equal(errors, "why,only,no reason given");
        skf_strv_release(&h.errors);
        skf_docker_messages_release(&m);
    }
}

static void test_messages_that_are_none(void **state)
{
    (void)state;
    struct skf_docker_messages m = { 0 };
    struct heard h = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_docker_messages_feed(&m, "<html>\n", 7, on_message, &h, &err),
                     -SKF_EPROTO);
    skf_docker_messages_release(&m);
    m = (struct skf_docker_messages){ 0 };
    skf_autofree char *junk = skf_xmalloc(1024 * 1024);
    memset(junk, 'x', 1024 * 1024);
    int rc = 0;
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = skf_docker_messages_feed(&m, junk, 1024 * 1024, on_message, &h, &err);
    assert_int_equal(rc, -SKF_ETOOBIG);
    skf_docker_messages_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_docker),
        cmocka_unit_test(test_new_docker),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_messages_in_pieces),
        cmocka_unit_test(test_messages_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

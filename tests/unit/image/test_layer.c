#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
/* after the four that it needs */
#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/image/image.h"
#include "lib/image/layer.h"

static struct skf_blob *finish(struct skf_layer *l, enum skf_compression how,
                               char diff_id[SKF_DIGEST_TEXT])
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_blob *b = skf_layer_finish(l, how, SKF_MT_OCI_LAYER, diff_id, NULL, NULL, &err);
    if (!b)
        fail_msg("%s", err.msg);
    skf_layer_free(l);
    return b;
}

static void read_all(const struct skf_blob *b, struct skf_buf *out)
{
    char part[700]; /* not a divisor of anything */
    ssize_t n;
    while ((n = skf_blob_read(b, (int64_t)out->len, part, sizeof part)) > 0)
        skf_buf_add(out, part, (size_t)n);
    assert_int_equal(n, 0);
    assert_int_equal((int64_t)out->len, b->size);
}

static int temp_file(const char *content)
{
    char path[] = "/tmp/skiff-layer-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    return fd;
}

static struct skf_layer *empty_kodata(void)
{
    struct skf_layer *l = skf_layer_new();
    skf_layer_dir(l, "/var", 0555, 0);
    skf_layer_dir(l, "/var/run", 0555, 0);
    skf_layer_dir(l, "/var/run/ko", 0555, 0);
    return l;
}

#define KODATA_DIFF "sha256:ffe56a1c5f3878e9b5f803842adb9e2ce81584b6bd027e8599582aefe14a975b"

static void empty_kodata_is_as_in_ko(void **state)
{
    (void)state;
    char diff[SKF_DIGEST_TEXT];
    struct skf_blob *b = finish(empty_kodata(), SKF_LAYER_PLAIN, diff);
    assert_string_equal(diff, KODATA_DIFF);
    assert_string_equal(b->digest, KODATA_DIFF);
    assert_int_equal(b->size, 2560);
    skf_blob_unref(b);
    b = finish(empty_kodata(), SKF_LAYER_GZIP, diff);
    assert_string_equal(diff, KODATA_DIFF);
    assert_string_equal(b->digest,
                        "sha256:250c06f7c38e52dc77e5c7586c3e40280dc7ff9bb9007c396e06d96736cf8542");
    assert_int_equal(b->size, 127);
    skf_blob_unref(b);
}

static void kodata_with_a_file_and_epoch_is_as_in_ko(void **state)
{
    (void)state;
    char diff[SKF_DIGEST_TEXT];
    struct skf_layer *l = skf_layer_new();
    const int64_t when = 1700000000;
    skf_layer_dir(l, "/var", 0555, when);
    skf_layer_dir(l, "/var/run", 0555, when);
    skf_layer_dir(l, "/var/run/ko", 0555, when);
    skf_layer_bytes(l, "/var/run/ko/a.txt", 0555, when, "a\n", 2);
    struct skf_blob *b = finish(l, SKF_LAYER_PLAIN, diff);
    assert_int_equal(b->size, 3584);
    assert_string_equal(diff,
                        "sha256:08d85d9a713f2bec763fe250fb3f4929fa8198eb4ae6e7a29a73d706f7e79960");
    skf_blob_unref(b);
}

static void app_layer_is_as_in_ko(void **state)
{
    (void)state;
    char diff[SKF_DIGEST_TEXT];
    struct skf_err err = SKF_ERR_INIT;
    struct skf_layer *l = skf_layer_new();
    int fd = temp_file("hello");
    skf_layer_dir(l, "ko-app", 0555, 0);
    assert_int_equal(skf_layer_file(l, "/ko-app/app", 0555, 0, fd, &err), 0);
    close(fd); /* the layer has its own */
    struct skf_blob *b = finish(l, SKF_LAYER_PLAIN, diff);
    assert_int_equal(b->size, 2560);
    assert_string_equal(diff,
                        "sha256:ae2ceceff525f99138968ae262272285e6539a4203babb3acdcca061de0d83f7");
    assert_true(skf_blob_is_local(b));
    skf_autobuf struct skf_buf all = SKF_BUF_INIT;
    char again[SKF_DIGEST_TEXT];
    read_all(b, &all);
    skf_digest_of(all.data, all.len, again);
    assert_string_equal(again, diff);
    skf_blob_unref(b);
}

/* Digests below come from Go's archive/tar (tests/fixtures/image/tar/main.go prints them). */
static void odd_names_are_as_in_go(void **state)
{
    (void)state;
#include "go_tar_vectors.h"
    for (size_t i = 0; i < SKF_ARRAY_LEN(vectors); i++) {
        char diff[SKF_DIGEST_TEXT];
        struct skf_layer *l = skf_layer_new();
        if (vectors[i].type == '5')
            skf_layer_dir(l, vectors[i].name, 0555, vectors[i].mtime);
        else if (vectors[i].type == '2')
            skf_layer_symlink(l, vectors[i].name, vectors[i].link, vectors[i].mtime);
        else if (vectors[i].caps) {
            static const unsigned char caps[20] = { 1, 0, 0, 2, 0, 4, 10, 61 };
            struct skf_err err = SKF_ERR_INIT;
            int fd = temp_file("x");
            assert_int_equal(
                skf_layer_file_caps(l, vectors[i].name, 0555, vectors[i].mtime, fd, caps, &err), 0);
            close(fd);
        } else {
            skf_layer_bytes(l, vectors[i].name, 0555, vectors[i].mtime, "x", 1);
        }
        skf_blob_unref(finish(l, SKF_LAYER_PLAIN, diff));
        if (strcmp(diff, vectors[i].digest) != 0)
            fail_msg("%s: %s, Go has %s", vectors[i].name, diff, vectors[i].digest);
    }
}

/* A layer of a few chunks that are all different. */
static struct skf_blob *big_layer(enum skf_compression how, char diff[SKF_DIGEST_TEXT])
{
    size_t size = 3 * 1024 * 1024 + 17;
    char *data = skf_xmalloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * i >> 7);
    struct skf_layer *l = skf_layer_new();
    skf_layer_bytes(l, "/big", 0644, 0, data, size);
    free(data);
    return finish(l, how, diff);
}

static size_t unpack_gzip(const struct skf_buf *packed, char *out, size_t room)
{
    z_stream z = { 0 };
    int rc;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)packed->data;
    z.avail_in = (uInt)packed->len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    for (;;) { /* members one after another are one stream */
        rc = inflate(&z, Z_FINISH);
        if (rc != Z_STREAM_END || !z.avail_in)
            break;
        inflateReset(&z);
    }
    assert_int_equal(rc, Z_STREAM_END);
    inflateEnd(&z);
    return room - z.avail_out;
}

static void compressed_layers_hold_the_same_tar(void **state)
{
    (void)state;
    char plain_diff[SKF_DIGEST_TEXT], diff[SKF_DIGEST_TEXT], digest[SKF_DIGEST_TEXT];
    struct skf_blob *plain = big_layer(SKF_LAYER_PLAIN, plain_diff);
    skf_autobuf struct skf_buf tar = SKF_BUF_INIT;
    read_all(plain, &tar);
    for (int how = SKF_LAYER_GZIP; how <= SKF_LAYER_ZSTD; how++) {
        struct skf_blob *b = big_layer((enum skf_compression)how, diff);
        struct skf_blob *again = big_layer((enum skf_compression)how, diff);
        skf_autobuf struct skf_buf packed = SKF_BUF_INIT;
        assert_string_equal(diff, plain_diff);
        assert_string_equal(b->digest, again->digest); /* whichever thread was first */
        read_all(b, &packed);
        skf_digest_of(packed.data, packed.len, digest);
        assert_string_equal(digest, b->digest);
        assert_true(packed.len < tar.len);
        char *out = skf_xmalloc(tar.len + 1);
        size_t got = how == SKF_LAYER_GZIP
                         ? unpack_gzip(&packed, out, tar.len + 1)
                         : ZSTD_decompress(out, tar.len + 1, packed.data, packed.len);
        assert_int_equal(got, tar.len);
        assert_memory_equal(out, tar.data, tar.len);
        free(out);
        skf_blob_unref(b);
        skf_blob_unref(again);
    }
    skf_blob_unref(plain);
}

static long peak_kb(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

static void make_sparse(int64_t size, enum skf_compression how)
{
    char diff[SKF_DIGEST_TEXT];
    struct skf_err err = SKF_ERR_INIT;
    struct skf_layer *l = skf_layer_new();
    int fd = temp_file("x");
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(skf_layer_file(l, "/ko-app/app", 0555, 0, fd, &err), 0);
    close(fd);
    skf_blob_unref(finish(l, how, diff));
}

static void memory_does_not_grow_with_the_layer(void **state)
{
    (void)state;
    for (int how = SKF_LAYER_PLAIN; how <= SKF_LAYER_ZSTD; how++) {
        make_sparse(10 << 20, (enum skf_compression)how);
        long before = peak_kb();
        make_sparse(300 << 20, (enum skf_compression)how);
        if (peak_kb() - before > 8192) /* of 290 MiB more; the sanitizer keeps some */
            fail_msg("way %d: %ld KB more for a larger layer", how, peak_kb() - before);
    }
}

static void a_file_that_changed_size_fails(void **state)
{
    (void)state;
    char diff[SKF_DIGEST_TEXT];
    for (int k = 0; k < 2; k++) {
        struct skf_err err = SKF_ERR_INIT;
        struct skf_layer *l = skf_layer_new();
        int fd = temp_file("hello");
        assert_int_equal(skf_layer_file(l, "/ko-app/app", 0555, 0, fd, &err), 0);
        assert_int_equal(ftruncate(fd, k ? 3 : 30), 0);
        assert_null(skf_layer_finish(l, SKF_LAYER_PLAIN, SKF_MT_OCI_LAYER, diff, NULL, NULL, &err));
        assert_non_null(strstr(err.msg, "'/ko-app/app' changed"));
        close(fd);
        skf_layer_free(l);
    }
}

static bool yes(void *arg)
{
    ++*(int *)arg;
    return true;
}

static void cancel_and_bad_files_leave_nothing(void **state)
{
    (void)state;
    int asked = 0;
    char diff[SKF_DIGEST_TEXT] = "untouched";
    struct skf_err err = SKF_ERR_INIT;
    struct skf_layer *l = empty_kodata();
    assert_null(skf_layer_finish(l, SKF_LAYER_GZIP, SKF_MT_OCI_LAYER, diff, yes, &asked, &err));
    assert_int_equal(err.code, SKF_ECANCELED);
    assert_int_equal(asked, 1);
    assert_string_equal(diff, "untouched");
    skf_layer_free(l);

    l = skf_layer_new();
    int dir = open("/tmp", O_RDONLY | O_CLOEXEC);
    assert_int_equal(skf_layer_file(l, "/x", 0555, 0, dir, &err), -SKF_EINVAL);
    close(dir);
    skf_layer_free(l);
}

static void reads_any_range(void **state)
{
    (void)state;
    char diff[SKF_DIGEST_TEXT], part[64];
    struct skf_err err = SKF_ERR_INIT;
    struct skf_layer *l = skf_layer_new();
    int fd = temp_file("0123456789");
    skf_layer_dir(l, "d", 0555, 0);
    assert_int_equal(skf_layer_file(l, "f", 0555, 0, fd, &err), 0);
    close(fd);
    struct skf_blob *b = finish(l, SKF_LAYER_PLAIN, diff);
    assert_int_equal(skf_blob_read(b, 1024 + 3, part, 4), 4);
    assert_memory_equal(part, "3456", 4);
    assert_int_equal(skf_blob_read(b, 1024 + 8, part, 5), 5); /* over the end of the file piece */
    assert_memory_equal(part, "89\0\0\0", 5);
    assert_int_equal(skf_blob_read(b, b->size, part, 5), 0);
    assert_int_equal(skf_blob_read(b, b->size - 2, part, 5), 2);
    skf_blob_unref(b);
    b = skf_blob_new_remote(KODATA_DIFF, 5, "x", "docker.io/library/a", false);
    assert_false(skf_blob_is_local(b));
    assert_int_equal(skf_blob_read(b, 0, part, 1), -1);
    skf_blob_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_kodata_is_as_in_ko),
        cmocka_unit_test(kodata_with_a_file_and_epoch_is_as_in_ko),
        cmocka_unit_test(app_layer_is_as_in_ko),
        cmocka_unit_test(odd_names_are_as_in_go),
        cmocka_unit_test(compressed_layers_hold_the_same_tar),
        cmocka_unit_test(memory_does_not_grow_with_the_layer),
        cmocka_unit_test(a_file_that_changed_size_fails),
        cmocka_unit_test(cancel_and_bad_files_leave_nothing),
        cmocka_unit_test(reads_any_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

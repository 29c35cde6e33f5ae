/* Bills of materials, and what they are made of. That they are ko's to the byte is an integration
 * test, with the real ko. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builders/ko/sbom.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/image/document.h"
#include "lib/io/file.h"

#define TEXT                                                                                       \
    "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n"                                     \
    "dep\tGitHub.com/Some/thing/v2\tv2.1.0\th1:AAEC\n"                                             \
    "dep\texample.com/fork\tv1.0.0\n=>\t../fork\t(devel)\t\nbuild\t-compiler=gc\n"

static void reads_lines(void **state)
{
    struct skf_go_buildinfo info;
    (void)state;
    skf_go_buildinfo_parse(TEXT, &info);
    assert_string_equal(info.main.path, "example.com/app");
    assert_string_equal(info.main.version, "(devel)");
    assert_int_equal(info.deps.n, 2);
    assert_string_equal(info.deps.v[0].sum, "h1:AAEC");
    assert_string_equal(info.deps.v[1].path, "example.com/fork");
    assert_string_equal(info.deps.v[1].sum, "");
    skf_go_buildinfo_release(&info);
    skf_go_buildinfo_parse("path\tcommand-line-arguments\n", &info);
    assert_string_equal(info.main.path, "");
    skf_go_buildinfo_release(&info);
}

/* As the linker lays it out, at `at`, in a file that is mostly something else. */
static int program_with(off_t at, const char *version, const char *text)
{
    static const char start[16] = { 0x30, 0x77, 0x2f, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    static const char end[16] = { 1, 2, 3, 0, 5, 6, 7, 8, 0, 10, 11, 12, 13, 14, 15, 16 };
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    size_t len = strlen(text) + 32;
    int fd = skf_file_temp(&err);
    assert_true(fd >= 0);
    skf_buf_add(&b, "\xff Go buildinf:\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
    skf_buf_addc(&b, (char)strlen(version));
    skf_buf_adds(&b, version);
    for (; len >= 0x80; len >>= 7)
        skf_buf_addc(&b, (char)(len | 0x80));
    skf_buf_addc(&b, (char)len);
    skf_buf_add(&b, start, 16);
    skf_buf_adds(&b, text);
    skf_buf_add(&b, end, 16);
    assert_int_equal(ftruncate(fd, at + 300000), 0);
    assert_int_equal(pwrite(fd, b.data, b.len, at), (ssize_t)b.len);
    return fd;
}

static void finds_it_in_a_program(void **state)
{
    static const off_t places[] = { 0, 4096, 256 * 1024 - 16, 256 * 1024, 1000000 - 1000000 % 16 };
    struct skf_go_buildinfo info;
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(places); i++) {
        int fd = program_with(places[i], "go1.26.8", TEXT);
        if (!skf_go_buildinfo_read(fd, &info))
            fail_msg("not found at %lld", (long long)places[i]);
        assert_int_equal(info.deps.n, 2);
        skf_go_buildinfo_release(&info);
        close(fd);
    }
    int fd = program_with(4096, "no version", TEXT); /* a constant of somebody else */
    assert_false(skf_go_buildinfo_read(fd, &info));
    assert_string_equal(info.main.path, "");
    skf_go_buildinfo_release(&info);
    assert_int_equal(ftruncate(fd, 4096 + 40), 0); /* cut off */
    assert_false(skf_go_buildinfo_read(fd, &info));
    skf_go_buildinfo_release(&info);
    close(fd);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void describes_an_image(void **state)
{
    static const struct skf_platform platform = { .os = "linux", .arch = "amd64" };
    static const char *const notes[] = { "org.opencontainers.image.base.digest",
                                         "sha256:"
                                         "00000000000000000000000000000000000000000000000000000000"
                                         "000000ff",
                                         "org.opencontainers.image.base.name",
                                         "index.docker.io/library/alpine:3.20", NULL };
    struct skf_err err = SKF_ERR_INIT;
    struct skf_go_buildinfo info;
    (void)state;
    struct skf_image *base = skf_image_scratch(&platform);
    struct skf_image *im = skf_image_append(
        base, &(struct skf_image_edit){ .created = "2024-01-02T03:04:05.6Z", .annotations = notes },
        &err);
    assert_non_null(im);
    skf_go_buildinfo_parse(TEXT, &info);
    skf_autofree char *text = skf_ko_sbom_of_image(im, &info);
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    const json_t *packages = json_object_get(doc, "packages");
    assert_int_equal(json_array_size(packages), 5); /* image, base, main, two modules */
    assert_string_equal(text_of(json_object_get(doc, "creationInfo"), "created"),
                        "2024-01-02T03:04:05Z");
    assert_string_equal(
        text_of(json_array_get(packages, 1), "name"),
        "index.docker.io/library/"
        "alpine@sha256:00000000000000000000000000000000000000000000000000000000000000ff");
    const json_t *dep = json_array_get(packages, 3);
    assert_string_equal(text_of(dep, "SPDXID"), "SPDXRef-Package-GitHub.com.Some.thing.v2-v2.1.0");
    assert_string_equal(
        text_of(json_array_get(json_object_get(dep, "checksums"), 0), "checksumValue"), "000102");
    assert_string_equal(
        text_of(json_array_get(json_object_get(dep, "externalRefs"), 0), "referenceLocator"),
        "pkg:golang/github.com/some/thing/v2@v2.1.0?type=module");
    assert_null(json_object_get(json_array_get(packages, 4), "checksums"));
    assert_int_equal(json_array_size(json_object_get(doc, "relationships")), 5);
    json_decref(doc);

    struct skf_image *carrier = skf_ko_sbom_wrap(text);
    assert_int_equal(carrier->n_layers, 1);
    assert_string_equal(carrier->layers[0]->media_type, "text/spdx+json");
    assert_int_equal(carrier->layers[0]->size, (int64_t)strlen(text));
    skf_image_unref(carrier);
    skf_go_buildinfo_release(&info);
    skf_image_unref(im);
    skf_image_unref(base);
}

static void names_the_tag(void **state)
{
    static const char digest[] =
        "sha256:00000000000000000000000000000000000000000000000000000000000000ff";
    (void)state;
    skf_autofree char *own = skf_ko_sbom_reference("localhost:5000/team/app:v1", "", digest);
    skf_autofree char *other =
        skf_ko_sbom_reference("localhost:5000/team/app:v1", "r.io/s", digest);
    assert_string_equal(
        own, "localhost:5000/team/"
             "app:sha256-00000000000000000000000000000000000000000000000000000000000000ff.sbom");
    assert_string_equal(
        other,
        "r.io/s:sha256-00000000000000000000000000000000000000000000000000000000000000ff.sbom");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(finds_it_in_a_program),
        cmocka_unit_test(describes_an_image),
        cmocka_unit_test(names_the_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

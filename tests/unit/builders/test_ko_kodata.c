#include "tests/unit/builders/support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "builders/ko/kodata.h"
#include "lib/image/image.h"

static char *package(const char *root, const char *name)
{
    return skf_path_join(root, name);
}

static void link_to(const char *dir, const char *name, const char *target)
{
    skf_autofree char *path = skf_path_join(dir, name);
    assert_int_equal(symlink(target, path), 0);
}

static struct skf_kodata walk(const char *dir)
{
    struct skf_kodata k = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_kodata_walk(dir, &k, &err) != 0)
        fail_msg("%s", err.msg);
    return k;
}

static char *diff_id(const struct skf_kodata *k, int64_t mtime)
{
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    struct skf_layer *l = skf_layer_new();
    assert_int_equal(skf_kodata_fill(k, l, mtime, false, &err), 0);
    struct skf_blob *b =
        skf_layer_finish(l, SKF_LAYER_PLAIN, SKF_MT_OCI_LAYER, digest, NULL, NULL, &err);
    assert_non_null(b);
    skf_blob_unref(b);
    skf_layer_free(l);
    return skf_xstrdup(digest);
}

static void test_vectors(void **state)
{
    /* Measured on ko's own output: ko-behaviour.md 9.2 and 24.3. */
    skf_autofree char *none = package(*state, "none"), *one = package(*state, "one");
    struct skf_kodata k = walk(none);
    skf_autofree char *id = diff_id(&k, 0);
    assert_string_equal(id,
                        "sha256:ffe56a1c5f3878e9b5f803842adb9e2ce81584b6bd027e8599582aefe14a975b");
    skf_kodata_release(&k);
    put(*state, "one/kodata/a.txt", "a\n");
    k = walk(one);
    skf_replace(&id, diff_id(&k, 1700000000));
    assert_string_equal(id,
                        "sha256:08d85d9a713f2bec763fe250fb3f4929fa8198eb4ae6e7a29a73d706f7e79960");
    skf_kodata_release(&k);
}

static void test_order_and_links(void **state)
{
    skf_autofree char *dir = package(*state, "links"), *data = skf_path_join(dir, "kodata");
    put(*state, "links/kodata/sub/b.txt", "b");
    put(*state, "links/kodata/sub.txt", "s");
    put(*state, "links/kodata/.hidden", "h");
    link_to(data, "linkdir", "sub");
    link_to(data, "a", "sub/b.txt");
    struct skf_kodata k = walk(dir);
    static const char *const names[] = { "/.hidden", "/a",         "/linkdir", "/linkdir/b.txt",
                                         "/sub",     "/sub/b.txt", "/sub.txt" };
    assert_int_equal(k.entries.n, SKF_ARRAY_LEN(names));
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        assert_string_equal(k.entries.v[i].name + strlen("/var/run/ko"), names[i]);
    assert_null(k.entries.v[2].path);
    assert_non_null(k.entries.v[1].path);
    assert_int_equal(k.files, 5);
    assert_int_equal(k.outside.n, 0);
    skf_kodata_release(&k);
}

static void refused(const char *dir, const char *expected)
{
    struct skf_kodata k = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_true(skf_kodata_walk(dir, &k, &err) < 0);
    if (!strstr(err.msg, expected))
        fail_msg("'%s' does not say '%s'", err.msg, expected);
    assert_int_equal(k.entries.n, 0);
}

static void test_refused(void **state)
{
    skf_autofree char *cycle = package(*state, "cycle"), *escape = package(*state, "escape");
    skf_autofree char *broken = package(*state, "broken"), *fifo = package(*state, "fifo");
    skf_autofree char *file = package(*state, "file");
    put(*state, "cycle/kodata/sub/x", "");
    put(*state, "escape/kodata/x", "");
    put(*state, "broken/kodata/x", "");
    put(*state, "fifo/kodata/x", "");
    put(*state, "file/kodata", "");
    skf_autofree char *in_cycle = skf_path_join(cycle, "kodata/sub");
    skf_autofree char *in_escape = skf_path_join(escape, "kodata");
    skf_autofree char *in_broken = skf_path_join(broken, "kodata");
    skf_autofree char *pipe_path = skf_path_join(fifo, "kodata/pipe");
    link_to(in_cycle, "up", "..");
    link_to(in_escape, "passwd", "/etc/passwd");
    link_to(in_broken, "gone", "nothing");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    refused(cycle, "leads back");
    refused(escape, "'/etc/passwd', which is outside");
    refused(broken, "leads nowhere");
    refused(fifo, "neither a file nor a directory");
    refused(file, "is not a directory");
}

static void test_allowed_root(void **state)
{
    skf_autofree char *dir = package(*state, "repo/cmd/web"), *data = skf_path_join(dir, "kodata");
    put(*state, "repo/.git/HEAD", "ref: x");
    put(*state, "repo/cmd/web/kodata/x", "");
    link_to(data, "HEAD", "../../../.git/HEAD"); /* ko's documented trick */
    struct skf_kodata k = walk(dir);
    assert_int_equal(k.outside.n, 1);
    assert_true(has_path(&k.outside, *state, "repo/.git/HEAD"));
    skf_kodata_release(&k);
    setenv("KO_DATA_PATH_ALLOWED_ROOT", data, 1);
    refused(dir, "outside");
    setenv("KO_DATA_PATH_ALLOWED_ROOT", *state, 1);
    k = walk(dir);
    skf_kodata_release(&k);
    clean_environment();
}

static void test_linked_root(void **state)
{
    skf_autofree char *dir = package(*state, "linked");
    put(*state, "linked/real/a", "a");
    link_to(dir, "kodata", "real");
    struct skf_kodata k = walk(dir);
    assert_true(k.linked_root);
    assert_int_equal(k.entries.n, 1);
    assert_true(has_path(&k.outside, dir, "real"));
    skf_kodata_release(&k);
}

static void test_mark(void **state)
{
    skf_autofree char *dir = package(*state, "mark");
    put(*state, "mark/kodata/a", "a");
    struct skf_kodata k = walk(dir), again = walk(dir);
    assert_string_equal(k.mark, again.mark);
    skf_kodata_release(&again);
    put(*state, "mark/kodata/a", "b"); /* written beside and renamed: another inode */
    again = walk(dir);
    assert_string_not_equal(k.mark, again.mark);
    skf_kodata_release(&again);
    skf_kodata_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_order_and_links),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_allowed_root),
        cmocka_unit_test(test_linked_root), cmocka_unit_test(test_mark),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

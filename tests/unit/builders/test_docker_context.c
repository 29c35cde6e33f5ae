/* What is watched, and what is sent: on real directories. */
#include "tests/unit/builders/support.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/docker/context.h"

struct project {
    char *dir;
    struct skf_docker_files files;
    struct skf_docker_watch watch;
};

static void open_project(struct project *p, void **state, const char *name, const char *dockerfile,
                         const char *ignore)
{
    *p = (struct project){ .dir = skf_path_join(*state, name) };
    put(p->dir, "Dockerfile", dockerfile);
    if (ignore)
        put(p->dir, ".dockerignore", ignore);
    put(p->dir, "main.go", "package main\n");
    put(p->dir, "app.log", "noise\n");
    put(p->dir, "cmd/a/main.go", "a\n");
    put(p->dir, "cmd/b/main.go", "b\n");
    put(p->dir, "node_modules/x/index.js", "x\n");
    put(p->dir, "node_modules/x/keep.txt", "x\n");
    skf_docker_files_find(p->dir, NULL, "/nowhere", &p->files);
}

static void find(struct project *p)
{
    struct skf_err err = SKF_ERR_INIT;
    const struct skf_docker_question q = { 0 };
    assert_int_equal(skf_docker_watch_find(&p->files, &q, &p->watch, &err), 0);
}

static void close_project(struct project *p)
{
    skf_docker_watch_release(&p->watch);
    skf_docker_files_release(&p->files);
    free(p->dir);
}

/* Would a file of this name be noticed? Its directories are asked first, as the watcher does. */
static bool watched(const struct project *p, const char *name)
{
    skf_autofree char *path = skf_path_join(p->dir, name);
    if (skf_strv_has(&p->watch.files, path))
        return true;
    if (!p->watch.reads)
        return false;
    for (size_t at = strlen(p->dir) + 1; path[at]; at++) {
        if (path[at] != '/')
            continue;
        path[at] = '\0';
        bool skipped = skf_docker_reads_skip(p->watch.reads, path, true);
        path[at] = '/';
        if (skipped)
            return false;
    }
    return !skf_docker_reads_skip(p->watch.reads, path, false);
}

static void test_plain_files(void **state)
{
    struct project p;
    open_project(&p, state, "plain", "FROM scratch\nCOPY main.go missing.go /\nCOPY cmd /cmd\n",
                 NULL);
    find(&p);
    assert_true(watched(&p, "main.go"));
    assert_true(watched(&p, "missing.go")); /* that it appears counts */
    assert_true(watched(&p, "cmd/new/file"));
    assert_false(watched(&p, "app.log"));
    assert_false(watched(&p, "node_modules/x/index.js"));
    close_project(&p);
}

static void test_globs(void **state)
{
    struct project p;
    open_project(&p, state, "globs", "FROM scratch\nCOPY *.go /\nCOPY cmd/*/main.go /m/\n", NULL);
    find(&p);
    assert_true(watched(&p, "main.go"));
    assert_true(watched(&p, "new.go"));
    assert_false(watched(&p, "new.txt"));
    assert_true(watched(&p, "cmd/a/main.go"));
    assert_true(watched(&p, "cmd/b/main.go"));
    assert_false(watched(&p, "cmd/a/other.go"));
    assert_true(watched(&p, "cmd/new/main.go"));
    assert_false(watched(&p, "cmd/new/deep/main.go"));
    assert_true(watched(&p, "dir.go/anything/below")); /* a directory that matches is copied */
    close_project(&p);
}

static void test_ignored(void **state)
{
    struct project p;
    open_project(&p, state, "ignored", "FROM scratch\nCOPY . /\n",
                 "node_modules\n*.log\n!node_modules/*/keep.txt\n");
    find(&p);
    assert_true(watched(&p, "main.go"));
    assert_true(watched(&p, "new-file"));
    assert_true(watched(&p, "cmd/a/new"));
    assert_true(watched(&p, "cmd/new-dir/new"));
    assert_false(watched(&p, "app.log"));
    assert_false(watched(&p, "node_modules/x/index.js"));
    assert_true(watched(&p, "node_modules/x/keep.txt"));
    close_project(&p);
}

/* Names that a glob takes and the ignore file leaves out; only the exception of a directory. */
static void test_globs_and_exceptions(void **state)
{
    struct project p;
    open_project(&p, state, "both", "FROM scratch\nCOPY *.txt src /x/\n",
                 "secret.txt\nsrc\n!src/keep\n");
    find(&p);
    assert_true(watched(&p, "a.txt"));
    assert_false(watched(&p, "secret.txt"));
    assert_true(watched(&p, "src/keep/new/file"));
    assert_false(watched(&p, "src/other/file"));
    assert_false(watched(&p, "src/file"));
    close_project(&p);
}

static void test_what_git_writes(void **state)
{
    struct project p;
    open_project(&p, state, "git", "FROM scratch\nCOPY . /\n", NULL);
    find(&p);
    assert_false(watched(&p, ".git/index"));
    assert_false(watched(&p, "sub/.git/index"));
    assert_true(watched(&p, ".gitignore"));
    close_project(&p);
    open_project(&p, state, "git", "FROM scratch\nCOPY .git/HEAD /\nCOPY .git/refs /r\n", NULL);
    find(&p);
    assert_true(watched(&p, ".git/HEAD")); /* it is named */
    assert_true(watched(&p, ".git/refs/heads/main"));
    assert_false(watched(&p, ".git/index"));
    close_project(&p);
}

static void test_nothing_is_read(void **state)
{
    struct project p;
    open_project(&p, state, "none", "FROM scratch\nCOPY <<END /x\ntext\nEND\n", NULL);
    find(&p);
    assert_null(p.watch.reads);
    assert_int_equal(p.watch.files.n, 0);
    close_project(&p);
}

static void test_specific_ignore_file_wins(void **state)
{
    struct project p;
    struct skf_docker_files again;
    open_project(&p, state, "specific", "FROM scratch\nCOPY . /\n", "main.go\n");
    put(p.dir, "Dockerfile.dockerignore", "app.log\n");
    skf_docker_files_find(p.dir, NULL, "/nowhere", &again);
    assert_non_null(strstr(again.ignore_file, "Dockerfile.dockerignore"));
    skf_docker_files_release(&p.files);
    p.files = again;
    find(&p);
    assert_true(watched(&p, "main.go"));
    assert_false(watched(&p, "app.log"));
    close_project(&p);
}

static void test_missing_dockerfile_is_named(void **state)
{
    struct skf_docker_files files;
    struct skf_dockerfile d;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_path_join(*state, "nothing");
    skf_docker_files_find(dir, "build/Other", *state, &files);
    assert_int_equal(skf_docker_files_parse(&files, &d, &err), -SKF_ENOTFOUND);
    assert_non_null(strstr(err.msg, "nothing/build/Other"));
    skf_docker_files_release(&files);
    /* relative to where skiff runs, when it is there */
    put(*state, "build/Other", "FROM scratch\n");
    skf_docker_files_find(dir, "build/Other", *state, &files);
    assert_int_equal(skf_docker_files_parse(&files, &d, &err), 0);
    skf_dockerfile_release(&d);
    skf_docker_files_release(&files);
}

/* --- where a file is in the image --------------------------------------------------------------
 */

static void test_places(void **state)
{
    static const struct {
        const char *dockerfile, *path, *to; /* NULL: nobody knows */
    } cases[] = {
        { "FROM x\nCOPY main.go /app/main.go\n", "main.go", "/app/main.go" },
        { "FROM x\nCOPY main.go /app/\n", "main.go", "/app/main.go" },
        { "FROM x\nCOPY main.go app.log /app\n", "app.log", "/app/app.log" },
        { "FROM x\nCOPY cmd /srv\n", "cmd/a/main.go", "/srv/a/main.go" },
        { "FROM x\nCOPY . .\n", "cmd/a/main.go", "cmd/a/main.go" },
        { "FROM x\nWORKDIR /app\nCOPY . .\n", "new/file", "/app/new/file" },
        { "FROM x\nWORKDIR /app\nWORKDIR sub\nCOPY cmd c/\n", "cmd/a", "/app/sub/c/a" },
        { "FROM x\nCOPY cmd c/\nWORKDIR /app\n", "cmd/a", NULL },
        { "FROM x\nARG D=/d\nCOPY cmd ${D}/e\n", "cmd/a", "/d/e/a" },
        { "FROM x\nCOPY cmd/*/main.go /m/\n", "cmd/a/main.go", "/m/main.go" },
        { "FROM x\nCOPY cmd/* /m/\n", "cmd/a/main.go", "/m/main.go" },
        { "FROM x\nCOPY *.log /m/\n", "cmd/a.log", NULL },
        { "FROM x\nADD data.tar.gz /m/\n", "data.tar.gz", NULL },
        { "FROM x\nADD data.txt /m/\n", "data.txt", "/m/data.txt" },
        { "FROM x AS b\nCOPY . /src\nFROM y\nCOPY --from=b /src /x\n", "main.go", NULL },
        { "FROM x AS b\nWORKDIR /w\nCOPY main.go .\nFROM b\nCOPY cmd k\n", "cmd/a", "/w/k/a" },
        { "FROM x AS b\nWORKDIR /w\nCOPY main.go .\nFROM b\nCOPY cmd k\n", "main.go",
          "/w/main.go" },
        { "FROM x\nCOPY main.go /a/\nCOPY . /b\n", "main.go", "/a/main.go /b/main.go" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct project p;
        struct skf_dockerfile d = { 0 };
        struct skf_docker_sources s = { 0 };
        struct skf_err err = SKF_ERR_INIT;
        skf_autostrv struct skf_strv to = SKF_STRV_INIT;
        const struct skf_docker_question q = { 0 };
        open_project(&p, state, "places", cases[i].dockerfile, NULL);
        assert_int_equal(skf_docker_files_parse(&p.files, &d, &err), 0);
        assert_int_equal(skf_docker_sources_find(&d, "Dockerfile", &q, &s, &err), 0);
        bool known = skf_docker_copies_place(&s, p.dir, cases[i].path, &to);
        skf_autofree char *got = skf_strv_join(&to, " ");
        if (known != (cases[i].to != NULL) || (known && strcmp(got, cases[i].to) != 0))
            fail_msg("case %zu: %s", i, known ? got : "unknown");
        skf_docker_sources_release(&s);
        skf_dockerfile_release(&d);
        close_project(&p);
    }
}

/* --- the tar ---------------------------------------------------------------------------------- */

struct sent {
    struct skf_strv names;
    struct skf_buf bytes;
};

static void send_context(const struct skf_docker_files *f, struct sent *out, char **dockerfile)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_docker_tar *t = skf_docker_tar_new(f, &err);
    int rc;
    assert_non_null(t);
    *out = (struct sent){ .bytes = SKF_BUF_INIT };
    while ((rc = skf_docker_tar_next(t, &out->bytes, &err)) > 0)
        ;
    assert_int_equal(rc, 0);
    *dockerfile = skf_xstrdup(skf_docker_tar_dockerfile(t));
    skf_docker_tar_free(t);
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_memory(a, out->bytes.data, out->bytes.len), ARCHIVE_OK);
    while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
        skf_strv_add(&out->names, archive_entry_pathname(e));
        assert_int_equal(archive_entry_uid(e), 0);
    }
    archive_read_free(a);
}

static void drop_sent(struct sent *s)
{
    skf_strv_release(&s->names);
    skf_buf_release(&s->bytes);
}

static void test_tar(void **state)
{
    struct project p;
    struct sent s;
    skf_autofree char *name = NULL;
    open_project(&p, state, "tar", "FROM scratch\nCOPY . /\n",
                 "*\n!cmd/a\n!src/**/*.go\n"); /* also the Dockerfile and itself */
    put(p.dir, "src/x.go", "x\n");
    put(p.dir, "src/x.txt", "x\n");
    skf_autofree char *link = skf_path_join(p.dir, "cmd/a/link");
    assert_int_equal(symlink("main.go", link), 0);
    send_context(&p.files, &s, &name);
    assert_string_equal(name, "Dockerfile");
    assert_true(skf_strv_has(&s.names, "Dockerfile"));
    assert_true(skf_strv_has(&s.names, ".dockerignore"));
    assert_true(skf_strv_has(&s.names, "cmd/a/main.go"));
    assert_true(skf_strv_has(&s.names, "cmd/a/link"));
    assert_true(skf_strv_has(&s.names, "src/x.go"));
    assert_false(skf_strv_has(&s.names, "src/x.txt"));
    assert_false(skf_strv_has(&s.names, "cmd/b/main.go"));
    assert_false(skf_strv_has(&s.names, "main.go"));
    drop_sent(&s);
    close_project(&p);
}

static void test_tar_with_a_dockerfile_outside(void **state)
{
    struct project p;
    struct sent s;
    skf_autofree char *name = NULL;
    open_project(&p, state, "outside/ctx", "FROM scratch\n", NULL);
    put(*state, "outside/Dockerfile.other", "FROM scratch\nCOPY main.go /\n");
    skf_docker_files_release(&p.files);
    skf_docker_files_find(p.dir, "../Dockerfile.other", "/nowhere", &p.files);
    send_context(&p.files, &s, &name);
    assert_memory_equal(name, ".dockerfile.", 12);
    assert_true(skf_strv_has(&s.names, name));
    drop_sent(&s);
    close_project(&p);
}

/* What has gone while the list was read is no error; what gets shorter while it is sent is. */
static void test_tar_of_a_moving_tree(void **state)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT, big = SKF_BUF_INIT;
    struct project p;
    open_project(&p, state, "moving", "FROM scratch\nCOPY . /\n", NULL);
    for (int i = 0; i < 1024 * 1024; i++)
        skf_buf_addc(&big, 'x');
    put(p.dir, "big", big.data);
    struct skf_docker_tar *t = skf_docker_tar_new(&p.files, &err);
    assert_int_equal(skf_docker_tar_next(t, &out, &err), 1);
    skf_autofree char *path = skf_path_join(p.dir, "big"), *gone = skf_path_join(p.dir, "main.go");
    assert_int_equal(unlink(gone), 0);
    assert_int_equal(truncate(path, 1000), 0);
    int rc;
    while ((rc = skf_docker_tar_next(t, &out, &err)) > 0)
        ;
    assert_int_equal(rc, -SKF_EIO);
    assert_non_null(strstr(err.msg, "moving/big' became shorter"));
    skf_docker_tar_free(t);
    close_project(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_files),
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_globs_and_exceptions),
        cmocka_unit_test(test_specific_ignore_file_wins),
        cmocka_unit_test(test_missing_dockerfile_is_named),
        cmocka_unit_test(test_what_git_writes),
        cmocka_unit_test(test_nothing_is_read),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_tar),
        cmocka_unit_test(test_tar_with_a_dockerfile_outside),
        cmocka_unit_test(test_tar_of_a_moving_tree),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

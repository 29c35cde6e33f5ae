/* Whole builds and whole questions about inputs, with a program that plays Go and counts its calls.
 */
#include "tests/unit/builders/support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builders/ko/ko.h"
#include "builders/ko/session.h"
#include "lib/io/loop.h"

static const char fake_go[] =
    "#!/bin/sh\n"
    "echo \"$1 $GO111MODULE\" >> \"$CALLS\"\n"
    "if [ \"$1\" = build ]; then\n"
    "  if grep -q BROKEN main.go; then echo './main.go:3:1: syntax error: x'; exit 1; fi\n"
    "  while [ \"$1\" != -o ]; do shift; done\n"
    "  cmp -s main.go \"$2\" || { cp main.go \"$2.new\"; mv \"$2.new\" \"$2\"; }\n"
    "  exit 0\n"
    "fi\n"
    "if [ ! -e go.mod ] && [ \"$GO111MODULE\" != off ] && [ \"${*#*main.go}\" = \"$*\" ]; then\n"
    "  echo 'go: go.mod file not found in current directory or any parent directory' >&2; exit 1\n"
    "fi\n"
    "mod=''\n"
    "[ -e go.mod ] && "
    "mod=\",\\\"Module\\\":{\\\"Path\\\":\\\"ex/web\\\",\\\"GoMod\\\":\\\"$PWD/go.mod\\\"}\"\n"
    "echo \"{\\\"ImportPath\\\":\\\"ex/web\\\",\\\"Name\\\":\\\"main\\\",\\\"Dir\\\":\\\"$PWD\\\","
    "\\\"GoFiles\\\":[\\\"main.go\\\"]$mod}\"\n";

struct world {
    uv_loop_t loop;
    struct skf_services services;
    struct skf_artifact artifact;
    struct skf_ko_options options;
    struct skf_strv platforms;
    char *root, *src, *cache, *calls;
    bool contents;
    struct skf_err err;
    bool over;
    uv_timer_t cap;
};

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("no end after 20 s");
}

static void open_world(struct world *w, void **state, const char *name)
{
    struct skf_err err = SKF_ERR_INIT;
    *w = (struct world){ 0 };
    w->root = skf_path_join(*state, name);
    w->src = skf_path_join(w->root, "web");
    w->cache = skf_path_join(w->root, "cache");
    w->calls = skf_path_join(w->root, "calls");
    put(w->root, "bin/go", fake_go);
    put(w->root, "web/main.go", "package main\n\nfunc main() {}\n");
    skf_autofree char *go = skf_path_join(w->root, "bin/go");
    assert_int_equal(chmod(go, 0755), 0);
    setenv("KO_GO_PATH", go, 1);
    setenv("CALLS", w->calls, 1);
    assert_int_equal(skf_loop_init(&w->loop, &err), 0);
    w->services = (struct skf_services){ .loop = &w->loop, .cache_dir = w->cache, .cwd = w->root };
    w->options.from_image = "scratch";
    w->artifact = (struct skf_artifact){ .image = "web", .builder = "ko", .options = &w->options };
    skf_strv_add(&w->platforms, "linux/amd64");
}

static void close_world(struct world *w)
{
    skf_ko_session_forget_all();
    assert_true(skf_loop_close(&w->loop));
    skf_strv_release(&w->platforms);
    free(w->root);
    free(w->src);
    free(w->cache);
    free(w->calls);
    clean_environment();
}

/* How often Go was called since the last question. */
static size_t calls(struct world *w)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    size_t n = 0;
    if (skf_file_read(w->calls, 1 << 20, &text, &err) == 0)
        for (size_t i = 0; i < text.len; i++)
            n += text.data[i] == '\n';
    unlink(w->calls);
    return n;
}

static struct skf_build_context context(struct world *w)
{
    return (struct skf_build_context){ .services = &w->services,
                                       .artifact = &w->artifact,
                                       .dir = w->src,
                                       .contents = w->contents,
                                       .platforms = &w->platforms };
}

/* Until a clock can tell what was written before from what is written from now on: what is as fresh
 * as the question is asked about again. */
static void settle(struct world *w)
{
    struct stat before, now;
    skf_autofree char *path = skf_path_join(w->root, "clock");
    put(w->root, "clock", "");
    assert_int_equal(stat(path, &before), 0);
    do {
        put(w->root, "clock", "");
        assert_int_equal(stat(path, &now), 0);
    } while ((now.st_ctim.tv_sec - before.st_ctim.tv_sec) * 1000000000LL + now.st_ctim.tv_nsec -
                 before.st_ctim.tv_nsec <
             30 * 1000000LL);
}

static void ended(struct world *w, const struct skf_err *err)
{
    assert_false(w->over);
    w->over = true;
    w->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

static void on_built(struct skf_build *b, const struct skf_err *err)
{
    ended(b->data, err);
}

/* Turns the loop until the end; cancels at turn `cancel_at` (0 = never). Returns the turns. */
static size_t build(struct world *w, struct skf_build *b, size_t cancel_at)
{
    size_t turns = 0;
    *b = (struct skf_build){ .ctx = context(w),
                             .reference = "localhost:5000/web:v1",
                             .target = { .kind = SKF_TARGET_NOWHERE },
                             .data = w,
                             .done = on_built };
    w->over = false;
    uv_timer_init(&w->loop, &w->cap);
    uv_timer_start(&w->cap, on_cap, 20000, 0);
    skf_builder_ko.start(b);
    assert_false(w->over);
    while (!w->over) {
        if (++turns == cancel_at)
            skf_builder_ko.cancel(b);
        assert_false(cancel_at && turns == cancel_at && w->over); /* never from inside cancel */
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&w->cap, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return turns;
}

static void test_build_remembers(void **state)
{
    struct world w;
    struct skf_build b;
    open_world(&w, state, "module");
    put(w.src, "go.mod", "module ex/web\n");
    settle(&w);
    build(&w, &b, 0);
    assert_int_equal(w.err.code, SKF_OK);
    assert_int_equal(calls(&w), 2); /* list, build */
    skf_autofree char *first = skf_xstrdup(b.digest);
    struct skf_blob *layer = skf_blob_ref(b.image->layers[1]);
    assert_int_equal(b.image->n_layers, 2);
    assert_int_equal(b.notes.n, 0);
    skf_build_release(&b);

    build(&w, &b, 0);
    assert_int_equal(calls(&w), 0);
    assert_string_equal(b.digest, first);
    assert_ptr_equal(b.image->layers[1], layer); /* nothing was hashed again */
    skf_build_release(&b);

    put(w.src, "main.go", "package main\n\nfunc main() { println(1) }\n");
    build(&w, &b, 0);
    assert_int_equal(calls(&w), 1);
    assert_string_not_equal(b.digest, first);
    skf_build_release(&b);
    skf_blob_unref(layer);

    put(w.src, "main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }\n");
    build(&w, &b, 0);
    assert_int_equal(calls(&w), 2); /* an import may change what the package is */
    skf_build_release(&b);
    close_world(&w);
}

/* A process that knows nothing but what the cache says. */
static size_t next_process(struct world *w, char digest[SKF_DIGEST_TEXT])
{
    struct skf_build b;
    calls(w);
    skf_ko_session_forget_all();
    build(w, &b, 0);
    assert_int_equal(w->err.code, SKF_OK);
    snprintf(digest, SKF_DIGEST_TEXT, "%s", b.digest);
    skf_build_release(&b);
    return calls(w);
}

static void test_next_process_knows(void **state)
{
    struct world w;
    char first[SKF_DIGEST_TEXT], now[SKF_DIGEST_TEXT];
    open_world(&w, state, "next");
    put(w.src, "go.mod", "module ex/web\n");
    put(w.src, "kodata/a", "a");
    settle(&w);
    assert_int_equal(next_process(&w, first), 2);
    assert_int_equal(next_process(&w, now), 0);
    assert_string_equal(now, first);

    /* What may change the image is asked about; the image is what it is. */
    static const struct {
        const char *name, *text;
        bool same_image;
    } changes[] = {
        { "main.go", "package main\n\nfunc main() {_}\n", false }, /* of one length and time */
        { "main.go", "package main\n\nfunc main() {}\n", true },
        { "other.go", "package main\n", true },
        { "asm.s", "", true },
        { "default.pgo", "x", true },
        { "go.mod", "module ex/web\n//\n", true },
        { "go.sum", "x", true },
        { "go.work", "go 1.21\n", true },
        { "vendor/modules.txt", "#", true },
        { "kodata/a", "b", false },
        { "kodata/b", "b", false },
        { ".ko.yaml", "defaultFlags: [-v]\n", true },
    };
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    for (size_t i = 0; i < SKF_ARRAY_LEN(changes); i++) {
        skf_autofree char *path = skf_path_join(w.src, changes[i].name);
        snprintf(first, sizeof first, "%s", now);
        put(w.src, changes[i].name, changes[i].text);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
        settle(&w);
        if (next_process(&w, now) == 0)
            fail_msg("'%s' was not looked at", changes[i].name);
        if (i > 1)
            assert_int_equal(strcmp(now, first) == 0, changes[i].same_image);
        if (next_process(&w, now) != 0)
            fail_msg("after '%s' Go is asked again and again", changes[i].name);
    }

    /* Touched, or written again: the content is what counts. */
    snprintf(first, sizeof first, "%s", now);
    put(w.src, "main.go", "package main\n\nfunc main() {}\n");
    assert_int_equal(next_process(&w, now), 0);
    assert_string_equal(now, first);

    settle(&w);
    setenv("GOFLAGS", "-tags=x", 1);
    assert_int_not_equal(next_process(&w, now), 0);
    assert_int_equal(next_process(&w, now), 0);
    setenv("CGO_ENABLED", "1", 1); /* a C compiler reads what nobody knows */
    assert_int_not_equal(next_process(&w, now), 0);
    assert_int_not_equal(next_process(&w, now), 0);
    close_world(&w);
}

static void test_contents_are_wanted(void **state)
{
    struct world w;
    struct skf_build b;
    char digest[SKF_DIGEST_TEXT];
    open_world(&w, state, "contents");
    put(w.src, "go.mod", "module ex/web\n");
    settle(&w);
    assert_int_equal(next_process(&w, digest), 2);
    skf_ko_session_forget_all();
    build(&w, &b, 0);
    assert_int_equal(calls(&w), 0);
    assert_false(skf_blob_is_local(b.image->layers[1]));
    skf_build_release(&b);
    skf_ko_session_forget_all();
    w.contents = true;
    build(&w, &b, 0);
    assert_int_equal(calls(&w), 1);
    assert_true(skf_blob_is_local(b.image->layers[1]));
    assert_string_equal(b.digest, digest);
    skf_build_release(&b);
    close_world(&w);
}

/* Every single byte of what is kept may be damaged: then it is as if it were not there. */
static void test_damaged_store(void **state)
{
    struct world w;
    char first[SKF_DIGEST_TEXT], now[SKF_DIGEST_TEXT];
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    open_world(&w, state, "damaged");
    put(w.src, "go.mod", "module ex/web\n");
    settle(&w);
    next_process(&w, first);
    skf_autofree char *dir = skf_path_join(w.cache, "ko/known");
    assert_int_equal(skf_file_list(dir, &names, &err), 0);
    assert_int_equal(names.n, 1);
    skf_autofree char *path = skf_path_join(dir, names.v[0]);
    assert_int_equal(skf_file_read(path, 1 << 20, &text, &err), 0);
    for (size_t i = 0; i < text.len; i += text.len / 7) {
        skf_autofree char *bad = skf_xstrndup(text.data, text.len);
        bad[i] ^= 1;
        assert_int_equal(skf_file_write_atomic(path, 0600, bad, text.len, &err), 0);
        assert_int_equal(next_process(&w, now), 2);
        assert_string_equal(now, first);
        assert_int_equal(skf_file_write_atomic(path, 0600, text.data, i, &err), 0);
        assert_int_equal(next_process(&w, now), 2);
    }
    assert_int_equal(next_process(&w, now), 0);
    close_world(&w);
}

static void test_without_go_mod(void **state)
{
    struct world w;
    struct skf_build b;
    open_world(&w, state, "no-module");
    build(&w, &b, 0);
    assert_int_equal(w.err.code, SKF_OK);
    assert_int_equal(calls(&w), 4); /* list, list of the directory, list of the files, build */
    assert_int_equal(b.notes.n, 1);
    assert_non_null(strstr(b.notes.v[0], "no go.mod"));
    const json_t *config = json_object_get(b.image->config_doc, "config");
    const json_t *entry = json_array_get(json_object_get(config, "Entrypoint"), 0);
    assert_string_equal(json_string_value(entry), "/ko-app/web"); /* the directory's name */
    skf_build_release(&b);
    settle(&w);
    build(&w, &b, 0);
    assert_int_equal(b.notes.n, 0); /* said once */
    skf_build_release(&b);
    calls(&w);
    build(&w, &b, 0);
    assert_int_equal(calls(&w), 0);
    skf_build_release(&b);
    skf_autofree char *gomod = skf_path_join(w.src, "go.mod");
    assert_false(skf_file_exists(gomod)); /* nothing was written into the user's tree */
    close_world(&w);
}

static void test_broken_code(void **state)
{
    struct world w;
    struct skf_build b;
    open_world(&w, state, "broken");
    put(w.src, "go.mod", "module ex/web\n");
    put(w.src, "main.go", "package main\n\nBROKEN\n");
    build(&w, &b, 0);
    assert_int_equal(w.err.code, SKF_EBUILD);
    assert_int_equal(w.err.line, 3);
    assert_null(b.digest);
    skf_build_release(&b);
    put(w.src, "main.go", "package main\n\nfunc main() {}\n");
    build(&w, &b, 0);
    assert_int_equal(w.err.code, SKF_OK);
    skf_build_release(&b);
    close_world(&w);
}

static void test_cancel_at_every_turn(void **state)
{
    struct world w;
    struct skf_build b;
    size_t cancelled = 0;
    open_world(&w, state, "cancel");
    for (size_t at = 1; at < 200; at++) {
        skf_ko_session_forget_all();
        size_t turns = build(&w, &b, at);
        bool ok = w.err.code == SKF_OK;
        cancelled += w.err.code == SKF_ECANCELED;
        assert_true(ok || w.err.code == SKF_ECANCELED);
        assert_int_equal(ok, b.digest != NULL);
        skf_build_release(&b);
        if (turns < at)
            break; /* the build was over before */
    }
    assert_true(cancelled > 3);
    skf_autofree char *priv = skf_path_join(w.cache, "ko/private");
    assert_false(skf_file_exists(priv));
    close_world(&w);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static void on_inputs(struct skf_inputs_job *j, const struct skf_err *err)
{
    ended(j->data, err);
}

static struct skf_inputs inputs(struct world *w)
{
    struct skf_inputs_job j = { .ctx = context(w), .data = w, .done = on_inputs };
    w->over = false;
    skf_builder_ko.inputs(&j);
    assert_false(w->over);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->over);
    assert_int_equal(w->err.code, SKF_OK);
    return j.inputs;
}

static void test_inputs_are_kept(void **state)
{
    struct world w;
    open_world(&w, state, "inputs");
    put(w.src, "go.mod", "module ex/web\n");
    settle(&w);
    struct skf_inputs in = inputs(&w);
    assert_true(has_path(&in.files, w.src, "main.go"));
    assert_true(has_path(&in.manifests, w.src, "go.mod"));
    assert_int_equal(calls(&w), 1);
    skf_inputs_release(&in);

    put(w.src, "main.go", "package main\n\nfunc main() { println(2) }\n");
    in = inputs(&w);
    assert_true(has_path(&in.files, w.src, "main.go"));
    assert_int_equal(calls(&w), 0); /* a body cannot change the list */
    skf_inputs_release(&in);

    struct skf_build b;
    build(&w, &b, 0);
    assert_int_equal(w.err.code, SKF_OK);
    assert_int_equal(calls(&w), 1); /* the package was in the answer: only the build */
    skf_build_release(&b);

    put(w.src, "main.go", "package main\nimport _ \"os\"\nfunc main() {}\n");
    settle(&w);
    in = inputs(&w);
    assert_int_equal(calls(&w), 1);
    skf_inputs_release(&in);
    in = inputs(&w);
    assert_int_equal(calls(&w), 0);
    skf_inputs_release(&in);
    put(w.src, "go.mod", "module ex/web\n// changed\n");
    in = inputs(&w);
    assert_int_equal(calls(&w), 1);
    skf_inputs_release(&in);
    close_world(&w);
}

static void test_inputs_without_go_mod(void **state)
{
    struct world w;
    open_world(&w, state, "inputs2");
    struct skf_inputs in = inputs(&w);
    assert_int_equal(calls(&w), 3);
    assert_true(has_path(&in.files, w.src, "main.go"));
    assert_true(has_path(&in.manifests, w.src, "go.mod")); /* one that appears changes all */
    skf_inputs_release(&in);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_remembers),       cmocka_unit_test(test_next_process_knows),
        cmocka_unit_test(test_contents_are_wanted),   cmocka_unit_test(test_damaged_store),
        cmocka_unit_test(test_without_go_mod),        cmocka_unit_test(test_broken_code),
        cmocka_unit_test(test_cancel_at_every_turn),  cmocka_unit_test(test_inputs_are_kept),
        cmocka_unit_test(test_inputs_without_go_mod),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

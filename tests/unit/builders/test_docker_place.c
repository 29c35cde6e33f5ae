/* From Docker to the target, with programs that play docker and ctr and count their calls. */
#include "tests/unit/builders/support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/docker/place.h"
#include "lib/io/loop.h"
#include "lib/io/tar.h"

#define ID "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static const char fake_docker[] =
    "#!/bin/sh\n"
    "echo \"$*\" >> calls\n"
    "case \"$*\" in\n"
    "'image inspect t/gone:v1') echo 'Error: No such image: t/gone:v1' >&2; exit 1 ;;\n"
    "'image inspect'*) echo '[{\"Id\":\"" ID "\",\"RepoDigests\":[]}]' ;;\n"
    "'push t/denied:v1') echo 'denied: requested access to the resource is denied'; exit 1 ;;\n"
    "push*) echo 'abc: Pushed'; echo 'v1: digest: " DIGEST " size: 528' ;;\n"
    "'save t/slow:v1') echo here > started; sleep 300 ;;\n"
    "save*) cat saved.tar ;;\n"
    "esac\n";
static const char fake_ctr[] = "#!/bin/sh\necho \"ctr $*\" >> calls\n"
                               "case \"$*\" in *import*) cat > imported.tar ;; esac\n";

struct world {
    uv_loop_t loop;
    uv_timer_t cap;
    struct skf_docker_host host;
    struct skf_http *http;
    struct skf_registry *registry;
    char *dir;
    struct skf_err err;
    bool over;
};

static void on_cap(uv_timer_t *t)
{
    (void)t;
    fail_msg("no end after 20 s");
}

static void put_program(const char *dir, const char *name, const char *text)
{
    skf_autofree char *path = skf_path_join(dir, name);
    put(dir, name, text);
    assert_int_equal(chmod(path, 0755), 0);
}

/* One layer, as `docker save` of Docker 20.10 writes it. */
static void put_saved(const char *dir)
{
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("layer", 5, digest);
    skf_autofree char *config =
        skf_xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{"
                      "\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
                      digest);
    const char *files[][2] = {
        { "c.json", config },
        { "l/layer.tar", "layer" },
        { "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l/layer.tar\"]}]" },
    };
    struct skf_tar *t = skf_tar_new();
    for (size_t i = 0; i < SKF_ARRAY_LEN(files); i++) {
        const struct skf_tar_entry e = { .name = files[i][0],
                                         .mode = S_IFREG | 0644,
                                         .size = (int64_t)strlen(files[i][1]) };
        assert_int_equal(skf_tar_add(t, &e, &err), 0);
        assert_int_equal(skf_tar_data(t, files[i][1], strlen(files[i][1]), &err), 0);
    }
    assert_int_equal(skf_tar_end(t, &err), 0);
    skf_autofree char *path = skf_path_join(dir, "saved.tar");
    const struct skf_buf *out = skf_tar_output(t);
    assert_int_equal(skf_file_write_atomic(path, 0644, out->data, out->len, &err), 0);
    skf_tar_free(t);
}

static void open_world(struct world *w, void **state, const char *name)
{
    *w = (struct world){ .dir = skf_path_join(*state, name) };
    skf_autofree char *bin = skf_path_join(w->dir, "bin");
    skf_autofree char *path = skf_xasprintf("%s:/usr/bin:/bin", bin);
    put_program(bin, "docker", fake_docker);
    put_program(bin, "ctr", fake_ctr);
    put(w->dir, "containerd.sock", "");
    put_saved(w->dir);
    assert_int_equal(chdir(w->dir), 0);
    setenv("PATH", path, 1);
    setenv("HOME", w->dir, 1);
    setenv("XDG_CACHE_HOME", w->dir, 1);
    setenv("DOCKER_HOST", "ssh://nowhere", 1); /* only the program can */
    assert_int_equal(skf_docker_host_find(NULL, &w->host, &w->err), 0);
    assert_false(w->host.api);
    assert_int_equal(skf_loop_init(&w->loop, &w->err), 0);
    const struct skf_registry_options options = { 0 };
    w->http = skf_http_new(&w->loop);
    w->registry = skf_registry_new(&w->loop, w->http, &options);
    uv_timer_init(&w->loop, &w->cap);
    uv_timer_start(&w->cap, on_cap, 20000, 0);
}

static void close_world(struct world *w)
{
    skf_docker_forget_all();
    skf_docker_host_release(&w->host);
    skf_registry_free(w->registry);
    skf_http_free(w->http);
    uv_close((uv_handle_t *)&w->cap, NULL);
    assert_true(skf_loop_close(&w->loop));
    assert_int_equal(chdir("/"), 0);
    free(w->dir);
}

static void on_done(struct skf_docker_place *p, const struct skf_err *err)
{
    struct world *w = p->data;
    w->over = true;
    w->err = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

static struct skf_docker_place place_for(struct world *w, enum skf_target_kind kind,
                                         const char *reference)
{
    return (struct skf_docker_place){ .loop = &w->loop,
                                      .http = w->http,
                                      .registry = w->registry,
                                      .host = &w->host,
                                      .target = { .kind = kind,
                                                  .containerd_socket = "containerd.sock",
                                                  .containerd_namespace = "k8s.io" },
                                      .reference = reference,
                                      .data = w,
                                      .done = on_done };
}

static void run(struct world *w, struct skf_docker_place *p)
{
    w->over = false;
    skf_docker_place_start(p);
    assert_false(w->over);
    while (!w->over)
        uv_run(&w->loop, UV_RUN_ONCE);
}

/* How many calls of docker and ctr began so. */
static int calls(const char *prefix)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    int n = 0;
    assert_int_equal(skf_file_read("calls", 65536, &text, &err), 0);
    skf_strv_split(&lines, text.data, "\n");
    for (size_t i = 0; i < lines.n; i++)
        n += strncmp(lines.v[i], prefix, strlen(prefix)) == 0;
    return n;
}

static void test_stays_in_docker(void **state)
{
    struct world w;
    open_world(&w, state, "stays");
    struct skf_docker_place p = place_for(&w, SKF_TARGET_NOWHERE, "t/app:v1");
    run(&w, &p);
    assert_int_equal(w.err.code, 0);
    assert_string_equal(p.deployed,
                        "t/app:1111111111111111111111111111111111111111111111111111111111111111");
    assert_string_equal(p.digest, ID);
    assert_int_equal(calls("tag t/app:v1 t/app:1111"), 1);
    skf_docker_place_release(&p);
    close_world(&w);
}

static void test_registry(void **state)
{
    struct world w;
    open_world(&w, state, "registry");
    struct skf_docker_place p = place_for(&w, SKF_TARGET_REGISTRY, "t/app:v1");
    run(&w, &p);
    assert_int_equal(w.err.code, 0);
    assert_string_equal(p.deployed, "t/app:v1@" DIGEST);
    skf_docker_place_release(&p);

    p = place_for(&w, SKF_TARGET_REGISTRY, "t/app:v1");
    p.expected_digest = DIGEST; /* the same image for the same place: nothing is pushed */
    run(&w, &p);
    assert_string_equal(p.deployed, "t/app:v1@" DIGEST);
    assert_int_equal(calls("push"), 1);
    skf_docker_place_release(&p);

    p = place_for(&w, SKF_TARGET_REGISTRY, "t/denied:v1");
    run(&w, &p);
    assert_int_equal(w.err.code, SKF_EPROTO);
    assert_non_null(strstr(w.err.msg, "denied: requested access"));
    skf_docker_place_release(&p);
    close_world(&w);
}

static void test_node(void **state)
{
    struct world w;
    open_world(&w, state, "node");
    struct skf_docker_place p = place_for(&w, SKF_TARGET_CONTAINERD, "t/app:v1");
    run(&w, &p);
    if (w.err.code)
        fail_msg("%s", w.err.msg);
    skf_autofree char *want = skf_xasprintf("t/app:v1@%s", p.image->manifest->digest);
    skf_autofree char *digest = skf_xstrdup(p.digest);
    assert_string_equal(p.deployed, want);
    assert_string_equal(p.digest, p.image->manifest->digest);
    assert_true(skf_file_exists("imported.tar"));
    assert_int_equal(calls("ctr"), 2);
    skf_docker_place_release(&p);

    p = place_for(&w, SKF_TARGET_CONTAINERD, "t/app:v1");
    p.expected_digest = digest;
    run(&w, &p);
    assert_string_equal(p.deployed, want);
    assert_int_equal(calls("save"), 1);
    assert_int_equal(calls("ctr"), 2);
    skf_docker_place_release(&p);
    close_world(&w);
}

static void test_no_such_image(void **state)
{
    struct world w;
    open_world(&w, state, "gone");
    struct skf_docker_place p = place_for(&w, SKF_TARGET_NOWHERE, "t/gone:v1");
    run(&w, &p);
    assert_int_equal(w.err.code, SKF_ENOTFOUND);
    skf_docker_place_release(&p);
    close_world(&w);
}

static void test_cancel(void **state)
{
    struct world w;
    open_world(&w, state, "cancel");
    struct skf_docker_place p = place_for(&w, SKF_TARGET_CONTAINERD, "t/slow:v1");
    skf_docker_place_start(&p);
    while (!skf_file_exists("started")) /* the child tells by a file */
        uv_run(&w.loop, UV_RUN_NOWAIT);
    skf_docker_place_cancel(&p);
    assert_false(w.over);
    while (!w.over)
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.err.code, SKF_ECANCELED);
    skf_docker_place_release(&p);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays_in_docker),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_node),
        cmocka_unit_test(test_no_such_image),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}

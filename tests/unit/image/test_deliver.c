/* Delivery to a node, with a ctr that keeps what it is fed; to a registry, and nowhere. */
#include "world.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/docker_stream.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"

static void on_delivered(struct skf_deliver *d, const struct skf_err *err)
{
    world_done(d->data, err);
}

static int deliver(struct world *w, struct skf_image *im, const char *reference,
                   struct skf_target target, struct skf_deliver *out)
{
    *out = (struct skf_deliver){ .loop = &w->loop,
                                 .http = w->http,
                                 .registry = w->registry,
                                 .target = target,
                                 .image = im,
                                 .reference = reference,
                                 .data = w,
                                 .done = on_delivered };
    w->over = false;
    skf_deliver_start(out);
    assert_false(w->over);
    world_run(w);
    assert_true((out->deployed != NULL) == (w->err.code == 0));
    return -(int)w->err.code;
}

/* A ctr that says it has what the file "content" lists, records its arguments and its input, and
 * fails once when a file "fail" is there. */
static void fake_ctr(struct world *w)
{
    skf_autofree char *script = skf_xasprintf("#!/bin/sh\ncd %s\necho \"$@\" >>argv\n"
                                              "case \"$*\" in *'content ls -q')\n"
                                              "cat content 2>/dev/null; exit 0;; esac\ncat >tar\n"
                                              "if [ -e fail ]; then rm fail; echo noise >&2\n"
                                              "echo 'ctr: content digest sha256:x: not found' >&2; "
                                              "exit 1; fi\nexit 0\n",
                                              w->dir);
    skf_autofree char *old = skf_xstrdup(getenv("PATH"));
    skf_autofree char *path = skf_xasprintf("%s:%s", w->dir, old);
    world_write(w, "ctr", 0700, script);
    world_write(w, "sock", 0600, "");
    if (strncmp(old, "/tmp/skiff-image", 16) != 0)
        setenv("PATH", path, 1);
    else { /* of the test before */
        skf_autofree char *again = skf_xasprintf("%s%s", w->dir, strchr(old, ':'));
        setenv("PATH", again, 1);
    }
}

static struct skf_target node(struct world *w, char **sock)
{
    *sock = skf_path_join(w->dir, "sock");
    return (struct skf_target){ .kind = SKF_TARGET_CONTAINERD, .containerd_socket = *sock };
}

/* Names in the archive that the fake ctr got. */
static void names_in(struct world *w, struct skf_strv *out)
{
    skf_autofree char *path = skf_path_join(w->dir, "tar");
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_filename(a, path, 4096), ARCHIVE_OK);
    while (archive_read_next_header(a, &e) == ARCHIVE_OK)
        skf_strv_add(out, archive_entry_pathname(e));
    archive_read_free(a);
}

static bool has_blob(const struct skf_strv *names, const struct skf_blob *b)
{
    skf_autofree char *name = skf_xasprintf("blobs/sha256/%s", skf_digest_hex(b->digest));
    return skf_strv_has(names, name);
}

static void a_node_gets_what_it_lacks(void **state)
{
    struct world *w = *state;
    struct skf_deliver d;
    skf_autofree char *sock = NULL;
    struct skf_target target = node(w, &sock);
    fake_ctr(w);

    struct skf_image *base = world_image("base layer", "/base"), *pulled;
    world_publish(&w->a, "bases/one", "latest", base);
    skf_autofree char *from = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, from, NULL, true, &pulled), 0);

    if (deliver(w, pulled, "app:dev", target, &d) != 0)
        fail_msg("%s", w->err.msg);
    skf_autofree char *want = skf_xasprintf("app:dev@%s", pulled->manifest->digest);
    assert_string_equal(d.deployed, want);
    assert_int_equal(d.blobs_sent, 3);
    skf_deliver_release(&d);
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    names_in(w, &names);
    assert_true(skf_strv_has(&names, "oci-layout") && skf_strv_has(&names, "index.json") &&
                skf_strv_has(&names, "manifest.json"));
    assert_true(has_blob(&names, pulled->layers[0])); /* fetched from its registry */
    skf_autobuf struct skf_buf argv = SKF_BUF_INIT;
    skf_autofree char *argv_file = skf_path_join(w->dir, "argv");
    assert_int_equal(skf_file_read(argv_file, 4096, &argv, &w->err), 0);
    assert_non_null(strstr(argv.data, "--namespace k8s.io content ls -q")); /* a new node */
    assert_non_null(strstr(
        argv.data, "images import --all-platforms --digests --base-name docker.io/library/app -"));

    /* Another image on the same base: thin. */
    struct skf_err err = SKF_ERR_INIT;
    struct skf_image_edit edit = { .author = "me" };
    struct skf_image *two = skf_image_append(pulled, &edit, &err);
    int fetched = fake_count(&w->a, "GET ");
    unsigned long before = skf_proc_count();
    assert_int_equal(deliver(w, two, "app:dev", target, &d), 0);
    assert_int_equal(skf_proc_count() - before, 1); /* remembered: nobody asks */
    skf_deliver_release(&d);
    skf_strv_clear(&names);
    names_in(w, &names);
    assert_false(has_blob(&names, two->layers[0]));
    assert_true(has_blob(&names, two->manifest) && has_blob(&names, two->config));
    assert_int_equal(fake_count(&w->a, "GET "), fetched);

    /* The node lost it: it is asked, and gets everything again. */
    world_write(w, "fail", 0600, "");
    before = skf_proc_count();
    assert_int_equal(deliver(w, two, "app:dev", target, &d), 0);
    assert_int_equal(skf_proc_count() - before, 3);
    skf_deliver_release(&d);
    skf_strv_clear(&names);
    names_in(w, &names);
    assert_true(has_blob(&names, two->layers[0]));

    /* Not known to us, but it has the base from elsewhere. */
    skf_autofree char *cache = skf_dir_cache(&err);
    assert_int_equal(skf_file_remove_tree(cache, &err), 0);
    world_write(w, "content", 0600, two->layers[0]->digest);
    assert_int_equal(deliver(w, two, "app:dev", target, &d), 0);
    skf_deliver_release(&d);
    skf_strv_clear(&names);
    names_in(w, &names);
    assert_false(has_blob(&names, two->layers[0]));
    skf_image_unref(two);
    skf_image_unref(pulled);
    skf_image_unref(base);
}

/* A docker that lists the file "nodes", whose containers are there while the file "gone-ID" is not,
 * and that counts its calls. */
static void fake_docker_program(struct world *w)
{
    skf_autofree char *script = skf_xasprintf("#!/bin/sh\ncd %s\necho \"$*\" >>argv\n"
                                              "[ $1 = ps ] && exec cat nodes\n"
                                              "[ -e gone-$3 ] && echo \"No such container: $3\" >&2"
                                              " && exit 1\n"
                                              "case \"$*\" in *import*) cat >tar-$3 ;; esac\n",
                                              w->dir);
    fake_ctr(w);
    world_write(w, "docker", 0700, script);
}

static int calls_of(struct world *w, const char *part)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autobuf struct skf_buf argv = SKF_BUF_INIT;
    skf_autofree char *path = skf_path_join(w->dir, "argv");
    int n = 0;
    assert_int_equal(skf_file_read(path, 65536, &argv, &err), 0);
    for (const char *at = argv.data; (at = strstr(at, part)); at++)
        n++;
    return n;
}

static void nodes_in_containers(void **state)
{
    struct world *w = *state;
    struct skf_deliver d;
    struct skf_image *im = world_image("one", "/one");
    struct skf_target target = { .kind = SKF_TARGET_NODES,
                                 .node_maker = SKF_NODES_OF_KIND,
                                 .cluster = "dev" };
    skf_autofree char *want = skf_xasprintf("app:dev@%s", im->manifest->digest);
    fake_docker_program(w);
    skf_nodes_forget();
    world_write(w, "nodes", 0600,
                "a dev-control-plane control-plane\nb dev-worker worker\n"
                "c dev-external-load-balancer external-load-balancer\n");
    if (deliver(w, im, "app:dev", target, &d) != 0)
        fail_msg("%s", w->err.msg);
    assert_string_equal(d.deployed, want);
    assert_int_equal(d.blobs_sent, 2 * 3); /* manifest, config and layer to both */
    skf_deliver_release(&d);
    assert_int_equal(calls_of(w, "label=io.x-k8s.kind.cluster=dev"), 1);
    assert_int_equal(calls_of(w, "exec -i a ctr --namespace k8s.io images import"), 1);
    assert_int_equal(calls_of(w, "exec -i b ctr --namespace k8s.io images import"), 1);
    assert_int_equal(calls_of(w, "exec -i c "), 0);

    /* The cluster was made anew: other containers, found by looking once more. */
    world_write(w, "gone-a", 0600, "");
    world_write(w, "gone-b", 0600, "");
    world_write(w, "nodes", 0600, "e dev-control-plane control-plane\n");
    if (deliver(w, im, "app:dev", target, &d) != 0)
        fail_msg("%s", w->err.msg);
    skf_deliver_release(&d);
    assert_int_equal(calls_of(w, "label=io.x-k8s.kind.cluster=dev"), 2);
    assert_int_equal(calls_of(w, "exec -i e ctr --namespace k8s.io images import"), 1);

    world_write(w, "gone-e", 0600, ""); /* for good */
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ECHILD);
    assert_non_null(strstr(w->err.msg, "into node 'dev-control-plane': No such container: e"));

    skf_nodes_forget();
    world_write(w, "nodes", 0600, "");
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ENOTFOUND);
    assert_non_null(strstr(w->err.msg, "the kind cluster 'dev' has no node that runs"));
    skf_nodes_forget();
    skf_image_unref(im);
}

static void a_full_load_that_fails_says_why(void **state)
{
    struct world *w = *state;
    struct skf_deliver d;
    skf_autofree char *sock = NULL;
    struct skf_target target = node(w, &sock);
    struct skf_image *im = world_image("one", "/one");
    fake_ctr(w);
    world_write(w, "fail", 0600, "");
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ECHILD);
    assert_non_null(strstr(w->err.msg, "ctr: content digest sha256:x: not found"));
    assert_null(strstr(w->err.msg, "noise"));

    world_write(w, "ctr", 0700, "#!/bin/sh\nexit 3\n"); /* does not read its input */
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ECHILD);
    assert_non_null(strstr(w->err.msg, "status 3"));

    unlink(sock);
    unsigned long before = skf_proc_count();
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ENOTFOUND);
    assert_int_equal(skf_proc_count(), before);
    assert_non_null(strstr(w->err.msg, "is the cluster up?"));
    skf_image_unref(im);
}

static void to_a_registry_and_nowhere(void **state)
{
    struct world *w = *state;
    struct skf_deliver d;
    struct skf_image *im = world_image("one", "/one");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    skf_autofree char *want = skf_xasprintf("%s@%s", ref, im->manifest->digest);
    assert_int_equal(deliver(w, im, ref, (struct skf_target){ .kind = SKF_TARGET_NOWHERE }, &d), 0);
    assert_string_equal(d.deployed, want);
    assert_int_equal(w->a.log.n, 0);
    skf_deliver_release(&d);
    assert_int_equal(deliver(w, im, ref, (struct skf_target){ .kind = SKF_TARGET_REGISTRY }, &d),
                     0);
    assert_string_equal(d.deployed, want);
    assert_int_equal(d.blobs_sent, 2);
    skf_deliver_release(&d);
    assert_int_equal(deliver(w, im, "X//", (struct skf_target){ .kind = SKF_TARGET_NOWHERE }, &d),
                     -SKF_EINVAL);
    skf_image_unref(im);
}

static void cancel_ends_the_child(void **state)
{
    struct world *w = *state;
    skf_autofree char *sock = NULL;
    struct skf_target target = node(w, &sock);
    struct skf_image *im = world_image("one", "/one");
    fake_ctr(w);
    world_write(w, "ctr", 0700, "#!/bin/sh\nexec sleep 1000\n");
    for (int turns = 0; turns < 12; turns++) {
        struct skf_deliver d = { .loop = &w->loop,
                                 .http = w->http,
                                 .registry = w->registry,
                                 .target = target,
                                 .image = im,
                                 .reference = "app:dev",
                                 .data = w,
                                 .done = on_delivered };
        w->over = false;
        skf_deliver_start(&d);
        for (int i = 0; i < turns; i++)
            uv_run(&w->loop, UV_RUN_NOWAIT);
        assert_false(w->over);
        skf_deliver_cancel(&d);
        assert_false(w->over);
        world_run(w);
        assert_int_equal(w->err.code, SKF_ECANCELED);
        assert_null(d.deployed);
    }
    skf_image_unref(im);
}

#define LOADED "{\"stream\":\"Loaded image: app:dev\\n\"}"
#define LACKS "{\"errorDetail\":{\"message\":\"open x: no such file or directory\"}}"

static void fake_docker(struct world *w, const struct skf_image *im, const char *first_load)
{
    static char id[200];
    snprintf(id, sizeof id, "{\"Id\":\"%s\"}", im->config->digest);
    w->a.n_faults = 0;
    fake_fault(&w->a, (struct fault){ .path = "/_ping",
                                      .status = 200,
                                      .times = 99,
                                      .header = "Api-Version: 1.41\r\n" });
    fake_fault(&w->a, (struct fault){ .path = "/images/load", .status = 200, .body = first_load });
    fake_fault(&w->a, (struct fault){ .path = "/images/load", .status = 200, .body = LOADED });
    fake_fault(&w->a, (struct fault){ .path = "/tag", .status = 201, .times = 99 });
    fake_fault(&w->a, (struct fault){
                          .path = "library/app:dev/json", .status = 200, .times = 99, .body = id });
}

static void a_docker_engine_gets_what_it_lacks(void **state)
{
    struct world *w = *state;
    struct skf_deliver d;
    struct skf_image *im = world_image("one", "/one");
    skf_autofree char *host = skf_xasprintf("tcp://%s", w->a.host);
    struct skf_target target = { .kind = SKF_TARGET_DOCKER, .docker_host = host };
    skf_autofree char *want = skf_xasprintf("app:%s", skf_digest_hex(im->config->digest));

    fake_docker(w, im, LOADED);
    if (deliver(w, im, "app:dev", target, &d) != 0)
        fail_msg("%s", w->err.msg);
    assert_string_equal(d.deployed, want);
    assert_int_equal(d.blobs_sent, 3);
    skf_deliver_release(&d);
    assert_int_equal(fake_count(&w->a, "POST /v1.41/images/load?quiet=1"), 1);

    fake_docker(w, im, LACKS); /* thin is refused, and all of it goes */
    if (deliver(w, im, "app:dev", target, &d) != 0)
        fail_msg("%s", w->err.msg);
    assert_int_equal(d.blobs_sent, 3);
    assert_int_equal(fake_count(&w->a, "POST /v1.41/images/load?quiet=1"), 3);
    skf_deliver_release(&d);

    /* Answers 200 and fails inside: never a success. */
    static const char *const bad[] = { LACKS, "", "<html>", "{\"stream\":\"Loading\"}" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        fake_docker(w, im, bad[i]);
        w->a.faults[1].times = 99;
        assert_int_not_equal(deliver(w, im, "app:dev", target, &d), 0);
        assert_non_null(strstr(w->err.msg, "into Docker"));
    }
    /* It has this very image: a tag is enough. */
    fake_docker(w, im, LACKS);
    fake_fault(&w->a, (struct fault){ .path = im->config->digest, .status = 200, .times = 9 });
    int loads = fake_count(&w->a, "POST /v1.41/images/load");
    assert_int_equal(deliver(w, im, "app:dev", target, &d), 0);
    assert_string_equal(d.deployed, want);
    assert_int_equal(d.blobs_sent, 0);
    assert_int_equal(fake_count(&w->a, "POST /v1.41/images/load"), loads);
    skf_deliver_release(&d);

    w->a.n_faults = 0; /* something else listens there */
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_EPROTO);
    assert_non_null(strstr(w->err.msg, "not a Docker Engine"));
    target.docker_host = "unix:///nonexistent/docker.sock";
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_ENOTFOUND);
    target.docker_host = "ssh://host";
    assert_int_equal(deliver(w, im, "app:dev", target, &d), -SKF_EUNSUPPORTED);
    skf_image_unref(im);
}

static void judges_docker_streams(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "{\"stream\":\"Loaded image: a:b\\n\"}\n", NULL },
        { "{\"status\":\"x\"}{\"stream\":\"Loaded image ID: sha256:1\\n\"}", NULL },
        { "{\"stream\":\"Loaded image: a\"}\r\n{\"errorDetail\":{\"message\":\"boom\"}}", "boom" },
        { "{\"error\":\"open x.tar.gz: no such file\"}", "no such file" },
        { "{\"stream\":\"Loading\"}", "ended without" },
        { "", "ended without" },
        { "  \n", "ended without" },
        { "{\"stream\":", "not JSON" },
        { "<html>", "not JSON" },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = SKF_ERR_INIT;
        int rc = skf_docker_stream(cases[i].text, strlen(cases[i].text), "Loaded image", &err);
        if ((rc == 0) != (cases[i].error == NULL) ||
            (cases[i].error && !strstr(err.msg, cases[i].error)))
            fail_msg("case %zu: %s", i, err.msg);
    }
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(a_node_gets_what_it_lacks),       with_world(nodes_in_containers),
        with_world(a_full_load_that_fails_says_why), with_world(to_a_registry_and_nowhere),
        with_world(cancel_ends_the_child),           with_world(a_docker_engine_gets_what_it_lacks),
        cmocka_unit_test(judges_docker_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

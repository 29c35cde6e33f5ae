/* pull, push and fetch against a registry that fails on demand. */
#include "world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/layer.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"

#define ALICE "YWxpY2U6c2VjcmV0" /* alice:secret */

static void all_there(struct fake_registry *f, const char *repo, const char *tag,
                      const struct skf_image *im)
{
    const struct skf_buf *m = fake_manifest(f, repo, tag);
    assert_non_null(m);
    size_t type = strlen(m->data) + 1;
    assert_string_equal(m->data, im->manifest->media_type);
    assert_int_equal(m->len - type, im->manifest->size);
    assert_memory_equal(m->data + type, im->manifest->pieces[0].bytes, m->len - type);
    for (size_t i = 0; i < im->n_layers; i++)
        assert_true(fake_has_blob(f, repo, im->layers[i]->digest));
    assert_true(fake_has_blob(f, repo, im->config->digest));
}

/* --- push ------------------------------------------------------------------------------------- */

static void pushes_only_what_is_missing(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one"), *two = world_image("one", "/two");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    assert_int_equal(world_push(w, im, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(p.blobs_sent, 2);
    assert_int_equal(p.bytes_sent, im->layers[0]->size + im->config->size);
    /* ping, HEAD tag, 2 x (HEAD, POST, PUT), PUT */
    assert_int_equal(p.requests, 9);

    assert_int_equal(world_push(w, im, ref, &p), 0); /* the same again: one question */
    assert_int_equal(p.requests, 1);
    assert_int_equal(p.blobs_sent, 0);

    assert_int_equal(world_push(w, two, ref, &p), 0); /* another config, the same layer */
    all_there(&w->a, "team/app", "dev", two);
    assert_int_equal(p.blobs_sent, 1);
    assert_int_equal(p.requests, 4); /* HEAD, POST, PUT, PUT */

    world_new_client(w); /* another process: asks, sends nothing */
    assert_int_equal(world_push(w, two, ref, &p), 0);
    assert_int_equal(p.requests, 2);
    skf_image_unref(im);
    skf_image_unref(two);
}

static void recovers_when_the_registry_lost_blobs(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one"), *two = world_image("one", "/two");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    assert_int_equal(world_push(w, im, ref, &p), 0);
    fake_drop_blobs(&w->a);
    assert_int_equal(world_push(w, two, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", two);
    assert_int_equal(fake_count(&w->a, "PUT /v2/team/app/manifests/dev"), 3);
    skf_image_unref(im);
    skf_image_unref(two);
}

static void a_manifest_refused_for_ever_is_an_error(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    fake_fault(&w->a,
               (struct fault){ .method = "PUT",
                               .path = "/manifests/",
                               .kind = FAULT_STATUS,
                               .times = 9,
                               .status = 404,
                               .body = "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}" });
    assert_int_equal(world_push(w, im, ref, &p), -SKF_ENOTFOUND);
    assert_non_null(strstr(w->err.msg, "MANIFEST_BLOB_UNKNOWN"));
    assert_int_equal(fake_count(&w->a, "PUT /v2/team/app/manifests/dev"), 2);
    skf_image_unref(im);
}

static void mounts_or_streams_base_layers(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *pulled;
    world_publish(&w->a, "bases/one", "latest", base);
    skf_autofree char *from = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, from, "linux/amd64", false, &pulled), 0);
    assert_false(skf_blob_is_local(pulled->layers[0]));
    struct skf_err err = SKF_ERR_INIT;
    struct skf_image_edit edit = { .author = "me" };
    struct skf_image *im = skf_image_append(pulled, &edit, &err);
    struct skf_push p;

    skf_autofree char *same = world_reference(&w->a, "team/app:dev");
    assert_int_equal(world_push(w, im, same, &p), 0); /* same registry: mounted */
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(p.blobs_sent, 1);
    assert_int_equal(fake_count(&w->a, "GET /v2/bases/one/blobs/"), 1); /* the config */

    w->a.no_mount = true;
    skf_autofree char *third = world_reference(&w->a, "team/third:dev");
    assert_int_equal(world_push(w, im, third, &p), 0);
    all_there(&w->a, "team/third", "dev", im);
    assert_int_equal(p.blobs_sent, 2);

    skf_autofree char *other = world_reference(&w->b, "team/app:dev");
    assert_int_equal(world_push(w, im, other, &p), 0); /* another host: through us */
    all_there(&w->b, "team/app", "dev", im);
    assert_int_equal(p.blobs_sent, 2);
    skf_image_unref(im);
    skf_image_unref(pulled);
    skf_image_unref(base);
}

static void pushes_an_index_children_first(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_push p;
    struct skf_image *one = world_image("one", "/x"), *two = world_image("two", "/x");
    json_t *doc = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", SKF_MT_OCI_INDEX,
                            "manifests");
    struct skf_image base = { .refs = 1, .manifest_doc = doc };
    base.manifest = skf_blob_new_bytes("x", 1, SKF_MT_OCI_INDEX);
    json_t *d[2] = { json_pack("{s:s, s:{s:s, s:s}}", "mediaType", SKF_MT_OCI_MANIFEST, "platform",
                               "architecture", "amd64", "os", "linux"),
                     json_pack("{s:s, s:{s:s, s:s}}", "mediaType", SKF_MT_OCI_MANIFEST, "platform",
                               "architecture", "arm64", "os", "linux") };
    struct skf_image *children[2] = { one, two };
    const char *notes[] = { "k", "v", NULL };
    struct skf_image *index = skf_image_index(&base, children, d, 2, notes, &err);
    assert_non_null(index);
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    assert_int_equal(world_push(w, index, ref, &p), 0);
    assert_int_equal(fake_count(&w->a, "PUT /v2/team/app/manifests/sha256:"), 2);
    assert_true(strncmp(w->a.log.v[w->a.log.n - 1], "PUT /v2/team/app/manifests/dev", 30) == 0);

    struct skf_image *back;
    assert_int_equal(world_pull(w, ref, "linux/arm64", false, &back), 0);
    assert_int_equal(back->n_children, 1);
    assert_string_equal(back->children[0]->manifest->digest, two->manifest->digest);
    assert_string_equal(back->manifest->digest, index->manifest->digest);
    skf_image_unref(back);
    assert_int_equal(world_pull(w, ref, NULL, false, &back), 0);
    assert_int_equal(back->n_children, 2);
    skf_image_unref(back);
    assert_int_equal(world_pull(w, ref, "linux/riscv64", false, &back), -SKF_ENOTFOUND);
    assert_non_null(strstr(w->err.msg, "no linux/riscv64; it offers linux/amd64, linux/arm64"));
    json_decref(d[0]);
    json_decref(d[1]);
    json_decref(doc);
    skf_blob_unref(base.manifest);
    skf_image_unref(index);
    skf_image_unref(one);
    skf_image_unref(two);
}

/* Each of these is survived, and the image is whole after it. */
static void survives_faults_of_a_push(void **state)
{
    static const struct fault faults[] = {
        { .method = "GET", .path = "/v2/", .kind = FAULT_STATUS, .status = 503 },
        { .method = "HEAD", .path = "/blobs/", .kind = FAULT_STATUS, .status = 500 },
        { .method = "HEAD", .path = "/blobs/", .kind = FAULT_RESET },
        { .method = "POST", .kind = FAULT_STATUS, .status = 429, .header = "Retry-After: 0\r\n" },
        { .method = "POST", .kind = FAULT_RESET, .times = 3 },
        { .method = "PUT", .path = "/uploads/", .kind = FAULT_RESET_BODY, .at = 100 },
        { .method = "PUT", .path = "/uploads/", .kind = FAULT_STATUS, .status = 502, .times = 3 },
        { .method = "PUT",
          .path = "/uploads/",
          .kind = FAULT_STATUS,
          .status = 404,
          .body = "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}" },
        { .method = "PUT", .path = "/manifests/", .kind = FAULT_STATUS, .status = 500, .times = 2 },
        { .method = "PUT", .path = "/manifests/", .kind = FAULT_RESET },
        { .method = "HEAD", .path = "/manifests/", .kind = FAULT_STATUS, .status = 403 },
    };
    struct world *w = *state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(faults); i++) {
        struct skf_push p;
        struct skf_image *im = world_image("one", "/one");
        skf_autofree char *name = skf_xasprintf("team/app%zu:dev", i);
        skf_autofree char *repo = skf_xasprintf("team/app%zu", i);
        skf_autofree char *ref = world_reference(&w->a, name);
        world_new_client(w);
        w->a.n_faults = 0;
        fake_fault(&w->a, faults[i]);
        if (world_push(w, im, ref, &p) != 0)
            fail_msg("fault %zu: %s", i, w->err.msg);
        assert_true(w->a.faults[0].hits > 0);
        all_there(&w->a, repo, "dev", im);
        skf_image_unref(im);
    }
}

/* These are not, and the text says why. */
enum { LARGE = 3 * 1024 * 1024 + 17 };

/* An image with a layer of a few MiB that no two bytes of are at the same place in a chunk. */
static struct skf_image *large_image(void)
{
    char *text = skf_xmalloc(LARGE + 1);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = (char)('a' + (i * 7 + i / 251) % 26);
    text[LARGE] = '\0';
    struct skf_image *im = world_image(text, "/large");
    free(text);
    return im;
}

static void a_lost_upload_goes_on_where_it_stopped(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = large_image();
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    w->a.keeps_parts = true;
    fake_fault(&w->a, (struct fault){ .method = "PUT",
                                      .path = "/uploads/",
                                      .kind = FAULT_RESET_BODY,
                                      .times = 2, /* the config's may be the first */
                                      .at = 2 * 1024 * 1024 });
    assert_int_equal(world_push(w, im, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(fake_count(&w->a, "GET /v2/team/app/blobs/uploads/"), 1);
    assert_int_equal(fake_count(&w->a, "PATCH /v2/team/app/blobs/uploads/"), 1);
    assert_int_equal(fake_count(&w->a, "POST /v2/team/app/blobs/uploads/"), 2); /* one a blob */
    skf_image_unref(im);
}

static void a_lost_upload_that_is_forgotten_starts_over(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = large_image();
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    fake_fault(&w->a, (struct fault){ .method = "PUT",
                                      .path = "/uploads/",
                                      .kind = FAULT_RESET_BODY,
                                      .times = 2, /* the config's may be the first */
                                      .at = 2 * 1024 * 1024 });
    assert_int_equal(world_push(w, im, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(fake_count(&w->a, "GET /v2/team/app/blobs/uploads/"), 1);
    assert_int_equal(fake_count(&w->a, "PATCH /v2/team/app/blobs/uploads/"), 0);
    assert_int_equal(fake_count(&w->a, "POST /v2/team/app/blobs/uploads/"), 3);
    skf_image_unref(im);
}

static void a_body_that_is_too_large_goes_in_chunks(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = large_image(), *two = world_image("two", "/two");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    skf_autofree char *second = world_reference(&w->a, "team/other:dev");
    w->a.max_body = 1024 * 1024;
    w->a.keeps_parts = true;
    /* and the second chunk is cut in the middle of it */
    fake_fault(&w->a, (struct fault){ .method = "PATCH",
                                      .path = "/uploads/",
                                      .kind = FAULT_RESET_BODY,
                                      .skip = 1,
                                      .at = 512 * 1024 });
    assert_int_equal(world_push(w, im, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(p.bytes_sent, im->layers[0]->size + im->config->size);
    /* 1 + 0.5 (cut) + 1 + the rest */
    assert_int_equal(fake_count(&w->a, "PATCH /v2/team/app/blobs/uploads/"), 4);

    assert_int_equal(world_push(w, im, second, &p), 0); /* now it is known: no 413 any more */
    all_there(&w->a, "team/other", "dev", im);
    assert_int_equal(fake_count(&w->a, "PUT /v2/team/other/blobs/uploads/"), 2);

    w->a.max_body = 100; /* not even the smallest chunk */
    world_new_client(w);
    skf_autofree char *third = world_reference(&w->a, "team/third:dev");
    assert_int_equal(world_push(w, two, third, &p), -SKF_ETOOBIG);
    assert_non_null(strstr(w->err.msg, "a proxy limits the size of bodies"));
    skf_image_unref(im);
    skf_image_unref(two);
}

static void names_what_ends_a_push(void **state)
{
    static const struct {
        struct fault fault;
        enum skf_code code;
        const char *text;
    } cases[] = {
        { { .method = "PUT",
            .path = "/uploads/",
            .kind = FAULT_STATUS,
            .status = 502,
            .times = 99 },
          SKF_ENET,
          "says 502" },
        { { .method = "PUT", .path = "/uploads/", .kind = FAULT_STATUS, .status = 413, .times = 9 },
          SKF_ETOOBIG,
          "a proxy limits" },
        { { .method = "PUT",
            .path = "/uploads/",
            .kind = FAULT_STATUS,
            .status = 400,
            .body = "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"no\\nway\"}]}" },
          SKF_EPROTO,
          "says 400: DIGEST_INVALID: no way" },
        { { .method = "POST",
            .kind = FAULT_STATUS,
            .status = 403,
            .body = "{\"errors\":[{\"code\":"
                    "\"DENIED\"}]}" },
          SKF_EDENIED,
          "DENIED" },
        { { .method = "POST", .kind = FAULT_STATUS, .status = 202, .times = 9 },
          SKF_EPROTO,
          "without a Location" },
        { { .method = "HEAD",
            .kind = FAULT_STATUS,
            .status = 429,
            .header = "Retry-After: 3600\r\n",
            .times = 9 },
          SKF_ENET,
          "asks to wait 3600 s" },
        { { .path = "/v2/", .kind = FAULT_STATUS, .status = 404, .times = 9, .body = "<html>" },
          SKF_EPROTO,
          "does not answer like a registry" },
    };
    struct world *w = *state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_push p;
        struct skf_image *im = world_image("one", "/one");
        skf_autofree char *name = skf_xasprintf("team/app%zu:dev", i);
        skf_autofree char *ref = world_reference(&w->a, name);
        world_new_client(w);
        w->a.n_faults = 0;
        fake_fault(&w->a, cases[i].fault);
        int rc = world_push(w, im, ref, &p);
        if (rc != -(int)cases[i].code || !strstr(w->err.msg, cases[i].text))
            fail_msg("case %zu: %d '%s'", i, rc, w->err.msg);
        skf_image_unref(im);
    }
}

static void nobody_listens(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one");
    assert_int_equal(world_push(w, im, "127.0.0.1:1/x:y", &p), -SKF_ENET);
    assert_non_null(strstr(w->err.msg, "cannot reach the registry '127.0.0.1:1'"));
    assert_int_equal(world_push(w, im, "BAD//x", &p), -SKF_EINVAL);
    skf_image_unref(im);
}

static void follows_locations_without_credentials_elsewhere(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one");
    w->a.auth = FAKE_BASIC;
    w->a.user_password = ALICE;
    skf_autofree char *config =
        skf_xasprintf("{\"auths\":{\"%s\":{\"auth\":\"" ALICE "\"}}}", w->a.host);
    world_write(w, "config.json", 0600, config);
    w->a.absolute_location = true;
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    assert_int_equal(world_push(w, im, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", im);

    world_new_client(w);
    w->a.location_host = w->b.host; /* uploads go to another host */
    skf_autofree char *two = world_reference(&w->a, "team/two:dev");
    world_push(w, im, two, &p); /* the manifest is refused: a has no blobs; that is fine */
    assert_true(fake_count(&w->b, "PUT /v2/team/two/blobs/uploads/") >= 2);
    for (size_t i = 0; i < w->b.seen_auth.n; i++)
        assert_string_equal(w->b.seen_auth.v[i], "");
    skf_image_unref(im);
}

struct cancel_at {
    struct world *w;
    struct skf_push p;
    unsigned polls, at;
    uv_check_t check;
    bool closed;
};

static void on_check_closed(uv_handle_t *h)
{
    struct cancel_at *c = h->data;
    c->closed = true;
}

static void on_cancelled(struct skf_push *p, const struct skf_err *err)
{
    struct cancel_at *c = p->data;
    world_done(c->w, err);
    uv_close((uv_handle_t *)&c->check, on_check_closed);
}

static void on_turn(uv_check_t *check)
{
    struct cancel_at *c = check->data;
    if (c->polls++ == c->at)
        skf_push_cancel(&c->p);
}

/* Cancel after every number of loop turns that a push takes: always one done, nothing left. */
static void cancel_at_any_moment(void **state)
{
    struct world *w = *state;
    struct skf_image *im = world_image("one", "/one");
    w->a.auth = FAKE_BEARER;
    unsigned cancelled = 0;
    for (unsigned at = 0; at < 400; at++) {
        struct cancel_at c = { .w = w, .at = at };
        skf_autofree char *name = skf_xasprintf("team/app%u:dev", at);
        skf_autofree char *ref = world_reference(&w->a, name);
        world_new_client(w);
        c.p = (struct skf_push){
            .registry = w->registry, .image = im, .reference = ref, .data = &c, .done = on_cancelled
        };
        uv_check_init(&w->loop, &c.check);
        c.check.data = &c;
        uv_check_start(&c.check, on_turn);
        w->over = false;
        skf_push_start(&c.p);
        world_run(w);
        assert_true(w->err.code == SKF_ECANCELED || w->err.code == 0);
        while (!c.closed)
            uv_run(&w->loop, UV_RUN_ONCE);
        cancelled += w->err.code == SKF_ECANCELED;
        if (!w->err.code)
            break;
    }
    assert_true(cancelled > 10);
    assert_int_equal(w->err.code, 0); /* the last one came through */
    skf_image_unref(im);
}

/* --- login ------------------------------------------------------------------------------------ */

static void gets_and_renews_tokens(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one"), *two = world_image("two", "/two");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    w->a.auth = FAKE_BEARER;
    assert_int_equal(world_push(w, im, ref, &p), 0); /* anonymous tokens are normal */
    all_there(&w->a, "team/app", "dev", im);
    assert_int_equal(
        fake_count(&w->a, "GET /token?service=fake&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"),
        1);
    /* It stops being valid in the middle of the next one. */
    fake_fault(&w->a, (struct fault){ .method = "PUT", .path = "/uploads/", .kind = FAULT_EXPIRE });
    assert_int_equal(world_push(w, two, ref, &p), 0);
    all_there(&w->a, "team/app", "dev", two);
    assert_true(fake_count(&w->a, "GET /token") >= 2);
    skf_image_unref(im);
    skf_image_unref(two);
}

static void a_loop_of_401_ends(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    w->a.auth = FAKE_BEARER;
    w->a.token_scope_error = "yes";
    assert_int_equal(world_push(w, im, ref, &p), -SKF_EDENIED);
    assert_true(w->a.log.n <= 6);
    assert_non_null(strstr(w->err.msg, "401"));

    world_new_client(w);
    w->a.token_scope_error = NULL;
    w->a.user_password = ALICE; /* and we have none */
    assert_int_equal(world_push(w, im, ref, &p), -SKF_EDENIED);
    assert_non_null(strstr(w->err.msg, "docker login"));
    skf_image_unref(im);
}

static void wrong_and_right_passwords(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    skf_autofree char *bad =
        skf_xasprintf("{\"auths\":{\"%s\":{\"auth\":\"YWxpY2U6bm8=\"}}}", w->a.host);
    skf_autofree char *good =
        skf_xasprintf("{\"auths\":{\"http://%s/v2/\":{\"auth\":\"" ALICE "\"}}}", w->a.host);
    w->a.user_password = ALICE;
    for (int kind = FAKE_BASIC; kind <= FAKE_BEARER; kind++) {
        w->a.auth = (enum fake_auth)kind;
        world_write(w, "config.json", 0600, bad);
        world_new_client(w);
        assert_int_equal(world_push(w, im, ref, &p), -SKF_EDENIED);
        assert_null(strstr(w->err.msg, "YWxpY2U6bm8"));
        world_write(w, "config.json", 0600, good);
        world_new_client(w);
        fake_drop_blobs(&w->a);
        if (world_push(w, im, ref, &p) != 0)
            fail_msg("%s", w->err.msg);
    }
    world_write(w, "config.json", 0600, "{ nonsense");
    world_new_client(w);
    assert_int_equal(world_push(w, im, ref, &p), -SKF_EINVAL);
    assert_non_null(strstr(w->err.msg, "config.json"));
    skf_image_unref(im);
}

static void asks_a_credential_helper_once(void **state)
{
    struct world *w = *state;
    struct skf_push p;
    struct skf_image *im = world_image("one", "/one"), *two = world_image("two", "/two");
    skf_autofree char *ref = world_reference(&w->a, "team/app:dev");
    skf_autofree char *config = skf_xasprintf("{\"credHelpers\":{\"%s\":\"unittest\"}}", w->a.host);
    skf_autofree char *script = skf_xasprintf(
        "#!/bin/sh\nread server || true\n[ \"$1\" = get ] && [ \"$server\" = %s ] || exit 1\n"
        "echo '{\"ServerURL\":\"x\",\"Username\":\"alice\",\"Secret\":\"secret\"}'\n",
        w->a.host);
    const char *old = getenv("PATH");
    skf_autofree char *path = skf_xasprintf("%s:%s", w->dir, old);
    skf_autofree char *kept = skf_xstrdup(old);
    world_write(w, "config.json", 0600, config);
    w->a.auth = FAKE_BASIC;
    w->a.user_password = ALICE;

    assert_int_equal(world_push(w, im, ref, &p), -SKF_ENOTFOUND);
    assert_non_null(strstr(w->err.msg, "docker-credential-unittest"));
    assert_non_null(strstr(w->err.msg, "config.json"));

    world_write(w, "docker-credential-unittest", 0700, script);
    setenv("PATH", path, 1);
    unsigned long before = skf_proc_count();
    if (world_push(w, im, ref, &p) != 0 || world_push(w, two, ref, &p) != 0)
        fail_msg("%s", w->err.msg);
    assert_int_equal(skf_proc_count() - before, 1);

    world_write(w, "docker-credential-unittest", 0700,
                "#!/bin/sh\necho the keychain is locked\nexit 1\n");
    world_new_client(w);
    assert_int_equal(world_push(w, im, ref, &p), -SKF_EDENIED);
    assert_non_null(strstr(w->err.msg, "the keychain is locked"));
    world_write(w, "docker-credential-unittest", 0700,
                "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n");
    world_new_client(w);
    assert_int_equal(world_push(w, im, ref, &p), -SKF_EDENIED);
    assert_non_null(strstr(w->err.msg, "no credentials found"));
    setenv("PATH", kept, 1);
    skf_image_unref(im);
    skf_image_unref(two);
}

/* --- pull ------------------------------------------------------------------------------------- */

static void pulls_once_and_then_from_the_cache(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    world_publish(&w->a, "bases/one", "latest", base);
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, ref, "linux/amd64", true, &im), 0);
    assert_string_equal(im->manifest->digest, base->manifest->digest);
    assert_int_equal(im->n_layers, 1);
    assert_string_equal(im->layers[0]->remote_repository + strlen(w->a.host), "/bases/one");
    skf_image_unref(im);
    size_t asked = w->a.log.n;
    assert_int_equal(asked, 3); /* ping, manifest, config */

    world_new_client(w);
    assert_int_equal(world_pull(w, ref, "linux/amd64", true, &im), 0);
    assert_int_equal(w->a.log.n, asked); /* nothing was asked */
    skf_image_unref(im);
    skf_autofree char *by_digest = skf_xasprintf("%s@%s", ref, base->manifest->digest);
    assert_int_equal(world_pull(w, by_digest, NULL, false, &im), 0);
    assert_int_equal(w->a.log.n, asked);
    skf_image_unref(im);

    /* Not pinned: the tag is asked for, and what it has now counts. */
    struct skf_image *newer = world_image("newer", "/base");
    world_publish(&w->a, "bases/one", "latest", newer);
    assert_int_equal(world_pull(w, ref, NULL, false, &im), 0);
    assert_string_equal(im->manifest->digest, newer->manifest->digest);
    skf_image_unref(im);
    skf_image_unref(newer);
    skf_image_unref(base);
}

static void an_old_pin_is_asked_again_if_possible(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"),
                     *newer = world_image("newer", "/b");
    struct skf_image *im;
    world_publish(&w->a, "bases/one", "latest", base);
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    skf_image_unref(im);
    world_publish(&w->a, "bases/one", "latest", newer);

    skf_autofree char *full = skf_xasprintf("%s:latest", ref);
    char key[SKF_DIGEST_TEXT];
    skf_digest_of(full, strlen(full), key);
    skf_autofree char *pin = skf_xasprintf("%s/bases/pins/%s", w->dir, skf_digest_hex(key));
    const struct timespec day_ago[2] = { { .tv_sec = time(NULL) - 86400 },
                                         { .tv_sec = time(NULL) - 86400 } };
    assert_int_equal(utimensat(AT_FDCWD, pin, day_ago, 0), 0);
    world_new_client(w);
    fake_fault(&w->a, (struct fault){ .kind = FAULT_RESET, .times = 99 });
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0); /* not to be reached: the old one */
    assert_string_equal(im->manifest->digest, base->manifest->digest);
    skf_image_unref(im);

    w->a.n_faults = 0;
    world_new_client(w);
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    assert_string_equal(im->manifest->digest, newer->manifest->digest);
    skf_image_unref(im);
    size_t asked = w->a.log.n; /* and that is pinned afresh */
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    assert_int_equal(w->a.log.n, asked);
    skf_image_unref(im);
    skf_image_unref(base);
    skf_image_unref(newer);
}

static void a_damaged_cache_is_read_again(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    struct skf_err err = SKF_ERR_INIT;
    world_publish(&w->a, "bases/one", "latest", base);
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    skf_image_unref(im);
    skf_autofree char *file =
        skf_xasprintf("%s/bases/documents/%s", w->dir, skf_digest_hex(base->config->digest));
    assert_int_equal(skf_file_write_atomic(file, 0600, "{}", 2, &err), 0);
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    assert_string_equal(im->config->digest, base->config->digest);
    assert_int_equal(fake_count(&w->a, "GET /v2/bases/one/blobs/"), 2);
    skf_image_unref(im);
    skf_image_unref(base);
}

static void refuses_wrong_documents(void **state)
{
    static const struct {
        struct fault fault;
        const char *text;
    } cases[] = {
        { { .path = "/blobs/", .kind = FAULT_GARBLE }, "wrong bytes" },
        { { .path = "/manifests/sha256", .kind = FAULT_GARBLE }, "wrong bytes" },
        { { .path = "/manifests/", .kind = FAULT_STATUS, .status = 200, .body = "<html>" },
          "not a JSON document" },
        { { .path = "/manifests/", .kind = FAULT_STATUS, .status = 200, .body = "{}" },
          "not a schema 2" },
        { { .path = "/manifests/",
            .kind = FAULT_STATUS,
            .status = 200,
            .body = "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}" },
          "at once" },
        { { .path = "/manifests/",
            .kind = FAULT_STATUS,
            .status = 200,
            .body = "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../x\",\"size\":1,"
                    "\"mediaType\":\"x\"},\"layers\":[]}" },
          "without a valid" },
        { { .path = "/manifests/",
            .kind = FAULT_STATUS,
            .status = 200,
            .header = "Content-Type: application/vnd.docker.distribution.manifest.v1+json\r\n",
            .body = "{\"schemaVersion\":2,\"fsLayers\":[]}" },
          "schema 1" },
        { { .path = "/manifests/", .kind = FAULT_STATUS, .status = 404, .times = 9 }, "says 404" },
    };
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autofree char *repo = skf_xasprintf("bases/n%zu", i);
        world_publish(&w->a, repo, "latest", base);
        bool by_digest = cases[i].fault.path && strstr(cases[i].fault.path, "sha256");
        skf_autofree char *name = skf_xasprintf("%s%s%s", repo, by_digest ? "@" : "",
                                                by_digest ? base->manifest->digest : "");
        skf_autofree char *ref = world_reference(&w->a, name);
        skf_autofree char *cache = skf_path_join(w->dir, "bases");
        struct skf_err err = SKF_ERR_INIT;
        skf_file_remove_tree(cache, &err);
        world_new_client(w);
        w->a.n_faults = 0;
        fake_fault(&w->a, cases[i].fault);
        assert_int_not_equal(world_pull(w, ref, NULL, true, &im), 0);
        if (!strstr(w->err.msg, cases[i].text))
            fail_msg("case %zu: '%s'", i, w->err.msg);
        /* Nothing bad was kept: the next try works. */
        w->a.n_faults = 0;
        if (world_pull(w, ref, NULL, false, &im) != 0)
            fail_msg("case %zu, second try: '%s'", i, w->err.msg);
        skf_image_unref(im);
    }
    skf_image_unref(base);
}

/* Base layers that travel through us: cut, garbled, too long. Never a wrong image. */
static void fetches_layers_whole_or_not_at_all(void **state)
{
    static const struct {
        struct fault fault;
        const char *text; /* NULL = works */
        int asked;
    } cases[] = {
        { { .kind = FAULT_CUT, .at = 700 }, NULL, 2 },
        { { .kind = FAULT_CUT, .at = 100, .times = 4 }, NULL, 5 },
        { { .kind = FAULT_CUT, .at = 0, .times = 9 }, "registry", 5 },
        { { .kind = FAULT_RESET, .times = 2 }, NULL, 3 },
        { { .kind = FAULT_STATUS, .status = 503 }, NULL, 2 },
        { { .kind = FAULT_GARBLE }, "digest does not match", 1 },
        { { .kind = FAULT_EXTRA }, "more bytes", 1 },
        { { .kind = FAULT_STATUS, .status = 404, .times = 9 }, "says 404", 1 },
    };
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    skf_autofree char *from = world_reference(&w->a, "bases/one");
    w->b.no_mount = true;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_push p;
        skf_autofree char *name = skf_xasprintf("team/app%zu:dev", i);
        skf_autofree char *repo = skf_xasprintf("team/app%zu", i);
        skf_autofree char *ref = world_reference(&w->b, name);
        skf_autofree char *path = skf_xasprintf("/blobs/%s", base->layers[0]->digest);
        skf_autofree char *get =
            skf_xasprintf("GET /v2/bases/one/blobs/%s", base->layers[0]->digest);
        world_publish(&w->a, "bases/one", "latest", base);
        assert_int_equal(world_pull(w, from, NULL, true, &im), 0);
        w->a.n_faults = 0;
        fake_fault(&w->a, cases[i].fault);
        w->a.faults[0].method = "GET";
        w->a.faults[0].path = path;
        int before = fake_count(&w->a, get);
        world_push(w, im, ref, &p);
        if (cases[i].text ? !strstr(w->err.msg, cases[i].text) : w->err.code != 0)
            fail_msg("case %zu: '%s'", i, w->err.msg);
        if (fake_count(&w->a, get) - before != cases[i].asked)
            fail_msg("case %zu: %d requests", i, fake_count(&w->a, get) - before);
        if (!cases[i].text)
            all_there(&w->b, repo, "dev", im);
        else
            assert_null(fake_manifest(&w->b, repo, "dev"));
        skf_image_unref(im);
    }
    skf_image_unref(base);
}

static void follows_redirects_without_credentials(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    world_publish(&w->a, "bases/one", "latest", base);
    world_publish(&w->b, "bases/one", "latest", base);
    w->a.auth = FAKE_BEARER;
    skf_autofree char *to = skf_xasprintf("Location: http://%s/v2/bases/one/blobs/%s\r\n",
                                          w->b.host, base->config->digest);
    fake_fault(&w->a, (struct fault){ .method = "GET",
                                      .path = "/blobs/",
                                      .kind = FAULT_STATUS,
                                      .status = 307,
                                      .header = to });
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    if (world_pull(w, ref, NULL, false, &im) != 0)
        fail_msg("%s", w->err.msg);
    assert_int_equal(fake_count(&w->b, "GET /v2/bases/one/blobs/"), 1);
    assert_string_equal(w->b.seen_auth.v[0], "");
    skf_image_unref(im);
    skf_image_unref(base);
}

static void a_read_only_cache_costs_nothing_but_time(void **state)
{
    struct world *w = *state;
    struct skf_image *base = world_image("base layer", "/base"), *im;
    world_publish(&w->a, "bases/one", "latest", base);
    world_write(w, "bases", 0600, "a file where the folder should be");
    skf_autofree char *ref = world_reference(&w->a, "bases/one");
    assert_int_equal(world_pull(w, ref, NULL, true, &im), 0);
    skf_image_unref(im);
    skf_image_unref(base);
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(pushes_only_what_is_missing),
        with_world(recovers_when_the_registry_lost_blobs),
        with_world(a_manifest_refused_for_ever_is_an_error),
        with_world(mounts_or_streams_base_layers),
        with_world(pushes_an_index_children_first),
        with_world(survives_faults_of_a_push),
        with_world(a_lost_upload_goes_on_where_it_stopped),
        with_world(a_lost_upload_that_is_forgotten_starts_over),
        with_world(a_body_that_is_too_large_goes_in_chunks),
        with_world(names_what_ends_a_push),
        with_world(nobody_listens),
        with_world(follows_locations_without_credentials_elsewhere),
        with_world(cancel_at_any_moment),
        with_world(gets_and_renews_tokens),
        with_world(a_loop_of_401_ends),
        with_world(wrong_and_right_passwords),
        with_world(asks_a_credential_helper_once),
        with_world(pulls_once_and_then_from_the_cache),
        with_world(an_old_pin_is_asked_again_if_possible),
        with_world(a_damaged_cache_is_read_again),
        with_world(refuses_wrong_documents),
        with_world(fetches_layers_whole_or_not_at_all),
        with_world(follows_redirects_without_credentials),
        with_world(a_read_only_cache_costs_nothing_but_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

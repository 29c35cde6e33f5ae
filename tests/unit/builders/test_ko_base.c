#include "tests/unit/builders/support.h"

#include "builders/ko/base.h"
#include "builders/ko/session.h"

static struct skf_ko_platforms platforms(const char *text)
{
    struct skf_ko_platforms p = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv list = SKF_STRV_INIT, none = SKF_STRV_INIT;
    skf_strv_add(&list, text);
    assert_int_equal(skf_ko_platforms_choose(&list, &none, "amd64", &p, &err), 0);
    return p;
}

static void test_choice(void **state)
{
    (void)state;
    char own[] = "own", fallback[] = "fallback";
    struct skf_ko_plan p = { 0 };
    assert_string_equal(skf_ko_base_choose(&p, "a/b"), SKF_KO_DEFAULT_BASE);
    p.yaml.default_base = fallback;
    assert_string_equal(skf_ko_base_choose(&p, "a/b"), "fallback");
    char over[] = "over";
    skf_map_put(&p.yaml.overrides, "example.com/web", over);
    assert_string_equal(skf_ko_base_choose(&p, "Example.com/Web"), "over");
    assert_string_equal(skf_ko_base_choose(&p, "example.com/other"), "fallback");
    p.from_image = own;
    assert_string_equal(skf_ko_base_choose(&p, "example.com/web"), "own");
    skf_map_release(&p.yaml.overrides);
}

static void test_single(void **state)
{
    (void)state;
    struct skf_platform arm = { .os = "linux", .arch = "arm", .variant = "v7" };
    struct skf_image *im = skf_image_scratch(&arm);
    struct skf_ko_base_child *children = NULL;
    size_t n = 0;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ko_platforms want = platforms("linux/arm");
    assert_int_equal(skf_ko_base_select(im, "x", &want, &children, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(children[0].platform.variant, ""); /* ko does not look at it unasked */
    free(children);
    skf_ko_platforms_release(&want);
    want = platforms("linux/arm/v7");
    assert_int_equal(skf_ko_base_select(im, "x", &want, &children, &n, &err), 0);
    assert_string_equal(children[0].platform.variant, "v7");
    free(children);
    skf_ko_platforms_release(&want);
    want = platforms("linux/amd64");
    assert_int_equal(skf_ko_base_select(im, "x", &want, &children, &n, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "only for linux/arm, and linux/amd64 is wanted"));
    skf_ko_platforms_release(&want);
    skf_image_unref(im);
}

/* --- bases made by skiff itself --------------------------------------------------------------- */

struct run {
    uv_loop_t loop;
    struct skf_err err;
    bool over;
};

static void on_done(struct skf_ko_base *b, const struct skf_err *err)
{
    struct run *r = b->data;
    assert_false(r->over);
    r->over = true;
    if (err)
        r->err = *err;
}

static void get(const char *reference, const char *want, struct skf_ko_base *b, struct run *r)
{
    struct skf_ko_platforms p = platforms(want);
    struct skf_services services = { .loop = &r->loop, .cache_dir = "/nowhere" };
    struct skf_err err = SKF_ERR_INIT;
    *r = (struct run){ 0 };
    *b = (struct skf_ko_base){
        .services = &services, .reference = reference, .platforms = &p, .data = r
    };
    assert_int_equal(skf_loop_init(&r->loop, &err), 0);
    skf_ko_base_start(b, on_done);
    assert_false(r->over); /* never from inside start */
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_true(r->over);
    assert_true(skf_loop_close(&r->loop));
    skf_ko_platforms_release(&p);
}

static void test_built_in(void **state)
{
    (void)state;
    struct skf_ko_base b;
    struct run r;
    get("scratch", "linux/amd64", &b, &r);
    assert_int_equal(r.err.code, SKF_OK);
    assert_int_equal(b.image->n_layers, 0);
    assert_null(b.name);
    skf_ko_base_release(&b);

    get("skiff.local/static", "linux/amd64,linux/arm64", &b, &r);
    assert_int_equal(r.err.code, SKF_OK);
    assert_int_equal(b.image->n_children, 2);
    struct skf_image *first = b.image;
    skf_ko_base_release(&b);
    get("skiff.local/static", "linux/amd64,linux/arm64", &b, &r); /* remembered */
    assert_ptr_equal(b.image, first);
    struct skf_ko_platforms want = platforms("linux/arm64");
    struct skf_ko_base_child *children = NULL;
    size_t n = 0;
    assert_int_equal(skf_ko_base_select(b.image, "x", &want, &children, &n, &r.err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(children[0].platform.arch, "arm64");
    assert_non_null(children[0].descriptor);
    free(children);
    skf_ko_platforms_release(&want);
    want = platforms("linux/s390x");
    assert_int_equal(skf_ko_base_select(b.image, "x", &want, &children, &n, &r.err), -SKF_ECONFIG);
    assert_non_null(strstr(r.err.msg, "it offers linux/amd64, linux/arm64"));
    skf_ko_platforms_release(&want);
    skf_ko_base_release(&b);
    skf_ko_session_forget_all();
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *reference, *want;
        enum skf_code code;
        const char *text;
    } cases[] = {
        { "ko.local/base", "linux/amd64", SKF_EUNSUPPORTED, "Docker daemon" },
        { "scratch", "all", SKF_ECONFIG, "name them instead of 'all'" },
        { "UPPER/case::x", "linux/amd64", SKF_EINVAL, "base image" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_ko_base b;
        struct run r;
        get(cases[i].reference, cases[i].want, &b, &r);
        assert_int_not_equal(r.err.code, SKF_OK);
        if (!strstr(r.err.msg, cases[i].text))
            fail_msg("'%s' does not say '%s'", r.err.msg, cases[i].text);
        assert_null(b.image);
        skf_ko_base_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

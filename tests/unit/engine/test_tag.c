/* tests/unit/engine/test_tag.c: tag policies, with a real git in a scratch repository. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/mem.h"
#include "lib/engine/tag.h"
#include "lib/io/file.h"
#include "lib/io/loop.h"
#include "tests/support/loop_fixture.h"

static struct lf lf;
static char *dir;
static int dones;

static void on_ran(struct skf_proc *p, const struct skf_err *err)
{
    if (err)
        fail_msg("%s: %s", err->msg, p->errout.data);
    dones++;
}

/* Its output, owned. */
static char *sh(const char *script)
{
    struct skf_proc p;
    skf_proc_init(&p);
    p.cwd = skf_xstrdup(dir);
    skf_proc_args(&p, "sh", "-ec", script, NULL);
    dones = 0;
    skf_proc_start(&lf.loop, &p, on_ran);
    LF_UNTIL(&lf, dones == 1);
    skf_buf_trim(&p.out);
    char *out = skf_buf_take(&p.out);
    skf_proc_release(&p);
    return out;
}

static int set_up(void **state)
{
    struct skf_err e;
    (void)state;
    dir = skf_file_temp_dir("skiff-test", &e);
    setenv("HOME", dir, 1); /* nobody's git settings */
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_CEILING_DIRECTORIES", "/tmp", 1);
    lf_open(&lf);
    return 0;
}

static int tear_down(void **state)
{
    struct skf_err e;
    (void)state;
    lf_close(&lf);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(skf_file_remove_tree(dir, &e), 0);
    skf_replace(&dir, NULL);
    return 0;
}

static void make_repository(void)
{
    free(sh("git init -q -b feature/x . && git config user.email a@b && git config user.name n && "
            "mkdir app && echo 1 > app/f && echo 2 > g && git add app g && "
            "git commit -q -m one && git tag v1.2+rc"));
}

static void on_done(struct skf_tag *t)
{
    (void)t;
    dones++;
}

static void ask(struct skf_tag *t, const struct skf_tagger *tagger)
{
    *t = (struct skf_tag){ .tagger = tagger, .image = "app", .dir = dir, .done = on_done };
    dones = 0;
    skf_tag_start(&lf.loop, t);
    assert_int_equal(dones, 0);
    LF_UNTIL(&lf, dones == 1);
}

static void gives(const struct skf_tagger *tagger, const char *expected, bool dirty)
{
    struct skf_tag t;
    ask(&t, tagger);
    assert_string_equal(t.text, expected);
    assert_null(t.warning);
    assert_int_equal(t.dirty, dirty);
    skf_tag_release(&t);
}

static void warns(const struct skf_tagger *tagger, const char *part)
{
    struct skf_tag t;
    ask(&t, tagger);
    assert_string_equal(t.text, "latest");
    assert_non_null(t.warning);
    if (!strstr(t.warning, part))
        fail_msg("'%s' does not say '%s'", t.warning, part);
    skf_tag_release(&t);
}

static void test_git_variants(void **state)
{
    (void)state;
    make_repository();
    skf_autofree char *sha = sh("git rev-parse HEAD");
    skf_autofree char *short_sha = sh("git rev-parse --short HEAD");
    skf_autofree char *tree = sh("git rev-parse HEAD:./");
    gives(&(struct skf_tagger){ .policy = SKF_TAG_GIT_COMMIT }, "v1.2_rc", false);
    gives(&(struct skf_tagger){ .git_variant = "tags" }, "v1.2_rc", false);
    gives(&(struct skf_tagger){ .git_variant = "CommitSha" }, sha, false);
    gives(&(struct skf_tagger){ .git_variant = "AbbrevCommitSha" }, short_sha, false);
    gives(&(struct skf_tagger){ .git_variant = "TreeSha" }, tree, false);
    gives(&(struct skf_tagger){ .git_variant = "Branches" }, "feature_x", false);
    gives(&(struct skf_tagger){ .git_prefix = "p-" }, "p-v1.2_rc", false);
    warns(&(struct skf_tagger){ .git_variant = "Nonsense" }, "Nonsense");
}

static void test_git_changes(void **state)
{
    (void)state;
    make_repository();
    char *top = dir;
    free(sh("echo more >> g"));
    gives(&(struct skf_tagger){ 0 }, "v1.2_rc-dirty", true);
    gives(&(struct skf_tagger){ .git_ignore_changes = true }, "v1.2_rc", false);
    dir = skf_xasprintf("%s/app", top); /* what changed is not in this context */
    gives(&(struct skf_tagger){ 0 }, "v1.2_rc", false);
    free(sh("echo new > untracked"));
    gives(&(struct skf_tagger){ 0 }, "v1.2_rc-dirty", true);
    free(dir);
    dir = top;
}

static void test_git_has_nothing_to_say(void **state)
{
    (void)state;
    warns(&(struct skf_tagger){ 0 }, "not a git repository");
    free(sh("git init -q -b main ."));
    warns(&(struct skf_tagger){ 0 }, "latest"); /* no commit */
    make_repository();
    free(sh("git checkout -q --detach"));
    warns(&(struct skf_tagger){ .git_variant = "Branches" }, "latest");
    char *real = dir;
    dir = skf_xasprintf("%s/none", real);
    warns(&(struct skf_tagger){ 0 }, "none");
    free(dir);
    dir = real;
    skf_autofree char *path = skf_xstrdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    struct skf_tag t;
    ask(&t, &(struct skf_tagger){ 0 });
    setenv("PATH", path, 1);
    assert_string_equal(t.text, "latest");
    assert_non_null(strstr(t.warning, "git is not installed"));
    skf_tag_release(&t);
}

static void test_others(void **state)
{
    (void)state;
    gives(&(struct skf_tagger){ .policy = SKF_TAG_SHA256 }, "latest", false);
    gives(&(struct skf_tagger){ .policy = SKF_TAG_DATE_TIME, .date_format = "constant" },
          "constant", false);
    warns(&(struct skf_tagger){ .policy = SKF_TAG_DATE_TIME, .date_format = "15:04" },
          "not a valid tag");
    warns(&(struct skf_tagger){ .policy = SKF_TAG_DATE_TIME, .date_timezone = "No/Where" },
          "No/Where");
    setenv("SKIFF_TEST_TAG", "e1", 1);
    unsetenv("SKIFF_TEST_NONE");
    gives(&(struct skf_tagger){ .policy = SKF_TAG_ENV_TEMPLATE,
                                .template_text = "{{.IMAGE_NAME}}-{{.SKIFF_TEST_TAG}}" },
          "app-e1", false);
    warns(&(struct skf_tagger){ .policy = SKF_TAG_ENV_TEMPLATE,
                                .template_text = "x{{.SKIFF_TEST_NONE}}" },
          "using 'latest'");
    warns(&(struct skf_tagger){ .policy = SKF_TAG_ENV_TEMPLATE, .template_text = "{{" },
          "using 'latest'");
    warns(&(struct skf_tagger){ .policy = SKF_TAG_ENV_TEMPLATE, .template_text = "a b" },
          "not a valid tag");
    struct skf_tag t;
    ask(&t, &(struct skf_tagger){ .policy = SKF_TAG_DATE_TIME, .date_timezone = "UTC" });
    assert_null(t.warning);
    assert_memory_equal(t.text, "20", 2);
    assert_non_null(strstr(t.text, "_UTC"));
    skf_tag_release(&t);
}

/* Before the first tick, while the first git runs, while the second does. */
static void test_cancel(void **state)
{
    (void)state;
    make_repository();
    for (unsigned long children = 0; children <= 2; children++) {
        struct skf_tag t = {
            .tagger = &(struct skf_tagger){ 0 }, .image = "app", .dir = dir, .done = on_done
        };
        unsigned long before = skf_proc_count();
        dones = 0;
        skf_tag_start(&lf.loop, &t);
        LF_UNTIL(&lf, skf_proc_count() >= before + children);
        /* On a busy machine one turn of the loop may see a git start and end. */
        bool in_time = dones == 0;
        skf_tag_cancel(&t);
        skf_tag_cancel(&t);
        LF_UNTIL(&lf, dones == 1);
        if (in_time)
            assert_string_equal(t.text, "latest");
        assert_true(skf_proc_count() <= before + 2);
        skf_tag_release(&t);
    }
}

/* --- policies that ask about inputs ----------------------------------------------------------- */

/* A builder that reads a folder of its context and answers at the next turn, or never. */
static struct skf_defer answers[2];
static struct skf_inputs_job *asked[2];
static size_t n_asked;
static bool silent;

static void answer(struct skf_defer *d)
{
    struct skf_inputs_job *j = asked[d - answers];
    skf_strv_addf(&j->inputs.trees, "%s/%s", dir, j->ctx.dir);
    j->done(j, NULL);
}

static void refuse(struct skf_defer *d)
{
    struct skf_err e;
    skf_err_set(&e, SKF_ECANCELED, "cancelled");
    asked[d - answers]->done(asked[d - answers], &e);
}

static void ask_builder(struct skf_inputs_job *j)
{
    asked[n_asked] = j;
    if (!silent)
        skf_defer_start(&lf.loop, &answers[n_asked], 0, answer);
    n_asked++;
}

static void cancel_builder(struct skf_inputs_job *j)
{
    for (size_t i = 0; i < n_asked; i++)
        if (asked[i] == j)
            skf_defer_start(&lf.loop, &answers[i], 0, refuse);
}

static const struct skf_builder_ops reader = { .name = "ko",
                                               .inputs = ask_builder,
                                               .cancel_inputs = cancel_builder };

/* The text of the policy over the folders "app" and "lib"; owned. */
static char *over_inputs(const struct skf_tagger *tagger, size_t n_sources)
{
    const struct skf_tag_source sources[] = { { &reader, { .dir = "app" } },
                                              { &reader, { .dir = "lib" } } };
    struct skf_tag t = { .tagger = tagger,
                         .image = "app",
                         .dir = dir,
                         .sources = sources,
                         .n_sources = n_sources,
                         .done = on_done };
    dones = 0;
    n_asked = 0;
    skf_tag_start(&lf.loop, &t);
    if (silent) {
        LF_UNTIL(&lf, n_asked == n_sources);
        skf_tag_cancel(&t);
    }
    LF_UNTIL(&lf, dones == 1);
    if (!silent && t.warning)
        fail_msg("%s", t.warning);
    char *text = skf_take(&t.text);
    skf_tag_release(&t);
    return text;
}

static void test_input_digest(void **state)
{
    (void)state;
    static const struct skf_tagger tagger = { .policy = SKF_TAG_INPUT_DIGEST };
    silent = false;
    make_repository();
    free(sh("mkdir lib && echo 3 > lib/h"));
    skf_autofree char *first = over_inputs(&tagger, 1);
    skf_autofree char *with_lib = over_inputs(&tagger, 2);
    assert_int_equal(strlen(first), 64);
    assert_string_not_equal(first, with_lib);
    free(sh("touch app/f g; echo other > g; echo 4 > lib/h"));
    skf_autofree char *same = over_inputs(&tagger, 1);
    skf_autofree char *changed = over_inputs(&tagger, 2);
    assert_string_equal(same, first);
    assert_string_not_equal(changed, with_lib);
    free(sh("echo new > app/n"));
    skf_autofree char *added = over_inputs(&tagger, 1);
    assert_string_not_equal(added, first);
    silent = true;
    skf_autofree char *cancelled = over_inputs(&tagger, 2);
    assert_string_equal(cancelled, "latest");
    silent = false;
}

static void test_custom_template(void **state)
{
    (void)state;
    struct skf_tag_component parts[] = {
        { "E", { .policy = SKF_TAG_ENV_TEMPLATE, .template_text = "{{.SKIFF_TEST_TAG}}" } },
        { "GIT", { .git_variant = "Branches" } },
        { "BAD", { .git_variant = "Nonsense" } },
    };
    struct skf_tagger t = { .policy = SKF_TAG_CUSTOM_TEMPLATE,
                            .components = parts,
                            .n_components = SKF_ARRAY_LEN(parts) };
    make_repository();
    setenv("SKIFF_TEST_TAG", "e1", 1);
    t.template_text = "{{.E}}-{{.GIT}}-{{.SHA}}";
    gives(&t, "e1-feature_x-latest", false);
    t.template_text = "plain";
    gives(&t, "plain", false);
    t.template_text = "{{.E}}-{{.E}}";
    gives(&t, "e1-e1", false);
    t.template_text = "{{.HOME}}";
    warns(&t, "'HOME', which is no component");
    t.template_text = "{{.E}}-{{.BAD}}";
    warns(&t, "component 'BAD'");
    t.template_text = "{{.E";
    warns(&t, "using 'latest'");
    t.template_text = "{{.E | upper}}"; /* no sprig here */
    warns(&t, "upper");
    free(sh("echo more >> g"));
    t.template_text = "{{.GIT}}";
    gives(&t, "feature_x-dirty", true);
    free(sh("echo 1 > app/f"));
    t.template_text = "x-{{.INPUT_DIGEST}}";
    skf_autofree char *text = over_inputs(&t, 1);
    assert_int_equal(strlen(text), 66);
    silent = true;
    skf_autofree char *cancelled = over_inputs(&t, 1);
    assert_string_equal(cancelled, "latest");
    silent = false;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_git_variants),    TEST(test_git_changes), TEST(test_git_has_nothing_to_say),
        TEST(test_others),          TEST(test_cancel),      TEST(test_input_digest),
        TEST(test_custom_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

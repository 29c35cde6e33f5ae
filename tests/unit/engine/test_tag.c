/* tests/unit/engine/test_tag.c: tag policies, with a real git in a scratch repository. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/mem.h"
#include "lib/engine/tag.h"
#include "lib/io/file.h"
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_git_variants), TEST(test_git_changes), TEST(test_git_has_nothing_to_say),
        TEST(test_others),       TEST(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

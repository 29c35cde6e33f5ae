/* tests/unit/io/test_gitrepo.c: clones of required repositories, with a real git and a repository
 * in a folder. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/io/gitrepo.h"
#include "lib/io/proc.h"
#include "tests/support/loop_fixture.h"

static struct lf lf;
static char *dir, *origin, *cache;
static bool ran;

static void on_ran(struct skf_proc *p, const struct skf_err *err)
{
    if (err)
        fail_msg("%s: %s", err->msg, p->errout.data);
    ran = true;
}

/* In the origin; its output, owned. */
static char *sh(const char *script)
{
    struct skf_proc p;
    skf_proc_init(&p);
    p.cwd = skf_xstrdup(origin);
    skf_proc_args(&p, "sh", "-ec", script, NULL);
    ran = false;
    skf_proc_start(&lf.loop, &p, on_ran);
    LF_UNTIL(&lf, ran);
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
    origin = skf_path_join(dir, "origin");
    cache = skf_path_join(dir, "cache");
    setenv("HOME", dir, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    lf_open(&lf);
    assert_int_equal(skf_file_mkdirs(origin, 0700, &e), 0);
    free(sh("git init -q -b main . && git config user.email a@b && git config user.name n && "
            "echo 1 > f && git add f && git commit -q -m one && git tag v1"));
    return 0;
}

static int tear_down(void **state)
{
    struct skf_err e;
    (void)state;
    lf_close(&lf);
    int rc = skf_file_remove_tree(dir, &e);
    skf_replace(&dir, NULL);
    skf_replace(&origin, NULL);
    skf_replace(&cache, NULL);
    return rc;
}

static struct skf_git_request request(const char *ref)
{
    return (struct skf_git_request){ .repo = origin, .ref = ref, .sync = true, .cache_dir = cache };
}

/* The file's text in the clone. */
static void holds(const struct skf_git_request *req, const char *text)
{
    struct skf_err e = SKF_ERR_INIT;
    skf_autofree char *clone = NULL;
    skf_autobuf struct skf_buf got = SKF_BUF_INIT;
    if (skf_git_repo(req, &clone, &e) < 0)
        fail_msg("%s", e.msg);
    skf_autofree char *file = skf_path_join(clone, "f");
    assert_int_equal(skf_file_read(file, 100, &got, &e), 0);
    skf_buf_trim(&got);
    assert_string_equal(got.data, text);
}

static void fails(const struct skf_git_request *req, enum skf_code code, const char *part)
{
    struct skf_err e = SKF_ERR_INIT;
    skf_autofree char *clone = NULL;
    assert_int_equal(skf_git_repo(req, &clone, &e), -(int)code);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not say '%s'", e.msg, part);
    assert_null(clone);
}

static void test_refs(void **state)
{
    (void)state;
    skf_autofree char *first = sh("git rev-parse HEAD");
    free(sh("echo 2 > f && git commit -q -a -m two"));
    struct skf_git_request branch = request(NULL), named = request("main"), tag = request("v1"),
                           commit = request(first), none = request("nowhere");
    holds(&branch, "2");
    holds(&named, "2");
    holds(&tag, "1");
    holds(&commit, "1");
    fails(&none, SKF_ECHILD, "nowhere");
    fails(&none, SKF_ECHILD, "repository '"); /* and no half clone is taken for one */
}

static void test_once_a_process(void **state)
{
    (void)state;
    struct skf_git_request req = request("main");
    holds(&req, "1");
    unsigned long before = skf_proc_count();
    holds(&req, "1");
    assert_int_equal(skf_proc_count(), before);
}

/* A clone of an earlier process is brought up to date, or left, or not made at all. */
static void test_policies(void **state)
{
    (void)state;
    struct skf_err e;
    free(sh("git branch old && git branch kept && git branch never"));
    skf_autofree char *old = skf_git_cache_key(origin, "old");
    skf_autofree char *kept = skf_git_cache_key(origin, "kept");
    skf_autofree char *script =
        skf_xasprintf("git clone -q --depth 1 -b old \"file://$PWD\" %s/%s && "
                      "git clone -q --depth 1 -b kept \"file://$PWD\" %s/%s && echo 2 > f && "
                      "git commit -q -a -m two && git branch -f old && git branch -f kept",
                      cache, old, cache, kept);
    assert_int_equal(skf_file_mkdirs(cache, 0700, &e), 0);
    free(sh(script));
    struct skf_git_request req = request("old");
    holds(&req, "2");
    req = request("kept");
    req.sync = false;
    holds(&req, "1");
    req = request("never");
    req.policy = SKF_SYNC_NEVER;
    fails(&req, SKF_ENOTFOUND, "--sync-remote-cache=never");
}

static void test_what_git_says(void **state)
{
    (void)state;
    struct skf_git_request req = request("main");
    req.repo = "/nonexistent/repository";
    fails(&req, SKF_ECHILD, "repository '/nonexistent/repository': ");
    req.repo = "--upload-pack=x";
    fails(&req, SKF_EINVAL, "is no repository");
    req = request("--orphan");
    fails(&req, SKF_EINVAL, "is no repository");
    free(sh("git branch -m main trunk"));
    req = request("");
    fails(&req, SKF_ENOTFOUND, "name a 'ref'");
}

static void test_key(void **state)
{
    (void)state;
    /* printf '["https://x.org/r?a\\u0026b","v1"]\n' | sha256sum, its bytes in base64url */
    skf_autofree char *key = skf_git_cache_key("https://x.org/r?a&b", "v1");
    assert_string_equal(key, "swbSwDBOXoos7XOog4e6_yv-MVXxOJMG");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = { T(test_refs), T(test_once_a_process), T(test_policies),
                                        T(test_what_git_says), T(test_key) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the helm deployer remembers of a release, with a helm that fails when it is told to. (That
 * the real helm runs is an integration test.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "deployers/helm/helm.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "tests/support/loop_fixture.h"

/* Fails at the word in the file "fails", and notes each upgrade. */
static const char helm[] =
    "#!/bin/sh\n"
    "case \" $* \" in *\" $(cat \"$HELM_DIR/fails\") \"*) echo 'told to fail' >&2; exit 1;; esac\n"
    "case \" $* \" in\n"
    "*' status '*) echo 'Error: release: not found' >&2; exit 1;;\n"
    "*' upgrade '*) echo x >> \"$HELM_DIR/upgrades\"\n"
    "   echo '{\"manifest\":\"\",\"namespace\":\"n\",\"version\":1}';;\n"
    "esac\n";

struct world {
    struct lf lf;
    char *dir, *path;
    struct skf_services services;
    struct skf_kube_context kube;
    struct skf_helm_release release;
    struct skf_helm helm;
    struct skf_module module;
    struct skf_config config;
    struct skf_deploy deploy;
    struct skf_err outcome;
    bool ended;
};

static void put(struct world *w, const char *name, const char *text, mode_t mode)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(w->dir, name);
    assert_int_equal(skf_file_write_atomic(path, mode, text, strlen(text), &err), 0);
}

static int set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    lf_open(&w->lf);
    w->dir = skf_file_temp_dir("skiff-helm", &err);
    assert_non_null(w->dir);
    w->path = skf_xstrdup(getenv("PATH"));
    skf_autofree char *with_ours = skf_xasprintf("%s:%s", w->dir, w->path);
    setenv("PATH", with_ours, 1);
    setenv("HELM_DIR", w->dir, 1);
    put(w, "helm", helm, 0700);
    w->services = (struct skf_services){ .loop = &w->lf.loop };
    w->kube.name = skf_xstrdup("somewhere");
    w->release = (struct skf_helm_release){ .name = "web", .chart_path = "chart" };
    w->helm = (struct skf_helm){ .releases = &w->release, .n_releases = 1 };
    w->module = (struct skf_module){ .dir = w->dir, .deploy_helm = &w->helm };
    w->config = (struct skf_config){ .modules = &w->module, .n_modules = 1 };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_objects_release(&w->deploy.deployed);
    skf_deployer_helm.forget(&w->deploy);
    lf_close(&w->lf);
    setenv("PATH", w->path, 1);
    unsetenv("HELM_DIR");
    skf_file_remove_tree(w->dir, &err);
    free(w->kube.name);
    free(w->path);
    free(w->dir);
    free(w);
    return 0;
}

static void on_done(struct skf_deploy *d, const struct skf_err *err)
{
    struct world *w = d->data;
    w->ended = true;
    w->outcome = err ? *err : (struct skf_err)SKF_ERR_INIT;
}

/* One deploy in which helm fails at a word; how many upgrades there were until now. */
static int64_t deploy(struct world *w, const char *fails)
{
    struct stat st = { 0 };
    skf_autofree char *upgrades = skf_path_join(w->dir, "upgrades");
    put(w, "fails", fails, 0600);
    skf_objects_release(&w->deploy.deployed);
    w->deploy = (struct skf_deploy){ .services = &w->services,
                                     .kube = &w->kube,
                                     .config = &w->config,
                                     .module = &w->module,
                                     .data = w,
                                     .done = on_done,
                                     .state = w->deploy.state };
    w->ended = false;
    skf_deployer_helm.deploy(&w->deploy, NULL, 0);
    LF_UNTIL(&w->lf, w->ended);
    stat(upgrades, &st);
    return (int64_t)st.st_size / 2;
}

static void what_is_as_it_was_is_passed_over(void **state)
{
    struct world *w = *state;
    assert_int_equal(deploy(w, "nothing"), 1);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(deploy(w, "nothing"), 1);
    assert_int_equal(w->outcome.code, SKF_OK);
}

static void what_failed_on_the_way_is_done_again(void **state)
{
    static const char *const steps[] = { "dependency", "upgrade" };
    struct world *w = *state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(steps); i++) {
        skf_deployer_helm.forget(&w->deploy);
        assert_int_equal(deploy(w, steps[i]), i);
        assert_int_equal(w->outcome.code, SKF_ECHILD);
        assert_int_equal(deploy(w, "nothing"), i + 1);
        assert_int_equal(w->outcome.code, SKF_OK);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_as_it_was_is_passed_over),
        T(what_failed_on_the_way_is_done_again),
    };
    return cmocka_run_group_tests_name("helm_deploy", tests, NULL, NULL);
}

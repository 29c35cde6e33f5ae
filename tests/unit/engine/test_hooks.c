/* Hooks with real programs: order, environment, failure, cancel; around a build and a render. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/path.h"
#include "lib/engine/hooked.h"
#include "lib/engine/hydrate.h"
#include "lib/io/file.h"
#include "tests/support/fake_seams.h"
#include "tests/support/loop_fixture.h"

struct world {
    struct lf lf;
    char *dir;
    struct skf_services services;
    struct skf_strv env;
    struct skf_buf said; /* lines and phases, one a line */
    struct skf_hook hooks[3];
    const char *argv[3][3];
    struct skf_hook_run run;
    bool ended;
    struct skf_err outcome;
};

static int set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    fake_reset();
    lf_open(&w->lf);
    w->dir = skf_file_temp_dir("skiff-hooks", &err);
    assert_non_null(w->dir);
    skf_buf_init(&w->said);
    w->services = (struct skf_services){ .loop = &w->lf.loop, .cache_dir = w->dir, .cwd = w->dir };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    lf_close(&w->lf);
    skf_file_remove_tree(w->dir, &err);
    skf_buf_release(&w->said);
    skf_strv_release(&w->env);
    free(w->dir);
    free(w);
    fake_reset();
    return 0;
}

static struct skf_hook *shell(struct world *w, size_t i, const char *script)
{
    w->argv[i][0] = "sh";
    w->argv[i][1] = "-c";
    w->argv[i][2] = script;
    w->hooks[i].command = (struct skf_strings){ .v = w->argv[i], .n = 3 };
    return &w->hooks[i];
}

static void say(struct world *w, const char *line)
{
    skf_buf_addf(&w->said, "%s\n", line);
}

static void note_end(struct world *w, const struct skf_err *err)
{
    assert_false(w->ended);
    w->ended = true;
    if (err)
        w->outcome = *err;
}

static void on_line(struct skf_hook_run *r, const char *line)
{
    say(r->data, line);
}

static void on_done(struct skf_hook_run *r, const struct skf_err *err)
{
    note_end(r->data, err);
}

static void start(struct world *w, size_t n)
{
    w->ended = false;
    w->run = (struct skf_hook_run){ .phase = "pre-build",
                                    .hooks = w->hooks,
                                    .n = n,
                                    .dir = w->dir,
                                    .env = &w->env,
                                    .data = w,
                                    .on_line = on_line,
                                    .done = on_done };
    skf_hooks_start(&w->lf.loop, &w->run);
}

static void they_run_in_order_with_directory_and_environment(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *sub = skf_path_join(w->dir, "sub");
    assert_int_equal(skf_file_mkdirs(sub, 0700, &err), 0);
    skf_hook_env(&w->env, "IMAGE", "app:t");
    shell(w, 0, "echo $SKAFFOLD_IMAGE; echo two >&2");
    shell(w, 1, "basename $PWD")->dir = "sub";
    start(w, 2);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_string_equal(w->said.data, "app:t\ntwo\nsub\n");
}

static void one_for_another_system_is_passed_over(void **state)
{
    struct world *w = *state;
    const char *elsewhere = "windows", *here = "linux";
    shell(w, 0, "echo no")->os = (struct skf_strings){ .v = &elsewhere, .n = 1 };
    shell(w, 1, "echo yes")->os = (struct skf_strings){ .v = &here, .n = 1 };
    start(w, 2);
    LF_UNTIL(&w->lf, w->ended);
    assert_string_equal(w->said.data, "yes\n");
}

static void the_users_environment_wins(void **state)
{
    struct world *w = *state;
    setenv("SKAFFOLD_IMAGE", "mine", 1);
    skf_hook_env(&w->env, "IMAGE", "app:t");
    unsetenv("SKAFFOLD_IMAGE");
    assert_int_equal(w->env.n, 0);
}

static void a_failure_ends_the_list_and_names_the_command(void **state)
{
    struct world *w = *state;
    shell(w, 0, "exit 3");
    shell(w, 1, "echo never");
    start(w, 2);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECHILD);
    assert_non_null(strstr(w->outcome.msg, "pre-build hook 'sh -c exit 3'"));
    assert_int_equal(w->said.len, 0);
}

static void a_program_that_is_not_there(void **state)
{
    struct world *w = *state;
    const char *argv = "skiff-no-such-program";
    w->hooks[0].command = (struct skf_strings){ .v = &argv, .n = 1 };
    start(w, 1);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ENOTFOUND);
}

static void a_container_hook_needs_a_cluster(void **state)
{
    struct world *w = *state;
    shell(w, 0, "true")->in_container = true;
    start(w, 1);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ENOTFOUND);
    assert_non_null(strstr(w->outcome.msg, "there is no cluster"));
}

static void cancel_ends_the_whole_process_group(void **state)
{
    struct world *w = *state;
    shell(w, 0, "sleep 600 & echo $!; wait");
    shell(w, 1, "echo never");
    start(w, 2);
    LF_UNTIL(&w->lf, w->said.len > 0);
    pid_t child = (pid_t)strtol(w->said.data, NULL, 10);
    skf_hooks_cancel(&w->run);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
    LF_UNTIL(&w->lf, kill(child, 0) < 0);
    assert_null(strstr(w->said.data, "never"));
}

static void cancel_before_the_first(void **state)
{
    struct world *w = *state;
    shell(w, 0, "echo never");
    start(w, 1);
    skf_hooks_cancel(&w->run);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
    assert_int_equal(w->said.len, 0);
}

/* --- around a build --------------------------------------------------------------------------- */

struct building {
    struct world *w;
    struct skf_module module;
    struct skf_artifact artifact;
    struct skf_build build;
    struct skf_hooked hooked;
};

static void on_build_phase(struct skf_hooked *h, const char *phase, bool begins)
{
    struct building *b = h->data;
    skf_autofree char *text = skf_xasprintf("%s %s", phase, begins ? "begins" : "ends");
    say(b->w, text);
}

static void on_build_line(struct skf_hooked *h, const char *line)
{
    struct building *b = h->data;
    say(b->w, line);
}

static void on_built(struct skf_build *build, const struct skf_err *err)
{
    struct building *b = build->data;
    note_end(b->w, err);
}

static void start_build(struct world *w, struct building *b, size_t n_before, size_t n_after)
{
    skf_autofree char *source = skf_path_join(w->dir, "src.txt");
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_file_write_atomic(source, 0600, "one", 3, &err), 0);
    *b = (struct building){ .w = w,
                            .module = { .dir = w->dir },
                            .artifact = { .image = "app",
                                          .hooks = { .before = w->hooks,
                                                     .n_before = n_before,
                                                     .after = w->hooks + n_before,
                                                     .n_after = n_after } } };
    b->build = (struct skf_build){ .ctx = { .services = &w->services,
                                            .module = &b->module,
                                            .artifact = &b->artifact,
                                            .dir = w->dir },
                                   .reference = "reg.example/team/app:v1",
                                   .target = { .kind = SKF_TARGET_REGISTRY },
                                   .data = b,
                                   .done = on_built };
    b->hooked = (struct skf_hooked){ .builder = &fake_builder,
                                     .env = &w->env,
                                     .data = b,
                                     .on_phase = on_build_phase,
                                     .on_line = on_build_line };
    w->ended = false;
    skf_hooked_start(&b->hooked, &b->build);
}

static void a_build_stands_between_its_hooks(void **state)
{
    struct world *w = *state;
    struct building b;
    shell(w, 0, "echo $SKAFFOLD_IMAGE_REPO $SKAFFOLD_IMAGE_TAG $SKAFFOLD_PUSH_IMAGE");
    shell(w, 1, "echo $SKAFFOLD_IMAGE");
    start_build(w, &b, 1, 1);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(fake.built, 1);
    assert_string_equal(w->said.data, "pre-build begins\nreg.example/team v1 true\npre-build ends\n"
                                      "post-build begins\nreg.example/team/app:v1\n"
                                      "post-build ends\n");
    skf_build_release(&b.build);
}

static void a_failed_hook_before_builds_nothing(void **state)
{
    struct world *w = *state;
    struct building b;
    shell(w, 0, "exit 1");
    start_build(w, &b, 1, 0);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECHILD);
    assert_int_equal(fake.started, 0);
}

static void a_failed_hook_after_fails_the_build(void **state)
{
    struct world *w = *state;
    struct building b;
    shell(w, 0, "exit 1");
    start_build(w, &b, 0, 1);
    b.build.phase = SKF_PHASE_DELIVER;
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECHILD);
    assert_int_equal(fake.built, 1);
    assert_int_equal(b.build.phase, SKF_PHASE_BUILD);
    skf_build_release(&b.build);
}

static void cancel_reaches_the_builder(void **state)
{
    struct world *w = *state;
    struct building b;
    fake.hold = true;
    start_build(w, &b, 0, 0);
    skf_hooked_cancel(&b.hooked);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
    assert_int_equal(fake.canceled, 1);
}

/* --- around rendering ------------------------------------------------------------------------- */

struct rendering {
    struct world *w;
    struct skf_module modules[2];
    struct skf_plan plan;
    struct skf_hydrate hydrate;
};

static void on_render_phase(struct skf_hydrate *h, const char *phase, bool begins)
{
    struct rendering *r = h->data;
    if (begins)
        say(r->w, phase);
}

static void on_render_line(struct skf_hydrate *h, const char *line)
{
    struct rendering *r = h->data;
    say(r->w, line);
}

static void on_rendered(struct skf_hydrate *h, const struct skf_err *err)
{
    struct rendering *r = h->data;
    note_end(r->w, err);
}

static const char *const own_yaml = "own.yaml", *const other_yaml = "other.yaml";

static void put_config_map(struct world *w, const char *file, const char *name)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(w->dir, file);
    skf_autofree char *text =
        skf_xasprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n", name);
    assert_int_equal(skf_file_write_atomic(path, 0600, text, strlen(text), &err), 0);
}

static void start_render(struct world *w, struct rendering *r, size_t n_before, size_t n_after)
{
    put_config_map(w, own_yaml, "own");
    put_config_map(w, other_yaml, "other");
    *r = (struct rendering){ .w = w };
    r->modules[0] =
        (struct skf_module){ .dir = w->dir,
                             .raw_yaml = { .v = (const char **)(uintptr_t)&own_yaml, .n = 1 },
                             .render_hooks = { .before = w->hooks,
                                               .n_before = n_before,
                                               .after = w->hooks + n_before,
                                               .n_after = n_after } };
    r->modules[1] =
        (struct skf_module){ .dir = w->dir,
                             .raw_yaml = { .v = (const char **)(uintptr_t)&other_yaml, .n = 1 } };
    r->plan.config = (struct skf_config){ .modules = r->modules, .n_modules = 2 };
    r->hydrate = (struct skf_hydrate){ .plan = &r->plan,
                                       .hook_env = &w->env,
                                       .data = r,
                                       .on_phase = on_render_phase,
                                       .on_line = on_render_line,
                                       .done = on_rendered };
    w->ended = false;
    skf_hydrate_start(&w->lf.loop, &r->hydrate);
    LF_UNTIL(&w->lf, w->ended);
}

static void a_hook_changes_the_manifests_of_its_module_only(void **state)
{
    struct world *w = *state;
    struct rendering r;
    shell(w, 0, "echo working");
    shell(w, 1, "sed 's/name: o/name: changed-o/'; echo note >&2")->with_change = true;
    shell(w, 2, "grep changed");
    start_render(w, &r, 1, 2);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(r.hydrate.rendered.objects.n, 2);
    assert_string_equal(r.hydrate.rendered.objects.v[0].name, "changed-own");
    assert_string_equal(r.hydrate.rendered.objects.v[1].name, "other");
    assert_non_null(strstr(w->said.data, "pre-render\nworking\npost-render\nnote\n"));
    assert_non_null(strstr(w->said.data, "name: changed-own"));
    skf_rendered_release(&r.hydrate.rendered);
    skf_hydrate_release(&r.hydrate);
}

static void a_hook_that_prints_no_manifests_is_an_error(void **state)
{
    struct world *w = *state;
    struct rendering r;
    shell(w, 0, "true")->with_change = true;
    start_render(w, &r, 0, 1);
    assert_int_equal(w->outcome.code, SKF_EINVAL);
    assert_non_null(strstr(w->outcome.msg, "printed no manifests"));
    assert_int_equal(r.hydrate.rendered.objects.n, 0);
    skf_hydrate_release(&r.hydrate);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(they_run_in_order_with_directory_and_environment),
        T(one_for_another_system_is_passed_over),
        T(the_users_environment_wins),
        T(a_failure_ends_the_list_and_names_the_command),
        T(a_program_that_is_not_there),
        T(a_container_hook_needs_a_cluster),
        T(cancel_ends_the_whole_process_group),
        T(cancel_before_the_first),
        T(a_build_stands_between_its_hooks),
        T(a_failed_hook_before_builds_nothing),
        T(a_failed_hook_after_fails_the_build),
        T(cancel_reaches_the_builder),
        T(a_hook_changes_the_manifests_of_its_module_only),
        T(a_hook_that_prints_no_manifests_is_an_error),
    };
    return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}

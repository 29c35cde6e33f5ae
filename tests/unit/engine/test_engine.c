/* The engine's decisions, with a fake builder and deployer on a real loop, file system and watcher.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/engine_world.h"

/* --- one pass --------------------------------------------------------------------------------- */

static void run_builds_deploys_and_ends(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(fake.built, 1);
    assert_int_equal(fake.prepared, 1);
    assert_int_equal(fake.applied, 1);
    assert_int_equal(fake.removed, 0);
    assert_non_null(strstr(fake.last_applied.data, "image: app:t@sha256:"));
    assert_non_null(strstr(fake.last_applied.data, "# the image"));
    assert_int_equal(w->counts[SKF_EV_LOOP_DONE], 1);
}

static void run_ends_with_the_build_error_and_applies_nothing(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    put(w, "app/src.txt", "bad");
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(w->outcome.code, SKF_EBUILD);
    assert_int_equal(skf_engine_failed_stage(w->engine), SKF_STAGE_BUILD);
    assert_int_equal(fake.applied, 0);
}

static void run_ends_with_the_deploy_error(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    fake.apply_fails = 1;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(skf_engine_failed_stage(w->engine), SKF_STAGE_DEPLOY);
}

static void run_looks_at_the_manifests_before_it_builds(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    put(w, "k8s.yaml", "kind: [\n");
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(fake.started, 0);
    assert_int_equal(skf_engine_failed_stage(w->engine), SKF_STAGE_DEPLOY);
    assert_int_equal(w->counts[SKF_EV_DEPLOY_FAILED], 1);
    assert_string_equal(w->outcome.file, "k8s.yaml");
}

static void build_alone_deploys_nothing(void **state)
{
    struct world *w = *state;
    w->options.dev = w->options.deploys = w->options.plan.deploys = false;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(fake.built, 1);
    assert_int_equal(fake.prepared + fake.applied, 0);
    assert_non_null(skf_engine_built(w->engine, 0).reference);
}

static void dry_run_builds_nothing(void **state)
{
    struct world *w = *state;
    w->options.dev = w->options.deploys = w->options.plan.deploys = false;
    w->options.dry_run = true;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(fake.started, 0);
    assert_string_equal(skf_engine_built(w->engine, 0).reference, "app:t");
}

static void a_stop_during_run_is_an_interruption(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    fake.hold = true;
    start(w);
    LF_UNTIL(&w->lf, fake.started == 1);
    stop(w);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
    assert_int_equal(fake.canceled, 1);
    assert_int_equal(fake.applied, 0);
}

static const char three_artifacts[] =
    "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false}\n"
    "  artifacts:\n"
    "  - {image: app, context: app, ko: {}}\n"
    "  - {image: two, context: two, ko: {}}\n"
    "  - {image: three, context: three, ko: {}}\n"
    "manifests: {rawYaml: [k8s.yaml]}\n";

static void put_three(struct world *w)
{
    put(w, "two/src.txt", "2");
    put(w, "three/src.txt", "3");
    put(w, "skaffold.yaml", three_artifacts);
}

static void so_many_builds_at_once_as_asked(void **state)
{
    static const struct {
        int asked, at_once;
    } cases[] = { { -1, 1 }, { 2, 2 }, { 0, 3 } };
    struct world *w = *state;
    put_three(w);
    w->options.dev = false;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        w->options.build_concurrency = cases[i].asked;
        w->ended = false;
        fake.started = fake.built = 0;
        fake.hold = true;
        start(w);
        LF_UNTIL(&w->lf, fake.started == cases[i].at_once);
        lf_quiet(&w->lf, 20);
        assert_int_equal(fake.started, cases[i].at_once);
        fake.hold = false;
        LF_UNTIL(&w->lf, w->ended);
        assert_int_equal(fake.built, 3);
        skf_engine_free(w->engine);
        w->engine = NULL;
    }
}

static void the_first_failure_of_one_pass_cancels_the_rest(void **state)
{
    struct world *w = *state;
    put_three(w);
    put(w, "app/src.txt", "bad");
    w->options.dev = false;
    w->options.build_concurrency = 2;
    fake.hold_good = true;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_int_equal(fake.started, 2); /* the third does not begin */
    assert_int_equal(fake.canceled, 1);
    assert_int_equal(w->outcome.code, SKF_EBUILD);
}

/* The tag of the second one is still being chosen when the first one fails. */
static void after_the_first_failure_no_build_begins(void **state)
{
    static const char by_inputs[] =
        "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false}\n"
        "  tagPolicy: {inputDigest: {}}\n"
        "  artifacts:\n"
        "  - {image: app, context: app, ko: {}}\n"
        "  - {image: two, context: two, ko: {}}\n"
        "manifests: {rawYaml: [k8s.yaml]}\n";
    struct world *w = *state;
    put(w, "two/src.txt", "2");
    put(w, "app/src.txt", "bad");
    put(w, "skaffold.yaml", by_inputs);
    w->options.dev = false;
    w->options.tag = NULL;
    w->options.build_concurrency = 0;
    fake.hold_inputs_of = "two";
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    assert_string_equal(fake.order, "app");
    assert_int_equal(w->outcome.code, SKF_EBUILD);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void a_save_is_built_and_applied(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    assert_int_equal(fake.applied, 2);
    assert_int_equal(fake.asked, 1);
    stop(w);
    assert_int_equal(w->outcome.code, SKF_OK);
}

static void the_same_image_is_not_deployed_again(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "app/src.txt", "bad");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    put(w, "app/src.txt", "one");
    WAIT_FOR(w, SKF_EV_WATCHING, 3);
    assert_int_equal(fake.applied, 1);
    assert_int_equal(w->counts[SKF_EV_DEPLOY_NOTHING], 1);
    stop(w);
}

static void a_newer_save_cancels_the_running_build(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    fake.hold = true;
    put(w, "app/src.txt", "two");
    LF_UNTIL(&w->lf, fake.started == 2);
    put(w, "app/src.txt", "three");
    LF_UNTIL(&w->lf, fake.canceled == 1 && fake.started == 3);
    fake.hold = false;
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.applied, 2);
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("three", 5, digest);
    assert_non_null(strstr(fake.last_applied.data, digest));
    stop(w);
}

static void a_save_before_the_inputs_are_known_is_not_lost(void **state)
{
    struct world *w = *state;
    fake.hold_inputs = fake.hold = true;
    start(w);
    LF_UNTIL(&w->lf, fake.started == 1);
    put(w, "app/src.txt", "two");
    fake.hold_inputs = false;
    LF_UNTIL(&w->lf, fake.started == 2);
    fake.hold = false;
    WAIT_FOR(w, SKF_EV_LOOP_DONE, 1);
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("two", 3, digest);
    assert_non_null(strstr(fake.last_applied.data, digest));
    stop(w);
}

static void what_the_builder_ignores_starts_nothing(void **state)
{
    struct world *w = *state;
    fake.tree = true;
    put(w, "app/out/log.txt", "x");
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "app/out/log.txt", "y");
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_non_null(strstr(w->last_text[SKF_EV_CHANGED], "src.txt"));
    assert_int_equal(w->counts[SKF_EV_CHANGED], 1);
    stop(w);
    skf_engine_free(w->engine);
    w->engine = NULL;
    assert_int_equal(fake.skips_freed, 1);
}

static void a_build_that_writes_its_own_sources_is_stopped_and_named(void **state)
{
    struct world *w = *state;
    fake.tree = fake.writes = true;
    start(w);
    WAIT_FOR(w, SKF_EV_WARNING, 1);
    assert_non_null(strstr(w->last_text[SKF_EV_WARNING], "the build of 'app' writes"));
    assert_non_null(strstr(w->last_text[SKF_EV_WARNING], "app/gen.txt"));
    lf_quiet(&w->lf, 300);             /* shows that it has ended */
    assert_int_equal(fake.started, 4); /* the first, and three rounds */
    put(w, "app/src.txt", "two");      /* a save of the user still counts, once */
    LF_UNTIL(&w->lf, fake.started == 5 && fake.applied == 2);
    lf_quiet(&w->lf, 300);
    assert_int_equal(fake.started, 5);
    fake.writes = false;
    put(w, "app/gen.txt", "by hand"); /* and so does the file, when no build writes it */
    LF_UNTIL(&w->lf, fake.started == 6);
    stop(w);
}

static void many_saves_during_builds_are_not_taken_for_the_builds_own(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    lf_quiet(&w->lf, 60); /* nobody saves within milliseconds of a build's end */
    fake.hold = true;
    for (char save = 'a'; save < 'h'; save++) {
        char text[] = { save, '\0' };
        int seen = w->counts[SKF_EV_CHANGED];
        put(w, "app/src.txt", text);
        if (save < 'd') /* from then on it no longer cancels */
            LF_UNTIL(&w->lf, w->counts[SKF_EV_CHANGED] > seen);
        else
            lf_quiet(&w->lf, 80);
    }
    fake.hold = false;
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("g", 1, digest);
    LF_UNTIL(&w->lf, strstr(fake.last_applied.data, digest));
    assert_int_equal(w->counts[SKF_EV_WARNING], 0);
    stop(w);
}

static void a_newer_save_pre_empts_an_apply_that_takes_long(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    fake.hold_apply = true;
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_DEPLOY_STARTED, 2);
    put(w, "app/src.txt", "three");
    LF_UNTIL(&w->lf, fake.applies_canceled == 1);
    fake.hold_apply = false;
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("three", 5, digest);
    assert_non_null(strstr(fake.last_applied.data, digest));
    assert_int_equal(w->counts[SKF_EV_DEPLOY_FAILED], 0);
    stop(w);
}

static void a_deploy_that_ends_while_a_newer_build_runs_does_not_end_the_loop(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    fake.hold_apply = true;
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_DEPLOY_STARTED, 2);
    fake.hold = true;
    put(w, "app/src.txt", "three");
    LF_UNTIL(&w->lf, fake.started == 3);
    fake.hold_apply = false;
    WAIT_FOR(w, SKF_EV_DEPLOY_DONE, 2); /* of "two", and "three" is still being built */
    fake.hold = false;
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of("three", 5, digest);
    LF_UNTIL(&w->lf, strstr(fake.last_applied.data, digest));
    stop(w);
}

/* Each has to end, and to be told of: the hooks of a newer build do not take the place of those of
 * the deploy that is still under way. */
static void hooks_of_a_newer_build_stand_beside_those_of_a_deploy(void **state)
{
    static const char with_hooks[] =
        "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false}\n"
        "  hooks:\n    before:\n"
        "    - command: [sh, -c, 'while [ -e hold ]; do sleep 0.02; done']\n"
        "  artifacts: [{image: app, context: app, ko: {}}]\n"
        "manifests: {rawYaml: [k8s.yaml]}\n"
        "deploy:\n  kubectl:\n    hooks:\n      after:\n"
        "      - host: {command: [sh, -c, 'true']}\n";
    struct world *w = *state;
    put(w, "skaffold.yaml", with_hooks);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_int_equal(w->counts[SKF_EV_HOOKS_DONE], 2);
    fake.hold_apply = true;
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_DEPLOY_STARTED, 2);
    put(w, "hold", "");
    put(w, "app/src.txt", "three");
    WAIT_FOR(w, SKF_EV_HOOKS_STARTED, 4); /* of "three", before its build */
    fake.hold_apply = false;
    WAIT_FOR(w, SKF_EV_HOOKS_DONE, 4); /* of "two", behind its deploy */
    assert_int_equal(unlink("hold"), 0);
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(w->counts[SKF_EV_HOOKS_DONE], w->counts[SKF_EV_HOOKS_STARTED]);
    assert_int_equal(w->counts[SKF_EV_HOOKS_FAILED], 0);
    stop(w);
}

static void after_a_failed_apply_the_old_manifest_is_applied_again(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_buf_addf(&text, "%s---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n",
                 manifest_one);
    strstr(text.data, "replicas: ")[10] = '2';
    fake.apply_fails = 1; /* who knows what of it stands */
    put(w, "k8s.yaml", text.data);
    WAIT_FOR(w, SKF_EV_DEPLOY_FAILED, 1);
    put(w, "k8s.yaml", manifest_one);
    LF_UNTIL(&w->lf, fake.applied == 2);
    assert_non_null(strstr(fake.last_applied.data, "replicas: 1"));
    stop(w);
}

static void a_failed_build_keeps_dev_and_the_fix_recovers(void **state)
{
    struct world *w = *state;
    put(w, "app/src.txt", "bad");
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_int_equal(w->counts[SKF_EV_BUILD_FAILED], 1);
    assert_int_equal(fake.applied, 0);
    put(w, "app/src.txt", "good");
    WAIT_FOR(w, SKF_EV_LOOP_DONE, 1);
    assert_int_equal(fake.applied, 1);
    stop(w);
    assert_int_equal(w->outcome.code, SKF_OK);
}

static void a_failed_apply_is_tried_again_with_the_next_change(void **state)
{
    struct world *w = *state;
    fake.apply_fails = 1;
    start(w);
    WAIT_FOR(w, SKF_EV_DEPLOY_FAILED, 1);
    put(w, "k8s.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    WAIT_FOR(w, SKF_EV_LOOP_DONE, 1);
    assert_int_equal(fake.applied, 1);
    stop(w);
}

static void a_manifest_edit_is_applied_without_a_build(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_adds(&text, manifest_one);
    *strstr(text.data, "replicas: 1") = 'r';
    strstr(text.data, "replicas: ")[10] = '2';
    put(w, "k8s.yaml", text.data);
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.started, 1);
    assert_int_equal(fake.applied, 2);
    assert_non_null(strstr(fake.last_applied.data, "replicas: 2"));
    stop(w);
}

static void only_changed_objects_are_applied(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_addf(&text, "%s---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n",
                 manifest_one);
    put(w, "k8s.yaml", text.data);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_non_null(strstr(fake.last_applied.data, "settings"));
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_null(strstr(fake.last_applied.data, "settings"));
    assert_non_null(strstr(fake.last_applied.data, "name: web"));
    stop(w);
}

static void a_broken_configuration_keeps_the_last_good_one(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "skaffold.yaml", "apiVersion: skaffold/v4beta11\nkind: Config\nbiuld: {}\n");
    WAIT_FOR(w, SKF_EV_CONFIG_BROKEN, 1);
    put(w, "app/src.txt", "two"); /* the old plan still works */
    LF_UNTIL(&w->lf, fake.applied == 2);
    put(w, "skaffold.yaml", config_one);
    WAIT_FOR(w, SKF_EV_CONFIG_RELOADED, 1);
    assert_int_equal(fake.built, 2); /* and nothing had to be built again */
    stop(w);
}

static void an_edit_of_one_artifact_builds_only_that_one(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_adds(&text,
                 "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false}\n"
                 "  artifacts:\n"
                 "  - {image: app, context: app, ko: {}}\n"
                 "  - {image: other, context: other, ko: {}}\n"
                 "manifests: {rawYaml: [k8s.yaml]}\n");
    put(w, "other/src.txt", "x");
    put(w, "skaffold.yaml", text.data);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_int_equal(fake.built, 2);
    skf_autobuf struct skf_buf edited = SKF_BUF_INIT;
    const char *second = strstr(text.data, "context: other, ko: {}");
    skf_buf_add(&edited, text.data, (size_t)(second - text.data));
    skf_buf_adds(&edited, "context: other, ko: {note: hello}");
    skf_buf_adds(&edited, second + strlen("context: other, ko: {}"));
    put(w, "skaffold.yaml", edited.data);
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 3);
    assert_string_equal(w->last_text[SKF_EV_CONFIG_RELOADED], "1 of 2 images are built again");
    stop(w);
}

static void what_is_required_is_built_first(void **state)
{
    struct world *w = *state;
    put(w, "base/src.txt", "b");
    put(w, "skaffold.yaml",
        "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false, concurrency: "
        "0}\n"
        "  artifacts:\n"
        "  - {image: app, context: app, ko: {}, requires: [{image: base, alias: BASE}]}\n"
        "  - {image: base, context: base, ko: {}}\n"
        "manifests: {rawYaml: [k8s.yaml]}\n");
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_string_equal(fake.order, "baseapp");
    put(w, "base/src.txt", "b2");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_string_equal(fake.order, "baseappbaseapp");
    stop(w);
}

static void an_object_that_left_the_manifests_is_removed_if_it_is_ours(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_addf(&text,
                 "%s---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ours\n"
                 "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: theirs\n",
                 manifest_one);
    put(w, "k8s.yaml", text.data);
    skf_map_put(&fake.known, "configmap/theirs", &fake);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    put(w, "k8s.yaml", manifest_one);
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.removed, 1);
    assert_non_null(strstr(fake.last_removed.data, "name: ours"));
    assert_null(strstr(fake.last_removed.data, "theirs"));
    stop(w);
}

static void namespaces_are_applied_first(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_addf(&text, "%s---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: team\n",
                 manifest_one);
    put(w, "k8s.yaml", text.data);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_true(strstr(fake.last_applied.data, "kind: Namespace") <
                strstr(fake.last_applied.data, "kind: Deployment"));
    stop(w);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void the_end_removes_only_what_was_created(void **state)
{
    struct world *w = *state;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_buf_addf(&text, "%s---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n",
                 manifest_one);
    put(w, "k8s.yaml", text.data);
    skf_map_put(&fake.known, "configmap/settings", &fake); /* was there before us */
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    stop(w);
    assert_int_equal(fake.removed, 1);
    assert_non_null(strstr(fake.last_removed.data, "name: web"));
    assert_null(strstr(fake.last_removed.data, "settings"));
}

static void without_cleanup_nothing_is_removed(void **state)
{
    struct world *w = *state;
    w->options.cleanup = false;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    stop(w);
    assert_int_equal(fake.removed, 0);
}

static void a_stop_during_a_build_ends_it_and_deploys_nothing(void **state)
{
    struct world *w = *state;
    fake.hold = fake.hold_inputs = true;
    start(w);
    LF_UNTIL(&w->lf, fake.started == 1);
    stop(w);
    assert_int_equal(fake.canceled, 1);
    assert_int_equal(fake.applied, 0);
    assert_int_equal(w->outcome.code, SKF_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(run_builds_deploys_and_ends),
        T(run_ends_with_the_build_error_and_applies_nothing),
        T(run_ends_with_the_deploy_error),
        T(run_looks_at_the_manifests_before_it_builds),
        T(build_alone_deploys_nothing),
        T(dry_run_builds_nothing),
        T(a_stop_during_run_is_an_interruption),
        T(so_many_builds_at_once_as_asked),
        T(the_first_failure_of_one_pass_cancels_the_rest),
        T(after_the_first_failure_no_build_begins),
        T(a_save_is_built_and_applied),
        T(the_same_image_is_not_deployed_again),
        T(a_newer_save_cancels_the_running_build),
        T(a_save_before_the_inputs_are_known_is_not_lost),
        T(what_the_builder_ignores_starts_nothing),
        T(a_build_that_writes_its_own_sources_is_stopped_and_named),
        T(many_saves_during_builds_are_not_taken_for_the_builds_own),
        T(a_newer_save_pre_empts_an_apply_that_takes_long),
        T(a_deploy_that_ends_while_a_newer_build_runs_does_not_end_the_loop),
        T(hooks_of_a_newer_build_stand_beside_those_of_a_deploy),
        T(after_a_failed_apply_the_old_manifest_is_applied_again),
        T(a_failed_build_keeps_dev_and_the_fix_recovers),
        T(a_failed_apply_is_tried_again_with_the_next_change),
        T(a_manifest_edit_is_applied_without_a_build),
        T(only_changed_objects_are_applied),
        T(a_broken_configuration_keeps_the_last_good_one),
        T(an_edit_of_one_artifact_builds_only_that_one),
        T(what_is_required_is_built_first),
        T(an_object_that_left_the_manifests_is_removed_if_it_is_ours),
        T(namespaces_are_applied_first),
        T(the_end_removes_only_what_was_created),
        T(without_cleanup_nothing_is_removed),
        T(a_stop_during_a_build_ends_it_and_deploys_nothing),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}

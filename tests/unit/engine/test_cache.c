/* The artifact cache: what was built of the same contents before is not built again, across
 * sessions; and the ways in which that must not go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/engine/artifact_cache.h"
#include "tests/support/engine_world.h"

static int set_up(void **state)
{
    world_set_up(state);
    ((struct world *)*state)->options.cache_artifacts = true;
    return 0;
}

/* One session of `run`; the builder's counters begin anew. */
static void run_once(struct world *w)
{
    w->options.dev = false;
    w->ended = false;
    w->outcome = (struct skf_err)SKF_ERR_INIT;
    memset(w->counts, 0, sizeof w->counts);
    fake.started = fake.built = fake.asked = fake.applied = 0;
    start(w);
    LF_UNTIL(&w->lf, w->ended);
    skf_engine_free(w->engine);
    w->engine = NULL;
}

/* Ends a dev session; the next one is new. */
static void end_dev(struct world *w)
{
    stop(w);
    skf_engine_free(w->engine);
    w->engine = NULL;
    w->ended = false;
    memset(w->counts, 0, sizeof w->counts);
    fake.started = fake.built = fake.asked = fake.applied = 0;
}

static void a_second_run_builds_nothing_and_asks_nothing(void **state)
{
    struct world *w = *state;
    run_once(w);
    assert_int_equal(fake.built, 1);
    assert_int_equal(w->counts[SKF_EV_CACHE_MISSED], 1);
    skf_autofree char *first = skf_xstrdup(fake.last_applied.data);
    run_once(w);
    assert_int_equal(fake.started, 0);
    assert_int_equal(fake.asked, 0);
    assert_int_equal(w->counts[SKF_EV_CACHE_HIT], 1);
    assert_int_equal(fake.applied, 1);
    assert_string_equal(fake.last_applied.data, first);
}

static void without_the_cache_everything_is_built(void **state)
{
    struct world *w = *state;
    run_once(w);
    w->options.cache_artifacts = false;
    run_once(w);
    assert_int_equal(fake.built, 1);
    assert_int_equal(w->counts[SKF_EV_CACHE_MISSED], 0);
}

static void contents_that_come_back_are_found_again(void **state)
{
    struct world *w = *state;
    run_once(w);
    put(w, "app/src.txt", "two");
    run_once(w);
    assert_int_equal(fake.built, 1);
    put(w, "app/src.txt", "one"); /* other stamps, the same contents */
    run_once(w);
    assert_int_equal(fake.started, 0);
    assert_non_null(strstr(fake.last_applied.data, "image: app:t@sha256:"));
    skf_autofree char *file = skf_path_join(w->dir, "app/src.txt");
    assert_int_equal(chmod(file, 0700), 0); /* in the image this is another file */
    run_once(w);
    assert_int_equal(fake.built, 1);
}

static void a_changed_option_is_another_artifact(void **state)
{
    struct world *w = *state;
    run_once(w);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    const char *ko = strstr(config_one, "ko: {}");
    skf_buf_add(&text, config_one, (size_t)(ko - config_one));
    skf_buf_addf(&text, "ko: {note: x}%s", ko + strlen("ko: {}"));
    put(w, "skaffold.yaml", text.data);
    run_once(w);
    assert_int_equal(fake.built, 1);
}

static void what_the_builder_cannot_key_is_built(void **state)
{
    struct world *w = *state;
    fake.no_key = true;
    run_once(w);
    run_once(w);
    assert_int_equal(fake.built, 1);
}

/* The only file in the cache, or NULL. */
static char *cache_file(struct world *w)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_path_join(w->dir, "artifacts");
    skf_file_list(dir, &names, &err);
    for (size_t i = 0; i < names.n; i++)
        if (strstr(names.v[i], ".json") && !strstr(names.v[i], ".json."))
            return skf_path_join(dir, names.v[i]);
    return NULL;
}

static bool is_remembered(struct world *w)
{
    skf_autofree char *file = cache_file(w);
    return file != NULL;
}

static void a_damaged_entry_is_a_miss_and_mended(void **state)
{
    static const char *const damages[] = {
        "", "{", "[]", "{\"format\":1,\"results\":[7]}", "{\"format\":2,\"results\":[]}", NULL
    };
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    run_once(w);
    skf_autofree char *file = cache_file(w);
    assert_non_null(file);
    for (size_t i = 0; damages[i]; i++) {
        assert_int_equal(skf_file_write_atomic(file, 0600, damages[i], strlen(damages[i]), &err),
                         0);
        run_once(w);
        assert_int_equal(w->outcome.code, SKF_OK);
        assert_int_equal(fake.built, 1);
    }
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    assert_int_equal(skf_file_read(file, 1 << 20, &text, &err), 0);
    for (size_t cut = 1; cut < text.len; cut += 7) { /* a disk that was full */
        skf_file_write_atomic(file, 0600, text.data, cut, &err);
        struct skf_artifact_result r = { 0 };
        skf_autofree char *key = skf_xstrndup(skf_path_base(file), 64);
        const struct skf_artifact_question q = {
            .cache_dir = w->dir, .key = key, .dir = w->dir, .required = ""
        };
        assert_int_equal(skf_artifact_cache_find(&q, &r), SKF_ARTIFACT_NEW);
    }
    run_once(w);
    assert_int_equal(fake.built, 1);
    run_once(w);
    assert_int_equal(fake.built, 0);
}

static void a_write_during_the_build_is_not_taken_for_what_was_built(void **state)
{
    struct world *w = *state;
    w->options.dev = false;
    fake.hold = true;
    start(w);
    LF_UNTIL(&w->lf, fake.started == 1);
    put(w, "app/src.txt", "two"); /* the image is of "one" */
    fake.hold = false;
    LF_UNTIL(&w->lf, w->ended);
    skf_engine_free(w->engine);
    w->engine = NULL;
    run_once(w);
    assert_int_equal(fake.built, 1);
}

static void what_it_requires_counts_by_content(void **state)
{
    struct world *w = *state;
    put(w, "base/src.txt", "b");
    put(w, "skaffold.yaml",
        "apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  local: {push: false}\n"
        "  artifacts:\n"
        "  - {image: app, context: app, ko: {}, requires: [{image: base, alias: BASE}]}\n"
        "  - {image: base, context: base, ko: {}}\n"
        "manifests: {rawYaml: [k8s.yaml]}\n");
    run_once(w);
    assert_int_equal(fake.built, 2);
    run_once(w);
    assert_int_equal(fake.built, 0);
    put(w, "base/src.txt", "b2");
    run_once(w);
    assert_int_equal(fake.built, 2);
}

static void dev_starts_from_the_cache_and_still_sees_saves(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    LF_UNTIL(&w->lf, is_remembered(w)); /* an end would not wait for it */
    end_dev(w);
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    assert_int_equal(fake.started, 0);
    assert_int_equal(fake.asked, 0); /* what it reads was remembered too */
    put(w, "app/src.txt", "two");
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 1);
    put(w, "app/src.txt", "one"); /* an undo */
    WAIT_FOR(w, SKF_EV_WATCHING, 3);
    assert_int_equal(fake.built, 1);
    assert_int_equal(w->counts[SKF_EV_CACHE_HIT], 2);
    assert_int_equal(fake.applied, 3);
    stop(w);
}

static void a_trigger_builds_whatever_the_cache_has(void **state)
{
    struct world *w = *state;
    start(w);
    WAIT_FOR(w, SKF_EV_WATCHING, 1);
    skf_engine_trigger(w->engine);
    WAIT_FOR(w, SKF_EV_WATCHING, 2);
    assert_int_equal(fake.built, 2);
    stop(w);
}

static void a_list_with_rules_is_asked_for_before_the_look(void **state)
{
    struct world *w = *state;
    fake.tree = true;
    put(w, "app/out/log", "x");
    run_once(w);
    assert_int_equal(fake.built, 1);
    put(w, "app/out/log", "y"); /* is left out */
    run_once(w);
    assert_int_equal(fake.built, 0);
    assert_int_equal(fake.asked, 1);
    put(w, "app/new.txt", "z");
    run_once(w);
    assert_int_equal(fake.built, 1);
}

static void a_stop_while_the_inputs_are_awaited_ends_it(void **state)
{
    struct world *w = *state;
    fake.tree = true;
    run_once(w);
    fake.hold_inputs = true;
    w->ended = false;
    fake.asked = 0;
    start(w);
    LF_UNTIL(&w->lf, fake.asked == 1);
    stop(w);
    assert_int_equal(w->outcome.code, SKF_ECANCELED);
}

static void a_question_that_takes_long_does_not_hold_a_run(void **state)
{
    struct world *w = *state;
    fake.hold_inputs = true; /* for ever */
    run_once(w);
    assert_int_equal(w->outcome.code, SKF_OK);
    assert_int_equal(fake.built, 1);
    fake.hold_inputs = false;
    run_once(w); /* nothing was remembered */
    assert_int_equal(fake.built, 1);
}

static void two_skiffs_keep_both_results(void **state)
{
    struct world *w = *state;
    struct skf_inputs in = { 0 };
    struct skf_artifact_result r = { 0 };
    char one[SKF_DIGEST_TEXT], two[SKF_DIGEST_TEXT];
    skf_strv_take(&in.files, skf_path_join(w->dir, "app/src.txt"));
    skf_digest_of("1", 1, one);
    skf_digest_of("2", 1, two);
    struct skf_artifact_question q = {
        .cache_dir = w->dir, .key = "k", .dir = w->dir, .required = "", .known = &in
    };
    lf_quiet(&w->lf, 30);
    skf_artifact_cache_put(&q, skf_clock_wall_ms(), "a:one", one);
    put(w, "app/src.txt", "other");
    lf_quiet(&w->lf, 30);
    skf_artifact_cache_put(&q, skf_clock_wall_ms(), "a:two", two);
    assert_int_equal(skf_artifact_cache_find(&q, &r), SKF_ARTIFACT_KNOWN);
    assert_string_equal(r.deployed, "a:two");
    skf_artifact_result_release(&r);
    put(w, "app/src.txt", "one");
    assert_int_equal(skf_artifact_cache_find(&q, &r), SKF_ARTIFACT_KNOWN);
    assert_string_equal(r.deployed, "a:one");
    skf_artifact_result_release(&r);
    q.required = "base=sha256:x";
    assert_int_equal(skf_artifact_cache_find(&q, &r), SKF_ARTIFACT_NEW);
    skf_inputs_release(&in);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_second_run_builds_nothing_and_asks_nothing),
        T(without_the_cache_everything_is_built),
        T(contents_that_come_back_are_found_again),
        T(a_changed_option_is_another_artifact),
        T(what_the_builder_cannot_key_is_built),
        T(a_damaged_entry_is_a_miss_and_mended),
        T(a_write_during_the_build_is_not_taken_for_what_was_built),
        T(what_it_requires_counts_by_content),
        T(dev_starts_from_the_cache_and_still_sees_saves),
        T(a_trigger_builds_whatever_the_cache_has),
        T(a_list_with_rules_is_asked_for_before_the_look),
        T(a_stop_while_the_inputs_are_awaited_ends_it),
        T(a_question_that_takes_long_does_not_hold_a_run),
        T(two_skiffs_keep_both_results),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

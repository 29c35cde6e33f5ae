/* Tests between build and deploy. happy path: what was built is tested, then deployed.
 * failures:   nothing is deployed; tried again when something changes.
 * on cancel:  a newer save of what is tested, or the end of the session. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/tests.h"

struct skf_engine_tests {
    struct skf_engine *engine;
    struct skf_tests run;
    struct skf_pair *images; /* what the run tests */
    bool running;
    bool failed; /* until something changes */
    /* Files that dependency commands named the last time. */
    SKF_VEC(struct named {
        const struct skf_custom_test *custom;
        struct skf_strv paths;
    })
    named;
    SKF_VEC(struct skf_inputs) watched; /* of the watch's present set */
};

void tests_init(struct skf_engine *e)
{
    e->tests = skf_xcalloc(1, sizeof *e->tests);
    e->tests->engine = e;
}

static void drop_named(struct skf_engine_tests *t)
{
    for (size_t i = 0; i < t->named.n; i++)
        skf_strv_release(&t->named.v[i].paths);
    skf_vec_release(&t->named);
}

void tests_free(struct skf_engine *e)
{
    drop_named(e->tests);
    for (size_t i = 0; i < e->tests->watched.n; i++)
        skf_inputs_release(&e->tests->watched.v[i]);
    skf_vec_release(&e->tests->watched);
    free(e->tests->images);
    free(e->tests);
}

void tests_reset(struct skf_engine *e)
{
    drop_named(e->tests); /* they point into the old plan */
}

bool tests_busy(const struct skf_engine *e)
{
    return e->tests->running;
}

bool tests_failed(const struct skf_engine *e)
{
    return e->tests->failed;
}

void tests_retry(struct skf_engine *e)
{
    e->tests->failed = false;
}

void tests_stop(struct skf_engine *e)
{
    if (e->tests->running)
        skf_tests_cancel(&e->tests->run);
}

/* --- running them ----------------------------------------------------------------------------- */

static void on_start(struct skf_tests *t, const struct skf_test_case *c)
{
    skf_autofree char *limit = c->custom->timeout_s > 0
                                   ? skf_xasprintf(" with timeout %d s", c->custom->timeout_s)
                                   : skf_xstrdup("");
    skf_autofree char *text =
        skf_xasprintf("Running custom test command: \"%s\"%s", c->custom->command, limit);
    engine_emit(t->data, SKF_EV_TEST_LINE, c->test->image, text);
}

static void on_line(struct skf_tests *t, const char *line)
{
    engine_emit(t->data, SKF_EV_TEST_LINE, NULL, line);
}

static void on_pass(struct skf_tests *t, const struct skf_test_case *c)
{
    engine_emit(t->data, SKF_EV_TEST_LINE, c->test->image, "Command finished successfully.");
}

static struct named *named_by(struct skf_engine_tests *t, const struct skf_custom_test *custom)
{
    for (size_t i = 0; i < t->named.n; i++)
        if (t->named.v[i].custom == custom)
            return &t->named.v[i];
    skf_vec_push(&t->named, (struct named){ .custom = custom });
    return &t->named.v[t->named.n - 1];
}

static void keep_named(struct skf_engine *e)
{
    struct skf_engine_tests *t = e->tests;
    for (size_t i = 0; i < t->run.files.n; i++) {
        struct skf_test_files *f = &t->run.files.v[i];
        skf_strv_swap(&named_by(t, f->custom)->paths, &f->paths);
        e->watch_dirty = e->opts.dev;
    }
}

static void on_done(struct skf_tests *run, const struct skf_err *err)
{
    struct skf_engine *e = run->data;
    struct skf_engine_tests *t = e->tests;
    t->running = false;
    keep_named(e);
    skf_tests_release(run);
    if (!err) {
        for (size_t i = 0; i < e->n_units; i++)
            e->units[i].test_due = e->units[i].test_due && e->units[i].dirty;
        engine_emit(e, SKF_EV_TEST_DONE, NULL, NULL);
    } else if (err->code != SKF_ECANCELED) {
        t->failed = true;
        engine_emit_err(e, SKF_EV_TEST_FAILED, NULL, err);
        engine_fail(e, SKF_STAGE_TEST, err);
    }
    engine_pump(e);
}

bool tests_start(struct skf_engine *e)
{
    struct skf_engine_tests *t = e->tests;
    size_t n = 0;
    if (!e->opts.tests || e->opts.dry_run)
        return false;
    free(t->images);
    t->images = skf_xcalloc(e->n_units, sizeof *t->images);
    for (size_t i = 0; i < e->n_units; i++)
        if (e->units[i].test_due && e->units[i].deployed)
            t->images[n++] = (struct skf_pair){ .key = e->units[i].planned->artifact->image,
                                                .value = e->units[i].deployed };
    if (!skf_tests_any(&e->plan.config, t->images, n))
        return false;
    t->run = (struct skf_tests){ .config = &e->plan.config,
                                 .images = t->images,
                                 .n_images = n,
                                 .data = e,
                                 .on_start = on_start,
                                 .on_line = on_line,
                                 .on_pass = on_pass,
                                 .done = on_done };
    t->running = true;
    engine_emit(e, SKF_EV_TEST_STARTED, NULL, NULL);
    skf_tests_start(e->services.loop, &t->run);
    return true;
}

/* --- what they depend on ---------------------------------------------------------------------- */

static void add_test(struct skf_engine *e, const struct skf_module *m, struct skf_test *test)
{
    const struct skf_custom_test *v = test->custom.v;
    for (size_t i = 0; i < test->custom.n; i++) {
        struct skf_inputs in = { 0 };
        skf_test_inputs(m, test, &v[i], &in);
        watch_inputs(e, &in, test);
        skf_vec_push(&e->tests->watched, in);
        const struct named *n = named_by(e->tests, &v[i]);
        for (size_t k = 0; k < n->paths.n; k++)
            skf_watch_add_file(e->watch, n->paths.v[k], test);
    }
}

/* The old lists go when the watch has its new set: until then it asks their skip functions. */
static void retire(struct skf_engine *e)
{
    for (size_t i = 0; i < e->tests->watched.n; i++)
        skf_vec_push(&e->retired, e->tests->watched.v[i]);
    e->tests->watched.n = 0;
}

void tests_watch(struct skf_engine *e)
{
    retire(e);
    for (size_t i = 0; e->opts.tests && i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        for (size_t j = 0; j < m->n_tests; j++)
            if (m->tests[j].image)
                add_test(e, m, &m->tests[j]);
    }
}

static const struct skf_test *find_test(const struct skf_engine *e, const void *owner)
{
    for (size_t i = 0; i < e->plan.config.n_modules; i++) {
        const struct skf_module *m = &e->plan.config.modules[i];
        for (size_t j = 0; j < m->n_tests; j++)
            if (owner == &m->tests[j])
                return &m->tests[j];
    }
    return NULL;
}

bool tests_own(const struct skf_engine *e, const void *owner)
{
    return find_test(e, owner) != NULL;
}

void tests_touch(struct skf_engine *e, const void *owner)
{
    struct unit *u = unit_find(e, find_test(e, owner)->image);
    if (u)
        u->test_due = true;
}

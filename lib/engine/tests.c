#include "lib/engine/tests.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/expand.h"
#include "lib/io/file.h"

enum { MAX_DEPENDENCIES = 16 * 1024 * 1024 };

static void add_cases(struct skf_tests *t, const struct skf_module *m, const struct skf_pair *image)
{
    for (size_t i = 0; i < m->n_tests; i++) {
        const struct skf_test *test = &m->tests[i];
        const struct skf_custom_test *v = test->custom.v;
        for (size_t j = 0; j < test->custom.n; j++)
            if (test->image && strcmp(test->image, image->key) == 0)
                skf_vec_push(&t->cases, (struct skf_test_case){ m, test, &v[j], image->value });
    }
}

bool skf_tests_any(const struct skf_config *config, const struct skf_pair *images, size_t n)
{
    struct skf_tests t = { 0 };
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < config->n_modules; m++)
            add_cases(&t, &config->modules[m], &images[i]);
    bool any = t.cases.n > 0;
    skf_vec_release(&t.cases);
    return any;
}

void skf_tests_release(struct skf_tests *t)
{
    for (size_t i = 0; i < t->files.n; i++)
        skf_strv_release(&t->files.v[i].paths);
    skf_vec_release(&t->files);
    skf_vec_release(&t->cases);
}

/* --- one test --------------------------------------------------------------------------------- */

static void next_test(struct skf_tests *t);

static void finish(struct skf_tests *t, const struct skf_err *err)
{
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (t->cancelled)
        skf_err_set(&failure, SKF_ECANCELED, "tests: cancelled");
    t->done(t, failure.code ? &failure : NULL);
}

static char *context_dir(const struct skf_test_case *c)
{
    return skf_path_abs(c->module->dir, c->test->context ? c->test->context : ".");
}

/* The users' environment comes behind ours, as in Skaffold: theirs wins. */
static void add_env(struct skf_proc *p, const char *name, const char *value)
{
    if (!getenv(name))
        skf_strv_addf(&p->env, "%s=%s", name, value);
}

static void fill(struct skf_tests *t, const char *command)
{
    const struct skf_test_case *c = &t->cases.v[t->at];
    struct skf_proc *p = &t->proc;
    skf_proc_init(p);
    skf_proc_args(p, "sh", "-c", command, NULL);
    p->cwd = context_dir(c);
    add_env(p, "IMAGE", c->reference);
    add_env(p, "TEST_CONTEXT", p->cwd);
    p->data = t;
}

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct skf_tests *t = p->data;
    (void)from, (void)len;
    t->on_line(t, line);
}

static void on_tested(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_tests *t = p->data;
    const struct skf_test_case *c = &t->cases.v[t->at];
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    t->running = false;
    skf_proc_release(p);
    if (err && err->code == SKF_ETIMEDOUT)
        skf_err_set(&failure, SKF_ETIMEDOUT, "it took longer than %d s", c->custom->timeout_s);
    if (err) {
        skf_err_wrap(&failure, "test '%s' of image '%s'", c->custom->command, c->test->image);
        finish(t, &failure);
        return;
    }
    t->on_pass(t, c);
    t->at++;
    next_test(t);
}

static void run_test(struct skf_tests *t)
{
    const struct skf_test_case *c = &t->cases.v[t->at];
    struct skf_err err = SKF_ERR_INIT;
    char *expanded = NULL;
    if (skf_expand(c->custom->command, NULL, "test.custom.command", NULL, &expanded, &err) < 0) {
        finish(t, &err);
        return;
    }
    skf_autofree char *command = expanded;
    t->on_start(t, c);
    fill(t, command);
    t->proc.merge = true;
    t->proc.on_line = on_line;
    t->proc.limit_ms = skf_seconds_ms(c->custom->timeout_s);
    t->running = true;
    skf_proc_start(t->loop, &t->proc, on_tested);
}

/* --- what it depends on ----------------------------------------------------------------------- */

static int take_files(struct skf_tests *t, struct skf_err *err)
{
    const struct skf_test_case *c = &t->cases.v[t->at];
    struct skf_test_files files = { .custom = c->custom };
    skf_autofree char *dir = context_dir(c);
    json_error_t where;
    size_t i;
    json_t *path, *list = json_loadb(t->proc.out.data, t->proc.out.len, 0, &where);
    if (!json_is_array(list)) {
        json_decref(list);
        return skf_err_set(err, SKF_EINVAL, "it must print a JSON list of files: '[\"a\", \"b\"]'");
    }
    json_array_foreach(list, i, path)
    {
        if (json_is_string(path))
            skf_strv_take(&files.paths, skf_path_abs(dir, json_string_value(path)));
    }
    json_decref(list);
    skf_vec_push(&t->files, files);
    return 0;
}

static void on_dependencies(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_tests *t = p->data;
    struct skf_err failure = err ? *err : (struct skf_err)SKF_ERR_INIT;
    t->running = false;
    if (!err)
        take_files(t, &failure);
    if (failure.code)
        skf_err_wrap(&failure, "dependency command '%s' of the tests of image '%s'",
                     t->cases.v[t->at].custom->dependencies->command,
                     t->cases.v[t->at].test->image);
    skf_proc_release(p);
    if (failure.code || t->cancelled)
        finish(t, &failure);
    else
        run_test(t);
}

static void next_test(struct skf_tests *t)
{
    if (t->at == t->cases.n || t->cancelled) {
        finish(t, NULL);
        return;
    }
    const struct skf_test_dependencies *d = t->cases.v[t->at].custom->dependencies;
    if (!d || !d->command) {
        run_test(t);
        return;
    }
    fill(t, d->command);
    t->proc.capture_max = MAX_DEPENDENCIES;
    t->running = true;
    skf_proc_start(t->loop, &t->proc, on_dependencies);
}

/* --- the list --------------------------------------------------------------------------------- */

static void on_first(struct skf_defer *d)
{
    next_test(SKF_CONTAINER_OF(d, struct skf_tests, first));
}

void skf_tests_start(uv_loop_t *loop, struct skf_tests *t)
{
    t->loop = loop;
    for (size_t i = 0; i < t->n_images; i++)
        for (size_t m = 0; m < t->config->n_modules; m++)
            add_cases(t, &t->config->modules[m], &t->images[i]);
    skf_defer_start(loop, &t->first, 0, on_first);
}

void skf_tests_cancel(struct skf_tests *t)
{
    t->cancelled = true;
    if (t->running)
        skf_proc_stop(&t->proc);
}

/* --- what is watched -------------------------------------------------------------------------- */

/* skip_data of the inputs of a test. */
struct patterns {
    char *dir;
    struct skf_strv paths, ignore;
};

static void free_patterns(void *data)
{
    struct patterns *p = data;
    free(p->dir);
    skf_strv_release(&p->paths);
    skf_strv_release(&p->ignore);
    free(p);
}

static bool matches(const struct skf_strv *patterns, const char *path)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const char *pattern = patterns->v[i];
        size_t len = strlen(pattern);
        bool below = strncmp(path, pattern, len) == 0 && (path[len] == '/' || !path[len]);
        if (below || strcmp(pattern, ".") == 0 || skf_glob_match(pattern, path))
            return true;
    }
    return false;
}

static bool is_no_dependency(void *data, const char *path, bool is_dir)
{
    const struct patterns *p = data;
    if (!skf_path_within(p->dir, path))
        return true;
    skf_autofree char *rel = skf_path_rel(p->dir, path);
    if (matches(&p->ignore, rel))
        return true;
    return !is_dir && !matches(&p->paths, rel);
}

static void copy_clean(const struct skf_strings *from, struct skf_strv *to)
{
    for (size_t i = 0; i < from->n; i++)
        skf_strv_take(to, skf_path_clean(from->v[i]));
}

void skf_test_inputs(const struct skf_module *m, const struct skf_test *test,
                     const struct skf_custom_test *custom, struct skf_inputs *out)
{
    const struct skf_test_case c = { .module = m, .test = test };
    if (!custom->dependencies || !custom->dependencies->paths.n)
        return;
    struct patterns *p = skf_xcalloc(1, sizeof *p);
    p->dir = context_dir(&c);
    copy_clean(&custom->dependencies->paths, &p->paths);
    copy_clean(&custom->dependencies->ignore, &p->ignore);
    for (size_t i = 0; i < p->paths.n; i++) {
        skf_autofree char *full = skf_path_join(p->dir, p->paths.v[i]);
        bool is_file = !skf_glob_has_meta(full) && !skf_file_is_dir(full);
        while (skf_glob_has_meta(full))
            skf_replace(&full, skf_path_dir(full));
        skf_strv_add(is_file ? &out->files : &out->trees, full);
    }
    out->skips = is_no_dependency;
    out->skip_data = p;
    out->skip_free = free_patterns;
}

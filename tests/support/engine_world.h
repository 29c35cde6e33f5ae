/* tests/support/engine_world.h: an engine with fake seams (fake_seams.h) on a real loop, file
 * system and watcher, in a directory of its own. Header only. */
#ifndef SKF_TESTS_ENGINE_WORLD_H
#define SKF_TESTS_ENGINE_WORLD_H
#include "lib/engine/engine.h"
#include "tests/support/fake_seams.h"
#include "tests/support/loop_fixture.h"

struct world {
    struct lf lf;
    char *dir;
    struct skf_services services;
    struct skf_engine *engine;
    struct skf_engine_options options;
    struct skf_strv none;
    int counts[64];
    char *last_text[64];
    bool ended;
    struct skf_err outcome;
};

static const char config_one[] = "apiVersion: skaffold/v4beta11\n"
                                 "kind: Config\n"
                                 "build:\n"
                                 "  local: {push: false}\n"
                                 "  artifacts:\n"
                                 "  - image: app\n"
                                 "    context: app\n"
                                 "    ko: {}\n"
                                 "manifests:\n"
                                 "  rawYaml: [k8s.yaml]\n";
static const char manifest_one[] = "apiVersion: apps/v1\n"
                                   "kind: Deployment\n"
                                   "metadata:\n"
                                   "  name: web\n"
                                   "spec:\n"
                                   "  replicas: 1\n"
                                   "  template:\n"
                                   "    spec:\n"
                                   "      containers:\n"
                                   "      - name: web\n"
                                   "        image: app # the image\n";

static inline void put(struct world *w, const char *name, const char *text)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(w->dir, name);
    skf_autofree char *parent = skf_path_dir(path);
    assert_int_equal(skf_file_mkdirs(parent, 0700, &err), 0);
    assert_int_equal(skf_file_write_atomic(path, 0600, text, strlen(text), &err), 0);
}

static inline void on_event(void *data, const struct skf_event *ev)
{
    struct world *w = data;
    w->counts[ev->kind]++;
    const char *text = ev->text ? ev->text : ev->err ? ev->err->msg : ev->subject;
    skf_replace(&w->last_text[ev->kind], skf_xstrdup_null(text));
}

static inline void on_done(struct skf_engine *e, const struct skf_err *err)
{
    struct world *w = skf_engine_data(e);
    w->ended = true;
    if (err)
        w->outcome = *err;
}

static inline int world_set_up(void **state)
{
    struct world *w = skf_xcalloc(1, sizeof *w);
    struct skf_err err = SKF_ERR_INIT;
    fake_reset();
    lf_open(&w->lf);
    w->dir = skf_file_temp_dir("skiff-engine", &err);
    assert_non_null(w->dir);
    assert_int_equal(chdir(w->dir), 0);
    put(w, "app/src.txt", "one");
    put(w, "k8s.yaml", manifest_one);
    put(w, "skaffold.yaml", config_one);
    w->services = (struct skf_services){ .loop = &w->lf.loop, .cache_dir = w->dir, .cwd = w->dir };
    w->options = (struct skf_engine_options){
        .dev = true,
        .build_concurrency = -1,
        .deploys = true,
        .cleanup = true,
        .status_check = SKF_NO,
        .deployers = fake_deployers,
        .tag = "t",
        .port_forward = &w->none,
        .config = { .command = "dev",
                    .builders = fake_sections,
                    .profiles = &w->none,
                    .modules = &w->none },
        .plan = { .builders = fake_builders, .deploys = true },
    };
    *state = w;
    return 0;
}

static inline int world_tear_down(void **state)
{
    struct world *w = *state;
    struct skf_err err = SKF_ERR_INIT;
    skf_engine_free(w->engine);
    lf_close(&w->lf);
    assert_int_equal(chdir("/"), 0);
    skf_file_remove_tree(w->dir, &err);
    for (size_t i = 0; i < SKF_ARRAY_LEN(w->last_text); i++)
        free(w->last_text[i]);
    free(w->dir);
    free(w);
    fake_reset();
    return 0;
}

static inline void start(struct world *w)
{
    /* A file written a moment before a build counts as written during it: let that moment pass, so
     * that the tests can count builds. */
    lf_quiet(&w->lf, 60);
    struct skf_diagnostics diags = { 0 };
    struct skf_config config;
    int rc = skf_config_load(&w->options.config, &config, &diags);
    for (size_t i = 0; i < diags.n; i++)
        print_message("%s:%d: %s\n", diags.v[i].file, diags.v[i].line, diags.v[i].message);
    skf_diagnostics_release(&diags);
    assert_int_equal(rc, 0);
    w->engine = skf_engine_new(&w->services, &w->options, on_event, w);
    skf_engine_start(w->engine, &config, on_done);
}

static inline void stop(struct world *w)
{
    skf_engine_stop(w->engine);
    LF_UNTIL(&w->lf, w->ended);
}

#define WAIT_FOR(w, kind, n) LF_UNTIL(&(w)->lf, (w)->counts[kind] >= (n))
#endif

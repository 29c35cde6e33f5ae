/* happy path: read the settings; ask git and go env when a template names them; expand; take what
 *             is known of the package if nothing that decides it has changed, else ask `go list`
 *             for it and all it imports.
 * failures:   the first one ends it; nothing was changed anywhere.
 * on cancel:  the running child or pool work ends first. */
#include "builders/ko/prepare.h"

#include <string.h>

#include "builders/ko/around.h"
#include "builders/ko/goerror.h"
#include "builders/ko/inputs.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"

const struct skf_ko_package *skf_ko_main_package(const struct skf_ko_packages *list,
                                                 const struct skf_ko_plan *plan,
                                                 struct skf_err *err)
{
    const struct skf_ko_package *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < list->list.n; i++)
        if (!list->list.v[i].dep_only) {
            found = &list->list.v[i];
            n++;
        }
    if (n != 1) {
        skf_err_set(err, SKF_ECONFIG,
                    "'%s' names %zu packages, expected one: say which with 'main'", plan->pattern,
                    n);
        return NULL;
    }
    if (strcmp(found->name, "main") == 0 && !skf_ko_package_is_cgo_only(found))
        return found;
    if (skf_ko_package_is_cgo_only(found)) {
        skf_err_set(err, SKF_EBUILD,
                    "'%s' is a cgo program (import \"C\"), and images are built without cgo: add "
                    "'CGO_ENABLED=1' to 'env' and set fromImage to a base with a C library",
                    found->import_path);
        return NULL;
    }
    if (found->error[0]) {
        /* Go's own reason is better than "not package main". */
        skf_autofree char *text = found->error_pos[0]
                                      ? skf_xasprintf("%s: %s", found->error_pos, found->error)
                                      : skf_xstrdup(found->error);
        skf_goerror_from_text(text, plan->run_dir, err);
        return NULL;
    }
    skf_err_set(err, SKF_ECONFIG,
                "'%s' is package '%s', not package main: say which is with 'main'",
                found->import_path, found->name);
    return NULL;
}

static struct skf_ko_prepare *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_ko_prepare, flow);
}

static enum skf_next load_plan(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    skf_ko_plan_load(p->ctx, p->reference, p->target, &p->plan, &f->err);
    return SKF_NEXT;
}

static void on_facts(struct skf_ko_facts *facts, const struct skf_err *err)
{
    struct skf_ko_prepare *p = facts->data;
    skf_flow_resume(&p->flow, err);
}

static void stop_facts(struct skf_flow *f)
{
    skf_ko_facts_cancel(&of(f)->facts);
}

static enum skf_next collect_facts(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (!skf_ko_facts_needed(&p->plan.roots))
        return SKF_NEXT;
    p->facts.dir = p->plan.run_dir;
    p->facts.go = p->plan.go;
    p->facts.roots = &p->plan.roots;
    p->facts.data = p;
    f->abort = stop_facts;
    skf_ko_facts_start(p->ctx->services->loop, &p->facts, on_facts);
    return SKF_WAIT;
}

/* What decides the answers of `go list`, beside the files. */
static void digest_settings(struct skf_ko_prepare *p)
{
    struct skf_sha256 h;
    skf_sha256_init(&h);
    const char *texts[] = { p->plan.run_dir, p->plan.pattern, p->plan.go };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++)
        skf_sha256_add(&h, texts[i], strlen(texts[i]) + 1);
    skf_ko_around_environment(&h);
    for (size_t i = 0; i < p->settings.env.n; i++)
        skf_sha256_add(&h, p->settings.env.v[i], strlen(p->settings.env.v[i]) + 1);
    skf_autostrv struct skf_strv flags = SKF_STRV_INIT;
    skf_ko_golist_flags(&p->settings.flags, &flags);
    for (size_t i = 0; i < flags.n; i++)
        skf_sha256_add(&h, flags.v[i], strlen(flags.v[i]) + 1);
    skf_sha256_end(&h, p->settings_digest);
}

static enum skf_next expand_settings(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    /* "all" has no platform yet: Go is asked about this machine's architecture. */
    if (p->plan.platforms.n)
        p->platform = p->plan.platforms.v[0];
    else
        skf_platform_parse("linux", &p->platform, &f->err);
    if (!p->platform.arch[0])
        snprintf(p->platform.arch, sizeof p->platform.arch, "%s", skf_ko_host_arch());
    if (skf_ko_plan_settings(&p->plan, &p->facts, &p->platform, &p->settings, &f->err) < 0)
        return SKF_NEXT;
    digest_settings(p);
    memcpy(p->known_key, p->settings_digest, sizeof p->known_key);
    p->session = skf_ko_session_get(p->plan.run_dir, p->plan.pattern);
    return SKF_NEXT;
}

/* --- what is known ---------------------------------------------------------------------------- */

static bool stopped(void *work)
{
    return skf_work_cancelled(work);
}

static void look_at_files(struct skf_ko_prepare *p, const struct skf_ko_graph *g)
{
    skf_autostrv struct skf_strv around = SKF_STRV_INIT;
    skf_ko_around_files(&p->plan, &g->inputs, g->goroot, &around);
    skf_ko_seen_take(&g->inputs, &around, stopped, &p->work, &p->seen);
}

static void look(struct skf_work *w)
{
    struct skf_ko_prepare *p = SKF_CONTAINER_OF(w, struct skf_ko_prepare, work);
    char mark[SKF_DIGEST_TEXT];
    if (p->look_in_cache)
        skf_ko_known_load(p->cache_dir, p->known_key, &p->old_graph, &p->old_kept);
    if (!p->old_graph)
        return;
    look_at_files(p, p->old_graph);
    p->files_same = p->old_kept && skf_ko_seen_same(&p->old_kept->seen, &p->seen);
    p->graph_same = p->files_same;
    if (!p->graph_same) {
        skf_ko_graph_mark(p->old_graph, stopped, w, mark, NULL);
        p->graph_same = strcmp(mark, p->old_graph->mark) == 0;
    }
}

static void stop_work(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static void on_looked(struct skf_work *w)
{
    struct skf_ko_prepare *p = SKF_CONTAINER_OF(w, struct skf_ko_prepare, work);
    if (p->look_in_cache && p->old_graph)
        skf_ko_session_learn(p->session, p->known_key, p->old_graph, p->old_kept);
    if (p->graph_same && (p->old_graph->have_package || !p->want_package)) {
        p->graph = skf_ko_graph_ref(p->old_graph);
        p->kept = p->files_same ? skf_ko_kept_ref(p->old_kept) : NULL;
    }
    skf_flow_resume(&p->flow, w->err.code ? &w->err : NULL);
}

static enum skf_next recall(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    struct skf_ko_session *s = p->session;
    p->look_in_cache = strcmp(s->known_key, p->known_key) != 0;
    p->cache_dir = p->ctx->services->cache_dir;
    if (!p->look_in_cache) {
        p->old_graph = skf_ko_graph_ref(s->graph);
        p->old_kept = skf_ko_kept_ref(s->kept);
    }
    f->abort = stop_work;
    skf_work_start(p->ctx->services->loop, &p->work, look, on_looked);
    return SKF_WAIT;
}

/* --- an import path --------------------------------------------------------------------------- */

static void ask_where(struct skf_ko_prepare *p);

/* An import path may belong to the module of a `builds` entry: those are asked when the first says
 * no. */
static bool try_next_entry(struct skf_ko_prepare *p)
{
    while (!p->plan.own_config && p->entry < p->plan.yaml.builds.n) {
        const struct skf_ko_build_entry *e = &p->plan.yaml.builds.v[p->entry++];
        skf_autofree char *dir = skf_path_abs(p->plan.workdir, e->dir);
        if (strcmp(dir, p->plan.run_dir) == 0)
            continue;
        skf_replace(&p->plan.run_dir, skf_path_abs(p->plan.workdir, e->dir));
        return true;
    }
    return false;
}

static void on_where(struct skf_ko_golist *l, const struct skf_err *err)
{
    struct skf_ko_prepare *p = l->data;
    struct skf_err e = SKF_ERR_INIT;
    const struct skf_ko_package *found = NULL;
    if (err)
        e = *err;
    else
        found = skf_ko_main_package(&l->packages, &p->plan, &e);
    if (found)
        skf_ko_plan_use_entry(&p->plan, found->dir);
    skf_ko_golist_release(l);
    p->list_used = false;
    if (!found && e.code != SKF_ECANCELED && e.code != SKF_ENOTFOUND && try_next_entry(p)) {
        ask_where(p);
        return;
    }
    /* Where it is nowhere, the first place is what to watch. */
    bool tolerable = !p->want_package && (e.code == SKF_EBUILD || e.code == SKF_ECONFIG);
    if (!found && tolerable)
        skf_replace(&p->plan.run_dir, skf_xstrdup(p->plan.workdir));
    skf_flow_resume(&p->flow, found || tolerable ? NULL : &e);
}

static void ask_go(struct skf_ko_prepare *p, bool deps,
                   void (*done)(struct skf_ko_golist *l, const struct skf_err *err))
{
    p->list = (struct skf_ko_golist){ .go = p->plan.go,
                                      .dir = p->plan.run_dir,
                                      .pattern = p->plan.pattern,
                                      .env = &p->settings.env,
                                      .flags = &p->settings.flags,
                                      .deps = deps,
                                      .data = p };
    p->list_used = true;
    p->listed_us = skf_clock_wall_ms() * 1000;
    skf_ko_golist_start(p->ctx->services->loop, &p->list, done);
}

static void ask_where(struct skf_ko_prepare *p)
{
    ask_go(p, false, on_where);
}

static void stop_list(struct skf_flow *f)
{
    skf_ko_golist_cancel(&of(f)->list);
}

static enum skf_next find_entry(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (!p->plan.strict || (p->plan.yaml.builds.n == 0 && !p->graph))
        return SKF_NEXT;
    if (p->graph) {
        skf_replace(&p->plan.run_dir, skf_xstrdup(p->graph->run_dir));
        if (p->graph->have_package)
            skf_ko_plan_use_entry(&p->plan, p->graph->package.dir);
        return SKF_NEXT;
    }
    f->abort = stop_list;
    ask_where(p);
    return SKF_WAIT;
}

/* A `builds` entry that was found through the import path brings settings of its own. */
static bool has_entry(const struct skf_ko_prepare *p)
{
    return p->plan.strict && p->plan.yaml.builds.n;
}

static enum skf_next collect_facts_again(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    struct skf_ko_texts *texts[] = { &p->plan.env, &p->plan.flags, &p->plan.ldflags };
    if (!has_entry(p))
        return SKF_NEXT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++)
        if (skf_ko_plan_collect_roots(&p->plan, texts[i], &f->err) < 0)
            return SKF_NEXT;
    skf_ko_facts_release(&p->facts);
    return collect_facts(f);
}

static void drop_known(struct skf_ko_prepare *p)
{
    skf_ko_graph_unref(p->graph);
    skf_ko_kept_unref(p->kept);
    p->graph = NULL;
    p->kept = NULL;
}

static enum skf_next expand_again(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (has_entry(p)) {
        skf_ko_settings_release(&p->settings);
        if (skf_ko_plan_settings(&p->plan, &p->facts, &p->platform, &p->settings, &f->err) < 0)
            return SKF_NEXT;
        digest_settings(p);
    }
    if (p->graph && strcmp(p->graph->settings, p->settings_digest) != 0)
        drop_known(p);
    return SKF_NEXT;
}

/* --- Go's answer ------------------------------------------------------------------------------ */

static void on_graph(struct skf_ko_golist *l, const struct skf_err *err)
{
    struct skf_ko_prepare *p = l->data;
    struct skf_err e = SKF_ERR_INIT;
    if (err)
        e = *err;
    const struct skf_ko_package *found =
        err ? NULL : skf_ko_main_package(&l->packages, &p->plan, &e);
    /* "Go says no" still leaves the directory and its manifests to watch. */
    if (!found && !p->want_package && (e.code == SKF_EBUILD || e.code == SKF_ECONFIG))
        e.code = SKF_OK;
    skf_flow_resume(&p->flow, e.code ? &e : NULL);
}

static enum skf_next ask_graph(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (p->graph)
        return SKF_NEXT;
    f->abort = stop_list;
    ask_go(p, true, on_graph);
    return SKF_WAIT;
}

static char *goroot_of(const struct skf_ko_packages *packages)
{
    for (size_t i = 0; i < packages->list.n; i++) {
        const struct skf_ko_package *p = &packages->list.v[i];
        size_t len = strlen(p->dir), tail = strlen("/src/") + strlen(p->import_path);
        if (p->standard && len > tail && strcmp(p->dir + len - tail + 5, p->import_path) == 0)
            return skf_xstrndup(p->dir, len - tail);
    }
    return NULL;
}

static void collect(struct skf_work *w)
{
    struct skf_ko_prepare *p = SKF_CONTAINER_OF(w, struct skf_ko_prepare, work);
    struct skf_ko_graph *g = p->graph;
    struct skf_inputs *in = &g->inputs;
    struct skf_err ignored = SKF_ERR_INIT;
    const struct skf_ko_package *found = skf_ko_main_package(&p->list.packages, &p->plan, &ignored);
    g->have_package = found;
    if (found)
        skf_ko_package_copy(&g->package, found);
    g->no_module = p->list.no_module;
    g->run_dir = skf_xstrdup(p->plan.run_dir);
    g->goroot = goroot_of(&p->list.packages);
    skf_strv_addv(&g->files, &p->list.files);
    memcpy(g->settings, p->settings_digest, sizeof g->settings);
    skf_ko_inputs_from_packages(&p->list.packages, &p->plan, g->no_module, in);
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2)
        if (strcmp(in->dirs.v[i + 1], skf_ko_go_glob) == 0)
            skf_strv_add(&g->mark_dirs, in->dirs.v[i]);
    for (size_t i = 0; i < in->manifests.n; i++) {
        size_t len = strlen(in->manifests.v[i]);
        if (len < 3 || strcmp(in->manifests.v[i] + len - 3, ".go") != 0)
            skf_strv_add(&g->mark_files, in->manifests.v[i]);
    }
    skf_ko_graph_mark(g, stopped, w, g->mark, &p->newest_us);
    /* A file saved while Go was reading: its import may be missing in the answer. Ask again next
     * time. A file's time may lag by a tick of the kernel's clock. */
    p->raced = p->newest_us + 20000 >= p->listed_us;
    look_at_files(p, g);
    if (!p->want_package && !p->raced) /* a build keeps more, when it is through */
        skf_ko_known_save(p->cache_dir, p->known_key, g, NULL);
}

static void on_collected(struct skf_work *w)
{
    struct skf_ko_prepare *p = SKF_CONTAINER_OF(w, struct skf_ko_prepare, work);
    if (!w->err.code)
        skf_ko_session_learn(p->session, p->known_key, p->raced ? NULL : p->graph, NULL);
    skf_flow_resume(&p->flow, w->err.code ? &w->err : NULL);
}

static enum skf_next collect_answer(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (!p->list_used)
        return SKF_NEXT;
    skf_ko_seen_release(&p->seen);
    p->graph = skf_ko_graph_new();
    f->abort = stop_work;
    skf_work_start(p->ctx->services->loop, &p->work, collect, on_collected);
    return SKF_WAIT;
}

static const struct skf_step steps[] = {
    { "settings", load_plan },        { "facts", collect_facts },
    { "templates", expand_settings }, { "known", recall },
    { "entry", find_entry },          { "facts", collect_facts_again },
    { "templates", expand_again },    { "go list", ask_graph },
    { "collect", collect_answer },    { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    p->done(p, f->err.code ? &f->err : NULL);
}

void skf_ko_prepare_start(struct skf_ko_prepare *p,
                          void (*done)(struct skf_ko_prepare *p, const struct skf_err *err))
{
    p->done = done;
    skf_flow_start(p->ctx->services->loop, &p->flow, steps, on_flow_done);
}

void skf_ko_prepare_cancel(struct skf_ko_prepare *p)
{
    skf_flow_cancel(&p->flow);
}

void skf_ko_prepare_release(struct skf_ko_prepare *p)
{
    drop_known(p);
    skf_ko_graph_unref(p->old_graph);
    skf_ko_kept_unref(p->old_kept);
    skf_ko_seen_release(&p->seen);
    if (p->list_used)
        skf_ko_golist_release(&p->list);
    skf_ko_plan_release(&p->plan);
    skf_ko_facts_release(&p->facts);
    skf_ko_settings_release(&p->settings);
}

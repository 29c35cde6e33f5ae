/* happy path: read the settings; ask git and go env when a template names them; expand; ask `go
 * list` which package is meant, unless the session knows. failures:   the first one ends it;
 * nothing was changed anywhere. on cancel:  the running child is stopped. */
#include "builders/ko/prepare.h"

#include <string.h>

#include "builders/ko/goerror.h"
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
    static const char *const names[] = { "GOFLAGS", "GOWORK",      "GO111MODULE",  "GOPATH",
                                         "GOROOT",  "GOTOOLCHAIN", "GOEXPERIMENT", "CGO_ENABLED" };
    struct skf_sha256 h;
    skf_sha256_init(&h);
    const char *texts[] = { p->plan.run_dir, p->plan.pattern, p->plan.go };
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++)
        skf_sha256_add(&h, texts[i], strlen(texts[i]) + 1);
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        skf_sha256_add(&h, value ? value : "\1", value ? strlen(value) + 1 : 2);
    }
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
    p->session = skf_ko_session_get(p->plan.run_dir, p->plan.pattern);
    return SKF_NEXT;
}

static void keep(struct skf_ko_prepare *p, const struct skf_ko_package *package, bool no_module,
                 const struct skf_strv *files)
{
    skf_ko_package_copy(&p->package, package);
    skf_strv_addv(&p->files, files);
    p->no_module = no_module;
    p->have_package = true;
}

static void ask_go(struct skf_ko_prepare *p);

/* An import path may belong to the module of a `builds` entry: those are asked when the first says
 * no. */
static bool try_next_entry(struct skf_ko_prepare *p)
{
    while (p->plan.strict && !p->plan.own_config && p->entry < p->plan.yaml.builds.n) {
        const struct skf_ko_build_entry *e = &p->plan.yaml.builds.v[p->entry++];
        skf_autofree char *dir = skf_path_abs(p->plan.workdir, e->dir);
        if (strcmp(dir, p->plan.run_dir) == 0)
            continue;
        skf_replace(&p->plan.run_dir, skf_path_abs(p->plan.workdir, e->dir));
        return true;
    }
    return false;
}

static void on_list(struct skf_ko_golist *l, const struct skf_err *err)
{
    struct skf_ko_prepare *p = l->data;
    struct skf_err e = SKF_ERR_INIT;
    const struct skf_ko_package *found = NULL;
    p->listing = false;
    if (err)
        e = *err;
    else
        found = skf_ko_main_package(&l->packages, &p->plan, &e);
    if (found) {
        keep(p, found, l->no_module, &l->files);
        skf_ko_session_keep_package(p->session, found, p->plan.run_dir, l->no_module, &l->files,
                                    p->settings_digest);
        if (p->plan.strict)
            skf_ko_plan_use_entry(&p->plan, found->dir);
    }
    skf_ko_golist_release(l);
    if (!found && e.code != SKF_ECANCELED && e.code != SKF_ENOTFOUND && try_next_entry(p))
        ask_go(p);
    else
        skf_flow_resume(&p->flow, found ? NULL : &e);
}

static void ask_go(struct skf_ko_prepare *p)
{
    p->list = (struct skf_ko_golist){ .go = p->plan.go,
                                      .dir = p->plan.run_dir,
                                      .pattern = p->plan.pattern,
                                      .env = &p->settings.env,
                                      .flags = &p->settings.flags,
                                      .data = p };
    p->listing = true;
    skf_ko_golist_start(p->ctx->services->loop, &p->list, on_list);
}

static void stop_list(struct skf_flow *f)
{
    skf_ko_golist_cancel(&of(f)->list);
}

static enum skf_next find_package(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (!p->want_package)
        return SKF_NEXT;
    if (skf_ko_session_package_valid(p->session, p->settings_digest)) {
        keep(p, &p->session->package, p->session->no_module, &p->session->files);
        skf_replace(&p->plan.run_dir, skf_xstrdup(p->session->run_dir));
        if (p->plan.strict)
            skf_ko_plan_use_entry(&p->plan, p->package.dir);
        return SKF_NEXT;
    }
    f->abort = stop_list;
    ask_go(p);
    return SKF_WAIT;
}

/* A `builds` entry that was found through the import path brings settings of its own. */
static enum skf_next collect_facts_again(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    struct skf_ko_texts *texts[] = { &p->plan.env, &p->plan.flags, &p->plan.ldflags };
    if (!p->plan.strict || !p->have_package)
        return SKF_NEXT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(texts); i++)
        if (skf_ko_plan_collect_roots(&p->plan, texts[i], &f->err) < 0)
            return SKF_NEXT;
    skf_ko_facts_release(&p->facts);
    return collect_facts(f);
}

static enum skf_next expand_again(struct skf_flow *f)
{
    struct skf_ko_prepare *p = of(f);
    if (!p->plan.strict || !p->have_package)
        return SKF_NEXT;
    skf_ko_settings_release(&p->settings);
    skf_ko_plan_settings(&p->plan, &p->facts, &p->platform, &p->settings, &f->err);
    return SKF_NEXT;
}

static const struct skf_step steps[] = {
    { "settings", load_plan },
    { "facts", collect_facts },
    { "templates", expand_settings },
    { "package", find_package },
    { "facts", collect_facts_again },
    { "entry", expand_again },
    { 0 },
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
    skf_ko_plan_release(&p->plan);
    skf_ko_facts_release(&p->facts);
    skf_ko_settings_release(&p->settings);
    if (p->have_package)
        skf_ko_package_release(&p->package);
    p->have_package = false;
    skf_strv_release(&p->files);
}

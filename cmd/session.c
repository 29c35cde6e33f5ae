#include "cmd/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builders/registry.h"
#include "cmd/exit.h"
#include "cmd/guard.h"
#include "cmd/local.h"
#include "cmd/progress.h"
#include "deployers/registry.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/engine/hydrate.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"

static int report(const struct session *s, const struct skf_err *err, int code)
{
    console_error(&s->console, err);
    return code;
}

/* --- the cluster that is meant ---------------------------------------------------------------- */

/* --kube-context, then deploy.kubeContext, then the current one. */
static const char *named_context(const struct session *s)
{
    if (s->options->kube_context)
        return s->options->kube_context;
    for (size_t i = 0; i < s->config.n_modules; i++)
        if (s->config.modules[i].kube_context)
            return s->config.modules[i].kube_context;
    return NULL;
}

/* Skaffold's `local-cluster` has the last word for the context it names. */
static bool is_harmless(const struct session *s)
{
    return s->global.local_cluster == SKF_YES ||
           (s->global.local_cluster == SKF_UNSET && skf_kube_is_local(&s->kube));
}

/* One session, one cluster: what is meant for another one must not end up in it. */
static int check_one_context(const struct session *s, struct skf_err *err)
{
    const struct skf_module *first = NULL;
    for (size_t i = 0; i < s->config.n_modules && !s->options->kube_context; i++) {
        const struct skf_module *m = &s->config.modules[i];
        if (!m->kube_context)
            continue;
        if (first && strcmp(first->kube_context, m->kube_context) != 0)
            return skf_err_set(err, SKF_EUNSUPPORTED,
                               "deploy.kubeContext is '%s' in %s and '%s' in %s, and skiff deploys "
                               "to one cluster at a time: pick modules with --module, or one "
                               "context for all with --kube-context",
                               first->kube_context, first->file, m->kube_context, m->file);
        first = first ? first : m;
    }
    return 0;
}

static int find_cluster(struct session *s, const char *command, enum session_needs needs)
{
    struct skf_err err = SKF_ERR_INIT;
    const char *named = named_context(s);
    if (needs <= NEEDS_NO_CLUSTER)
        return EXIT_CODE_OK;
    if (needs == NEEDS_CLUSTER && check_one_context(s, &err) < 0)
        return report(s, &err, EXIT_CODE_CONFIG);
    if (skf_kubeconfig_load(s->options->kubeconfig, named, &s->kube, &err) < 0) {
        if (needs == MAY_HAVE_CLUSTER && err.code == SKF_ENOTFOUND && !named)
            return EXIT_CODE_OK;
        return report(s, &err, EXIT_CODE_CLUSTER);
    }
    s->has_kube = true;
    if (needs == NEEDS_CLUSTER && !named && !is_harmless(s) &&
        guard_context(&s->kube, command, &err) < 0)
        return report(s, &err, EXIT_CODE_CLUSTER);
    if (needs == MAY_HAVE_CLUSTER)
        return EXIT_CODE_OK;
    s->kubectl = skf_proc_which("kubectl");
    if (!s->kubectl) {
        skf_err_set(
            &err, SKF_ENOTFOUND,
            "kubectl is not installed or not in PATH: install it, or put its directory into "
            "PATH");
        return report(s, &err, EXIT_CODE_CLUSTER);
    }
    return EXIT_CODE_OK;
}

int session_need_cluster(struct session *s, const char *command)
{
    return find_cluster(s, command, NEEDS_CLUSTER);
}

/* --- the configuration ------------------------------------------------------------------------ */

static int read_sync(const char *text, enum skf_sync_remote *out, struct skf_err *err)
{
    static const char *const words[] = {
        [SKF_SYNC_ALWAYS] = "always", [SKF_SYNC_MISSING] = "missing", [SKF_SYNC_NEVER] = "never"
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(words); i++) {
        if (!text || strcmp(text, words[i]) == 0) {
            *out = (enum skf_sync_remote)i;
            return 0;
        }
    }
    return skf_err_set(err, SKF_EUSAGE,
                       "--sync-remote-cache is 'always', 'missing' or 'never', not '%s'", text);
}

static int read_concurrency(const char *text, int *out, struct skf_err *err)
{
    long long n = -1;
    if (text && !skf_num_parse(text, -1, 10000, &n))
        return skf_err_set(err, SKF_EUSAGE, "--build-concurrency takes a number, not '%s'", text);
    *out = (int)n;
    return 0;
}

static int read_config(struct session *s, const char *command, bool accept_unsupported)
{
    struct skf_diagnostics diags = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    const struct options *o = s->options;
    enum skf_sync_remote sync;
    if (read_sync(o->sync_remote_cache, &sync, &err) < 0 ||
        read_concurrency(o->build_concurrency, &s->build_concurrency, &err) < 0)
        return report(s, &err, EXIT_CODE_USAGE);
    if (accept_unsupported)
        s->namespace_ = skf_kubeconfig_current_namespace(o->kubeconfig);
    s->current_context = skf_kubeconfig_current(o->kubeconfig);
    s->request = (struct skf_config_request){
        .file = o->file,
        .profiles = &o->profiles,
        .modules = &o->modules,
        .command = command,
        .kube_context = o->kube_context ? o->kube_context : s->current_context,
        .kube_context_given = o->kube_context != NULL,
        .kube_namespace = s->namespace_,
        .no_profile_activation = !o->profile_auto_activation,
        .no_profile_propagation = !o->propagate_profiles,
        .git_repo = skf_git_repo,
        .remote_cache_dir = o->remote_cache_dir,
        .sync_remote_cache = sync,
        .builders = skf_builder_sections(),
        .accept_unsupported = accept_unsupported,
    };
    int rc = skf_config_load(&s->request, &s->config, &diags);
    console_findings(&s->console, &diags);
    skf_diagnostics_release(&diags);
    return rc < 0 ? EXIT_CODE_CONFIG : EXIT_CODE_OK;
}

/* --- open and close --------------------------------------------------------------------------- */

static void on_signal(struct skf_stop *stop, int signum)
{
    struct session *s = stop->data;
    skf_log_debug("signal %d", signum);
    if (s->engine)
        skf_engine_stop(s->engine);
}

static int read_global(struct session *s)
{
    struct skf_err err = SKF_ERR_INIT;
    const char *named = named_context(s);
    if (skf_global_load(s->options->global_config, named ? named : s->current_context, &s->global,
                        &err) < 0)
        return report(s, &err, EXIT_CODE_CONFIG);
    return EXIT_CODE_OK;
}

/* --- clients ---------------------------------------------------------------------------------- */

enum { BASE_CACHE_MB = 2048 };

static void on_transfer(void *data, const struct skf_transfer *t)
{
    const struct session *s = data;
    if (!s->console.quiet)
        progress_show(t);
}

static void on_note(void *data, const char *text)
{
    const struct session *s = data;
    console_note(&s->console, text);
}

/* SKIFF_BASE_CACHE: how much of base images is kept on disk; 0 = their layers are not. */
static int cache_limit(long long *bytes, struct skf_err *err)
{
    const char *text = getenv("SKIFF_BASE_CACHE");
    *bytes = (long long)BASE_CACHE_MB << 20;
    if (text && *text && !skf_num_parse_size(text, bytes))
        return skf_err_set(err, SKF_EUSAGE,
                           "SKIFF_BASE_CACHE takes a size such as 512M or 2G (0: keep no layers), "
                           "not '%s'",
                           text);
    return 0;
}

static int open_registry(struct session *s, struct skf_err *err)
{
    long long bytes;
    if (cache_limit(&bytes, err) < 0)
        return -(int)err->code;
    skf_autofree char *layers = skf_path_join(s->cache_dir, "images");
    struct skf_registry_options options = { .insecure = &s->insecure,
                                            .layer_cache = layers,
                                            .layer_cache_bytes = bytes,
                                            .on_progress = on_transfer,
                                            .on_note = on_note,
                                            .data = s };
    s->registry = skf_registry_new(&s->loop, s->http, &options);
    return 0;
}

static int image_wishes(struct session *s, struct skf_err *err)
{
    static const struct {
        const char *name;
        enum skf_compression how;
    } ways[] = { { "gzip", SKF_LAYER_GZIP },
                 { "zstd", SKF_LAYER_ZSTD },
                 { "none", SKF_LAYER_PLAIN } };
    const char *wish = s->options->compression, *sbom = s->options->sbom;
    for (size_t i = 0; wish && i < SKF_ARRAY_LEN(ways); i++)
        if (strcmp(wish, ways[i].name) == 0)
            s->services.compression = ways[i].how;
    if (wish && s->services.compression == SKF_LAYER_AUTO)
        return skf_err_set(err, SKF_EUSAGE, "--compression takes gzip, zstd or none, not '%s'",
                           wish);
    if (sbom && strcmp(sbom, "spdx") != 0 && strcmp(sbom, "none") != 0)
        return skf_err_set(err, SKF_EUSAGE, "--sbom takes spdx or none, not '%s'", sbom);
    const char *tag = s->options->tag;
    if (tag && !skf_ref_valid_tag(tag))
        return skf_err_set(err, SKF_EUSAGE,
                           "--tag takes 1 to 128 letters, digits, '_', '.' and '-', not '%s'", tag);
    s->services.sbom = !sbom || strcmp(sbom, "spdx") == 0;
    return 0;
}

static int open_clients(struct session *s, struct skf_err *err)
{
    if (skf_loop_init(&s->loop, err) < 0)
        return -(int)err->code;
    s->loop_open = true;
    s->stop.data = s;
    skf_stop_init(&s->loop, &s->stop, on_signal);
    s->cache_dir = skf_dir_cache(err);
    s->cwd = getcwd(NULL, 0);
    if (!s->cache_dir)
        return -(int)err->code;
    if (!s->cwd)
        return skf_err_set(err, SKF_ENOTFOUND, "the working directory is gone");
    for (size_t i = 0; i < s->config.n_modules; i++)
        for (size_t j = 0; j < s->config.modules[i].insecure_registries.n; j++)
            skf_strv_add(&s->insecure, s->config.modules[i].insecure_registries.v[j]);
    skf_strv_addv(&s->insecure, &s->options->insecure);
    skf_strv_addv(&s->insecure, &s->global.insecure_registries);
    s->http = skf_http_new(&s->loop);
    if (open_registry(s, err) < 0)
        return -(int)err->code;
    s->services = (struct skf_services){ .loop = &s->loop,
                                         .http = s->http,
                                         .registry = s->registry,
                                         .cache_dir = s->cache_dir,
                                         .cwd = s->cwd };
    return image_wishes(s, err);
}

int session_open(struct session *s, const struct options *o, const char *command,
                 enum session_needs needs, bool data_on_stdout)
{
    struct skf_err err = SKF_ERR_INIT;
    memset(s, 0, sizeof *s);
    s->options = o;
    if (console_init(&s->console, o, data_on_stdout, &err) < 0)
        return report(s, &err, EXIT_CODE_USAGE);
    int code = read_config(s, command, needs == NEEDS_ONLY_CONFIG);
    if (code == EXIT_CODE_OK)
        code = read_global(s);
    if (code == EXIT_CODE_OK)
        code = find_cluster(s, command, needs);
    if (code == EXIT_CODE_OK && open_clients(s, &err) < 0)
        code = report(s, &err, err.code == SKF_EUSAGE ? EXIT_CODE_USAGE : EXIT_CODE_FAILED);
    return code;
}

struct hydration {
    struct skf_hydrate op;
    struct session *session;
    struct skf_err err;
    bool done;
};

static void on_hydrated(struct skf_hydrate *op, const struct skf_err *err)
{
    struct hydration *h = SKF_CONTAINER_OF(op, struct hydration, op);
    if (err)
        h->err = *err;
    h->done = true;
    uv_stop(&h->session->loop); /* a turn that began with this timer must not go on to wait */
}

static void on_phase(struct skf_hydrate *op, const char *phase, bool begins)
{
    const struct hydration *h = SKF_CONTAINER_OF(op, struct hydration, op);
    const struct skf_event ev = { .kind = begins ? SKF_EV_HOOKS_STARTED : SKF_EV_HOOKS_DONE,
                                  .text = phase };
    console_event(&h->session->console, &ev);
}

static void on_line(struct skf_hydrate *op, const char *line)
{
    const struct hydration *h = SKF_CONTAINER_OF(op, struct hydration, op);
    const struct skf_event ev = { .kind = SKF_EV_HOOKS_LINE, .text = line };
    console_event(&h->session->console, &ev);
}

int session_expand(struct session *s)
{
    struct skf_err err = SKF_ERR_INIT;
    return skf_plan_expand(&s->config, &err) < 0 ? report(s, &err, EXIT_CODE_CONFIG) : EXIT_CODE_OK;
}

int session_hydrate(struct session *s, const struct skf_plan *plan, const char *const *references,
                    bool removes, struct skf_rendered *out)
{
    skf_autostrv struct skf_strv env = SKF_STRV_INIT;
    struct hydration h = { .session = s,
                           .op = { .plan = plan,
                                   .references = references,
                                   .namespace_ =
                                       s->options->offline ? NULL : s->options->namespace_,
                                   .kubectl = s->kubectl,
                                   .kube = s->has_kube ? &s->kube : NULL,
                                   .kubeconfig = s->options->kubeconfig,
                                   .deployed = removes,
                                   .no_hooks = removes,
                                   .sources_changed = true,
                                   .hook_env = &env,
                                   .on_phase = on_phase,
                                   .on_line = on_line,
                                   .done = on_hydrated } };
    skf_hook_env(&env, "WORK_DIR", s->cwd);
    if (s->has_kube)
        skf_hook_env(&env, "KUBE_CONTEXT", s->kube.name);
    if (s->has_kube || s->options->namespace_)
        skf_hook_env(&env, "NAMESPACES",
                     s->options->namespace_ ? s->options->namespace_ : s->kube.namespace_);
    skf_hydrate_start(&s->loop, &h.op);
    while (!h.done) {
        if (s->stop.signum)
            skf_hydrate_cancel(&h.op);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    skf_hydrate_release(&h.op);
    if (s->stop.signum) {
        skf_rendered_release(&h.op.rendered);
        return 128 + s->stop.signum;
    }
    if (h.err.code)
        return report(s, &h.err, EXIT_CODE_DEPLOY);
    *out = h.op.rendered;
    return EXIT_CODE_OK;
}

int session_write(const struct session *s, const struct skf_buf *text)
{
    struct skf_err err = SKF_ERR_INIT;
    const char *file = s->options->output;
    if (!file) {
        fwrite(text->data, 1, text->len, stdout);
        return EXIT_CODE_OK;
    }
    if (skf_file_write_atomic(file, 0644, text->data, text->len, &err) < 0)
        return report(s, &err, EXIT_CODE_FAILED);
    return EXIT_CODE_OK;
}

void session_close(struct session *s)
{
    skf_engine_free(s->engine);
    for (size_t i = 0; skf_builders[i]; i++)
        if (skf_builders[i]->shut_down)
            skf_builders[i]->shut_down();
    skf_config_release(&s->config);
    if (s->registry)
        skf_registry_free(s->registry);
    skf_http_free(s->http);
    if (s->loop_open) {
        skf_stop_close(&s->stop);
        if (!skf_loop_close(&s->loop))
            skf_log_debug("the loop has handles left");
    }
    skf_nodes_forget();
    local_release(&s->local);
    if (s->has_kube)
        skf_kube_context_release(&s->kube);
    skf_strv_release(&s->insecure);
    skf_global_release(&s->global);
    console_release(&s->console);
    free(s->cache_dir);
    free(s->cwd);
    free(s->current_context);
    free(s->namespace_);
    free(s->kubectl);
}

/* --- the engine ------------------------------------------------------------------------------- */

void session_engine_options(struct session *s, struct skf_engine_options *out)
{
    const struct options *o = s->options;
    *out = (struct skf_engine_options){
        .config = s->request,
        .plan = { .builders = skf_builders,
                  .only = &o->build_images,
                  .platforms = &o->platforms,
                  .default_repo = o->default_repo,
                  .fallback_repo = s->global.default_repo,
                  .multi_level_repo = s->global.multi_level_repo == SKF_YES,
                  .push = o->push,
                  .local_default = local_is_default(s),
                  .kube = s->has_kube ? &s->kube : NULL },
        .kube = s->has_kube ? &s->kube : NULL,
        .kubeconfig = o->kubeconfig,
        .kubectl = s->kubectl,
        .namespace_ = o->namespace_,
        .tag = o->tag,
        .deployers = skf_deployers,
        .status_check = o->status_check,
        .tolerate_failures = o->tolerate_failures,
        .tail = o->tail,
        .force = o->force,
        .wait_deletions_ms = o->wait_for_deletions ? o->wait_for_deletions_max_ms : 0,
        .cleanup = o->cleanup,
        .cache_artifacts = o->cache_artifacts,
        .keep_images = o->no_prune,
        .build_concurrency = s->build_concurrency,
        .port_forward = &o->port_forward,
    };
}

static void on_engine_done(struct skf_engine *e, const struct skf_err *err)
{
    struct session *s = SKF_CONTAINER_OF(skf_engine_data(e), struct session, console);
    s->ended = true;
    uv_stop(&s->loop); /* a turn that began with this timer must not go on to wait */
    s->exit_code = err ? exit_code_of(skf_engine_failed_stage(e), err) : EXIT_CODE_OK;
    if (err && err->code == SKF_ECANCELED && s->stop.signum)
        s->exit_code = 128 + s->stop.signum;
    else if (err && (skf_engine_failed_stage(e) <= SKF_STAGE_CLUSTER))
        console_error(&s->console, err); /* the other stages told it by an event */
}

int session_run_engine(struct session *s, const struct skf_engine_options *options)
{
    struct skf_engine_options with_target = *options;
    int code = options->plan.deploys && !options->dry_run ? local_find(s) : EXIT_CODE_OK;
    if (code != EXIT_CODE_OK)
        return code;
    if (s->local.target.kind != SKF_TARGET_NOWHERE || options->dry_run)
        with_target.plan.local = &s->local.target;
    s->engine = skf_engine_new(&s->services, &with_target, console_event, &s->console);
    skf_engine_start(s->engine, &s->config, on_engine_done);
    if (s->stop.signum)
        skf_engine_stop(s->engine);
    while (!s->ended)
        uv_run(&s->loop, UV_RUN_ONCE);
    return s->exit_code;
}

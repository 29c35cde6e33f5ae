/* happy path: release by release, in the order of dependsOn: is it there (asked once a session) ->
 *             `helm dependency build` -> `helm package`, when wanted -> `helm upgrade --install`.
 * One whose command line and files are as they were is passed over. failures:   the first one ends
 * it, with helm's own words. on cancel:  helm is asked to end and has time to mark the release as
 * failed; done with SKF_ECANCELED. */
#include "deployers/helm/helm.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/helm.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"
#include "lib/kube/jget.h"

enum { MAX_OUTPUT = 64 * 1024 * 1024, STOP_MS = 15000 };

/* A release as this session knows it. */
struct known {
    char *name, *namespace_;      /* namespace NULL = the context's */
    bool installed, created;      /* created: by this session */
    char digest[SKF_DIGEST_TEXT]; /* of the last upgrade that ended well; "" = none has */
    struct skf_objects objects;
};

/* skf_deploy.state */
struct session {
    SKF_VEC(struct known *) releases;
};

/* One release of the plan. */
struct planned {
    const struct skf_module *module;
    const struct skf_helm_release *release;
};

/* skf_deploy.priv: a running deploy or remove. */
struct run {
    struct skf_deploy *deploy;
    SKF_VEC(struct planned) plan;
    size_t at;
    struct known *known;
    char digest[SKF_DIGEST_TEXT]; /* of the upgrade that is being made */
    struct skf_helm_call call;
    struct skf_proc proc;
    char *package_dir;
    enum { LOOKING, DEPENDING, PACKAGING, UPGRADING, REMOVING } step;
    struct skf_defer defer;
    struct skf_err failure;
    bool running, cancelled;
};

static void next_release(struct run *r);
static void remove_next(struct run *r);

/* --- what the session knows ------------------------------------------------------------------- */

static bool equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct known *find_known(struct skf_deploy *d, const char *name, const char *namespace_)
{
    if (!d->state)
        d->state = skf_xcalloc(1, sizeof(struct session));
    struct session *s = d->state;
    for (size_t i = 0; i < s->releases.n; i++)
        if (equal(s->releases.v[i]->name, name) && equal(s->releases.v[i]->namespace_, namespace_))
            return s->releases.v[i];
    struct known *k = skf_xcalloc(1, sizeof *k);
    k->name = skf_xstrdup(name);
    k->namespace_ = skf_xstrdup_null(namespace_);
    skf_vec_push(&s->releases, k);
    return k;
}

static void forget(struct skf_deploy *d)
{
    struct session *s = d->state;
    for (size_t i = 0; s && i < s->releases.n; i++) {
        struct known *k = s->releases.v[i];
        skf_objects_release(&k->objects);
        free(k->name);
        free(k->namespace_);
        free(k);
    }
    if (s)
        skf_vec_release(&s->releases);
    free(s);
    d->state = NULL;
}

static bool has_created(const struct skf_deploy *d)
{
    const struct session *s = d->state;
    for (size_t i = 0; s && i < s->releases.n; i++)
        if (s->releases.v[i]->created)
            return true;
    return false;
}

/* --- one operation ---------------------------------------------------------------------------- */

static void drop_package(struct run *r)
{
    struct skf_err ignored = SKF_ERR_INIT;
    if (r->package_dir)
        skf_file_remove_tree(r->package_dir, &ignored);
    skf_replace(&r->package_dir, NULL);
}

static void finish(struct run *r)
{
    struct skf_deploy *d = r->deploy;
    struct skf_err err = r->failure;
    if (r->cancelled)
        skf_err_set(&err, SKF_ECANCELED, "helm: cancelled");
    drop_package(r);
    skf_helm_call_release(&r->call);
    skf_vec_release(&r->plan);
    free(r);
    d->priv = NULL;
    if (err.code)
        skf_objects_release(&d->deployed);
    d->done(d, err.code ? &err : NULL);
}

static const struct skf_helm *helm_of(const struct run *r)
{
    return r->plan.v[r->at].module->deploy_helm;
}

static void add_strings(struct skf_proc *p, const struct skf_strings *more)
{
    for (size_t i = 0; i < more->n; i++)
        skf_strv_add(&p->argv, more->v[i]);
}

static void begin_command(struct run *r, bool of_chart)
{
    struct skf_proc *p = &r->proc;
    skf_proc_init(p);
    p->capture_max = MAX_OUTPUT;
    p->stop_ms = STOP_MS;
    p->data = r;
    skf_helm_begin(&p->argv, of_chart ? r->plan.v[r->at].release : NULL, r->deploy->kube->name,
                   r->deploy->kubeconfig);
}

static void add_namespace(struct run *r)
{
    if (r->call.namespace_)
        skf_proc_args(&r->proc, "--namespace", r->call.namespace_, NULL);
}

static void run_command(struct run *r, void (*done)(struct skf_proc *p, const struct skf_err *err))
{
    add_strings(&r->proc, &helm_of(r)->flags.global);
    r->running = true;
    skf_proc_start(r->deploy->services->loop, &r->proc, done);
}

/* A command has ended: true when the run ends with it. */
static bool failed(struct run *r, const struct skf_err *err)
{
    r->running = false;
    if (!err)
        return r->cancelled;
    r->failure = *err;
    skf_buf_trim(&r->proc.errout);
    if (err->code == SKF_ECHILD && r->proc.errout.len)
        skf_err_set(&r->failure, SKF_ECHILD, "%s", r->proc.errout.data);
    if (strstr(r->failure.msg, "another operation (install/upgrade/rollback) is in progress"))
        skf_err_set(&r->failure, SKF_ECHILD,
                    "an earlier helm was ended in the middle of it: see 'helm history %s', then "
                    "'helm rollback %s' or 'helm uninstall %s'",
                    r->call.name, r->call.name, r->call.name);
    skf_err_wrap(&r->failure, "helm release '%s'", r->call.name);
    return true;
}

static void say(struct run *r, const char *text)
{
    if (r->deploy->on_line)
        r->deploy->on_line(r->deploy, text);
}

/* --- upgrade ---------------------------------------------------------------------------------- */

static void say_notes(struct run *r, const char *notes)
{
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_strv_split(&lines, notes, "\n");
    for (size_t i = 0; i < lines.n; i++)
        say(r, lines.v[i]);
}

/* The objects stand in the release's namespace where they name none. */
static int take_objects(struct run *r, const json_t *answer, struct skf_err *err)
{
    struct known *k = r->known;
    const char *manifest = skf_jtext(answer, "manifest");
    skf_autofree char *shown = skf_xasprintf("helm release %s", r->call.name);
    skf_objects_release(&k->objects);
    int rc = skf_manifest_parse(shown, manifest, strlen(manifest), &k->objects, err);
    for (size_t i = 0; i < k->objects.n; i++)
        if (!k->objects.v[i].namespace_)
            k->objects.v[i].namespace_ = skf_xstrdup(skf_jtext(answer, "namespace"));
    return rc;
}

static void on_upgraded(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    struct known *k = r->known;
    bool ended = failed(r, err);
    json_t *answer = ended ? NULL : json_loadb(p->out.data, p->out.len, 0, NULL);
    if (!k->installed) /* also a failed one leaves something behind */
        k->created = true;
    k->installed = true;
    if (!ended && take_objects(r, answer, &r->failure) < 0)
        ended = true;
    if (!ended) {
        memcpy(k->digest, r->digest, sizeof k->digest);
        skf_autofree char *line =
            skf_xasprintf("helm release/%s %s (revision %lld)", r->call.name,
                          skf_jtext(answer, "info.status"), skf_jint(answer, "version", 0));
        say(r, line);
        say_notes(r, skf_jtext(answer, "info.notes"));
        skf_objects_copy(&k->objects, &r->deploy->deployed);
        r->deploy->acted = true;
    }
    json_decref(answer);
    skf_proc_release(p);
    drop_package(r);
    if (ended) {
        finish(r);
        return;
    }
    r->at++;
    next_release(r);
}

/* helm feeds the manifests to us, and we put the images in. */
static void add_post_renderer(struct run *r)
{
    const struct skf_deploy *d = r->deploy;
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || !d->n_images)
        return;
    self[n] = '\0';
    skf_proc_args(&r->proc, "--post-renderer", self, "--post-renderer-args", "filter", NULL);
    for (size_t i = 0; i < d->n_images; i++)
        skf_strv_addf(&r->proc.argv, "--post-renderer-args=--images=%s=%s", d->images[i].key,
                      d->images[i].value);
}

static void command_digest(struct run *r, char *out)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    for (size_t i = 0; i < r->proc.argv.n; i++)
        skf_buf_addf(&text, "%s\n", r->proc.argv.v[i]);
    skf_buf_add(&text, r->call.overrides.data, r->call.overrides.len);
    skf_digest_of(text.data, text.len, out);
}

static bool upgrades_on_change(const struct skf_helm_release *h)
{
    if (h->upgrade_on_change == SKF_UNSET)
        return !h->remote_chart;
    return h->upgrade_on_change == SKF_YES;
}

/* helm keeps the values of the last upgrade when none are given: what was taken out of
 * skaffold.yaml would stay in force. */
static bool chooses_values(const struct skf_strings *flags)
{
    for (size_t i = 0; i < flags->n; i++)
        if (strstr(flags->v[i], "-values"))
            return true;
    return false;
}

/* The command line, but for the digest of a package: that is another file each time. */
static void fill_upgrade(struct run *r)
{
    const struct skf_helm_release *h = r->plan.v[r->at].release;
    const struct skf_helm_flags *flags = &helm_of(r)->flags;
    begin_command(r, true);
    skf_proc_args(&r->proc, "upgrade", "--install", r->call.name, NULL);
    add_strings(&r->proc, r->known->installed ? &flags->upgrade : &flags->install);
    if (!chooses_values(&flags->upgrade) && !r->call.values.n)
        skf_proc_args(&r->proc, "--reset-values", NULL);
    if (r->deploy->force)
        skf_proc_args(&r->proc, "--force", NULL);
    if (h->recreate_pods && r->known->installed)
        skf_proc_args(&r->proc, "--recreate-pods", NULL);
    if (h->create_namespace == SKF_YES)
        skf_proc_args(&r->proc, "--create-namespace", NULL);
    if (h->wait)
        skf_proc_args(&r->proc, "--wait", NULL);
    skf_helm_chart_args(&r->proc.argv, &r->call);
    add_post_renderer(r);
    skf_proc_args(&r->proc, "-o", "json", NULL);
}

static void upgrade(struct run *r)
{
    r->step = UPGRADING;
    fill_upgrade(r);
    if (r->call.overrides.len)
        r->proc.use_stdin = true;
    run_command(r, on_upgraded);
    if (r->call.overrides.len) {
        skf_proc_feed(&r->proc, r->call.overrides.data, r->call.overrides.len);
        skf_proc_feed_end(&r->proc);
    }
}

/* --- before it -------------------------------------------------------------------------------- */

/* "Successfully packaged chart and saved it to: PATH" */
static void on_packaged(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    bool ended = failed(r, err);
    skf_buf_trim(&p->out);
    const char *path = ended ? NULL : strrchr(p->out.data, ' ');
    if (path)
        skf_replace(&r->call.chart, skf_xstrdup(path + 1));
    skf_proc_release(p);
    if (ended)
        finish(r);
    else
        upgrade(r);
}

static void package(struct run *r)
{
    if (!r->plan.v[r->at].release->packaged) {
        upgrade(r);
        return;
    }
    r->step = PACKAGING;
    r->package_dir = skf_file_temp_dir("skiff-helm", &r->failure);
    if (!r->package_dir) {
        finish(r);
        return;
    }
    begin_command(r, false);
    skf_proc_args(&r->proc, "package", r->call.chart, "--destination", r->package_dir, NULL);
    if (r->call.package_version)
        skf_proc_args(&r->proc, "--version", r->call.package_version, NULL);
    if (r->call.app_version)
        skf_proc_args(&r->proc, "--app-version", r->call.app_version, NULL);
    run_command(r, on_packaged);
}

static void on_depended(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    bool ended = failed(r, err);
    skf_proc_release(p);
    if (ended)
        finish(r);
    else
        package(r);
}

static void depend(struct run *r)
{
    if (!r->call.local || r->plan.v[r->at].release->skip_build_dependencies) {
        package(r);
        return;
    }
    r->step = DEPENDING;
    begin_command(r, false);
    skf_proc_args(&r->proc, "dependency", "build", r->call.chart, NULL);
    add_strings(&r->proc, &helm_of(r)->flags.dep_build);
    run_command(r, on_depended);
}

/* Is there anything to do? The command line says it all, but for the content of local files. */
static void decide(struct run *r)
{
    struct known *k = r->known;
    fill_upgrade(r);
    command_digest(r, r->digest);
    skf_proc_release(&r->proc);
    bool same = strcmp(r->digest, k->digest) == 0 && !r->deploy->sources_changed;
    bool keep = k->installed && k->digest[0] && !upgrades_on_change(r->plan.v[r->at].release);
    if (same || keep) {
        skf_objects_copy(&k->objects, &r->deploy->deployed);
        r->at++;
        next_release(r);
        return;
    }
    k->digest[0] = '\0'; /* until it has ended well: what fails on the way is done again */
    depend(r);
}

static void on_looked(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    bool absent = err && err->code == SKF_ECHILD && strstr(p->errout.data, "not found");
    bool ended = failed(r, absent ? NULL : err);
    r->known->installed = !absent;
    skf_proc_release(p);
    if (ended)
        finish(r);
    else
        decide(r);
}

static void next_release(struct run *r)
{
    struct skf_deploy *d = r->deploy;
    skf_helm_call_release(&r->call);
    if (r->at == r->plan.n || r->cancelled) {
        finish(r);
        return;
    }
    const struct planned *p = &r->plan.v[r->at];
    if (skf_helm_resolve(p->release, p->module->dir, d->namespace_, d->images, d->n_images,
                         &r->call, &r->failure) < 0) {
        finish(r);
        return;
    }
    r->known = find_known(d, r->call.name, r->call.namespace_);
    if (r->known->installed) {
        decide(r);
        return;
    }
    r->step = LOOKING;
    begin_command(r, false);
    skf_proc_args(&r->proc, "status", r->call.name, NULL);
    add_namespace(r);
    run_command(r, on_looked);
}

/* --- removing --------------------------------------------------------------------------------- */

static void on_uninstalled(struct skf_proc *p, const struct skf_err *err)
{
    struct run *r = p->data;
    struct skf_err first = r->failure;
    bool absent = err && err->code == SKF_ECHILD && strstr(p->errout.data, "not found");
    failed(r, absent ? NULL : err);
    if (first.code)
        r->failure = first; /* the others are removed all the same */
    skf_buf_trim(&p->out);
    if (!err && p->out.len)
        say(r, p->out.data);
    r->known->created = false;
    skf_proc_release(p);
    r->at++;
    remove_next(r);
}

/* The plan, from its end. */
static void remove_next(struct run *r)
{
    struct skf_deploy *d = r->deploy;
    for (; r->at < r->plan.n && !r->cancelled; r->at++) {
        const struct planned *p = &r->plan.v[r->at];
        skf_helm_call_release(&r->call);
        /* No images here: only the names matter. */
        struct skf_helm_release names = { .name = p->release->name,
                                          .namespace_ = p->release->namespace_,
                                          .remote_chart = "-",
                                          .at = p->release->at };
        if (skf_helm_resolve(&names, p->module->dir, d->namespace_, NULL, 0, &r->call,
                             &r->failure) < 0)
            break;
        r->known = find_known(d, r->call.name, r->call.namespace_);
        if (d->only_created && !r->known->created)
            continue;
        r->step = REMOVING;
        begin_command(r, false);
        skf_proc_args(&r->proc, "uninstall", r->call.name, NULL);
        add_namespace(r);
        run_command(r, on_uninstalled);
        return;
    }
    finish(r);
}

/* --- the seam --------------------------------------------------------------------------------- */

static bool wanted(const struct skf_config *config)
{
    for (size_t i = 0; i < config->n_modules; i++)
        if (config->modules[i].deploy_helm && config->modules[i].deploy_helm->n_releases)
            return true;
    return false;
}

static void plan_module(struct run *r, const struct skf_module *m)
{
    const struct skf_helm *helm = m->deploy_helm;
    skf_autofree size_t *order = skf_xcalloc(helm->n_releases + 1, sizeof *order);
    if (skf_helm_order(helm, order, &r->failure) < 0)
        return;
    for (size_t i = 0; i < helm->n_releases; i++)
        skf_vec_push(&r->plan, (struct planned){ m, &helm->releases[order[i]] });
}

static void on_start(struct skf_defer *d)
{
    struct run *r = SKF_CONTAINER_OF(d, struct run, defer);
    if (r->failure.code || r->cancelled)
        finish(r);
    else if (r->step == REMOVING)
        remove_next(r);
    else
        next_release(r);
}

static struct run *start(struct skf_deploy *d)
{
    struct run *r = skf_xcalloc(1, sizeof *r);
    r->deploy = d;
    d->priv = r;
    for (size_t i = 0; i < d->config->n_modules && !r->failure.code; i++)
        if (d->config->modules[i].deploy_helm)
            plan_module(r, &d->config->modules[i]);
    skf_defer_start(d->services->loop, &r->defer, 0, on_start);
    return r;
}

static void deploy(struct skf_deploy *d, const char *manifests, size_t len)
{
    (void)manifests, (void)len;
    start(d);
}

static void remove_releases(struct skf_deploy *d, const char *manifests, size_t len)
{
    struct run *r = start(d);
    (void)manifests, (void)len;
    r->step = REMOVING;
    for (size_t i = 0; i < r->plan.n / 2; i++) {
        struct planned swap = r->plan.v[i];
        r->plan.v[i] = r->plan.v[r->plan.n - 1 - i];
        r->plan.v[r->plan.n - 1 - i] = swap;
    }
}

static bool cancel(struct skf_deploy *d)
{
    struct run *r = d->priv;
    if (!r)
        return false;
    r->cancelled = true;
    if (r->running)
        skf_proc_stop(&r->proc);
    return true;
}

const struct skf_deployer_ops skf_deployer_helm = {
    .name = "helm",
    .wanted = wanted,
    .own_sources = true,
    .deploy = deploy,
    .remove = remove_releases,
    .cancel = cancel,
    .has_created = has_created,
    .forget = forget,
};

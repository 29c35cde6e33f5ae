/* What must be in place for a dev loop here, and for each thing that is not: what to do. Nothing is
 * changed, built or pushed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "builders/registry.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/docker/engine.h"
#include "lib/docker/host.h"
#include "lib/engine/control.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"
#include "lib/kube/allowed.h"
#include "lib/kube/api.h"

enum { FEW_WATCHES = 65536, FEW_FILES = 1024, PROBE_MS = 5000, LITTLE_SPACE_MB = 1024 };

struct doctor {
    struct session session;
    int problems;
    bool done; /* the question that is being asked is answered */
    struct skf_err err;
};

/* --- telling ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void good(const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("ok    %-11s ", what);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

static void bad(struct doctor *d, const char *what, const char *problem, const char *fix)
{
    d->problems++;
    printf("WRONG %-11s %s\n", what, problem);
    if (fix)
        printf("      %-11s fix: %s\n", "", fix);
}

/* Runs the loop until the question is answered; a Ctrl-C ends the doctor at the next one. */
static void wait_for_answer(struct doctor *d)
{
    while (!d->done)
        uv_run(&d->session.loop, UV_RUN_ONCE);
    d->done = false;
}

static void answered(struct doctor *d, const struct skf_err *err)
{
    skf_err_clear(&d->err);
    if (err)
        d->err = *err;
    d->done = true;
    uv_stop(&d->session.loop);
}

/* --- this machine ----------------------------------------------------------------------------- */

static long long number_in(const char *path)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored;
    long long n = -1;
    if (skf_file_read(path, 64, &text, &ignored) == 0) {
        skf_buf_trim(&text);
        skf_num_parse(text.data, 0, INT64_MAX, &n);
    }
    return n;
}

static void check_limits(struct doctor *d)
{
    long long watches = number_in("/proc/sys/fs/inotify/max_user_watches");
    struct rlimit files;
    int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0)
        bad(d, "inotify", "no instance is to be had: every directory would be polled",
            "sudo sysctl fs.inotify.max_user_instances=1024");
    else if (watches >= 0 && watches < FEW_WATCHES)
        bad(d, "inotify", "few directories may be watched: the rest would be polled",
            "sudo sysctl fs.inotify.max_user_watches=524288");
    else
        good("inotify", "%lld directories may be watched", watches);
    if (fd >= 0)
        close(fd);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FEW_FILES)
        bad(d, "open files", "few files may be open at once", "ulimit -n 4096");
    else
        good("open files", "%llu", (unsigned long long)files.rlim_cur);
}

static void check_folders(struct doctor *d)
{
    struct skf_err err = SKF_ERR_INIT;
    struct statvfs fs;
    skf_autofree char *cache = skf_dir_cache(&err);
    if (!cache || access(cache, W_OK) != 0)
        bad(d, "cache", cache ? "the cache folder cannot be written" : err.msg,
            "make it yours, or set XDG_CACHE_HOME to a folder that is");
    else if (statvfs(cache, &fs) == 0 &&
             fs.f_bavail * (fs.f_frsize / 1024) / 1024 < LITTLE_SPACE_MB)
        bad(d, "cache", "less than 1 GiB is left where the cache is",
            "make room, or set XDG_CACHE_HOME to a folder on another disk");
    else
        good("cache", "%s", cache);
    skf_autofree char *sockets = skf_control_dir(&err);
    if (sockets)
        good("socket", "%s", sockets);
    else
        bad(d, "socket", err.msg, NULL); /* says what to do */
}

/* --- tools ------------------------------------------------------------------------------------ */

static bool uses(const struct doctor *d, const char *builder)
{
    const struct skf_config *c = &d->session.config;
    for (size_t i = 0; i < c->n_modules; i++)
        for (size_t j = 0; j < c->modules[i].n_artifacts; j++)
            if (strcmp(c->modules[i].artifacts[j].builder, builder) == 0)
                return true;
    return false;
}

static void on_version(struct skf_proc *p, const struct skf_err *err)
{
    answered(p->data, err);
}

/* The first line of what a program says of its version. */
static void check_program(struct doctor *d, const char *name, const char *arg, const char *more,
                          const char *fix)
{
    skf_autofree char *path = skf_proc_which(name);
    struct skf_proc p;
    if (!path) {
        bad(d, name, "is not in PATH", fix);
        return;
    }
    skf_proc_init(&p);
    skf_proc_args(&p, path, arg, NULL);
    if (more)
        skf_proc_args(&p, more, NULL);
    p.limit_ms = PROBE_MS;
    p.data = d;
    skf_proc_start(&d->session.loop, &p, on_version);
    wait_for_answer(d);
    p.out.len = strcspn(p.out.data, "\n");
    p.out.data[p.out.len] = '\0';
    if (d->err.code)
        bad(d, name, d->err.msg, fix);
    else
        good(name, "%s (%s)", p.out.data, path);
    skf_proc_release(&p);
}

static void on_docker(struct skf_docker_op *op, const struct skf_err *err)
{
    answered(op->data, err);
}

static void check_docker(struct doctor *d)
{
    struct skf_docker_host host = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_docker_host_find(NULL, &host, &err) < 0 ||
        (host.api && skf_docker_host_check(&host, &err) < 0)) {
        bad(d, "docker", err.msg, NULL); /* says what to do */
        skf_docker_host_release(&host);
        return;
    }
    struct skf_docker_op op = { .loop = &d->session.loop,
                                .http = d->session.http,
                                .host = &host,
                                .verb = SKF_DOCKER_INSPECT,
                                .name = "skiff.local/doctor:none",
                                .data = d,
                                .done = on_docker,
                                .fd = -1 };
    skf_docker_op_start(&op);
    wait_for_answer(d);
    if (d->err.code && d->err.code != SKF_ENOTFOUND) /* that it has no such image is an answer */
        bad(d, "docker", d->err.msg, "start it: sudo systemctl start docker");
    else
        good("docker", "answers at %s (%s)", host.address, host.cli ? "docker CLI" : "API only");
    skf_docker_op_release(&op);
    skf_docker_host_release(&host);
}

/* --- the cluster ------------------------------------------------------------------------------ */

static void on_cluster(struct skf_kube_req *r, const struct skf_err *err)
{
    answered(r->data, r->status > 0 && r->status != 401 ? NULL : err);
}

static void check_cluster(struct doctor *d)
{
    struct session *s = &d->session;
    const struct skf_kube_context *k = &s->kube;
    bool allowed = false;
    if (!s->has_kube) {
        bad(d, "context", "no kubeconfig has a current context",
            "kubectl config use-context NAME, or --kube-context=NAME; examples/cluster/up brings "
            "a cluster up");
        return;
    }
    skf_allowed_has(k, &allowed, &d->err);
    if (skf_kube_is_local(k) || s->global.local_cluster == SKF_YES || allowed) {
        good("context", "%s (%s), %s", k->name, k->server, allowed ? "allowed" : "local");
    } else {
        skf_autofree char *fix =
            skf_xasprintf("skiff config allow-context %s, when it is meant", k->name);
        bad(d, "context", "it is not local: dev wants it named", fix);
    }
    struct skf_kube_api *api = skf_kube_api_new(&s->loop, s->http, k);
    struct skf_kube_req r;
    skf_kube_req_init(&r);
    r.data = d;
    r.limit_ms = PROBE_MS;
    skf_kube_get(api, &r, skf_xstrdup("/version"), on_cluster);
    wait_for_answer(d);
    if (d->err.code)
        bad(d, "cluster", d->err.msg, "is it up? kubectl get nodes says more");
    else
        good("cluster", "answers at %s", k->server);
    skf_kube_req_release(&r);
    skf_kube_api_free(api);
}

/* --- registries ------------------------------------------------------------------------------- */

static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    answered(p->data, err);
}

static void check_registry(struct doctor *d, const char *name)
{
    struct skf_ref ref;
    skf_autofree char *reference = skf_xasprintf("%s:skiff-doctor", name);
    struct skf_pull p = {
        .registry = d->session.registry, .reference = reference, .data = d, .done = on_pulled
    };
    if (skf_ref_parse(reference, &ref, &d->err) < 0)
        return;
    skf_pull_start(&p);
    wait_for_answer(d);
    skf_image_unref(p.image);
    skf_autofree char *login = skf_xasprintf("docker login %s", ref.domain);
    if (d->err.code == SKF_EDENIED)
        bad(d, "registry", d->err.msg, login);
    else if (d->err.code && d->err.code != SKF_ENOTFOUND)
        bad(d, "registry", d->err.msg,
            "is it up? --default-repo names another, --insecure-registry allows plain http");
    else
        good("registry", "%s answers", ref.domain);
    skf_ref_release(&ref);
}

static const char *host_end(const char *name)
{
    return name + strcspn(name, "/");
}

/* Each host once, by the first image that goes there. */
static void check_registries(struct doctor *d)
{
    struct session *s = &d->session;
    struct skf_engine_options options;
    struct skf_plan plan;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv hosts = SKF_STRV_INIT;
    session_engine_options(s, &options);
    options.plan.deploys = false;
    if (skf_plan_make(&options.plan, &s->config, &plan, &err) < 0) {
        char text[2048];
        skf_err_format(&err, text, sizeof text);
        bad(d, "plan", text, NULL);
        return;
    }
    for (size_t i = 0; i < plan.n_artifacts; i++) {
        const char *name = plan.artifacts[i].name;
        skf_autofree char *host = skf_xstrndup(name, (size_t)(host_end(name) - name));
        if (plan.artifacts[i].target.kind != SKF_TARGET_REGISTRY || skf_strv_has(&hosts, host))
            continue;
        skf_strv_add(&hosts, host);
        check_registry(d, name);
    }
    if (!hosts.n)
        good("registry", "none is needed: images go to the cluster itself");
    skf_plan_release(&plan);
}

/* --- the command ------------------------------------------------------------------------------ */

static bool git_names_tags(const struct doctor *d)
{
    const struct skf_config *c = &d->session.config;
    for (size_t i = 0; i < c->n_modules; i++)
        if (c->modules[i].n_artifacts && c->modules[i].tagger.policy == SKF_TAG_GIT_COMMIT)
            return true;
    return false;
}

static void check_project(struct doctor *d)
{
    void (*const checks[])(struct doctor *) = { check_cluster, check_registries };
    good("config", "%zu module%s", d->session.config.n_modules,
         d->session.config.n_modules == 1 ? "" : "s");
    if (git_names_tags(d))
        check_program(d, "git", "--version", NULL, "install git, or choose another tagPolicy");
    if (uses(d, "ko"))
        check_program(d, "go", "env", "GOVERSION", "install Go, or put its bin into PATH");
    if (uses(d, "docker") || uses(d, "custom"))
        check_docker(d);
    check_program(d, "kubectl", "version", "--client=true",
                  "install kubectl of your cluster's version");
    for (size_t i = 0; i < SKF_ARRAY_LEN(checks) && !d->session.stop.signum; i++)
        checks[i](d);
}

int cmd_doctor(const struct options *o)
{
    struct doctor d = { .problems = 0 };
    check_limits(&d);
    check_folders(&d);
    fflush(stdout);
    int code = session_open(&d.session, o, "dev", MAY_HAVE_CLUSTER, true);
    if (code == EXIT_CODE_OK)
        check_project(&d);
    else
        bad(&d, "config", "cannot be used (above): what it needs is not checked", NULL);
    if (d.session.stop.signum)
        code = 128 + d.session.stop.signum;
    session_close(&d.session);
    return code ? code : d.problems ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

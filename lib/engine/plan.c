#include "lib/engine/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/engine/plan_check.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"

void skf_plan_release(struct skf_plan *p)
{
    for (size_t i = 0; i < p->n_artifacts; i++) {
        struct skf_planned *a = &p->artifacts[i];
        free(a->dir);
        free(a->name);
        free(a->match);
        skf_strv_release(&a->platforms);
    }
    free(p->artifacts);
    p->artifacts = NULL;
    p->n_artifacts = 0;
    skf_config_release(&p->config);
}

static int at_artifact(struct skf_err *err, const struct skf_artifact *a)
{
    if (a->at)
        skf_err_at(err, a->at->doc->file, a->at->line, a->at->col);
    return -(int)err->code;
}

/* --- where the image must end up -------------------------------------------------------------- */

/* Skaffold's decision table (skaffold-behaviour.md 7.3): the flag, then the file, then the cluster.
 */
static bool pushes(const struct skf_plan_request *req, const struct skf_module *m)
{
    if (req->push != SKF_UNSET)
        return req->push == SKF_YES;
    if (m->local_push != SKF_UNSET)
        return m->local_push == SKF_YES;
    return !req->local_default || req->discovered_repo != NULL;
}

bool skf_plan_wants_discovery(const struct skf_plan_request *req, const struct skf_config *config)
{
    if (!req->kube || !skf_kube_is_local(req->kube) || req->default_repo || req->push == SKF_NO)
        return false;
    for (size_t i = 0; i < config->n_modules; i++)
        if (config->modules[i].n_artifacts &&
            (req->push == SKF_YES || config->modules[i].local_push != SKF_NO))
            return true;
    return false;
}

static int choose_target(const struct skf_plan_request *req, const struct skf_module *m,
                         const struct skf_artifact *a, struct skf_target *out, struct skf_err *err)
{
    memset(out, 0, sizeof *out);
    if (pushes(req, m)) {
        out->kind = SKF_TARGET_REGISTRY;
        return 0;
    }
    if (!req->deploys || !req->kube) {
        out->kind = SKF_TARGET_NOWHERE;
        return 0;
    }
    if (req->local) {
        *out = *req->local;
        return 0;
    }
    skf_err_set(err, SKF_EINVAL,
                "push is off, and the cluster of context '%s' takes images from a registry only: "
                "remove build.local.push, or use --push",
                req->kube->name);
    return at_artifact(err, a);
}

/* --- names ------------------------------------------------------------------------------------ */

static int choose_name(const struct skf_plan_request *req, struct skf_planned *p,
                       struct skf_err *err)
{
    const char *image = p->artifact->image;
    const char *repo = req->default_repo      ? req->default_repo
                       : req->discovered_repo ? req->discovered_repo
                                              : req->fallback_repo;
    bool pushed = p->target.kind == SKF_TARGET_REGISTRY;
    bool imported = strncmp(image, "ko://", 5) == 0;
    p->match = skf_ref_sanitise(image);
    if (!pushed && !req->default_repo)
        repo = NULL; /* a registry that is not used does not rename what stays here */
    p->name = skf_ref_default_repo(repo ? repo : "", req->multi_level_repo, p->match);
    if (pushed && imported && (!repo || !repo[0])) {
        skf_err_set(err, SKF_EINVAL,
                    "'%s' says what to build, not where to push: set --default-repo or "
                    "SKAFFOLD_DEFAULT_REPO",
                    image);
        return at_artifact(err, p->artifact);
    }
    struct skf_ref ref;
    if (skf_ref_parse(p->name, &ref, err) < 0) {
        skf_err_wrap(err, "image '%s'", image);
        return at_artifact(err, p->artifact);
    }
    /* Nobody can push to docker.io/library; nobody means to. */
    bool hub_root = strcmp(ref.domain, "docker.io") == 0 && strncmp(ref.path, "library/", 8) == 0;
    skf_ref_release(&ref);
    if (pushed && hub_root) {
        skf_err_set(err, SKF_EINVAL,
                    "'%s' names no registry to push to: set --default-repo (or "
                    "SKAFFOLD_DEFAULT_REPO), or build.local.push: false for a local cluster",
                    image);
        return at_artifact(err, p->artifact);
    }
    return 0;
}

/* --- platforms -------------------------------------------------------------------------------- */

static const char *host_arch(void)
{
    static const struct {
        const char *machine, *go;
    } names[] = { { "x86_64", "amd64" },    { "aarch64", "arm64" },   { "armv7l", "arm/v7" },
                  { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" }, { "s390x", "s390x" } };
    struct utsname u;
    if (uname(&u) == 0)
        for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
            if (strcmp(u.machine, names[i].machine) == 0)
                return names[i].go;
    return "amd64";
}

/* The flag, then the artifact, then the module; else what a node on this machine runs. For
 * registries the builder decides (linux/amd64 for ko). */
static void choose_platforms(const struct skf_plan_request *req, struct skf_planned *p)
{
    const struct skf_strings *written =
        p->artifact->platforms.n ? &p->artifact->platforms : &p->module->platforms;
    if (req->platforms && req->platforms->n) {
        skf_strv_addv(&p->platforms, req->platforms);
        return;
    }
    for (size_t i = 0; i < written->n; i++)
        skf_strv_add(&p->platforms, written->v[i]);
    bool here = req->kube && skf_kube_is_local(req->kube) && req->deploys;
    bool go_decides = getenv("GOOS") && getenv("GOARCH");
    if (!p->platforms.n && here && !go_decides)
        skf_strv_addf(&p->platforms, "linux/%s", host_arch());
}

/* --- the plan --------------------------------------------------------------------------------- */

static void fingerprint(struct skf_planned *p)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *platforms = skf_strv_join(&p->platforms, ",");
    if (p->artifact->at)
        skf_emit_yaml(p->artifact->at, &text);
    skf_buf_addf(&text, "\n%s\n%s\n%s\n%d", p->dir, p->name, platforms, (int)p->target.kind);
    for (size_t i = 0; i < p->module->insecure_registries.n; i++)
        skf_buf_addf(&text, "\n%s", p->module->insecure_registries.v[i]);
    skf_digest_of(text.data, text.len, p->fingerprint);
}

static bool wanted(const struct skf_plan_request *req, const struct skf_artifact *a)
{
    if (!req->only || !req->only->n)
        return true;
    for (size_t i = 0; i < req->only->n; i++)
        if (strstr(a->image, req->only->v[i]))
            return true;
    return false;
}

/* A text of --build-image that is in no image's name is a slip of the pen. */
static int check_only(const struct skf_plan_request *req, const struct skf_config *config,
                      struct skf_err *err)
{
    for (size_t k = 0; req->only && k < req->only->n; k++) {
        skf_autobuf struct skf_buf names = SKF_BUF_INIT;
        bool found = false;
        for (size_t i = 0; i < config->n_modules; i++)
            for (size_t j = 0; j < config->modules[i].n_artifacts; j++) {
                const char *image = config->modules[i].artifacts[j].image;
                found = found || strstr(image, req->only->v[k]);
                skf_buf_addf(&names, "%s%s", names.len ? ", " : "", image);
            }
        if (!found)
            return skf_err_set(err, SKF_EUSAGE, "no image's name contains '%s'; images are: %.300s",
                               req->only->v[k], names.len ? names.data : "none");
    }
    return 0;
}

static const struct skf_builder_ops *find_builder(const struct skf_plan_request *req,
                                                  const char *name)
{
    for (size_t i = 0; req->builders[i]; i++)
        if (strcmp(req->builders[i]->name, name) == 0)
            return req->builders[i];
    return NULL;
}

static int plan_artifact(const struct skf_plan_request *req, const struct skf_module *m,
                         const struct skf_artifact *a, struct skf_planned *p, struct skf_err *err)
{
    p->module = m;
    p->artifact = a;
    p->builder = find_builder(req, a->builder);
    if (!p->builder) {
        skf_err_set(err, SKF_EUNSUPPORTED, "the %s builder is not supported yet: use ko",
                    a->builder);
        return at_artifact(err, a);
    }
    p->dir = skf_path_abs(m->dir, a->context);
    if (!skf_file_is_dir(p->dir)) {
        skf_err_set(err, SKF_ECONFIG, "the context '%s' of image '%s' is not a directory",
                    a->context, a->image);
        return at_artifact(err, a);
    }
    int rc = choose_target(req, m, a, &p->target, err);
    if (rc == 0)
        rc = choose_name(req, p, err);
    if (rc == 0 && p->builder->check && p->builder->check(a, err) < 0)
        rc = at_artifact(err, a);
    if (rc < 0)
        return rc;
    choose_platforms(req, p);
    fingerprint(p);
    return 0;
}

int skf_plan_make(const struct skf_plan_request *req, struct skf_config *config,
                  struct skf_plan *out, struct skf_err *err)
{
    struct skf_plan plan = { 0 };
    size_t total = 0;
    if (check_only(req, config, err) < 0 || skf_plan_check(config, req->deploys, err) < 0 ||
        (req->deploys && skf_plan_expand(config, err) < 0))
        return -(int)err->code;
    for (size_t i = 0; i < config->n_modules; i++)
        total += config->modules[i].n_artifacts;
    plan.artifacts = skf_xcalloc(total, sizeof *plan.artifacts);
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct skf_module *m = &config->modules[i];
        for (size_t j = 0; j < m->n_artifacts; j++) {
            if (!wanted(req, &m->artifacts[j]))
                continue;
            int rc =
                plan_artifact(req, m, &m->artifacts[j], &plan.artifacts[plan.n_artifacts++], err);
            if (rc < 0) {
                skf_plan_release(&plan); /* its own config is empty: the caller keeps his */
                return rc;
            }
        }
    }
    plan.config = *config;
    memset(config, 0, sizeof *config);
    *out = plan;
    return 0;
}

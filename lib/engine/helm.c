#include "lib/engine/helm.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/engine/expand.h"
#include "lib/io/file.h"

void skf_helm_call_release(struct skf_helm_call *c)
{
    free(c->name);
    free(c->namespace_);
    free(c->version);
    free(c->repo);
    free(c->chart);
    free(c->package_version);
    free(c->app_version);
    skf_strv_release(&c->values);
    skf_buf_release(&c->overrides);
    memset(c, 0, sizeof *c);
}

/* --- templates -------------------------------------------------------------------------------- */

/* What a release is expanded with. */
struct resolve {
    const struct skf_helm_release *release;
    const char *dir;
    struct skf_strv vars;
    struct skf_helm_call *call;
    struct skf_err *err;
};

static int expand(struct resolve *r, const char *text, const char *field, char **out)
{
    const struct skf_node *at = skf_node_get(r->release->at, field);
    skf_autofree char *shown = skf_xasprintf("%s of helm release '%s'", field, r->release->name);
    if (!text || !text[0])
        return 0;
    return skf_expand(text, &r->vars, shown, at ? at : r->release->at, out, r->err);
}

/* "~/x" is the home directory's, as in Skaffold; other paths are the module's. */
static char *file_path(const struct resolve *r, const char *path)
{
    const char *home = getenv("HOME");
    if (home && strncmp(path, "~/", 2) == 0)
        return skf_path_join(home, path + 2);
    return strstr(path, "://") ? skf_xstrdup(path) : skf_path_join(r->dir, path);
}

/* Of a template "TAG@DIGEST" nothing but the tag is left for an image without a digest. */
static void drop_empty_digest(char *value)
{
    size_t len = strlen(value);
    if (len > 1 && value[len - 1] == '@')
        value[len - 1] = '\0';
}

static int add_set(struct resolve *r, const struct skf_pairs *pairs, bool templates)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const char *text = pairs->v[i].value ? pairs->v[i].value : "";
        skf_autofree char *key = skf_xstrdup(pairs->v[i].key), *value = skf_xstrdup(text);
        if (templates) {
            char *k = NULL, *v = NULL;
            int rc = expand(r, key, "setValueTemplates", &k);
            if (rc == 0)
                rc = expand(r, value, "setValueTemplates", &v);
            skf_replace(&key, k ? k : skf_xstrdup(""));
            skf_replace(&value, v ? v : skf_xstrdup(""));
            if (rc < 0)
                return rc;
            drop_empty_digest(value);
        }
        skf_strv_add(&r->call->values, "--set");
        skf_strv_addf(&r->call->values, "%s=%s", key, value);
    }
    return 0;
}

static int add_files(struct resolve *r)
{
    const struct skf_helm_release *h = r->release;
    for (size_t i = 0; i < h->set_files.n; i++) {
        skf_autofree char *name = NULL;
        if (expand(r, h->set_files.v[i].value, "setFiles", &name) < 0)
            return -(int)r->err->code;
        skf_autofree char *path = file_path(r, name ? name : "");
        skf_strv_add(&r->call->values, "--set-file");
        skf_strv_addf(&r->call->values, "%s=%s", h->set_files.v[i].key, path);
    }
    for (size_t i = 0; i < h->values_files.n; i++) {
        skf_autofree char *name = NULL;
        if (expand(r, h->values_files.v[i], "valuesFiles", &name) < 0)
            return -(int)r->err->code;
        skf_strv_add(&r->call->values, "-f");
        skf_strv_take(&r->call->values, file_path(r, name ? name : ""));
    }
    return 0;
}

static int resolve_names(struct resolve *r, const char *namespace_)
{
    const struct skf_helm_release *h = r->release;
    struct skf_helm_call *c = r->call;
    const char *chart = h->remote_chart ? h->remote_chart : h->chart_path;
    int rc = expand(r, h->name, "name", &c->name);
    if (rc == 0 && namespace_)
        c->namespace_ = skf_xstrdup(namespace_);
    else if (rc == 0)
        rc = expand(r, h->namespace_, "namespace", &c->namespace_);
    if (rc == 0)
        rc = expand(r, h->version, "version", &c->version);
    if (rc == 0)
        rc = expand(r, h->repo, "repo", &c->repo);
    if (rc == 0 && h->packaged)
        rc = expand(r, h->packaged->version, "packaged", &c->package_version);
    if (rc == 0 && h->packaged)
        rc = expand(r, h->packaged->app_version, "packaged", &c->app_version);
    if (rc == 0)
        rc = expand(r, chart, h->remote_chart ? "remoteChart" : "chartPath", &c->chart);
    if (rc == 0 && !c->chart)
        rc = skf_node_err(r->err, h->at, SKF_ECONFIG,
                          "helm release '%s' names no chart: write chartPath or remoteChart",
                          h->name);
    if (rc == 0 && !h->remote_chart) {
        c->local = true;
        skf_replace(&c->chart, file_path(r, c->chart));
    }
    return rc;
}

int skf_helm_resolve(const struct skf_helm_release *h, const char *dir, const char *namespace_,
                     const struct skf_pair *images, size_t n_images, struct skf_helm_call *out,
                     struct skf_err *err)
{
    struct resolve r = { .release = h, .dir = dir, .call = out, .err = err };
    memset(out, 0, sizeof *out);
    skf_expand_images(images, n_images, &r.vars);
    int rc = resolve_names(&r, namespace_);
    if (h->overrides && h->overrides->kind == SKF_MAPPING && h->overrides->n) {
        skf_emit_yaml(h->overrides, &out->overrides);
        skf_strv_add(&out->values, "-f");
        skf_strv_add(&out->values, "-");
    }
    if (rc == 0)
        rc = add_set(&r, &h->set_values, false);
    if (rc == 0)
        rc = add_set(&r, &h->set_value_templates, true);
    if (rc == 0)
        rc = add_files(&r);
    skf_strv_release(&r.vars);
    if (rc < 0)
        skf_helm_call_release(out);
    return rc;
}

/* --- command lines ---------------------------------------------------------------------------- */

void skf_helm_begin(struct skf_strv *argv, const struct skf_helm_release *r, const char *context,
                    const char *kubeconfig)
{
    skf_strv_add(argv, "helm");
    if (context) {
        skf_strv_add(argv, "--kube-context");
        skf_strv_add(argv, context);
    }
    if (kubeconfig) {
        skf_strv_add(argv, "--kubeconfig");
        skf_strv_add(argv, kubeconfig);
    }
    if (r && r->use_helm_secrets)
        skf_strv_add(argv, "secrets");
}

static void add_option(struct skf_strv *argv, const char *name, const char *value)
{
    if (!value)
        return;
    skf_strv_add(argv, name);
    skf_strv_add(argv, value);
}

void skf_helm_chart_args(struct skf_strv *argv, const struct skf_helm_call *c)
{
    skf_strv_add(argv, c->chart);
    add_option(argv, "--version", c->version);
    add_option(argv, "--namespace", c->namespace_);
    add_option(argv, "--repo", c->repo);
    skf_strv_addv(argv, &c->values);
}

static void add_strings(struct skf_strv *argv, const struct skf_strings *more)
{
    for (size_t i = 0; i < more->n; i++)
        skf_strv_add(argv, more->v[i]);
}

/* --- order ------------------------------------------------------------------------------------ */

static const struct skf_helm_release *find_release(const struct skf_helm *helm, const char *name)
{
    for (size_t i = 0; i < helm->n_releases; i++)
        if (helm->releases[i].name && strcmp(helm->releases[i].name, name) == 0)
            return &helm->releases[i];
    return NULL;
}

static bool is_placed(const struct skf_helm *helm, const size_t *order, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(helm->releases[order[i]].name, name) == 0)
            return true;
    return false;
}

static bool is_free(const struct skf_helm *helm, const size_t *order, size_t n, size_t at)
{
    const struct skf_strings *needs = &helm->releases[at].depends_on;
    for (size_t i = 0; i < needs->n; i++)
        if (!is_placed(helm, order, n, needs->v[i]))
            return false;
    return !is_placed(helm, order, n, helm->releases[at].name);
}

int skf_helm_order(const struct skf_helm *helm, size_t *order, struct skf_err *err)
{
    for (size_t i = 0; i < helm->n_releases; i++) {
        const struct skf_helm_release *r = &helm->releases[i];
        for (size_t j = 0; j < i; j++)
            if (strcmp(helm->releases[j].name, r->name) == 0)
                return skf_node_err(err, r->at, SKF_ECONFIG, "two helm releases are named '%s'",
                                    r->name);
        for (size_t j = 0; j < r->depends_on.n; j++)
            if (!find_release(helm, r->depends_on.v[j]))
                return skf_node_err(err, r->at, SKF_ECONFIG,
                                    "helm release '%s' depends on '%s', which is no release here",
                                    r->name, r->depends_on.v[j]);
    }
    for (size_t n = 0; n < helm->n_releases; n++) {
        size_t at = 0;
        while (at < helm->n_releases && !is_free(helm, order, n, at))
            at++;
        if (at == helm->n_releases)
            return skf_node_err(err, helm->releases[0].at, SKF_ECONFIG,
                                "helm releases depend on each other in a circle");
        order[n] = at;
    }
    return 0;
}

/* --- rendering -------------------------------------------------------------------------------- */

static void add_dependencies(const struct skf_helm *helm, const struct skf_helm_call *c,
                             struct skf_tools *tools)
{
    struct skf_tool_run *run =
        skf_tools_add(tools, skf_xasprintf("helm dependency build %s", c->name));
    run->prepares = true;
    skf_helm_begin(&run->argv, NULL, NULL, NULL);
    skf_strv_add(&run->argv, "dependency");
    skf_strv_add(&run->argv, "build");
    skf_strv_add(&run->argv, c->chart);
    add_strings(&run->argv, &helm->flags.dep_build);
    add_strings(&run->argv, &helm->flags.global);
}

static void add_template(const struct skf_helm *helm, const struct skf_helm_release *r,
                         const struct skf_helm_call *c, size_t group, struct skf_tools *tools)
{
    struct skf_tool_run *run = skf_tools_add(tools, skf_xasprintf("helm template %s", c->name));
    run->group = group;
    skf_helm_begin(&run->argv, r, NULL, NULL);
    skf_strv_add(&run->argv, "template");
    skf_strv_add(&run->argv, c->name);
    skf_helm_chart_args(&run->argv, c);
    add_strings(&run->argv, &helm->flags.template_);
    add_strings(&run->argv, &helm->flags.global);
    if (r->skip_tests)
        skf_strv_add(&run->argv, "--skip-tests");
    if (c->overrides.len)
        skf_replace(&run->input, skf_xstrdup(c->overrides.data));
}

int skf_helm_add(const struct skf_module *m, const struct skf_helm *helm, size_t group,
                 const char *namespace_, const struct skf_pair *images, size_t n_images,
                 struct skf_tools *tools, struct skf_err *err)
{
    skf_autofree size_t *order = skf_xcalloc(helm->n_releases + 1, sizeof *order);
    int rc = skf_helm_order(helm, order, err);
    for (size_t i = 0; rc == 0 && i < helm->n_releases; i++) {
        const struct skf_helm_release *r = &helm->releases[order[i]];
        struct skf_helm_call call;
        rc = skf_helm_resolve(r, m->dir, namespace_, images, n_images, &call, err);
        if (rc < 0)
            break;
        if (call.local && !r->skip_build_dependencies)
            add_dependencies(helm, &call, tools);
        add_template(helm, r, &call, group, tools);
        skf_helm_call_release(&call);
    }
    return rc;
}

/* --- what is read ----------------------------------------------------------------------------- */

static void add_path(const char *dir, const char *path, struct skf_strv *out)
{
    if (!path || strstr(path, "{{") || strstr(path, "://"))
        return; /* what it means is known only when it is deployed */
    skf_strv_take(out, skf_path_join(dir, path));
}

static void inputs_of(const struct skf_module *m, const struct skf_helm *helm,
                      struct skf_inputs *out)
{
    for (size_t i = 0; helm && i < helm->n_releases; i++) {
        const struct skf_helm_release *r = &helm->releases[i];
        if (!r->remote_chart)
            add_path(m->dir, r->chart_path, &out->trees);
        if (r->skip_build_dependencies && r->chart_path) {
            skf_autofree char *charts = skf_path_join(r->chart_path, "charts");
            add_path(m->dir, charts, &out->trees); /* nobody but the user writes there */
        }
        for (size_t j = 0; j < r->values_files.n; j++)
            add_path(m->dir, r->values_files.v[j], &out->files);
        for (size_t j = 0; j < r->set_files.n; j++)
            add_path(m->dir, r->set_files.v[j].value, &out->files);
    }
}

/* What `helm dependency build` writes into a chart. Data: none. */
static bool is_written_by_helm(void *data, const char *path, bool is_dir)
{
    static const char *const dirs[] = { "charts", "tmpcharts" };
    static const char *const files[] = { "Chart.lock", "requirements.lock" };
    const char *const *names = is_dir ? dirs : files;
    const char *base = skf_path_base(path);
    (void)data;
    if (strcmp(base, names[0]) != 0 && strcmp(base, names[1]) != 0)
        return false;
    skf_autofree char *dir = skf_path_dir(path);
    skf_autofree char *chart = skf_path_join(dir, "Chart.yaml");
    return skf_file_exists(chart);
}

void skf_helm_inputs(const struct skf_config *config, struct skf_inputs *out)
{
    for (size_t i = 0; i < config->n_modules; i++) {
        inputs_of(&config->modules[i], config->modules[i].render_helm, out);
        inputs_of(&config->modules[i], config->modules[i].deploy_helm, out);
    }
    out->skips = is_written_by_helm;
}

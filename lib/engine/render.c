#include "lib/engine/render.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/kube/manifest_debug.h"
#include "lib/kube/selector.h"

enum { MAX_MANIFEST = 64 * 1024 * 1024 };

void skf_rendered_release(struct skf_rendered *r)
{
    skf_objects_release(&r->objects);
    skf_strv_release(&r->unused);
    skf_strv_release(&r->notes);
}

/* Skaffold renders this pattern when a file names no manifests: then nothing to match is no
 * mistake. */
static bool is_default_pattern(const struct skf_module *m)
{
    return m->raw_yaml.n == 1 && strcmp(m->raw_yaml.v[0], "k8s/*.yaml") == 0;
}

static int load(const struct skf_module *m, struct skf_objects *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    int rc = skf_manifest_files(m->dir, m->raw_yaml.v, m->raw_yaml.n, is_default_pattern(m), &files,
                                err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < files.n; i++) {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        skf_autofree char *shown = skf_path_show(files.v[i]);
        rc = skf_file_read(files.v[i], MAX_MANIFEST, &text, err);
        if (rc == 0)
            rc = skf_manifest_parse(shown, text.data, text.len, out, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* What a module says holds for the objects of all, and a denial for what another allows. */
static void read_selector(const struct skf_config *c, struct skf_selector *out)
{
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct skf_resource_filter *v = c->modules[i].allowed.v;
        for (size_t k = 0; k < c->modules[i].allowed.n; k++)
            skf_selector_allow(out, v[k].group_kind, v[k].images.v, v[k].images.n, v[k].labels.v,
                               v[k].labels.n);
    }
    for (size_t i = 0; i < c->n_modules; i++) {
        const struct skf_resource_filter *v = c->modules[i].denied.v;
        for (size_t k = 0; k < c->modules[i].denied.n; k++)
            skf_selector_deny(out, v[k].group_kind);
    }
}

static int retag(const struct skf_render_request *req, const struct skf_selector *selector,
                 struct skf_rendered *r, struct skf_err *err)
{
    const struct skf_plan *plan = req->plan;
    skf_autofree struct skf_retag *retags = skf_xcalloc(plan->n_artifacts, sizeof *retags);
    size_t n = 0;
    for (size_t i = 0; i < plan->n_artifacts; i++)
        if (req->references[i])
            retags[n++] = (struct skf_retag){ plan->artifacts[i].match, req->references[i], 0 };
    int rc = skf_manifest_retag(&r->objects, selector, retags, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!retags[i].used)
            skf_strv_add(&r->unused, retags[i].name);
    return rc;
}

static int under_debugger(const struct skf_render_request *req, struct skf_rendered *r,
                          struct skf_err *err)
{
    const struct skf_plan *plan = req->plan;
    skf_autofree struct skf_debugged *list = skf_xcalloc(plan->n_artifacts, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < plan->n_artifacts; i++) {
        const struct skf_planned *p = &plan->artifacts[i];
        if (req->references[i] && p->builder->debugger)
            list[n++] = (struct skf_debugged){ req->references[i], p->artifact->image,
                                               p->builder->debugger, p->builder->debug_port };
    }
    return skf_manifest_debug(&r->objects, list, n, err);
}

/* Its files, then what other programs made for it. */
static int load_module(const struct skf_render_request *req, size_t at, struct skf_objects *out,
                       struct skf_err *err)
{
    const struct skf_module *m = &req->plan->config.modules[at];
    size_t before = out->n;
    int rc = !req->deployed || m->has_kubectl ? load(m, out, err) : 0;
    for (size_t i = before; i < out->n; i++)
        out->v[i].group = at;
    for (size_t i = 0; rc == 0 && req->generated && i < req->generated->n; i++) {
        const struct skf_objects one = { .v = &req->generated->v[i], .n = 1 };
        if (one.v->group == at)
            skf_objects_copy(&one, out);
    }
    return rc;
}

int skf_render(const struct skf_render_request *req, struct skf_rendered *out, struct skf_err *err)
{
    static const char *const managed[] = { "app.kubernetes.io/managed-by", "skiff", NULL };
    struct skf_selector selector = { 0 };
    struct skf_rendered r = { 0 };
    int rc = 0;
    read_selector(&req->plan->config, &selector);
    for (size_t i = 0; rc == 0 && i < req->plan->config.n_modules; i++)
        rc = load_module(req, i, &r.objects, err);
    if (rc == 0)
        rc = retag(req, &selector, &r, err);
    if (rc == 0 && req->debug)
        rc = under_debugger(req, &r, err);
    if (rc == 0 && req->deployed)
        rc = skf_manifest_label(&r.objects, &selector, managed, err);
    if (rc == 0 && req->namespace_) {
        skf_autofree char *note = NULL;
        rc = skf_manifest_namespace(&r.objects, req->namespace_, &note, err);
        if (note)
            skf_strv_add(&r.notes, note);
    }
    skf_selector_release(&selector);
    if (rc < 0) {
        skf_rendered_release(&r);
        return rc;
    }
    *out = r;
    return 0;
}

void skf_render_files(const struct skf_plan *plan, struct skf_strv *out)
{
    for (size_t i = 0; i < plan->config.n_modules; i++) {
        const struct skf_module *m = &plan->config.modules[i];
        struct skf_err ignored;
        for (size_t j = 0; j < m->raw_yaml.n; j++)
            skf_manifest_files(m->dir, &m->raw_yaml.v[j], 1, true, out, &ignored);
    }
}

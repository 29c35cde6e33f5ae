#include "cmd/init_scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/image/ref.h"
#include "lib/io/file.h"
#include "lib/kube/manifest.h"

enum { MAX_DEPTH = 12, MAX_FILE = 4 * 1024 * 1024 };

struct scan {
    const char *top;
    struct init_tree *out;
    struct skf_strv named; /* what kustomizations build on */
};

/* The directory we are in, and what holds for all below it. */
struct place {
    const char *dir;    /* relative to the top */
    const char *module; /* nearest directory with a go.mod, or NULL */
    bool kustomized;    /* a kustomization names the manifests here */
    int depth;
};

void init_builder_release(struct init_builder *b)
{
    free(b->context);
    free(b->detail);
    free(b->name);
    free(b->shown);
}

void init_tree_release(struct init_tree *t)
{
    for (size_t i = 0; i < t->builders.n; i++)
        init_builder_release(&t->builders.v[i]);
    skf_vec_release(&t->builders);
    skf_strv_release(&t->manifests);
    skf_strv_release(&t->kustomizations);
    skf_strv_release(&t->bases);
    skf_strv_release(&t->charts);
    skf_strv_release(&t->images);
    skf_strv_release(&t->tagged);
}

static bool read_text(const struct scan *s, const char *file, struct skf_buf *out)
{
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autofree char *path = skf_path_join(s->top, file);
    return skf_file_read(path, MAX_FILE, out, &ignored) == 0;
}

/* Does a line of the text start so, blanks in front ignored? Letters in any case. */
static bool has_line(const char *text, const char *start, bool any_case)
{
    size_t n = strlen(start);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\r\n\t ");
        if (any_case ? strncasecmp(line, start, n) == 0 : strncmp(line, start, n) == 0)
            return true;
    }
    return false;
}

/* --- what can be built ------------------------------------------------------------------------ */

static char *dir_name(const struct scan *s, const char *dir)
{
    skf_autofree char *abs = skf_path_abs(s->top, dir);
    return skf_xstrdup(skf_path_base(abs));
}

static bool is_dockerfile(const char *name)
{
    size_t n = strlen(name);
    return strcasecmp(name, "Dockerfile") == 0 || strncasecmp(name, "Dockerfile.", 11) == 0 ||
           (n > 11 && strcasecmp(name + n - 11, ".dockerfile") == 0);
}

static void add_dockerfile(const struct scan *s, const struct place *p, const char *name)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *file = skf_path_join(p->dir, name);
    if (!read_text(s, file, &text) || !has_line(text.data, "FROM ", true))
        return;
    struct init_builder b = { .kind = INIT_DOCKER,
                              .context = skf_xstrdup(p->dir),
                              .detail = skf_xstrdup(name),
                              .shown = skf_xasprintf("Docker (%s)", file) };
    if (strncasecmp(name, "Dockerfile.", 11) == 0)
        b.name = skf_xstrdup(name + 11);
    else if (strcasecmp(name, "Dockerfile") == 0)
        b.name = dir_name(s, p->dir);
    else
        b.name = skf_xstrndup(name, strlen(name) - 11);
    skf_vec_push(&s->out->builders, b);
}

static bool is_go_main(const struct scan *s, const char *file)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    return read_text(s, file, &text) && has_line(text.data, "package main", false) &&
           !has_line(text.data, "//go:build ignore", false) &&
           !has_line(text.data, "// +build ignore", false);
}

static void add_go_main(const struct scan *s, const struct place *p)
{
    const char *module = p->module ? p->module : p->dir;
    skf_autofree char *from = skf_path_abs("/", module), *to = skf_path_abs("/", p->dir);
    skf_autofree char *rel = skf_path_rel(from, to);
    bool here = strcmp(rel, ".") == 0;
    struct init_builder b = { .kind = INIT_KO,
                              .context = skf_xstrdup(module),
                              .detail = here ? skf_xstrdup(".") : skf_xasprintf("./%s", rel),
                              .name = dir_name(s, p->dir),
                              .shown = skf_xasprintf("ko (%s)", p->dir) };
    skf_vec_push(&s->out->builders, b);
}

/* --- what is deployed ------------------------------------------------------------------------- */

static void add_images(const struct scan *s, const struct skf_objects *objects)
{
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    if (skf_manifest_images(objects, &found, &ignored) < 0)
        return;
    for (size_t i = 0; i < found.n; i++) {
        struct skf_ref ref;
        const char *text = found.v[i];
        bool imported = strncmp(text, "ko://", 5) == 0;
        if (!imported && skf_ref_parse(text, &ref, &ignored) < 0)
            continue;
        const char *name = imported ? text : ref.name;
        bool tagged = !imported && (ref.digest || (ref.tag && strcmp(ref.tag, "latest") != 0));
        for (size_t k = s->out->tagged.n; !tagged && k > 0; k--)
            if (strcmp(s->out->tagged.v[k - 1], name) == 0)
                skf_strv_remove(&s->out->tagged, k - 1);
        if (!skf_strv_has(&s->out->images, name)) {
            skf_strv_add(&s->out->images, name);
            if (tagged)
                skf_strv_add(&s->out->tagged, name);
        }
        if (!imported)
            skf_ref_release(&ref);
    }
}

/* A file of Kubernetes objects, and of nothing else? Then its images are noted. */
static bool is_manifest(const struct scan *s, const char *file, const char *text, size_t len)
{
    struct skf_objects objects = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    bool good = skf_manifest_parse(file, text, len, &objects, &ignored) == 0 && objects.n > 0;
    for (size_t i = 0; good && i < objects.n; i++) {
        const struct skf_object *o = &objects.v[i];
        good = o->api_version && o->kind && o->name &&
               strncmp(o->api_version, "skaffold", 8) != 0 &&
               strncmp(o->api_version, "kustomize.config.k8s.io/", 24) != 0;
    }
    if (good)
        add_images(s, &objects);
    skf_objects_release(&objects);
    return good;
}

static bool is_kustomization(const char *name)
{
    return strcmp(name, "kustomization.yaml") == 0 || strcmp(name, "kustomization.yml") == 0 ||
           strcmp(name, "Kustomization") == 0;
}

/* Directories that it builds on are not deployed for themselves. */
static void add_kustomization(struct scan *s, const char *dir, const char *file)
{
    static const char *const keys[] = { "resources", "bases", "components" };
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_doc *d = NULL;
    struct skf_err ignored = SKF_ERR_INIT;
    skf_strv_add(&s->out->kustomizations, dir);
    if (!read_text(s, file, &text) || skf_doc_parse(file, text.data, text.len, &d, &ignored) < 0)
        return;
    for (size_t i = 0; d->n_parts && i < SKF_ARRAY_LEN(keys); i++) {
        const struct skf_node *list = skf_node_get(d->parts[0].root, keys[i]);
        for (size_t k = 0; list && list->kind == SKF_SEQUENCE && k < list->n; k++) {
            const char *entry = skf_node_str(list->items[k]);
            if (entry && !strstr(entry, "://"))
                skf_strv_take(&s->named, skf_path_join(dir, entry));
        }
    }
    skf_doc_free(d);
}

static void look_at_yaml(const struct scan *s, const struct place *p, const char *file)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (read_text(s, file, &text) && is_manifest(s, file, text.data, text.len) && !p->kustomized)
        skf_strv_add(&s->out->manifests, file);
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_entered(const char *name)
{
    static const char *const skipped[] = { "node_modules", "vendor", "testdata", "third_party",
                                           "__pycache__" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(skipped); i++)
        if (strcmp(name, skipped[i]) == 0)
            return false;
    return name[0] != '.';
}

static void walk(struct scan *s, const struct place *up, const char *dir)
{
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autofree char *abs = skf_path_abs(s->top, dir);
    struct place p = *up;
    bool go_main = false;
    p.dir = dir;
    p.depth++;
    if (p.depth > MAX_DEPTH || skf_file_list(abs, &names, &ignored) < 0)
        return;
    if (skf_strv_has(&names, "Chart.yaml")) { /* its templates are no manifests */
        skf_strv_add(&s->out->charts, dir);
        return;
    }
    if (skf_strv_has(&names, "go.mod"))
        p.module = dir;
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *file = skf_path_join(dir, names.v[i]);
        if (is_kustomization(names.v[i])) {
            p.kustomized = true;
            add_kustomization(s, dir, file);
        }
    }
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.v[i], *ext = skf_path_ext(name);
        skf_autofree char *file = skf_path_join(dir, name), *path = skf_path_join(abs, name);
        if (skf_file_is_dir(path)) {
            if (is_entered(name))
                walk(s, &p, file);
        } else if (is_dockerfile(name)) {
            add_dockerfile(s, &p, name);
        } else if (strcmp(ext, ".go") == 0) {
            size_t n = strlen(name);
            bool test = n > 8 && strcmp(name + n - 8, "_test.go") == 0;
            go_main = go_main || (!test && is_go_main(s, file));
        } else if ((strcmp(ext, ".yaml") == 0 || strcmp(ext, ".yml") == 0) &&
                   !is_kustomization(name)) {
            look_at_yaml(s, &p, file);
        }
    }
    if (go_main)
        add_go_main(s, &p);
}

/* Only what no other kustomization builds on is deployed. */
static void part_bases(struct scan *s)
{
    struct skf_strv *list = &s->out->kustomizations;
    for (size_t i = list->n; i > 0; i--) {
        if (!skf_strv_has(&s->named, list->v[i - 1]) || list->n == 1)
            continue;
        skf_strv_add(&s->out->bases, list->v[i - 1]);
        skf_strv_remove(list, i - 1);
    }
    skf_strv_sort(list);
    skf_strv_sort(&s->out->bases);
}

int init_scan(const char *top, struct init_tree *out, struct skf_err *err)
{
    if (!skf_file_is_dir(top))
        return skf_err_set(err, SKF_ENOTFOUND, "'%s' is no directory", top);
    memset(out, 0, sizeof *out);
    struct scan s = { .top = top, .out = out };
    const struct place outside = { .dir = "." };
    walk(&s, &outside, ".");
    part_bases(&s);
    skf_strv_release(&s.named);
    return 0;
}

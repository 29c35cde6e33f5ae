#include "cmd/init_plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/config/version.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"

/* --- pairs ------------------------------------------------------------------------------------ */

void init_plan_release(struct init_plan *plan)
{
    skf_vec_release(&plan->pairs);
}

bool init_pair_uses(const struct init_plan *plan, const struct init_builder *b)
{
    for (size_t i = 0; i < plan->pairs.n; i++)
        if (plan->pairs.v[i].builder == b)
            return true;
    return false;
}

void init_pair_set(struct init_plan *plan, const char *image, const struct init_builder *b)
{
    for (size_t i = 0; i < plan->pairs.n; i++) {
        if (strcmp(plan->pairs.v[i].image, image) == 0) {
            plan->pairs.v[i].builder = b;
            plan->pairs.v[i].settled = true;
            return;
        }
    }
    skf_vec_push(&plan->pairs, (struct init_pair){ .image = image, .builder = b, .settled = true });
}

/* Same letters and digits, whatever stands between them. */
static bool alike(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a && !isalnum((unsigned char)*a))
            a++;
        while (*b && !isalnum((unsigned char)*b))
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

/* "redis", "nginx": from Docker Hub's own, with a version. Nobody's sources are called so. */
static bool is_foreign(const struct init_tree *t, const char *image)
{
    return !strchr(image, '/') && skf_strv_has(&t->tagged, image);
}

/* A Dockerfile in the same directory is what its author meant to build the program with. */
static bool is_shadowed(const struct init_tree *t, const struct init_builder *b)
{
    if (b->kind != INIT_KO)
        return false;
    skf_autofree char *dir = skf_path_join(b->context, b->detail);
    for (size_t i = 0; i < t->builders.n; i++)
        if (t->builders.v[i].kind == INIT_DOCKER && strcmp(t->builders.v[i].context, dir) == 0)
            return true;
    return false;
}

static const struct init_builder *named_like(const struct init_tree *t, const char *image)
{
    const struct init_builder *found = NULL;
    for (size_t i = 0; i < t->builders.n; i++) {
        const struct init_builder *b = &t->builders.v[i];
        if (!alike(b->name, skf_path_base(image)) || is_shadowed(t, b))
            continue;
        if (found)
            return NULL; /* two of that name: somebody has to say */
        found = b;
    }
    return found;
}

void init_pair_by_name(const struct init_tree *t, struct init_plan *plan)
{
    const struct init_builder *last = NULL;
    size_t open_images = 0, open_builders = 0;
    for (size_t i = 0; i < t->images.n; i++) {
        const char *image = t->images.v[i];
        const struct init_builder *b = named_like(t, image);
        if (b && init_pair_uses(plan, b))
            b = NULL;
        bool settled = b || is_foreign(t, image);
        open_images += !settled;
        skf_vec_push(&plan->pairs,
                     (struct init_pair){ .image = image, .builder = b, .settled = settled });
    }
    for (size_t i = 0; i < t->builders.n; i++) {
        const struct init_builder *b = &t->builders.v[i];
        if (init_pair_uses(plan, b) || is_shadowed(t, b))
            continue;
        open_builders++;
        last = b;
    }
    for (size_t i = 0; i < plan->pairs.n; i++) {
        struct init_pair *p = &plan->pairs.v[i];
        if (p->settled)
            continue;
        if (open_images == 1 && open_builders == 1)
            p->builder = last;
        p->settled = open_builders == 0 || p->builder;
    }
}

/* --- the file --------------------------------------------------------------------------------- */

char *init_project_name(const char *dir)
{
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    for (const char *c = skf_path_base(dir); *c; c++) {
        bool good = isalnum((unsigned char)*c) != 0;
        if (good)
            skf_buf_addc(&name, (char)tolower((unsigned char)*c));
        else if (name.len && name.data[name.len - 1] != '-')
            skf_buf_addc(&name, '-');
    }
    while (name.len && name.data[name.len - 1] == '-')
        skf_buf_cut(&name, name.len - 1);
    return skf_xstrdup(name.len ? name.data : "app");
}

static void set_text(struct skf_doc *d, struct skf_node *map, const char *key, const char *text)
{
    skf_node_set(d, map, key, skf_node_new_str(d, NULL, text));
}

static struct skf_node *below(struct skf_doc *d, struct skf_node *map, const char *key)
{
    struct skf_node *n = skf_node_new_map(d, NULL);
    skf_node_set(d, map, key, n);
    return n;
}

static struct skf_node *texts(struct skf_doc *d, const struct skf_strv *list)
{
    struct skf_node *n = skf_node_new_seq(d, NULL);
    for (size_t i = 0; i < list->n; i++)
        skf_node_append(d, n, skf_node_new_str(d, NULL, list->v[i]));
    return n;
}

static void put_artifact(struct skf_doc *d, struct skf_node *list, const struct init_pair *p)
{
    const struct init_builder *b = p->builder;
    struct skf_node *a = skf_node_new_map(d, NULL);
    set_text(d, a, "image", p->image);
    if (strcmp(b->context, ".") != 0)
        set_text(d, a, "context", b->context);
    struct skf_node *options = below(d, a, b->kind == INIT_KO ? "ko" : "docker");
    if (b->kind == INIT_DOCKER)
        set_text(d, options, "dockerfile", b->detail);
    else if (strcmp(b->detail, ".") != 0 && strncmp(p->image, "ko://", 5) != 0)
        set_text(d, options, "main", b->detail);
    skf_node_append(d, list, a);
}

static void put_kustomize(struct skf_doc *d, struct skf_node *in, const struct skf_strv *paths)
{
    struct skf_node *m = skf_node_get(in, "manifests");
    skf_node_set(d, below(d, m ? m : below(d, in, "manifests"), "kustomize"), "paths",
                 texts(d, paths));
}

/* Several that build on the same one are variants: the base, and a profile for each of them. */
static void put_kustomizations(struct skf_doc *d, struct skf_node *root, const struct init_tree *t)
{
    if (t->kustomizations.n <= 1 || !t->bases.n) {
        if (t->kustomizations.n)
            put_kustomize(d, root, &t->kustomizations);
        return;
    }
    struct skf_node *profiles = skf_node_new_seq(d, NULL);
    put_kustomize(d, root, &t->bases);
    for (size_t i = 0; i < t->kustomizations.n; i++) {
        skf_autostrv struct skf_strv one = SKF_STRV_INIT;
        skf_autofree char *name = init_project_name(t->kustomizations.v[i]);
        struct skf_node *profile = skf_node_new_map(d, NULL);
        skf_strv_add(&one, t->kustomizations.v[i]);
        set_text(d, profile, "name", name);
        put_kustomize(d, profile, &one);
        skf_node_append(d, profiles, profile);
    }
    skf_node_set(d, root, "profiles", profiles);
}

void init_write(const struct init_tree *t, const struct init_plan *plan, const char *name,
                const struct skf_strv *manifests, struct skf_buf *out)
{
    struct skf_doc *d = skf_doc_new("");
    struct skf_node *root = skf_node_new_map(d, NULL), *artifacts = skf_node_new_seq(d, NULL);
    set_text(d, root, "apiVersion", SKF_VERSION_NEWEST);
    set_text(d, root, "kind", "Config");
    set_text(d, below(d, root, "metadata"), "name", name);
    for (size_t i = 0; i < plan->pairs.n; i++)
        if (plan->pairs.v[i].builder)
            put_artifact(d, artifacts, &plan->pairs.v[i]);
    if (artifacts->n)
        skf_node_set(d, below(d, root, "build"), "artifacts", artifacts);
    if (manifests->n)
        skf_node_set(d, below(d, root, "manifests"), "rawYaml", texts(d, manifests));
    put_kustomizations(d, root, t);
    skf_emit_yaml(root, out);
    skf_doc_free(d);
}

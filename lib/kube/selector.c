#include "lib/kube/selector.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/kube/kinds.h"

void skf_selector_release(struct skf_selector *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].group_kind);
        free(s->v[i].image_paths);
    }
    skf_vec_release(s);
}

/* ".spec.jobs.*.image" is "spec.jobs.image": levels of a list have no name. Owned. */
static char *plain_path(const char *path)
{
    skf_autostrv struct skf_strv keys = SKF_STRV_INIT, kept = SKF_STRV_INIT;
    skf_strv_split(&keys, path, ".");
    for (size_t i = 0; i < keys.n; i++) {
        if (strcmp(keys.v[i], "*") != 0)
            skf_strv_add(&kept, keys.v[i]);
    }
    return skf_strv_join(&kept, ".");
}

static bool has_any(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], ".*") == 0)
            return true;
    }
    return false;
}

static bool is_image_key(const char *path)
{
    const char *dot = strrchr(path, '.');
    return strcmp(dot ? dot + 1 : path, "image") == 0;
}

/* No place twice: a text is edited once. */
static char *image_paths(const char *const *paths, size_t n)
{
    skf_autostrv struct skf_strv list = SKF_STRV_INIT;
    bool any = has_any(paths, n);
    if (any)
        skf_strv_add(&list, "*");
    for (size_t i = 0; i < n; i++) {
        skf_autofree char *path = plain_path(paths[i]);
        if (*path && !skf_strv_has(&list, path) && !(any && is_image_key(path)))
            skf_strv_add(&list, path);
    }
    return list.n ? skf_strv_join(&list, " ") : NULL;
}

static bool names_labels(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], ".metadata.labels") == 0)
            return true;
    }
    return has_any(paths, n);
}

void skf_selector_allow(struct skf_selector *s, const char *group_kind, const char *const *images,
                        size_t n_images, const char *const *labels, size_t n_labels)
{
    struct skf_selector_rule rule = { .group_kind = skf_xstrdup(group_kind),
                                      .image_paths = image_paths(images, n_images),
                                      .labelled = names_labels(labels, n_labels) };
    skf_vec_push(s, rule);
}

void skf_selector_deny(struct skf_selector *s, const char *group_kind)
{
    struct skf_selector_rule rule = { .group_kind = skf_xstrdup(group_kind) };
    skf_vec_push(s, rule);
}

static const struct skf_selector_rule *find(const struct skf_selector *s, const char *api_version,
                                            const char *kind)
{
    for (size_t i = s ? s->n : 0; i-- > 0;) {
        if (skf_kind_is(api_version, kind, s->v[i].group_kind))
            return &s->v[i];
    }
    return NULL;
}

const char *skf_selector_image_paths(const struct skf_selector *s, const char *api_version,
                                     const char *kind)
{
    const struct skf_selector_rule *rule = find(s, api_version, kind);
    return rule ? rule->image_paths : skf_kind_image_paths(api_version, kind);
}

bool skf_selector_labelled(const struct skf_selector *s, const char *api_version, const char *kind)
{
    const struct skf_selector_rule *rule = find(s, api_version, kind);
    return !rule || rule->labelled;
}

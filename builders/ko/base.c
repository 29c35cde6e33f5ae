#include "builders/ko/base.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/image/ref.h"

/* Bases that this process has resolved: reference and platforms -> image. One pull serves all
 * artifacts and the whole session. */
static struct skf_map known = SKF_MAP_INIT;

static void drop_image(void *image)
{
    skf_image_unref(image);
}

void skf_ko_base_forget_all(void)
{
    skf_map_release_with(&known, drop_image);
}

const char *skf_ko_base_choose(const struct skf_ko_plan *plan, const char *import_path)
{
    if (plan->from_image)
        return plan->from_image;
    skf_autofree char *key = skf_xstrdup(import_path);
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *override = skf_map_get(&plan->yaml.overrides, key);
    if (override)
        return override;
    return plan->yaml.default_base ? plan->yaml.default_base : SKF_KO_DEFAULT_BASE;
}

static bool is_scratch(const char *reference)
{
    return strcmp(reference, "scratch") == 0;
}

static bool is_builtin(const char *reference)
{
    size_t len = strlen(SKF_KO_BUILTIN_BASE);
    return strncmp(reference, SKF_KO_BUILTIN_BASE, len) == 0 &&
           (reference[len] == '\0' || strcmp(reference + len, ":latest") == 0);
}

bool skf_ko_base_is_fixed(const char *reference)
{
    return is_scratch(reference) || is_builtin(reference) || strstr(reference, "@sha256:");
}

bool skf_ko_base_is_static(const char *reference)
{
    static const char *const names[] = { "chainguard/static", "distroless/static" };
    bool found = is_scratch(reference) || is_builtin(reference);
    for (size_t i = 0; i < SKF_ARRAY_LEN(names) && !found; i++)
        found = strstr(reference, names[i]) != NULL;
    return found;
}

/* --- bases made here -------------------------------------------------------------------------- */

static struct skf_image *make_one(const char *reference, const struct skf_platform *platform,
                                  struct skf_err *err)
{
    return is_scratch(reference) ? skf_image_scratch(platform) : skf_image_static(platform, err);
}

static json_t *platform_json(const struct skf_platform *p)
{
    json_t *o = json_object();
    json_object_set_new(o, "architecture", json_string(p->arch));
    json_object_set_new(o, "os", json_string(p->os));
    if (p->variant[0])
        json_object_set_new(o, "variant", json_string(p->variant));
    return o;
}

/* Several platforms: an index, as a registry would have one. */
static struct skf_image *make_index(const char *reference, const struct skf_ko_platforms *p,
                                    struct skf_err *err)
{
    struct skf_image *im = skf_xcalloc(1, sizeof *im);
    json_t *list = json_array();
    im->refs = 1;
    im->manifest_doc = json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
                                 SKF_MT_OCI_INDEX, "manifests", list);
    im->children = skf_xcalloc(p->n, sizeof *im->children);
    im->child_descriptors = skf_xcalloc(p->n, sizeof(json_t *));
    for (size_t i = 0; i < p->n; i++) {
        struct skf_image *child = make_one(reference, &p->v[i], err);
        if (!child) {
            skf_image_unref(im);
            return NULL;
        }
        child->platform = p->v[i];
        child->has_platform = true;
        json_t *d = json_pack("{s:s, s:I, s:s, s:o}", "mediaType", SKF_MT_OCI_MANIFEST, "size",
                              (json_int_t)child->manifest->size, "digest", child->manifest->digest,
                              "platform", platform_json(&p->v[i]));
        json_array_append_new(list, d);
        im->children[im->n_children] = child;
        im->child_descriptors[im->n_children++] = d;
    }
    skf_autofree char *text = skf_image_json(im->manifest_doc);
    im->manifest = skf_blob_new_bytes(text, strlen(text), SKF_MT_OCI_INDEX);
    return im;
}

static void make_base(struct skf_work *w)
{
    struct skf_ko_base *b = SKF_CONTAINER_OF(w, struct skf_ko_base, work);
    b->image = b->platforms->n == 1 ? make_one(b->reference, &b->platforms->v[0], &w->err)
                                    : make_index(b->reference, b->platforms, &w->err);
}

/* --- the operation ---------------------------------------------------------------------------- */

static void finish(struct skf_ko_base *b, const struct skf_err *err)
{
    if (!err && !skf_map_has(&known, b->key))
        skf_map_put(&known, b->key, skf_image_ref(b->image));
    b->done(b, err);
}

static void on_made(struct skf_work *w)
{
    struct skf_ko_base *b = SKF_CONTAINER_OF(w, struct skf_ko_base, work);
    b->making = false;
    finish(b, w->err.code ? &w->err : NULL);
}

static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    struct skf_ko_base *b = p->data;
    struct skf_err e = SKF_ERR_INIT;
    b->pulling = false;
    if (!err) {
        b->image = p->image;
        b->stale = p->stale;
        p->image = NULL;
        finish(b, NULL);
        return;
    }
    e = *err;
    if (strstr(e.msg, "it offers")) {
        skf_err_wrap(&e, "base image"); /* it was reached: another base is no help */
    } else if (e.code != SKF_ECANCELED) {
        skf_err_set(
            &e, e.code,
            "cannot get the base image '%s' (%s): set KO_DEFAULTBASEIMAGE=" SKF_KO_BUILTIN_BASE
            " to use the base built into skiff, or fromImage in skaffold.yaml",
            b->reference, err->msg);
    }
    b->done(b, &e);
}

static void on_at_once(struct skf_defer *d)
{
    struct skf_ko_base *b = SKF_CONTAINER_OF(d, struct skf_ko_base, defer);
    finish(b, b->refused.code ? &b->refused : NULL);
}

static void memo_key(struct skf_ko_base *b)
{
    struct skf_buf key = SKF_BUF_INIT;
    skf_buf_adds(&key, b->reference);
    for (size_t i = 0; i < b->platforms->n; i++) {
        char text[160];
        skf_platform_format(&b->platforms->v[i], text, sizeof text);
        skf_buf_addf(&key, " %s:%s", text, b->platforms->v[i].os_version);
    }
    b->key = skf_buf_take(&key);
}

static void start_pull(struct skf_ko_base *b)
{
    b->cache_dir = skf_path_join(b->services->cache_dir, "images");
    b->pull = (struct skf_pull){ .registry = b->services->registry,
                                 .reference = b->reference,
                                 .wanted = b->platforms->all ? NULL : b->platforms->v,
                                 .n_wanted = b->platforms->all ? 0 : b->platforms->n,
                                 .cache_dir = b->cache_dir,
                                 .pinned = b->dev,
                                 .data = b,
                                 .done = on_pulled };
    b->pulling = true;
    skf_pull_start(&b->pull);
}

/* What can be refused without asking anybody; also finds the name for annotations. */
static void check(struct skf_ko_base *b, struct skf_err *err)
{
    struct skf_ref ref = { 0 };
    bool made_here = is_scratch(b->reference) || is_builtin(b->reference);
    if (made_here && (b->platforms->all || !b->platforms->n)) {
        skf_err_set(err, SKF_ECONFIG,
                    "the base image '%s' has no platforms of its own: name them instead of 'all'",
                    b->reference);
        return;
    }
    if (made_here)
        return;
    if (strncmp(b->reference, "ko.local/", 9) == 0) {
        skf_err_set(err, SKF_EUNSUPPORTED,
                    "the base image '%s' would come from a Docker daemon: push it to a registry",
                    b->reference);
        return;
    }
    if (skf_ref_parse(b->reference, &ref, err) < 0) {
        skf_err_wrap(err, "base image");
        return;
    }
    b->name = skf_ref_ggcr(&ref);
    skf_ref_release(&ref);
}

void skf_ko_base_start(struct skf_ko_base *b,
                       void (*done)(struct skf_ko_base *b, const struct skf_err *err))
{
    b->done = done;
    memo_key(b);
    check(b, &b->refused);
    struct skf_image *have = b->refused.code ? NULL : skf_map_get(&known, b->key);
    if (have)
        b->image = skf_image_ref(have);
    if (have || b->refused.code) {
        skf_defer_start(b->services->loop, &b->defer, 0, on_at_once);
    } else if (!b->name) {
        b->making = true;
        skf_work_start(b->services->loop, &b->work, make_base, on_made);
    } else {
        start_pull(b);
    }
}

void skf_ko_base_cancel(struct skf_ko_base *b)
{
    if (b->pulling)
        skf_pull_cancel(&b->pull);
    else if (b->making)
        skf_work_cancel(&b->work);
}

void skf_ko_base_release(struct skf_ko_base *b)
{
    skf_image_unref(b->image);
    free(b->name);
    free(b->key);
    free(b->cache_dir);
    b->image = NULL;
    b->name = b->key = b->cache_dir = NULL;
}

/* --- which children --------------------------------------------------------------------------- */

static bool wanted_matches(const struct skf_ko_platforms *wanted, const struct skf_platform *have)
{
    if (strcmp(have->os, "unknown") == 0 || strcmp(have->arch, "unknown") == 0)
        return false; /* BuildKit's attestations */
    if (wanted->all)
        return strcmp(have->os, "windows") != 0;
    for (size_t i = 0; i < wanted->n; i++)
        if (skf_platform_matches(&wanted->v[i], have))
            return true;
    return false;
}

static char *names_of_wanted(const struct skf_ko_platforms *wanted)
{
    skf_autostrv struct skf_strv list = SKF_STRV_INIT;
    for (size_t i = 0; i < wanted->n; i++) {
        char text[160];
        skf_platform_format(&wanted->v[i], text, sizeof text);
        skf_strv_add(&list, text);
    }
    return list.n ? skf_strv_join(&list, ", ") : skf_xstrdup("all");
}

/* What an index offers, from its own text, because children that nobody asked for are not loaded.
 */
static char *names_of_offered(const struct skf_image *index)
{
    skf_autostrv struct skf_strv list = SKF_STRV_INIT;
    size_t i;
    json_t *d;
    json_array_foreach(json_object_get(index->manifest_doc, "manifests"), i, d)
    {
        const json_t *p = json_object_get(d, "platform");
        const char *os = json_string_value(json_object_get(p, "os"));
        const char *arch = json_string_value(json_object_get(p, "architecture"));
        const char *variant = json_string_value(json_object_get(p, "variant"));
        if (os && arch && strcmp(os, "unknown") != 0)
            skf_strv_addf(&list, "%s/%s%s%s", os, arch, variant ? "/" : "", variant ? variant : "");
    }
    return list.n ? skf_strv_join(&list, ", ") : skf_xstrdup("nothing");
}

static void copy_text(char *to, size_t size, const json_t *config, const char *key)
{
    const char *s = json_string_value(json_object_get(config, key));
    snprintf(to, size, "%s", s ? s : "");
}

static int select_single(const struct skf_image *image, const char *reference,
                         const struct skf_ko_platforms *wanted, struct skf_ko_base_child *out,
                         struct skf_err *err)
{
    struct skf_platform have = { 0 };
    bool variant = false;
    copy_text(have.os, sizeof have.os, image->config_doc, "os");
    copy_text(have.arch, sizeof have.arch, image->config_doc, "architecture");
    copy_text(have.os_version, sizeof have.os_version, image->config_doc, "os.version");
    if (!have.os[0])
        snprintf(have.os, sizeof have.os, "linux");
    if (!have.arch[0])
        snprintf(have.arch, sizeof have.arch, "amd64");
    /* ko does not look at the variant of a single image; it counts only where one was asked for. */
    for (size_t i = 0; i < wanted->n; i++)
        variant = variant || wanted->v[i].variant[0];
    if (variant)
        copy_text(have.variant, sizeof have.variant, image->config_doc, "variant");
    if (!wanted_matches(wanted, &have)) {
        char text[160];
        skf_autofree char *names = names_of_wanted(wanted);
        skf_platform_format(&have, text, sizeof text);
        return skf_err_set(
            err, SKF_ECONFIG,
            "the base image '%s' is only for %s, and %s is wanted: choose another base "
            "or platform",
            reference, text, names);
    }
    *out = (struct skf_ko_base_child){ .platform = have,
                                       .image = (struct skf_image *)(uintptr_t)image };
    return 0;
}

int skf_ko_base_select(const struct skf_image *image, const char *reference,
                       const struct skf_ko_platforms *wanted, struct skf_ko_base_child **out,
                       size_t *n, struct skf_err *err)
{
    size_t found = 0;
    struct skf_ko_base_child *list = skf_xcalloc(image->n_children + 1, sizeof *list);
    if (image->config_doc) {
        int rc = select_single(image, reference, wanted, &list[0], err);
        if (rc < 0) {
            free(list);
            return rc;
        }
        found = 1;
    }
    for (size_t i = 0; i < image->n_children; i++) {
        struct skf_image *child = image->children[i];
        if (!child || !child->has_platform || !child->config_doc ||
            !wanted_matches(wanted, &child->platform))
            continue;
        list[found++] = (struct skf_ko_base_child){ .platform = child->platform,
                                                    .image = child,
                                                    .descriptor = image->child_descriptors[i] };
    }
    if (!found) {
        skf_autofree char *names = names_of_wanted(wanted), *offered = names_of_offered(image);
        free(list);
        return skf_err_set(err, SKF_ECONFIG, "the base image '%s' is not for %s: it offers %s",
                           reference, names, offered);
    }
    *out = list;
    *n = found;
    return 0;
}

#include "lib/image/document.h"

#include <string.h>

#include "lib/base/mem.h"

/* --- reading ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static bool same_type(const char *a, const char *b)
{
    size_t len = strcspn(a, "; ");
    return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

static int check_descriptor(const json_t *d, const char *what, struct skf_err *err)
{
    const json_t *size = json_object_get(d, "size");
    if (!json_is_object(d) || !skf_digest_valid(text_of(d, "digest")) || !json_is_integer(size) ||
        json_integer_value(size) < 0 || !*text_of(d, "mediaType"))
        return skf_err_set(err, SKF_EPROTO,
                           "'%s' has a descriptor without a valid mediaType, digest and size",
                           what);
    return 0;
}

static int check_list(const json_t *list, size_t max, const char *what, struct skf_err *err)
{
    size_t i;
    json_t *d;
    if (!json_is_array(list))
        return skf_err_set(err, SKF_EPROTO, "'%s' is not an image: a list is missing", what);
    if (json_array_size(list) > max)
        return skf_err_set(err, SKF_ETOOBIG, "'%s' lists %zu parts; %zu is the limit", what,
                           json_array_size(list), max);
    json_array_foreach(list, i, d)
    {
        if (check_descriptor(d, what, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* The type decides what the bytes are; without one, what is in them. Both kinds in one is an
 * attack. */
static int decide_kind(const json_t *doc, const char *media_type, const char *what,
                       enum skf_document_kind *kind, const char **type, struct skf_err *err)
{
    static const char *const types[] = { SKF_MT_OCI_MANIFEST, SKF_MT_DOCKER_MANIFEST,
                                         SKF_MT_OCI_INDEX, SKF_MT_DOCKER_LIST };
    const char *inside = text_of(doc, "mediaType");
    bool index_keys = json_object_get(doc, "manifests");
    bool image_keys = json_object_get(doc, "layers") || json_object_get(doc, "config");
    if (index_keys && image_keys)
        return skf_err_set(err, SKF_EPROTO, "'%s' claims to be an image and an index at once",
                           what);
    const char *found = NULL;
    for (size_t i = 0; i < SKF_ARRAY_LEN(types); i++)
        if (same_type(*inside ? inside : media_type, types[i]))
            found = types[i];
    if (!found && *inside)
        return skf_err_set(err, SKF_EUNSUPPORTED, "'%s' has the unexpected type '%.100s'", what,
                           inside);
    if (!found && strstr(media_type, "distribution.manifest.v1"))
        return skf_err_set(
            err, SKF_EUNSUPPORTED,
            "'%s' is in the obsolete schema 1 format; push it again with a current tool", what);
    if (!found)
        found = index_keys ? SKF_MT_OCI_INDEX : SKF_MT_OCI_MANIFEST;
    bool index = found == types[2] || found == types[3];
    if (index ? !index_keys : !image_keys)
        return skf_err_set(err, SKF_EPROTO, "'%s' is not what its type '%s' says", what, found);
    *kind = index ? SKF_DOCUMENT_INDEX : SKF_DOCUMENT_IMAGE;
    *type = found;
    return 0;
}

json_t *skf_document_parse(const void *data, size_t len, const char *media_type, const char *what,
                           enum skf_document_kind *kind, const char **type, struct skf_err *err)
{
    json_error_t why;
    json_t *doc = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (!doc || !json_is_object(doc)) {
        skf_err_set(err, SKF_EPROTO, "'%s' is not a JSON document: %s", what,
                    doc ? "no object" : why.text);
        goto fail;
    }
    if (json_integer_value(json_object_get(doc, "schemaVersion")) != 2) {
        skf_err_set(err, SKF_EUNSUPPORTED, "'%s' is not a schema 2 image", what);
        goto fail;
    }
    if (decide_kind(doc, media_type ? media_type : "", what, kind, type, err) < 0)
        goto fail;
    int rc;
    if (*kind == SKF_DOCUMENT_INDEX) {
        rc = check_list(json_object_get(doc, "manifests"), SKF_IMAGE_MAX_CHILDREN, what, err);
    } else {
        rc = check_descriptor(json_object_get(doc, "config"), what, err);
        if (!rc)
            rc = check_list(json_object_get(doc, "layers"), SKF_IMAGE_MAX_LAYERS, what, err);
    }
    if (!rc)
        return doc;
fail:
    json_decref(doc);
    return NULL;
}

struct skf_blob *skf_descriptor_blob(const json_t *d, const char *repository, bool insecure)
{
    return skf_blob_new_remote(text_of(d, "digest"), json_integer_value(json_object_get(d, "size")),
                               text_of(d, "mediaType"), repository, insecure);
}

static void copy_text(char *to, size_t size, const json_t *object, const char *key)
{
    snprintf(to, size, "%s", text_of(object, key));
}

static void read_platform(const json_t *from, struct skf_platform *out)
{
    copy_text(out->os, sizeof out->os, from, "os");
    copy_text(out->arch, sizeof out->arch, from, "architecture");
    copy_text(out->variant, sizeof out->variant, from, "variant");
    copy_text(out->os_version, sizeof out->os_version, from, "os.version");
}

void skf_descriptor_platform(const json_t *descriptor, struct skf_platform *out, bool *has)
{
    const json_t *p = json_object_get(descriptor, "platform");
    memset(out, 0, sizeof *out);
    *has = json_is_object(p);
    if (*has)
        read_platform(p, out);
}

struct skf_image *skf_image_from_documents(const void *manifest, size_t manifest_len,
                                           const char *media_type, const void *config,
                                           size_t config_len, const char *repository, bool insecure,
                                           struct skf_err *err)
{
    enum skf_document_kind kind;
    const char *type;
    json_t *doc =
        skf_document_parse(manifest, manifest_len, media_type, repository, &kind, &type, err);
    if (!doc)
        return NULL;
    struct skf_image *im = skf_image_new();
    im->manifest_doc = doc;
    im->manifest = skf_blob_new_bytes(manifest, manifest_len, type);
    if (kind != SKF_DOCUMENT_IMAGE) {
        skf_err_set(err, SKF_EUNSUPPORTED, "'%s' is an index inside an index", repository);
        goto fail;
    }
    const json_t *descriptor = json_object_get(doc, "config");
    im->config = skf_blob_new_bytes(config, config_len, text_of(descriptor, "mediaType"));
    if (strcmp(im->config->digest, text_of(descriptor, "digest")) != 0) {
        skf_err_set(err, SKF_EPROTO, "the config of '%s' has the digest '%s', not '%s'", repository,
                    im->config->digest, text_of(descriptor, "digest"));
        goto fail;
    }
    json_error_t why;
    im->config_doc = json_loadb(config, config_len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(im->config_doc)) {
        skf_err_set(err, SKF_EPROTO, "the config of '%s' is not a JSON object", repository);
        goto fail;
    }
    const json_t *layers = json_object_get(doc, "layers");
    size_t n = json_array_size(layers);
    const json_t *rootfs = json_object_get(im->config_doc, "rootfs");
    if (json_array_size(json_object_get(rootfs, "diff_ids")) != n) {
        skf_err_set(err, SKF_EPROTO, "'%s' has %zu layers and a config for %zu", repository, n,
                    json_array_size(json_object_get(rootfs, "diff_ids")));
        goto fail;
    }
    im->layers = skf_xcalloc(n ? n : 1, sizeof *im->layers);
    for (size_t i = 0; i < n; i++)
        im->layers[im->n_layers++] =
            skf_descriptor_blob(json_array_get(layers, i), repository, insecure);
    read_platform(im->config_doc, &im->platform);
    im->has_platform = im->platform.os[0] && im->platform.arch[0];
    return im;
fail:
    skf_image_unref(im);
    return NULL;
}

#include "builders/ko/sbom.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/image/document.h"
#include "lib/image/ref.h"
#include "lib/io/http.h"

#define NO_ASSERTION "NOASSERTION"
#define BASE_NAME "org.opencontainers.image.base.name"
#define BASE_DIGEST "org.opencontainers.image.base.digest"

struct sbom {
    json_t *packages, *relationships;
};

static char *id_of_digest(const char *digest)
{
    return skf_xasprintf("SPDXRef-Package-sha256-%s", skf_digest_hex(digest));
}

static char *id_of_module(const struct skf_go_module *m)
{
    char *id = skf_xasprintf("SPDXRef-Package-%s-%s", m->path, m->version);
    for (char *p = id; *p; p++)
        if (*p == '/' && p < id + strlen("SPDXRef-Package-") + strlen(m->path))
            *p = '.';
    return id;
}

static void relate(struct sbom *s, const char *element, const char *type, const char *related)
{
    json_array_append_new(s->relationships,
                          json_pack("{s:s, s:s, s:s}", "spdxElementId", element, "relationshipType",
                                    type, "relatedSpdxElement", related));
}

/* What of a package differs from one to the other; NULL = left out. */
struct package {
    const char *id, *name, *version, *download, *purpose, *sha256, *purl;
};

static void add_package(struct sbom *s, const struct package *p)
{
    json_t *o = json_pack("{s:s, s:s}", "SPDXID", p->id, "name", p->name);
    if (p->version && *p->version)
        json_object_set_new(o, "versionInfo", json_string(p->version));
    json_object_set_new(o, "filesAnalyzed", json_false());
    json_object_set_new(o, "licenseDeclared", json_string(NO_ASSERTION));
    json_object_set_new(o, "licenseConcluded", json_string(NO_ASSERTION));
    json_object_set_new(o, "downloadLocation",
                        json_string(p->download ? p->download : NO_ASSERTION));
    json_object_set_new(o, "copyrightText", json_string(NO_ASSERTION));
    if (p->purpose)
        json_object_set_new(o, "primaryPackagePurpose", json_string(p->purpose));
    if (p->sha256)
        json_object_set_new(
            o, "checksums",
            json_pack("[{s:s, s:s}]", "algorithm", "SHA256", "checksumValue", p->sha256));
    json_object_set_new(o, "externalRefs",
                        json_pack("[{s:s, s:s, s:s}]", "referenceCategory", "PACKAGE-MANAGER",
                                  "referenceLocator", p->purl, "referenceType", "purl"));
    json_array_append_new(s->packages, o);
}

/* "pkg:oci/image@DIGEST?key=value&...": pairs in the order of their keys. */
static char *oci_purl(const char *kind, const char *digest, const char *const *pairs)
{
    struct skf_buf b = SKF_BUF_INIT;
    const char *sep = "?";
    skf_buf_addf(&b, "pkg:oci/%s@%s", kind, digest);
    for (; *pairs; pairs += 2) {
        if (!pairs[1] || !*pairs[1])
            continue;
        skf_autofree char *value = skf_http_escape(pairs[1]);
        skf_buf_addf(&b, "%s%s=%s", sep, pairs[0], value);
        sep = "&";
    }
    return skf_buf_take(&b);
}

/* --- the base --------------------------------------------------------------------------------- */

static void add_base(struct sbom *s, const struct skf_image *im)
{
    const json_t *notes = json_object_get(im->manifest_doc, "annotations");
    const char *name = json_string_value(json_object_get(notes, BASE_NAME));
    const char *digest = json_string_value(json_object_get(notes, BASE_DIGEST));
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    if (!name || !digest || skf_ref_parse(name, &ref, &ignored) < 0)
        return;
    skf_autofree char *own = id_of_digest(im->manifest->digest), *id = id_of_digest(digest);
    skf_autofree char *repository = skf_xasprintf(
        "%s/%s", strcmp(ref.domain, "docker.io") == 0 ? "index.docker.io" : ref.domain, ref.path);
    skf_autofree char *full = skf_xasprintf("%s@%s", repository, digest);
    const char *tag = ref.digest ? NULL : ref.tag ? ref.tag : "latest";
    const char *const pairs[] = { "repository_url", repository, "tag", tag, NULL };
    skf_autofree char *purl = oci_purl("image", digest, pairs);
    relate(s, own, "DESCENDANT_OF", id);
    add_package(s, &(struct package){ .id = id,
                                      .name = full,
                                      .version = name,
                                      .sha256 = skf_digest_hex(digest),
                                      .purl = purl });
    skf_ref_release(&ref);
}

/* --- modules ---------------------------------------------------------------------------------- */

/* The first two elements of a long path are lower case there. */
static char *go_purl(const struct skf_go_module *m)
{
    skf_autofree char *path = skf_xstrdup(m->path);
    const char *first = strchr(path, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    for (char *p = path; second && p < second; p++)
        *p = (char)tolower((unsigned char)*p);
    return skf_xasprintf("pkg:golang/%s@%s?type=module", path, m->version);
}

/* "h1:BASE64" -> hex; "" when it is of another kind. */
static char *sum_hex(const char *sum)
{
    struct skf_buf hex = SKF_BUF_INIT;
    size_t len = 0;
    skf_autofree char *bytes =
        strncmp(sum, "h1:", 3) == 0 ? skf_base64_decode(sum + 3, &len) : NULL;
    skf_buf_adds(&hex, "");
    for (size_t i = 0; bytes && i < len; i++)
        skf_buf_addf(&hex, "%02x", (unsigned char)bytes[i]);
    return skf_buf_take(&hex);
}

static void add_modules(struct sbom *s, const char *image_id, const struct skf_go_buildinfo *info)
{
    skf_autofree char *main_id = id_of_module(&info->main), *main_purl = go_purl(&info->main);
    skf_autofree char *home = skf_xasprintf("https://%s", info->main.path);
    relate(s, image_id, "CONTAINS", main_id);
    add_package(s,
                &(struct package){
                    .id = main_id, .name = info->main.path, .download = home, .purl = main_purl });
    for (size_t i = 0; i < info->deps.n; i++) {
        const struct skf_go_module *m = &info->deps.v[i];
        skf_autofree char *id = id_of_module(m), *purl = go_purl(m), *sum = sum_hex(m->sum);
        skf_autofree char *zip =
            skf_xasprintf("https://proxy.golang.org/%s/@v/%s.zip", m->path, m->version);
        relate(s, main_id, "DEPENDS_ON", id);
        add_package(s, &(struct package){ .id = id,
                                          .name = m->path,
                                          .version = m->version,
                                          .download = zip,
                                          .sha256 = *m->sum ? sum : NULL,
                                          .purl = purl });
    }
}

/* --- documents -------------------------------------------------------------------------------- */

static const char *created_of(const struct skf_image *im)
{
    const char *text = json_string_value(json_object_get(im->config_doc, "created"));
    return text && strlen(text) >= 19 ? text : SKF_ZERO_TIME;
}

static char *document(const struct skf_image *im, const char *id, const char *created,
                      struct sbom *s)
{
    const char *digest = im->manifest->digest;
    skf_autofree char *name = skf_xasprintf("sbom-%s", digest);
    skf_autofree char *date = skf_xasprintf("%.19sZ", created);
    skf_autofree char *space = skf_xasprintf("http://spdx.org/spdxdocs/ko/%s", digest);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:{s:s, s:[s]}, s:s, s:s, s:[s], s:o, s:o}", "SPDXID", "SPDXRef-DOCUMENT",
        "name", name, "spdxVersion", "SPDX-2.3", "creationInfo", "created", date, "creators",
        "Tool: skiff " SKIFF_VERSION, "dataLicense", "CC0-1.0", "documentNamespace", space,
        "documentDescribes", id, "packages", s->packages, "relationships", s->relationships);
    char *text = skf_image_json_indented(doc);
    json_decref(doc);
    return text;
}

char *skf_ko_sbom_of_image(const struct skf_image *im, const struct skf_go_buildinfo *info)
{
    struct sbom s = { json_array(), json_array() };
    const char *digest = im->manifest->digest;
    skf_autofree char *id = id_of_digest(digest);
    const char *const pairs[] = { "mediaType",
                                  json_string_value(json_object_get(im->manifest_doc, "mediaType")),
                                  NULL };
    skf_autofree char *purl = oci_purl("image", digest, pairs);
    relate(&s, "SPDXRef-DOCUMENT", "DESCRIBES", id);
    add_package(
        &s, &(struct package){ .id = id, .name = digest, .purpose = "CONTAINER", .purl = purl });
    add_base(&s, im);
    if (*info->main.path)
        add_modules(&s, id, info);
    return document(im, id, created_of(im), &s);
}

static void add_child(struct sbom *s, const char *index_id, const struct skf_image *child,
                      const json_t *descriptor)
{
    const char *digest = child->manifest->digest;
    const json_t *p = json_object_get(descriptor, "platform");
    const char *os = json_string_value(json_object_get(p, "os"));
    const char *arch = json_string_value(json_object_get(p, "architecture"));
    const char *variant = json_string_value(json_object_get(p, "variant"));
    const char *os_version = json_string_value(json_object_get(p, "os.version"));
    skf_autofree char *id = id_of_digest(digest);
    skf_autofree char *version =
        skf_xasprintf("%s/%s%s%s%s%s", os ? os : "", arch ? arch : "", variant ? "/" : "",
                      variant ? variant : "", os_version ? ":" : "", os_version ? os_version : "");
    const char *const pairs[] = {
        "arch",       arch,
        "mediaType",  json_string_value(json_object_get(descriptor, "mediaType")),
        "os",         os,
        "os-version", os_version,
        "variant",    variant,
        NULL
    };
    skf_autofree char *purl = oci_purl("image", digest, pairs);
    relate(s, index_id, "VARIANT_OF", id);
    add_package(s, &(struct package){ .id = id,
                                      .name = digest,
                                      .version = version,
                                      .purpose = "CONTAINER",
                                      .sha256 = skf_digest_hex(digest),
                                      .purl = purl });
}

char *skf_ko_sbom_of_index(const struct skf_image *index)
{
    struct sbom s = { json_array(), json_array() };
    const char *digest = index->manifest->digest;
    skf_autofree char *id = id_of_digest(digest);
    const char *const pairs[] = {
        "mediaType", json_string_value(json_object_get(index->manifest_doc, "mediaType")), NULL
    };
    skf_autofree char *purl = oci_purl("index", digest, pairs);
    add_package(&s, &(struct package){ .id = id,
                                       .name = digest,
                                       .purpose = "CONTAINER",
                                       .sha256 = skf_digest_hex(digest),
                                       .purl = purl });
    add_base(&s, index);
    for (size_t i = 0; i < index->n_children; i++)
        add_child(&s, id, index->children[i], index->child_descriptors[i]);
    return document(index, id, created_of(index->children[0]), &s);
}

/* --- the carrier ------------------------------------------------------------------------------ */

struct skf_image *skf_ko_sbom_wrap(const char *text)
{
    struct skf_image *im = skf_image_new();
    struct skf_blob *layer = skf_blob_new_bytes(text, strlen(text), "text/spdx+json");
    im->config_doc =
        json_pack("{s:s, s:s, s:[{s:s}], s:s, s:{s:s, s:[s]}, s:{}}", "architecture", "", "created",
                  SKF_ZERO_TIME, "history", "created", SKF_ZERO_TIME, "os", "", "rootfs", "type",
                  "layers", "diff_ids", layer->digest, "config");
    skf_autofree char *config = skf_image_json(im->config_doc);
    im->config = skf_blob_new_bytes(config, strlen(config), SKF_MT_OCI_CONFIG);
    im->manifest_doc = json_pack(
        "{s:i, s:s, s:{s:s, s:I, s:s}, s:[{s:s, s:I, s:s}]}", "schemaVersion", 2, "mediaType",
        SKF_MT_OCI_MANIFEST, "config", "mediaType", SKF_MT_OCI_CONFIG, "size",
        (json_int_t)im->config->size, "digest", im->config->digest, "layers", "mediaType",
        layer->media_type, "size", (json_int_t)layer->size, "digest", layer->digest);
    skf_autofree char *manifest = skf_image_json(im->manifest_doc);
    im->manifest = skf_blob_new_bytes(manifest, strlen(manifest), SKF_MT_OCI_MANIFEST);
    im->layers = skf_xcalloc(1, sizeof *im->layers);
    im->layers[im->n_layers++] = layer;
    return im;
}

char *skf_ko_sbom_reference(const char *reference, const char *repository, const char *digest)
{
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    if (!*repository && skf_ref_parse(reference, &ref, &ignored) == 0)
        repository = ref.name;
    char *out = skf_xasprintf("%s:sha256-%s.sbom", repository, skf_digest_hex(digest));
    skf_ref_release(&ref);
    return out;
}

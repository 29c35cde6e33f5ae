/* lib/image/image.h: one image or an index of images, as documents and blobs. */
#ifndef SKF_IMAGE_IMAGE_H
#define SKF_IMAGE_IMAGE_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/image/blob.h"

#define SKF_MT_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define SKF_MT_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define SKF_MT_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define SKF_MT_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define SKF_MT_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define SKF_MT_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define SKF_MT_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define SKF_MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define SKF_MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define SKF_MT_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define SKF_MT_DOCKER_LAYER_ZSTD "application/vnd.docker.image.rootfs.diff.tar.zstd"
#define SKF_MT_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

struct skf_platform {
    char os[32], arch[32], variant[32], os_version[64];
};
/* "os[/arch[/variant]][:osversion]". */
int skf_platform_parse(const char *text, struct skf_platform *out, struct skf_err *err);
/* "linux/arm64/v8" into out[128]. */
void skf_platform_format(const struct skf_platform *p, char *out, size_t size);
/* ko's rule: each given part of `want` equals the other's. */
bool skf_platform_matches(const struct skf_platform *want, const struct skf_platform *have);

/* Reference-counted. An image has config + layers; an index has children. The manifest blob holds
 * the exact bytes and digest in both cases. */
struct skf_image {
    int refs;
    struct skf_blob *manifest;
    json_t *manifest_doc; /* parsed manifest */
    struct skf_platform platform;
    bool has_platform;
    struct skf_blob *config; /* NULL for an index */
    json_t *config_doc;
    struct skf_blob **layers;
    size_t n_layers;
    struct skf_image **children; /* index */
    json_t **child_descriptors;  /* as in the index (borrowed from manifest_doc) */
    size_t n_children;
};

struct skf_image *skf_image_ref(struct skf_image *im);
void skf_image_unref(struct skf_image *im);

/* A layer to put on top of a base. */
struct skf_image_layer {
    struct skf_blob *blob; /* borrowed; the image takes a reference */
    const char *diff_id;
    const char *history_created; /* RFC 3339; NULL = zero time */
    const char *history_author, *history_created_by, *history_comment; /* NULL = left out */
};
/* Changes to the base's config (ko-behaviour.md section 10). NULL / empty = as in the base. */
struct skf_image_edit {
    const struct skf_image_layer *layers;
    size_t n_layers;
    const char *const *entrypoint; /* NULL-terminated; also removes Cmd */
    const char *path_append;       /* appended to PATH= of Env with ":" */
    const char *const *env;        /* "K=V" appended; NULL-terminated */
    const char *const *labels;     /* key, value, key, value ..., NULL */
    const char *user, *author, *created;
    const char *const *annotations; /* key, value ..., NULL; merged into the manifest's */
};
/* base + edit -> a new single image (manifest, config, blobs), serialised by the rules of 10.1. */
struct skf_image *skf_image_append(const struct skf_image *base, const struct skf_image_edit *edit,
                                   struct skf_err *err);
/* An index like `base_index` with these children, in its order; child i replaces the base's child
 * that has the i-th descriptor given. annotations: key, value ..., NULL. */
struct skf_image *skf_image_index(const struct skf_image *base_index,
                                  struct skf_image *const *children,
                                  json_t *const *base_descriptors, size_t n,
                                  const char *const *annotations, struct skf_err *err);
/* The digest that `im` would have with these annotations (key, value ..., NULL). */
void skf_image_annotated_digest(const struct skf_image *im, const char *const *annotations,
                                char digest[SKF_DIGEST_TEXT]);
/* An empty single image: what "scratch" means. OCI types. */
struct skf_image *skf_image_scratch(const struct skf_platform *platform);
/* skiff's own minimal base, "skiff.local/static": CA bundle of this machine, /etc/passwd and group
 * with nonroot 65532, /tmp, user 65532. Blocks (reads the CA bundle, hashes). */
struct skf_image *skf_image_static(const struct skf_platform *platform, struct skf_err *err);
/* Go's JSON text for equal digests: compact, <, >, & and U+2028/9 escaped; owned. */
char *skf_image_json(const json_t *doc);
/* The same as its encoder prints it with an indent of two blanks and a line end; owned. */
char *skf_image_json_indented(const json_t *doc);
#endif

/* lib/image/document.h: what image.c, append.c and pull.c share: documents checked as they come in,
 * and put in the order in which Go's structs print them. */
#ifndef SKF_IMAGE_DOCUMENT_H
#define SKF_IMAGE_DOCUMENT_H
#include "lib/image/image.h"

enum {
    SKF_MANIFEST_MAX = 4 * 1024 * 1024,
    SKF_CONFIG_MAX = 8 * 1024 * 1024,
    SKF_IMAGE_MAX_LAYERS = 512,
    SKF_IMAGE_MAX_CHILDREN = 256,
};
#define SKF_ZERO_TIME "0001-01-01T00:00:00Z"

enum skf_document_kind { SKF_DOCUMENT_IMAGE, SKF_DOCUMENT_INDEX };

/* Bytes of a manifest or index -> checked tree. media_type: of the answer, "" = unknown; the result
 * goes to kind and type. `what` names it in errors. */
json_t *skf_document_parse(const void *data, size_t len, const char *media_type, const char *what,
                           enum skf_document_kind *kind, const char **type, struct skf_err *err);
/* A checked descriptor -> a blob whose content is in `repository`. */
struct skf_blob *skf_descriptor_blob(const json_t *descriptor, const char *repository,
                                     bool insecure);
void skf_descriptor_platform(const json_t *descriptor, struct skf_platform *out, bool *has);
/* manifest + config -> image; takes no reference that the caller holds. The config is checked
 * against the manifest. `repository` is where the layers are. */
struct skf_image *skf_image_from_documents(const void *manifest, size_t manifest_len,
                                           const char *media_type, const void *config,
                                           size_t config_len, const char *repository, bool insecure,
                                           struct skf_err *err);
struct skf_image *skf_image_new(void);

/* A new object with the keys in Go's order; empty values are dropped but for keys marked '*'.
 * Unknown keys follow as they were. Borrowed values are shared. */
json_t *skf_document_order(const json_t *object, const char *const *order);
json_t *skf_document_order_manifest(const json_t *manifest);
json_t *skf_document_order_descriptor(const json_t *descriptor);
json_t *skf_document_order_config(const json_t *config);
json_t *skf_document_sorted(const json_t *map); /* NULL stays NULL */
/* {"mediaType", "size", "digest"} */
json_t *skf_document_descriptor(const struct skf_blob *b);
#endif

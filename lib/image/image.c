#include "lib/image/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/document.h"

struct skf_image *skf_image_new(void)
{
    struct skf_image *im = skf_xcalloc(1, sizeof *im);
    im->refs = 1;
    return im;
}

struct skf_image *skf_image_ref(struct skf_image *im)
{
    im->refs++;
    return im;
}

void skf_image_unref(struct skf_image *im)
{
    if (!im)
        return;
    assert(im->refs > 0);
    if (--im->refs)
        return;
    skf_blob_unref(im->manifest);
    skf_blob_unref(im->config);
    for (size_t i = 0; i < im->n_layers; i++)
        skf_blob_unref(im->layers[i]);
    for (size_t i = 0; i < im->n_children; i++)
        skf_image_unref(im->children[i]);
    free(im->layers);
    free(im->children);
    free(im->child_descriptors);
    json_decref(im->manifest_doc);
    json_decref(im->config_doc);
    free(im);
}

struct skf_image *skf_image_scratch(const struct skf_platform *platform)
{
    json_t *config = json_pack("{s:s, s:s, s:s, s:{s:s, s:[]}, s:{}}", "architecture",
                               platform->arch, "created", SKF_ZERO_TIME, "os", platform->os,
                               "rootfs", "type", "layers", "diff_ids", "config");
    if (platform->os_version[0])
        json_object_set_new(config, "os.version", json_string(platform->os_version));
    if (platform->variant[0])
        json_object_set_new(config, "variant", json_string(platform->variant));
    struct skf_image *im = skf_image_new();
    skf_autofree char *text = skf_image_json(config);
    im->config_doc = config;
    im->config = skf_blob_new_bytes(text, strlen(text), SKF_MT_OCI_CONFIG);
    im->manifest_doc =
        json_pack("{s:i, s:s, s:o, s:[]}", "schemaVersion", 2, "mediaType", SKF_MT_OCI_MANIFEST,
                  "config", skf_document_descriptor(im->config), "layers");
    skf_autofree char *manifest = skf_image_json(im->manifest_doc);
    im->manifest = skf_blob_new_bytes(manifest, strlen(manifest), SKF_MT_OCI_MANIFEST);
    im->platform = *platform;
    im->has_platform = true;
    return im;
}

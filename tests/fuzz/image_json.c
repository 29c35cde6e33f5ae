/* What a registry may answer as a manifest, an index or a config: parsed, edited, printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/challenge.h"
#include "lib/image/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes as a config, under a manifest that fits them. */
static void as_config(const char *text, size_t size)
{
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    json_t *doc = json_loadb(text, size, 0, NULL);
    size_t n = json_array_size(json_object_get(json_object_get(doc, "rootfs"), "diff_ids"));
    json_decref(doc);
    if (n > 8)
        return;
    skf_digest_of(text, size, digest);
    json_t *layers = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            layers, json_pack("{s:s, s:s, s:i}", "mediaType", "l", "digest", digest, "size", 1));
    json_t *m = json_pack("{s:i, s:{s:s, s:s, s:i}, s:o}", "schemaVersion", 2, "config",
                          "mediaType", "c", "digest", digest, "size", 1, "layers", layers);
    skf_autofree char *manifest = skf_image_json(m);
    json_decref(m);
    struct skf_image *im =
        skf_image_from_documents(manifest, strlen(manifest), "", text, size, "r", false, &err);
    if (!im)
        return;
    const char *entry[] = { "/x", NULL }, *env[] = { "A=1", NULL }, *labels[] = { "k", "v", NULL };
    struct skf_image_edit edit = {
        .entrypoint = entry, .path_append = "/ko-app", .env = env, .labels = labels, .user = "1"
    };
    struct skf_image *once = skf_image_append(im, &edit, &err);
    struct skf_image_edit none = { 0 };
    struct skf_image *twice = skf_image_append(once, &none, &err);
    if (strcmp(once->config->digest, twice->config->digest) != 0)
        abort(); /* what is in order stays as it is */
    skf_image_unref(im);
    skf_image_unref(once);
    skf_image_unref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_err err = SKF_ERR_INIT;
    enum skf_document_kind kind;
    const char *type;
    skf_autofree char *token = NULL;
    int64_t life;
    json_t *doc = skf_document_parse(data, size, "", "input", &kind, &type, &err);
    if (doc) {
        json_t *ordered = skf_document_order_manifest(doc);
        skf_autofree char *text = skf_image_json(ordered);
        json_t *again = json_loads(text, 0, NULL);
        if (!again)
            abort();
        json_decref(again);
        json_decref(ordered);
        json_decref(doc);
    }
    skf_token_parse((const char *)data, size, &token, &life, &err);
    as_config((const char *)data, size);
    return 0;
}

/* What servers and kubectl say, as texts: taken apart without harm, whatever they hold; fields
 * found or not in a manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/kube/blame.h"
#include "lib/kube/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char manifest[] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, "
                               "labels: {a.b/c: d}}\nspec:\n  containers:\n  - name: a\n    env: "
                               "[{name: X, value: 1}]\n    ports: [{containerPort: 1}]\n";

static char *dir;

static void remove_dir(void)
{
    struct skf_err ignored = SKF_ERR_INIT;
    skf_file_remove_tree(dir, &ignored);
    free(dir);
}

static void read_manifest(struct skf_objects *out)
{
    struct skf_err err = SKF_ERR_INIT;
    if (!dir) {
        dir = skf_file_temp_dir("skiff-blame", &err);
        atexit(remove_dir);
    }
    skf_autofree char *file = skf_path_join(dir, "k8s.yaml");
    if (!skf_file_exists(file))
        skf_file_write_atomic(file, 0600, manifest, strlen(manifest), &err);
    skf_manifest_parse(file, manifest, strlen(manifest), out, &err);
}

static void place(const struct skf_blames *blames)
{
    struct skf_objects o = { 0 };
    read_manifest(&o);
    for (size_t i = 0; i < blames->n && i < 8; i++) {
        struct skf_doc *doc;
        skf_place_of(&o.v[0], blames->v[i].field, blames->v[i].at_key, &doc);
        skf_doc_free(doc);
    }
    skf_objects_release(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    skf_autofree char *text = skf_xstrndup((const char *)data, size);
    struct skf_blames message = { 0 }, kubectl = { 0 };
    skf_blame_message(text, &message);
    skf_blame_kubectl(text, &kubectl);
    place(&message);
    place(&kubectl);
    skf_blames_release(&message);
    skf_blames_release(&kubectl);
    return 0;
}

/* Manifests of any shape: what parses must still parse after labels, a namespace and new images,
 * and name the same objects. clang -fsanitize=fuzzer,address,undefined -I. ...
 * tests/fuzz/kube_manifest.c; corpus: kube_corpus/manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/changes.h"
#include "lib/kube/manifest.h"
#include "lib/kube/service_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const labels[] = { "skiff.dev/run-id", "1", NULL };
    struct skf_retag retag = { "app", "localhost:5000/app:1@sha256:00" };
    struct skf_err err = SKF_ERR_INIT;
    struct skf_objects o = { 0 }, again = { 0 };
    struct skf_strv notes = SKF_STRV_INIT;
    char *note = NULL;
    if (skf_manifest_parse("fuzz.yaml", (const char *)data, size, &o, &err) < 0)
        return 0;
    if (skf_manifest_retag(&o, NULL, &retag, 1, &err) == 0 &&
        skf_manifest_label(&o, NULL, labels, &err) == 0 &&
        skf_manifest_namespace(&o, "ns", &note, &err) == 0) {
        skf_manifest_check_services(&o, "ns", &notes, &err);
        skf_objects_sort(&o);
        struct skf_buf joined = SKF_BUF_INIT;
        skf_manifest_join(&o, &joined);
        if (skf_manifest_parse("again.yaml", joined.data, joined.len, &again, &err) < 0 ||
            again.n != o.n)
            abort();
        for (size_t i = 0; i < o.n; i++) {
            if (strcmp(o.v[i].name, again.v[i].name) != 0)
                abort();
        }
        skf_buf_release(&joined);
    }
    free(note);
    skf_strv_release(&notes);
    skf_objects_release(&again);
    skf_objects_release(&o);
    return 0;
}

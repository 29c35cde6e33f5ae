/* Image references: what parses must survive being printed and parsed again.
 * clang -fsanitize=fuzzer,address,undefined -I. ... tests/fuzz/image_ref.c; corpus:
 * image_corpus/ref. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_ref a, b;
    skf_autofree char *text = skf_xstrndup((const char *)data, size);
    skf_autofree char *clean = skf_ref_sanitise(text);
    skf_autofree char *moved = skf_ref_default_repo("gcr.io/my-project", true, text);
    skf_autofree char *flat = skf_ref_default_repo("localhost:5000", false, text);
    if (skf_ref_parse(text, &a, &err) < 0)
        return 0;
    skf_autofree char *full = skf_ref_full(&a), *ggcr = skf_ref_ggcr(&a);
    (void)skf_ref_is_loopback(&a);
    if (skf_ref_parse(full, &b, &err) < 0)
        abort();
    skf_autofree char *again = skf_ref_full(&b);
    if (strcmp(full, again) != 0 || strcmp(a.path, b.path) != 0)
        abort();
    skf_ref_release(&a);
    skf_ref_release(&b);
    return 0;
}

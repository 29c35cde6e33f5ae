/* WWW-Authenticate values, one a line. */
#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skf_err err = SKF_ERR_INIT;
    struct skf_challenge c = { 0 };
    skf_autofree char *text = skf_xstrndup((const char *)data, size);
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        skf_challenge_add(&c, line);
    if (c.realm)
        skf_challenge_check_realm(&c, "https", "registry.example", &err);
    skf_challenge_release(&c);
    return 0;
}

/* tests/fuzz/config_load.c: any bytes as a skaffold.yaml: the reader, upgrades, profiles, model,
 * printing. The first byte chooses the options. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/config/load.h"
#include "lib/doc/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct options {
    const char *dockerfile;
    struct skf_pairs args;
    struct skf_strings flags;
};
static const struct skf_field fields[] = {
    { .name = "dockerfile", .type = SKF_T_STRING, .offset = offsetof(struct options, dockerfile) },
    { .name = "buildArgs", .type = SKF_T_STRING_MAP, .offset = offsetof(struct options, args) },
    { .name = "flags", .type = SKF_T_STRINGS, .offset = offsetof(struct options, flags) },
    { 0 },
};
static const struct skf_section sections[] = {
    { .name = "docker", .fields = fields, .size = sizeof(struct options) },
    { .name = "ko", .fields = fields, .size = sizeof(struct options) },
    { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    int fd = memfd_create("skaffold", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) {
        close(fd);
        return 0;
    }
    char file[64];
    snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
    skf_autostrv struct skf_strv profiles = SKF_STRV_INIT;
    if (data[0] & 1)
        skf_strv_add(&profiles, "p");
    struct skf_config_request req = {
        .file = file,
        .profiles = &profiles,
        .command = "dev",
        .kube_context = "kind-dev",
        .builders = sections,
        .accept_unsupported = data[0] & 2,
    };
    struct skf_config c;
    struct skf_diagnostics diags = SKF_DIAGNOSTICS_INIT;
    skf_autobuf struct skf_buf out = SKF_BUF_INIT, fixed = SKF_BUF_INIT;
    if (skf_config_load(&req, &c, &diags) == 0) {
        skf_config_effective(&c, sections, data[0] & 4, data[0] & 8, &out);
        skf_config_release(&c);
        /* What is printed is YAML again. */
        struct skf_doc *d = NULL;
        struct skf_err err = SKF_ERR_INIT;
        if (skf_doc_parse("printed", out.data, out.len, &d, &err))
            abort();
        skf_doc_free(d);
    }
    bool changed;
    const struct skf_fix fix = { .file = "f",
                                 .text = (const char *)data + 1,
                                 .len = size - 1,
                                 .version = data[0] & 16 ? "skaffold/v2beta29" : NULL,
                                 .builders = sections };
    skf_config_fix(&fix, &fixed, &changed, &diags);
    skf_buf_clear(&out);
    for (size_t i = 0; i < diags.n; i++)
        skf_diagnostic_format(&diags.v[i], true, &out);
    skf_diagnostics_json(&diags, &out);
    skf_diagnostics_release(&diags);
    close(fd);
    return 0;
}

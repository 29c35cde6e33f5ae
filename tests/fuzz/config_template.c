/* tests/fuzz/config_template.c: any text as a template; its roots; a layout of Go's time. */
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/config/dotenv.h"
#include "lib/config/tagtext.h"
#include "lib/config/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct skf_tpair pairs[] = {
    { "Tag", { .kind = SKF_TV_STRING, .str = "v1.2" } },
    { "Num", { .kind = SKF_TV_INT, .num = 7 } },
    { "Yes", { .kind = SKF_TV_BOOL, .yes = true } },
    { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    skf_autofree char *text = skf_xstrndup((const char *)data + 1, size - 1);
    struct skf_tmap root = skf_tmap_pairs_template;
    root.data = pairs;
    struct skf_template_env env = {
        .root = &root, .sprig = data[0] & 1, .fail_missing = data[0] & 2, .now_s = 1700000000
    };
    struct skf_err err = SKF_ERR_INIT;
    char *out = NULL;
    if (skf_template_expand(text, &env, &out, &err) == 0)
        free(out);
    skf_autostrv struct skf_strv roots = SKF_STRV_INIT, settings = SKF_STRV_INIT;
    if (skf_template_roots(text, &roots, &err) == 0)
        (void)skf_template_names(&roots, "Tag");
    skf_autobuf struct skf_buf date = SKF_BUF_INIT;
    skf_go_time_format(text, 1700000000, 123456789, "UTC", &date, &err);
    skf_tag_sanitise(text, &date, NULL);
    skf_dotenv_parse(text, strlen(text), &settings, &err);
    return 0;
}

/* Where in the image a file of the context is: kodata, and nothing else. */
#include <string.h>

#include "builders/ko/ko.h"
#include "lib/base/path.h"

bool skf_ko_where(const struct skf_build_context *ctx, const char *path, bool gone,
                  struct skf_strv *to)
{
    const struct skf_ko_options *o = ctx->artifact->options;
    skf_autofree char *module = skf_path_abs(ctx->dir, o && o->dir ? o->dir : ".");
    skf_autofree char *main = skf_path_abs(module, o && o->main ? o->main : ".");
    skf_autofree char *kodata = skf_path_join(main, "kodata");
    (void)gone;
    if (!skf_path_within(kodata, path) || strcmp(kodata, path) == 0)
        return false;
    skf_strv_addf(to, "/var/run/ko/%s", path + strlen(kodata) + 1);
    return true;
}

/* Images that were built elsewhere: nothing is built, they are deployed as they are named. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"
#include "lib/image/ref.h"

/* What stands behind the name as it was built: "reg/app:v1" of "app:v1" with a default repo. */
static char *placed(const struct skf_planned *p, const char *given)
{
    struct skf_ref ref = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_ref_parse(given, &ref, &ignored) < 0)
        return skf_xstrdup(given);
    bool as_written = strcmp(ref.name, p->artifact->image) == 0;
    char *full =
        as_written ? skf_xasprintf("%s%s", p->name, given + strlen(ref.name)) : skf_xstrdup(given);
    skf_ref_release(&ref);
    return full;
}

int given_take(struct skf_engine *e, struct skf_err *err)
{
    const struct skf_strv *given = e->opts.given;
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = &e->units[i];
        const char *image = u->planned->artifact->image, *reference = NULL;
        for (size_t k = 0; k + 1 < given->n && !reference; k += 2)
            if (strcmp(given->v[k], image) == 0)
                reference = given->v[k + 1];
        if (!reference && !e->opts.tag)
            return skf_err_set(err, SKF_EUSAGE,
                               "no tag provided for image '%s': name it with --images %s=TAG, or "
                               "with --build-artifacts, the file of 'skiff build --file-output'",
                               image, image);
        skf_replace(&u->deployed, reference
                                      ? placed(u->planned, reference)
                                      : skf_xasprintf("%s:%s", u->planned->name, e->opts.tag));
        u->dirty = u->ask_inputs = false;
        e->deploy_due = true;
        engine_emit(e, SKF_EV_TAGGED, image, u->deployed);
    }
    for (size_t k = 0; k + 1 < given->n; k += 2) {
        if (unit_find(e, given->v[k]))
            continue;
        skf_autofree char *text =
            skf_xasprintf("image '%s' is given, and no artifact has that name", given->v[k]);
        engine_emit(e, SKF_EV_WARNING, NULL, text);
    }
    return 0;
}

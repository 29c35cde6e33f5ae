/* Before the first apply, and whenever manifests have changed: would the cluster take all of it? A
 * new image alone is not rehearsed.
 *
 * happy path: a dry run of each changed object, all at once -> the apply.
 * failures:   findings at their places in the manifests; nothing has been applied.
 * on cancel:  the dry runs end. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/blame_report.h"
#include "lib/engine/engine_impl.h"
#include "lib/kube/rehearsal.h"

struct skf_rehearse {
    struct skf_rehearsal rehearsal;
    struct skf_rehearsal_part *parts;
    void (*done)(struct skf_engine *e, const struct skf_err *err);
};

/* Flags with which kubectl comes as somebody else, or to another place, than we do. */
static bool is_other_door(const char *flag)
{
    static const char *const doors[] = { "--as",         "--token",     "--user",
                                         "--username",   "--password",  "--cluster",
                                         "--context",    "--server",    "--client-",
                                         "--kubeconfig", "--namespace", "--dry-run",
                                         "-n",           "-s" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(doors); i++)
        if (strncmp(flag, doors[i], strlen(doors[i])) == 0)
            return true;
    return false;
}

/* What kubectl will be asked for: "Strict" unless the flags say otherwise; NULL: cannot be told. */
static const char *validation_of(const struct skf_kubectl_flags *flags)
{
    const struct skf_strings *lists[] = { &flags->global, &flags->apply };
    const char *validation = flags->disable_validation ? "Ignore" : "Strict";
    for (size_t l = 0; l < SKF_ARRAY_LEN(lists); l++) {
        for (size_t i = 0; i < lists[l]->n; i++) {
            const char *flag = lists[l]->v[i];
            if (is_other_door(flag))
                return NULL;
            if (strcmp(flag, "--validate=false") == 0 || strcmp(flag, "--validate=ignore") == 0)
                validation = "Ignore";
            else if (strcmp(flag, "--validate=warn") == 0)
                validation = "Warn";
        }
    }
    return validation;
}

static bool makes_namespace(const struct skf_objects *objects, const char *name)
{
    for (size_t i = 0; i < objects->n; i++)
        if (strcmp(objects->v[i].kind, "Namespace") == 0 && strcmp(objects->v[i].name, name) == 0)
            return true;
    return false;
}

/* Of a kind that the cluster does not know, and that nothing here would make. */
static void blame_kinds(struct skf_engine *e, struct skf_diagnostics *found)
{
    for (size_t i = 0; i < e->changed.n && e->kinds_sure; i++) {
        const struct skf_object *o = &e->changed.v[i];
        struct skf_blames blames = { 0 };
        const char *path;
        bool present;
        claim_place(e, o, &path, &present);
        if (path)
            continue;
        skf_blame_kind(o->kind, o->api_version, &blames);
        skf_blame_report(&e->changed, o, &blames, found);
        skf_blames_release(&blames);
    }
}

static void on_rehearsed(struct skf_rehearsal *r, const struct skf_err *failure)
{
    struct skf_engine *e = r->data;
    struct skf_rehearse *rehearse = e->rehearse;
    struct skf_diagnostics found = SKF_DIAGNOSTICS_INIT;
    struct skf_err err = failure ? *failure : (struct skf_err)SKF_ERR_INIT;
    for (size_t i = 0; !failure && i < r->n; i++)
        skf_blame_report(&e->changed, &e->changed.v[i], &r->parts[i].blames, &found);
    if (!failure)
        blame_kinds(e, &found);
    if (found.n) {
        engine_emit_findings(e, &found);
        skf_blame_summary(&found, "nothing is applied: ", &err);
    }
    skf_diagnostics_release(&found);
    skf_rehearsal_release(r);
    void (*done)(struct skf_engine *, const struct skf_err *) = rehearse->done;
    rehearse_free(e);
    done(e, err.code ? &err : NULL);
}

bool rehearse_start(struct skf_engine *e, const struct skf_kubectl_flags *flags,
                    void (*done)(struct skf_engine *e, const struct skf_err *err))
{
    const char *validation = validation_of(flags);
    bool any = false;
    if (!e->api || !validation || !e->changed.n)
        return false;
    struct skf_rehearse *r = skf_xcalloc(1, sizeof *r);
    r->parts = skf_xcalloc(e->changed.n, sizeof *r->parts);
    r->done = done;
    r->rehearsal.data = e;
    for (size_t i = 0; i < e->changed.n; i++) {
        const struct skf_object *o = &e->changed.v[i];
        const char *own = o->namespace_ ? o->namespace_ : engine_namespace(e);
        if (makes_namespace(&e->changed, own))
            continue; /* nothing can be in it yet */
        claim_place(e, o, &r->parts[i].path, &r->parts[i].present);
        any = any || r->parts[i].path;
    }
    e->rehearse = r;
    if (!any) {
        rehearse_free(e);
        return false;
    }
    skf_rehearsal_start(e->api, &r->rehearsal, &e->changed, r->parts, validation, on_rehearsed);
    return true;
}

void rehearse_cancel(struct skf_engine *e)
{
    if (e->rehearse)
        skf_rehearsal_cancel(&e->rehearse->rehearsal);
}

void rehearse_free(struct skf_engine *e)
{
    if (e->rehearse)
        free(e->rehearse->parts);
    free(e->rehearse);
    e->rehearse = NULL;
}

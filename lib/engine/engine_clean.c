/* What this session has created, and how it goes again: objects that have left the manifests while
 * the session runs, all of it at its end. What was there before, and what somebody else has put in
 * its place meanwhile, is never touched. */
#include <ctype.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/engine/engine_impl.h"

static void copy_object(struct skf_objects *to, struct skf_object *o)
{
    const struct skf_objects one = { .v = o, .n = 1 };
    skf_objects_copy(&one, to);
}

/* "deployment.apps/web" as kubectl names an object in its lines. */
static char *kubectl_name(const struct skf_object *o)
{
    const char *slash = strchr(o->api_version, '/');
    skf_autofree char *group =
        slash ? skf_xstrndup(o->api_version, (size_t)(slash - o->api_version)) : skf_xstrdup("");
    char *name = skf_xasprintf("%s%s%s/%s", o->kind, group[0] ? "." : "", group, o->name);
    for (char *p = name; *p && *p != '.' && *p != '/'; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

static bool same_object(struct skf_engine *e, const struct skf_object *a,
                        const struct skf_object *b)
{
    skf_autofree char *key_a = skf_object_key(a, engine_namespace(e));
    skf_autofree char *key_b = skf_object_key(b, engine_namespace(e));
    return strcmp(key_a, key_b) == 0;
}

static bool has_object(struct skf_engine *e, const struct skf_objects *list,
                       const struct skf_object *o)
{
    for (size_t i = 0; i < list->n; i++)
        if (same_object(e, &list->v[i], o))
            return true;
    return false;
}

void clean_note_line(struct skf_engine *e, const char *line)
{
    const char *space = strchr(line, ' ');
    if (!space || strcmp(space, " created") != 0)
        return;
    skf_autofree char *said = skf_xstrndup(line, (size_t)(space - line));
    for (size_t i = 0; i < e->changed.n; i++) {
        struct skf_object *o = &e->changed.v[i];
        skf_autofree char *name = kubectl_name(o);
        if (strcmp(name, said) == 0 && !has_object(e, &e->created, o)) {
            copy_object(&e->created, o);
            return;
        }
    }
}

void clean_note_inherited(struct skf_engine *e)
{
    for (size_t i = 0; i < e->changed.n; i++)
        if (claim_inherited(e, &e->changed.v[i]) && !has_object(e, &e->created, &e->changed.v[i]))
            copy_object(&e->created, &e->changed.v[i]);
}

/* --- while it runs ---------------------------------------------------------------------------- */

/* They are gone: if they come back, they are new. */
static void forget_left(struct skf_engine *e)
{
    skf_applied_drop(&e->applied, &e->left, engine_namespace(e));
    claim_forget(e, &e->left);
    for (size_t i = e->created.n; i-- > 0;)
        if (has_object(e, &e->left, &e->created.v[i]))
            skf_objects_take_out(&e->created, i);
}

static void on_pruned(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    e->removing = false;
    if (err)
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, err);
    else
        forget_left(e);
    e->pruned(e);
}

static void on_prune_line(struct skf_deploy *d, const char *line)
{
    engine_emit(d->data, SKF_EV_DEPLOY_LINE, NULL, line);
}

bool clean_prune(struct skf_engine *e, void (*done)(struct skf_engine *e))
{
    size_t at;
    struct skf_objects ours = { 0 };
    for (size_t i = 0; i < e->left.n; i++)
        if (has_object(e, &e->created, &e->left.v[i]))
            copy_object(&ours, &e->left.v[i]);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_manifest_join(&ours, &text);
    bool any = ours.n > 0;
    skf_objects_release(&ours);
    const struct skf_deployer_ops *feeder = deploy_feeder(e, &at);
    if (!any || !feeder)
        return false;
    struct skf_deploy *d = deploy_fill(e, at);
    d->on_line = on_prune_line;
    d->done = on_pruned;
    e->removing = true;
    e->pruned = done;
    feeder->remove(d, text.data, text.len);
    return true;
}

/* --- at the end ------------------------------------------------------------------------------- */

static void remove_next(struct skf_engine *e);

static void on_remove_line(struct skf_deploy *d, const char *line)
{
    engine_emit(d->data, SKF_EV_CLEANUP_LINE, NULL, line);
}

static void on_removed(struct skf_deploy *d, const struct skf_err *err)
{
    struct skf_engine *e = d->data;
    if (err)
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, err);
    remove_next(e);
    engine_pump(e);
}

static bool has_created(const struct skf_engine *e, size_t at)
{
    const struct skf_deployer_ops *ops = e->opts.deployers[at];
    return ops->own_sources ? ops->has_created(&e->deploys[at]) : e->created.n > 0;
}

/* Deployers in reverse order: what came last goes first. */
static void remove_next(struct skf_engine *e)
{
    while (e->cleaning && !has_created(e, e->cleaning - 1))
        e->cleaning--;
    e->removing = e->cleaning > 0;
    if (!e->removing)
        return;
    size_t at = --e->cleaning;
    const struct skf_deployer_ops *ops = e->opts.deployers[at];
    struct skf_deploy *d = deploy_fill(e, at);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (!ops->own_sources) {
        skf_objects_sort(&e->created);
        skf_objects_reverse(&e->created);
        skf_manifest_join(&e->created, &text);
        skf_objects_release(&e->created);
    }
    d->only_created = true;
    d->on_line = on_remove_line;
    d->done = on_removed;
    ops->remove(d, ops->own_sources ? NULL : text.data, text.len);
}

static bool any_created(const struct skf_engine *e)
{
    for (size_t i = 0; e->opts.deployers && e->opts.deployers[i]; i++)
        if (has_created(e, i))
            return true;
    return false;
}

static void tell_what_stays(struct skf_engine *e)
{
    skf_autobuf struct skf_buf names = SKF_BUF_INIT;
    for (size_t i = 0; i < e->created.n; i++) {
        skf_autofree char *name = kubectl_name(&e->created.v[i]);
        skf_buf_addf(&names, "%s%s", i ? ", " : "", name);
    }
    skf_autofree char *text =
        skf_xasprintf("these stay until 'skiff delete' removes them: %s", names.data);
    if (names.len)
        engine_emit(e, SKF_EV_WARNING, NULL, text);
}

/* After each question: go on with the removal, or say why not. */
static void go_on(struct skf_engine *e, const struct skf_err *err)
{
    if (err) {
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, err);
        tell_what_stays(e);
        e->removing = false;
    } else {
        remove_next(e);
    }
    engine_pump(e);
}

static void on_created_seen(struct skf_engine *e, const struct skf_err *err)
{
    if (!err)
        claim_keep_ours(e);
    go_on(e, err);
}

static void on_same_cluster(struct skf_engine *e, const struct skf_err *err)
{
    if (err || !claim_created(e, on_created_seen))
        go_on(e, err);
}

bool clean_start(struct skf_engine *e)
{
    struct skf_err err = SKF_ERR_INIT;
    if (!any_created(e))
        return false;
    if (deploy_check_cluster(e, &err) < 0) {
        engine_emit_err(e, SKF_EV_CLEANUP_FAILED, NULL, &err);
        tell_what_stays(e);
        return false;
    }
    while (e->opts.deployers[e->cleaning])
        e->cleaning++;
    e->removing = true;
    engine_emit(e, SKF_EV_CLEANUP_STARTED, NULL, NULL);
    if (e->api)
        claim_identity(e, on_same_cluster);
    else
        remove_next(e);
    return true;
}

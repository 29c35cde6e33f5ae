#include <stdlib.h>
#include <string.h>

#include "cmd/artifacts.h"
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/session.h"
#include "lib/base/mem.h"
#include "lib/image/registry.h"

enum source { SOURCE_LOCAL, SOURCE_TAG, SOURCE_REMOTE, SOURCE_NONE };

static int choose_source(const struct options *o, const struct session *s, enum source *out,
                         struct skf_err *err)
{
    static const char *const names[] = { "local", "tag", "remote", "none" };
    if (!o->digest_source) {
        *out = s->has_kube && !skf_kube_is_local(&s->kube) ? SOURCE_REMOTE : SOURCE_TAG;
        return 0;
    }
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++) {
        if (strcmp(o->digest_source, names[i]) == 0) {
            *out = (enum source)i;
            return 0;
        }
    }
    return skf_err_set(err, SKF_EUSAGE,
                       "--digest-source takes local, tag, remote or none, not '%s'",
                       o->digest_source);
}

/* --- digests from the registry ---------------------------------------------------------------- */

struct lookup {
    struct skf_pull pull;
    uv_loop_t *loop;
    struct skf_err err;
    bool done;
};

static void on_pulled(struct skf_pull *p, const struct skf_err *err)
{
    struct lookup *l = SKF_CONTAINER_OF(p, struct lookup, pull);
    if (err)
        l->err = *err;
    l->done = true;
    uv_stop(l->loop); /* a turn that began with this timer must not go on to wait */
}

/* "name:tag" -> "name:tag@sha256:..."; owned, or NULL with err. */
static char *resolve(struct session *s, const char *reference, struct skf_err *err)
{
    struct lookup l = { .loop = &s->loop,
                        .pull = {
                            .registry = s->registry, .reference = reference, .done = on_pulled } };
    skf_pull_start(&l.pull);
    while (!l.done) {
        if (s->stop.signum)
            skf_pull_cancel(&l.pull);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    if (l.err.code) {
        *err = l.err;
        skf_err_wrap(err, "cannot resolve the digest of '%s': does the image exist remotely?",
                     reference);
        return NULL;
    }
    char *full = skf_xasprintf("%s@%s", reference, l.pull.image->manifest->digest);
    skf_image_unref(l.pull.image);
    return full;
}

/* --- the command ------------------------------------------------------------------------------ */

static int render(struct session *s, enum source source)
{
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv owned = SKF_STRV_INIT;
    size_t n = skf_engine_artifact_count(s->engine);
    skf_autofree const char **references = skf_xcalloc(n, sizeof *references);
    for (size_t i = 0; i < n && source != SOURCE_NONE; i++) {
        struct skf_built built = skf_engine_built(s->engine, i);
        references[i] = built.reference;
        if (source != SOURCE_REMOTE || !built.reference)
            continue;
        char *full = resolve(s, built.reference, &err);
        if (!full) {
            console_error(&s->console, &err);
            return EXIT_CODE_DELIVER;
        }
        skf_strv_take(&owned, full);
        references[i] = full;
    }
    struct skf_rendered r = { 0 };
    int code = session_hydrate(s, skf_engine_plan(s->engine), references, false, &r);
    if (code)
        return code;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_manifest_join(&r.objects, &text);
    code = session_write(s, &text);
    skf_rendered_release(&r);
    return code;
}

int cmd_render(const struct options *o)
{
    struct session s;
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv given = SKF_STRV_INIT;
    enum source source = SOURCE_LOCAL;
    int code =
        session_open(&s, o, "render", o->offline ? NEEDS_NO_CLUSTER : MAY_HAVE_CLUSTER, true);
    if (code == 0)
        code = session_expand(&s);
    if (code == 0 &&
        (choose_source(o, &s, &source, &err) < 0 || artifacts_read(o, &given, &err) < 0)) {
        console_error(&s.console, &err);
        code = exit_code_of(SKF_STAGE_CONFIG, &err);
    }
    if (given.n)
        source = SOURCE_LOCAL; /* they are what they are */
    if (code == 0) {
        struct skf_engine_options options;
        session_engine_options(&s, &options);
        bool local = s.has_kube && skf_kube_is_local(&s.kube);
        options.kube = local ? &s.kube : NULL;
        options.plan.deploys = local;
        options.dry_run = source != SOURCE_LOCAL;
        options.given = given.n ? &given : NULL;
        code = session_run_engine(&s, &options);
    }
    if (code == 0)
        code = render(&s, source);
    session_close(&s);
    return code;
}

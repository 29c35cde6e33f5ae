/* tests/support/fake_seams.h: a builder and a deployer under a test's control, for the engine's
 * tests.
 *
 * The builder (under the key "ko") reads DIR/src.txt, or with fake.tree all of DIR but its "out"
 * directories. It ends at once, or, while fake_hold is set,
 * when the test says so; a content of "bad" does not build. The deployer remembers what it was fed,
 * and says "created" for an object that it sees for the first time. */
#ifndef SKF_TESTS_FAKE_SEAMS_H
#define SKF_TESTS_FAKE_SEAMS_H
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/builder.h"
#include "lib/engine/deployer.h"
#include "lib/io/file.h"
#include "lib/io/loop.h"

struct fake {
    bool hold, hold_good, hold_inputs, tree, no_key;
    const char *hold_inputs_of; /* as hold_inputs, for one image only */
    bool writes;                /* each build writes another DIR/gen.txt */
    bool hold_apply;
    int applies_canceled;
    int skips_freed;
    int started, built, failed, canceled, asked;
    char order[256]; /* names of artifacts, as their builds began */
    int prepared, applied, removed, apply_fails;
    struct skf_buf last_applied, last_removed;
    struct skf_map known; /* objects that are there: "created" is said once */
};
static struct fake fake;

/* --- builder ---------------------------------------------------------------------------------- */

struct fake_job {
    struct skf_defer defer;
    struct skf_build *build;
    struct skf_inputs_job *inputs;
    bool cancelled;
    char *content;
};

static inline void fake_build_end(struct skf_defer *d)
{
    struct fake_job *job = SKF_CONTAINER_OF(d, struct fake_job, defer);
    struct skf_build *b = job->build;
    struct skf_err err = SKF_ERR_INIT;
    bool good = strncmp(job->content, "bad", 3) != 0;
    if ((fake.hold || (fake.hold_good && good)) && !job->cancelled) {
        skf_defer_start(b->ctx.services->loop, &job->defer, 1, fake_build_end);
        return;
    }
    if (job->cancelled) {
        fake.canceled++;
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    } else if (strncmp(job->content, "bad", 3) == 0) {
        fake.failed++;
        skf_err_set(&err, SKF_EBUILD, "syntax error");
        skf_err_at(&err, "src.txt", 1, 1);
    } else {
        char digest[SKF_DIGEST_TEXT];
        skf_digest_of(job->content, strlen(job->content), digest);
        fake.built++;
        b->digest = skf_xstrdup(digest);
        b->deployed = skf_xasprintf("%s@%s", b->reference, digest);
    }
    free(job->content);
    free(job);
    b->priv = NULL;
    b->done(b, err.code ? &err : NULL);
}

static inline void fake_start(struct skf_build *b)
{
    struct fake_job *job = skf_xcalloc(1, sizeof *job);
    skf_autofree char *path = skf_path_join(b->ctx.dir, "src.txt");
    struct skf_buf content = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_read(path, 1 << 20, &content, &ignored) < 0)
        skf_buf_adds(&content, "bad: no source");
    job->content = skf_buf_take(&content); /* as it is now: a later save is another build's */
    job->build = b;
    b->priv = job;
    fake.started++;
    if (fake.writes) {
        skf_autofree char *gen = skf_path_join(b->ctx.dir, "gen.txt");
        skf_autofree char *text = skf_xasprintf("build %d", fake.started);
        skf_file_write_atomic(gen, 0600, text, strlen(text), &ignored);
    }
    strncpy(fake.order + strlen(fake.order), b->ctx.artifact->image,
            sizeof fake.order - strlen(fake.order) - 1);
    skf_defer_start(b->ctx.services->loop, &job->defer, 1, fake_build_end);
}

static inline void fake_cancel(struct skf_build *b)
{
    struct fake_job *job = b->priv;
    if (job)
        job->cancelled = true;
}

static inline bool fake_skips(void *data, const char *path, bool is_dir)
{
    (void)data;
    return is_dir && strcmp(skf_path_base(path), "out") == 0;
}

static inline void fake_skips_free(void *data)
{
    free(data);
    fake.skips_freed++;
}

static inline void fake_list(struct skf_inputs_job *j)
{
    if (!fake.tree) {
        skf_strv_take(&j->inputs.files, skf_path_join(j->ctx.dir, "src.txt"));
        return;
    }
    skf_strv_add(&j->inputs.trees, j->ctx.dir);
    j->inputs.skips = fake_skips;
    j->inputs.skip_data = skf_xmalloc(1);
    j->inputs.skip_free = fake_skips_free;
}

static inline void fake_inputs_end(struct skf_defer *d)
{
    struct fake_job *job = SKF_CONTAINER_OF(d, struct fake_job, defer);
    struct skf_inputs_job *j = job->inputs;
    struct skf_err err = SKF_ERR_INIT;
    bool this_one = fake.hold_inputs_of && strcmp(fake.hold_inputs_of, j->ctx.artifact->image) == 0;
    if ((fake.hold_inputs || this_one) && !job->cancelled) {
        skf_defer_start(j->ctx.services->loop, &job->defer, 1, fake_inputs_end);
        return;
    }
    if (job->cancelled)
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    else
        fake_list(j);
    free(job);
    j->priv = NULL;
    j->done(j, err.code ? &err : NULL);
}

static inline void fake_inputs(struct skf_inputs_job *j)
{
    struct fake_job *job = skf_xcalloc(1, sizeof *job);
    fake.asked++;
    job->inputs = j;
    j->priv = job;
    skf_defer_start(j->ctx.services->loop, &job->defer, 1, fake_inputs_end);
}

static inline void fake_cancel_inputs(struct skf_inputs_job *j)
{
    struct fake_job *job = j->priv;
    if (job)
        job->cancelled = true;
}

static inline bool fake_cache_key(const struct skf_build_context *ctx, struct skf_buf *out)
{
    (void)ctx;
    (void)out;
    return !fake.no_key;
}

struct fake_options {
    const char *note;
};
static const struct skf_field fake_fields[] = {
    { .name = "note", .type = SKF_T_STRING, .offset = offsetof(struct fake_options, note) },
    { 0 },
};
static const struct skf_builder_ops fake_builder = {
    .name = "ko", /* a key that the schema knows */
    .options = fake_fields,
    .options_size = sizeof(struct fake_options),
    .inputs = fake_inputs,
    .cancel_inputs = fake_cancel_inputs,
    .start = fake_start,
    .cancel = fake_cancel,
    .cache_key = fake_cache_key,
};
static const struct skf_builder_ops *const fake_builders[] = { &fake_builder, NULL };
static const struct skf_section fake_sections[] = {
    { .name = "ko", .fields = fake_fields, .size = sizeof(struct fake_options) },
    { 0 },
};

/* --- deployer --------------------------------------------------------------------------------- */

struct fake_apply {
    struct skf_defer defer;
    struct skf_deploy *deploy;
    char *manifests; /* NULL: only prepared */
    bool removing, cancelled, running;
};

static inline void fake_say_objects(struct fake_apply *a)
{
    struct skf_objects objects = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    skf_manifest_parse("fed", a->manifests, strlen(a->manifests), &objects, &ignored);
    for (size_t i = 0; i < objects.n && a->deploy->on_line; i++) {
        const struct skf_object *o = &objects.v[i];
        const char *slash = strchr(o->api_version, '/');
        skf_autofree char *kind = skf_xstrdup(o->kind);
        for (char *p = kind; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        skf_autofree char *name =
            slash ? skf_xasprintf("%s.%.*s/%s", kind, (int)(slash - o->api_version), o->api_version,
                                  o->name)
                  : skf_xasprintf("%s/%s", kind, o->name);
        bool known = skf_map_has(&fake.known, name);
        skf_autofree char *line = skf_xasprintf("%s %s", name,
                                                a->removing ? "deleted"
                                                : known     ? "configured"
                                                            : "created");
        if (!a->removing)
            skf_map_put(&fake.known, name, &fake);
        a->deploy->on_line(a->deploy, line);
    }
    skf_objects_release(&objects);
}

static inline void fake_apply_end(struct skf_defer *d)
{
    struct fake_apply *a = SKF_CONTAINER_OF(d, struct fake_apply, defer);
    struct skf_deploy *deploy = a->deploy;
    struct skf_err err = SKF_ERR_INIT;
    if (fake.hold_apply && a->manifests && !a->cancelled) {
        skf_defer_start(deploy->services->loop, &a->defer, 1, fake_apply_end);
        return;
    }
    if (a->cancelled) {
        fake.applies_canceled += a->manifests != NULL;
        skf_err_set(&err, SKF_ECANCELED, "cancelled");
    } else if (fake.apply_fails && !a->removing) {
        fake.apply_fails--;
        skf_err_set(&err, SKF_ECHILD, "kubectl: no");
        deploy->errors = "no"; /* what kubectl wrote */
    } else {
        struct skf_buf *to = a->removing ? &fake.last_removed : &fake.last_applied;
        *(a->removing ? &fake.removed : &fake.applied) += 1;
        skf_buf_clear(to);
        skf_buf_adds(to, a->manifests);
        fake_say_objects(a);
    }
    free(a->manifests);
    free(a);
    deploy->priv = NULL;
    deploy->done(deploy, err.code ? &err : NULL);
    deploy->errors = NULL;
}

static inline struct fake_apply *fake_apply_of(struct skf_deploy *d)
{
    if (!d->priv) {
        struct fake_apply *a = skf_xcalloc(1, sizeof *a);
        a->deploy = d;
        d->priv = a;
    }
    return d->priv;
}

static inline void fake_run_apply(struct skf_deploy *d, const char *text, size_t len, bool removing)
{
    struct fake_apply *a = fake_apply_of(d);
    a->manifests = skf_xstrndup(text, len);
    a->removing = removing;
    a->running = true;
    skf_defer_start(d->services->loop, &a->defer, 1, fake_apply_end);
}

static inline void fake_prepare(struct skf_deploy *d)
{
    fake.prepared++;
    fake_apply_of(d);
}

static inline void fake_deploy(struct skf_deploy *d, const char *text, size_t len)
{
    fake_run_apply(d, text, len, false);
}

static inline void fake_remove(struct skf_deploy *d, const char *text, size_t len)
{
    fake_run_apply(d, text, len, true);
}

static inline bool fake_cancel_deploy(struct skf_deploy *d)
{
    struct fake_apply *a = d->priv;
    if (!a)
        return false;
    a->cancelled = true;
    if (!a->running) {
        a->running = true;
        skf_defer_start(d->services->loop, &a->defer, 0, fake_apply_end);
    }
    return true;
}

static inline bool fake_wanted(const struct skf_config *config)
{
    return config->n_modules > 0;
}

static const struct skf_deployer_ops fake_deployer = { .name = "fake",
                                                       .wanted = fake_wanted,
                                                       .prepare = fake_prepare,
                                                       .deploy = fake_deploy,
                                                       .remove = fake_remove,
                                                       .cancel = fake_cancel_deploy };
static const struct skf_deployer_ops *const fake_deployers[] = { &fake_deployer, NULL };

static inline void fake_reset(void)
{
    skf_buf_release(&fake.last_applied);
    skf_buf_release(&fake.last_removed);
    skf_map_release(&fake.known);
    memset(&fake, 0, sizeof fake);
    skf_buf_init(&fake.last_applied);
    skf_buf_init(&fake.last_removed);
}
#endif

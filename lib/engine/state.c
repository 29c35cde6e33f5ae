#include "lib/engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

void skf_state_init(struct skf_state *s)
{
    memset(s, 0, sizeof *s);
    skf_ledger_clear(&s->ledger);
}

void skf_state_release(struct skf_state *s)
{
    for (size_t i = 0; i < s->artifacts.n; i++) {
        free(s->artifacts.v[i].image);
        free(s->artifacts.v[i].reference);
    }
    skf_vec_release(&s->artifacts);
    skf_replace(&s->cause, NULL);
}

static struct skf_state_artifact *artifact(struct skf_state *s, const char *image)
{
    for (size_t i = 0; i < s->artifacts.n; i++)
        if (strcmp(s->artifacts.v[i].image, image) == 0)
            return &s->artifacts.v[i];
    skf_vec_push(&s->artifacts, (struct skf_state_artifact){ .image = skf_xstrdup(image) });
    return &s->artifacts.v[s->artifacts.n - 1];
}

void skf_state_keep(struct skf_state *s, const struct skf_strv *images)
{
    for (size_t i = s->artifacts.n; i-- > 0;) {
        if (skf_strv_has(images, s->artifacts.v[i].image))
            continue;
        free(s->artifacts.v[i].image);
        free(s->artifacts.v[i].reference);
        skf_vec_remove(&s->artifacts, i);
    }
}

static void set_build(struct skf_state *s, const struct skf_event *ev, enum skf_progress to)
{
    struct skf_state_artifact *a = artifact(s, ev->subject);
    a->build = to;
    s->working = true;
    if (to == SKF_FAILED)
        a->err = *ev->err;
    else
        skf_err_clear(&a->err);
    if (to == SKF_SUCCEEDED)
        skf_replace(&a->reference, skf_xstrdup_null(ev->text));
}

static void set_step(enum skf_progress *step, struct skf_err *why, enum skf_progress to,
                     const struct skf_err *err)
{
    *step = to;
    if (err)
        *why = *err;
    else
        skf_err_clear(why);
}

void skf_state_event(struct skf_state *s, const struct skf_event *ev)
{
    switch (ev->kind) {
    case SKF_EV_CHANGED:
        skf_err_clear(&s->hooks_err);
        skf_err_clear(&s->test_err);
        s->working = true;
        skf_replace(&s->cause, skf_xstrdup(ev->subject));
        break;
    case SKF_EV_TRIGGERED:
        s->working = true;
        s->held = false;
        break;
    case SKF_EV_HELD:
        s->working = false;
        s->held = true;
        break;
    case SKF_EV_PAUSED:
        s->paused = true;
        break;
    case SKF_EV_RESUMED:
        s->paused = s->held = false;
        break;
    case SKF_EV_CONFIG_BROKEN:
        s->config_broken = true;
        s->config_err = *ev->err;
        break;
    case SKF_EV_CONFIG_RELOADED:
        s->config_broken = false;
        skf_err_clear(&s->config_err);
        break;
    case SKF_EV_TAGGED:
        artifact(s, ev->subject);
        break;
    case SKF_EV_HOOKS_FAILED:
        s->hooks_err = *ev->err;
        break;
    case SKF_EV_TEST_FAILED:
        s->test_err = *ev->err;
        break;
    case SKF_EV_BUILD_STARTED:
        set_build(s, ev, SKF_IN_PROGRESS);
        break;
    case SKF_EV_CACHE_HIT:
    case SKF_EV_BUILD_DONE:
        set_build(s, ev, SKF_SUCCEEDED);
        break;
    case SKF_EV_BUILD_FAILED:
        set_build(s, ev, SKF_FAILED);
        break;
    case SKF_EV_BUILD_CANCELED:
        set_build(s, ev, SKF_CANCELED);
        break;
    case SKF_EV_DEPLOY_STARTED:
        set_step(&s->deploy, &s->deploy_err, SKF_IN_PROGRESS, NULL);
        break;
    case SKF_EV_DEPLOY_DONE:
    case SKF_EV_DEPLOY_NOTHING:
        set_step(&s->deploy, &s->deploy_err, SKF_SUCCEEDED, NULL);
        break;
    case SKF_EV_DEPLOY_FAILED:
        set_step(&s->deploy, &s->deploy_err, SKF_FAILED, ev->err);
        break;
    case SKF_EV_STATUS_STARTED:
        set_step(&s->app, &s->app_err, SKF_IN_PROGRESS, NULL);
        break;
    case SKF_EV_STATUS_READY:
        set_step(&s->app, &s->app_err, SKF_SUCCEEDED, NULL);
        break;
    case SKF_EV_STATUS_FAILED:
        set_step(&s->app, &s->app_err, SKF_FAILED, ev->err);
        break;
    case SKF_EV_LOOP_DONE:
        s->ledger = *ev->ledger;
        s->loops++;
        break;
    case SKF_EV_WATCHING:
        s->working = s->held = false;
        break;
    case SKF_EV_CLEANUP_STARTED:
        s->working = true;
        break;
    default:
        break; /* says something, changes nothing */
    }
}

const struct skf_err *skf_state_error(const struct skf_state *s, const char **stage)
{
    *stage = "config";
    if (s->config_broken)
        return &s->config_err;
    *stage = "hooks";
    if (s->hooks_err.code)
        return &s->hooks_err;
    *stage = "build";
    for (size_t i = 0; i < s->artifacts.n; i++)
        if (s->artifacts.v[i].build == SKF_FAILED)
            return &s->artifacts.v[i].err;
    *stage = "test";
    if (s->test_err.code)
        return &s->test_err;
    *stage = "deploy";
    if (s->deploy == SKF_FAILED)
        return &s->deploy_err;
    *stage = "status";
    if (s->app == SKF_FAILED)
        return &s->app_err;
    *stage = NULL;
    return NULL;
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *progress_json(enum skf_progress p)
{
    static const char *const words[] = { [SKF_NOT_STARTED] = "NotStarted",
                                         [SKF_IN_PROGRESS] = "InProgress",
                                         [SKF_SUCCEEDED] = "Succeeded",
                                         [SKF_FAILED] = "Failed",
                                         [SKF_CANCELED] = "Canceled" };
    return json_string(words[p]);
}

static json_t *step_json(enum skf_progress p, const struct skf_err *err)
{
    json_t *o = json_pack("{s:o}", "status", progress_json(p));
    if (err->code)
        json_object_set_new(o, "error", skf_err_json(err));
    return o;
}

static json_t *artifact_json(const struct skf_state_artifact *a)
{
    json_t *o = step_json(a->build, &a->err);
    if (a->reference)
        json_object_set_new(o, "reference", skf_text_json(a->reference, strlen(a->reference)));
    return o;
}

static const char *phase(const struct skf_state *s)
{
    if (s->working)
        return "working";
    if (s->paused)
        return "paused";
    return s->held ? "held" : "watching";
}

json_t *skf_state_json(const struct skf_state *s)
{
    const char *stage;
    const struct skf_err *err = skf_state_error(s, &stage);
    json_t *builds = json_object();
    for (size_t i = 0; i < s->artifacts.n; i++)
        json_object_set_new(builds, s->artifacts.v[i].image, artifact_json(&s->artifacts.v[i]));
    json_t *o = json_pack("{s:s,s:o,s:o,s:o,s:I}", "phase", phase(s), "build", builds, "deploy",
                          step_json(s->deploy, &s->deploy_err), "app",
                          step_json(s->app, &s->app_err), "loops", (json_int_t)s->loops);
    json_object_set_new(o, "config",
                        step_json(s->config_broken ? SKF_FAILED : SKF_SUCCEEDED, &s->config_err));
    if (err)
        json_object_set_new(o, "failed", json_string(stage));
    if (s->cause)
        json_object_set_new(o, "cause", skf_text_json(s->cause, strlen(s->cause)));
    if (s->loops)
        json_object_set_new(o, "ledger", skf_ledger_json(&s->ledger));
    return o;
}

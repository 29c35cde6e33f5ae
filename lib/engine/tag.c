/* happy path: the steps of the policy -> text.
 * failures:   "latest" and a warning; never an error.
 * on cancel:  what runs for it is stopped; done comes with "latest". */
#include "lib/engine/tag_impl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/config/tagtext.h"
#include "lib/config/template.h"

/* --- policies without a process --------------------------------------------------------------- */

static const char *own_getenv(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static bool environment_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    const struct skf_tag *t = m->data;
    const char *value = strcmp(key, "IMAGE_NAME") == 0 ? t->image : getenv(key);
    if (!value)
        return false;
    *out = (struct skf_tvalue){ .kind = SKF_TV_STRING, .str = value };
    return true;
}

static enum skf_next expand_template(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    const struct skf_tmap environment = { .get = environment_get, .data = t };
    const struct skf_template_env env = {
        .root = &environment, .sprig = true, .name = "envTemplate", .getenv = own_getenv
    };
    if (skf_template_expand(t->tagger->template_text, &env, &t->text, &f->err) < 0)
        return SKF_NEXT;
    if (strstr(t->text, "<no value>"))
        skf_err_set(&f->err, SKF_ECONFIG, "envTemplate '%s' names a variable that is not set",
                    t->tagger->template_text);
    return SKF_NEXT;
}

static enum skf_next format_date(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    const char *format = t->tagger->date_format;
    if (!format || !format[0])
        format = "2006-01-02_15-04-05.999_MST";
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    int64_t now_ms = skf_clock_wall_ms();
    if (skf_go_time_format(format, now_ms / 1000, (long)(now_ms % 1000) * 1000000,
                           t->tagger->date_timezone, &text, &f->err) == 0)
        t->text = skf_buf_take(&text);
    return SKF_NEXT;
}

static enum skf_next constant_latest(struct skf_flow *f)
{
    SKF_CONTAINER_OF(f, struct skf_tag, flow)->text = skf_xstrdup("latest");
    return SKF_NEXT;
}

static const struct skf_step *const policies[] = {
    [SKF_TAG_GIT_COMMIT] = skf_tag_git,
    [SKF_TAG_INPUT_DIGEST] = skf_tag_input_digest,
    [SKF_TAG_CUSTOM_TEMPLATE] = skf_tag_custom,
    [SKF_TAG_SHA256] = (const struct skf_step[]){ { "latest", constant_latest }, { 0 } },
    [SKF_TAG_DATE_TIME] = (const struct skf_step[]){ { "date", format_date }, { 0 } },
    [SKF_TAG_ENV_TEMPLATE] = (const struct skf_step[]){ { "template", expand_template }, { 0 } },
};

/* --- the operation ---------------------------------------------------------------------------- */

static void on_flow_done(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    if (!f->err.code && !skf_tag_valid(t->text))
        skf_err_set(&f->err, SKF_EINVAL, "'%s' is not a valid tag", t->text);
    if (f->err.code) {
        skf_autobuf struct skf_buf said = SKF_BUF_INIT;
        skf_buf_add(&said, t->proc.errout.data, t->proc.errout.len);
        skf_buf_trim(&said);
        const char *reason = said.len ? said.data : f->err.msg;
        if (strstr(reason, "not a git repository"))
            t->warning = skf_xstrdup("not a git repository: images get no tag of their own");
        else
            t->warning = skf_xasprintf("no tag for '%s' (%s): using 'latest'", t->image, reason);
        skf_replace(&t->text, skf_xstrdup("latest"));
        t->dirty = false;
    }
    skf_proc_release(&t->proc);
    skf_tag_inputs_free(skf_take(&t->inputs));
    skf_tag_parts_free(skf_take(&t->parts));
    t->done(t);
}

bool skf_tag_needs_inputs(const struct skf_tagger *tagger)
{
    return tagger->policy == SKF_TAG_INPUT_DIGEST || tagger->policy == SKF_TAG_CUSTOM_TEMPLATE;
}

void skf_tag_start(uv_loop_t *loop, struct skf_tag *t)
{
    t->text = t->warning = NULL;
    t->inputs = NULL;
    t->parts = NULL;
    t->dirty = false;
    skf_proc_init(&t->proc);
    skf_flow_start(loop, &t->flow, policies[t->tagger->policy], on_flow_done);
}

void skf_tag_cancel(struct skf_tag *t)
{
    skf_flow_cancel(&t->flow);
}

void skf_tag_release(struct skf_tag *t)
{
    skf_replace(&t->text, NULL);
    skf_replace(&t->warning, NULL);
}

/* happy path: [git asks for the name] -> [git asks for changes] -> text.
 * failures:   "latest" and a warning; never an error.
 * on cancel:  the running git is stopped; done comes with "latest". */
#include "lib/engine/tag.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/config/tagtext.h"
#include "lib/config/template.h"

enum { GIT_OUTPUT_MAX = 1024 * 1024, GIT_LIMIT_MS = 30000 };

/* --- gitCommit -------------------------------------------------------------------------------- */

static void abort_git(struct skf_flow *f)
{
    skf_proc_stop(&SKF_CONTAINER_OF(f, struct skf_tag, flow)->proc);
}

static void on_git_done(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_tag *t = p->data;
    skf_flow_resume(&t->flow, err);
}

static enum skf_next run_git(struct skf_tag *t, const char *const *arguments)
{
    skf_proc_release(&t->proc);
    skf_proc_init(&t->proc);
    for (size_t i = 0; arguments[i]; i++)
        skf_strv_add(&t->proc.argv, arguments[i]);
    skf_replace(&t->proc.cwd, skf_xstrdup(t->dir));
    t->proc.capture_max = GIT_OUTPUT_MAX;
    t->proc.limit_ms = GIT_LIMIT_MS;
    t->proc.data = t;
    t->flow.abort = abort_git;
    skf_proc_start(t->flow.timer.loop, &t->proc, on_git_done);
    return SKF_WAIT;
}

static enum skf_next ask_name(struct skf_flow *f)
{
    /* "./" is the context itself: git runs there, and need not be told where it is in the
     * repository. */
    static const char *const tree[] = { "git", "rev-parse", "HEAD:./", NULL };
    static const char *const short_tree[] = { "git", "rev-parse", "--short", "HEAD:./", NULL };
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    bool abbreviated;
    if (skf_tag_git_is_tree(t->tagger->git_variant, &abbreviated))
        return run_git(t, abbreviated ? short_tree : tree);
    const char *const *arguments = skf_tag_git_args(t->tagger->git_variant);
    if (arguments)
        return run_git(t, arguments);
    skf_err_set(&f->err, SKF_ECONFIG, "unknown gitCommit variant '%s'", t->tagger->git_variant);
    return SKF_NEXT;
}

static enum skf_next ask_changes(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    skf_buf_trim(&t->proc.out);
    if (!t->proc.out.len) {
        skf_err_set(&f->err, SKF_ENOTFOUND, "git names no commit");
        return SKF_NEXT;
    }
    static const char *const status[] = { "git", "status", ".", "--porcelain", NULL };
    skf_autobuf struct skf_buf name = SKF_BUF_INIT;
    skf_tag_sanitise(t->proc.out.data, &name, NULL);
    const char *prefix = t->tagger->git_prefix;
    t->text = skf_xasprintf("%s%s", prefix ? prefix : "", name.data);
    return t->tagger->git_ignore_changes ? SKF_NEXT : run_git(t, status);
}

static enum skf_next note_changes(struct skf_flow *f)
{
    struct skf_tag *t = SKF_CONTAINER_OF(f, struct skf_tag, flow);
    if (!t->tagger->git_ignore_changes && t->proc.out.len) {
        t->dirty = true;
        skf_replace(&t->text, skf_xasprintf("%s-dirty", t->text));
    }
    return SKF_NEXT;
}

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

/* inputDigest and customTemplate never get here: plan_check.c refuses them. */
static const struct skf_step *const policies[] = {
    [SKF_TAG_GIT_COMMIT] = (const struct skf_step[]){ { "git", ask_name },
                                                      { "git status", ask_changes },
                                                      { "changes", note_changes },
                                                      { 0 } },
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
    t->done(t);
}

void skf_tag_start(uv_loop_t *loop, struct skf_tag *t)
{
    t->text = t->warning = NULL;
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

/* gitCommit: [git asks for the name] -> [git asks for changes] -> text. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/tagtext.h"
#include "lib/engine/tag_impl.h"

enum { GIT_OUTPUT_MAX = 1024 * 1024, GIT_LIMIT_MS = 30000 };

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

const struct skf_step skf_tag_git[] = {
    { "git", ask_name }, { "git status", ask_changes }, { "changes", note_changes }, { 0 }
};

#include "builders/ko/facts.h"

#include <string.h>
#include <time.h>

#include "lib/base/num.h"

struct question {
    const char *names[5]; /* asked when a template names one of these */
    const char *argv[8];  /* behind "git -c log.showSignature=false"; none: go env */
    void (*take)(struct skf_ko_facts *f, bool ok);
};

char *skf_ko_date(long long seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char text[64];
    if (!gmtime_r(&t, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return skf_xstrdup("0001-01-01T00:00:00Z");
    return skf_xstrdup(text);
}

/* First line of what git printed, without quotes, as ko takes it; owned. */
static char *first_line(const struct skf_ko_facts *f)
{
    const char *s = f->proc.out.data;
    size_t len = strcspn(s, "\n");
    struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < len; i++)
        if (s[i] != '\'')
            skf_buf_addc(&b, s[i]);
    skf_buf_trim(&b);
    return skf_buf_take(&b);
}

static void take_branch(struct skf_ko_facts *f, bool ok)
{
    skf_replace(&f->branch, ok ? first_line(f) : NULL);
    if (!ok)
        skf_strv_add(&f->notes,
                     "ko: a template asks for .Git, but there is no git history here: empty");
}

static void take_commit(struct skf_ko_facts *f, bool ok)
{
    skf_autofree char *line = ok ? first_line(f) : NULL;
    skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
    if (line)
        skf_strv_split(&parts, line, "|");
    if (parts.n != 3 || !skf_num_parse(parts.v[2], 0, 1LL << 40, &f->commit_s))
        return;
    skf_replace(&f->short_commit, skf_xstrdup(parts.v[0]));
    skf_replace(&f->full_commit, skf_xstrdup(parts.v[1]));
    skf_replace(&f->commit_date, skf_ko_date(f->commit_s));
}

static void take_status(struct skf_ko_facts *f, bool ok)
{
    f->dirty = ok && f->proc.out.len > 0;
}

static void take_tag(struct skf_ko_facts *f, bool ok)
{
    skf_replace(&f->tag, ok ? first_line(f) : skf_xstrdup("v0.0.0"));
}

static void take_go_env(struct skf_ko_facts *f, bool ok)
{
    if (!ok)
        return;
    /* GOVERSION='go1.26' a line, quoted for a shell. */
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_strv_split(&lines, f->proc.out.data, "\n");
    for (size_t i = 0; i < lines.n; i++) {
        struct skf_buf b = SKF_BUF_INIT;
        for (const char *p = lines.v[i]; *p; p++)
            if (*p != '\'' && *p != '"')
                skf_buf_addc(&b, *p);
        skf_strv_take(&f->go_env, skf_buf_take(&b));
    }
}

/* The branch comes first: where it fails there is no repository (or no commit), and nothing else is
 * asked. */
static const struct question questions[] = {
    { { "Git" }, { "rev-parse", "--abbrev-ref", "HEAD", "--quiet" }, take_branch },
    { { "Git.ShortCommit", "Git.FullCommit", "Git.CommitDate", "Git.CommitTimestamp" },
      { "show", "-s", "--format=%h|%H|%ct", "HEAD", "--quiet" },
      take_commit },
    { { "Git.IsDirty", "Git.IsClean", "Git.TreeState" }, { "status", "--porcelain" }, take_status },
    { { "Git.Tag" }, { "describe", "--tags", "--abbrev=0", "HEAD" }, take_tag },
    { { "GoEnv" }, { NULL }, take_go_env },
};

/* `wanted` is among the roots, or above or below one of them: "Git" itself may stand for all below.
 */
static bool asked(const struct skf_strv *roots, const char *wanted)
{
    if (skf_template_names(roots, wanted))
        return true;
    const char *dot = strchr(wanted, '.');
    skf_autofree char *top = dot ? skf_xstrndup(wanted, (size_t)(dot - wanted)) : NULL;
    return top && skf_strv_has(roots, top);
}

static bool question_is_asked(const struct skf_strv *roots, const struct question *q)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(q->names) && q->names[i]; i++)
        if (asked(roots, q->names[i]))
            return true;
    return false;
}

bool skf_ko_facts_needed(const struct skf_strv *roots)
{
    for (size_t i = 0; i < SKF_ARRAY_LEN(questions); i++)
        if (question_is_asked(roots, &questions[i]))
            return true;
    return false;
}

static void on_answer(struct skf_proc *p, const struct skf_err *err);

static void ask_next(struct skf_ko_facts *f)
{
    while (f->next < SKF_ARRAY_LEN(questions)) {
        const struct question *q = &questions[f->next];
        bool git = q->argv[0];
        if (!question_is_asked(f->roots, q) || (git && f->next > 0 && !f->branch)) {
            f->next++;
            continue;
        }
        skf_proc_init(&f->proc);
        f->proc.data = f;
        f->proc.cwd = skf_xstrdup(f->dir);
        f->proc.stop_ms = 30;
        if (git)
            skf_proc_args(&f->proc, "git", "-c", "log.showSignature=false", NULL);
        else
            skf_proc_args(&f->proc, f->go, "env", NULL);
        for (size_t i = 0; git && q->argv[i]; i++)
            skf_strv_add(&f->proc.argv, q->argv[i]);
        skf_proc_start(f->loop, &f->proc, on_answer);
        return;
    }
    f->done(f, NULL);
}

static void on_answer(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_ko_facts *f = p->data;
    if (err && err->code != SKF_ECHILD && err->code != SKF_ENOTFOUND) {
        struct skf_err e = *err;
        skf_proc_release(p);
        f->done(f, &e);
        return;
    }
    questions[f->next].take(f, !err);
    skf_proc_release(p);
    f->next++;
    if (f->cancelled) {
        struct skf_err e = SKF_ERR_INIT;
        skf_err_set(&e, SKF_ECANCELED, "cancelled");
        f->done(f, &e);
        return;
    }
    ask_next(f);
}

/* The caller has asked skf_ko_facts_needed: there is at least one child, so done is never called
 * from here. */
void skf_ko_facts_start(uv_loop_t *loop, struct skf_ko_facts *f,
                        void (*done)(struct skf_ko_facts *f, const struct skf_err *err))
{
    f->loop = loop;
    f->done = done;
    f->next = 0;
    ask_next(f);
}

void skf_ko_facts_cancel(struct skf_ko_facts *f)
{
    f->cancelled = true;
    skf_proc_stop(&f->proc);
}

void skf_ko_facts_release(struct skf_ko_facts *f)
{
    skf_strv_release(&f->go_env);
    skf_strv_release(&f->notes);
    free(f->branch);
    free(f->tag);
    free(f->short_commit);
    free(f->full_commit);
    free(f->commit_date);
    memset(f, 0, sizeof *f);
}

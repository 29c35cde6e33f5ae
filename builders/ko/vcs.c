#include "builders/ko/vcs.h"

#include <string.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_OUTPUT = 64 * 1024 * 1024 };

static bool is_off(const struct skf_strv *flags)
{
    for (size_t i = flags->n; i-- > 0;) {
        const char *name = flags->v[i];
        name += name[0] == '-' ? 1 + (name[1] == '-') : 0;
        if (strncmp(name, "buildvcs", 8) == 0)
            return strcmp(name + 8, "=false") == 0;
    }
    return false;
}

static bool is_asked_for(const struct skf_strv *flags)
{
    skf_autostrv struct skf_strv words = SKF_STRV_INIT;
    const char *more = getenv("GOFLAGS");
    skf_strv_split(&words, more ? more : "", " \t\n");
    return !is_off(flags) && !is_off(&words);
}

/* The nearest directory above that is a repository of some kind, and which. */
static char *find_root(const char *from, const char **kind)
{
    static const char *const kinds[] = { ".git", ".hg", ".svn", ".bzr", ".fslckout", "_FOSSIL_" };
    skf_autofree char *dir = skf_xstrdup(from);
    for (;;) {
        for (size_t i = 0; i < SKF_ARRAY_LEN(kinds); i++) {
            skf_autofree char *mark = skf_path_join(dir, kinds[i]);
            if (skf_file_exists(mark)) {
                *kind = kinds[i];
                return skf_take(&dir);
            }
        }
        if (strcmp(dir, "/") == 0)
            return NULL;
        skf_replace(&dir, skf_path_dir(dir));
    }
}

bool skf_ko_vcs_counts(const struct skf_strv *flags, const char *dir)
{
    const char *kind;
    skf_autofree char *root = is_asked_for(flags) ? find_root(dir, &kind) : NULL;
    return root;
}

/* "# branch.oid HASH" and whether anything else was said. */
static void take_status(const char *text, struct skf_buf *out)
{
    bool dirty = false;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (strncmp(line, "# branch.oid ", 13) == 0)
            skf_buf_add(out, line, len);
        dirty = dirty || line[0] != '#';
        line += len + (line[len] == '\n');
    }
    skf_buf_adds(out, dirty ? "\ndirty\n" : "\nclean\n");
}

static void on_answer(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_ko_vcs *v = p->data;
    if (err && !v->err.code)
        v->err = *err;
    if (--v->pending)
        return;
    if (!v->err.code) {
        struct skf_buf text = SKF_BUF_INIT;
        take_status(v->status.out.data, &text);
        skf_buf_add(&text, v->tags.out.data, v->tags.out.len);
        v->text = skf_buf_take(&text);
    }
    skf_proc_release(&v->status);
    skf_proc_release(&v->tags);
    v->done(v, v->err.code == SKF_ECANCELED ? &v->err : NULL);
}

static void ask(uv_loop_t *loop, struct skf_ko_vcs *v, struct skf_proc *p)
{
    p->data = v;
    p->cwd = skf_xstrdup(v->dir);
    p->capture_max = MAX_OUTPUT;
    p->stop_ms = 30;
    skf_strv_add(&p->env, "GIT_OPTIONAL_LOCKS=0");
    v->pending++;
    skf_proc_start(loop, p, on_answer);
}

bool skf_ko_vcs_start(uv_loop_t *loop, struct skf_ko_vcs *v,
                      void (*done)(struct skf_ko_vcs *v, const struct skf_err *err))
{
    const char *kind = NULL;
    v->done = done;
    skf_autofree char *root = is_asked_for(&v->settings->flags) ? find_root(v->dir, &kind) : NULL;
    skf_autofree char *git = root ? skf_proc_which("git") : NULL;
    if (root && strcmp(kind, ".git") != 0)
        return true; /* nothing is known of those */
    if (!root || !git) {
        v->text = skf_xstrdup("none");
        return true;
    }
    skf_proc_init(&v->status);
    skf_proc_init(&v->tags);
    skf_proc_args(&v->status, git, "status", "--porcelain=v2", "--branch", NULL);
    skf_proc_args(&v->tags, git, "for-each-ref", "refs/tags", NULL);
    ask(loop, v, &v->status);
    ask(loop, v, &v->tags);
    return false;
}

void skf_ko_vcs_cancel(struct skf_ko_vcs *v)
{
    if (v->pending) {
        skf_proc_stop(&v->status);
        skf_proc_stop(&v->tags);
    }
}

void skf_ko_vcs_release(struct skf_ko_vcs *v)
{
    free(v->text);
    v->text = NULL;
}

#include "lib/engine/inputs.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"

enum { MAX_DEPTH = 256 };

struct walk {
    const struct skf_inputs *in;
    bool (*stop)(void *data);
    void *data;
    struct skf_strv *out;
    struct skf_err *err;
};

/* The directories that we are in, outermost first: a link must not lead back into one. */
struct level {
    const struct level *up;
    dev_t dev;
    ino_t ino;
    int depth;
};

static bool leads_back(const struct level *l, const struct stat *st)
{
    for (; l; l = l->up)
        if (l->dev == st->st_dev && l->ino == st->st_ino)
            return true;
    return false;
}

static bool skipped(const struct skf_inputs *in, const char *path, bool is_dir)
{
    return in->skips ? in->skips(in->skip_data, path, is_dir)
                     : strcmp(skf_path_base(path), ".git") == 0;
}

static int put(struct walk *w, const char *path)
{
    if (w->out->n >= SKF_INPUTS_MAX_FILES)
        return skf_err_set(w->err, SKF_ETOOBIG, "more than %d files", SKF_INPUTS_MAX_FILES);
    if (w->out->n % 64 == 0 && w->stop && w->stop(w->data))
        return skf_err_set(w->err, SKF_ECANCELED, "cancelled");
    skf_strv_add(w->out, path);
    return 0;
}

/* `glob`: only files of such a name, and nothing below; NULL: the whole tree. */
static int walk_dir(struct walk *w, const char *dir, const char *glob, const struct level *up)
{
    struct stat st;
    DIR *d = opendir(dir);
    int rc = 0;
    if (!d)
        return 0;
    struct level here = { .up = up, .depth = up ? up->depth + 1 : 0 };
    if (fstat(dirfd(d), &st) == 0) {
        here.dev = st.st_dev;
        here.ino = st.st_ino;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            (glob && !skf_glob_match(glob, e->d_name)))
            continue;
        skf_autofree char *path = skf_path_join(dir, e->d_name);
        if (stat(path, &st) != 0)
            continue;
        bool is_dir = S_ISDIR(st.st_mode);
        if ((!is_dir && !S_ISREG(st.st_mode)) || (!glob && skipped(w->in, path, is_dir)))
            continue;
        if (!is_dir)
            rc = put(w, path);
        else if (!glob && here.depth < MAX_DEPTH && !leads_back(&here, &st))
            rc = walk_dir(w, path, NULL, &here);
    }
    closedir(d);
    return rc;
}

int skf_inputs_list(const struct skf_inputs *in, bool (*stop)(void *data), void *data,
                    struct skf_strv *out, struct skf_err *err)
{
    struct skf_strv found = SKF_STRV_INIT;
    struct walk w = { .in = in, .stop = stop, .data = data, .out = &found, .err = err };
    struct stat st;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->files.n; i++)
        if (stat(in->files.v[i], &st) == 0 && S_ISREG(st.st_mode))
            rc = put(&w, in->files.v[i]);
    for (size_t i = 0; rc == 0 && i + 1 < in->dirs.n; i += 2)
        rc = walk_dir(&w, in->dirs.v[i], in->dirs.v[i + 1], NULL);
    for (size_t i = 0; rc == 0 && i < in->trees.n; i++)
        rc = walk_dir(&w, in->trees.v[i], NULL, NULL);
    if (rc == 0) {
        skf_strv_sort(&found);
        skf_strv_uniq(&found);
        skf_strv_swap(out, &found);
    }
    skf_strv_release(&found);
    return rc;
}

/* --- why -------------------------------------------------------------------------------------- */

/* What the rules say of each directory on the way down, and of the file itself. */
static bool tree_takes(const struct skf_inputs *in, const char *tree, const char *path)
{
    size_t at = strlen(tree);
    if (!skf_path_within(tree, path) || strcmp(tree, path) == 0)
        return false;
    while (path[at] == '/') {
        at += 1 + strcspn(path + at + 1, "/");
        skf_autofree char *part = skf_xstrndup(path, at);
        if (skipped(in, part, path[at] == '/'))
            return false;
    }
    return true;
}

bool skf_inputs_match(const struct skf_inputs *in, const char *path, struct skf_buf *rule)
{
    skf_autobuf struct skf_buf ignored = SKF_BUF_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *dir = skf_path_dir(path);
    bool yes = skf_strv_has(&in->files, path);
    if (yes)
        skf_buf_adds(&text, "named as a file");
    for (size_t i = 0; !yes && i + 1 < in->dirs.n; i += 2) {
        yes = strcmp(in->dirs.v[i], dir) == 0 &&
              skf_glob_match(in->dirs.v[i + 1], skf_path_base(path));
        if (yes)
            skf_buf_addf(&text, "a file in '%s' that its builder reads", dir);
    }
    for (size_t i = 0; !yes && i < in->trees.n; i++) {
        if (!skf_path_within(in->trees.v[i], path))
            continue;
        yes = tree_takes(in, in->trees.v[i], path);
        skf_buf_addf(yes ? &text : &ignored, "%s '%s'", yes ? "below" : "ignored below",
                     in->trees.v[i]);
    }
    if (yes && skf_strv_has(&in->manifests, path))
        skf_buf_adds(&text, "; it also decides what else is read");
    const struct skf_buf *said = yes ? &text : &ignored;
    if (rule && said->len) {
        skf_buf_clear(rule);
        skf_buf_adds(rule, said->data);
    }
    return yes;
}

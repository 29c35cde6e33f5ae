#include "builders/ko/kodata.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_ENTRIES = 200000, MAX_DEPTH = 100 };

#define ROOT_NAME "/var/run/ko"

/* The directories that the walk is inside of: a link back to one of them is a cycle. */
struct above {
    dev_t dev;
    ino_t ino;
    const struct above *up;
    int depth;
};

struct walk {
    struct skf_kodata *k;
    struct skf_sha256 hash;
    const char *allowed; /* links must stay in here */
    const char *tree;    /* resolved kodata directory */
};

void skf_kodata_release(struct skf_kodata *k)
{
    for (size_t i = 0; i < k->entries.n; i++) {
        free(k->entries.v[i].name);
        free(k->entries.v[i].path);
    }
    skf_vec_release(&k->entries);
    skf_strv_release(&k->outside);
    memset(k, 0, sizeof *k);
}

static int add(struct walk *w, const char *name, const char *path, const struct stat *st,
               struct skf_err *err)
{
    if (w->k->entries.n >= MAX_ENTRIES)
        return skf_err_set(err, SKF_ETOOBIG, "kodata has more than %d entries", MAX_ENTRIES);
    struct skf_kodata_entry e = { .name = skf_xstrdup(name), .path = skf_xstrdup_null(path) };
    skf_sha256_add(&w->hash, name, strlen(name) + 1);
    if (path) {
        long long seen[] = { (long long)st->st_dev, (long long)st->st_ino, (long long)st->st_size,
                             (long long)st->st_mtim.tv_sec, (long long)st->st_mtim.tv_nsec };
        skf_sha256_add(&w->hash, seen, sizeof seen);
        e.size = st->st_size;
        w->k->total_bytes += st->st_size;
        w->k->files++;
    }
    skf_vec_push(&w->k->entries, e);
    return 0;
}

static int walk_dir(struct walk *w, const char *dir, const char *name, const struct above *up,
                    struct skf_err *err);

/* A symbolic link: where it leads, if it may lead there. */
static char *follow(struct walk *w, const char *path, struct skf_err *err)
{
    char *target = realpath(path, NULL);
    if (!target) {
        skf_err_errno(err, errno, "kodata link '%s' leads nowhere", path);
        return NULL;
    }
    if (!skf_path_within(w->allowed, target)) {
        skf_err_set(err, SKF_ECONFIG,
                    "kodata link '%s' leads to '%s', which is outside '%s': copy the file, or set "
                    "KO_DATA_PATH_ALLOWED_ROOT",
                    path, target, w->allowed);
        free(target);
        return NULL;
    }
    if (!skf_path_within(w->tree, target))
        skf_strv_add(&w->k->outside, target);
    return target;
}

static int walk_entry(struct walk *w, const char *path, const char *name, const struct above *up,
                      struct skf_err *err)
{
    struct stat st;
    skf_autofree char *target = NULL;
    if (lstat(path, &st) < 0)
        return skf_err_errno(err, errno, "kodata: cannot read '%s'", path);
    if (S_ISLNK(st.st_mode)) {
        target = follow(w, path, err);
        if (!target)
            return -(int)err->code;
        if (stat(target, &st) < 0)
            return skf_err_errno(err, errno, "kodata: cannot read '%s'", target);
    }
    const char *real = target ? target : path;
    if (S_ISDIR(st.st_mode)) {
        int rc = add(w, name, NULL, &st, err);
        return rc < 0 ? rc : walk_dir(w, real, name, up, err);
    }
    if (!S_ISREG(st.st_mode))
        return skf_err_set(err, SKF_ECONFIG,
                           "kodata: '%s' is neither a file nor a directory: take it out", path);
    return add(w, name, real, &st, err);
}

static int walk_dir(struct walk *w, const char *dir, const char *name, const struct above *up,
                    struct skf_err *err)
{
    struct stat st;
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    if (stat(dir, &st) < 0)
        return skf_err_errno(err, errno, "kodata: cannot read '%s'", dir);
    for (const struct above *a = up; a; a = a->up)
        if (a->dev == st.st_dev && a->ino == st.st_ino)
            return skf_err_set(err, SKF_ECONFIG,
                               "kodata: '%s' leads back to a directory above it: take the link out",
                               dir);
    struct above here = { st.st_dev, st.st_ino, up, up ? up->depth + 1 : 0 };
    if (here.depth > MAX_DEPTH)
        return skf_err_set(err, SKF_ETOOBIG, "kodata: '%s' is more than %d directories deep", dir,
                           MAX_DEPTH);
    int rc = skf_file_list(dir, &names, err);
    for (size_t i = 0; i < names.n && rc == 0; i++) {
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        skf_autofree char *child = skf_xasprintf("%s/%s", name, names.v[i]);
        rc = walk_entry(w, path, child, &here, err);
    }
    return rc;
}

/* KO_DATA_PATH_ALLOWED_ROOT if it holds kodata; the nearest directory above with a .git; else
 * kodata. */
static char *allowed_root(const char *tree)
{
    const char *given = getenv("KO_DATA_PATH_ALLOWED_ROOT");
    if (given && given[0]) {
        char *root = realpath(given, NULL);
        if (root && skf_path_within(root, tree))
            return root;
        free(root);
        return skf_xstrdup(tree);
    }
    skf_autofree char *dir = skf_xstrdup(tree);
    for (;;) {
        skf_autofree char *git = skf_path_join(dir, ".git");
        if (skf_file_exists(git))
            return skf_take(&dir);
        if (strcmp(dir, "/") == 0)
            return skf_xstrdup(tree);
        skf_replace(&dir, skf_path_dir(dir));
    }
}

int skf_kodata_walk(const char *package_dir, struct skf_kodata *out, struct skf_err *err)
{
    struct skf_kodata k = { 0 };
    struct walk w = { .k = &k };
    struct stat st;
    int rc = 0;
    skf_autofree char *dir = skf_path_join(package_dir, "kodata");
    skf_autofree char *tree = NULL, *allowed = NULL;

    skf_sha256_init(&w.hash);
    bool there = lstat(dir, &st) == 0;
    k.linked_root = there && S_ISLNK(st.st_mode);
    if (there)
        tree = realpath(dir, NULL);
    if (there && !tree)
        rc = skf_err_errno(err, errno, "kodata link '%s' leads nowhere", dir);
    else if (there && !skf_file_is_dir(tree))
        rc = skf_err_set(err, SKF_ECONFIG, "'%s' is not a directory", dir);
    else if (there) {
        w.tree = tree;
        w.allowed = allowed = allowed_root(tree);
        if (k.linked_root)
            skf_strv_add(&k.outside, tree);
        rc = walk_dir(&w, tree, ROOT_NAME, NULL, err);
    }
    skf_sha256_end(&w.hash, k.mark);
    if (rc < 0)
        skf_kodata_release(&k);
    else
        *out = k;
    return rc;
}

static int fill_file(const struct skf_kodata_entry *e, struct skf_layer *layer, int64_t mtime,
                     struct skf_err *err)
{
    struct stat st;
    /* O_NONBLOCK: a fifo that took the file's place must not hang us. */
    skf_autoclose int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return skf_err_errno(err, errno, "kodata: cannot read '%s'", e->path);
    if (!S_ISREG(st.st_mode))
        return skf_err_set(err, SKF_ECONFIG, "kodata: '%s' is not a regular file any more",
                           e->path);
    return skf_layer_file(layer, e->name, 0555, mtime, fd, err);
}

int skf_kodata_fill(const struct skf_kodata *k, struct skf_layer *layer, int64_t mtime,
                    bool writable, struct skf_err *err)
{
    mode_t mode = writable ? 0777 : 0555;
    static const char *const parents[] = { "/var", "/var/run", ROOT_NAME };
    for (size_t i = 0; i < SKF_ARRAY_LEN(parents); i++)
        skf_layer_dir(layer, parents[i], i + 1 < SKF_ARRAY_LEN(parents) ? 0555 : mode, mtime);
    for (size_t i = 0; i < k->entries.n; i++) {
        const struct skf_kodata_entry *e = &k->entries.v[i];
        if (!e->path) {
            skf_layer_dir(layer, e->name, mode, mtime);
            continue;
        }
        int rc = fill_file(e, layer, mtime, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

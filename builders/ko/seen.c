#include "builders/ko/seen.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "builders/ko/goscan.h"
#include "lib/base/glob.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum {
    MAX_FILES = 100000,
    MAX_DEPTH = 100,
    MAX_READ = 4 * 1024 * 1024, /* larger files: what the kernel says has to do */
};

/* How long a file counts as fresh: two ticks of the slowest kernel clock; where the file system has
 * whole seconds only, two of those. */
static const int64_t grain_ns = 20 * 1000000LL, coarse_ns = 2 * 1000000000LL;

struct look {
    struct skf_ko_seen *out;
    bool (*stopped)(void *);
    void *arg;
};

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000LL + t->tv_nsec;
}

static bool same_place_and_time(const struct skf_ko_seen_file *a, const struct skf_ko_seen_file *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static void take_stat(struct skf_ko_seen_file *f, const struct stat *st)
{
    f->dev = (int64_t)st->st_dev;
    f->ino = (int64_t)st->st_ino;
    f->size = st->st_size;
    f->mtime_ns = ns_of(&st->st_mtim);
    f->ctime_ns = ns_of(&st->st_ctim);
}

/* The content that goes with what stat said before: none when the file changed meanwhile. */
static void digest_content(const struct skf_ko_seen_file *f, char out[SKF_DIGEST_TEXT])
{
    struct skf_err ignored = SKF_ERR_INIT;
    struct skf_ko_seen_file now = { 0 };
    struct stat st;
    char digest[SKF_DIGEST_TEXT];
    int64_t size = 0;
    out[0] = '\0';
    if (f->size > MAX_READ || skf_file_digest(f->path, digest, &size, &ignored) < 0 ||
        stat(f->path, &st) < 0)
        return;
    take_stat(&now, &st);
    if (same_place_and_time(f, &now))
        memcpy(out, digest, sizeof digest);
}

static struct skf_ko_seen_file *add(struct look *k, const char *path, char kind)
{
    if (k->out->files.n >= MAX_FILES || (k->stopped && k->stopped(k->arg))) {
        k->out->whole = false;
        return NULL;
    }
    skf_vec_push(&k->out->files,
                 (struct skf_ko_seen_file){ .path = skf_xstrdup(path), .kind = kind });
    return &k->out->files.v[k->out->files.n - 1];
}

static void look_at_file(struct look *k, const char *path)
{
    struct stat st;
    struct timespec now;
    bool there = stat(path, &st) == 0;
    struct skf_ko_seen_file *f = add(k, path, there ? 'f' : '-');
    if (!f || !there)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    take_stat(f, &st);
    f->fresh = f->ctime_ns + (st.st_ctim.tv_nsec ? grain_ns : coarse_ns) >= ns_of(&now);
    if (S_ISREG(st.st_mode) && f->fresh)
        digest_content(f, f->digest);
}

/* What Go may read beside its own sources, by the end of a name. */
static bool is_other_source(const char *name)
{
    static const char *const ends[] = { ".s",   ".S",   ".sx",   ".c",    ".cc",     ".cpp", ".cxx",
                                        ".m",   ".h",   ".hh",   ".hpp",  ".hxx",    ".f",   ".F",
                                        ".for", ".f90", ".syso", ".swig", ".swigcxx" };
    if (name[0] == '_' || name[0] == '.')
        return false;
    const char *end = strrchr(name, '.');
    for (size_t i = 0; end && i < SKF_ARRAY_LEN(ends); i++)
        if (strcmp(end, ends[i]) == 0)
            return true;
    return false;
}

static void look_at_names(struct look *k, const char *dir, const char *glob)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    struct skf_ko_seen_file *f = add(k, dir, 'd');
    if (!f)
        return;
    skf_file_list(dir, &names, &ignored);
    struct skf_sha256 h;
    skf_sha256_init(&h);
    for (size_t i = 0; i < names.n; i++)
        if (skf_glob_match(glob, names.v[i]) || is_other_source(names.v[i]))
            skf_sha256_add(&h, names.v[i], strlen(names.v[i]) + 1);
    skf_sha256_end(&h, f->digest);
}

static void look_at_tree(struct look *k, const char *path, int depth)
{
    struct stat st;
    char target[PATH_MAX];
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (depth > MAX_DEPTH) {
        k->out->whole = false;
        return;
    }
    if (lstat(path, &st) < 0) {
        add(k, path, '-');
        return;
    }
    if (S_ISLNK(st.st_mode)) {
        struct skf_ko_seen_file *f = add(k, path, 'l');
        ssize_t n = readlink(path, target, sizeof target);
        if (f && n >= 0)
            skf_digest_of(target, (size_t)n, f->digest);
        if (depth > 0) {
            look_at_file(k, path);
            return;
        }
    }
    /* The root of a tree may be a link (kodata); links below lead to what is looked at itself. */
    if (!(depth ? S_ISDIR(st.st_mode) : skf_file_is_dir(path))) {
        look_at_file(k, path);
        return;
    }
    struct skf_ko_seen_file *f = add(k, path, 'd');
    if (!f)
        return;
    skf_file_list(path, &names, &ignored);
    skf_autofree char *all = skf_strv_join(&names, "/");
    skf_digest_of(all, strlen(all), f->digest);
    for (size_t i = 0; i < names.n && k->out->whole; i++) {
        skf_autofree char *child = skf_path_join(path, names.v[i]);
        look_at_tree(k, child, depth + 1);
    }
}

void skf_ko_seen_take(const struct skf_inputs *in, const struct skf_strv *more,
                      bool (*stopped)(void *), void *arg, struct skf_ko_seen *out)
{
    struct look k = { .out = out, .stopped = stopped, .arg = arg };
    *out = (struct skf_ko_seen){ .whole = true };
    for (size_t i = 0; i < in->files.n; i++)
        look_at_file(&k, in->files.v[i]);
    for (size_t i = 0; i + 1 < in->dirs.n; i += 2)
        look_at_names(&k, in->dirs.v[i], in->dirs.v[i + 1]);
    for (size_t i = 0; i < in->trees.n; i++)
        look_at_tree(&k, in->trees.v[i], 0);
    for (size_t i = 0; more && i < more->n; i++)
        look_at_file(&k, more->v[i]);
}

static bool same_digest(const struct skf_ko_seen_file *a, const struct skf_ko_seen_file *b)
{
    char digest[SKF_DIGEST_TEXT];
    if (!a->digest[0] || a->size != b->size)
        return false;
    if (b->digest[0])
        return strcmp(a->digest, b->digest) == 0;
    digest_content(b, digest);
    return strcmp(a->digest, digest) == 0;
}

void skf_ko_seen_read(struct skf_ko_seen *s, const struct skf_ko_seen *known)
{
    for (size_t i = 0; i < s->files.n; i++) {
        struct skf_ko_seen_file *f = &s->files.v[i];
        const struct skf_ko_seen_file *k = i < known->files.n ? &known->files.v[i] : NULL;
        if (f->kind != 'f' || f->digest[0])
            continue;
        if (k && k->digest[0] && !k->fresh && same_place_and_time(f, k) &&
            strcmp(f->path, k->path) == 0)
            memcpy(f->digest, k->digest, sizeof f->digest);
        else
            digest_content(f, f->digest);
    }
}

static bool comparable(const struct skf_ko_seen *a, const struct skf_ko_seen *b)
{
    return a->whole && b->whole && a->files.n == b->files.n && a->files.n;
}

bool skf_ko_seen_same(const struct skf_ko_seen *before, const struct skf_ko_seen *now)
{
    if (!comparable(before, now))
        return false;
    for (size_t i = 0; i < now->files.n; i++) {
        const struct skf_ko_seen_file *a = &before->files.v[i], *b = &now->files.v[i];
        if (a->kind != b->kind || strcmp(a->path, b->path) != 0)
            return false;
        if (a->kind == '-')
            continue;
        if (a->kind != 'f') {
            if (strcmp(a->digest, b->digest) != 0)
                return false;
        } else if (!(same_place_and_time(a, b) && !a->fresh) && !same_digest(a, b)) {
            return false;
        }
    }
    return true;
}

bool skf_ko_seen_stable(const struct skf_ko_seen *before, const struct skf_ko_seen *after)
{
    if (!comparable(before, after))
        return false;
    for (size_t i = 0; i < after->files.n; i++) {
        const struct skf_ko_seen_file *a = &before->files.v[i], *b = &after->files.v[i];
        if (a->kind != b->kind || strcmp(a->path, b->path) != 0)
            return false;
        if (a->kind == 'f' && !(same_place_and_time(a, b) && (!a->fresh || same_digest(a, b))))
            return false;
        if (a->kind != 'f' && strcmp(a->digest, b->digest) != 0)
            return false;
    }
    return true;
}

void skf_ko_seen_release(struct skf_ko_seen *s)
{
    for (size_t i = 0; i < s->files.n; i++)
        free(s->files.v[i].path);
    skf_vec_release(&s->files);
    *s = (struct skf_ko_seen){ 0 };
}

/* --- kept ------------------------------------------------------------------------------------- */

json_t *skf_ko_seen_to_json(const struct skf_ko_seen *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->files.n; i++) {
        const struct skf_ko_seen_file *f = &s->files.v[i];
        const char kind[2] = { f->kind, '\0' };
        /* A file that was fresh when it was seen is told by its content alone. */
        json_array_append_new(list, json_pack("[s, s, s, b, I, I, I, I, I]", f->path, kind,
                                              f->digest, f->fresh, (json_int_t)f->dev,
                                              (json_int_t)f->ino, (json_int_t)f->size,
                                              (json_int_t)f->mtime_ns, (json_int_t)f->ctime_ns));
    }
    return list;
}

bool skf_ko_seen_from_json(const json_t *doc, struct skf_ko_seen *out)
{
    struct skf_ko_seen s = { .whole = true };
    bool good = json_is_array(doc);
    for (size_t i = 0; good && i < json_array_size(doc); i++) {
        const char *path, *kind, *digest;
        int fresh;
        json_int_t n[5];
        json_error_t ignored;
        json_t *item = json_array_get(doc, i);
        good = json_unpack_ex(item, &ignored, 0, "[s, s, s, b, I, I, I, I, I]", &path, &kind,
                              &digest, &fresh, &n[0], &n[1], &n[2], &n[3], &n[4]) == 0 &&
               kind[0] && strlen(digest) < SKF_DIGEST_TEXT;
        if (!good)
            break;
        struct skf_ko_seen_file f = { .path = skf_xstrdup(path),
                                      .kind = kind[0],
                                      .fresh = fresh,
                                      .dev = n[0],
                                      .ino = n[1],
                                      .size = n[2],
                                      .mtime_ns = n[3],
                                      .ctime_ns = n[4] };
        memcpy(f.digest, digest, strlen(digest) + 1);
        skf_vec_push(&s.files, f);
    }
    if (!good)
        skf_ko_seen_release(&s);
    *out = s;
    return good;
}

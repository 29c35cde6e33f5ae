/* A seeded storm of writes, renames, removals, new directories, links and sets: in the end what has
 * been told last is what is there, and nothing was told whose content had not changed. Seed:
 * SKF_SEED, or a fixed one; printed when it fails. */
#include <dirent.h>

#include "lib/base/digest.h"
#include "lib/base/map.h"
#include "lib/io/watch_private.h"
#include "tests/support/watch_fixture.h"

enum { STEPS = 4000, DIRS = 12, NAMES = 9 };

static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

struct soak {
    struct wf f;
    struct skf_map seen; /* path -> char * digest, as last told */
};

static char *digest_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct skf_buf b = SKF_BUF_INIT;
    while (skf_buf_read(&b, fd, 65536) > 0)
        ;
    close(fd);
    char *text = skf_xmalloc(SKF_DIGEST_TEXT);
    skf_digest_of(b.data, b.len, text);
    skf_buf_release(&b);
    return text;
}

static void on_soak_change(void *data, const struct skf_watch_change *c, size_t n)
{
    struct soak *s = data;
    s->f.reports++;
    for (size_t i = 0; i < n; i++) {
        char *now = digest_of(c[i].path);
        free(skf_map_put(&s->seen, c[i].path, now));
    }
}

static void remember(struct soak *s, const char *path)
{
    free(skf_map_put(&s->seen, path, digest_of(path)));
}

/* All regular files below, through the real tree only. */
static void collect(const char *dir, struct skf_map *out)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        skf_autofree char *p = skf_xasprintf("%s/%s", dir, e->d_name);
        struct stat st;
        if (lstat(p, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            collect(p, out);
        else if (S_ISREG(st.st_mode))
            free(skf_map_put(out, p, digest_of(p)));
    }
    closedir(d);
}

static char *some_dir(const struct wf *f)
{
    unsigned a = pick(DIRS), b = pick(3);
    if (b == 0)
        return skf_xasprintf("%s/src", f->root);
    if (b == 1)
        return skf_xasprintf("%s/src/d%u", f->root, a);
    return skf_xasprintf("%s/src/d%u/d%u", f->root, a, pick(3));
}

static char *some_file(const struct wf *f)
{
    skf_autofree char *d = some_dir(f);
    return skf_xasprintf("%s/f%u", d, pick(NAMES));
}

static void write_some(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (pick(4) ? O_TRUNC : O_APPEND), 0644);
    if (fd < 0)
        return;
    char text[64];
    int n = snprintf(text, sizeof text, "%u", pick(5)); /* often the same bytes again */
    for (unsigned i = pick(3); i-- > 0;)
        if (write(fd, text, (size_t)n) < 0)
            break;
    if (write(fd, text, (size_t)n) < 0)
        n = 0;
    close(fd);
}

static void rmtree_abs(const char *p)
{
    nftw(p, wf_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void step(struct soak *s)
{
    struct wf *f = &s->f;
    skf_autofree char *a = some_file(f);
    skf_autofree char *b = some_file(f);
    skf_autofree char *d = some_dir(f);
    skf_autofree char *e = some_dir(f);
    switch (pick(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        write_some(a);
        break;
    case 7: { /* atomic save */
        skf_autofree char *tmp = skf_xasprintf("%s.tmp", a);
        write_some(tmp);
        rename(tmp, a);
        break;
    }
    case 8:
    case 9:
        rename(a, b);
        break;
    case 10:
    case 11:
        unlink(a);
        break;
    case 12:
    case 13:
    case 14:
        mkdir(d, 0755);
        break;
    case 15: /* the root of the tree too */
        rename(d, e);
        break;
    case 16:
        if (pick(4) == 0)
            rmtree_abs(d);
        break;
    case 17: { /* a whole tree at once */
        mkdir(d, 0755);
        skf_autofree char *deep = skf_xasprintf("%s/d%u", d, pick(3));
        mkdir(deep, 0755);
        skf_autofree char *x = skf_xasprintf("%s/f%u", deep, pick(NAMES));
        write_some(x);
        break;
    }
    case 18:
        utimensat(AT_FDCWD, a, NULL, 0);
        chmod(a, pick(2) ? 0644 : 0755);
        break;
    default:
        if (pick(10) == 0)
            skf_watch_rescan(f->w);
        if (pick(10) == 0) { /* the same set again: nothing pending may be lost */
            skf_watch_begin(f->w);
            wf_add_tree(f, "src", NULL);
            if (pick(2))
                wf_add_file(f, "src/d1/f1", NULL);
            wf_commit(f);
        }
        if (pick(20) == 0) { /* everything goes, and comes back some time */
            skf_autofree char *src = wf_path(f, "src");
            rmtree_abs(src);
        }
        skf_autofree char *src = wf_path(f, "src");
        if (pick(3) == 0)
            mkdir(src, 0755);
    }
}

static void the_last_told_is_what_is_there(void **state)
{
    (void)state;
    const char *given = getenv("SKF_SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 20261123u;
    seed = first;
    struct soak s = { 0 };
    wf_open(&s.f);
    skf_watch_free(s.f.w);
    s.f.w = skf_watch_new(&s.f.lf.loop, on_soak_change, &s);
    wf_mkdir(&s.f, "src/d1");
    wf_write(&s.f, "src/d1/f1", "x");
    wf_watch_tree(&s.f, "src");
    skf_autofree char *f1 = wf_path(&s.f, "src/d1/f1");
    remember(&s, f1);
    for (int i = 0; i < STEPS; i++) {
        step(&s);
        if (pick(6) == 0)
            uv_run(&s.f.lf.loop, UV_RUN_NOWAIT);
        if (pick(40) == 0)
            lf_quiet(&s.f.lf, pick(120));
    }
    lf_quiet(&s.f.lf, 800);
    skf_autofree char *src = wf_path(&s.f, "src");
    struct skf_map there = SKF_MAP_INIT;
    collect(src, &there);
    size_t wrong = 0;
    for (struct skf_map_iter it = skf_map_first(&there); it.key; skf_map_next(&it)) {
        const char *told = skf_map_get(&s.seen, it.key);
        if (!told || strcmp(told, it.value) != 0) {
            fprintf(stderr, "there, but told otherwise: %s\n", it.key);
            wrong++;
        }
    }
    for (struct skf_map_iter it = skf_map_first(&s.seen); it.key; skf_map_next(&it)) {
        if (it.value && !skf_map_has(&there, it.key)) {
            fprintf(stderr, "told, but not there: %s\n", it.key);
            wrong++;
        }
    }
    size_t files = skf_map_count(&there);
    if (wrong || skf_watch_file_count(s.f.w) != files)
        fail_msg("%zu wrong, %zu files known, %zu there; again with SKF_SEED=%llu", wrong,
                 skf_watch_file_count(s.f.w), files, (unsigned long long)first);
    assert_true(s.f.reports > 10);
    skf_map_release_with(&there, free);
    /* And then it is quiet. */
    s.f.reports = 0;
    skf_watch_rescan(s.f.w);
    lf_quiet(&s.f.lf, WF_SILENCE_MS);
    assert_int_equal(s.f.reports, 0);
    skf_map_release_with(&s.seen, free);
    wf_close(&s.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_last_told_is_what_is_there) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

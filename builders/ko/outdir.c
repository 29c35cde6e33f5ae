#include "builders/ko/outdir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <utime.h>

#include "lib/base/path.h"
#include "lib/io/file.h"

static void add(struct skf_sha256 *h, const char *text)
{
    skf_sha256_add(h, text, strlen(text) + 1);
}

void skf_ko_outdir_key(const struct skf_ko_plan *plan, const struct skf_ko_settings *settings,
                       const char *import_path, const struct skf_platform *platform, char out[33])
{
    struct skf_sha256 h;
    char text[160], digest[SKF_DIGEST_TEXT];
    struct stat st;
    const char *goflags = getenv("GOFLAGS");
    skf_platform_format(platform, text, sizeof text);
    skf_sha256_init(&h);
    add(&h, plan->run_dir);
    add(&h, import_path);
    add(&h, text);
    add(&h, settings->ldflags);
    add(&h, plan->debug ? "debug" : plan->no_optimizations ? "-N -l" : "");
    add(&h, goflags ? goflags : "");
    for (size_t i = 0; i < settings->flags.n; i++)
        add(&h, settings->flags.v[i]);
    add(&h, "env");
    for (size_t i = 0; i < settings->env.n; i++)
        add(&h, settings->env.v[i]);
    /* Another Go at the same path is another size or time. */
    add(&h, plan->go);
    if (stat(plan->go, &st) == 0) {
        snprintf(text, sizeof text, "%lld %lld", (long long)st.st_size,
                 (long long)st.st_mtim.tv_sec);
        add(&h, text);
    }
    skf_sha256_end(&h, digest);
    snprintf(out, 33, "%.32s", skf_digest_hex(digest));
}

/* A private directory below the cache, so that Go's rename into it stays on one file system. */
static char *private_dir(const char *cache_dir, struct skf_err *err)
{
    skf_autofree char *root = skf_path_join(cache_dir, "ko/private");
    if (skf_file_mkdirs(root, 0700, err) < 0)
        return NULL;
    char *dir = skf_path_join(root, "XXXXXX");
    if (!mkdtemp(dir)) {
        skf_err_errno(err, errno, "cannot make a directory in '%s'", root);
        free(dir);
        return NULL;
    }
    return dir;
}

int skf_ko_outdir_take(const char *cache_dir, const char *key, const char *name,
                       struct skf_ko_outdir *out, struct skf_err *err)
{
    struct skf_ko_outdir o = { .lock = -1 };
    struct skf_err ignored = SKF_ERR_INIT;
    bool busy = false;
    skf_autofree char *sub = skf_path_join("ko/bin", key);
    o.dir = skf_path_join(cache_dir, sub);
    skf_autofree char *lock = skf_path_join(o.dir, ".lock");
    int rc = skf_file_mkdirs(o.dir, 0700, err);
    if (rc == 0) {
        o.lock = skf_lock_try(lock, &busy, err);
        rc = busy || o.lock >= 0 ? 0 : -(int)err->code;
    }
    if (busy || rc < 0) {
        /* A cache that cannot be written costs time, no more. */
        char *own = busy ? private_dir(cache_dir, err) : skf_file_temp_dir("skiff-ko", &ignored);
        skf_replace(&o.dir, own);
        o.is_private = own;
        rc = own ? 0 : -(int)err->code;
        if (own)
            skf_err_clear(err);
    }
    if (rc == 0) {
        o.out = skf_path_join(o.dir, name);
        o.tmp = skf_path_join(o.dir, ".tmp");
        skf_file_remove_tree(o.tmp, &ignored); /* of a skiff that was killed */
        rc = skf_file_mkdirs(o.tmp, 0700, err);
    }
    if (rc == 0 && !o.is_private)
        utime(lock, NULL); /* what cleaning goes by */
    if (rc < 0)
        skf_ko_outdir_release(&o);
    else
        *out = o;
    return rc;
}

void skf_ko_outdir_release(struct skf_ko_outdir *o)
{
    struct skf_err ignored = SKF_ERR_INIT;
    if (!o->dir && !o->out)
        return;
    if (o->tmp)
        skf_file_remove_tree(o->tmp, &ignored);
    if (o->is_private && o->dir)
        skf_file_remove_tree(o->dir, &ignored);
    if (o->lock >= 0)
        skf_lock_release(o->lock);
    free(o->dir);
    free(o->out);
    free(o->tmp);
    *o = (struct skf_ko_outdir){ .lock = -1 };
}

static void clean_below(const char *root, const char *stamp, long long max_age_s)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    if (skf_file_list(root, &names, &ignored) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        bool busy = false;
        skf_autofree char *dir = skf_path_join(root, names.v[i]);
        skf_autofree char *mark = stamp ? skf_path_join(dir, stamp) : skf_xstrdup(dir);
        if (stat(mark, &st) < 0 || (long long)time(NULL) - (long long)st.st_mtim.tv_sec < max_age_s)
            continue;
        int lock = stamp ? skf_lock_try(mark, &busy, &ignored) : -1;
        if (!busy)
            skf_file_remove_tree(dir, &ignored);
        if (lock >= 0)
            skf_lock_release(lock);
    }
}

void skf_ko_outdir_clean(const char *cache_dir, long long max_age_s)
{
    skf_autofree char *bin = skf_path_join(cache_dir, "ko/bin");
    skf_autofree char *priv = skf_path_join(cache_dir, "ko/private");
    clean_below(bin, ".lock", max_age_s);
    clean_below(priv, NULL, max_age_s);
}

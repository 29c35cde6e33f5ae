#include "lib/image/memo.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_LINES = 400, MAX_FILE = 256 * 1024 };

/* NULL when there is no cache folder: then nothing is remembered. */
static char *path_of(const char *kind, const char *target)
{
    struct skf_err why = SKF_ERR_INIT;
    char key[SKF_DIGEST_TEXT];
    skf_autofree char *cache = skf_dir_cache(&why);
    if (!cache) {
        skf_log_debug("cache: %s", why.msg);
        return NULL;
    }
    skf_digest_of(target, strlen(target), key);
    return skf_xasprintf("%s/%s/%.32s", cache, kind, skf_digest_hex(key));
}

static size_t key_len(const char *line)
{
    return strcspn(line, " ");
}

static bool is_line(const char *line)
{
    char digest[SKF_DIGEST_TEXT];
    size_t len = key_len(line);
    if (len + 1 != sizeof digest)
        return false;
    memcpy(digest, line, len);
    digest[len] = '\0';
    return skf_digest_valid(digest);
}

static bool has_key(const struct skf_strv *lines, const char *line)
{
    size_t len = key_len(line);
    for (size_t i = 0; i < lines->n; i++)
        if (key_len(lines->v[i]) == len && strncmp(lines->v[i], line, len) == 0)
            return true;
    return false;
}

void skf_memo_load(const char *kind, const char *target, struct skf_strv *lines)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    skf_autofree char *path = path_of(kind, target);
    if (!path || skf_file_read(path, MAX_FILE, &text, &why) < 0)
        return;
    skf_strv_split(&all, text.data, "\n");
    for (size_t i = 0; i < all.n; i++)
        if (is_line(all.v[i]))
            skf_strv_add(lines, all.v[i]);
}

void skf_memo_add(const char *kind, const char *target, const struct skf_strv *lines)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autostrv struct skf_strv all = SKF_STRV_INIT, old = SKF_STRV_INIT;
    skf_autofree char *path = path_of(kind, target);
    if (!path)
        return;
    skf_memo_load(kind, target, &old);
    for (size_t i = 0; i < old.n; i++)
        if (!has_key(lines, old.v[i]))
            skf_strv_add(&all, old.v[i]);
    skf_strv_addv(&all, lines);
    while (all.n > MAX_LINES)
        skf_strv_remove(&all, 0);
    skf_autofree char *text = skf_strv_join(&all, "\n");
    skf_autofree char *folder = skf_path_dir(path);
    if (skf_file_mkdirs(folder, 0700, &why) < 0 ||
        skf_file_write_atomic(path, 0600, text, strlen(text), &why) < 0)
        skf_log_debug("cache: %s", why.msg);
}

void skf_memo_forget(const char *kind, const char *target)
{
    skf_autofree char *path = path_of(kind, target);
    if (path)
        unlink(path);
}

#include "lib/image/cache.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { PIN_LIFE_S = 12 * 3600 };

static char *path_of(const char *dir, const char *kind, const char *digest)
{
    return skf_xasprintf("%s/%s/%s", dir, kind, skf_digest_hex(digest));
}

bool skf_cache_get(const char *dir, const char *digest, size_t max, struct skf_buf *out)
{
    struct skf_err why = SKF_ERR_INIT;
    char found[SKF_DIGEST_TEXT];
    if (!dir)
        return false;
    skf_autofree char *path = path_of(dir, "documents", digest);
    if (skf_file_read(path, max, out, &why) < 0)
        return false;
    skf_digest_of(out->data, out->len, found);
    if (strcmp(found, digest) == 0)
        return true;
    skf_log_debug("cache: '%s' is damaged; reading it again from the registry", path);
    skf_buf_clear(out);
    return false;
}

static void put(const char *dir, const char *kind, const char *digest, const void *data, size_t len)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autofree char *path = path_of(dir, kind, digest);
    skf_autofree char *folder = skf_path_dir(path);
    if (skf_file_mkdirs(folder, 0700, &why) < 0 ||
        skf_file_write_atomic(path, 0600, data, len, &why) < 0)
        skf_log_debug("cache: %s", why.msg);
}

void skf_cache_put(const char *dir, const char *digest, const void *data, size_t len)
{
    if (dir)
        put(dir, "documents", digest, data, len);
}

bool skf_cache_pin(const char *dir, const char *reference, char digest[SKF_DIGEST_TEXT], bool *old)
{
    struct stat st;
    struct skf_err why = SKF_ERR_INIT;
    char key[SKF_DIGEST_TEXT];
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (!dir)
        return false;
    skf_digest_of(reference, strlen(reference), key);
    skf_autofree char *path = path_of(dir, "pins", key);
    if (skf_file_read(path, 4096, &text, &why) < 0)
        return false;
    skf_buf_trim(&text);
    if (!skf_digest_valid(text.data))
        return false;
    memcpy(digest, text.data, SKF_DIGEST_TEXT);
    *old = stat(path, &st) < 0 || skf_clock_wall_ms() / 1000 - st.st_mtime > PIN_LIFE_S;
    return true;
}

void skf_cache_set_pin(const char *dir, const char *reference, const char *digest)
{
    char key[SKF_DIGEST_TEXT];
    if (!dir)
        return;
    skf_digest_of(reference, strlen(reference), key);
    put(dir, "pins", key, digest, strlen(digest));
}

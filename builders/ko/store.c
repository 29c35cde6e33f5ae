#include "builders/ko/store.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_SIZE = 64 * 1024 * 1024, USED_S = 24 * 3600 };

static char *path_of(const char *cache_dir, const char *key)
{
    skf_autofree char *name = skf_xasprintf("ko/known/%.32s", skf_digest_hex(key));
    return skf_path_join(cache_dir, name);
}

json_t *skf_ko_store_load(const char *cache_dir, const char *key)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    struct stat st;
    skf_autofree char *path = path_of(cache_dir, key);
    const size_t head = SKF_DIGEST_TEXT; /* the digest and a line end */
    if (skf_file_read(path, MAX_SIZE, &text, &ignored) < 0 || text.len <= head)
        return NULL;
    skf_digest_of(text.data + head, text.len - head, digest);
    if (memcmp(digest, text.data, head - 1) != 0 || text.data[head - 1] != '\n') {
        skf_log_debug("ko: '%s' is damaged: as if it were not there", path);
        return NULL;
    }
    if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > USED_S)
        utime(path, NULL); /* what cleaning goes by */
    return json_loadb(text.data + head, text.len - head, 0, NULL);
}

void skf_ko_store_save(const char *cache_dir, const char *key, json_t *doc)
{
    skf_autobuf struct skf_buf all = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    char digest[SKF_DIGEST_TEXT];
    skf_autofree char *path = path_of(cache_dir, key);
    skf_autofree char *dir = skf_path_dir(path);
    skf_autofree char *text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    if (!text)
        return; /* a name that is not UTF-8 */
    skf_digest_of(text, strlen(text), digest);
    skf_buf_addf(&all, "%s\n", digest);
    skf_buf_adds(&all, text);
    if (skf_file_mkdirs(dir, 0700, &err) < 0 ||
        skf_file_write_atomic(path, 0600, all.data, all.len, &err) < 0)
        skf_log_debug("ko: nothing is kept for the next time: %s", err.msg);
}

void skf_ko_store_clean(const char *cache_dir, long long max_age_s)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err ignored = SKF_ERR_INIT;
    skf_autofree char *dir = skf_path_join(cache_dir, "ko/known");
    if (skf_file_list(dir, &names, &ignored) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        if (stat(path, &st) == 0 && (long long)time(NULL) - (long long)st.st_mtime >= max_age_s)
            unlink(path);
    }
}

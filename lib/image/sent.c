#include "lib/image/sent.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

enum { MAX_DIGESTS = 400, MAX_FILE = 64 * 1024 };

/* NULL when there is no cache folder: then nothing is remembered. */
static char *path_of(const char *target)
{
    struct skf_err why = SKF_ERR_INIT;
    char key[SKF_DIGEST_TEXT];
    skf_autofree char *cache = skf_dir_cache(&why);
    if (!cache) {
        skf_log_debug("cache: %s", why.msg);
        return NULL;
    }
    skf_digest_of(target, strlen(target), key);
    return skf_xasprintf("%s/sent/%.32s", cache, skf_digest_hex(key));
}

void skf_sent_load(const char *target, struct skf_strv *digests)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
    skf_autofree char *path = path_of(target);
    if (!path || skf_file_read(path, MAX_FILE, &text, &why) < 0)
        return;
    skf_strv_split(&lines, text.data, "\n");
    for (size_t i = 0; i < lines.n; i++)
        if (skf_digest_valid(lines.v[i]))
            skf_strv_add(digests, lines.v[i]);
}

void skf_sent_add(const char *target, const struct skf_strv *digests)
{
    struct skf_err why = SKF_ERR_INIT;
    skf_autostrv struct skf_strv all = SKF_STRV_INIT, old = SKF_STRV_INIT;
    skf_autofree char *path = path_of(target);
    if (!path)
        return;
    skf_sent_load(target, &old);
    for (size_t i = 0; i < old.n; i++)
        if (!skf_strv_has(digests, old.v[i]))
            skf_strv_add(&all, old.v[i]);
    skf_strv_addv(&all, digests);
    while (all.n > MAX_DIGESTS)
        skf_strv_remove(&all, 0);
    skf_autofree char *text = skf_strv_join(&all, "\n");
    skf_autofree char *folder = skf_path_dir(path);
    if (skf_file_mkdirs(folder, 0700, &why) < 0 ||
        skf_file_write_atomic(path, 0600, text, strlen(text), &why) < 0)
        skf_log_debug("cache: %s", why.msg);
}

void skf_sent_forget(const char *target)
{
    skf_autofree char *path = path_of(target);
    if (path)
        unlink(path);
}

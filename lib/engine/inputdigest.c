#include "lib/engine/inputdigest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"

enum { CHUNK = 64 * 1024 };

static int add_content(struct skf_md5 *h, int fd, char *chunk)
{
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : 0;
        skf_md5_add(h, chunk, (size_t)n);
    }
}

/* *gone: it is not there any more. */
static int digest_file(const char *path, const char *dir, bool modes, char *chunk,
                       char out[SKF_MD5_HEX], bool *gone, struct skf_err *err)
{
    skf_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct skf_md5 h;
    *gone = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (*gone)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return skf_err_errno(err, errno, "cannot read '%s'", path);
    skf_autofree char *rel = skf_path_rel(dir, path);
    skf_md5_init(&h);
    skf_md5_add(&h, rel, strlen(rel));
    if (modes && (st.st_mode & S_IXUSR))
        skf_md5_add(&h, "\0x", 2); /* no path ends so */
    int failed = S_ISREG(st.st_mode) ? add_content(&h, fd, chunk) : 0;
    if (failed) {
        skf_md5_release(&h);
        return skf_err_errno(err, failed, "cannot read '%s'", path);
    }
    skf_md5_end(&h, out);
    return 0;
}

int skf_input_digest(const struct skf_strv *files, const char *dir, bool modes,
                     bool (*stop)(void *data), void *data, char out[SKF_SHA256_HEX],
                     struct skf_err *err)
{
    skf_autofree char *chunk = skf_xmalloc(CHUNK);
    char text[SKF_DIGEST_TEXT];
    struct skf_sha256 all;
    size_t n = 0;
    int rc = 0;
    /* The bytes of a JSON array of texts and a line end. */
    skf_sha256_init(&all);
    for (size_t i = 0; rc == 0 && i < files->n; i++) {
        char one[SKF_MD5_HEX];
        bool gone;
        if (stop && stop(data))
            rc = skf_err_set(err, SKF_ECANCELED, "cancelled");
        else
            rc = digest_file(files->v[i], dir, modes, chunk, one, &gone, err);
        if (rc < 0 || gone)
            continue;
        skf_sha256_add(&all, n++ ? ",\"" : "[\"", 2);
        skf_sha256_add(&all, one, sizeof one - 1);
        skf_sha256_add(&all, "\"", 1);
    }
    if (rc < 0) {
        skf_sha256_release(&all);
        return rc;
    }
    if (!n)
        skf_sha256_add(&all, "null", 4); /* what Go makes of a list that nothing was put in */
    else
        skf_sha256_add(&all, "]", 1);
    skf_sha256_add(&all, "\n", 1);
    skf_sha256_end(&all, text);
    memcpy(out, skf_digest_hex(text), SKF_SHA256_HEX);
    return 0;
}

#include "lib/image/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/path.h"
#include "lib/image/document.h"
#include "lib/io/file.h"

enum { COPY_SIZE = 256 * 1024, MAX_INDEX = 4 * 1024 * 1024 };

#define REF_NAME "org.opencontainers.image.ref.name"

static int copy(const struct skf_blob *b, int fd, skf_cancelled_fn *cancelled, void *arg,
                struct skf_err *err)
{
    skf_autofree char *chunk = skf_xmalloc(COPY_SIZE);
    for (int64_t at = 0; at < b->size;) {
        if (cancelled && cancelled(arg))
            return skf_err_set(err, SKF_ECANCELED, "cancelled");
        ssize_t n = skf_blob_read(b, at, chunk, COPY_SIZE);
        if (n <= 0)
            return skf_err_errno(err, n < 0 ? errno : EIO, "cannot read the layer %.19s",
                                 b->digest);
        if (skf_file_write_all(fd, chunk, (size_t)n, err) < 0)
            return -(int)err->code;
        at += n;
    }
    if (fsync(fd) < 0)
        return skf_err_errno(err, errno, "cannot write the layer %.19s", b->digest);
    return 0;
}

int skf_layout_put(const char *dir, const struct skf_blob *b, skf_cancelled_fn *cancelled,
                   void *arg, struct skf_err *err)
{
    struct stat st;
    skf_autofree char *folder = skf_path_join(dir, "blobs/sha256");
    skf_autofree char *path = skf_path_join(folder, skf_digest_hex(b->digest));
    skf_autofree char *temp = skf_xasprintf("%s.%ld", path, (long)getpid());
    if (skf_file_mkdirs(folder, 0755, err) < 0)
        return -(int)err->code;
    if (stat(path, &st) == 0 && st.st_size == b->size)
        return 0;
    skf_autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return skf_err_errno(err, errno, "cannot create '%s'", temp);
    if (copy(b, fd, cancelled, arg, err) < 0) {
        unlink(temp);
        return skf_err_wrap(err, "writing '%s'", dir);
    }
    if (rename(temp, path) < 0) {
        skf_err_errno(err, errno, "cannot rename '%s'", temp);
        unlink(temp);
        return -(int)err->code;
    }
    return 0;
}

/* What is in index.json now, without the entry of this name; a new one when there is none. */
static json_t *read_index(const char *path, const char *name, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err why = SKF_ERR_INIT;
    json_t *kept = json_array();
    json_t *index = json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", SKF_MT_OCI_INDEX,
                              "manifests", kept);
    if (skf_file_read(path, MAX_INDEX, &text, &why) < 0) {
        if (why.code == SKF_ENOTFOUND)
            return index;
        *err = why;
        json_decref(index);
        return NULL;
    }
    json_t *old = json_loadb(text.data, text.len, 0, NULL);
    const json_t *list = json_object_get(old, "manifests");
    if (!json_is_array(list)) {
        skf_err_set(err, SKF_EINVAL, "'%s' is not the index of an OCI layout", path);
        json_decref(old);
        json_decref(index);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *d = json_array_get(list, i);
        const char *has =
            json_string_value(json_object_get(json_object_get(d, "annotations"), REF_NAME));
        if (!has || strcmp(has, name) != 0)
            json_array_append(kept, d);
    }
    json_decref(old);
    return index;
}

static int write_index(const char *dir, const struct skf_image *im, const char *name,
                       struct skf_err *err)
{
    static const char version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    skf_autofree char *path = skf_path_join(dir, "index.json");
    skf_autofree char *layout = skf_path_join(dir, "oci-layout");
    json_t *index = read_index(path, name, err);
    if (!index)
        return -(int)err->code;
    json_t *d = skf_document_descriptor(im->manifest);
    json_object_set_new(d, "annotations", json_pack("{s:s}", REF_NAME, name));
    json_array_append_new(json_object_get(index, "manifests"), d);
    char *text = json_dumps(index, JSON_INDENT(3));
    json_decref(index);
    int rc = skf_file_write_atomic(layout, 0644, version, sizeof version - 1, err);
    if (!rc)
        rc = skf_file_write_atomic(path, 0644, text, strlen(text), err);
    free(text);
    return rc;
}

int skf_layout_finish(const char *dir, const struct skf_image *image, const char *name,
                      struct skf_err *err)
{
    skf_autofree char *lock_path = skf_path_join(dir, ".lock");
    int lock = skf_lock_take(lock_path, err);
    if (lock < 0)
        return lock;
    int rc = write_index(dir, image, name, err);
    skf_lock_release(lock);
    return rc;
}

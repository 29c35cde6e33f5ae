#include "lib/io/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/mem.h"

struct skf_tar {
    struct archive *archive;
    struct skf_buf out;
    int64_t owed; /* bytes of the current entry that are still to come */
    bool dropped; /* being freed: what comes out goes nowhere */
};

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
    (void)a;
    struct skf_tar *t = arg;
    if (t->dropped)
        return -1;
    skf_buf_add(&t->out, data, len);
    return (la_ssize_t)len;
}

struct skf_tar *skf_tar_new(void)
{
    struct skf_tar *t = skf_xcalloc(1, sizeof *t);
    skf_buf_init(&t->out);
    t->archive = archive_write_new();
    if (!t->archive)
        abort();
    archive_write_set_format_pax_restricted(t->archive);
    archive_write_set_bytes_per_block(t->archive, 0); /* hand on at once */
    archive_write_set_bytes_in_last_block(t->archive, 1);
    if (archive_write_open(t->archive, t, NULL, on_write, NULL) != ARCHIVE_OK)
        abort();
    return t;
}

void skf_tar_free(struct skf_tar *t)
{
    if (!t)
        return;
    /* The free finishes a half-written entry with zeros: its first write fails. (archive_write_fail
     * before it would leak the output filter: libarchive 3.6.) */
    t->dropped = true;
    archive_write_free(t->archive);
    skf_buf_release(&t->out);
    free(t);
}

static int failed(struct skf_tar *t, const char *what, struct skf_err *err)
{
    const char *why = archive_error_string(t->archive);
    return skf_err_set(err, SKF_EIO, "cannot write tar %s: %s", what, why ? why : "unknown reason");
}

int skf_tar_add(struct skf_tar *t, const struct skf_tar_entry *e, struct skf_err *err)
{
    if (t->owed)
        return skf_err_set(err, SKF_EBUG, "tar entry before '%s' lacks %lld bytes", e->name,
                           (long long)t->owed);
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        abort();
    archive_entry_set_pathname(entry, e->name);
    archive_entry_set_mode(entry, e->mode);
    archive_entry_set_mtime(entry, e->mtime, 0);
    if ((e->mode & S_IFMT) == S_IFREG)
        archive_entry_set_size(entry, e->size);
    if (e->link)
        archive_entry_set_symlink(entry, e->link);
    int rc = archive_write_header(t->archive, entry);
    archive_entry_free(entry);
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return failed(t, e->name, err);
    t->owed = (e->mode & S_IFMT) == S_IFREG ? e->size : 0;
    return 0;
}

int skf_tar_data(struct skf_tar *t, const void *data, size_t len, struct skf_err *err)
{
    if ((int64_t)len > t->owed)
        return skf_err_set(err, SKF_EBUG, "more bytes than the tar entry has");
    while (len) {
        la_ssize_t n = archive_write_data(t->archive, data, len);
        if (n <= 0)
            return failed(t, "data", err);
        data = (const char *)data + n;
        len -= (size_t)n;
        t->owed -= n;
    }
    return 0;
}

int skf_tar_end(struct skf_tar *t, struct skf_err *err)
{
    if (t->owed)
        return skf_err_set(err, SKF_EBUG, "last tar entry lacks %lld bytes", (long long)t->owed);
    if (archive_write_close(t->archive) != ARCHIVE_OK)
        return failed(t, "end", err);
    return 0;
}

struct skf_buf *skf_tar_output(struct skf_tar *t)
{
    return &t->out;
}

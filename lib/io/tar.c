#include "lib/io/tar.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/io/ustar.h"

struct skf_tar {
    struct skf_buf out;
    int64_t size, owed; /* of the current entry; bytes of it that are still to come */
};

struct skf_tar *skf_tar_new(void)
{
    struct skf_tar *t = skf_xcalloc(1, sizeof *t);
    skf_buf_init(&t->out);
    return t;
}

void skf_tar_free(struct skf_tar *t)
{
    if (!t)
        return;
    skf_buf_release(&t->out);
    free(t);
}

static void add_zeros(struct skf_tar *t, size_t len)
{
    static const char zero[2 * SKF_USTAR_BLOCK];
    skf_buf_add(&t->out, zero, len);
}

static char type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return '5';
    case S_IFLNK:
        return '2';
    default:
        return '0';
    }
}

int skf_tar_add(struct skf_tar *t, const struct skf_tar_entry *e, struct skf_err *err)
{
    if (t->owed)
        return skf_err_set(err, SKF_EBUG, "tar entry before '%s' lacks %lld bytes", e->name,
                           (long long)t->owed);
    char type = type_of(e->mode);
    t->size = t->owed = type == '0' ? e->size : 0;
    skf_ustar_header(&t->out, &(struct skf_ustar_entry){ .name = e->name,
                                                         .type = type,
                                                         .mode = e->mode & 07777,
                                                         .mtime = e->mtime,
                                                         .size = t->size,
                                                         .link = e->link });
    return 0;
}

int skf_tar_data(struct skf_tar *t, const void *data, size_t len, struct skf_err *err)
{
    if ((int64_t)len > t->owed)
        return skf_err_set(err, SKF_EBUG, "more bytes than the tar entry has");
    skf_buf_add(&t->out, data, len);
    t->owed -= (int64_t)len;
    if (len && !t->owed)
        add_zeros(t, skf_ustar_padding(t->size));
    return 0;
}

int skf_tar_end(struct skf_tar *t, struct skf_err *err)
{
    if (t->owed)
        return skf_err_set(err, SKF_EBUG, "last tar entry lacks %lld bytes", (long long)t->owed);
    add_zeros(t, 2 * SKF_USTAR_BLOCK);
    return 0;
}

struct skf_buf *skf_tar_output(struct skf_tar *t)
{
    return &t->out;
}

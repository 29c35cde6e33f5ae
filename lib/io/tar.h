/* lib/io/tar.h: writes tar archives as a stream of bytes: image archives and build contexts, in the
 * dialect of ustar.h, which layers need to the byte. The caller takes the bytes out of
 * skf_tar_output whenever it likes, so memory stays bounded. */
#ifndef SKF_IO_TAR_H
#define SKF_IO_TAR_H
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct skf_tar;

struct skf_tar_entry {
    const char *name;
    mode_t mode;      /* type and permissions: S_IFREG | 0644; S_IFDIR, S_IFLNK */
    int64_t size;     /* of a regular file: exactly so many bytes follow */
    int64_t mtime;    /* seconds since 1970 */
    const char *link; /* target of a symbolic link */
};

struct skf_tar *skf_tar_new(void);
void skf_tar_free(struct skf_tar *t);
/* Begins an entry, owned by root. The one before must have got all of its bytes. */
int skf_tar_add(struct skf_tar *t, const struct skf_tar_entry *e, struct skf_err *err);
int skf_tar_data(struct skf_tar *t, const void *data, size_t len, struct skf_err *err);
/* The two zero blocks at the end. */
int skf_tar_end(struct skf_tar *t, struct skf_err *err);
/* What is written and not yet taken; take with skf_buf_drop, skf_buf_clear or skf_buf_swap. */
struct skf_buf *skf_tar_output(struct skf_tar *t);
#endif

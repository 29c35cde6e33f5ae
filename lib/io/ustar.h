/* lib/io/ustar.h: tar headers exactly as Go's archive/tar writes them (ko-behaviour.md 9.1):
 * layers of skiff and of ko must have equal diffIDs. */
#ifndef SKF_IO_USTAR_H
#define SKF_IO_USTAR_H
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

enum { SKF_USTAR_BLOCK = 512 };

struct skf_ustar_entry {
    const char *name;
    char type; /* '0' file, '2' symbolic link, '5' directory */
    mode_t mode;
    unsigned uid, gid;
    int64_t mtime, size;
    const char *link;          /* target, or NULL */
    const unsigned char *caps; /* 20 bytes of security.capability, or NULL */
};

/* Appends the header, with a PAX header in front where USTAR is not enough. */
void skf_ustar_header(struct skf_buf *out, const struct skf_ustar_entry *e);
/* Zero bytes that follow content of this size. */
size_t skf_ustar_padding(int64_t size);
#endif

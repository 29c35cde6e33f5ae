/* lib/image/layer.h: layers as ko writes them, to the byte (ko-behaviour.md 9.1): Go's USTAR
 * dialect, which no tar library reproduces (leading "/", no slash behind directories, octal modes
 * 0555). */
#ifndef SKF_IMAGE_LAYER_H
#define SKF_IMAGE_LAYER_H
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/image/blob.h"

struct skf_layer; /* being written */

struct skf_layer *skf_layer_new(void);
void skf_layer_free(struct skf_layer *l);
/* Owner of the entries that follow; root at first. */
void skf_layer_owner(struct skf_layer *l, unsigned uid, unsigned gid);
/* Entries in the order of the calls; names as given. mtime in seconds since 1970. */
void skf_layer_dir(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime);
void skf_layer_bytes(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime,
                     const void *data, size_t len);
void skf_layer_symlink(struct skf_layer *l, const char *name, const char *to, int64_t mtime);
/* The content is read from the open file later; it keeps a descriptor of its own. A regular file
 * only. */
int skf_layer_file(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime, int fd,
                   struct skf_err *err);
/* Same with a PAX record SCHILY.xattr.security.capability of 20 bytes. */
int skf_layer_file_caps(struct skf_layer *l, const char *name, mode_t mode, int64_t mtime, int fd,
                        const unsigned char caps[20], struct skf_err *err);

enum skf_compression {
    SKF_LAYER_AUTO, /* a wish: plain where nothing leaves this machine, else gzip */
    SKF_LAYER_PLAIN,
    SKF_LAYER_GZIP,
    SKF_LAYER_ZSTD,
};
/* Ends the tar and hashes it in one pass over the content. Blocks: pool work. A
 * compressed form is written to an unlinked temporary file. A file that changed size since it was
 * added fails. diff_id is the digest of the uncompressed tar. `cancelled` (may be NULL) is asked
 * now and then. */
struct skf_blob *skf_layer_finish(struct skf_layer *l, enum skf_compression how,
                                  const char *media_type, char diff_id[SKF_DIGEST_TEXT],
                                  bool (*cancelled)(void *), void *arg, struct skf_err *err);
#endif

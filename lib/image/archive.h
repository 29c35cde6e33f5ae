/* lib/image/archive.h: one image as a tar stream that both containerd and Docker take: an OCI
 * layout with Docker's manifest.json in it (protocols 1.9). Content of blobs may be left out: a
 * thin archive. */
#ifndef SKF_IMAGE_ARCHIVE_H
#define SKF_IMAGE_ARCHIVE_H
#include "lib/base/buf.h"
#include "lib/image/image.h"

struct skf_archive;

/* image: a single one. name: "docker.io/library/app:dev", both annotations and RepoTags carry it.
 */
struct skf_archive *skf_archive_new(const struct skf_image *image, const char *name);
void skf_archive_free(struct skf_archive *a);
/* Which blobs go in: all local ones at first. A replacement gives the content of a remote one (it
 * takes a reference); leave_out drops one. */
void skf_archive_leave_out(struct skf_archive *a, const char *digest);
void skf_archive_replace(struct skf_archive *a, struct skf_blob *local);
/* The next bytes (about a quarter MiB at most) are appended to `out`. 1: more to come, 0: that was
 * the end, or -code. Reads files: blocks for what is not in the page cache. */
int skf_archive_next(struct skf_archive *a, struct skf_buf *out, struct skf_err *err);
/* Counts of blobs that went in and their bytes. */
unsigned skf_archive_blobs(const struct skf_archive *a);
int64_t skf_archive_bytes(const struct skf_archive *a);
#endif

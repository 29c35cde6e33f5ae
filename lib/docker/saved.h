/* lib/docker/saved.h: what `docker save` gives, as an image of blobs that are ranges of that file:
 * nothing is copied, and a delivery can leave out the layers that a node has. Blocking: pool work.
 */
#ifndef SKF_DOCKER_SAVED_H
#define SKF_DOCKER_SAVED_H
#include "lib/image/image.h"

/* fd: a complete archive with one image, of any Docker since 1.10. The blobs keep descriptors of
 * their own. Plain layers are trusted to have the digests that the image's config names: whoever
 * takes them checks. The manifest is ours (Docker keeps none): equal images get equal digests. */
int skf_docker_saved_read(int fd, struct skf_image **out, struct skf_err *err);
#endif

/* cmd/artifacts.h: images that were built before, as told by --build-artifacts and --images. */
#ifndef SKF_CMD_ARTIFACTS_H
#define SKF_CMD_ARTIFACTS_H
#include "cmd/options.h"

/* Appends name, reference, name, reference ... of both flags; what the file says of a name comes
 * first. */
int artifacts_read(const struct options *o, struct skf_strv *out, struct skf_err *err);
/* The reference of an image, or NULL. */
const char *artifacts_find(const struct skf_strv *artifacts, const char *name);
#endif

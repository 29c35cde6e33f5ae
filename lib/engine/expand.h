/* lib/engine/expand.h: templates of fields that know the environment, and maybe the images that
 * were built. */
#ifndef SKF_ENGINE_EXPAND_H
#define SKF_ENGINE_EXPAND_H
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"

struct skf_node;

/* Adds what templates of helm releases know of the images (name in the file -> reference):
 * "IMAGE_TAG_app=v1" and so on, the first image also without a suffix, the others with a number. */
void skf_expand_images(const struct skf_pair *images, size_t n, struct skf_strv *vars);

/* Expands `text` with the process environment overlaid by `vars` ("K=V"; NULL = none). A variable
 * that is not set is an error. `field` and `at` (may be NULL) say where the text stands. Owned
 * result in *out. */
int skf_expand(const char *text, const struct skf_strv *vars, const char *field,
               const struct skf_node *at, char **out, struct skf_err *err);
#endif

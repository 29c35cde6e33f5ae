/* lib/image/output.h: writes an image to disk: an OCI layout folder (images and indexes), or one
 * archive file that `docker load` and `ctr images import` take (single images). Layers that are
 * elsewhere are fetched.
 * failures:  no space, no permission, a fetch: done(err); a layout keeps its old index.json, an
 *            archive file is not there.
 * on cancel: done with SKF_ECANCELED. */
#ifndef SKF_IMAGE_OUTPUT_H
#define SKF_IMAGE_OUTPUT_H
#include <uv.h>

#include "lib/image/image.h"
#include "lib/image/registry.h"

enum skf_output_kind { SKF_OUTPUT_OCI_LAYOUT, SKF_OUTPUT_ARCHIVE };

struct skf_output {
    uv_loop_t *loop;
    struct skf_registry *registry;
    struct skf_image *image; /* borrowed until done */
    const char *reference;   /* "name:tag"; borrowed */
    const char *path;        /* folder or file; borrowed */
    enum skf_output_kind kind;
    void *data;
    void (*done)(struct skf_output *o, const struct skf_err *err);
    void *priv;
};
void skf_output_start(struct skf_output *o);
void skf_output_cancel(struct skf_output *o);
#endif

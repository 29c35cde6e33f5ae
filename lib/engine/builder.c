#include "lib/engine/builder.h"

#include <stdlib.h>

#include "lib/base/mem.h"

void skf_inputs_release(struct skf_inputs *in)
{
    skf_strv_release(&in->files);
    skf_strv_release(&in->dirs);
    skf_strv_release(&in->trees);
    skf_strv_release(&in->manifests);
    if (in->skip_free)
        in->skip_free(in->skip_data);
    in->skips = NULL;
    in->skip_data = NULL;
    in->skip_free = NULL;
}

void skf_build_release(struct skf_build *b)
{
    skf_replace(&b->deployed, NULL);
    skf_replace(&b->digest, NULL);
    skf_strv_release(&b->notes);
    skf_image_unref(b->image);
    b->image = NULL;
}

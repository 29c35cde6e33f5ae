/* lib/engine/tag_impl.h: the policies that fill a file of their own; shared by tag*.c only. */
#ifndef SKF_ENGINE_TAG_IMPL_H
#define SKF_ENGINE_TAG_IMPL_H
#include "lib/engine/tag.h"

/* Steps of a flow that ends with t->text set, or with an error. */
extern const struct skf_step skf_tag_git[];          /* tag_git.c */
extern const struct skf_step skf_tag_input_digest[]; /* tag_inputs.c */
extern const struct skf_step skf_tag_custom[];       /* tag_custom.c */

/* Frees what their steps keep; nothing of it runs any more. */
void skf_tag_inputs_free(struct skf_tag_inputs *in);
void skf_tag_parts_free(struct skf_tag_parts *p);
#endif

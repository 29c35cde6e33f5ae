/* lib/doc/internal.h: what the readers share. */
#ifndef SKF_DOC_INTERNAL_H
#define SKF_DOC_INTERNAL_H
#include "lib/doc/doc.h"

/* Both append to d->parts; `at` is the first byte behind a byte order mark. */
int skf_doc_read_yaml(struct skf_doc *d, size_t at, struct skf_err *err);
int skf_doc_read_json(struct skf_doc *d, size_t at, struct skf_err *err);

struct skf_node *skf_node_new(struct skf_doc *d, enum skf_kind kind, enum skf_style style);
void skf_node_push_entry(struct skf_doc *d, struct skf_node *map, struct skf_entry entry);
struct skf_part *skf_doc_add_part(struct skf_doc *d);
/* Called once all entries of a mapping are there: records duplicates, computes weight and height.
 */
void skf_node_close(struct skf_doc *d, struct skf_node *n);
#endif

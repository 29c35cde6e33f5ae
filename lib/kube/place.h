/* lib/kube/place.h: where a field of an object stands in the author's file. Blocks (reads the file
 * anew: it is asked only when something is wrong). */
#ifndef SKF_KUBE_PLACE_H
#define SKF_KUBE_PLACE_H
#include <stdbool.h>

#include "lib/doc/doc.h"
#include "lib/kube/manifest.h"

/* The node nearest to `field` ("spec.containers[0].image", ".spec.containers[name="a"].env", in
 * short ".spec.containers[a].env"; lists without an index: its first item that has the rest) in the
 * file that `o` was read from; the object's own mapping when field is NULL. at_key: the key of the
 * field itself. *doc owns the node; NULL when the object is not in the file (any more). */
const struct skf_node *skf_place_of(const struct skf_object *o, const char *field, bool at_key,
                                    struct skf_doc **doc);
#endif

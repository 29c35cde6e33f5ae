/* lib/doc/edit.h: changes to a document's text that leave every other byte as it was. Edits are
 * collected against the tree of one skf_doc, then applied to its text at once. */
#ifndef SKF_DOC_EDIT_H
#define SKF_DOC_EDIT_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/doc/doc.h"

struct skf_edit {
    size_t start, end; /* bytes of the doc's text that are replaced; start == end inserts */
    char *text;        /* owned */
    bool fills;        /* a value for a key just in front: goes before other inserts at its place */
};
struct skf_edits {
    struct skf_edit *v;
    size_t n, cap;
};
#define SKF_EDITS_INIT                                                                             \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
void skf_edits_release(struct skf_edits *e);

/* The raw form. */
void skf_edit_add(struct skf_edits *e, size_t start, size_t end, const char *text);

/* A scalar gets another string value. Its quoting style stays where it can; a plain one stays plain
 * where that is still read as the same string, else it gets quotes. An absent value ("key:") is
 * filled in. A scalar that is reached through an alias changes at the anchor, once. */
int skf_edit_scalar(struct skf_edits *e, const struct skf_node *scalar, const char *value,
                    struct skf_err *err);

/* Puts string pairs (key, value, key, value, ..., NULL) into the mapping that `path` (keys, ends
 * with NULL) names below `root`: keys that exist get the new value, others are added in the
 * mapping's own style and indentation. Mappings of the path that are absent, null or {} are
 * created, so path = { "metadata", "labels", NULL } works on every object. Something else than a
 * mapping on the way fails with SKF_EINVAL at its position. A mapping that an alias shares with
 * other places fails with SKF_EUNSUPPORTED (labels that are also a selector must not change):
 * change a clone of the tree and emit that instead. Several calls for one place keep their order,
 * but a mapping that one call creates is not known to the next: give all pairs of a new mapping in
 * one call. */
int skf_edit_put(struct skf_edits *e, const struct skf_node *root, const char *const *path,
                 const char *const *pairs, struct skf_err *err);

/* Appends the bytes [start, end) of the doc's text with the edits inside it carried out; edits
 * outside are left alone (they belong to other documents of the stream). Overlapping edits are an
 * error (SKF_EBUG); two that are equal count once; inserts at one place come in the order they were
 * made. */
int skf_edits_apply(const struct skf_edits *e, const struct skf_doc *d, size_t start, size_t end,
                    struct skf_buf *out, struct skf_err *err);

/* Appends `text` as a YAML scalar that is read back as this very string: plain if it can be, else
 * quoted. `flow`: it will stand inside { } or [ ]. */
void skf_edit_quote(struct skf_buf *out, const char *text, size_t len, bool flow);
#endif

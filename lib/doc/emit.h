/* lib/doc/emit.h: a tree as text. Stable: equal trees give equal bytes. */
#ifndef SKF_DOC_EMIT_H
#define SKF_DOC_EMIT_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/doc/doc.h"

/* Block style as Go's yaml libraries write it: two spaces, "- " at the indentation of its key,
 * empty ones as {} and [], literal blocks for text of several lines. Ends with a newline. NULL
 * gives "null\n". */
void skf_emit_yaml(const struct skf_node *n, struct skf_buf *out);
/* Appended without a newline. indent 0 = one line. Scalars become JSON by their YAML meaning. */
void skf_emit_json(const struct skf_node *n, int indent, struct skf_buf *out);
/* A quoted JSON string of bytes; invalid UTF-8 becomes U+FFFD. */
void skf_emit_json_string(const char *text, size_t len, struct skf_buf *out);
#endif

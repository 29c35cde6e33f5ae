/* lib/base/base64.h: bytes as text, for credentials, certificates and inlined documents. */
#ifndef SKF_BASE_BASE64_H
#define SKF_BASE_BASE64_H
#include <stddef.h>

/* Standard alphabet with padding; owned. */
char *skf_base64_encode(const void *data, size_t len);
/* Standard or URL alphabet, padding optional, blanks and line ends anywhere; owned, NUL-terminated;
 * NULL when the text is not base64. */
char *skf_base64_decode(const char *text, size_t *len);
#endif

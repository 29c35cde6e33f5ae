/* lib/kube/jget.h: reading API objects. Everything tolerates NULL and other types on the way: what
 * a server sends is never a reason to crash. */
#ifndef SKF_KUBE_JGET_H
#define SKF_KUBE_JGET_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "status.conditions": members by name, NULL when one is missing. Keys with dots (labels): jkey. */
json_t *skf_jget(const json_t *object, const char *path);
/* The text there, or NULL. Borrowed from the object. */
const char *skf_jstr(const json_t *object, const char *path);
/* As jstr, "" instead of NULL. */
const char *skf_jtext(const json_t *object, const char *path);
long long skf_jint(const json_t *object, const char *path, long long otherwise);
bool skf_jbool(const json_t *object, const char *path);
/* Text at path.key where the key may hold dots ("metadata.annotations",
 * "deployment.kubernetes..."). */
const char *skf_jkey(const json_t *object, const char *path, const char *key);
/* First element of the list at `path` whose member `key` is the text `value`. */
json_t *skf_jfind(const json_t *object, const char *path, const char *key, const char *value);
/* RFC 3339 ("2026-11-23T12:57:40Z", fractions and offsets too) to milliseconds since 1970; -1 = no.
 */
int64_t skf_jtime_ms(const char *text);
#endif

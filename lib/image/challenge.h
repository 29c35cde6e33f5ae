/* lib/image/challenge.h: what a 401 asks for, and what a token server answers. Pure text. */
#ifndef SKF_IMAGE_CHALLENGE_H
#define SKF_IMAGE_CHALLENGE_H
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum skf_auth_kind { SKF_AUTH_NONE, SKF_AUTH_BASIC, SKF_AUTH_BEARER, SKF_AUTH_UNKNOWN };

struct skf_challenge {
    enum skf_auth_kind kind;
    char *realm, *service, *scope; /* owned; NULL = not given */
};

/* Reads one WWW-Authenticate value. A Bearer challenge with a realm wins over Basic, both over what
 * is already in `out`; schemes that we do not speak leave SKF_AUTH_UNKNOWN when there is no other.
 */
void skf_challenge_add(struct skf_challenge *out, const char *header);
void skf_challenge_release(struct skf_challenge *c);
/* May a token be asked for at this address? Registry: its URL's scheme and host. */
int skf_challenge_check_realm(const struct skf_challenge *c, const char *registry_scheme,
                              const char *registry_host, struct skf_err *err);
/* The answer of a token server. *life_s: seconds it is good for. */
int skf_token_parse(const char *json, size_t len, char **token, int64_t *life_s,
                    struct skf_err *err);
#endif

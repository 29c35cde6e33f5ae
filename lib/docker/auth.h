/* lib/docker/auth.h: credentials as the Engine API wants them: base64url of JSON. Blocks for small
 * files. */
#ifndef SKF_DOCKER_AUTH_H
#define SKF_DOCKER_AUTH_H
#include "lib/base/err.h"

/* X-Registry-Auth for "host/path"; *out owned, to be freed with skf_secret_free; NULL = anonymous.
 * A credential helper is not run: SKF_EUNSUPPORTED, which says to install the docker program. */
int skf_docker_auth(const char *repository, char **out, struct skf_err *err);
/* X-Registry-Config: what the files hold in the clear for all registries. NULL = nothing. */
char *skf_docker_auth_all(void);
#endif

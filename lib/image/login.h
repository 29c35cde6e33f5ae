/* lib/image/login.h: credentials for a registry from Docker's files and helpers (protocols 6). The
 * files are read once a process; secrets stay in memory and are wiped when dropped. */
#ifndef SKF_IMAGE_LOGIN_H
#define SKF_IMAGE_LOGIN_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct skf_login {
    char *user, *password; /* Basic */
    char *identity_token;  /* OAuth2 refresh token */
    char *registry_token;  /* a ready Bearer token */
};
void skf_login_release(struct skf_login *l);
bool skf_login_any(const struct skf_login *l);
/* Frees a secret after overwriting it. */
void skf_secret_free(char *secret);

struct skf_login_file {
    json_t *doc;   /* NULL = no file */
    char *path;    /* for errors */
    json_t *extra; /* DOCKER_AUTH_CONFIG, asked first */
};
/* docker_config: directory or NULL. A missing file is no error; a malformed one is. Blocks (small).
 */
int skf_login_load(const char *docker_config, struct skf_login_file *out, struct skf_err *err);
void skf_login_unload(struct skf_login_file *f);

/* Looks up "host/path". Either fills `out`, or names a helper to ask (*helper, *server owned), or
 * leaves both empty: anonymous. */
int skf_login_find(const struct skf_login_file *f, const char *repository, struct skf_login *out,
                   char **helper, char **server, struct skf_err *err);
/* What "docker-credential-X get" printed. `status` is its exit status. Not found = anonymous. */
int skf_login_from_helper(const char *helper, int status, const char *text, size_t len,
                          struct skf_login *out, struct skf_err *err);
#endif

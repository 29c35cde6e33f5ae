/* lib/image/docker_tls.h: the certificates with which a Docker Engine is spoken to over TCP. Blocks
 * for small files. */
#ifndef SKF_IMAGE_DOCKER_TLS_H
#define SKF_IMAGE_DOCKER_TLS_H
#include "lib/base/err.h"
#include "lib/io/http.h"

struct skf_docker_tls {
    char *ca_pem, *cert_pem, *key_pem; /* owned; ca NULL = the system's */
};
/* dir: with ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH means it; a missing ca.pem is none.
 */
int skf_docker_tls_read(const char *dir, struct skf_docker_tls *out, struct skf_err *err);
void skf_docker_tls_release(struct skf_docker_tls *t);
/* Borrowed by the transport. */
void skf_docker_tls_apply(const struct skf_docker_tls *t, struct skf_http_transport *transport);
#endif

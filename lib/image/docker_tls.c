#include "lib/image/docker_tls.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/image/login.h"
#include "lib/io/file.h"

enum { MAX_PEM = 1024 * 1024 };

static int read_pem(const char *dir, const char *name, char **out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *path = skf_path_join(dir, name);
    if (skf_file_read(path, MAX_PEM, &text, err) < 0)
        return -(int)err->code;
    *out = skf_buf_take(&text);
    return 0;
}

int skf_docker_tls_read(const char *dir, struct skf_docker_tls *out, struct skf_err *err)
{
    struct skf_docker_tls t = { 0 };
    struct skf_err no_ca = SKF_ERR_INIT;
    if (read_pem(dir, "ca.pem", &t.ca_pem, &no_ca) < 0 && no_ca.code != SKF_ENOTFOUND) {
        *err = no_ca;
        return -(int)err->code;
    }
    if (read_pem(dir, "cert.pem", &t.cert_pem, err) < 0 ||
        read_pem(dir, "key.pem", &t.key_pem, err) < 0) {
        skf_docker_tls_release(&t);
        return skf_err_wrap(err, "the certificates for Docker");
    }
    *out = t;
    return 0;
}

void skf_docker_tls_release(struct skf_docker_tls *t)
{
    free(t->ca_pem);
    free(t->cert_pem);
    skf_secret_free(t->key_pem);
    memset(t, 0, sizeof *t);
}

void skf_docker_tls_apply(const struct skf_docker_tls *t, struct skf_http_transport *transport)
{
    transport->ca_pem = t->ca_pem;
    transport->client_cert_pem = t->cert_pem;
    transport->client_key_pem = t->key_pem;
}

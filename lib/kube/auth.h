/* lib/kube/auth.h: what a request needs to be let in, as one shared value: an exec plugin may
 * replace it while requests that use the old one still run. Internal to lib/kube. */
#ifndef SKF_KUBE_AUTH_H
#define SKF_KUBE_AUTH_H
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/io/http.h"
#include "lib/kube/kubeconfig.h"

struct skf_kube_credentials {
    unsigned refs;
    char *authorization; /* "Authorization: ..." or NULL */
    char *cert_pem, *key_pem;
    char *unix_socket;  /* of kubectl proxy */
    int64_t expires_ms; /* wall clock; 0 = never */
};

struct skf_kube_credentials *skf_kube_credentials_new(void);
struct skf_kube_credentials *skf_kube_credentials_ref(struct skf_kube_credentials *c);
void skf_kube_credentials_unref(struct skf_kube_credentials *c);

/* From the context alone (certificate, token, token file, basic). */
struct skf_kube_credentials *skf_kube_credentials_static(const struct skf_kube_context *context,
                                                         struct skf_err *err);
/* From the stdout of an exec plugin. */
struct skf_kube_credentials *skf_kube_credentials_parse(const struct skf_exec_plugin *plugin,
                                                        const char *text, size_t len,
                                                        struct skf_err *err);
/* KUBERNETES_EXEC_INFO for the plugin's environment; owned. */
char *skf_kube_exec_info(const struct skf_kube_context *context);
/* Puts "Authorization: Basic ..."; owned. */
char *skf_kube_basic(const char *username, const char *password);
#endif

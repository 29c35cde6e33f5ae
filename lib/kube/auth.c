#include "lib/kube/auth.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/io/file.h"
#include "lib/kube/jget.h"

enum {
    MAX_TOKEN = 64 * 1024,
    TOKEN_FILE_MS = 60 * 1000, /* service account tokens rotate in place */
    EXPIRY_MARGIN_MS = 10 * 1000,
};

struct skf_kube_credentials *skf_kube_credentials_new(void)
{
    struct skf_kube_credentials *c = skf_xcalloc(1, sizeof *c);
    c->refs = 1;
    return c;
}

struct skf_kube_credentials *skf_kube_credentials_ref(struct skf_kube_credentials *c)
{
    c->refs++;
    return c;
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void skf_kube_credentials_unref(struct skf_kube_credentials *c)
{
    if (!c || --c->refs > 0)
        return;
    wipe(c->authorization);
    free(c->cert_pem);
    wipe(c->key_pem);
    free(c->unix_socket);
    free(c);
}

char *skf_kube_basic(const char *username, const char *password)
{
    skf_autofree char *plain = skf_xasprintf("%s:%s", username, password ? password : "");
    skf_autofree char *encoded = skf_base64_encode(plain, strlen(plain));
    explicit_bzero(plain, strlen(plain));
    return skf_xasprintf("Authorization: Basic %s", encoded);
}

static bool header_safe(const char *value)
{
    return value[strcspn(value, "\r\n")] == '\0';
}

struct skf_kube_credentials *skf_kube_credentials_static(const struct skf_kube_context *context,
                                                         struct skf_err *err)
{
    skf_autobuf struct skf_buf token = SKF_BUF_INIT;
    if (context->token) {
        skf_buf_adds(&token, context->token);
    } else if (context->token_file) {
        if (skf_file_read(context->token_file, MAX_TOKEN, &token, err) < 0) {
            skf_err_wrap(err, "credentials of user '%s'", context->user ? context->user : "");
            return NULL;
        }
    }
    skf_buf_trim(&token);
    if (!header_safe(token.data)) {
        skf_err_set(err, SKF_EDENIED, "the token of user '%s' has a line break in it",
                    context->user ? context->user : "");
        return NULL;
    }
    struct skf_kube_credentials *c = skf_kube_credentials_new();
    if (token.len)
        c->authorization = skf_xasprintf("Authorization: Bearer %s", token.data);
    else if (context->username)
        c->authorization = skf_kube_basic(context->username, context->password);
    if (!context->token && context->token_file)
        c->expires_ms = skf_clock_wall_ms() + TOKEN_FILE_MS;
    c->cert_pem = skf_xstrdup_null(context->client_cert_pem);
    c->key_pem = skf_xstrdup_null(context->client_key_pem);
    return c;
}

char *skf_kube_exec_info(const struct skf_kube_context *context)
{
    const struct skf_exec_plugin *plugin = context->exec;
    json_t *spec = json_pack("{s:b}", "interactive", 0);
    if (plugin->provide_cluster_info) {
        json_t *cluster = json_pack("{s:s}", "server", context->server);
        if (context->ca_pem) {
            skf_autofree char *ca = skf_base64_encode(context->ca_pem, strlen(context->ca_pem));
            json_object_set_new(cluster, "certificate-authority-data", json_string(ca));
        }
        if (context->tls_server_name)
            json_object_set_new(cluster, "tls-server-name", json_string(context->tls_server_name));
        if (context->insecure)
            json_object_set_new(cluster, "insecure-skip-tls-verify", json_true());
        json_object_set_new(spec, "cluster", cluster);
    }
    json_t *info = json_pack("{s:s, s:s, s:o}", "kind", "ExecCredential", "apiVersion",
                             plugin->api_version, "spec", spec);
    char *text = json_dumps(info, JSON_COMPACT);
    json_decref(info);
    return text;
}

static int check_answer(const struct skf_exec_plugin *plugin, const json_t *root,
                        struct skf_err *err)
{
    if (strcmp(skf_jtext(root, "kind"), "ExecCredential") != 0)
        return skf_err_set(err, SKF_EDENIED,
                           "credential program '%s' did not answer an "
                           "ExecCredential; run it by hand to see what it says",
                           plugin->command);
    if (strcmp(skf_jtext(root, "apiVersion"), plugin->api_version) != 0)
        return skf_err_set(err, SKF_EDENIED,
                           "credential program '%s' answered apiVersion '%s'; the kubeconfig asks "
                           "for '%s'",
                           plugin->command, skf_jtext(root, "apiVersion"), plugin->api_version);
    const char *token = skf_jstr(root, "status.token");
    bool cert = skf_jstr(root, "status.clientCertificateData") != NULL;
    bool key = skf_jstr(root, "status.clientKeyData") != NULL;
    if (cert != key)
        return skf_err_set(err, SKF_EDENIED,
                           "credential program '%s' gave only half of a client "
                           "certificate and key",
                           plugin->command);
    if (!token && !cert)
        return skf_err_set(err, SKF_EDENIED,
                           "credential program '%s' gave neither a token nor a certificate",
                           plugin->command);
    if (token && !header_safe(token))
        return skf_err_set(err, SKF_EDENIED,
                           "credential program '%s' gave a token with a line "
                           "break in it",
                           plugin->command);
    return 0;
}

struct skf_kube_credentials *skf_kube_credentials_parse(const struct skf_exec_plugin *plugin,
                                                        const char *text, size_t len,
                                                        struct skf_err *err)
{
    json_error_t at;
    json_t *root = json_loadb(text, len, 0, &at);
    if (!root) {
        skf_err_set(err, SKF_EDENIED,
                    "credential program '%s' did not answer JSON (line %d); run it by hand to see "
                    "what it says",
                    plugin->command, at.line);
        return NULL;
    }
    struct skf_kube_credentials *c = NULL;
    if (check_answer(plugin, root, err) == 0) {
        c = skf_kube_credentials_new();
        const char *token = skf_jstr(root, "status.token");
        if (token)
            c->authorization = skf_xasprintf("Authorization: Bearer %s", token);
        c->cert_pem = skf_xstrdup_null(skf_jstr(root, "status.clientCertificateData"));
        c->key_pem = skf_xstrdup_null(skf_jstr(root, "status.clientKeyData"));
        int64_t expires = skf_jtime_ms(skf_jstr(root, "status.expirationTimestamp"));
        if (expires > 0)
            c->expires_ms = expires - EXPIRY_MARGIN_MS;
    }
    json_decref(root);
    return c;
}

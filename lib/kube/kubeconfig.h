/* lib/kube/kubeconfig.h: which cluster this is and how to talk to it. */
#ifndef SKF_KUBE_KUBECONFIG_H
#define SKF_KUBE_KUBECONFIG_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

/* What kind of cluster, as far as image delivery and the seatbelt care. */
enum skf_cluster_kind {
    SKF_CLUSTER_REMOTE,
    SKF_CLUSTER_SKIFF, /* the bundled one: its containerd is at hand */
    SKF_CLUSTER_KIND,
    SKF_CLUSTER_K3D,
    SKF_CLUSTER_MINIKUBE,
    SKF_CLUSTER_DOCKER_DESKTOP,
};

struct skf_exec_plugin {
    char *command, *api_version, *install_hint;
    struct skf_strv args, env; /* env: "K=V" */
    bool provide_cluster_info;
};

/* One context, resolved: all owned, released together. Secrets never leave this struct but into
 * requests. */
struct skf_kube_context {
    char *name, *cluster, *user;
    char *namespace_; /* of the context; "default" when none */
    char *server;     /* https://127.0.0.1:6443 */
    char *ca_pem, *client_cert_pem, *client_key_pem;
    char *token, *token_file, *username, *password, *tls_server_name, *proxy_url;
    char *impersonate_user;
    struct skf_strv impersonate; /* more of it, as headers: "Impersonate-Group: x" */
    bool insecure;
    struct skf_exec_plugin *exec; /* NULL = none */
    char *unsupported;            /* an auth method that we cannot do ourselves (named), or NULL */
    enum skf_cluster_kind kind;
    char *tool_cluster; /* KIND, K3D, MINIKUBE: what its tool calls it ("kind", not "kind-kind") */
    char *containerd_socket, *containerd_namespace; /* SKIFF: from the extension node.skiff.dev */
    char *node_registry;                            /* SKIFF: "localhost:5000" */
    struct skf_strv files;                          /* the kubeconfig files that were read */
};

/* Merges the files as kubectl does (`path` = --kubeconfig, or $KUBECONFIG, or ~/.kube/config) and
 * resolves the context (`context` NULL = current-context). SKF_ENOTFOUND: no file, no current
 * context, or no such context (the text names those there are). */
int skf_kubeconfig_load(const char *path, const char *context, struct skf_kube_context *out,
                        struct skf_err *err);
void skf_kube_context_release(struct skf_kube_context *c);
/* Only the name of the current context, owned; NULL when there is none. */
char *skf_kubeconfig_current(const char *path);
/* Only the namespace that the current context names, owned; NULL when it names none. */
char *skf_kubeconfig_current_namespace(const char *path);
/* Does its runtime use the Docker of this machine's user, by its name (colima, orbstack ...)? */
bool skf_kube_shares_docker(const struct skf_kube_context *c);
/* Local by name, by extension, or on a loopback address: nothing to be afraid of. */
bool skf_kube_is_local(const struct skf_kube_context *c);
#endif

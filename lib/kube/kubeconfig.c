#include "lib/kube/kubeconfig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/path.h"
#include "lib/base/suggest.h"
#include "lib/doc/doc.h"
#include "lib/io/file.h"
#include "lib/io/http.h"
#include "lib/kube/auth.h"

enum { MAX_CONFIG = 16 * 1024 * 1024, MAX_PEM = 1024 * 1024, MAX_SHOWN = 8 };

/* The files that are there, in order of precedence. */
struct configs {
    SKF_VEC(struct skf_doc *) docs;
};

static void configs_release(struct configs *c)
{
    for (size_t i = 0; i < c->docs.n; i++)
        skf_doc_free(c->docs.v[i]);
    skf_vec_release(&c->docs);
}

static struct skf_node *root_of(const struct skf_doc *doc)
{
    return doc->n_parts ? doc->parts[0].root : NULL;
}

/* The list of files that kubectl would look at; `must` = the user named this one file. */
static void candidates(const char *path, struct skf_strv *out, bool *must)
{
    *must = path && *path;
    if (*must) {
        skf_strv_add(out, path);
        return;
    }
    const char *env = getenv("KUBECONFIG");
    if (env && *env) {
        skf_autostrv struct skf_strv parts = SKF_STRV_INIT;
        skf_strv_split(&parts, env, ":");
        for (size_t i = 0; i < parts.n; i++) {
            if (!skf_strv_has(out, parts.v[i]))
                skf_strv_add(out, parts.v[i]);
        }
        return;
    }
    const char *home = getenv("HOME");
    if (home && *home)
        skf_strv_take(out, skf_path_join(home, ".kube/config"));
}

static int read_config(const char *file, struct configs *configs, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (skf_file_read(file, MAX_CONFIG, &text, err) < 0)
        return skf_err_wrap(err, "kubeconfig");
    struct skf_doc *doc;
    if (skf_doc_parse(file, text.data, text.len, &doc, err) < 0)
        return skf_err_wrap(err, "kubeconfig");
    explicit_bzero(text.data, text.len);
    skf_vec_push(&configs->docs, doc);
    const struct skf_node *root = root_of(doc);
    if (!skf_node_is_null(root) && root->kind != SKF_MAPPING)
        return skf_node_err(err, root, SKF_ECONFIG, "kubeconfig '%s' is %s, not a mapping", file,
                            skf_node_kind_words(root));
    return 0;
}

/* ENOTFOUND when no file is there. */
static int read_configs(const char *path, struct configs *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    bool must;
    candidates(path, &files, &must);
    for (size_t i = 0; i < files.n; i++) {
        if (!must && !skf_file_exists(files.v[i]))
            continue;
        if (read_config(files.v[i], out, err) < 0)
            return -(int)err->code;
    }
    if (out->docs.n)
        return 0;
    skf_autofree char *looked = skf_strv_join(&files, ", ");
    return skf_err_set(err, SKF_ENOTFOUND,
                       "no kubeconfig found (looked at '%s'): start a cluster or set KUBECONFIG",
                       looked);
}

/* "clusters: [{name: x, cluster: {...}}]": the inner mapping; the first file that has the name
 * wins. */
static struct skf_node *find_named(const struct configs *configs, const char *list,
                                   const char *inner, const char *name, const char **file)
{
    for (size_t i = 0; i < configs->docs.n; i++) {
        const struct skf_node *seq = skf_node_get(root_of(configs->docs.v[i]), list);
        if (!seq || seq->kind != SKF_SEQUENCE)
            continue;
        for (size_t k = 0; k < seq->n; k++) {
            const char *found = skf_node_get_str(seq->items[k], "name");
            if (!found || strcmp(found, name) != 0)
                continue;
            *file = configs->docs.v[i]->file;
            return skf_node_get(seq->items[k], inner);
        }
    }
    *file = NULL;
    return NULL;
}

static const char *current_context(const struct configs *configs)
{
    for (size_t i = 0; i < configs->docs.n; i++) {
        const char *name = skf_node_get_str(root_of(configs->docs.v[i]), "current-context");
        if (name && *name)
            return name;
    }
    return NULL;
}

static void context_names(const struct configs *configs, struct skf_strv *out)
{
    for (size_t i = 0; i < configs->docs.n; i++) {
        const struct skf_node *seq = skf_node_get(root_of(configs->docs.v[i]), "contexts");
        for (size_t k = 0; seq && seq->kind == SKF_SEQUENCE && k < seq->n; k++) {
            const char *name = skf_node_get_str(seq->items[k], "name");
            if (name && !skf_strv_has(out, name))
                skf_strv_add(out, name);
        }
    }
}

static int no_such_context(const struct configs *configs, const char *wanted, struct skf_err *err)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    context_names(configs, &names);
    skf_autobuf struct skf_buf list = SKF_BUF_INIT;
    for (size_t i = 0; i < names.n && i < MAX_SHOWN; i++)
        skf_buf_addf(&list, "%s'%s'", i ? ", " : "", names.v[i]);
    if (names.n > MAX_SHOWN)
        skf_buf_addf(&list, " and %zu more", names.n - MAX_SHOWN);
    if (!wanted)
        return skf_err_set(err, SKF_ENOTFOUND, "no current context is set in the kubeconfig; %s%s",
                           names.n ? "name one with --kube-context: " : "it has no contexts",
                           list.data);
    if (!names.n)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "context '%s' does not exist: the kubeconfig has no contexts", wanted);
    const char *near = skf_suggest(wanted, (const char *const *)names.v, names.n);
    if (near)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "context '%s' does not exist; did you mean '%s'? there are %s", wanted,
                           near, list.data);
    return skf_err_set(err, SKF_ENOTFOUND, "context '%s' does not exist; there are %s", wanted,
                       list.data);
}

/* A path in a kubeconfig is relative to the file it stands in. */
static char *relative_to(const char *file, const char *path)
{
    skf_autofree char *dir = skf_path_dir(file);
    return skf_path_join(dir, path);
}

/* KEY-data (base64) wins over KEY (a file). Absent is fine. */
static int read_pem(const struct skf_node *map, const char *key, const char *file, char **out,
                    struct skf_err *err)
{
    skf_autofree char *data_key = skf_xasprintf("%s-data", key);
    const struct skf_node *data = skf_node_get(map, data_key);
    skf_autobuf struct skf_buf pem = SKF_BUF_INIT;
    const char *text = skf_node_str(data);
    if (text && *text) {
        size_t len = 0;
        skf_autofree char *decoded = skf_base64_decode(text, &len);
        if (!decoded || memchr(decoded, '\0', len))
            return skf_node_err(err, data, SKF_ECONFIG, "'%s' is not base64 of PEM text", data_key);
        skf_buf_add(&pem, decoded, len);
    } else {
        const struct skf_node *named = skf_node_get(map, key);
        const char *path = skf_node_str(named);
        if (!path || !*path)
            return 0;
        skf_autofree char *full = relative_to(file, path);
        if (skf_file_read(full, MAX_PEM, &pem, err) < 0) {
            skf_err_wrap(err, "%s", key);
            return skf_err_at(err, file, named->line, named->col);
        }
    }
    skf_replace(out, skf_buf_take(&pem));
    return 0;
}

static void read_str(const struct skf_node *map, const char *key, char **out)
{
    const char *text = skf_node_get_str(map, key);
    if (text && *text)
        skf_replace(out, skf_xstrdup(text));
}

static bool read_bool(const struct skf_node *map, const char *key)
{
    bool on = false;
    return skf_node_bool(skf_node_get(map, key), &on) && on;
}

/* clusters[].cluster.extensions[]: {name: node.skiff.dev, extension: {provider: skiff, ...}} */
static void read_extension(const struct skf_node *cluster, struct skf_kube_context *c)
{
    const struct skf_node *list = skf_node_get(cluster, "extensions");
    for (size_t i = 0; list && list->kind == SKF_SEQUENCE && i < list->n; i++) {
        const char *name = skf_node_get_str(list->items[i], "name");
        if (!name || strcmp(name, "node.skiff.dev") != 0)
            continue;
        const struct skf_node *node = skf_node_get(list->items[i], "extension");
        const char *provider = skf_node_get_str(node, "provider");
        if (!provider || strcmp(provider, "skiff") != 0)
            continue;
        c->kind = SKF_CLUSTER_SKIFF;
        read_str(node, "containerd", &c->containerd_socket);
        read_str(node, "namespace", &c->containerd_namespace);
        read_str(node, "registry", &c->node_registry);
        if (!c->containerd_namespace)
            c->containerd_namespace = skf_xstrdup("k8s.io");
    }
}

static int read_cluster(const struct configs *configs, struct skf_kube_context *c,
                        struct skf_err *err)
{
    const char *file;
    const struct skf_node *cluster = find_named(configs, "clusters", "cluster", c->cluster, &file);
    if (!file)
        return skf_err_set(err, SKF_ENOTFOUND,
                           "cluster '%s' of context '%s' is not in the kubeconfig", c->cluster,
                           c->name);
    const struct skf_node *server = skf_node_get(cluster, "server");
    const char *url = skf_node_str(server);
    if (!url || !*url) {
        skf_err_set(err, SKF_ECONFIG, "cluster '%s' has no server", c->cluster);
        return skf_err_at(err, file, cluster ? cluster->line : 0, cluster ? cluster->col : 0);
    }
    skf_autobuf struct skf_buf clean = SKF_BUF_INIT;
    skf_buf_addf(&clean, "%s%s", strstr(url, "://") ? "" : "https://", url);
    while (clean.len && clean.data[clean.len - 1] == '/')
        skf_buf_cut(&clean, clean.len - 1);
    if (strncmp(clean.data, "https://", 8) != 0 && strncmp(clean.data, "http://", 7) != 0)
        return skf_node_err(err, server, SKF_ECONFIG, "server '%s' is not an http or https URL",
                            url);
    c->server = skf_buf_take(&clean);
    c->insecure = read_bool(cluster, "insecure-skip-tls-verify");
    read_str(cluster, "tls-server-name", &c->tls_server_name);
    read_str(cluster, "proxy-url", &c->proxy_url);
    read_extension(cluster, c);
    const char *ca = skf_node_get_str(cluster, "certificate-authority");
    if (c->kind == SKF_CLUSTER_REMOTE && ca && strstr(ca, "/.minikube/"))
        c->kind = SKF_CLUSTER_MINIKUBE;
    return read_pem(cluster, "certificate-authority", file, &c->ca_pem, err);
}

/* Programs run in the background, without a terminal: those that may do without are told so. */
static int check_interactive(const struct skf_node *exec, const char *version,
                             const struct skf_kube_context *c, struct skf_err *err)
{
    const struct skf_node *node = skf_node_get(exec, "interactiveMode");
    const char *mode = skf_node_str(node);
    bool v1 = strcmp(version, "client.authentication.k8s.io/v1") == 0;
    if (mode ? strcmp(mode, "Never") == 0 || strcmp(mode, "IfAvailable") == 0 : !v1)
        return 0;
    if (mode && strcmp(mode, "Always") == 0)
        return skf_node_err(err, node, SKF_EUNSUPPORTED,
                            "user '%s': its credential program wants a terminal of its own "
                            "(interactiveMode: Always), and skiff has none for it: use one that "
                            "keeps its login, with interactiveMode: IfAvailable",
                            c->user);
    return skf_node_err(err, node ? node : exec, SKF_ECONFIG,
                        "user '%s': exec needs an interactiveMode: Never, IfAvailable or Always",
                        c->user);
}

static int read_exec(const struct skf_node *node, const char *file, struct skf_kube_context *c,
                     struct skf_err *err)
{
    const char *command = skf_node_get_str(node, "command");
    const char *version = skf_node_get_str(node, "apiVersion");
    if (!command || !*command)
        return skf_node_err(err, node, SKF_ECONFIG, "user '%s': exec has no command", c->user);
    if (!version || (strcmp(version, "client.authentication.k8s.io/v1") != 0 &&
                     strcmp(version, "client.authentication.k8s.io/v1beta1") != 0))
        return skf_node_err(err, node, SKF_ECONFIG,
                            "user '%s': exec apiVersion '%s' is not one that kubectl knows; "
                            "expected client.authentication.k8s.io/v1 or v1beta1",
                            c->user, version ? version : "");
    if (check_interactive(node, version, c, err) < 0)
        return -(int)err->code;
    struct skf_exec_plugin *plugin = skf_xcalloc(1, sizeof *plugin);
    c->exec = plugin;
    plugin->command = strchr(command, '/') ? relative_to(file, command) : skf_xstrdup(command);
    plugin->api_version = skf_xstrdup(version);
    read_str(node, "installHint", &plugin->install_hint);
    plugin->provide_cluster_info = read_bool(node, "provideClusterInfo");
    const struct skf_node *args = skf_node_get(node, "args");
    for (size_t i = 0; args && args->kind == SKF_SEQUENCE && i < args->n; i++) {
        const char *arg = skf_node_str(args->items[i]);
        skf_strv_add(&plugin->args, arg ? arg : "");
    }
    const struct skf_node *env = skf_node_get(node, "env");
    for (size_t i = 0; env && env->kind == SKF_SEQUENCE && i < env->n; i++) {
        const char *name = skf_node_get_str(env->items[i], "name");
        const char *value = skf_node_get_str(env->items[i], "value");
        if (name && *name)
            skf_strv_addf(&plugin->env, "%s=%s", name, value ? value : "");
    }
    return 0;
}

/* A text that would end its header early cannot be meant. */
static int impersonate(struct skf_kube_context *c, const char *header, const struct skf_node *value,
                       struct skf_err *err)
{
    const char *text = skf_node_str(value);
    if (!text)
        return 0;
    if (text[strcspn(text, "\r\n")])
        return skf_node_err(err, value, SKF_ECONFIG, "user '%s': a line break in '%s'", c->user,
                            header);
    skf_strv_addf(&c->impersonate, "%s: %s", header, text);
    return 0;
}

static int read_impersonation(const struct skf_node *user, struct skf_kube_context *c,
                              struct skf_err *err)
{
    const struct skf_node *groups = skf_node_get(user, "as-groups");
    const struct skf_node *extra = skf_node_get(user, "as-user-extra");
    read_str(user, "as", &c->impersonate_user);
    if (c->impersonate_user && c->impersonate_user[strcspn(c->impersonate_user, "\r\n")])
        return skf_node_err(err, skf_node_get(user, "as"), SKF_ECONFIG,
                            "user '%s': a line break in 'as'", c->user);
    if (impersonate(c, "Impersonate-Uid", skf_node_get(user, "as-uid"), err) < 0)
        return -(int)err->code;
    for (size_t i = 0; groups && groups->kind == SKF_SEQUENCE && i < groups->n; i++)
        if (impersonate(c, "Impersonate-Group", groups->items[i], err) < 0)
            return -(int)err->code;
    for (size_t i = 0; extra && extra->kind == SKF_MAPPING && i < extra->n; i++) {
        const char *key = skf_node_str(extra->entries[i].key);
        const struct skf_node *values = extra->entries[i].value;
        skf_autofree char *escaped = skf_http_escape(key ? key : "");
        skf_autofree char *header = skf_xasprintf("Impersonate-Extra-%s", escaped);
        for (size_t k = 0; values->kind == SKF_SEQUENCE && k < values->n; k++)
            if (impersonate(c, header, values->items[k], err) < 0)
                return -(int)err->code;
    }
    if (c->impersonate.n && !c->impersonate_user)
        return skf_node_err(err, user, SKF_ECONFIG,
                            "user '%s': as-uid, as-groups and as-user-extra need 'as'", c->user);
    return 0;
}

/* kubectl itself still knows oidc; the others have left it long ago. */
static int read_provider(const struct skf_node *user, struct skf_kube_context *c,
                         struct skf_err *err)
{
    const struct skf_node *provider = skf_node_get(user, "auth-provider");
    const char *name = skf_node_get_str(provider, "name");
    if (!provider)
        return 0;
    if (name && strcmp(name, "oidc") == 0) {
        skf_replace(&c->unsupported, skf_xstrdup("auth-provider 'oidc'"));
        return 0;
    }
    const char *instead =
        name && strcmp(name, "gcp") == 0 ? "gke-gcloud-auth-plugin, by 'gcloud container clusters "
                                           "get-credentials'"
        : name && strcmp(name, "azure") == 0 ? "kubelogin, by 'kubelogin convert-kubeconfig'"
                                             : "a credential plugin (users[].user.exec)";
    return skf_node_err(err, provider, SKF_EUNSUPPORTED,
                        "user '%s': kubectl has given up auth-provider '%s'; use %s", c->user,
                        name ? name : "", instead);
}

static int read_user(const struct configs *configs, struct skf_kube_context *c, struct skf_err *err)
{
    if (!c->user || !*c->user)
        return 0; /* anonymous: the server decides */
    const char *file;
    const struct skf_node *user = find_named(configs, "users", "user", c->user, &file);
    if (!file)
        return skf_err_set(err, SKF_ENOTFOUND, "user '%s' of context '%s' is not in the kubeconfig",
                           c->user, c->name);
    if (read_pem(user, "client-certificate", file, &c->client_cert_pem, err) < 0 ||
        read_pem(user, "client-key", file, &c->client_key_pem, err) < 0)
        return -(int)err->code;
    if (!c->client_cert_pem != !c->client_key_pem) {
        skf_err_set(err, SKF_ECONFIG, "user '%s' has a client %s without its %s", c->user,
                    c->client_cert_pem ? "certificate" : "key",
                    c->client_cert_pem ? "key" : "certificate");
        return skf_err_at(err, file, user ? user->line : 0, user ? user->col : 0);
    }
    read_str(user, "token", &c->token);
    const char *token_file = skf_node_get_str(user, "tokenFile");
    if (token_file && *token_file)
        c->token_file = relative_to(file, token_file);
    read_str(user, "username", &c->username);
    read_str(user, "password", &c->password);
    if (read_impersonation(user, c, err) < 0 || read_provider(user, c, err) < 0)
        return -(int)err->code;
    const struct skf_node *exec = skf_node_get(user, "exec");
    bool has_other = c->client_cert_pem || c->token || c->token_file || c->username;
    if (exec && exec->kind == SKF_MAPPING && !has_other)
        return read_exec(exec, file, c, err);
    return 0;
}

static bool starts(const char *text, const char *with)
{
    return text && strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t n = text ? strlen(text) : 0, m = strlen(with);
    return n >= m && strcmp(text + n - m, with) == 0;
}

static enum skf_cluster_kind kind_by_name(const char *name)
{
    if (starts(name, "kind-") || ends(name, "@kind"))
        return SKF_CLUSTER_KIND;
    if (starts(name, "k3d-"))
        return SKF_CLUSTER_K3D;
    if (name && strcmp(name, "minikube") == 0)
        return SKF_CLUSTER_MINIKUBE;
    if (name && (strcmp(name, "docker-desktop") == 0 || strcmp(name, "docker-for-desktop") == 0))
        return SKF_CLUSTER_DOCKER_DESKTOP;
    return SKF_CLUSTER_REMOTE;
}

/* What a pod has: the service account of the cluster around us. */
static int in_cluster(struct skf_kube_context *c, struct skf_err *err)
{
    static const char dir[] = "/var/run/secrets/kubernetes.io/serviceaccount";
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    skf_autofree char *ca = skf_path_join(dir, "ca.crt");
    if (!host || !*host || skf_file_read(ca, MAX_PEM, &text, err) < 0)
        return skf_err_set(err, SKF_ENOTFOUND, "not inside a cluster");
    c->ca_pem = skf_buf_take(&text);
    c->name = skf_xstrdup("in-cluster");
    c->cluster = skf_xstrdup("in-cluster");
    c->user = skf_xstrdup("service-account");
    bool v6 = strchr(host, ':') != NULL;
    c->server = skf_xasprintf("https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
                              port && *port ? port : "443");
    c->token_file = skf_path_join(dir, "token");
    skf_autofree char *ns = skf_path_join(dir, "namespace");
    if (skf_file_read(ns, 4096, &text, err) == 0)
        skf_buf_trim(&text);
    c->namespace_ = skf_xstrdup(text.len ? text.data : "default");
    return 0;
}

/* What kind, k3d and minikube call it: their prefix or suffix of the cluster's name is for us. */
static char *tool_name(const struct skf_kube_context *c)
{
    const char *name = c->cluster;
    switch (c->kind) {
    case SKF_CLUSTER_KIND:
        return ends(name, "@kind") ? skf_xstrndup(name, strlen(name) - 5)
                                   : skf_xstrdup(starts(name, "kind-") ? name + 5 : name);
    case SKF_CLUSTER_K3D:
        return skf_xstrdup(starts(name, "k3d-") ? name + 4 : name);
    case SKF_CLUSTER_MINIKUBE:
        return skf_xstrdup(name);
    default:
        return NULL;
    }
}

static int resolve(const struct configs *configs, const char *wanted, struct skf_kube_context *c,
                   struct skf_err *err)
{
    const char *name = wanted && *wanted ? wanted : current_context(configs);
    if (!name)
        return no_such_context(configs, NULL, err);
    const char *file;
    const struct skf_node *context = find_named(configs, "contexts", "context", name, &file);
    if (!file)
        return no_such_context(configs, name, err);
    c->name = skf_xstrdup(name);
    read_str(context, "cluster", &c->cluster);
    read_str(context, "user", &c->user);
    read_str(context, "namespace", &c->namespace_);
    if (!c->namespace_)
        c->namespace_ = skf_xstrdup("default");
    if (!c->cluster) {
        skf_err_set(err, SKF_ECONFIG, "context '%s' names no cluster", name);
        return skf_err_at(err, file, context ? context->line : 0, context ? context->col : 0);
    }
    for (size_t i = 0; i < configs->docs.n; i++)
        skf_strv_add(&c->files, configs->docs.v[i]->file);
    if (read_cluster(configs, c, err) < 0 || read_user(configs, c, err) < 0)
        return -(int)err->code;
    if (c->kind == SKF_CLUSTER_REMOTE)
        c->kind = kind_by_name(c->name);
    if (c->kind == SKF_CLUSTER_REMOTE)
        c->kind = kind_by_name(c->cluster);
    c->tool_cluster = tool_name(c);
    return 0;
}

int skf_kubeconfig_load(const char *path, const char *context, struct skf_kube_context *out,
                        struct skf_err *err)
{
    struct configs configs = { 0 };
    struct skf_kube_context got = { 0 };
    struct skf_err why = SKF_ERR_INIT, ignored = SKF_ERR_INIT;
    int rc = read_configs(path, &configs, &why);
    if (rc == 0)
        rc = resolve(&configs, context, &got, &why);
    else if (why.code == SKF_ENOTFOUND && !path && !context && in_cluster(&got, &ignored) == 0)
        rc = 0;
    configs_release(&configs);
    if (rc < 0) {
        skf_kube_context_release(&got);
        *err = why;
        return rc;
    }
    *out = got;
    return 0;
}

char *skf_kubeconfig_current(const char *path)
{
    struct configs configs = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    char *name = NULL;
    if (read_configs(path, &configs, &ignored) == 0)
        name = skf_xstrdup_null(current_context(&configs));
    configs_release(&configs);
    return name;
}

char *skf_kubeconfig_current_namespace(const char *path)
{
    struct configs configs = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    char *namespace_ = NULL;
    if (read_configs(path, &configs, &ignored) == 0 && current_context(&configs)) {
        const char *file;
        read_str(find_named(&configs, "contexts", "context", current_context(&configs), &file),
                 "namespace", &namespace_);
    }
    configs_release(&configs);
    return namespace_;
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void plugin_free(struct skf_exec_plugin *p)
{
    if (!p)
        return;
    free(p->command);
    free(p->api_version);
    free(p->install_hint);
    skf_strv_release(&p->args);
    skf_strv_release(&p->env);
    free(p);
}

void skf_kube_context_release(struct skf_kube_context *c)
{
    if (!c)
        return;
    char *plain[] = { c->name,
                      c->cluster,
                      c->user,
                      c->namespace_,
                      c->server,
                      c->ca_pem,
                      c->client_cert_pem,
                      c->token_file,
                      c->username,
                      c->tls_server_name,
                      c->proxy_url,
                      c->impersonate_user,
                      c->tool_cluster,
                      c->unsupported,
                      c->containerd_socket,
                      c->containerd_namespace,
                      c->node_registry };
    for (size_t i = 0; i < SKF_ARRAY_LEN(plain); i++)
        free(plain[i]);
    wipe(c->client_key_pem);
    wipe(c->token);
    wipe(c->password);
    plugin_free(c->exec);
    skf_strv_release(&c->files);
    skf_strv_release(&c->impersonate);
    memset(c, 0, sizeof *c);
}

static bool loopback_server(const char *server)
{
    const char *host = strstr(server, "://");
    host = host ? host + 3 : server;
    if (starts(host, "[::1]"))
        return true;
    size_t len = strcspn(host, ":/");
    if (len == 9 && strncasecmp(host, "localhost", 9) == 0)
        return true;
    int a, b, c, d, used = 0;
    return sscanf(host, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &used) == 4 && (size_t)used == len &&
           a == 127;
}

bool skf_kube_shares_docker(const struct skf_kube_context *c)
{
    static const char *const names[] = { "rancher-desktop", "colima", "orbstack" };
    for (size_t i = 0; c->name && i < SKF_ARRAY_LEN(names); i++) {
        if (strcmp(c->name, names[i]) == 0)
            return true;
    }
    return starts(c->name, "colima-") || c->kind == SKF_CLUSTER_DOCKER_DESKTOP;
}

bool skf_kube_is_local(const struct skf_kube_context *c)
{
    static const char *const names[] = { "rancher-desktop", "colima", "orbstack", "microk8s" };
    if (c->kind != SKF_CLUSTER_REMOTE)
        return true;
    for (size_t i = 0; c->name && i < SKF_ARRAY_LEN(names); i++) {
        if (strcmp(c->name, names[i]) == 0)
            return true;
    }
    return starts(c->name, "colima-") || (c->server && loopback_server(c->server));
}

#include "lib/docker/host.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/io/proc.h"

enum { CONFIG_MAX = 4 * 1024 * 1024 };
static const char usual_socket[] = "/var/run/docker.sock";

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static char *docker_dir(void)
{
    const char *config = environment("DOCKER_CONFIG"), *home = environment("HOME");
    return config ? skf_xstrdup(config) : skf_path_join(home ? home : "/root", ".docker");
}

static json_t *read_json(const char *path, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    json_error_t why;
    if (skf_file_read(path, CONFIG_MAX, &text, err) < 0)
        return NULL;
    json_t *doc = json_loadb(text.data, text.len, 0, &why);
    if (!doc)
        skf_err_set(err, SKF_ECONFIG, "'%s' is not JSON: %s", path, why.text);
    return doc;
}

/* --- contexts --------------------------------------------------------------------------------- */

static char *current_context(void)
{
    struct skf_err ignored = SKF_ERR_INIT;
    const char *named = environment("DOCKER_CONTEXT");
    if (named)
        return skf_xstrdup(named);
    skf_autofree char *dir = docker_dir();
    skf_autofree char *path = skf_path_join(dir, "config.json");
    json_t *doc = skf_file_exists(path) ? read_json(path, &ignored) : NULL;
    char *name = skf_xstrdup_null(json_string_value(json_object_get(doc, "currentContext")));
    json_decref(doc);
    return name;
}

static int read_context(const char *name, struct skf_docker_host *out, struct skf_err *err)
{
    char digest[SKF_DIGEST_TEXT];
    skf_digest_of(name, strlen(name), digest);
    skf_autofree char *dir = docker_dir();
    skf_autofree char *path =
        skf_xasprintf("%s/contexts/meta/%s/meta.json", dir, skf_digest_hex(digest));
    skf_autofree char *tls =
        skf_xasprintf("%s/contexts/tls/%s/docker", dir, skf_digest_hex(digest));
    json_t *doc = read_json(path, err);
    const json_t *docker = json_object_get(json_object_get(doc, "Endpoints"), "docker");
    const char *host = json_string_value(json_object_get(docker, "Host"));
    if (!host || !host[0]) {
        json_decref(doc);
        return skf_err_set(err, SKF_ECONFIG,
                           "the docker context '%s' has no host ('%s'): choose another by "
                           "DOCKER_CONTEXT or 'docker context use'",
                           name, path);
    }
    out->address = skf_xstrdup(host);
    out->origin = out->origin_owned = skf_xasprintf("the docker context '%s'", name);
    out->api = !json_is_true(json_object_get(docker, "SkipTLSVerify")); /* not by us */
    if (skf_file_is_dir(tls))
        out->certs = skf_take(&tls);
    json_decref(doc);
    return 0;
}

/* --- the usual places ------------------------------------------------------------------------- */

static void find_socket(struct skf_docker_host *out)
{
    const char *run = environment("XDG_RUNTIME_DIR"), *home = environment("HOME");
    skf_autofree char *rootless = run ? skf_path_join(run, "docker.sock") : NULL;
    skf_autofree char *own = home ? skf_path_join(home, ".docker/run/docker.sock") : NULL;
    skf_autofree char *desktop = home ? skf_path_join(home, ".docker/desktop/docker.sock") : NULL;
    const char *places[] = { usual_socket, rootless, own, desktop };
    const char *found = usual_socket;
    for (size_t i = 0; i < SKF_ARRAY_LEN(places); i++)
        if (places[i] && skf_file_exists(places[i])) {
            found = places[i];
            break;
        }
    out->address = skf_xasprintf("unix://%s", found);
    out->origin = "the usual place";
}

static bool is_tcp(const char *address)
{
    return strncmp(address, "tcp://", 6) == 0 || strncmp(address, "http://", 7) == 0;
}

static void find_given(const struct skf_target *target, struct skf_docker_host *out)
{
    out->given = true;
    out->address = skf_xstrdup(target->docker_host);
    out->certs = skf_xstrdup_null(target->docker_certs);
    out->origin = "the cluster's";
}

static void find_in_environment(const char *address, struct skf_docker_host *out)
{
    const char *certs = environment("DOCKER_CERT_PATH");
    out->address = skf_xstrdup(address);
    out->origin = "DOCKER_HOST";
    if (environment("DOCKER_TLS_VERIFY"))
        out->certs = certs ? skf_xstrdup(certs) : docker_dir();
}

int skf_docker_host_find(const struct skf_target *target, struct skf_docker_host *out,
                         struct skf_err *err)
{
    struct skf_docker_host h = { .api = true };
    const char *env = environment("DOCKER_HOST");
    bool given = target && target->kind == SKF_TARGET_DOCKER && target->docker_host;
    skf_autofree char *context = given || env ? NULL : current_context();
    skf_autofree char *program = skf_proc_which("docker");
    h.cli = program != NULL;
    if (given) {
        find_given(target, &h);
    } else if (env) {
        find_in_environment(env, &h);
    } else if (context && strcmp(context, "default") != 0) {
        if (read_context(context, &h, err) < 0)
            return -(int)err->code;
    } else {
        find_socket(&h);
    }
    struct skf_err no_certs = SKF_ERR_INIT;
    if (h.certs && is_tcp(h.address) && skf_docker_tls_read(h.certs, &h.tls, &no_certs) < 0) {
        h.api = false;
        if (!h.cli) { /* the docker program knows more ways */
            skf_docker_host_release(&h);
            *err = no_certs;
            return -(int)err->code;
        }
    }
    h.api = h.api && (strncmp(h.address, "unix://", 7) == 0 || is_tcp(h.address));
    const char *socket = strncmp(h.address, "unix://", 7) == 0 ? h.address + 7 : NULL;
    if (h.cli && socket && access(socket, R_OK | W_OK) < 0)
        h.api = false; /* a docker program that is podman, say, needs no such socket */
    if (!h.cli && (!h.api || (socket && !skf_file_exists(socket)))) {
        skf_err_set(err, SKF_ENOTFOUND,
                    h.api ? "no Docker here: the program 'docker' is not in PATH, and nothing "
                            "listens at '%s' (%s); install Docker, or set DOCKER_HOST"
                          : "the Docker address '%s' (%s) needs the program 'docker', which is not "
                            "in PATH: install it, or set DOCKER_HOST to unix:// or tcp://",
                    h.address, h.origin);
        skf_docker_host_release(&h);
        return -(int)err->code;
    }
    *out = h;
    return 0;
}

void skf_docker_host_release(struct skf_docker_host *h)
{
    free(h->address);
    free(h->origin_owned);
    free(h->certs);
    skf_docker_tls_release(&h->tls);
    memset(h, 0, sizeof *h);
}

int skf_docker_host_check(const struct skf_docker_host *h, struct skf_err *err)
{
    if (strncmp(h->address, "unix://", 7) != 0 || access(h->address + 7, R_OK | W_OK) == 0)
        return 0;
    if (errno == EACCES)
        return skf_err_set(
            err, SKF_EDENIED,
            "cannot reach Docker at '%s': permission denied; is your user in the group "
            "'docker'?",
            h->address);
    return skf_err_set(
        err, SKF_ENET,
        "no Docker Engine listens at '%s' (%s): start it (systemctl start docker), or set "
        "DOCKER_HOST",
        h->address, h->origin);
}

void skf_docker_host_blame(const struct skf_docker_host *h, struct skf_err *err)
{
    if (err->code == SKF_ENET || err->code == SKF_ETIMEDOUT)
        skf_err_wrap(err, "cannot reach Docker at '%s' (%s; is it running?)", h->address,
                     h->origin);
}

void skf_docker_host_env(const struct skf_docker_host *h, struct skf_strv *env)
{
    if (!h->given)
        return;
    skf_strv_addf(env, "DOCKER_HOST=%s", h->address);
    skf_strv_addf(env, "DOCKER_TLS_VERIFY=%s", h->certs ? "1" : "");
    if (h->certs)
        skf_strv_addf(env, "DOCKER_CERT_PATH=%s", h->certs);
}

void skf_docker_host_address(const struct skf_docker_host *h, struct skf_http_req *r,
                             const char *path)
{
    if (strncmp(h->address, "unix://", 7) == 0) {
        r->transport.unix_socket = h->address + 7;
        skf_replace(&r->url, skf_xasprintf("http://docker%s", path));
    } else {
        skf_replace(&r->url, skf_xasprintf("%s://%s%s", h->certs ? "https" : "http",
                                           strstr(h->address, "://") + 3, path));
        skf_docker_tls_apply(&h->tls, &r->transport);
    }
}

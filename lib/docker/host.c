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
    skf_autofree char *tls = skf_xasprintf("%s/contexts/tls/%s", dir, skf_digest_hex(digest));
    json_t *doc = read_json(path, err);
    const char *host = json_string_value(
        json_object_get(json_object_get(json_object_get(doc, "Endpoints"), "docker"), "Host"));
    if (!host || !host[0]) {
        json_decref(doc);
        return skf_err_set(err, SKF_ECONFIG,
                           "the docker context '%s' has no host ('%s'): choose another by "
                           "DOCKER_CONTEXT or 'docker context use'",
                           name, path);
    }
    out->address = skf_xstrdup(host);
    out->origin = out->origin_owned = skf_xasprintf("the docker context '%s'", name);
    out->api = !skf_file_is_dir(tls); /* certificates: the docker program knows how */
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

static bool is_plain(const char *address)
{
    return strncmp(address, "tcp://", 6) == 0 || strncmp(address, "http://", 7) == 0;
}

int skf_docker_host_find(const char *given, struct skf_docker_host *out, struct skf_err *err)
{
    struct skf_docker_host h = { .api = true };
    const char *env = environment("DOCKER_HOST");
    skf_autofree char *context = given || env ? NULL : current_context();
    skf_autofree char *program = skf_proc_which("docker");
    h.cli = program != NULL;
    h.given = given != NULL;
    if (given || env) {
        h.address = skf_xstrdup(given ? given : env);
        h.origin = given ? "the target" : "DOCKER_HOST";
    } else if (context && strcmp(context, "default") != 0) {
        if (read_context(context, &h, err) < 0)
            return -(int)err->code;
    } else {
        find_socket(&h);
    }
    bool tls = environment("DOCKER_TLS_VERIFY") != NULL;
    h.api = h.api && (strncmp(h.address, "unix://", 7) == 0 || (is_plain(h.address) && !tls));
    const char *socket = strncmp(h.address, "unix://", 7) == 0 ? h.address + 7 : NULL;
    if (h.cli && socket && access(socket, R_OK | W_OK) < 0)
        h.api = false; /* a docker program that is podman, say, needs no such socket */
    if (!h.cli && (!h.api || (socket && !skf_file_exists(socket)))) {
        skf_err_set(
            err, SKF_ENOTFOUND,
            h.api ? "no Docker here: the program 'docker' is not in PATH, and nothing "
                    "listens at '%s' (%s); install Docker, or set DOCKER_HOST"
                  : "the Docker address '%s' (%s) needs the program 'docker', which is not "
                    "in PATH: install it, or set DOCKER_HOST to unix:// or tcp:// without TLS",
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

void skf_docker_host_address(const struct skf_docker_host *h, struct skf_http_req *r,
                             const char *path)
{
    if (strncmp(h->address, "unix://", 7) == 0) {
        r->transport.unix_socket = h->address + 7;
        skf_replace(&r->url, skf_xasprintf("http://docker%s", path));
    } else {
        skf_replace(&r->url, skf_xasprintf("http://%s%s", strstr(h->address, "://") + 3, path));
    }
}

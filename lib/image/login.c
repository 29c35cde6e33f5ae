#include "lib/image/login.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/path.h"
#include "lib/base/vec.h"
#include "lib/io/file.h"

enum { MAX_FILE = 1024 * 1024 };

#define HUB_SERVER "https://index.docker.io/v1/"

void skf_secret_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

void skf_login_release(struct skf_login *l)
{
    free(l->user);
    skf_secret_free(l->password);
    skf_secret_free(l->identity_token);
    skf_secret_free(l->registry_token);
    memset(l, 0, sizeof *l);
}

bool skf_login_any(const struct skf_login *l)
{
    return l->user || l->identity_token || l->registry_token;
}

/* --- files ------------------------------------------------------------------------------------ */

static const char *home(void)
{
    const char *dir = getenv("HOME");
    if (dir && *dir)
        return dir;
    const struct passwd *pw = getpwuid(getuid());
    return pw ? pw->pw_dir : "/";
}

/* Absent: 0 and *out stays NULL. */
static int load_json(const char *path, json_t **out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err why = SKF_ERR_INIT;
    if (skf_file_read(path, MAX_FILE, &text, &why) < 0) {
        if (why.code == SKF_ENOTFOUND)
            return 0;
        *err = why;
        return skf_err_wrap(err, "cannot read registry credentials");
    }
    json_error_t bad;
    json_t *doc = json_loadb(text.data, text.len, 0, &bad);
    explicit_bzero(text.data, text.len);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return skf_err_set(err, SKF_EINVAL, "registry credentials in '%s' are not valid JSON: %s",
                           path, doc ? "no object" : bad.text);
    }
    *out = doc;
    return 0;
}

int skf_login_load(const char *docker_config, struct skf_login_file *out, struct skf_err *err)
{
    struct skf_login_file f = { 0 };
    const char *inline_text = getenv("DOCKER_AUTH_CONFIG");
    if (inline_text && *inline_text) {
        f.extra = json_loads(inline_text, 0, NULL);
        if (!json_is_object(f.extra)) {
            json_decref(f.extra);
            return skf_err_set(err, SKF_EINVAL, "DOCKER_AUTH_CONFIG is not a JSON object");
        }
    }
    SKF_VEC(char *) paths = { 0 };
    const char *dir = docker_config ? docker_config : getenv("DOCKER_CONFIG");
    skf_autofree char *own = dir && *dir ? skf_xstrdup(dir) : skf_path_join(home(), ".docker");
    skf_vec_push(&paths, skf_path_join(own, "config.json"));
    if (!docker_config) { /* podman's, only when there is no Docker file */
        const char *auth = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
        if (auth && *auth)
            skf_vec_push(&paths, skf_xstrdup(auth));
        if (run && *run)
            skf_vec_push(&paths, skf_path_join(run, "containers/auth.json"));
    }
    int rc = 0;
    for (size_t i = 0; !rc && !f.doc && i < paths.n; i++) {
        rc = load_json(paths.v[i], &f.doc, err);
        if (f.doc)
            f.path = skf_xstrdup(paths.v[i]);
    }
    for (size_t i = 0; i < paths.n; i++)
        free(paths.v[i]);
    skf_vec_release(&paths);
    if (rc)
        skf_login_unload(&f);
    else
        *out = f;
    return rc;
}

void skf_login_unload(struct skf_login_file *f)
{
    json_decref(f->doc);
    json_decref(f->extra);
    free(f->path);
    memset(f, 0, sizeof *f);
}

/* --- look-up ---------------------------------------------------------------------------------- */

static bool is_hub(const char *host)
{
    static const char *const names[] = { "docker.io", "index.docker.io", "registry-1.docker.io" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(names); i++)
        if (strcasecmp(host, names[i]) == 0)
            return true;
    return false;
}

/* "https://HOST/v1/" -> "HOST"; owned. */
static char *host_of_key(const char *key)
{
    if (strncasecmp(key, "https://", 8) == 0)
        key += 8;
    else if (strncasecmp(key, "http://", 7) == 0)
        key += 7;
    size_t len = strcspn(key, "/");
    const char *path = key + len;
    if (*path && strcmp(path, "/") != 0 && strncmp(path, "/v1", 3) != 0 &&
        strncmp(path, "/v2", 3) != 0)
        return NULL; /* a key for a path below, not for the host */
    return skf_xstrndup(key, len);
}

/* The value under the longest prefix of host/path, then under any old spelling of the host. */
static json_t *find_key(const json_t *map, const char *repository)
{
    skf_autofree char *key = skf_xstrdup(repository);
    for (;;) {
        json_t *v = json_object_get(map, key);
        if (v)
            return v;
        char *slash = strrchr(key, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)map, name, v)
    {
        skf_autofree char *host = host_of_key(name);
        if (host && (strcasecmp(host, key) == 0 || (is_hub(host) && is_hub(key))))
            return v;
    }
    return NULL;
}

static void copy_text(char **to, const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    if (s && *s)
        *to = skf_xstrdup(s);
}

static int read_auth(const json_t *entry, const char *where, const char *repository,
                     struct skf_login *out, struct skf_err *err)
{
    struct skf_login l = { 0 };
    copy_text(&l.identity_token, entry, "identitytoken");
    copy_text(&l.registry_token, entry, "registrytoken");
    copy_text(&l.user, entry, "username");
    copy_text(&l.password, entry, "password");
    const char *auth = json_string_value(json_object_get(entry, "auth"));
    if (auth && *auth) {
        size_t len = 0;
        char *text = skf_base64_decode(auth, &len);
        char *colon = text ? strchr(text, ':') : NULL;
        if (!colon || colon == text) {
            skf_secret_free(text);
            skf_login_release(&l);
            return skf_err_set(err, SKF_EINVAL,
                               "the entry 'auth' for '%s' in '%s' is not base64 of user:password",
                               repository, where);
        }
        skf_replace(&l.user, skf_xstrndup(text, (size_t)(colon - text)));
        skf_secret_free(l.password);
        l.password = skf_xstrdup(colon + 1);
        explicit_bzero(text, len);
        free(text);
    }
    if (l.user && !l.password)
        l.password = skf_xstrdup("");
    *out = l;
    return 0;
}

static char *server_of(const char *repository)
{
    skf_autofree char *host = skf_xstrndup(repository, strcspn(repository, "/"));
    return skf_xstrdup(is_hub(host) ? HUB_SERVER : host);
}

int skf_login_find(const struct skf_login_file *f, const char *repository, struct skf_login *out,
                   char **helper, char **server, struct skf_err *err)
{
    struct skf_login found = { 0 };
    const json_t *entry = find_key(json_object_get(f->extra, "auths"), repository);
    if (entry)
        return read_auth(entry, "DOCKER_AUTH_CONFIG", repository, out, err);
    const char *suffix =
        json_string_value(find_key(json_object_get(f->doc, "credHelpers"), repository));
    if (!suffix)
        suffix = json_string_value(json_object_get(f->doc, "credsStore"));
    if (suffix && *suffix) {
        for (const char *p = suffix; *p; p++)
            if (*p == '/')
                return skf_err_set(err, SKF_EINVAL, "'%s' names the credential helper '%s'",
                                   f->path, suffix);
        *helper = skf_xasprintf("docker-credential-%s", suffix);
        *server = server_of(repository);
        return 0;
    }
    entry = find_key(json_object_get(f->doc, "auths"), repository);
    if (entry && read_auth(entry, f->path, repository, &found, err) < 0)
        return -(int)err->code;
    const char *token = getenv("GITHUB_TOKEN");
    if (!skf_login_any(&found) && token && *token && strncmp(repository, "ghcr.io/", 8) == 0) {
        const char *actor = getenv("GITHUB_ACTOR");
        found.user = skf_xstrdup(actor && *actor ? actor : "unset");
        found.password = skf_xstrdup(token);
    }
    *out = found;
    return 0;
}

int skf_login_from_helper(const char *helper, int status, const char *text, size_t len,
                          struct skf_login *out, struct skf_err *err)
{
    if (status != 0) {
        if (strstr(text, "credentials not found"))
            return 0;
        int shown = (int)strcspn(text, "\r\n");
        return skf_err_set(err, SKF_EDENIED, "the credential helper '%s' failed: %.*s", helper,
                           shown > 200 ? 200 : shown, shown ? text : "no message");
    }
    json_t *doc = json_loadb(text, len, 0, NULL);
    const char *user = json_string_value(json_object_get(doc, "Username"));
    const char *secret = json_string_value(json_object_get(doc, "Secret"));
    if (!user || !secret) {
        json_decref(doc);
        return skf_err_set(err, SKF_EPROTO, "the credential helper '%s' printed no credentials",
                           helper);
    }
    if (strcmp(user, "<token>") == 0) {
        out->identity_token = skf_xstrdup(secret);
    } else if (*user) {
        out->user = skf_xstrdup(user);
        out->password = skf_xstrdup(secret);
    }
    json_decref(doc);
    return 0;
}

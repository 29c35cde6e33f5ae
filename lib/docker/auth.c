#include "lib/docker/auth.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/mem.h"
#include "lib/image/login.h"

static char *encode(const json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT);
    char *out = skf_base64_encode(text, strlen(text));
    skf_secret_free(text);
    for (char *p = out; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return out;
}

static json_t *auth_config(const struct skf_login *l, const char *server)
{
    json_t *doc = json_pack("{s:s}", "serveraddress", server);
    if (l->identity_token) {
        json_object_set_new(doc, "identitytoken", json_string(l->identity_token));
    } else if (l->registry_token) {
        json_object_set_new(doc, "registrytoken", json_string(l->registry_token));
    } else {
        json_object_set_new(doc, "username", json_string(l->user ? l->user : ""));
        json_object_set_new(doc, "password", json_string(l->password ? l->password : ""));
    }
    return doc;
}

int skf_docker_auth(const char *repository, char **out, struct skf_err *err)
{
    struct skf_login_file file = { 0 };
    struct skf_login login = { 0 };
    skf_autofree char *helper = NULL, *server = NULL;
    skf_autofree char *host = skf_xstrndup(repository, strcspn(repository, "/"));
    int rc = skf_login_load(NULL, &file, err);
    if (rc == 0)
        rc = skf_login_find(&file, repository, &login, &helper, &server, err);
    if (rc == 0 && helper)
        rc =
            skf_err_set(err, SKF_EUNSUPPORTED,
                        "the credentials for '%s' are kept by the helper '%s': install the program "
                        "'docker', which asks it",
                        host, helper);
    if (rc == 0 && skf_login_any(&login)) {
        json_t *doc = auth_config(&login, host);
        *out = encode(doc);
        json_decref(doc);
    }
    skf_login_release(&login);
    skf_login_unload(&file);
    return rc;
}

char *skf_docker_auth_all(void)
{
    struct skf_login_file file = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    char *out = NULL;
    const char *key;
    json_t *value, *all = json_object();
    if (skf_login_load(NULL, &file, &ignored) < 0) {
        json_decref(all);
        return NULL;
    }
    json_object_foreach(json_object_get(file.doc, "auths"), key, value)
    {
        struct skf_login login = { 0 };
        skf_autofree char *helper = NULL, *server = NULL;
        const char *host = strstr(key, "://") ? strstr(key, "://") + 3 : key;
        skf_autofree char *any = skf_xasprintf("%.*s/x", (int)strcspn(host, "/"), host);
        if (skf_login_find(&file, any, &login, &helper, &server, &ignored) == 0 &&
            skf_login_any(&login))
            json_object_set_new(all, key, auth_config(&login, key));
        skf_login_release(&login);
    }
    if (json_object_size(all))
        out = encode(all);
    json_decref(all);
    skf_login_unload(&file);
    return out;
}

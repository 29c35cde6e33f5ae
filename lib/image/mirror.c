#include "lib/image/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/image/toml.h"
#include "lib/io/file.h"

enum { MAX_FILE = 1024 * 1024 };

struct mirror {
    char *host;   /* "mirror.local:5000" */
    char *prefix; /* of repositories there: "proxy/hub", or "" */
    bool insecure, resolves, has_content;
};

struct mirrors {
    SKF_VEC(struct mirror) v;
};

void skf_mirror_list_free(void *p)
{
    struct mirrors *list = p;
    for (size_t i = 0; i < list->v.n; i++) {
        free(list->v.v[i].host);
        free(list->v.v[i].prefix);
    }
    skf_vec_release(&list->v);
    free(list);
}

/* "https://host:port/path" -> host, and the path below /v2. False: nothing that can be asked. */
static bool add_url(struct mirrors *list, const char *url, bool override_path)
{
    bool http = strncasecmp(url, "http://", 7) == 0;
    if (!http && strncasecmp(url, "https://", 8) != 0)
        return false;
    const char *host = url + (http ? 7 : 8);
    size_t len = strcspn(host, "/?#");
    skf_autofree char *path = skf_xstrdup(host + len);
    for (size_t n = strlen(path); n && path[n - 1] == '/'; n--)
        path[n - 1] = '\0';
    /* Without override_path "/v2" comes behind the path, and there is no such registry API. */
    const char *below = path;
    if (strcmp(path, "/v2") == 0 || strncmp(path, "/v2/", 4) == 0)
        below = path[3] ? path + 4 : "";
    else if (path[0])
        return false;
    if (below[0] && !override_path)
        return false;
    if (!len || memchr(host, '@', len))
        return false;
    skf_vec_push(&list->v, (struct mirror){ .host = skf_xstrndup(host, len),
                                            .prefix = skf_xstrdup(below),
                                            .insecure = http,
                                            .resolves = true,
                                            .has_content = true });
    return true;
}

/* --- containerd's hosts.toml ------------------------------------------------------------------ */

struct host_table {
    char *url; /* NULL: not in a table of a host */
    bool override_path, skip_verify, resolves, has_content;
};

struct hosts_file {
    struct mirrors *list;
    struct host_table now;
};

static void end_host(struct hosts_file *f)
{
    struct host_table *t = &f->now;
    if (t->url && add_url(f->list, t->url, t->override_path)) {
        struct mirror *m = &f->list->v.v[f->list->v.n - 1];
        m->insecure = m->insecure || t->skip_verify;
        m->resolves = t->resolves;
        m->has_content = t->has_content;
    } else if (t->url) {
        skf_log_debug("registry: the mirror '%s' has a form that skiff does not ask", t->url);
    }
    skf_replace(&t->url, NULL);
}

static int on_table(void *data, const struct skf_strv *name, struct skf_err *err)
{
    struct hosts_file *f = data;
    (void)err;
    if (name->n > 2 && f->now.url && strcmp(name->v[1], f->now.url) == 0)
        return 0; /* [host."x".header] */
    end_host(f);
    if (name->n == 2 && strcmp(name->v[0], "host") == 0)
        f->now = (struct host_table){ .url = skf_xstrdup(name->v[1]),
                                      .resolves = true,
                                      .has_content = true };
    return 0;
}

static int on_value(void *data, const char *key, const struct skf_strv *value, struct skf_err *err)
{
    struct hosts_file *f = data;
    bool yes = value->n == 1 && strcmp(value->v[0], "true") == 0;
    (void)err;
    if (!f->now.url)
        return 0;
    if (strcmp(key, "skip_verify") == 0) {
        f->now.skip_verify = yes;
    } else if (strcmp(key, "override_path") == 0) {
        f->now.override_path = yes;
    } else if (strcmp(key, "capabilities") == 0) {
        f->now.resolves = skf_strv_has(value, "resolve");
        f->now.has_content = skf_strv_has(value, "pull");
    }
    return 0;
}

/* False: there is no such file. */
static bool read_hosts(const char *dir, const char *host, struct mirrors *list)
{
    skf_autofree char *path = skf_xasprintf("%s/%s/hosts.toml", dir, host);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err why = SKF_ERR_INIT;
    struct hosts_file f = { .list = list };
    const struct skf_toml_handler to = { on_table, on_value, &f };
    if (skf_file_read(path, MAX_FILE, &text, &why) < 0)
        return false;
    if (skf_toml_read(text.data ? text.data : "", &to, &why) < 0)
        skf_log_debug("registry: '%s': line %d: %s", path, why.line, why.msg);
    end_host(&f);
    return true;
}

/* --- Docker's daemon.json --------------------------------------------------------------------- */

static bool read_daemon(const char *path, struct mirrors *list)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err why = SKF_ERR_INIT;
    json_error_t bad;
    if (skf_file_read(path, MAX_FILE, &text, &why) < 0)
        return false;
    json_t *doc = json_loadb(text.data, text.len, 0, &bad);
    if (!doc)
        skf_log_debug("registry: '%s': line %d: %s", path, bad.line, bad.text);
    const json_t *urls = json_object_get(doc, "registry-mirrors");
    for (size_t i = 0; i < json_array_size(urls); i++) {
        const char *url = json_string_value(json_array_get(urls, i));
        if (url && !add_url(list, url, false))
            skf_log_debug("registry: the mirror '%s' has a form that skiff does not ask", url);
    }
    json_decref(doc);
    return true;
}

/* The daemon of this user, else that of the machine. */
static void read_docker(const struct skf_registry *r, struct mirrors *list)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (r->daemon_json) {
        read_daemon(r->daemon_json, list);
        return;
    }
    skf_autofree char *own = config && *config ? skf_path_join(config, "docker/daemon.json")
                             : home && *home   ? skf_path_join(home, ".config/docker/daemon.json")
                                               : NULL;
    if (!own || !read_daemon(own, list))
        read_daemon("/etc/docker/daemon.json", list);
}

/* --- places ----------------------------------------------------------------------------------- */

static const struct mirrors *mirrors_of(struct skf_registry *r, const char *domain)
{
    struct mirrors *list = skf_map_get(&r->mirrors, domain);
    if (list)
        return list;
    list = skf_xcalloc(1, sizeof *list);
    if (!read_hosts(r->hosts_dir, domain, list))
        read_hosts(r->hosts_dir, "_default", list);
    if (!list->v.n && strcmp(domain, "docker.io") == 0)
        read_docker(r, list);
    skf_map_put(&r->mirrors, domain, list);
    return list;
}

bool skf_mirror_place(struct skf_registry *r, const struct skf_ref *ref, size_t i,
                      enum skf_mirror_use use, struct skf_ref *out, bool *insecure)
{
    const struct mirrors *list = mirrors_of(r, ref->domain);
    *insecure = false;
    for (size_t k = 0; k < list->v.n; k++) {
        const struct mirror *m = &list->v.v[k];
        if (!(use == SKF_MIRROR_RESOLVE ? m->resolves : m->has_content))
            continue;
        if (strcasecmp(m->host, ref->domain) == 0 || i-- > 0)
            continue;
        *out = (struct skf_ref){ .domain = skf_xstrdup(m->host),
                                 .path = skf_xasprintf("%s%s%s", m->prefix, m->prefix[0] ? "/" : "",
                                                       ref->path) };
        *insecure = m->insecure;
        return true;
    }
    if (i > 0)
        return false;
    *out = (struct skf_ref){ .domain = skf_xstrdup(ref->domain), .path = skf_xstrdup(ref->path) };
    return true;
}

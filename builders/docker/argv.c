#include <jansson.h>
#include <string.h>

#include "builders/docker/settings.h"
#include "lib/image/ref.h"
#include "lib/io/http.h"

static void add_each(struct skf_strv *argv, const char *flag, const struct skf_strv *values)
{
    for (size_t i = 0; i < values->n; i++) {
        skf_strv_add(argv, flag);
        skf_strv_add(argv, values->v[i]);
    }
}

static void add_pair(struct skf_strv *argv, const char *flag, const char *value)
{
    if (!value || !value[0])
        return;
    skf_strv_add(argv, flag);
    skf_strv_add(argv, value);
}

void skf_docker_argv(const struct skf_docker_settings *s, bool buildkit, struct skf_strv *argv)
{
    const struct skf_docker_options *o = s->options;
    skf_strv_add(argv, "docker");
    skf_strv_add(argv, "build");
    skf_strv_add(argv, s->files.dir);
    add_pair(argv, "--file", s->files.dockerfile);
    add_pair(argv, "-t", s->reference);
    add_each(argv, "--build-arg", &s->build_args);
    for (size_t i = 0; i < o->add_host.n; i++)
        add_pair(argv, "--add-host", o->add_host.v[i]);
    add_each(argv, "--cache-from", &s->cache_from);
    skf_strv_addv(argv, &s->cli_flags);
    add_pair(argv, "--target", o->target);
    add_pair(argv, "--network", s->network);
    if (o->no_cache)
        skf_strv_add(argv, "--no-cache");
    if (o->squash)
        skf_strv_add(argv, "--squash");
    if (o->pull_parent)
        skf_strv_add(argv, "--pull");
    add_each(argv, "--secret", &s->secrets);
    add_pair(argv, "--ssh", o->ssh);
    add_pair(argv, "--platform", s->platform);
    if (!buildkit) /* BuildKit has no containers of steps */
        skf_strv_add(argv, "--force-rm");
    /* `docker build` leaves the image in the Engine by itself, unless another builder is asked for.
     */
    const char *builder = getenv("BUILDX_BUILDER");
    if (buildkit && builder && builder[0])
        skf_strv_add(argv, "--load");
}

/* --- the API ---------------------------------------------------------------------------------- */

static void add_query(struct skf_buf *q, const char *key, const char *value)
{
    if (!value || !value[0])
        return;
    skf_autofree char *escaped = skf_http_escape(value);
    skf_buf_addf(q, "%s%s=%s", q->len ? "&" : "", key, escaped);
}

static void add_json(struct skf_buf *q, const char *key, json_t *doc)
{
    skf_autofree char *text = json_dumps(doc, JSON_COMPACT);
    if (json_object_size(doc) || json_array_size(doc))
        add_query(q, key, text);
    json_decref(doc);
}

/* The Engine cannot see our environment. */
static json_t *args_json(const struct skf_docker_settings *s)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < s->build_args.n; i++) {
        const char *arg = s->build_args.v[i], *eq = strchr(arg, '=');
        skf_autofree char *name = skf_xstrndup(arg, strcspn(arg, "="));
        const char *value = eq ? eq + 1 : getenv(name);
        if (value)
            json_object_set_new(doc, name, json_string(value));
    }
    return doc;
}

char *skf_docker_query(const struct skf_docker_settings *s, const char *dockerfile_in_tar)
{
    const struct skf_docker_options *o = s->options;
    struct skf_buf q = SKF_BUF_INIT;
    json_t *cache = json_array();
    add_query(&q, "dockerfile", dockerfile_in_tar);
    add_query(&q, "t", s->reference);
    add_json(&q, "buildargs", args_json(s));
    for (size_t i = 0; i < o->add_host.n; i++)
        add_query(&q, "extrahosts", o->add_host.v[i]);
    for (size_t i = 0; i < s->cache_from.n; i++)
        json_array_append_new(cache, json_string(s->cache_from.v[i]));
    add_json(&q, "cachefrom", cache);
    add_query(&q, "target", o->target);
    add_query(&q, "networkmode", s->network);
    if (o->no_cache)
        add_query(&q, "nocache", "1");
    if (o->pull_parent)
        add_query(&q, "pull", "1");
    if (o->squash)
        add_query(&q, "squash", "1");
    add_query(&q, "platform", s->platform);
    add_query(&q, "rm", "1");
    add_query(&q, "forcerm", "1"); /* a step that fails or is cancelled leaves no container either */
    add_query(&q, "version", "1");
    return skf_buf_take(&q);
}

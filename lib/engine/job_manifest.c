/* From the general to the particular: the user's manifest (or an empty Job), the container, the
 * overrides, and last what must hold: its name, its namespace. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/doc/doc.h"
#include "lib/doc/emit.h"
#include "lib/engine/job.h"
#include "lib/io/file.h"
#include "lib/kube/jget.h"

enum { MAX_MANIFEST = 1024 * 1024 };

/* The one document of a text, which is a mapping. */
static int read_object(const char *file, const char *text, size_t len, json_t **out,
                       struct skf_err *err)
{
    struct skf_doc *doc = NULL;
    const struct skf_node *root = NULL;
    skf_autobuf struct skf_buf json = SKF_BUF_INIT;
    size_t n = 0;
    if (skf_doc_parse(file, text, len, &doc, err) < 0 || skf_doc_check_dups(doc, err) < 0) {
        skf_doc_free(doc);
        return -(int)err->code;
    }
    for (size_t i = 0; i < doc->n_parts; i++) {
        if (doc->parts[i].root) {
            root = doc->parts[i].root;
            n++;
        }
    }
    if (n == 1 && root->kind == SKF_MAPPING) {
        skf_emit_json(root, 0, &json);
        *out = json_loadb(json.data, json.len, 0, NULL);
    }
    skf_doc_free(doc);
    return *out ? 0 : skf_err_set(err, SKF_ECONFIG, "%s: it must be one object", file);
}

static int read_manifest(const char *path, json_t **out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (skf_file_read(path, MAX_MANIFEST, &text, err) < 0 ||
        read_object(path, text.data ? text.data : "", text.len, out, err) < 0) {
        err->code = SKF_ECONFIG; /* the configuration names it */
        return -(int)err->code;
    }
    const char *kind = skf_jtext(*out, "kind");
    if (strcmp(kind, "Job") == 0)
        return 0;
    return skf_err_set(err, SKF_ECONFIG, "%s: jobManifestPath names a Job, and its kind is '%s'",
                       path, kind);
}

/* The member, made to be of the type it must have. Borrowed. */
static json_t *member(json_t *object, const char *key, json_type type)
{
    json_t *v = json_object_get(object, key);
    if (v && json_typeof(v) == type)
        return v;
    v = type == JSON_ARRAY ? json_array() : json_object();
    json_object_set_new(object, key, v);
    return v;
}

static json_t *pod_spec_of(json_t *job)
{
    json_t *template_ = member(member(job, "spec", JSON_OBJECT), "template", JSON_OBJECT);
    return member(template_, "spec", JSON_OBJECT);
}

static json_t *named(json_t *list, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (strcmp(skf_jtext(v, "name"), name) == 0) return v;
    return NULL;
}

static void put_strings(json_t *object, const char *key, const struct skf_strings *v)
{
    if (!v->n)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < v->n; i++)
        json_array_append_new(list, json_string(v->v[i]));
    json_object_set_new(object, key, list);
}

/* One of that name in the manifest keeps what the configuration does not say. */
static void put_container(json_t *containers, const struct skf_container *c, const char *image)
{
    json_t *to = named(containers, c->name);
    if (!to) {
        to = json_pack("{s:s}", "name", c->name);
        json_array_append_new(containers, to);
    }
    json_object_set_new(to, "image", json_string(image));
    put_strings(to, "command", &c->command);
    put_strings(to, "args", &c->args);
    const struct skf_variable *env = c->env.v;
    for (size_t i = 0; i < c->env.n; i++) {
        json_t *list = member(to, "env", JSON_ARRAY), *v = named(list, env[i].name);
        if (!v) {
            v = json_pack("{s:s}", "name", env[i].name);
            json_array_append_new(list, v);
        }
        json_object_del(v, "valueFrom");
        json_object_set_new(v, "value", json_string(env[i].value ? env[i].value : ""));
    }
}

static void merge(json_t *into, json_t *patch);

static void merge_containers(json_t *into, json_t *patch)
{
    size_t i;
    json_t *p;
    json_array_foreach(patch, i, p)
    {
        json_t *to = named(into, skf_jtext(p, "name"));
        if (to)
            merge(to, p);
        else
            json_array_append(into, p);
    }
}

/* RFC 7386, but for containers, which are merged by their names as `kubectl apply` does. */
static void merge(json_t *into, json_t *patch)
{
    const char *key;
    json_t *p;
    json_object_foreach(patch, key, p)
    {
        json_t *old = json_object_get(into, key);
        if (json_is_null(p))
            json_object_del(into, key);
        else if (json_is_object(p))
            merge(member(into, key, JSON_OBJECT), p);
        else if (json_is_array(p) && json_is_array(old) && strcmp(key, "containers") == 0)
            merge_containers(old, p);
        else
            json_object_set(into, key, p);
    }
}

static int add_overrides(json_t *job, const char *text, struct skf_err *err)
{
    json_t *patch = NULL;
    if (read_object("overrides", text, strlen(text), &patch, err) < 0) {
        err->code = SKF_ECONFIG;
        return -(int)err->code;
    }
    merge(job, patch);
    json_decref(patch);
    return 0;
}

/* A name that nobody else has, fit for the label that its pods get. */
static void put_place(json_t *job, const struct skf_container *c, const struct skf_job_place *place)
{
    json_t *meta = member(job, "metadata", JSON_OBJECT);
    skf_autofree char *name = skf_xasprintf("%.40s-skiff-%ld-%08lx", c->name, (long)getpid(),
                                            (unsigned long)time(NULL) & 0xffffffff);
    json_object_set_new(meta, "name", json_string(name));
    json_object_del(meta, "generateName");
    if (place->namespace_ || !*skf_jtext(meta, "namespace"))
        json_object_set_new(meta, "namespace",
                            json_string(place->namespace_ ? place->namespace_ : place->otherwise));
}

int skf_job_manifest(const struct skf_cluster_mode *mode, const char *dir,
                     const struct skf_container *container, const char *image,
                     const struct skf_job_place *place, json_t **out, struct skf_err *err)
{
    json_t *job = NULL;
    if (mode->job_manifest && *mode->job_manifest) {
        skf_autofree char *path = skf_path_abs(dir, mode->job_manifest);
        if (read_manifest(path, &job, err) < 0) {
            json_decref(job);
            return skf_err_wrap(err, "jobManifestPath");
        }
    }
    job = job ? job : json_object();
    json_object_set_new(job, "apiVersion", json_string("batch/v1"));
    json_object_set_new(job, "kind", json_string("Job"));
    json_object_set_new(member(job, "spec", JSON_OBJECT), "backoffLimit", json_integer(0));
    json_t *pod = pod_spec_of(job);
    json_object_set_new(pod, "restartPolicy", json_string("Never"));
    put_container(member(pod, "containers", JSON_ARRAY), container, image);
    if (mode->overrides && *mode->overrides && add_overrides(job, mode->overrides, err) < 0) {
        json_decref(job);
        return -(int)err->code;
    }
    put_place(job, container, place);
    *out = job;
    return 0;
}

#include "lib/engine/artifact_cache.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/inputs.h"
#include "lib/io/file.h"

enum {
    FORMAT = 1,
    MAX_RESULTS = 6,
    MAX_KEYS = 300,
    MAX_BYTES = 32 * 1024 * 1024,
    RACY_MS = 10, /* stamps lag behind the clock by a tick */
};

typedef SKF_VEC(struct skf_artifact_result) results;

void skf_artifact_result_release(struct skf_artifact_result *r)
{
    skf_inputs_release(&r->inputs);
    skf_replace(&r->required, NULL);
    skf_replace(&r->deployed, NULL);
    skf_replace(&r->digest, NULL);
}

static void release_all(results *all)
{
    for (size_t i = 0; i < all->n; i++)
        skf_artifact_result_release(&all->v[i]);
    skf_vec_release(all);
}

/* --- the file --------------------------------------------------------------------------------- */

static char *file_of(const struct skf_artifact_question *q)
{
    return skf_xasprintf("%s/artifacts/%s.json", q->cache_dir, q->key);
}

static bool read_list(const json_t *o, const char *name, struct skf_strv *out)
{
    const json_t *list = json_object_get(o, name);
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        good = text && text[0];
        if (good)
            skf_strv_add(out, text);
    }
    return good;
}

static bool read_text(const json_t *o, const char *name, char **out)
{
    *out = skf_xstrdup_null(json_string_value(json_object_get(o, name)));
    return *out != NULL;
}

static bool read_result(const json_t *o, struct skf_artifact_result *r)
{
    const char *sources = json_string_value(json_object_get(o, "sources"));
    const json_t *inputs = json_object_get(o, "inputs");
    memset(r, 0, sizeof *r);
    r->ask = json_is_null(inputs);
    bool good = sources && strlen(sources) == SKF_SHA256_HEX - 1 &&
                read_text(o, "required", &r->required) && read_text(o, "deployed", &r->deployed) &&
                read_text(o, "digest", &r->digest) && skf_digest_valid(r->digest);
    if (good && !r->ask)
        good = read_list(inputs, "files", &r->inputs.files) &&
               read_list(inputs, "dirs", &r->inputs.dirs) &&
               read_list(inputs, "trees", &r->inputs.trees) &&
               read_list(inputs, "manifests", &r->inputs.manifests) && r->inputs.dirs.n % 2 == 0;
    if (good)
        memcpy(r->sources, sources, sizeof r->sources);
    else
        skf_artifact_result_release(r);
    return good;
}

/* Newest first. What is damaged is left out. */
static void load(const struct skf_artifact_question *q, results *out)
{
    skf_autofree char *file = file_of(q);
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (skf_file_read(file, MAX_BYTES, &text, &err) < 0)
        return;
    json_t *doc = json_loadb(text.data, text.len, 0, NULL);
    const json_t *list = json_object_get(doc, "results");
    if (json_integer_value(json_object_get(doc, "format")) != FORMAT || !json_is_array(list))
        skf_log_debug("artifact cache: '%s' cannot be used", file);
    else
        for (size_t i = 0; i < json_array_size(list) && out->n < MAX_RESULTS; i++) {
            struct skf_artifact_result r;
            if (read_result(json_array_get(list, i), &r))
                skf_vec_push(out, r);
        }
    json_decref(doc);
}

static json_t *list_json(const struct skf_strv *list)
{
    json_t *a = json_array();
    for (size_t i = 0; i < list->n; i++)
        if (json_array_append_new(a, json_string(list->v[i])) < 0) { /* a name that is no UTF-8 */
            json_decref(a);
            return NULL;
        }
    return a;
}

/* NULL: has names that JSON cannot hold. */
static json_t *inputs_json(const struct skf_inputs *in)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "files", list_json(&in->files), "dirs",
                     list_json(&in->dirs), "trees", list_json(&in->trees), "manifests",
                     list_json(&in->manifests));
}

static json_t *result_json(const struct skf_artifact_result *r)
{
    return json_pack("{s:o,s:s,s:s,s:s,s:s}", "inputs",
                     r->ask ? json_null() : inputs_json(&r->inputs), "sources", r->sources,
                     "required", r->required, "deployed", r->deployed, "digest", r->digest);
}

static void save(const struct skf_artifact_question *q, const results *all)
{
    skf_autofree char *file = file_of(q);
    struct skf_err err = SKF_ERR_INIT;
    json_t *list = json_array();
    for (size_t i = 0; i < all->n && i < MAX_RESULTS; i++) {
        json_t *one = result_json(&all->v[i]);
        if (one)
            json_array_append_new(list, one);
    }
    json_t *doc = json_pack("{s:i,s:o}", "format", FORMAT, "results", list);
    char *text = json_dumps(doc, JSON_COMPACT);
    if (!text || skf_file_write_atomic(file, 0600, text, strlen(text), &err) < 0)
        skf_log_debug("artifact cache: %s", text ? err.msg : "cannot be written as JSON");
    free(text);
    json_decref(doc);
}

/* --- finding ---------------------------------------------------------------------------------- */

static int digest_sources(const struct skf_artifact_question *q, const struct skf_inputs *in,
                          struct skf_strv *files, char out[SKF_SHA256_HEX], struct skf_err *err)
{
    int rc = skf_inputs_list(in, q->stop, q->data, files, err);
    if (rc == 0)
        rc = skf_input_digest_memo(files, q->dir, true, q->stop, q->data, q->memo, out, err);
    return rc;
}

static bool same_list(const struct skf_inputs *a, const struct skf_inputs *b)
{
    return skf_strv_equal(&a->files, &b->files) && skf_strv_equal(&a->dirs, &b->dirs) &&
           skf_strv_equal(&a->trees, &b->trees);
}

enum skf_artifact_answer skf_artifact_cache_find(const struct skf_artifact_question *q,
                                                 struct skf_artifact_result *out)
{
    enum skf_artifact_answer answer = SKF_ARTIFACT_NEW;
    const struct skf_inputs *listed = NULL; /* what `now` is the digest of */
    char now[SKF_SHA256_HEX] = "";
    results all = { 0 };
    load(q, &all);
    for (size_t i = 0; i < all.n && answer != SKF_ARTIFACT_KNOWN; i++) {
        struct skf_artifact_result *r = &all.v[i];
        const struct skf_inputs *in = r->ask ? q->known : &r->inputs;
        struct skf_err err = SKF_ERR_INIT;
        skf_autostrv struct skf_strv files = SKF_STRV_INIT;
        if (strcmp(r->required, q->required) != 0)
            continue;
        if (!in) {
            answer = SKF_ARTIFACT_ASK;
            continue;
        }
        bool again = !listed || r->ask || !same_list(listed, in);
        if (again && digest_sources(q, in, &files, now, &err) < 0) {
            if (err.code == SKF_ECANCELED)
                break;
            continue;
        }
        listed = in;
        if (strcmp(now, r->sources) == 0)
            answer = SKF_ARTIFACT_KNOWN;
        if (answer == SKF_ARTIFACT_KNOWN) {
            *out = *r;
            memset(r, 0, sizeof *r);
        }
    }
    release_all(&all);
    return answer;
}

/* --- remembering ------------------------------------------------------------------------------ */

static bool is_newer(const char *path, int64_t than_ms)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    int64_t ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
    return ms + RACY_MS >= than_ms;
}

/* Files by their own stamps; that one has gone or come shows in the stamp of its directory. */
static bool written_since(const struct skf_inputs *in, const struct skf_strv *files, int64_t ms)
{
    skf_autofree char *last = skf_xstrdup("");
    bool newer = false;
    for (size_t i = 0; !newer && i < files->n; i++)
        newer = is_newer(files->v[i], ms);
    for (size_t i = 0; !newer && i + 1 < in->dirs.n; i += 2)
        newer = is_newer(in->dirs.v[i], ms);
    for (size_t i = 0; !newer && i < in->trees.n; i++)
        newer = is_newer(in->trees.v[i], ms);
    for (size_t i = 0; !newer && in->trees.n && i < files->n; i++) {
        skf_autofree char *dir = skf_path_dir(files->v[i]);
        if (strcmp(dir, last) == 0)
            continue;
        for (size_t t = 0; !newer && t < in->trees.n; t++)
            newer = skf_path_within(in->trees.v[t], dir) && is_newer(dir, ms);
        skf_replace(&last, skf_take(&dir));
    }
    return newer;
}

/* The folder does not grow for ever: the oldest goes for the newest. */
static void make_room(const char *dir)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    skf_autofree char *oldest = NULL;
    struct skf_err err = SKF_ERR_INIT;
    time_t when = 0;
    if (skf_file_list(dir, &names, &err) < 0 || names.n < MAX_KEYS)
        return;
    for (size_t i = 0; i < names.n; i++) {
        skf_autofree char *path = skf_path_join(dir, names.v[i]);
        struct stat st;
        if (strcmp(skf_path_ext(path), ".json") != 0 || stat(path, &st) != 0 ||
            (oldest && st.st_mtime >= when))
            continue;
        when = st.st_mtime;
        skf_replace(&oldest, skf_take(&path));
    }
    if (oldest)
        unlink(oldest);
}

static bool copy_inputs(const struct skf_inputs *from, struct skf_inputs *to)
{
    skf_strv_addv(&to->files, &from->files);
    skf_strv_addv(&to->dirs, &from->dirs);
    skf_strv_addv(&to->trees, &from->trees);
    skf_strv_addv(&to->manifests, &from->manifests);
    json_t *fits = inputs_json(to);
    json_decref(fits);
    return fits != NULL;
}

void skf_artifact_cache_put(const struct skf_artifact_question *q, int64_t began_wall_ms,
                            const char *deployed, const char *digest)
{
    skf_autofree char *dir = skf_path_join(q->cache_dir, "artifacts");
    skf_autofree char *lock = skf_path_join(dir, "lock");
    skf_autostrv struct skf_strv files = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    struct skf_artifact_result r = { .ask = q->known->skips != NULL };
    results all = { 0 };
    if (digest_sources(q, q->known, &files, r.sources, &err) < 0 || !files.n ||
        written_since(q->known, &files, began_wall_ms) || skf_file_mkdirs(dir, 0700, &err) < 0 ||
        (!r.ask && !copy_inputs(q->known, &r.inputs))) {
        skf_artifact_result_release(&r);
        return;
    }
    r.required = skf_xstrdup(q->required);
    r.deployed = skf_xstrdup(deployed);
    r.digest = skf_xstrdup(digest);
    int fd = skf_lock_take(lock, &err); /* another skiff's result must not be lost to ours */
    skf_autofree char *file = file_of(q);
    if (!skf_file_exists(file))
        make_room(dir);
    skf_vec_push(&all, r);
    results old = { 0 };
    load(q, &old);
    for (size_t i = 0; i < old.n; i++) {
        bool same =
            strcmp(old.v[i].sources, r.sources) == 0 && strcmp(old.v[i].required, r.required) == 0;
        if (same)
            skf_artifact_result_release(&old.v[i]);
        else
            skf_vec_push(&all, old.v[i]);
    }
    skf_vec_release(&old);
    save(q, &all);
    if (fd >= 0)
        skf_lock_release(fd);
    release_all(&all);
}

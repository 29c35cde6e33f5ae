#include "builders/ko/assemble.h"

#include <string.h>

#include "builders/ko/elf.h"
#include "lib/base/path.h"

const char *skf_ko_program_name(const char *import_path)
{
    const char *base = skf_path_base(import_path);
    return !base[0] || strcmp(base, ".") == 0 || strcmp(base, "/") == 0 ? "ko-app" : base;
}

const char *skf_ko_layer_type(const struct skf_image *base, enum skf_compression how)
{
    bool docker = strcmp(base->manifest->media_type, SKF_MT_DOCKER_MANIFEST) == 0;
    if (how == SKF_LAYER_PLAIN)
        return docker ? SKF_MT_DOCKER_LAYER : SKF_MT_OCI_LAYER;
    if (how == SKF_LAYER_ZSTD)
        return docker ? SKF_MT_DOCKER_LAYER_ZSTD : SKF_MT_OCI_LAYER_ZSTD;
    return docker ? SKF_MT_DOCKER_LAYER_GZIP : SKF_MT_OCI_LAYER_GZIP;
}

/* --- layers ----------------------------------------------------------------------------------- */

static bool stopped(void *work)
{
    return skf_work_cancelled(work);
}

static void make_app(struct skf_work *w)
{
    struct skf_ko_layer_job *j = SKF_CONTAINER_OF(w, struct skf_ko_layer_job, work);
    struct skf_layer *l = skf_layer_new();
    skf_autofree char *file = skf_xasprintf("/ko-app/%s", j->name);
    skf_layer_dir(l, "ko-app", 0555, 0);
    int rc = j->caps.any ? skf_layer_file_caps(l, file, 0555, 0, j->fd, j->caps.bytes, &w->err)
                         : skf_layer_file(l, file, 0555, 0, j->fd, &w->err);
    if (rc == 0)
        j->made.blob =
            skf_layer_finish(l, j->how, j->media_type, j->made.diff_id, stopped, w, &w->err);
    skf_layer_free(l);
}

static void make_kodata(struct skf_work *w)
{
    struct skf_ko_layer_job *j = SKF_CONTAINER_OF(w, struct skf_ko_layer_job, work);
    struct skf_kodata k = { 0 };
    if (skf_kodata_walk(j->package_dir, &k, &w->err) < 0)
        return;
    j->linked_root = k.linked_root;
    /* `mark` comes in as that of the remembered layer. */
    j->reused = strcmp(j->made.mark, k.mark) == 0;
    if (!j->reused) {
        struct skf_layer *l = skf_layer_new();
        snprintf(j->made.mark, sizeof j->made.mark, "%s", k.mark);
        if (skf_kodata_fill(&k, l, j->mtime, j->writable, &w->err) == 0)
            j->made.blob =
                skf_layer_finish(l, j->how, j->media_type, j->made.diff_id, stopped, w, &w->err);
        skf_layer_free(l);
    }
    skf_kodata_release(&k);
}

static void take_over(struct skf_ko_layer_job *j, const struct skf_ko_made_layer *old)
{
    snprintf(j->made.diff_id, sizeof j->made.diff_id, "%s", old->diff_id);
    skf_blob_unref(j->made.blob);
    j->made.blob = skf_blob_ref(old->blob);
    j->reused = true;
}

static void on_made(struct skf_work *w)
{
    struct skf_ko_layer_job *j = SKF_CONTAINER_OF(w, struct skf_ko_layer_job, work);
    j->running = false;
    if (!w->err.code && j->reused) {
        const struct skf_ko_made_layer *old = skf_ko_session_layer(j->session, j->key);
        if (old)
            take_over(j, old);
    }
    if (!w->err.code && !j->made.blob)
        skf_err_set(&w->err, SKF_EBUG, "no layer came of '%s'", j->key);
    j->done(j, w->err.code ? &w->err : NULL);
}

static bool same_program(const struct skf_ko_made_layer *old, const struct skf_ko_made_layer *now)
{
    const struct skf_ko_stamp *a = &old->stamp, *b = &now->stamp;
    if (a->dev != b->dev || a->ino != b->ino || a->size != b->size)
        return false;
    if (a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec)
        return true;
    /* Go touches a file that was up to date. Its build ID holds a hash of the content. */
    return old->build_id[0] && strcmp(old->build_id, now->build_id) == 0;
}

bool skf_ko_layer_start(uv_loop_t *loop, struct skf_ko_session *session, struct skf_ko_layer_job *j,
                        void (*done)(struct skf_ko_layer_job *j, const struct skf_err *err))
{
    struct skf_ko_made_layer *old = skf_ko_session_layer(session, j->key);
    j->done = done;
    j->made.key = j->key;
    if (j->fd >= 0) {
        struct stat st;
        if (fstat(j->fd, &st) == 0)
            j->made.stamp = (struct skf_ko_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
        skf_elf_build_id(j->fd, j->made.build_id);
        if (old && same_program(old, &j->made)) {
            old->stamp = j->made.stamp;
            take_over(j, old);
            return true;
        }
    } else if (old) {
        snprintf(j->made.mark, sizeof j->made.mark, "%s", old->mark);
    }
    j->session = session;
    j->running = true;
    skf_work_start(loop, &j->work, j->fd >= 0 ? make_app : make_kodata, on_made);
    return false;
}

void skf_ko_layer_cancel(struct skf_ko_layer_job *j)
{
    if (j->running)
        skf_work_cancel(&j->work);
}

void skf_ko_layer_release(struct skf_ko_layer_job *j)
{
    skf_blob_unref(j->made.blob);
    free(j->key);
    free(j->name);
    free(j->package_dir);
    memset(j, 0, sizeof *j);
}

/* --- documents -------------------------------------------------------------------------------- */

/* Key, value ... NULL: the user's, then ko's two about the base. Borrowed. */
static const char **annotations_of(const struct skf_ko_image_parts *parts, const char *base_digest)
{
    const struct skf_strv *own = &parts->plan->annotations;
    const char **list = skf_xcalloc(own->n + 5, sizeof *list);
    size_t n = 0;
    /* In ko the base's two are written last and win. */
    for (size_t i = 0; i < own->n; i++)
        list[n++] = own->v[i];
    if (parts->base_name) {
        list[n++] = "org.opencontainers.image.base.digest";
        list[n++] = base_digest;
        list[n++] = "org.opencontainers.image.base.name";
        list[n++] = parts->base_name;
    }
    return list;
}

/* As Skaffold has it. */
const char *const skf_ko_debugger[] = { "/ko-app/dlv",
                                        "exec",
                                        "--headless",
                                        "--continue",
                                        "--accept-multiclient",
                                        "--listen=:56268",
                                        "--api-version=2",
                                        "--check-go-version=false",
                                        NULL };

struct skf_image *skf_ko_image_make(const struct skf_ko_image_parts *parts,
                                    const struct skf_image *base,
                                    const struct skf_ko_made_layer *kodata,
                                    const struct skf_ko_made_layer *app, struct skf_err *err)
{
    const struct skf_ko_plan *plan = parts->plan;
    skf_autofree char *program = skf_xasprintf("/ko-app/%s", parts->name);
    skf_autofree char *by = skf_xasprintf("ko build ko://%s", parts->import_path);
    skf_autofree char *comment = skf_xasprintf("go build output, at %s", program);
    skf_autofree char *created = plan->source_epoch >= 0 ? skf_ko_date(plan->source_epoch) : NULL;
    skf_autofree char *data_created = plan->data_epoch >= 0 ? skf_ko_date(plan->data_epoch) : NULL;
    skf_autofree const char **annotations = annotations_of(parts, base->manifest->digest);
    const char *plain[] = { program, NULL };
    const char *debugged[16];
    size_t n = 0;
    for (; skf_ko_debugger[n]; n++)
        debugged[n] = skf_ko_debugger[n];
    debugged[n++] = program;
    debugged[n++] = "--"; /* arguments of the container come behind */
    debugged[n] = NULL;
    const char *env[] = { "KO_DATA_PATH=/var/run/ko", NULL };
    skf_autofree const char **labels = skf_xcalloc(parts->labels->n + 1, sizeof *labels);
    for (size_t i = 0; i < parts->labels->n; i++)
        labels[i] = parts->labels->v[i];
    const struct skf_image_layer layers[] = {
        { kodata->blob, kodata->diff_id, data_created, "ko", by,
          "kodata contents, at $KO_DATA_PATH" },
        { app->blob, app->diff_id, created, "ko", by, comment },
    };
    const struct skf_image_edit edit = { .layers = layers,
                                         .n_layers = SKF_ARRAY_LEN(layers),
                                         .entrypoint = parts->debug ? debugged : plain,
                                         .path_append = "/ko-app",
                                         .env = env,
                                         .labels = labels,
                                         .user = plan->user,
                                         .author = "github.com/ko-build/ko",
                                         .created = created,
                                         .annotations = annotations };
    return skf_image_append(base, &edit, err);
}

/* ko's library says of each child what its config is. */
static json_t *describe_child(json_t *base, const struct skf_image *image)
{
    json_t *d = json_copy(base);
    json_object_set_new(d, "artifactType", json_string(image->config->media_type));
    return d;
}

struct skf_image *skf_ko_index_make(const struct skf_ko_image_parts *parts,
                                    const struct skf_image *base_index,
                                    const struct skf_ko_base_child *children,
                                    struct skf_image *const *images, size_t n, struct skf_err *err)
{
    /* ko annotates an OCI index before it takes its digest for base.digest. That digest names
     * nothing that exists, but it is what ko's images say. */
    char digest[SKF_DIGEST_TEXT];
    memcpy(digest, base_index->manifest->digest, sizeof digest);
    if (strcmp(base_index->manifest->media_type, SKF_MT_DOCKER_LIST) != 0) {
        skf_autofree const char **first = annotations_of(parts, digest);
        skf_image_annotated_digest(base_index, first, digest);
    }
    skf_autofree const char **annotations = annotations_of(parts, digest);
    skf_autofree json_t **descriptors = skf_xcalloc(n, sizeof *descriptors);
    for (size_t i = 0; i < n; i++)
        descriptors[i] = describe_child(children[i].descriptor, images[i]);
    struct skf_image *index = skf_image_index(base_index, images, descriptors, n, annotations, err);
    for (size_t i = 0; i < n; i++)
        json_decref(descriptors[i]);
    return index;
}

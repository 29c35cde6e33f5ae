/* happy path: fetch what is elsewhere, image by image -> write all of it in the pool -> done. */
#include "lib/image/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/vec.h"
#include "lib/image/archive.h"
#include "lib/image/call.h"
#include "lib/image/gather.h"
#include "lib/image/layout.h"
#include "lib/io/file.h"
#include "lib/io/work.h"

struct output {
    struct skf_output *o;
    struct skf_defer defer;
    struct skf_err err;
    struct skf_gather gather;
    struct skf_work work;
    SKF_VEC(struct skf_blob *) fetched; /* owned references */
    struct skf_archive *archive; /* made and freed on the loop: counts of references are its */
    size_t next_image;
    bool gathering, working;
    char *name; /* "docker.io/library/app:dev" */
};

static void finish(struct output *u)
{
    struct skf_output *o = u->o;
    struct skf_err err = u->err;
    for (size_t i = 0; i < u->fetched.n; i++)
        skf_blob_unref(u->fetched.v[i]);
    skf_vec_release(&u->fetched);
    skf_archive_free(u->archive);
    free(u->name);
    free(u);
    o->priv = NULL;
    o->done(o, err.code ? &err : NULL);
}

/* --- in the pool: reads the image, which nobody changes, and its own copies ------------------- */

static bool is_cancelled(void *arg)
{
    return skf_work_cancelled(arg);
}

static const struct skf_blob *content_of(const struct output *u, const struct skf_blob *b)
{
    if (skf_blob_is_local(b))
        return b;
    for (size_t i = 0; i < u->fetched.n; i++)
        if (strcmp(u->fetched.v[i]->digest, b->digest) == 0)
            return u->fetched.v[i];
    return b; /* reading it fails and says which */
}

static int put(struct output *u, const struct skf_blob *b)
{
    return skf_layout_put(u->o->path, content_of(u, b), is_cancelled, &u->work, &u->work.err);
}

static int put_image(struct output *u, const struct skf_image *im)
{
    for (size_t i = 0; i < im->n_children; i++)
        if (put_image(u, im->children[i]) < 0)
            return -1;
    for (size_t i = 0; i < im->n_layers; i++)
        if (put(u, im->layers[i]) < 0)
            return -1;
    if (im->config && put(u, im->config) < 0)
        return -1;
    return put(u, im->manifest);
}

static void write_layout(struct skf_work *w)
{
    struct output *u = SKF_CONTAINER_OF(w, struct output, work);
    if (put_image(u, u->o->image) == 0)
        skf_layout_finish(u->o->path, u->o->image, u->name, &w->err);
}

static int copy_archive(struct skf_archive *a, int fd, struct skf_work *w)
{
    skf_autobuf struct skf_buf chunk = SKF_BUF_INIT;
    for (int more = 1; more;) {
        if (skf_work_cancelled(w))
            return skf_err_set(&w->err, SKF_ECANCELED, "cancelled");
        skf_buf_clear(&chunk);
        more = skf_archive_next(a, &chunk, &w->err);
        if (more < 0 || skf_file_write_all(fd, chunk.data, chunk.len, &w->err) < 0)
            return -1;
    }
    return 0;
}

static void write_archive(struct skf_work *w)
{
    struct output *u = SKF_CONTAINER_OF(w, struct output, work);
    const char *path = u->o->path;
    skf_autofree char *temp = skf_xasprintf("%s.%ld", path, (long)getpid());
    skf_autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        skf_err_errno(&w->err, errno, "cannot create '%s'", temp);
        return;
    }
    int rc = copy_archive(u->archive, fd, w);
    if (!rc && rename(temp, path) < 0)
        rc = skf_err_errno(&w->err, errno, "cannot rename '%s' to '%s'", temp, path);
    if (rc)
        unlink(temp);
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void on_written(struct skf_work *w)
{
    struct output *u = SKF_CONTAINER_OF(w, struct output, work);
    if (!u->err.code)
        u->err = w->err;
    finish(u);
}

static void gather_next(struct output *u);

static void on_gathered(struct skf_gather *g, const struct skf_err *err)
{
    struct output *u = g->data;
    u->gathering = false;
    if (err && !u->err.code)
        u->err = *err;
    if (u->err.code)
        finish(u);
    else
        gather_next(u);
}

static void on_layer(struct skf_gather *g, struct skf_blob *local)
{
    struct output *u = g->data;
    skf_vec_push(&u->fetched, skf_blob_ref(local));
}

static void start_writing(struct output *u)
{
    bool archive = u->o->kind == SKF_OUTPUT_ARCHIVE;
    if (archive) {
        u->archive = skf_archive_new(u->o->image, u->name);
        for (size_t i = 0; i < u->fetched.n; i++)
            skf_archive_replace(u->archive, u->fetched.v[i]);
    }
    u->working = true;
    skf_work_start(u->o->loop, &u->work, archive ? write_archive : write_layout, on_written);
}

static void gather_next(struct output *u)
{
    const struct skf_image *im = u->o->image;
    size_t n = im->n_children ? im->n_children : 1;
    if (u->next_image == n) {
        start_writing(u);
        return;
    }
    u->gather.registry = u->o->registry;
    u->gather.image = im->n_children ? im->children[u->next_image] : im;
    u->gather.data = u;
    u->gather.got = on_layer;
    u->gather.done = on_gathered;
    u->next_image++;
    u->gathering = true;
    skf_gather_start(&u->gather);
}

static void begin(struct skf_defer *d)
{
    struct output *u = SKF_CONTAINER_OF(d, struct output, defer);
    if (!u->err.code && u->o->kind == SKF_OUTPUT_ARCHIVE && !u->o->image->config)
        skf_err_set(&u->err, SKF_EUNSUPPORTED,
                    "an archive holds one platform, '%s' has several; write an OCI layout or name "
                    "one platform",
                    u->o->reference);
    if (u->err.code)
        finish(u);
    else
        gather_next(u);
}

void skf_output_start(struct skf_output *o)
{
    struct output *u = skf_xcalloc(1, sizeof *u);
    struct skf_ref ref = { 0 };
    u->o = o;
    o->priv = u;
    if (skf_ref_parse(o->reference, &ref, &u->err) == 0)
        u->name = skf_xasprintf("%s/%s:%s", ref.domain, ref.path, ref.tag ? ref.tag : "latest");
    skf_ref_release(&ref);
    skf_defer_start(o->loop, &u->defer, 0, begin);
}

static void on_dropped(struct skf_defer *d)
{
    finish(SKF_CONTAINER_OF(d, struct output, defer));
}

void skf_output_cancel(struct skf_output *o)
{
    struct output *u = o->priv;
    if (!u || u->err.code)
        return;
    skf_err_set(&u->err, SKF_ECANCELED, "writing '%s' was cancelled", o->path);
    if (u->defer.open)
        skf_defer_cancel(&u->defer, on_dropped);
    else if (u->gathering)
        skf_gather_cancel(&u->gather);
    else if (u->working)
        skf_work_cancel(&u->work);
}

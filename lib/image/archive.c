#include "lib/image/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/image/document.h"
#include "lib/io/tar.h"

enum { CHUNK = 256 * 1024 };

struct member {
    char *name;
    struct skf_blob *blob; /* owned reference */
    bool is_blob;          /* of the image, not a file around it */
    bool out;
};

struct skf_archive {
    struct skf_tar *tar;
    SKF_VEC(struct member) members;
    size_t at;      /* member being written */
    int64_t offset; /* in it; -1 = header to come */
    char *chunk;
    unsigned blobs;
    int64_t bytes;
};

static void add(struct skf_archive *a, char *name, struct skf_blob *blob, bool is_blob)
{
    bool out = is_blob && !skf_blob_is_local(blob);
    skf_vec_push(&a->members, (struct member){ name, blob, is_blob, out });
}

static void add_text(struct skf_archive *a, const char *name, json_t *doc)
{
    skf_autofree char *text = skf_image_json(doc);
    json_decref(doc);
    add(a, skf_xstrdup(name), skf_blob_new_bytes(text, strlen(text), ""), false);
}

static char *blob_name(const struct skf_blob *b)
{
    return skf_xasprintf("blobs/sha256/%s", skf_digest_hex(b->digest));
}

static void add_blob(struct skf_archive *a, struct skf_blob *b)
{
    for (size_t i = 0; i < a->members.n; i++)
        if (strcmp(a->members.v[i].blob->digest, b->digest) == 0)
            return; /* the same layer twice */
    add(a, blob_name(b), skf_blob_ref(b), true);
}

static json_t *index_of(const struct skf_image *im, const char *name)
{
    const char *colon = strrchr(name, ':');
    json_t *d = skf_document_descriptor(im->manifest);
    json_object_set_new(d, "annotations",
                        json_pack("{s:s, s:s}", "io.containerd.image.name", name,
                                  "org.opencontainers.image.ref.name",
                                  colon && !strchr(colon, '/') ? colon + 1 : "latest"));
    if (im->has_platform) {
        json_t *p =
            json_pack("{s:s, s:s}", "architecture", im->platform.arch, "os", im->platform.os);
        if (im->platform.variant[0])
            json_object_set_new(p, "variant", json_string(im->platform.variant));
        json_object_set_new(d, "platform", p);
    }
    return json_pack("{s:i, s:s, s:[o]}", "schemaVersion", 2, "mediaType", SKF_MT_OCI_INDEX,
                     "manifests", d);
}

static json_t *docker_manifest(const struct skf_image *im, const char *name)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < im->n_layers; i++) {
        skf_autofree char *path = blob_name(im->layers[i]);
        json_array_append_new(layers, json_string(path));
    }
    skf_autofree char *config = blob_name(im->config);
    return json_pack("[{s:s, s:[s], s:o}]", "Config", config, "RepoTags", name, "Layers", layers);
}

struct skf_archive *skf_archive_new(const struct skf_image *im, const char *name)
{
    struct skf_archive *a = skf_xcalloc(1, sizeof *a);
    a->tar = skf_tar_new();
    a->chunk = skf_xmalloc(CHUNK);
    a->offset = -1;
    add_text(a, "oci-layout", json_pack("{s:s}", "imageLayoutVersion", "1.0.0"));
    add_text(a, "index.json", index_of(im, name));
    add_blob(a, im->manifest);
    add_blob(a, im->config);
    for (size_t i = 0; i < im->n_layers; i++)
        add_blob(a, im->layers[i]);
    add_text(a, "manifest.json", docker_manifest(im, name));
    return a;
}

void skf_archive_free(struct skf_archive *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->members.n; i++) {
        free(a->members.v[i].name);
        skf_blob_unref(a->members.v[i].blob);
    }
    skf_vec_release(&a->members);
    skf_tar_free(a->tar);
    free(a->chunk);
    free(a);
}

static struct member *find(struct skf_archive *a, const char *digest)
{
    for (size_t i = 0; i < a->members.n; i++)
        if (a->members.v[i].is_blob && strcmp(a->members.v[i].blob->digest, digest) == 0)
            return &a->members.v[i];
    return NULL;
}

void skf_archive_leave_out(struct skf_archive *a, const char *digest)
{
    struct member *m = find(a, digest);
    if (m)
        m->out = true;
}

void skf_archive_replace(struct skf_archive *a, struct skf_blob *local)
{
    struct member *m = find(a, local->digest);
    if (!m)
        return;
    skf_blob_unref(m->blob);
    m->blob = skf_blob_ref(local);
    m->out = false;
}

static int begin_member(struct skf_archive *a, const struct member *m, struct skf_err *err)
{
    struct skf_tar_entry e = { .name = m->name, .mode = S_IFREG | 0644, .size = m->blob->size };
    if (skf_tar_add(a->tar, &e, err) < 0)
        return -(int)err->code;
    a->offset = 0;
    if (m->is_blob) {
        a->blobs++;
        a->bytes += m->blob->size;
    }
    return 0;
}

static int copy_some(struct skf_archive *a, const struct member *m, struct skf_err *err)
{
    ssize_t n = skf_blob_read(m->blob, a->offset, a->chunk, CHUNK);
    if (n <= 0)
        return skf_err_errno(err, n < 0 ? errno : EIO, "cannot read the layer %.19s",
                             m->blob->digest);
    a->offset += n;
    return skf_tar_data(a->tar, a->chunk, (size_t)n, err);
}

int skf_archive_next(struct skf_archive *a, struct skf_buf *out, struct skf_err *err)
{
    struct skf_buf *made = skf_tar_output(a->tar);
    while (made->len < CHUNK && a->at < a->members.n) {
        const struct member *m = &a->members.v[a->at];
        int rc = 0;
        if (m->out || a->offset == m->blob->size) {
            a->at++;
            a->offset = -1;
        } else if (a->offset < 0) {
            rc = begin_member(a, m, err);
        } else {
            rc = copy_some(a, m, err);
        }
        if (rc)
            return rc;
    }
    bool end = a->at == a->members.n;
    if (end && skf_tar_end(a->tar, err) < 0)
        return -(int)err->code;
    skf_buf_add(out, made->data, made->len);
    skf_buf_clear(made);
    return end ? 0 : 1;
}

unsigned skf_archive_blobs(const struct skf_archive *a)
{
    return a->blobs;
}

int64_t skf_archive_bytes(const struct skf_archive *a)
{
    return a->bytes;
}

#include "lib/docker/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/path.h"
#include "lib/image/document.h"

enum { BLOCK = 512, MAX_ENTRIES = 20000, MAX_META = 1024 * 1024, MAX_LINKS = 16 };

struct entry {
    int64_t offset, size;
    char *link; /* of a symbolic link, as a name in the archive */
};
struct archive {
    int fd;
    int64_t at;
    struct skf_map entries; /* name -> struct entry */
    size_t n;
};

static void entry_free(void *p)
{
    struct entry *e = p;
    free(e->link);
    free(e);
}

static int broken(struct skf_err *err, const char *what)
{
    return skf_err_set(err, SKF_EPROTO, "what Docker saved is no image archive: %s", what);
}

static int read_at(const struct archive *a, int64_t at, void *to, size_t len, struct skf_err *err)
{
    char *p = to;
    while (len) {
        ssize_t n = pread(a->fd, p, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return skf_err_errno(err, errno, "cannot read the saved image");
        if (n == 0)
            return broken(err, "it ends early");
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* --- tar headers ------------------------------------------------------------------------------ */

static int64_t number(const char *field, size_t len)
{
    int64_t value = 0;
    if ((unsigned char)field[0] & 0x80) { /* base 256, for more than 8 GiB */
        for (size_t i = len - 8; i < len; i++)
            value = (value << 8) | (unsigned char)field[i];
        return value < 0 ? -1 : value;
    }
    for (size_t i = 0; i < len && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7')
            return -1;
        value = value * 8 + (field[i] - '0');
    }
    return value;
}

/* What a pax or GNU entry says about the next one. */
struct next {
    char *path, *link;
    int64_t size; /* -1 = not said */
};

static void next_clear(struct next *n)
{
    skf_replace(&n->path, NULL);
    skf_replace(&n->link, NULL);
    n->size = -1;
}

/* Records "LEN KEY=VALUE\n". */
static int read_pax(const struct skf_buf *text, struct next *n, struct skf_err *err)
{
    for (size_t at = 0; at < text->len;) {
        char *end;
        unsigned long len = strtoul(text->data + at, &end, 10);
        size_t digits = (size_t)(end - (text->data + at));
        if (*end != ' ' || len <= digits + 1 || len > text->len - at)
            return broken(err, "a bad pax record");
        skf_autofree char *record = skf_xstrndup(end + 1, len - digits - 2);
        long long size;
        if (strncmp(record, "path=", 5) == 0)
            skf_replace(&n->path, skf_xstrdup(record + 5));
        else if (strncmp(record, "linkpath=", 9) == 0)
            skf_replace(&n->link, skf_xstrdup(record + 9));
        else if (strncmp(record, "size=", 5) == 0 && skf_num_parse(record + 5, 0, INT64_MAX, &size))
            n->size = size;
        at += len;
    }
    return 0;
}

static int read_meta(struct archive *a, char type, int64_t size, struct next *n,
                     struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (size < 0 || size > MAX_META)
        return broken(err, "a header is too long");
    skf_buf_reserve(&text, (size_t)size + 1);
    if (read_at(a, a->at, text.data, (size_t)size, err) < 0)
        return -(int)err->code;
    text.len = (size_t)size;
    text.data[size] = '\0';
    if (type == 'L')
        skf_replace(&n->path, skf_xstrdup(text.data));
    else if (type == 'K')
        skf_replace(&n->link, skf_xstrdup(text.data));
    else if (type == 'x')
        return read_pax(&text, n, err);
    return 0;
}

static void keep(struct archive *a, const char *name, const char *link, int64_t size)
{
    skf_autofree char *clean = skf_path_clean(name);
    struct entry *e = skf_xcalloc(1, sizeof *e);
    e->offset = a->at;
    e->size = size;
    if (link) { /* Docker shares layers by links: ../OTHER/layer.tar */
        skf_autofree char *dir = skf_path_dir(clean);
        e->link = skf_path_join(dir, link);
    }
    struct entry *old = skf_map_put(&a->entries, clean, e);
    if (old)
        entry_free(old);
}

static int read_entries(struct archive *a, struct skf_err *err)
{
    struct next next = { .size = -1 };
    char h[BLOCK];
    int rc = 0;
    while (rc == 0) {
        rc = read_at(a, a->at, h, sizeof h, err);
        if (rc < 0 || !h[0])
            break;
        a->at += BLOCK;
        char type = h[156];
        skf_autofree char *name = skf_xstrndup(h, 100);
        skf_autofree char *link = skf_xstrndup(h + 157, 100);
        int64_t size = next.size >= 0 ? next.size : number(h + 124, 12);
        if (memcmp(h + 257, "ustar\0", 6) == 0 && h[345]) {
            skf_autofree char *prefix = skf_xstrndup(h + 345, 155);
            skf_replace(&name, skf_xasprintf("%s/%s", prefix, name));
        }
        if (size < 0 || size > INT64_MAX / 2 - a->at || ++a->n > MAX_ENTRIES) {
            rc = broken(err, "a bad header");
        } else if (strchr("xgLK", type) && type) {
            rc = read_meta(a, type, size, &next, err);
        } else {
            const char *real = next.path ? next.path : name;
            if (type == '0' || type == '\0')
                keep(a, real, NULL, size);
            else if (type == '2')
                keep(a, real, next.link ? next.link : link, 0);
            size = type == '2' || type == '5' ? 0 : size;
            next_clear(&next);
        }
        a->at += (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    next_clear(&next);
    return rc;
}

static const struct entry *find(const struct archive *a, const char *name)
{
    const struct entry *e = skf_map_get(&a->entries, name);
    for (int i = 0; e && e->link && i < MAX_LINKS; i++)
        e = skf_map_get(&a->entries, e->link);
    return e && !e->link ? e : NULL;
}

/* --- documents -------------------------------------------------------------------------------- */

static int read_document(const struct archive *a, const char *name, size_t max, struct skf_buf *out,
                         struct skf_err *err)
{
    const struct entry *e = name ? find(a, name) : NULL;
    if (!e)
        return broken(err, "its documents are missing");
    if (e->size > (int64_t)max)
        return skf_err_set(err, SKF_ETOOBIG, "'%.100s' in the saved image has more than %zu bytes",
                           name, max);
    skf_buf_reserve(out, (size_t)e->size + 1);
    if (read_at(a, e->offset, out->data, (size_t)e->size, err) < 0)
        return -(int)err->code;
    out->len = (size_t)e->size;
    out->data[out->len] = '\0';
    return 0;
}

static int digest_range(const struct archive *a, const struct entry *e, char out[SKF_DIGEST_TEXT],
                        struct skf_err *err)
{
    enum { CHUNK = 256 * 1024 };
    struct skf_sha256 h;
    skf_autofree char *chunk = skf_xmalloc(CHUNK);
    int rc = 0;
    skf_sha256_init(&h);
    for (int64_t at = 0; rc == 0 && at < e->size; at += CHUNK) {
        size_t n = e->size - at < CHUNK ? (size_t)(e->size - at) : CHUNK;
        rc = read_at(a, e->offset + at, chunk, n, err);
        skf_sha256_add(&h, chunk, n);
    }
    skf_sha256_end(&h, out);
    skf_sha256_release(&h);
    return rc;
}

/* A layer as a blob: a range of the file. */
static struct skf_blob *layer_blob(const struct archive *a, const char *name, const char *diff_id,
                                   struct skf_err *err)
{
    static const unsigned char gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
    const struct entry *e = name ? find(a, name) : NULL;
    unsigned char head[4] = { 0 };
    char digest[SKF_DIGEST_TEXT];
    const char *type = SKF_MT_OCI_LAYER;
    bool plain = true;
    if (!e || !diff_id || !skf_digest_valid(diff_id)) {
        broken(err, "a layer is missing");
        return NULL;
    }
    if (e->size >= 4 && read_at(a, e->offset, head, sizeof head, err) < 0)
        return NULL;
    if (memcmp(head, gzip, sizeof gzip) == 0) {
        type = SKF_MT_OCI_LAYER_GZIP;
        plain = false;
    } else if (memcmp(head, zstd, sizeof zstd) == 0) {
        type = "application/vnd.oci.image.layer.v1.tar+zstd";
        plain = false;
    }
    snprintf(digest, sizeof digest, "%s", diff_id);
    if (!plain && digest_range(a, e, digest, err) < 0)
        return NULL;
    int fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        skf_err_errno(err, errno, "cannot keep the saved image open");
        return NULL;
    }
    struct skf_blob *b = skf_blob_new_remote(digest, e->size, type, NULL, false);
    b->pieces = skf_xcalloc(1, sizeof *b->pieces);
    b->n_pieces = 1;
    b->pieces[0] = (struct skf_blob_piece){ .fd = fd, .offset = e->offset, .size = e->size };
    return b;
}

static char *manifest_text(const struct skf_blob *config, struct skf_blob *const *layers, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, skf_document_descriptor(layers[i]));
    json_t *doc =
        json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", SKF_MT_OCI_MANIFEST,
                  "config", skf_document_descriptor(config), "layers", list);
    char *text = skf_image_json(doc);
    json_decref(doc);
    return text;
}

/* Puts our blobs where the documents only name them. */
static int assemble(const struct skf_buf *config, struct skf_blob **layers, size_t n,
                    struct skf_image **out, struct skf_err *err)
{
    struct skf_blob *blob = skf_blob_new_bytes(config->data, config->len, SKF_MT_OCI_CONFIG);
    skf_autofree char *manifest = manifest_text(blob, layers, n);
    skf_blob_unref(blob);
    struct skf_image *im =
        skf_image_from_documents(manifest, strlen(manifest), SKF_MT_OCI_MANIFEST, config->data,
                                 config->len, "docker.io/saved", false, err);
    if (!im)
        return -(int)err->code;
    for (size_t i = 0; i < n; i++) {
        skf_blob_unref(im->layers[i]);
        im->layers[i] = skf_blob_ref(layers[i]);
    }
    *out = im;
    return 0;
}

static int read_image(const struct archive *a, struct skf_image **out, struct skf_err *err)
{
    skf_autobuf struct skf_buf text = SKF_BUF_INIT, config = SKF_BUF_INIT;
    if (read_document(a, "manifest.json", SKF_MANIFEST_MAX, &text, err) < 0)
        return -(int)err->code;
    json_t *doc = json_loadb(text.data, text.len, 0, NULL);
    const json_t *image = json_array_get(doc, 0);
    const json_t *names = json_object_get(image, "Layers");
    size_t n = json_array_size(names), made = 0;
    int rc = read_document(a, json_string_value(json_object_get(image, "Config")), SKF_CONFIG_MAX,
                           &config, err);
    json_t *conf = rc == 0 ? json_loadb(config.data, config.len, 0, NULL) : NULL;
    const json_t *diff_ids = json_object_get(json_object_get(conf, "rootfs"), "diff_ids");
    struct skf_blob **layers = skf_xcalloc(n + 1, sizeof *layers);
    if (rc == 0 && (n > SKF_IMAGE_MAX_LAYERS || json_array_size(diff_ids) != n))
        rc = broken(err, "its documents do not agree");
    for (; rc == 0 && made < n; made++) {
        layers[made] = layer_blob(a, json_string_value(json_array_get(names, made)),
                                  json_string_value(json_array_get(diff_ids, made)), err);
        if (!layers[made]) {
            rc = -(int)err->code;
            break;
        }
    }
    if (rc == 0)
        rc = assemble(&config, layers, n, out, err);
    for (size_t i = 0; i < made; i++)
        skf_blob_unref(layers[i]);
    free(layers);
    json_decref(conf);
    json_decref(doc);
    return rc;
}

int skf_docker_saved_read(int fd, struct skf_image **out, struct skf_err *err)
{
    struct archive a = { .fd = fd };
    int rc = read_entries(&a, err);
    if (rc == 0)
        rc = read_image(&a, out, err);
    skf_map_release_with(&a.entries, entry_free);
    return rc;
}

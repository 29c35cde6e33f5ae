/* skiff's own minimal base: what a static Go program wants from a file system, and nothing to pull.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/image/image.h"
#include "lib/image/layer.h"
#include "lib/io/file.h"

enum { NONROOT = 65532, MAX_BUNDLE = 8 * 1024 * 1024 };

#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static const char passwd[] = "root:x:0:0:root:/root:/sbin/nologin\n"
                             "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
                             "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
static const char group[] = "root:x:0:\n"
                            "nobody:x:65534:\n"
                            "nonroot:x:65532:\n";
static const char nsswitch[] = "hosts: files dns\n";

/* A machine without certificates still builds; programs that speak TLS will say what they miss. */
static int read_bundle(struct skf_buf *out, struct skf_err *err)
{
    const char *path = getenv("SSL_CERT_FILE");
    if (path && *path)
        return skf_file_read(path, MAX_BUNDLE, out, err);
    struct skf_err none = SKF_ERR_INIT;
    if (skf_file_read(BUNDLE, MAX_BUNDLE, out, &none) < 0 && none.code != SKF_ENOTFOUND) {
        *err = none;
        return -(int)none.code;
    }
    return 0;
}

static void write_files(struct skf_layer *l, const struct skf_buf *bundle)
{
    static const char *const dirs[] = { "etc", "etc/ssl", "etc/ssl/certs", "home", "root" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(dirs); i++)
        skf_layer_dir(l, dirs[i], strcmp(dirs[i], "root") == 0 ? 0700 : 0755, 0);
    skf_layer_dir(l, "tmp", 01777, 0);
    skf_layer_bytes(l, "etc/passwd", 0644, 0, passwd, sizeof passwd - 1);
    skf_layer_bytes(l, "etc/group", 0644, 0, group, sizeof group - 1);
    skf_layer_bytes(l, "etc/nsswitch.conf", 0644, 0, nsswitch, sizeof nsswitch - 1);
    if (bundle->len)
        skf_layer_bytes(l, &BUNDLE[1], 0644, 0, bundle->data, bundle->len);
    skf_layer_owner(l, NONROOT, NONROOT);
    skf_layer_dir(l, "home/nonroot", 0700, 0);
}

struct skf_image *skf_image_static(const struct skf_platform *platform, struct skf_err *err)
{
    skf_autobuf struct skf_buf bundle = SKF_BUF_INIT;
    if (read_bundle(&bundle, err) < 0) {
        skf_err_wrap(err, "cannot read the CA bundle for the base image");
        return NULL;
    }
    char diff_id[SKF_DIGEST_TEXT];
    struct skf_layer *l = skf_layer_new();
    write_files(l, &bundle);
    struct skf_blob *blob =
        skf_layer_finish(l, SKF_LAYER_PLAIN, SKF_MT_OCI_LAYER, diff_id, NULL, NULL, err);
    skf_layer_free(l);
    if (!blob)
        return NULL;
    struct skf_image *scratch = skf_image_scratch(platform);
    const char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                          "SSL_CERT_FILE=" BUNDLE, NULL };
    struct skf_image_layer layer = { .blob = blob,
                                     .diff_id = diff_id,
                                     .history_author = "skiff",
                                     .history_created_by = "skiff.local/static",
                                     .history_comment = "CA certificates, passwd, group, /tmp" };
    struct skf_image_edit edit = { .layers = &layer, .n_layers = 1, .env = env, .user = "65532" };
    struct skf_image *im = skf_image_append(scratch, &edit, err);
    skf_image_unref(scratch);
    skf_blob_unref(blob);
    return im;
}

/* Into a node's containerd: `ctr images import -`, fed with an archive as fast as it reads. The
 * kubelet looks an image of "name:tag@digest" up as "name@digest": --digests with --base-name makes
 * that name beside the tag. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/image/deliver_internal.h"
#include "lib/image/memo.h"

enum { FEED_CHUNKS = 4, IMPORT_LIMIT_MS = 10 * 60 * 1000 };

static void import_archive(struct delivery *y);

static void cancel_import(struct delivery *y)
{
    skf_proc_stop(&y->proc);
}

/* ctr's text without its progress lines: the last line says why. */
static void fail_import(struct delivery *y, const struct skf_err *err)
{
    struct skf_err why = *err;
    if (err->code == SKF_ENOTFOUND) {
        skf_err_set(&why, SKF_ENOTFOUND,
                    "the program 'ctr' is not installed; it brings images into the node (Debian "
                    "package containerd)");
    } else if (err->code == SKF_ECHILD) {
        skf_buf_trim(&y->proc.errout);
        const char *line = strrchr(y->proc.errout.data, '\n');
        line = line ? line + 1 : y->proc.errout.data;
        skf_err_set(&why, SKF_ECHILD, "cannot load '%s' into the node at '%s': %.400s", y->name,
                    y->d->target.containerd_socket, *line ? line : err->msg);
    }
    skf_proc_release(&y->proc);
    skf_delivery_end(y, &why);
}

static void on_imported(struct skf_proc *p, const struct skf_err *err)
{
    struct delivery *y = p->data;
    y->cancel = NULL;
    if (y->err.code) { /* the archive could not be read, or we were cancelled */
        struct skf_err why = y->err;
        skf_proc_release(p);
        skf_delivery_end(y, &why);
        return;
    }
    if (err && err->code == SKF_ECHILD && y->thin) {
        skf_log_debug("containerd: the node lacks what it once had (%.200s); sending all of it",
                      p->errout.data);
        skf_proc_release(p);
        skf_memo_forget("sent", y->target);
        skf_strv_clear(&y->have);
        skf_delivery_archive(y, import_archive);
        return;
    }
    if (err) {
        fail_import(y, err);
        return;
    }
    skf_proc_release(p);
    skf_delivery_remember(y);
    y->d->deployed = skf_xasprintf("%s:%s@%s", y->ref.name, y->ref.tag ? y->ref.tag : "latest",
                                   y->image->manifest->digest);
    skf_delivery_end(y, NULL);
}

/* No more than a few chunks wait in memory, also when the child is gone and writes end at once.
 * Reads come from the page cache: the layer has just been hashed, or fetched. */
static void feed(struct skf_proc *p)
{
    struct delivery *y = p->data;
    if (y->archive_ended || y->err.code)
        return;
    for (int i = 0; i < FEED_CHUNKS; i++) {
        skf_buf_clear(&y->chunk);
        int rc = skf_archive_next(y->archive, &y->chunk, &y->err);
        if (rc < 0) {
            skf_proc_stop(p);
            return;
        }
        skf_proc_feed(p, y->chunk.data, y->chunk.len);
        if (rc == 0) {
            y->archive_ended = true;
            skf_proc_feed_end(p);
            return;
        }
    }
    skf_proc_on_drained(p, feed); /* comes after the last of these writes */
}

static void import_archive(struct delivery *y)
{
    const struct skf_target *t = &y->d->target;
    skf_proc_init(&y->proc);
    skf_proc_args(&y->proc, "ctr", "--address", t->containerd_socket, "--connect-timeout", "3s",
                  "--namespace", t->containerd_namespace ? t->containerd_namespace : "k8s.io",
                  "images", "import", "--digests", "--base-name", NULL);
    skf_strv_addf(&y->proc.argv, "%s/%s", y->ref.domain, y->ref.path);
    skf_strv_add(&y->proc.argv, "-");
    y->proc.use_stdin = true;
    y->proc.limit_ms = IMPORT_LIMIT_MS;
    y->proc.data = y;
    y->cancel = cancel_import;
    skf_proc_start(y->d->loop, &y->proc, on_imported);
    feed(&y->proc);
}

void skf_deliver_containerd(struct delivery *y)
{
    const struct skf_target *t = &y->d->target;
    if (!t->containerd_socket) {
        skf_err_set(&y->err, SKF_EBUG, "no containerd socket is given");
        skf_delivery_end(y, &y->err);
        return;
    }
    if (access(t->containerd_socket, F_OK) < 0) { /* ctr would try for seconds */
        skf_err_errno(&y->err, errno, "no containerd answers at '%s' (is the cluster up?)",
                      t->containerd_socket);
        skf_delivery_end(y, &y->err);
        return;
    }
    y->target = skf_xasprintf("containerd %s %s", t->containerd_socket,
                              t->containerd_namespace ? t->containerd_namespace : "k8s.io");
    skf_memo_load("sent", y->target, &y->have);
    skf_delivery_archive(y, import_archive);
}

/* Each save of a long session leaves an image on the node, or in its Docker. Those of this session
 * that are no longer of use go after a loop that ended well: all but the last few, which old pods
 * may still need, and an undo.
 *
 * failures:   cost disk space only; they go to the debug log, and the image is forgotten.
 * on cancel:  the child is stopped. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/docker/host.h"
#include "lib/engine/engine_impl.h"
#include "lib/image/ref.h"

enum { KEPT = 3, LIMIT_MS = 60000 };

/* Whatever the tag. */
static bool same_image(const char *a, const char *b)
{
    const char *x = strchr(a, '@'), *y = strchr(b, '@');
    return strcmp(x && y ? x : a, x && y ? y : b) == 0;
}

/* What was there before this session is not ours to remove. */
void prune_note(struct unit *u, const char *replaced)
{
    enum skf_target_kind kind = u->planned->target.kind;
    if (u->engine->opts.keep_images || !replaced || !u->brought ||
        (kind != SKF_TARGET_CONTAINERD && kind != SKF_TARGET_DOCKER))
        return;
    for (size_t i = u->past.n; i-- > 0;) /* it was in use again: now it is the newest */
        if (same_image(u->past.v[i], replaced))
            skf_strv_remove(&u->past, i);
    skf_strv_add(&u->past, replaced);
}

/* Takes what may go off the units' lists: not the newest, and nothing that is in use. */
static void collect(struct skf_engine *e, struct skf_strv *out, const struct skf_target **target)
{
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = &e->units[i];
        while (u->past.n > KEPT) {
            bool used = u->deployed && same_image(u->past.v[0], u->deployed);
            if (!used)
                skf_strv_add(out, u->past.v[0]);
            skf_strv_remove(&u->past, 0);
            *target = &u->planned->target;
        }
    }
}

static void on_pruned(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_engine *e = p->data;
    if (err)
        skf_log_debug("older images: %s: %.300s", err->msg, p->errout.data);
    e->pruning = false;
    skf_proc_release(p);
    engine_pump(e);
}

/* The name that the kubelet looks it up by, and the bytes are reached by. */
static void add_node_names(struct skf_proc *p, const struct skf_strv *images)
{
    struct skf_err ignored = SKF_ERR_INIT;
    for (size_t i = 0; i < images->n; i++) {
        struct skf_ref ref;
        if (skf_ref_parse(images->v[i], &ref, &ignored) < 0)
            continue;
        if (ref.digest)
            skf_strv_addf(&p->argv, "%s/%s@%s", ref.domain, ref.path, ref.digest);
        skf_ref_release(&ref);
    }
}

static void add_docker(struct skf_proc *p, const struct skf_target *t,
                       const struct skf_strv *images)
{
    struct skf_docker_host host = { 0 };
    struct skf_err ignored = SKF_ERR_INIT;
    skf_proc_args(p, "docker", "image", "rm", NULL);
    skf_strv_addv(&p->argv, images);
    if (skf_docker_host_find(t, &host, &ignored) == 0)
        skf_docker_host_env(&host, &p->env);
    skf_docker_host_release(&host);
}

void prune_start(struct skf_engine *e)
{
    skf_autostrv struct skf_strv images = SKF_STRV_INIT;
    const struct skf_target *t = NULL;
    if (e->pruning)
        return;
    collect(e, &images, &t);
    if (!images.n)
        return;
    skf_proc_init(&e->prune);
    if (t->kind == SKF_TARGET_CONTAINERD) {
        skf_proc_args(&e->prune, "ctr", "--address", t->containerd_socket, "--namespace",
                      t->containerd_namespace ? t->containerd_namespace : "k8s.io", "images", "rm",
                      NULL);
        add_node_names(&e->prune, &images);
    } else {
        add_docker(&e->prune, t, &images);
    }
    e->prune.limit_ms = LIMIT_MS;
    e->prune.data = e;
    e->pruning = true;
    skf_proc_start(e->services.loop, &e->prune, on_pruned);
}

void prune_stop(struct skf_engine *e)
{
    if (e->pruning)
        skf_proc_stop(&e->prune);
}

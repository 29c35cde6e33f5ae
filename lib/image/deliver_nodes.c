/* Into the containerd of nodes, by the ctr that reaches it: our own with the socket of the bundled
 * cluster's, or the one in the node where nodes are containers (kind, k3d, minikube).
 *
 * happy path: which nodes -> what each has (remembered; else `ctr content ls`) -> the layers that
 *             some node lacks are made local -> `ctr images import -` on all nodes at once, each
 *             fed with what it lacks -> remembered.
 * failures:   a node that lacks what was left out: it is asked again, at last it gets all. Nodes
 *             that are not there any more: looked for once more. Else done(err); the other nodes
 *             are stopped.
 * on cancel:  all children are stopped; what runs in a node ends with its input.
 *
 * The kubelet looks an image of "name:tag@digest" up as "name@digest": --digests with --base-name
 * makes that name beside the tag. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/image/deliver_internal.h"
#include "lib/image/memo.h"
#include "lib/image/nodes.h"

enum { FEED_CHUNKS = 4, ASK_LIMIT_MS = 60 * 1000, IMPORT_LIMIT_MS = 10 * 60 * 1000 };

/* What a node is taken to have; each is surer than the one before. */
enum trust { WHAT_WE_SENT, WHAT_IT_SAYS, NOTHING };

struct node {
    struct node_set *set;
    char *title;         /* "node 'kind-worker'": for messages */
    struct skf_strv ctr; /* how its ctr is called */
    char *key;           /* of lib/image/memo.h */
    enum trust trust;
    struct skf_strv have;
    bool loaded;
    /* the running child: a question or an import */
    struct skf_proc proc;
    bool proc_used, running;
    struct skf_archive *archive;
    bool thin, ended;
    struct skf_buf chunk;
    struct skf_err err; /* reading the archive failed */
};

struct node_set {
    struct delivery *y;
    struct node *v;
    size_t n;
    struct skf_nodes find;
    bool find_used, looked_again;
    size_t running; /* children */
    struct skf_strv skip;
    SKF_VEC(struct skf_blob *) fetched; /* base layers that were not local; owned references */
    struct skf_err err;                 /* the first failure */
};

static void look_for_nodes(struct node_set *s);
static void round_of_loads(struct node_set *s);

static const char *namespace_of(const struct node_set *s)
{
    const char *given = s->y->d->target.containerd_namespace;
    return given ? given : "k8s.io";
}

/* --- the end ---------------------------------------------------------------------------------- */

static void release_nodes(struct node_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct node *n = &s->v[i];
        if (n->proc_used)
            skf_proc_release(&n->proc);
        skf_archive_free(n->archive);
        skf_buf_release(&n->chunk);
        skf_strv_release(&n->ctr);
        skf_strv_release(&n->have);
        free(n->title);
        free(n->key);
    }
    free(s->v);
    s->v = NULL;
    s->n = 0;
}

static void finish(struct node_set *s, const struct skf_err *err)
{
    struct delivery *y = s->y;
    struct skf_err why = err ? *err : (struct skf_err)SKF_ERR_INIT;
    if (y->err.code) /* cancelled */
        why = y->err;
    y->cancel = NULL;
    release_nodes(s);
    if (s->find_used)
        skf_nodes_release(&s->find);
    for (size_t i = 0; i < s->fetched.n; i++)
        skf_blob_unref(s->fetched.v[i]);
    skf_vec_release(&s->fetched);
    skf_strv_release(&s->skip);
    free(s);
    if (!why.code)
        y->d->deployed = skf_xasprintf("%s:%s@%s", y->ref.name, y->ref.tag ? y->ref.tag : "latest",
                                       y->image->manifest->digest);
    skf_delivery_end(y, why.code ? &why : NULL);
}

static void stop_children(struct node_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].running)
            skf_proc_stop(&s->v[i].proc);
}

static void fail(struct node_set *s, const struct skf_err *err)
{
    if (!s->err.code)
        s->err = *err;
    stop_children(s);
}

static void cancel_children(struct delivery *y)
{
    stop_children(y->nodes);
}

static void fresh_proc(struct node *n)
{
    if (n->proc_used)
        skf_proc_release(&n->proc);
    skf_proc_init(&n->proc);
    n->proc_used = true;
    n->running = true;
    n->set->running++;
    n->proc.data = n;
    skf_strv_addv(&n->proc.argv, &n->ctr);
    skf_strv_add(&n->proc.argv, "--namespace");
    skf_strv_add(&n->proc.argv, namespace_of(n->set));
}

static void one_ended(struct node *n)
{
    n->running = false;
    n->set->running--;
}

/* --- import ----------------------------------------------------------------------------------- */

/* ctr's text without its progress lines: the last line says why. */
static void explain(const struct node *n, const struct skf_err *err, struct skf_err *out)
{
    *out = *err;
    if (err->code == SKF_ENOTFOUND) {
        skf_err_set(out, SKF_ENOTFOUND,
                    "the program '%s' is not in PATH; it brings images into %s%s", n->ctr.v[0],
                    n->title,
                    strcmp(n->ctr.v[0], "ctr") == 0 ? " (Debian package containerd)" : "");
    } else if (err->code == SKF_ECHILD) {
        const char *line = strrchr(n->proc.errout.data, '\n');
        line = line ? line + 1 : n->proc.errout.data;
        skf_err_set(out, SKF_ECHILD, "cannot load '%s' into %s: %.400s", n->set->y->name, n->title,
                    *line ? line : err->msg);
    }
}

/* One node has ended its import: well, or it gets another chance, or all is lost. */
static void judge_import(struct node *n, const struct skf_err *err)
{
    struct node_set *s = n->set;
    struct skf_err why;
    if (!err) {
        n->loaded = true;
        s->y->d->bytes_sent += skf_archive_bytes(n->archive);
        s->y->d->blobs_sent += skf_archive_blobs(n->archive);
        return;
    }
    skf_buf_trim(&n->proc.errout);
    if (err->code == SKF_ECHILD && n->thin && !n->err.code) {
        skf_log_debug("%s lacks what it was taken to have (%.200s)", n->title, n->proc.errout.data);
        skf_memo_forget("sent", n->key);
        n->trust++;
        return;
    }
    explain(n, n->err.code ? &n->err : err, &why);
    fail(s, &why);
}

static bool all_loaded(const struct node_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].loaded)
            return false;
    return true;
}

static void remember_all(const struct node_set *s)
{
    const struct skf_image *im = s->y->image;
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    for (size_t i = 0; i < im->n_layers; i++)
        skf_strv_add(&all, im->layers[i]->digest);
    for (size_t i = 0; i < s->n; i++)
        skf_memo_add("sent", s->v[i].key, &all);
}

static void on_imported(struct skf_proc *p, const struct skf_err *err)
{
    struct node *n = p->data;
    struct node_set *s = n->set;
    one_ended(n);
    if (!s->y->err.code && !s->err.code)
        judge_import(n, err);
    if (s->running)
        return;
    if (s->err.code && s->find_used && s->find.remembered && !s->looked_again) {
        s->looked_again = true; /* the cluster may have been made anew meanwhile */
        skf_nodes_forget();
        skf_err_clear(&s->err);
        look_for_nodes(s);
    } else if (s->y->err.code || s->err.code) {
        finish(s, &s->err);
    } else if (all_loaded(s)) {
        remember_all(s);
        finish(s, NULL);
    } else {
        round_of_loads(s);
    }
}

/* No more than a few chunks wait in memory, also when the child is gone and writes end at once.
 * Reads come from the page cache: the layer has just been hashed, or fetched. */
static void feed(struct skf_proc *p)
{
    struct node *n = p->data;
    if (n->ended || n->err.code)
        return;
    for (int i = 0; i < FEED_CHUNKS; i++) {
        skf_buf_clear(&n->chunk);
        int rc = skf_archive_next(n->archive, &n->chunk, &n->err);
        if (rc < 0) {
            skf_proc_stop(p);
            return;
        }
        skf_proc_feed(p, n->chunk.data, n->chunk.len);
        if (rc == 0) {
            n->ended = true;
            skf_proc_feed_end(p);
            return;
        }
    }
    skf_proc_on_drained(p, feed); /* comes after the last of these writes */
}

static void make_archive(struct node *n)
{
    const struct node_set *s = n->set;
    const struct skf_image *im = s->y->image;
    skf_archive_free(n->archive);
    n->archive = skf_archive_new(im, s->y->name);
    n->ended = n->thin = false;
    for (size_t i = 0; i < s->fetched.n; i++)
        skf_archive_replace(n->archive, s->fetched.v[i]);
    for (size_t i = 0; i < im->n_layers; i++)
        if (skf_strv_has(&n->have, im->layers[i]->digest)) {
            skf_archive_leave_out(n->archive, im->layers[i]->digest);
            n->thin = true;
        }
}

static void import(struct node *n)
{
    const struct skf_ref *ref = &n->set->y->ref;
    make_archive(n);
    fresh_proc(n);
    skf_proc_args(&n->proc, "images", "import", "--all-platforms", "--digests", "--base-name",
                  NULL);
    skf_strv_addf(&n->proc.argv, "%s/%s", ref->domain, ref->path);
    skf_strv_add(&n->proc.argv, "-");
    n->proc.use_stdin = true;
    n->proc.limit_ms = IMPORT_LIMIT_MS;
    skf_proc_start(n->set->y->d->loop, &n->proc, on_imported);
    feed(&n->proc);
}

/* --- layers that somebody lacks --------------------------------------------------------------- */

static void on_gathered(struct skf_gather *g, const struct skf_err *err)
{
    struct delivery *y = g->data;
    struct node_set *s = y->nodes;
    y->cancel = cancel_children;
    if (err || y->err.code) {
        finish(s, err);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].loaded)
            import(&s->v[i]);
}

static void on_layer(struct skf_gather *g, struct skf_blob *local)
{
    struct delivery *y = g->data;
    skf_vec_push(&y->nodes->fetched, skf_blob_ref(local));
}

static void cancel_gather(struct delivery *y)
{
    skf_gather_cancel(&y->gather);
}

static bool everybody_has(const struct node_set *s, const char *digest)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].loaded && !skf_strv_has(&s->v[i].have, digest))
            return false;
    return true;
}

static void gather(struct node_set *s)
{
    struct delivery *y = s->y;
    skf_strv_clear(&s->skip);
    for (size_t i = 0; i < y->image->n_layers; i++)
        if (everybody_has(s, y->image->layers[i]->digest))
            skf_strv_add(&s->skip, y->image->layers[i]->digest);
    for (size_t i = 0; i < s->fetched.n; i++)
        skf_strv_add(&s->skip, s->fetched.v[i]->digest);
    y->gather.registry = y->d->registry;
    y->gather.image = y->image;
    y->gather.skip = &s->skip;
    y->gather.got = on_layer;
    y->gather.data = y;
    y->gather.done = on_gathered;
    y->cancel = cancel_gather;
    skf_gather_start(&y->gather);
}

/* --- what a node has -------------------------------------------------------------------------- */

/* A node that does not answer is taken to have nothing: the import says why. */
static void on_content(struct skf_proc *p, const struct skf_err *err)
{
    struct node *n = p->data;
    struct node_set *s = n->set;
    one_ended(n);
    skf_strv_clear(&n->have);
    if (err)
        skf_log_debug("%s does not tell what it has: %s", n->title, err->msg);
    else
        skf_strv_split(&n->have, p->out.data, " \r\n");
    if (s->running)
        return;
    if (s->y->err.code)
        finish(s, NULL);
    else
        gather(s);
}

static void ask(struct node *n)
{
    n->trust = WHAT_IT_SAYS;
    fresh_proc(n);
    skf_proc_args(&n->proc, "content", "ls", "-q", NULL);
    n->proc.limit_ms = ASK_LIMIT_MS;
    skf_proc_start(n->set->y->d->loop, &n->proc, on_content);
}

static void round_of_loads(struct node_set *s)
{
    s->y->cancel = cancel_children;
    for (size_t i = 0; i < s->n; i++) {
        struct node *n = &s->v[i];
        if (n->loaded)
            continue;
        skf_strv_clear(&n->have);
        if (n->trust == WHAT_WE_SENT)
            skf_memo_load("sent", n->key, &n->have);
        if (n->trust == WHAT_IT_SAYS || (n->trust == WHAT_WE_SENT && !n->have.n))
            ask(n);
    }
    if (!s->running)
        gather(s);
}

/* --- which nodes ------------------------------------------------------------------------------ */

static struct node_set *set_of(struct delivery *y, size_t n)
{
    struct node_set *s = y->nodes ? y->nodes : skf_xcalloc(1, sizeof *s);
    release_nodes(s);
    y->nodes = s;
    s->y = y;
    s->n = n;
    s->v = skf_xcalloc(n, sizeof *s->v);
    for (size_t i = 0; i < n; i++) {
        s->v[i].set = s;
        skf_buf_init(&s->v[i].chunk);
    }
    return s;
}

static void on_nodes(struct skf_nodes *find, const struct skf_err *err)
{
    struct node_set *s = find->data;
    if (err || s->y->err.code) {
        finish(s, err);
        return;
    }
    set_of(s->y, find->ids.n);
    for (size_t i = 0; i < find->ids.n; i++) {
        struct node *n = &s->v[i];
        const char *ctr[] = { find->program, "exec", "-i", find->ids.v[i], "ctr" };
        for (size_t k = 0; k < SKF_ARRAY_LEN(ctr); k++)
            skf_strv_add(&n->ctr, ctr[k]);
        n->title = skf_xasprintf("node '%s'", find->names.v[i]);
        n->key = skf_xasprintf("node %s %s", find->ids.v[i], namespace_of(s));
    }
    round_of_loads(s);
}

static void cancel_find(struct delivery *y)
{
    skf_nodes_cancel(&y->nodes->find);
}

static void look_for_nodes(struct node_set *s)
{
    if (s->find_used)
        skf_nodes_release(&s->find);
    s->find_used = true;
    s->find.loop = s->y->d->loop;
    s->find.maker = s->y->d->target.node_maker;
    s->find.cluster = s->y->d->target.cluster;
    s->find.data = s;
    s->find.done = on_nodes;
    s->y->cancel = cancel_find;
    skf_nodes_start(&s->find);
}

void skf_deliver_nodes(struct delivery *y)
{
    look_for_nodes(set_of(y, 0));
}

void skf_deliver_containerd(struct delivery *y)
{
    const char *socket = y->d->target.containerd_socket;
    if (!socket) {
        skf_err_set(&y->err, SKF_EBUG, "no containerd socket is given");
        skf_delivery_end(y, &y->err);
        return;
    }
    if (access(socket, F_OK) < 0) { /* ctr would try for seconds */
        skf_err_errno(&y->err, errno, "no containerd answers at '%s' (is the cluster up?)", socket);
        skf_delivery_end(y, &y->err);
        return;
    }
    struct node_set *s = set_of(y, 1);
    const char *ctr[] = { "ctr", "--address", socket, "--connect-timeout", "3s" };
    for (size_t k = 0; k < SKF_ARRAY_LEN(ctr); k++)
        skf_strv_add(&s->v[0].ctr, ctr[k]);
    s->v[0].title = skf_xasprintf("the node at '%s'", socket);
    s->v[0].key = skf_xasprintf("containerd %s %s", socket, namespace_of(s));
    round_of_loads(s);
}

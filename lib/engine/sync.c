#include "lib/engine/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/glob.h"
#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/io/tar.h"
#include "lib/kube/jget.h"

/* The commands for one container, one after the other. */
enum { MAX_COMMANDS = 3 };
struct skf_sync_container {
    struct skf_syncing *sync;
    char *namespace_, *pod, *name;
    struct {
        struct skf_strv argv;
        const struct skf_buf *input;
    } commands[MAX_COMMANDS];
    size_t n, at;
    struct skf_kube_exec exec;
    bool exec_used, running;
};

static struct skf_syncing *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_syncing, flow);
}

/* --- where a file goes ------------------------------------------------------------------------ */

static const char *relative_to(const char *dir, const char *path)
{
    return skf_path_within(dir, path) && strcmp(dir, path) != 0 ? path + strlen(dir) + 1 : NULL;
}

/* All rules that match count: a file may go to several places. */
static bool by_rules(const struct skf_sync *sync, const char *rel, struct skf_strv *to)
{
    const struct skf_sync_rule *rules = sync->manual.v;
    bool any = false;
    for (size_t i = 0; i < sync->manual.n; i++) {
        size_t strip = rules[i].strip ? strlen(rules[i].strip) : 0;
        if (!skf_glob_match(rules[i].src, rel))
            continue;
        if (strip && strncmp(rel, rules[i].strip, strip) != 0)
            strip = 0;
        any = true;
        if (to) {
            skf_autofree char *below = skf_xasprintf("./%s", rel + strip);
            skf_strv_take(to, skf_path_join(rules[i].dest, below));
        }
    }
    return any;
}

static bool inferred(const struct skf_sync *sync, const char *rel)
{
    for (size_t i = 0; i < sync->infer.n; i++)
        if (skf_glob_match(sync->infer.v[i], rel))
            return true;
    return sync->auto_;
}

bool skf_sync_wants(const struct skf_artifact *a, const char *dir, const char *path)
{
    const char *rel = relative_to(dir, path);
    return rel && (by_rules(a->sync, rel, NULL) || inferred(a->sync, rel));
}

static int find_places(struct skf_syncing *s, const char *path, bool gone, struct skf_strv *to,
                       struct skf_err *err)
{
    const struct skf_sync *sync = s->ctx.artifact->sync;
    const char *rel = relative_to(s->ctx.dir, path);
    if (rel && by_rules(sync, rel, to))
        return 0;
    if (rel && inferred(sync, rel) && s->builder->where &&
        s->builder->where(&s->ctx, path, gone, to))
        return 0;
    return skf_err_set(err, SKF_EUNSUPPORTED, "'%s' %s", rel ? rel : path,
                       gone ? "has gone, and only a build knows what that means"
                            : "has no known place in the image");
}

/* --- the tars: pool --------------------------------------------------------------------------- */

static int add_file(struct skf_tar *tar, const char *path, const char *name, struct skf_err *err)
{
    struct stat st;
    skf_autobuf struct skf_buf text = SKF_BUF_INIT;
    if (stat(path, &st) < 0)
        return skf_err_errno(err, errno, "cannot read '%s'", path);
    if (skf_file_read(path, SKF_SYNC_MAX_BYTES, &text, err) < 0)
        return -(int)err->code;
    if (skf_tar_output(tar)->len + text.len > SKF_SYNC_MAX_BYTES)
        return skf_err_set(err, SKF_ETOOBIG, "the changed files have more than %d MB",
                           SKF_SYNC_MAX_BYTES / 1024 / 1024);
    const struct skf_tar_entry e = { .name = name,
                                     .mode = S_IFREG | (st.st_mode & 07777),
                                     .size = (int64_t)text.len,
                                     .mtime = (int64_t)st.st_mtim.tv_sec };
    int rc = skf_tar_add(tar, &e, err);
    return rc < 0 ? rc : skf_tar_data(tar, text.data, text.len, err);
}

static int pack(struct skf_syncing *s, struct skf_tar *rooted, struct skf_tar *relative,
                struct skf_err *err)
{
    bool any[2] = { false, false };
    for (size_t i = 0; i < s->changed.n; i++) {
        skf_autostrv struct skf_strv to = SKF_STRV_INIT;
        if (find_places(s, s->changed.v[i], false, &to, err) < 0)
            return -(int)err->code;
        for (size_t k = 0; k < to.n; k++) {
            bool abs = to.v[k][0] == '/';
            any[abs] = true;
            if (add_file(abs ? rooted : relative, s->changed.v[i], to.v[k] + abs, err) < 0)
                return -(int)err->code;
        }
    }
    for (size_t i = 0; i < s->gone.n; i++)
        if (find_places(s, s->gone.v[i], true, &s->removed, err) < 0)
            return -(int)err->code;
    if (skf_tar_end(rooted, err) < 0 || skf_tar_end(relative, err) < 0)
        return -(int)err->code;
    if (any[true])
        skf_buf_swap(&s->rooted, skf_tar_output(rooted));
    if (any[false])
        skf_buf_swap(&s->relative, skf_tar_output(relative));
    return 0;
}

static void run_pack(struct skf_work *w)
{
    struct skf_syncing *s = SKF_CONTAINER_OF(w, struct skf_syncing, work);
    struct skf_tar *rooted = skf_tar_new(), *relative = skf_tar_new();
    pack(s, rooted, relative, &w->err);
    skf_tar_free(rooted);
    skf_tar_free(relative);
}

static void on_packed(struct skf_work *w)
{
    struct skf_syncing *s = SKF_CONTAINER_OF(w, struct skf_syncing, work);
    skf_flow_resume(&s->flow, w->err.code ? &w->err : NULL);
}

static void stop_pack(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static enum skf_next make_tars(struct skf_flow *f)
{
    struct skf_syncing *s = of(f);
    f->abort = stop_pack;
    skf_work_start(s->ctx.services->loop, &s->work, run_pack, on_packed);
    return SKF_WAIT;
}

/* --- the containers --------------------------------------------------------------------------- */

static void add_container(struct skf_syncing *s, const json_t *pod, const char *name)
{
    struct skf_sync_container *c = skf_xcalloc(1, sizeof *c);
    c->sync = s;
    c->namespace_ = skf_xstrdup(skf_jtext(pod, "metadata.namespace"));
    c->pod = skf_xstrdup(skf_jtext(pod, "metadata.name"));
    c->name = skf_xstrdup(name);
    skf_vec_push(&s->containers, c);
}

static void read_pods(struct skf_syncing *s, const json_t *list)
{
    const json_t *items = skf_jget(list, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *pod = json_array_get(items, i), *all = skf_jget(pod, "spec.containers");
        if (skf_jget(pod, "metadata.deletionTimestamp"))
            continue;
        for (size_t k = 0; k < json_array_size(all); k++) {
            const json_t *spec = json_array_get(all, k);
            const char *name = skf_jtext(spec, "name");
            const json_t *status = skf_jfind(pod, "status.containerStatuses", "name", name);
            if (strcmp(skf_jtext(spec, "image"), s->image) == 0 &&
                skf_jget(status, "state.running"))
                add_container(s, pod, name);
        }
    }
}

static void list_next(struct skf_syncing *s);

static void on_pods(struct skf_kube_req *r, const struct skf_err *err)
{
    struct skf_syncing *s = r->data;
    if (!err)
        read_pods(s, r->json);
    if (err || ++s->namespace_at == s->namespaces->n)
        skf_flow_resume(&s->flow, err);
    else
        list_next(s);
}

static void list_next(struct skf_syncing *s)
{
    if (s->list_used)
        skf_kube_req_release(&s->list);
    skf_kube_req_init(&s->list);
    s->list_used = true;
    s->list.data = s;
    skf_kube_get(s->api, &s->list, skf_kube_path("Pod", s->namespaces->v[s->namespace_at], NULL),
                 on_pods);
}

static void stop_list(struct skf_flow *f)
{
    skf_kube_req_cancel(&of(f)->list);
}

static enum skf_next find_containers(struct skf_flow *f)
{
    f->abort = stop_list;
    list_next(of(f));
    return SKF_WAIT;
}

/* --- one container ---------------------------------------------------------------------------- */

static struct skf_strv *command(struct skf_sync_container *c, const struct skf_buf *input)
{
    c->commands[c->n].input = input;
    return &c->commands[c->n++].argv;
}

static void add_words(struct skf_strv *argv, const char *const *words)
{
    for (; *words; words++)
        skf_strv_add(argv, *words);
}

static void by_tar(struct skf_sync_container *c)
{
    const struct skf_syncing *s = c->sync;
    static const char *const rooted[] = { "tar", "xmf", "-", "-C", "/", "--no-same-owner", NULL };
    static const char *const relative[] = { "tar", "xmf", "-", "--no-same-owner", NULL };
    static const char *const rm[] = { "rm", "-rf", "--", NULL };
    if (s->rooted.len)
        add_words(command(c, &s->rooted), rooted);
    if (s->relative.len)
        add_words(command(c, &s->relative), relative);
    if (s->removed.n) {
        struct skf_strv *argv = command(c, NULL);
        add_words(argv, rm);
        skf_strv_addv(argv, &s->removed);
    }
}

/* RECEIVER DIR [REMOVED...]: unpacks its input below DIR, and removes the rest. */
static void by_receiver(struct skf_sync_container *c)
{
    const struct skf_syncing *s = c->sync;
    const char *const rooted[] = { s->receiver, "/", NULL }, *const relative[] = { s->receiver, ".",
                                                                                   NULL };
    if (s->rooted.len || s->removed.n) {
        struct skf_strv *argv = command(c, s->rooted.len ? &s->rooted : NULL);
        add_words(argv, rooted);
        skf_strv_addv(argv, &s->removed);
    }
    if (s->relative.len)
        add_words(command(c, &s->relative), relative);
}

static void next_command(struct skf_sync_container *c);

static void container_ended(struct skf_sync_container *c, const struct skf_err *err)
{
    struct skf_syncing *s = c->sync;
    c->running = false;
    s->running--;
    if (err && !s->failure.code)
        s->failure = *err;
    if (!s->running)
        skf_flow_resume(&s->flow, s->failure.code ? &s->failure : NULL);
}

static void on_command(struct skf_kube_exec *x, const struct skf_err *err)
{
    struct skf_sync_container *c = x->data;
    c->at++;
    if (err || c->at == c->n)
        container_ended(c, err);
    else
        next_command(c);
}

static void next_command(struct skf_sync_container *c)
{
    if (c->exec_used)
        skf_kube_exec_release(&c->exec);
    c->exec_used = true;
    c->exec = (struct skf_kube_exec){ .namespace_ = c->namespace_,
                                      .pod = c->pod,
                                      .container = c->name,
                                      .command = &c->commands[c->at].argv,
                                      .input = c->commands[c->at].input,
                                      .data = c,
                                      .done = on_command };
    skf_kube_exec_start(c->sync->api, &c->exec);
}

static void stop_containers(struct skf_flow *f)
{
    struct skf_syncing *s = of(f);
    for (size_t i = 0; i < s->containers.n; i++)
        if (s->containers.v[i]->running)
            skf_kube_exec_cancel(&s->containers.v[i]->exec);
}

static enum skf_next transfer(struct skf_flow *f)
{
    struct skf_syncing *s = of(f);
    s->n_containers = s->containers.n;
    if (!s->containers.n) {
        skf_err_set(&f->err, SKF_ENOTFOUND, "no container of '%s' runs", s->image);
        return SKF_NEXT;
    }
    f->abort = stop_containers;
    for (size_t i = 0; i < s->containers.n; i++) {
        struct skf_sync_container *c = s->containers.v[i];
        if (s->receiver)
            by_receiver(c);
        else
            by_tar(c);
        c->running = true;
        s->running++;
    }
    for (size_t i = 0; i < s->containers.n; i++)
        next_command(s->containers.v[i]);
    return SKF_WAIT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static const struct skf_step steps[] = {
    { "file sync", make_tars },
    { "file sync", find_containers },
    { "file sync", transfer },
    { 0 },
};

static void on_flow_done(struct skf_flow *f)
{
    struct skf_syncing *s = of(f);
    struct skf_err err = f->err;
    s->done(s, err.code ? &err : NULL);
}

void skf_sync_start(struct skf_syncing *s)
{
    skf_buf_init(&s->rooted);
    skf_buf_init(&s->relative);
    skf_flow_start(s->ctx.services->loop, &s->flow, steps, on_flow_done);
}

void skf_sync_cancel(struct skf_syncing *s)
{
    skf_flow_cancel(&s->flow);
}

static void container_free(struct skf_sync_container *c)
{
    for (size_t i = 0; i < c->n; i++)
        skf_strv_release(&c->commands[i].argv);
    if (c->exec_used)
        skf_kube_exec_release(&c->exec);
    free(c->namespace_);
    free(c->pod);
    free(c->name);
    free(c);
}

void skf_sync_release(struct skf_syncing *s)
{
    for (size_t i = 0; i < s->containers.n; i++)
        container_free(s->containers.v[i]);
    skf_vec_release(&s->containers);
    if (s->list_used)
        skf_kube_req_release(&s->list);
    skf_buf_release(&s->rooted);
    skf_buf_release(&s->relative);
    skf_strv_release(&s->removed);
    skf_strv_release(&s->changed);
    skf_strv_release(&s->gone);
}

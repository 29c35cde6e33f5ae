#include "builders/ko/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builders/ko/receiver.h"
#include "lib/base/digest.h"
#include "lib/base/path.h"
#include "lib/io/file.h"

#define DELVE "github.com/go-delve/delve/cmd/dlv"

static struct skf_ko_helper *of(struct skf_flow *f)
{
    return SKF_CONTAINER_OF(f, struct skf_ko_helper, flow);
}

static bool is_ours(const struct skf_ko_helper *h)
{
    return h->kind == SKF_KO_RECEIVER;
}

/* --- the place -------------------------------------------------------------------------------- */

/* Another toolchain, another platform, another receiver: another place. */
static char *place_of(const struct skf_ko_helper *h)
{
    struct stat st = { 0 };
    char digest[SKF_DIGEST_TEXT];
    stat(h->go, &st);
    skf_autofree char *key =
        skf_xasprintf("%s %lld %lld %s/%s%s\n%s", h->go, (long long)st.st_size,
                      (long long)st.st_mtim.tv_sec, h->platform->os, h->platform->arch,
                      h->platform->variant, is_ours(h) ? skf_ko_receiver_main : DELVE);
    skf_digest_of(key, strlen(key), digest);
    return skf_xasprintf("%s/ko/helpers/%.24s", h->cache_dir, skf_digest_hex(digest));
}

static int write_file(const char *dir, const char *name, const char *text, struct skf_err *err)
{
    skf_autofree char *path = skf_path_join(dir, name);
    return skf_file_write_atomic(path, 0644, text, strlen(text), err);
}

static enum skf_next prepare(struct skf_flow *f)
{
    static unsigned number;
    struct skf_ko_helper *h = of(f);
    h->dir = place_of(h);
    h->program = skf_path_join(h->dir, "program");
    h->made = skf_xasprintf("%s.%ld.%u", h->program, (long)getpid(), number++);
    h->here = skf_file_exists(h->program);
    if (h->here || skf_file_mkdirs(h->dir, 0700, &f->err) < 0)
        return SKF_NEXT;
    if (is_ours(h) && write_file(h->dir, "main.go", skf_ko_receiver_main, &f->err) < 0)
        return SKF_NEXT;
    write_file(h->dir, "go.mod",
               is_ours(h) ? skf_ko_receiver_mod : "module skiff.dev/dlv\n\ngo 1.21\n", &f->err);
    return SKF_NEXT;
}

/* --- Go --------------------------------------------------------------------------------------- */

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct skf_ko_helper *h = p->data;
    (void)from, (void)len;
    if (h->on_line)
        h->on_line(h, line);
}

static void on_go(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_ko_helper *h = p->data;
    struct skf_err why = SKF_ERR_INIT;
    if (err) {
        why = *err;
        skf_err_wrap(&why, is_ours(h) ? "the receiver of synced files"
                                      : "the debugger (" DELVE ", from the Go module proxy)");
        if (err->code == SKF_ECHILD)
            why.code = SKF_EBUILD;
    }
    skf_flow_resume(&h->flow, err ? &why : NULL);
}

static void stop_go(struct skf_flow *f)
{
    skf_proc_stop(&of(f)->proc);
}

/* The user's own settings for his module must not reach it. */
static enum skf_next run_go(struct skf_flow *f, const char *const *words)
{
    struct skf_ko_helper *h = of(f);
    struct skf_proc *p = &h->proc;
    if (h->proc_used)
        skf_proc_release(p);
    skf_proc_init(p);
    h->proc_used = true;
    skf_strv_add(&p->argv, h->go);
    for (; *words; words++)
        skf_strv_add(&p->argv, *words);
    skf_strv_addf(&p->env, "GOOS=%s", h->platform->os);
    skf_strv_addf(&p->env, "GOARCH=%s", h->platform->arch);
    skf_strv_add(&p->env, "CGO_ENABLED=0");
    skf_strv_add(&p->env, "GOFLAGS=-mod=mod");
    skf_strv_add(&p->env, "GOWORK=off");
    skf_strv_add(&p->env, "GO111MODULE=on");
    skf_strv_addf(&p->env, "PWD=%s", h->dir);
    p->cwd = skf_xstrdup(h->dir);
    p->merge = true;
    p->on_line = on_line;
    p->data = h;
    f->abort = stop_go;
    skf_proc_start(h->loop, p, on_go);
    return SKF_WAIT;
}

static enum skf_next fetch(struct skf_flow *f)
{
    static const char *const words[] = { "get", DELVE "@latest", NULL };
    return of(f)->here || is_ours(of(f)) ? SKF_NEXT : run_go(f, words);
}

static enum skf_next build(struct skf_flow *f)
{
    struct skf_ko_helper *h = of(f);
    const char *const words[] = { "build", "-trimpath", "-ldflags=-s -w",
                                  "-o",    h->made,     is_ours(h) ? "." : DELVE,
                                  NULL };
    return h->here ? SKF_NEXT : run_go(f, words);
}

/* --- the layer -------------------------------------------------------------------------------- */

static enum skf_next open_program(struct skf_flow *f)
{
    struct skf_ko_helper *h = of(f);
    if (!h->here && rename(h->made, h->program) < 0) {
        skf_err_errno(&f->err, errno, "cannot keep '%s'", h->program);
        return SKF_NEXT;
    }
    h->fd = open(h->program, O_RDONLY | O_CLOEXEC);
    if (h->fd < 0)
        skf_err_errno(&f->err, errno, "cannot open '%s'", h->program);
    return SKF_NEXT;
}

static void make(struct skf_work *w)
{
    struct skf_ko_helper *h = SKF_CONTAINER_OF(w, struct skf_ko_helper, work);
    struct skf_layer *l = skf_layer_new();
    skf_layer_dir(l, "ko-app", 0555, 0);
    if (is_ours(h))
        skf_layer_dir(l, "ko-app/.skiff", 0555, 0);
    if (skf_layer_file(l, is_ours(h) ? SKF_KO_RECEIVER_PATH : SKF_KO_DELVE_PATH, 0555, 0, h->fd,
                       &w->err) == 0)
        h->layer = skf_layer_finish(l, h->how, h->media_type, h->diff_id, NULL, NULL, &w->err);
    skf_layer_free(l);
}

static void on_made(struct skf_work *w)
{
    struct skf_ko_helper *h = SKF_CONTAINER_OF(w, struct skf_ko_helper, work);
    skf_flow_resume(&h->flow, w->err.code ? &w->err : NULL);
}

static void stop_work(struct skf_flow *f)
{
    skf_work_cancel(&of(f)->work);
}

static enum skf_next make_layer(struct skf_flow *f)
{
    f->abort = stop_work;
    skf_work_start(of(f)->loop, &of(f)->work, make, on_made);
    return SKF_WAIT;
}

/* --- start and end ---------------------------------------------------------------------------- */

static const struct skf_step steps[] = { { "helper", prepare },    { "go get", fetch },
                                         { "go build", build },    { "helper", open_program },
                                         { "helper", make_layer }, { 0 } };

static void on_flow_done(struct skf_flow *f)
{
    struct skf_ko_helper *h = of(f);
    struct skf_err err = f->err;
    h->done(h, err.code ? &err : NULL);
}

void skf_ko_helper_start(struct skf_ko_helper *h)
{
    h->fd = -1;
    skf_flow_start(h->loop, &h->flow, steps, on_flow_done);
}

void skf_ko_helper_cancel(struct skf_ko_helper *h)
{
    skf_flow_cancel(&h->flow);
}

void skf_ko_helper_release(struct skf_ko_helper *h)
{
    if (h->proc_used)
        skf_proc_release(&h->proc);
    if (h->dir && h->fd >= 0)
        close(h->fd);
    skf_blob_unref(h->layer);
    free(h->dir);
    free(h->program);
    free(h->made);
    memset(h, 0, sizeof *h);
}

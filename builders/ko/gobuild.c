#include "builders/ko/gobuild.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KILL_AFTER_MS = 20 };

void skf_ko_gobuild_argv(const struct skf_ko_plan *plan, const struct skf_ko_settings *settings,
                         const char *out, const char *import_path, const struct skf_strv *files,
                         struct skf_strv *argv)
{
    skf_strv_add(argv, plan->go);
    skf_strv_add(argv, "build");
    skf_strv_addv(argv, &settings->flags);
    if (!plan->debug)
        skf_strv_add(argv, "-trimpath");
    if (plan->no_optimizations || plan->debug) {
        skf_strv_add(argv, "-gcflags");
        skf_strv_add(argv, "all=-N -l");
    }
    if (settings->ldflags[0])
        skf_strv_addf(argv, "-ldflags=%s", settings->ldflags);
    skf_strv_add(argv, "-o");
    skf_strv_add(argv, out);
    if (files && files->n)
        skf_strv_addv(argv, files);
    else
        skf_strv_add(argv, import_path);
}

static void on_line(struct skf_proc *p, enum skf_proc_stream from, const char *line, size_t len)
{
    struct skf_ko_gobuild *g = p->data;
    (void)from, (void)len;
    skf_goerror_line(&g->said, line, g->plan->run_dir);
    if (g->on_line)
        g->on_line(g, line);
}

/* A package that is not main comes out as an archive, and ko would ship it. */
static int open_binary(struct skf_ko_gobuild *g, struct skf_err *err)
{
    char magic[8] = "";
    struct stat st;
    skf_autoclose int fd = open(g->outdir.out, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return skf_err_errno(err, errno, "go build left no '%s'", g->outdir.out);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || pread(fd, magic, sizeof magic, 0) < 4)
        return skf_err_set(err, SKF_EBUILD, "go build left no program for '%s'", g->import_path);
    if (memcmp(magic, "!<arch>", 7) == 0)
        return skf_err_set(err, SKF_EBUILD, "'%s' is not package main: there is no program to run",
                           g->import_path);
    g->fd = fd;
    fd = -1;
    return 0;
}

static void on_exit_of_go(struct skf_proc *p, const struct skf_err *err)
{
    struct skf_ko_gobuild *g = p->data;
    struct skf_err e = SKF_ERR_INIT;
    if (err) {
        e = *err;
        if (err->code == SKF_ECHILD && (g->said.first[0] || g->said.other[0]))
            skf_goerror_set(&g->said, &e);
        else if (err->code == SKF_ECHILD)
            e.code = SKF_EBUILD;
    } else {
        open_binary(g, &e);
    }
    skf_proc_release(&g->proc);
    /* From here on nobody writes to the file we have open: Go makes a new one when it links. */
    skf_ko_outdir_release(&g->outdir);
    g->done(g, e.code ? &e : NULL);
}

/* Go's own tools are programs of Go, and spend a tenth of an incremental build on collecting
 * garbage that ends with them. Where memory is plenty it may lie about longer. Not for a first
 * build, which compiles many large packages side by side. */
static void let_garbage_lie(struct skf_ko_gobuild *g)
{
    static const uint64_t plenty = 4ULL << 30, free_at_least = 2ULL << 30;
    uint64_t limit = uv_get_constrained_memory(), total = uv_get_total_memory();
    if (getenv("GOGC") || getenv("GOMEMLIMIT") || access(g->outdir.out, F_OK) < 0)
        return;
    if (total < plenty || (limit && limit < plenty) || uv_get_free_memory() < free_at_least)
        return;
    skf_strv_add(&g->proc.env, "GOGC=400");
}

int skf_ko_gobuild_start(uv_loop_t *loop, struct skf_ko_gobuild *g,
                         void (*done)(struct skf_ko_gobuild *g, const struct skf_err *err),
                         struct skf_err *err)
{
    char key[33];
    g->done = done;
    g->fd = -1;
    skf_ko_outdir_key(g->plan, g->settings, g->import_path, &g->platform, key);
    int rc = skf_ko_outdir_take(g->cache_dir, key, g->name, &g->outdir, err);
    if (rc < 0)
        return rc;
    skf_proc_init(&g->proc);
    g->proc.data = g;
    g->proc.cwd = skf_xstrdup(g->plan->run_dir);
    g->proc.merge = true;
    g->proc.stop_ms = KILL_AFTER_MS;
    g->proc.drain_ms = 200;
    g->proc.on_line = on_line;
    skf_ko_gobuild_argv(g->plan, g->settings, g->outdir.out, g->import_path, g->files,
                        &g->proc.argv);
    if (!getenv("GOTMPDIR"))
        skf_strv_addf(&g->proc.env, "GOTMPDIR=%s", g->outdir.tmp);
    skf_strv_addf(&g->proc.env, "PWD=%s", g->plan->run_dir);
    let_garbage_lie(g);
    skf_strv_addv(&g->proc.env, &g->settings->env);
    skf_proc_start(loop, &g->proc, on_exit_of_go);
    return 0;
}

void skf_ko_gobuild_cancel(struct skf_ko_gobuild *g)
{
    skf_proc_stop(&g->proc);
}

void skf_ko_gobuild_release(struct skf_ko_gobuild *g)
{
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

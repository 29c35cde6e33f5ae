/* builders/ko/gobuild.h: one `go build` for one platform (ko-behaviour.md section 6). */
#ifndef SKF_BUILDERS_KO_GOBUILD_H
#define SKF_BUILDERS_KO_GOBUILD_H
#include "builders/ko/goerror.h"
#include "builders/ko/outdir.h"
#include "builders/ko/plan.h"
#include "lib/io/proc.h"

/* happy path: the place is taken, Go runs in a process group of its own, its output comes line by
 * line; done(NULL) with the binary open in `fd`. failures:   Go says no: SKF_EBUILD with the first
 * place in the code; whatever stood at the place stays. on cancel:  SIGTERM, soon SIGKILL;
 * done(SKF_ECANCELED); the temporary files are gone. */
struct skf_ko_gobuild {
    /* --- set by the caller; borrowed until done
     * --------------------------------------------------- */
    const struct skf_ko_plan *plan;
    const struct skf_ko_settings *settings;
    struct skf_platform platform;
    const char *cache_dir;
    const char *import_path;
    const char *name;             /* of the program */
    const struct skf_strv *files; /* without go.mod: instead of the import path; empty = none */
    void *data;
    void (*on_line)(struct skf_ko_gobuild *g, const char *line);
    void (*done)(struct skf_ko_gobuild *g, const struct skf_err *err);
    /* --- results
     * ---------------------------------------------------------------------------------- */
    int fd; /* -1 = none; closed by release */
    /* --- private
     * ---------------------------------------------------------------------------------- */
    struct skf_ko_outdir outdir;
    struct skf_goerror said;
    struct skf_proc proc;
};

/* Fails at once (then done never comes) when there is no place to build to. */
int skf_ko_gobuild_start(uv_loop_t *loop, struct skf_ko_gobuild *g,
                         void (*done)(struct skf_ko_gobuild *g, const struct skf_err *err),
                         struct skf_err *err);
void skf_ko_gobuild_cancel(struct skf_ko_gobuild *g); /* only asks; done still comes */
void skf_ko_gobuild_release(struct skf_ko_gobuild *g);

/* The command line, in ko's order. */
void skf_ko_gobuild_argv(const struct skf_ko_plan *plan, const struct skf_ko_settings *settings,
                         const char *out, const char *import_path, const struct skf_strv *files,
                         struct skf_strv *argv);
#endif

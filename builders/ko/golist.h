/* builders/ko/golist.h: one question to `go list`. */
#ifndef SKF_BUILDERS_KO_GOLIST_H
#define SKF_BUILDERS_KO_GOLIST_H
#include <stdbool.h>

#include "lib/io/proc.h"

/* What Go says about one package. Strings are owned; "" where Go says nothing. */
struct skf_ko_package {
    char *import_path, *name, *dir;
    char *error, *error_pos; /* Go's own reason, and "file:line:col" relative to where Go ran */
    bool standard;
    bool dep_only; /* not asked for: an import of what was */
    char *module_path, *module_dir, *gomod;
    bool module_cached;         /* lies in the module cache: never changes */
    struct skf_strv go_files;   /* names in dir that are compiled: Go and cgo sources */
    struct skf_strv ignored;    /* Go sources that constraints or a missing cgo leave out */
    struct skf_strv more_files; /* names of other inputs: C, assembly, headers, embedded files */
    struct skf_strv embed_patterns; /* as written behind //go:embed */
};

struct skf_ko_packages {
    SKF_VEC(struct skf_ko_package) list;
};
void skf_ko_package_release(struct skf_ko_package *p);
void skf_ko_package_copy(struct skf_ko_package *to, const struct skf_ko_package *from);
/* All of its sources are left out, and one imports "C"? Blocks for small files. */
bool skf_ko_package_is_cgo_only(const struct skf_ko_package *p);
void skf_ko_packages_release(struct skf_ko_packages *p);
/* The stream of JSON objects that `go list -json` prints. `limit` packages at most. */
int skf_ko_packages_parse(const char *text, size_t len, size_t limit, struct skf_ko_packages *out,
                          struct skf_err *err);

/* happy path: one child, its JSON parsed, done(NULL).
 * failures:   no Go -> SKF_ENOTFOUND; Go says no -> SKF_EBUILD with Go's words and advice.
 * A directory without go.mod is no failure: it is asked for again as a list of files, and no_module
 * says so; `files` then holds their names, as `go build` wants them. */
struct skf_ko_golist {
    /* --- set by the caller; all borrowed until done ----------------------------------------------
     */
    const char *go;               /* program */
    const char *dir;              /* where Go runs */
    const char *pattern;          /* ".", "./cmd/x" or an import path */
    const struct skf_strv *env;   /* platform and config, "K=V" */
    const struct skf_strv *flags; /* of the build; those that choose files are passed on */
    bool deps;                    /* with all imports; else only the package itself */
    void *data;
    void (*done)(struct skf_ko_golist *l, const struct skf_err *err);
    /* --- results
     * ---------------------------------------------------------------------------------- */
    struct skf_ko_packages packages;
    bool no_module;
    struct skf_strv files;
    /* --- private
     * ---------------------------------------------------------------------------------- */
    uv_loop_t *loop;
    struct skf_proc proc;
    enum { SKF_GOLIST_MODULE, SKF_GOLIST_GOPATH, SKF_GOLIST_FILES } mode;
};
void skf_ko_golist_start(uv_loop_t *loop, struct skf_ko_golist *l,
                         void (*done)(struct skf_ko_golist *l, const struct skf_err *err));
void skf_ko_golist_cancel(struct skf_ko_golist *l); /* only asks; done still comes */
void skf_ko_golist_release(struct skf_ko_golist *l);

/* The flags of `go build` that change which files are read, as `go list` takes them. */
void skf_ko_golist_flags(const struct skf_strv *build_flags, struct skf_strv *out);
#endif

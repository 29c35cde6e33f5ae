/* builders/ko/assemble.h: from binaries and kodata to layers, from layers to an image or an index.
 */
#ifndef SKF_BUILDERS_KO_ASSEMBLE_H
#define SKF_BUILDERS_KO_ASSEMBLE_H
#include "builders/ko/base.h"
#include "builders/ko/kodata.h"
#include "builders/ko/plan.h"
#include "builders/ko/session.h"
#include "lib/io/work.h"

/* One layer being made in the pool, or taken over from the session. */
struct skf_ko_layer_job {
    /* --- set by the caller
     * ------------------------------------------------------------------------- */
    char *key; /* what it is remembered under; owned */
    enum skf_compression how;
    const char *media_type; /* literal */
    int fd;                 /* the binary (borrowed); -1 = this is the kodata layer */
    char *name;             /* of the program; owned */
    struct skf_ko_filecaps caps;
    char *package_dir; /* kodata: of the main package; owned */
    int64_t mtime;     /* kodata entries */
    bool writable;     /* kodata: anybody may write to its directories, for file sync */
    void *data;
    void (*done)(struct skf_ko_layer_job *j, const struct skf_err *err);
    /* --- results
     * ----------------------------------------------------------------------------------- */
    struct skf_ko_made_layer made; /* its blob is released with release */
    bool reused;
    bool linked_root; /* kodata is a symbolic link: worth a note */
    /* --- private
     * ------------------------------------------------------------------------------------ */
    struct skf_work work;
    struct skf_ko_session *session;
    bool running;
};
/* Looks into `session`; starts pool work only when something changed. Returns true when the result
 * is there at once (then done does not come). */
bool skf_ko_layer_start(uv_loop_t *loop, struct skf_ko_session *session, struct skf_ko_layer_job *j,
                        void (*done)(struct skf_ko_layer_job *j, const struct skf_err *err));
void skf_ko_layer_cancel(struct skf_ko_layer_job *j); /* only asks; done still comes */
void skf_ko_layer_release(struct skf_ko_layer_job *j);

/* The layer form for a base and a way of compression. */
const char *skf_ko_layer_type(const struct skf_image *base, enum skf_compression how);

/* What the image says of itself. All borrowed. */
struct skf_ko_image_parts {
    const struct skf_ko_plan *plan;
    const struct skf_strv *labels; /* key, value ... */
    const char *import_path, *name;
    const char *base_name; /* NULL = no base annotations */
    bool debug;            /* the program starts in the debugger, which the base has */
};
/* base + kodata + program, as ko writes it (ko-behaviour.md 10, 11). */
struct skf_image *skf_ko_image_make(const struct skf_ko_image_parts *parts,
                                    const struct skf_image *base,
                                    const struct skf_ko_made_layer *kodata,
                                    const struct skf_ko_made_layer *app, struct skf_err *err);
/* Several platforms (section 12). */
struct skf_image *skf_ko_index_make(const struct skf_ko_image_parts *parts,
                                    const struct skf_image *base_index,
                                    const struct skf_ko_base_child *children,
                                    struct skf_image *const *images, size_t n, struct skf_err *err);

/* Last element of an import path; "ko-app" where there is none. Borrowed. */
const char *skf_ko_program_name(const char *import_path);
#endif

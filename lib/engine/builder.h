/* lib/engine/builder.h: the seam to builders.
 *
 * To add one: a folder builders/NAME/ with a `const struct skf_builder_ops skf_builder_NAME`, a
 * line in builders/registry.c, its option table (which is also its documentation), unit tests, and
 * an integration test that builds and runs a real image. */
#ifndef SKF_ENGINE_BUILDER_H
#define SKF_ENGINE_BUILDER_H
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/model.h"
#include "lib/engine/services.h"
#include "lib/image/deliver.h"
#include "lib/io/watch.h"

/* What a build reads: what to watch, and what decides whether a build is needed. Absolute paths. */
struct skf_inputs {
    struct skf_strv files;
    struct skf_strv dirs;  /* pairs: directory, glob for names in it ("*.go"): new files count */
    struct skf_strv trees; /* everything below */
    /* A change of one of these can change the list itself: ask again. Subset of the above. */
    struct skf_strv manifests;
    /* What of `trees` does not count (a partly ignored context); NULL: all of it counts. Asked from
     * the loop and from pool threads, also after the builder has handed the list over. skip_data is
     * owned by the list and ends with skip_free. */
    skf_watch_skip_fn *skips;
    void *skip_data;
    void (*skip_free)(void *skip_data);
};
void skf_inputs_release(struct skf_inputs *in);

/* How one artifact is asked about: shared by inputs and build. All borrowed until done. */
struct skf_build_context {
    const struct skf_services *services;
    const struct skf_module *module;
    const struct skf_artifact *artifact;
    const char *dir;                  /* absolute: module dir joined with the artifact's context */
    const struct skf_strv *platforms; /* wanted, "os/arch[/variant]"; empty = the builder decides */
    bool debug;                       /* dev, under a debugger */
    bool dev;                         /* the inner loop: speed options allowed */
    bool anew; /* nothing that is remembered may stand for a build (--cache-artifacts=false) */
    bool
        contents; /* the bytes of the image are wanted too (build --output), not its digest alone */
};

struct skf_inputs_job {
    struct skf_build_context ctx;
    void *data;
    void (*done)(struct skf_inputs_job *j, const struct skf_err *err);
    struct skf_inputs inputs; /* result */
    void *priv;
};

/* Where the milliseconds of a build go: the columns of the ledger. */
enum skf_phase { SKF_PHASE_BUILD, SKF_PHASE_LAYER, SKF_PHASE_DELIVER, SKF_PHASE_COUNT };

struct skf_build {
    struct skf_build_context ctx;
    const char *reference; /* "repo/name:tag" to build as; borrowed */
    struct skf_target target;
    /* What the artifacts that this one requires were built as: alias -> reference. Borrowed. */
    const struct skf_pair *required;
    size_t n_required;
    /* The images themselves, side by side with these; NULL where we do not have it. Borrowed. */
    struct skf_image *const *required_images;
    const char
        *expected_digest; /* of the last build of the same artifact or NULL: skip what is there */
    void *data;
    /* A line of the toolchain's output, as it comes; NUL-terminated, without line end. */
    void (*on_line)(struct skf_build *b, const char *line);
    /* What a long build does right now: for a terminal, to be forgotten. May be NULL. */
    void (*on_progress)(struct skf_build *b, const char *line);
    /* Exactly once; never from inside start. */
    void (*done)(struct skf_build *b, const struct skf_err *err);
    /* --- results --------------------------------------------------------------------------------
     */
    char *deployed; /* owned: what manifests refer to: "repo/name:tag@sha256:..." */
    char *digest;   /* owned */
    int64_t phase_us[SKF_PHASE_COUNT];
    enum skf_phase phase; /* the one that runs, or that failed: set by the builder as it goes on */
    int64_t bytes_sent;
    struct skf_strv notes; /* calm remarks for the user ("no go.mod: built with ...") */
    /* The image itself, for what comes after a reference (file lanes, layouts); may be NULL. */
    struct skf_image *image;
    void *priv;
    void *around; /* of what wraps the builder */
};
void skf_build_release(struct skf_build *b);

struct skf_builder_ops {
    const char *name; /* the yaml key */
    const struct skf_field *options;
    size_t options_size;
    const char *summary;
    /* Asks what a build of this artifact reads. */
    void (*inputs)(struct skf_inputs_job *j);
    void (*cancel_inputs)(struct skf_inputs_job *j);
    void (*start)(struct skf_build *b);
    void (*cancel)(struct skf_build *b); /* only asks; done still comes */
    /* Checks options that a table cannot: returns -code. NULL = nothing to check. */
    int (*check)(const struct skf_artifact *a, struct skf_err *err);
    /* Appends what else decides what a build makes, besides options, platforms and contents:
     * variables, the tool. false: a build must not be left out. NULL = nothing else. Blocks for
     * small files. */
    bool (*cache_key)(const struct skf_build_context *ctx, struct skf_buf *out);
    /* Where in the image is this file of the context (absolute path)? Adds absolute paths, or ones
     * relative to the working directory of its containers. false: only a build knows. `gone`: it
     * was there. Pool thread; may read small files. NULL: never known. */
    bool (*where)(const struct skf_build_context *ctx, const char *path, bool gone,
                  struct skf_strv *to);
    /* The program in its images that takes synced files where there is no tar: RECEIVER DIR
     * [REMOVED...], a tar on standard input. NULL or a NULL result: none. */
    const char *(*receiver)(const struct skf_build_context *ctx);
    /* Under `debug`, what its programs run in, for containers with a command of their own (ends
     * with NULL), and the port that it listens on. NULL, 0: no debugger. */
    const char *const *debugger;
    unsigned debug_port;
    /* Frees what the builder remembers between builds; nothing of it runs any more. NULL = nothing.
     */
    void (*shut_down)(void);
};
#endif

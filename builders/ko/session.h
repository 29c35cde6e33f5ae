/* builders/ko/session.h: what a process remembers between two builds of one artifact, so that a
 * save costs only what it changed. Nothing here is needed for a right answer: all of it is checked
 * before use. */
#ifndef SKF_BUILDERS_KO_SESSION_H
#define SKF_BUILDERS_KO_SESSION_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "builders/ko/golist.h"
#include "lib/base/digest.h"
#include "lib/engine/builder.h"
#include "lib/image/layer.h"

/* Which bytes a file holds, as far as stat can tell. */
struct skf_ko_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

/* A layer that was made, and from what. The blob keeps the file open, so its inode number cannot be
 * given to another file while we remember it. */
struct skf_ko_made_layer {
    char *key; /* platform + form; owned */
    struct skf_ko_stamp stamp;
    char build_id[160];         /* Go's own, "" = unknown */
    char mark[SKF_DIGEST_TEXT]; /* kodata: of the tree */
    char diff_id[SKF_DIGEST_TEXT];
    struct skf_blob *blob;
};

struct skf_ko_session {
    char *key;
    /* the main package, valid while `package_mark` matches */
    bool have_package, no_module;
    struct skf_ko_package package;
    char *run_dir;         /* where Go found it */
    struct skf_strv files; /* without go.mod: what `go build` is given */
    char package_mark[SKF_DIGEST_TEXT];
    SKF_VEC(struct skf_ko_made_layer) layers;
    /* the inputs, valid while `inputs_mark` matches */
    bool have_inputs;
    struct skf_inputs inputs;
    struct skf_strv mark_dirs, mark_files; /* what the mark is made of */
    char inputs_mark[SKF_DIGEST_TEXT];
    /* the last delivery */
    char *delivered_digest, *delivered_as, *deployed;
    enum skf_target_kind delivered_to;
    struct skf_strv told; /* notes that were given */
};

struct skf_ko_session *skf_ko_session_get(const char *workdir, const char *pattern);
/* The package still stands as it was remembered. Blocks for a few small files. */
bool skf_ko_session_package_valid(struct skf_ko_session *s, const char *settings_digest);
void skf_ko_session_keep_package(struct skf_ko_session *s, const struct skf_ko_package *p,
                                 const char *run_dir, bool no_module, const struct skf_strv *files,
                                 const char *settings_digest);
struct skf_ko_made_layer *skf_ko_session_layer(struct skf_ko_session *s, const char *key);
/* Takes a reference to the blob; replaces what had this key. */
void skf_ko_session_keep_layer(struct skf_ko_session *s, const struct skf_ko_made_layer *made);
/* Everything of all artifacts: for tests, and before the end of a process that checks for leaks. */
void skf_ko_session_forget_all(void);
#endif

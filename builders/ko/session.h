/* builders/ko/session.h: what a process remembers between two builds of one artifact, so that a
 * save costs only what it changed. Nothing here is needed for a right answer: all of it is checked
 * before use. */
#ifndef SKF_BUILDERS_KO_SESSION_H
#define SKF_BUILDERS_KO_SESSION_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "builders/ko/known.h"
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
    char recipe[33];            /* of what it was built with; "" for kodata */
    char mark[SKF_DIGEST_TEXT]; /* kodata: of the tree */
    char diff_id[SKF_DIGEST_TEXT];
    struct skf_blob *blob;
};

struct skf_ko_session {
    char *key;
    /* What is known of the main package, and the settings that led to the question. NULL: nothing,
     * or not looked for in the cache yet. */
    char known_key[SKF_DIGEST_TEXT];
    struct skf_ko_graph *graph;
    struct skf_ko_kept *kept;
    SKF_VEC(struct skf_ko_made_layer) layers;
    /* the last delivery */
    char *delivered_digest, *delivered_as, *deployed;
    enum skf_target_kind delivered_to;
    struct skf_strv told; /* notes that were given */
    /* the layer of build_helper.c; NULL = none yet */
    struct skf_blob *helper;
    int helper_kind;
    char helper_diff_id[SKF_DIGEST_TEXT];
};

struct skf_ko_session *skf_ko_session_get(const char *workdir, const char *pattern);
/* What is known under these settings; both may be NULL. Takes references; what was known before is
 * dropped. */
void skf_ko_session_learn(struct skf_ko_session *s, const char *settings,
                          struct skf_ko_graph *graph, struct skf_ko_kept *kept);
struct skf_ko_made_layer *skf_ko_session_layer(struct skf_ko_session *s, const char *key);
/* Takes a reference to the blob; replaces what had this key. */
void skf_ko_session_keep_layer(struct skf_ko_session *s, const struct skf_ko_made_layer *made);
/* Everything of all artifacts: for tests, and before the end of a process that checks for leaks. */
void skf_ko_session_forget_all(void);
#endif

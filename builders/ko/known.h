/* builders/ko/known.h: what was learnt about one main package, and is still right as long as
 * nothing that decides it has changed: Go's import graph, and the layers that came of the last
 * build. Held by the session for this process, and in the user's cache for the next one.
 *
 * Both objects are counted and never change once they are made; the counts belong to the loop. */
#ifndef SKF_BUILDERS_KO_KNOWN_H
#define SKF_BUILDERS_KO_KNOWN_H
#include "builders/ko/golist.h"
#include "builders/ko/seen.h"

/* Go's answer about a main package and all it imports. Right while `mark` is, which holds what
 * decides the answer: imports, constraints, names of files, go.mod and the like. */
struct skf_ko_graph {
    int refs;
    char settings[SKF_DIGEST_TEXT]; /* that Go was asked with */
    char mark[SKF_DIGEST_TEXT];
    bool have_package; /* false: Go could not say which, but what to watch */
    bool no_module;
    struct skf_ko_package package;
    char *run_dir;         /* where Go found it */
    char *goroot;          /* NULL = not known */
    struct skf_strv files; /* without go.mod: what `go build` is given */
    struct skf_inputs inputs;
    struct skf_strv mark_dirs, mark_files;
};
struct skf_ko_graph *skf_ko_graph_new(void);
struct skf_ko_graph *skf_ko_graph_ref(struct skf_ko_graph *g);
void skf_ko_graph_unref(struct skf_ko_graph *g);
/* The mark as it would be now. Raises *newest_us (may be NULL) to the latest change of a Go file.
 * Blocks. */
void skf_ko_graph_mark(const struct skf_ko_graph *g, bool (*stopped)(void *), void *arg,
                       char out[SKF_DIGEST_TEXT], int64_t *newest_us);

/* A layer that was made: enough to name it in a manifest, not its content. */
struct skf_ko_kept_layer {
    char *key;       /* platform and form; owned */
    char recipe[33]; /* settings of `go build`; "" for kodata */
    char diff_id[SKF_DIGEST_TEXT], digest[SKF_DIGEST_TEXT], media_type[96];
    int64_t size;
};
/* The layers of a build that read exactly what was `seen`, in a repository of this state. */
struct skf_ko_kept {
    int refs;
    struct skf_ko_seen seen;
    char *vcs;
    SKF_VEC(struct skf_ko_kept_layer) layers;
};
struct skf_ko_kept *skf_ko_kept_new(void);
struct skf_ko_kept *skf_ko_kept_ref(struct skf_ko_kept *k);
void skf_ko_kept_unref(struct skf_ko_kept *k);
void skf_ko_kept_add(struct skf_ko_kept *k, const struct skf_ko_kept_layer *layer); /* copies */
/* NULL: no such layer. Borrowed. */
const struct skf_ko_kept_layer *skf_ko_kept_find(const struct skf_ko_kept *k, const char *key,
                                                 const char *recipe);

/* The user's cache, by the digest of the settings that lead to Go's question. Both may come out
 * NULL. Blocks. */
void skf_ko_known_load(const char *cache_dir, const char *key, struct skf_ko_graph **graph,
                       struct skf_ko_kept **kept);
void skf_ko_known_save(const char *cache_dir, const char *key, const struct skf_ko_graph *graph,
                       const struct skf_ko_kept *kept);
#endif

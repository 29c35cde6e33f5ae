/* builders/ko/kodata.h: the layer of static files (ko-behaviour.md 9.2). */
#ifndef SKF_BUILDERS_KO_KODATA_H
#define SKF_BUILDERS_KO_KODATA_H
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/image/layer.h"

struct skf_kodata_entry {
    char *name; /* in the image: "/var/run/ko/a.txt" */
    char *path; /* where the content is, links resolved; NULL = a directory */
    int64_t size;
};
struct skf_kodata {
    SKF_VEC(struct skf_kodata_entry) entries;
    struct skf_strv
        outside; /* files and directories that links lead to, outside the tree: watched too */
    char mark[SKF_DIGEST_TEXT]; /* changes when a name, size, time or file does */
    bool linked_root;           /* kodata itself is a symbolic link, which ko would silently skip */
    int64_t total_bytes;
    size_t files;
};

/* Walks DIR/kodata; one that is not there gives an empty list. Links are followed inside the
 * allowed root (the nearest directory above with a .git, or KO_DATA_PATH_ALLOWED_ROOT); cycles,
 * other targets and anything that is neither file nor directory are refused by name. Blocks. */
int skf_kodata_walk(const char *package_dir, struct skf_kodata *out, struct skf_err *err);
void skf_kodata_release(struct skf_kodata *k);
/* All entries into a layer, below /var/run/ko. writable: anybody may write to the directories,
 * which is not ko's way, and for `dev` only. Blocks. */
int skf_kodata_fill(const struct skf_kodata *k, struct skf_layer *layer, int64_t mtime,
                    bool writable, struct skf_err *err);
#endif

/* builders/ko/outdir.h: where Go puts a binary. A stable place, because Go skips the link when the
 * file at -o is up to date already (80 instead of 300 ms); shared by nobody at a time, because two
 * `go build` into one file would break it. */
#ifndef SKF_BUILDERS_KO_OUTDIR_H
#define SKF_BUILDERS_KO_OUTDIR_H
#include <stdbool.h>

#include "builders/ko/plan.h"

struct skf_ko_outdir {
    char *dir;       /* owned */
    char *out;       /* the binary */
    char *tmp;       /* GOTMPDIR: what a killed Go leaves behind is removed with it */
    int lock;        /* -1 = none */
    bool is_private; /* the stable place is somebody else's, or cannot be: removed at the end */
};

/* What the place is named after: the module directory, the package, the platform, flags and
 * environment. `out` is 32 hex digits. */
void skf_ko_outdir_key(const struct skf_ko_plan *plan, const struct skf_ko_settings *settings,
                       const char *import_path, const struct skf_platform *platform, char out[33]);
/* Takes CACHE/ko/bin/KEY; or a private directory, when another skiff has it or nothing can be
 * written there. Blocks for little. */
int skf_ko_outdir_take(const char *cache_dir, const char *key, const char *name,
                       struct skf_ko_outdir *out, struct skf_err *err);
/* Gives the place back; the binary stays, unless the place was private (an open descriptor of it
 * stays good). */
void skf_ko_outdir_release(struct skf_ko_outdir *o);
/* Removes places that were not used for `max_age_s`. Blocks: pool work. */
void skf_ko_outdir_clean(const char *cache_dir, long long max_age_s);
#endif

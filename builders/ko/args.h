/* builders/ko/args.h: `args` under `ko:`. Skaffold has no such field, but tutorials write it as if
 * the list were given to the ko program; so it is read as ko's command line. */
#ifndef SKF_BUILDERS_KO_ARGS_H
#define SKF_BUILDERS_KO_ARGS_H
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/config/field.h"

struct skf_ko_args {
    struct skf_strv platforms;   /* --platform, comma lists split */
    struct skf_strv labels;      /* --image-label: key, value, key, value ... */
    struct skf_strv annotations; /* --image-annotation, the same */
    struct skf_strv ldflags;     /* --ldflags */
    struct skf_strv build_flags; /* flags of `go build` itself: -tags=x, -v */
    struct skf_strv notes;       /* flags that have no effect here, and why */
    char *user;                  /* --image-user */
    bool no_optimizations;       /* --disable-optimizations */
    bool no_sbom;                /* --sbom=none */
};

/* Errors: SKF_ECONFIG at the argument, with a suggestion. Releases nothing on failure: call
 * release. */
int skf_ko_args_parse(const struct skf_strings *args, struct skf_ko_args *out, struct skf_err *err);
void skf_ko_args_release(struct skf_ko_args *a);
#endif

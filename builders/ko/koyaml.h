/* builders/ko/koyaml.h: .ko.yaml and the KO_* variables that override it (ko-behaviour.md section
 * 3). */
#ifndef SKF_BUILDERS_KO_KOYAML_H
#define SKF_BUILDERS_KO_KOYAML_H
#include <stdbool.h>

#include "builders/ko/filecaps.h"
#include "lib/base/err.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

struct skf_ko_build_entry {
    char *id, *dir, *main; /* owned; defaults filled in */
    struct skf_strv env, flags, ldflags;
    struct skf_ko_filecaps caps;
    int line, col;
};

struct skf_koyaml {
    char *file; /* absolute path of what was read, or where it would be; owned */
    bool found;
    char *default_base;       /* NULL = unset */
    struct skf_map overrides; /* import path in lower case -> owned reference */
    struct skf_strv platforms, env, flags, ldflags;
    SKF_VEC(struct skf_ko_build_entry) builds;
    struct skf_strv notes; /* unknown keys: misspelt ones are a classic */
};

/* Reads KO_CONFIG_PATH or WORKDIR/.ko.yaml (.ko.yml), if there is one, and the environment. Blocks
 * (one small file). On failure `out` is empty. */
int skf_koyaml_load(const char *workdir, struct skf_koyaml *out, struct skf_err *err);
void skf_koyaml_release(struct skf_koyaml *k);
#endif

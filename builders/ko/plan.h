/* builders/ko/plan.h: one artifact's settings, merged: skaffold.yaml over KO_* over .ko.yaml. */
#ifndef SKF_BUILDERS_KO_PLAN_H
#define SKF_BUILDERS_KO_PLAN_H
#include <stdbool.h>

#include "builders/ko/facts.h"
#include "builders/ko/ko.h"
#include "builders/ko/koyaml.h"
#include "builders/ko/platform.h"

/* Texts that may hold templates, with the place they stand at (borrowed from the config; may be
 * NULL). */
struct skf_ko_texts {
    struct skf_strv text;
    const struct skf_node *const *at;
    const char *field; /* "ldflags": for messages */
};

struct skf_ko_plan {
    char *workdir;           /* where .ko.yaml is read: context joined with dir */
    char *run_dir;           /* where Go runs: workdir, or below it by a `builds` entry */
    char *pattern;           /* what is built, in Go's words */
    bool strict;             /* a "ko://" name: the pattern is an import path */
    bool own_config;         /* skaffold.yaml says how: `builds` of .ko.yaml do not count */
    char *go;                /* the program */
    char *repo, *name, *tag; /* IMAGE_REPO, IMAGE_NAME, IMAGE_TAG */
    struct skf_koyaml yaml;
    struct skf_ko_texts env, flags, ldflags, labels;
    struct skf_strv label_keys; /* of `labels` */
    struct skf_strv arg_labels, annotations;
    char *user;
    struct skf_ko_filecaps caps;
    bool no_optimizations;
    bool no_sbom;
    bool debug; /* the debugger wants the code as it is written, and the paths of its files */
    bool dev;   /* the inner loop: see skf_ko_plan_settings */
    struct skf_ko_platforms platforms;
    char *from_image;      /* skaffold.yaml's own; NULL = unset */
    struct skf_strv roots; /* what the templates name */
    struct skf_strv notes;
    /* SOURCE_DATE_EPOCH and KO_DATA_DATE_EPOCH; -1 = unset */
    long long source_epoch, data_epoch;
};

/* Reads .ko.yaml and the environment; checks what can be checked without a child process.
 * `reference` and `target` may be NULL (inputs). Blocks for one small file. */
int skf_ko_plan_load(const struct skf_build_context *ctx, const char *reference,
                     const struct skf_target *target, struct skf_ko_plan *out, struct skf_err *err);
void skf_ko_plan_release(struct skf_ko_plan *p);
/* Takes over a `builds` entry of .ko.yaml: the one whose main package is in `package_dir`
 * (absolute), if there is one and skaffold.yaml itself says nothing. */
void skf_ko_plan_use_entry(struct skf_ko_plan *p, const char *package_dir);

/* Notes what the templates of `t` name; also a check of their syntax. */
int skf_ko_plan_collect_roots(struct skf_ko_plan *p, const struct skf_ko_texts *t,
                              struct skf_err *err);

/* Everything one `go build` needs for one platform, templates expanded. */
struct skf_ko_settings {
    struct skf_strv env;   /* platform, then config: what is added to our environment */
    struct skf_strv flags; /* without -trimpath and -ldflags, which gobuild adds */
    char *ldflags;         /* joined; "" = none */
    bool no_debug_info;    /* `dev` added -w to them */
};
/* In `dev` the linker writes no debug info (-w), unless the user has -w or -ldflags of his own: a
 * quarter off each `go build` and off the layer (460 to 330 ms, 8.3 to 6.2 MB for net/http). Stack
 * traces stay. Never in `run` or `build`, which make ko's image. */
int skf_ko_plan_settings(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                         const struct skf_platform *platform, struct skf_ko_settings *out,
                         struct skf_err *err);
void skf_ko_settings_release(struct skf_ko_settings *s);
/* Labels: key, value, key, value ... */
int skf_ko_plan_labels(const struct skf_ko_plan *p, const struct skf_ko_facts *facts,
                       struct skf_strv *out, struct skf_err *err);
#endif

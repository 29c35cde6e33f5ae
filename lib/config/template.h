/* lib/config/template.h: the part of Go's text/template (and of sprig) that build settings and tag
 * policies use. Pure: reads nothing but what the environment struct offers.
 *
 * Understood: field chains (.A.B, $.A, $x.B), variables ($x := ..., $x = ...), string, raw string,
 * char, number, true/false/nil literals, pipelines, parentheses, if / else if / else / with / range
 * (lists, maps, numbers) / break / continue / end, define / template / block, {{- -}} trimming,
 * comments; the built-in functions of text/template; with `sprig` the functions listed in
 * template_sprig.c. Anything else is an error that names the construct: no "{{" ever passes through
 * unexpanded. */
#ifndef SKF_CONFIG_TEMPLATE_H
#define SKF_CONFIG_TEMPLATE_H
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/vec.h"

/* One value of the data. Strings are borrowed from the caller for the time of the expansion. */
enum skf_tvalue_kind { SKF_TV_ABSENT = 0, SKF_TV_STRING, SKF_TV_INT, SKF_TV_BOOL, SKF_TV_MAP };

struct skf_tmap;
struct skf_tvalue {
    enum skf_tvalue_kind kind;
    const char *str;
    long long num;
    bool yes;
    const struct skf_tmap *map;
};

/* A map of the data: a function, so that nothing has to be collected that no template names. */
struct skf_tmap {
    /* Puts the value of `key` and returns true, or returns false when there is none. The string
     * must stay until the expansion ends. */
    bool (*get)(const struct skf_tmap *m, const char *key, struct skf_tvalue *out);
    /* For range, len and printing; may be NULL (then these are errors). Fills sorted keys. */
    void (*keys)(const struct skf_tmap *m, struct skf_strv *out);
    const void *data;
};

/* A map over "KEY=VALUE" strings (an environment): the last one of equal keys wins. `data` is a
 * struct skf_strv. */
extern const struct skf_tmap skf_tmap_envv_template; /* copy it and set .data */
/* A map over a struct skf_tpair array that ends with key NULL; `data` is the array. */
struct skf_tpair {
    const char *key;
    struct skf_tvalue value;
};
extern const struct skf_tmap skf_tmap_pairs_template;
/* Two maps, the first one asked first. `data` is a `const struct skf_tmap *const [2]`. */
extern const struct skf_tmap skf_tmap_overlay_template;

struct skf_template_env {
    const struct skf_tmap *root; /* what "." is at the start */
    bool sprig;                  /* offer the sprig functions too */
    bool fail_missing;           /* absent key: an error; else the text "<no value>" */
    const char *name; /* for messages, as in Go: `template: NAME:1:7: ...`; NULL = "template" */
    /* For sprig's env, now, date and Skaffold's cmd; NULL = these functions are errors. */
    const char *(*getenv)(void *ctx, const char *name);
    void *ctx;
    long long now_s; /* wall clock for `now`; 0 = the real one */
};

/* Expands `text`; *out is owned by the caller. Errors: SKF_ECONFIG with the position inside the
 * text in err->line and err->col and a text such as "map has no entry for key \"X\" at {{.Env.X}}".
 */
int skf_template_expand(const char *text, const struct skf_template_env *env, char **out,
                        struct skf_err *err);

/* Which data a template asks for, before anything is collected: dotted paths of fields as far as
 * they are known from the text ("Git.ShortCommit", "Env.HOME", "Date"); a use of "." itself gives
 * ".". Sorted, unique. Also a syntax check: fails as expand would. */
int skf_template_roots(const char *text, struct skf_strv *out, struct skf_err *err);
/* Does one of the texts name `root` or something below it ("Git" matches "Git.Tag")? Plain string
 * search on the result of skf_template_roots; "." matches everything. */
bool skf_template_names(const struct skf_strv *roots, const char *root);
/* Quick: can expansion change this text at all? */
bool skf_template_has(const char *text);
#endif

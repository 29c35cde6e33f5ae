/* lib/config/field.h: one table says what a section of skaffold.yaml may hold. Parsing, unknown-key
 * errors with suggestions, defaults and reference text all come from it. */
#ifndef SKF_CONFIG_FIELD_H
#define SKF_CONFIG_FIELD_H
#include <stdbool.h>
#include <stddef.h>

enum skf_field_type {
    SKF_T_STRING,      /* const char *; NULL = unset */
    SKF_T_BOOL,        /* bool */
    SKF_T_TRISTATE,    /* enum skf_tristate */
    SKF_T_INT,         /* int */
    SKF_T_STRINGS,     /* struct skf_strings */
    SKF_T_STRING_MAP,  /* struct skf_pairs: order of the file; a value may be NULL (yaml null) */
    SKF_T_INT_OR_NAME, /* const char *: a port number or name, as text */
    SKF_T_STRUCT,      /* embedded struct; `sub` */
    SKF_T_STRUCT_PTR,  /* pointer to a struct, NULL = unset; `sub`, `size` */
    SKF_T_LIST,        /* struct skf_list of structs; `sub`, `size` */
    SKF_T_FLAT_MAP,    /* struct skf_pairs: nested mappings as "a.b", lists as "a[0]" */
    SKF_T_ANY,         /* const struct skf_node *: taken as it is */
};

/* Who refuses a field that skiff does not act on. */
enum skf_refused_when {
    SKF_REFUSED_ALWAYS,    /* every command that acts */
    SKF_REFUSED_BUILDING,  /* commands that build or deploy */
    SKF_REFUSED_DEPLOYING, /* commands that deploy */
};

#define SKF_NO_SLOT ((size_t)-1) /* offset of a field that is checked and not kept */

enum skf_tristate { SKF_UNSET = 0, SKF_NO, SKF_YES };

struct skf_node; /* lib/doc */

struct skf_field {
    const char *name;
    enum skf_field_type type;
    size_t offset;
    const struct skf_field *sub; /* ends with { 0 } */
    size_t size;
    const char *def;  /* default as yaml text; NULL = none */
    const char *help; /* one line */
    bool required;
    bool templated;    /* Go templates are expanded in it, at use */
    bool path;         /* relative to the directory of the config that holds it */
    bool braces;       /* "{{" is ordinary text here (a shell command, a label) */
    const char *oneof; /* name of a group of which at most one may be set; NULL = none */
    /* Known to Skaffold, not done by skiff: what to use instead. NULL = done. */
    const char *refused;
    enum skf_refused_when refused_when;
    const char *since; /* the first version that knows it ("v2beta26"); NULL = all */
    /* --- what Skaffold's own types make of it, seen in profiles and in what is printed --- */
    bool ptr;     /* written is set, also when it is "", 0 or [] */
    bool always;  /* printed also when it is empty */
    bool lenient; /* unknown keys below it are dropped, with a warning */
};

/* Values live in the config's arena. `at` is where the value stands, for later errors. */
struct skf_strings {
    const char **v;
    const struct skf_node **at;
    size_t n;
};
struct skf_pair {
    const char *key, *value;
    const struct skf_node *at;
};
struct skf_pairs {
    struct skf_pair *v;
    size_t n;
};
struct skf_list {
    void *v; /* array of structs of the field's `size` */
    size_t n;
};

struct skf_arena;
struct skf_diagnostics;

/* How a mapping is decoded by a table; findings are collected, decoding goes on behind them. */
struct skf_decode {
    struct skf_arena *arena;
    struct skf_diagnostics *diags;
    bool allow_refused; /* known but unsupported fields pass: an inactive profile, `diagnose` */
    bool only_shape; /* rules beyond names and types are warnings: `diagnose` prints all the same */
    bool lenient;    /* private: below a field that says so */
    bool numbers_told; /* private: the remark about "1.10" was made */
    /* What became of a key that is unknown here: a hint (arena), or NULL. May be NULL. */
    const char *(*moved)(const char *path, const char *key, struct skf_arena *arena);
};

/* Decodes `map` (NULL or null: only defaults) into the struct `out` (zeroed by the caller; NULL =
 * only check). `path` names the mapping in messages ("build.artifacts[0].ko", "" = top). */
void skf_fields_decode(struct skf_decode *d, const struct skf_field *fields,
                       const struct skf_node *map, void *out, const char *path);
/* The entry of a table, or NULL. */
const struct skf_field *skf_field_find(const struct skf_field *fields, const char *name);
/* Does the value say something: not left empty, false or 0 where that is as good as not written? */
bool skf_field_is_on(const struct skf_field *f, const struct skf_node *v);
#endif

/* lib/doc/doc.h: one document tree for YAML and JSON. The text is kept; every node knows where it
 * stands, so that errors can point and edits can change a few bytes instead of rewriting the file.
 *
 * Aliases are resolved: the child pointer of an alias is the anchored node itself, so a tree may
 * share nodes (never with a cycle). Merge keys ("<<") are resolved too: merged entries follow a
 * mapping's own ones. Everything below a struct skf_doc lives until skf_doc_free. */
#ifndef SKF_DOC_DOC_H
#define SKF_DOC_DOC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum {
    SKF_DOC_MAX_BYTES = 64 * 1024 * 1024,
    SKF_DOC_MAX_DEPTH = 100,
    /* After expansion of aliases, in one file: what keeps "billion laughs" small. */
    SKF_DOC_MAX_NODES = 2 * 1000 * 1000,
};

enum skf_kind { SKF_SCALAR, SKF_MAPPING, SKF_SEQUENCE };

enum skf_style {
    SKF_STYLE_PLAIN, /* scalars ... */
    SKF_STYLE_SINGLE,
    SKF_STYLE_DOUBLE,
    SKF_STYLE_LITERAL, /* | */
    SKF_STYLE_FOLDED,  /* > */
    SKF_STYLE_BLOCK,   /* mappings and sequences ... */
    SKF_STYLE_FLOW,    /* { } and [ ] */
};

/* What a scalar means by the rules of Go's yaml.v3: quoted ones are strings; yes/no/on/off are
 * strings here (see skf_node_bool for fields that want a bool). */
enum skf_scalar {
    SKF_SCALAR_NULL,
    SKF_SCALAR_BOOL,
    SKF_SCALAR_INT,
    SKF_SCALAR_FLOAT,
    SKF_SCALAR_STRING
};

struct skf_doc;
struct skf_node;

/* One "key: value" of a mapping. */
struct skf_entry {
    struct skf_node *key; /* most often a scalar */
    struct skf_node *value;
    bool merged;        /* came through "<<": stands elsewhere in the text */
    bool aliased;       /* the value was written as "*name": its text is at the anchor */
    uint32_t alias_end; /* behind that "*name" */
};

struct skf_node {
    enum skf_kind kind;
    enum skf_style style;
    /* Where it stands: 1-based, columns count characters; 0 = made by a program. */
    int line, col;
    /* Bytes of the doc's text, [start, end). Block mappings and block sequences end where the next
     * token begins, so comments and blank lines behind them are inside. */
    uint32_t start, end;
    const char *tag;    /* "!!str", "!x"; NULL = none written */
    const char *anchor; /* NULL = none */
    const char *text;   /* scalar: its value, NUL-terminated; "" for an absent value. Else NULL */
    size_t len;         /* of text; a NUL inside is possible ("\0" in double quotes) */
    struct skf_entry *entries; /* mapping */
    struct skf_node **items;   /* sequence */
    size_t n;                  /* entries or items */
    size_t cap;
    struct skf_doc *doc; /* the owner: its file name and text */
    uint32_t weight;     /* nodes in it with all aliases expanded */
    uint16_t height;     /* levels below */
    uint32_t merge_end;  /* mapping: behind its last "<<" entry; 0 = none */
    bool shared;         /* an alias names it: a change of its text shows in several places */
};

/* A key that stands twice in a mapping; the later one is not in the tree's lookups. */
struct skf_dup {
    const struct skf_node *first, *second;
};

/* One document of a stream. */
struct skf_part {
    struct skf_node *root; /* NULL = empty document (only comments) */
    /* Its bytes without the "---" and "..." lines; leading comments are inside. */
    size_t start, end;
    int line; /* of start */
};

struct skf_doc {
    char *file; /* as the user wrote it; for messages */
    char *text; /* NUL-terminated copy of the input, byte order mark included */
    size_t len;
    bool json;       /* was read by the JSON grammar */
    bool odd_breaks; /* has line ends other than \n and \r\n: its text cannot be edited in place */
    struct skf_part *parts;
    size_t n_parts;
    struct skf_dup *dups;
    size_t n_dups;
    struct skf_arena arena;
};

/* Reads YAML or JSON (told apart by the content: text that is valid JSON is JSON). The bytes are
 * copied. Duplicate keys do not fail here: see `dups`. Errors carry file:line:col: not UTF-8,
 * UTF-16, too large, too deep, too many nodes, tabs as indentation, syntax. */
int skf_doc_parse(const char *file, const char *text, size_t len, struct skf_doc **out,
                  struct skf_err *err);
/* Only JSON, exactly one value. */
int skf_doc_parse_json(const char *file, const char *text, size_t len, struct skf_doc **out,
                       struct skf_err *err);
/* An empty document to build trees in (nodes without positions). */
struct skf_doc *skf_doc_new(const char *file);
void skf_doc_free(struct skf_doc *d);
/* The first duplicate key as an error; 0 when there is none. */
int skf_doc_check_dups(const struct skf_doc *d, struct skf_err *err);
/* The text of line `line` (1-based) without its line end: points into d->text, length in *len. NULL
 * when there is no such line. */
const char *skf_doc_line(const struct skf_doc *d, int line, size_t *len);
/* 1-based line and column of a byte offset. */
void skf_doc_locate(const struct skf_doc *d, size_t offset, int *line, int *col);

/* --- access; all take NULL and answer NULL or false ------------------------------------------- */

/* Value of a key; the first of duplicates; a key written here beats a merged one. */
struct skf_node *skf_node_get(const struct skf_node *map, const char *key);
struct skf_entry *skf_node_entry(const struct skf_node *map, const char *key);
/* skf_node_find(root, "spec", "template", NULL): mapping keys one below the other. */
struct skf_node *skf_node_find(const struct skf_node *root, ...) __attribute__((sentinel));
struct skf_node *skf_node_item(const struct skf_node *seq, size_t i);
/* "spec.template.containers[0].image"; keys with dots as ["a.b/c"]. */
struct skf_node *skf_node_path(const struct skf_node *root, const char *path);
/* RFC 6901: "/spec/containers/0/image" with ~0 and ~1; "" is the root. */
struct skf_node *skf_node_pointer(const struct skf_node *root, const char *pointer);
/* Text of a scalar that is not null; else NULL. */
const char *skf_node_str(const struct skf_node *n);
/* skf_node_str(skf_node_get(map, key)) */
const char *skf_node_get_str(const struct skf_node *map, const char *key);
enum skf_scalar skf_node_scalar(const struct skf_node *n); /* n is a scalar */
bool skf_node_is_null(const struct skf_node *n);           /* NULL, or a null scalar */
/* true/false, and yes/no/on/off/y/n of YAML 1.1; quoted ones too. false: neither. */
bool skf_node_bool(const struct skf_node *n, bool *out);
bool skf_node_int(const struct skf_node *n, long long *out);             /* also 0x, 0o, 1_000 */
bool skf_node_equal(const struct skf_node *a, const struct skf_node *b); /* order of keys ignored */
/* "a mapping", "a list", "text", "a number", "true or false", "nothing": for messages. */
const char *skf_node_kind_words(const struct skf_node *n);
/* Fills err with code and text at the position of n. Returns -code. */
int skf_node_err(struct skf_err *err, const struct skf_node *n, enum skf_code code, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));

/* What a plain scalar of this text would be read as; tells whether it needs quotes. */
enum skf_scalar skf_scalar_of_plain(const char *text, size_t len);

/* --- building; new nodes take the position of `at` (may be NULL) ------------------------------ */

struct skf_node *skf_node_new_map(struct skf_doc *d, const struct skf_node *at);
struct skf_node *skf_node_new_seq(struct skf_doc *d, const struct skf_node *at);
/* A string, whatever it looks like. */
struct skf_node *skf_node_new_str(struct skf_doc *d, const struct skf_node *at, const char *text);
/* A plain scalar: "true", "3", "null". */
struct skf_node *skf_node_new_plain(struct skf_doc *d, const struct skf_node *at, const char *text);
/* Sets or replaces, keeping the place of a replaced one; the key takes the value's position. */
void skf_node_set(struct skf_doc *d, struct skf_node *map, const char *key, struct skf_node *value);
/* Same, with the key node of another place (positions of the key survive). */
void skf_node_set_key(struct skf_doc *d, struct skf_node *map, struct skf_node *key,
                      struct skf_node *value);
/* Takes a key out; returns its value or NULL. */
struct skf_node *skf_node_del(struct skf_node *map, const char *key);
void skf_node_append(struct skf_doc *d, struct skf_node *seq, struct skf_node *item);
/* i <= n: before item i, or at the end. */
void skf_node_insert(struct skf_doc *d, struct skf_node *seq, size_t i, struct skf_node *item);
void skf_node_remove(struct skf_node *seq, size_t i);
/* A copy in which nothing is shared any more; positions stay. */
struct skf_node *skf_node_clone(struct skf_doc *d, const struct skf_node *n);
#endif

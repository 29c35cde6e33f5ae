/* lib/config/template_tree.h: the parsed form of a template, shared by parser, evaluation and
 * functions. */
#ifndef SKF_CONFIG_TEMPLATE_TREE_H
#define SKF_CONFIG_TEMPLATE_TREE_H
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/config/template.h"

enum {
    TPL_MAX_TEXT = 1024 * 1024,
    TPL_MAX_OUT = 4 * 1024 * 1024,
    TPL_MAX_DEPTH = 100,
    TPL_MAX_STEPS = 1000 * 1000,
};

/* --- the tree --------------------------------------------------------------------------------- */

struct tpl_pipe;

enum tpl_operand_kind {
    TPL_DOT,      /* . and .A.B */
    TPL_VARIABLE, /* $x and $x.A; `name` is "$" or "$x" */
    TPL_PAREN,    /* (pipeline) and (pipeline).A */
    TPL_FUNCTION,
    TPL_STRING,
    TPL_NUMBER,
    TPL_BOOL,
    TPL_NIL,
};
struct tpl_operand {
    enum tpl_operand_kind kind;
    size_t at;        /* byte in the text */
    const char *name; /* function, variable or string */
    long long number;
    bool yes;
    struct tpl_pipe *pipe;
    const char **fields; /* .A.B behind it */
    size_t n_fields;
};
struct tpl_command {
    struct tpl_operand *v;
    size_t n;
};
struct tpl_pipe {
    size_t at;
    const char *vars[2]; /* $x := or $i, $x := */
    size_t n_vars;
    bool assign; /* "=" instead of ":=" */
    struct tpl_command *v;
    size_t n;
};

enum tpl_kind {
    TPL_TEXT,
    TPL_ACTION,
    TPL_IF,
    TPL_WITH,
    TPL_RANGE,
    TPL_CALL, /* {{template}} and {{block}} */
    TPL_BREAK,
    TPL_CONTINUE,
};
struct tpl_node {
    enum tpl_kind kind;
    size_t at;
    const char *text; /* TPL_TEXT, and the name of TPL_CALL */
    size_t len;
    struct tpl_pipe *pipe; /* may be NULL for TPL_CALL */
    struct tpl_node *body, *other;
    struct tpl_node *next;
};
struct tpl_define {
    const char *name;
    struct tpl_node *body;
    struct tpl_define *next;
};
struct tpl {
    struct skf_arena *arena;
    const char *text;
    struct tpl_node *body;
    struct tpl_define *defines;
};

int tpl_parse(const char *text, struct skf_arena *arena, struct tpl *out, struct skf_err *err);
/* An error at a byte of the text. */
int tpl_fail(const char *text, size_t at, struct skf_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- values ----------------------------------------------------------------------------------- */

enum tpl_value_kind {
    TPL_V_ABSENT,
    TPL_V_NIL,
    TPL_V_STRING,
    TPL_V_INT,
    TPL_V_BOOL,
    TPL_V_MAP,
    TPL_V_LIST
};
struct tpl_value {
    enum tpl_value_kind kind;
    const char *str;
    long long num;
    bool yes;
    bool time; /* num is a moment: seconds */
    const struct skf_tmap *map;
    struct tpl_value *list;
    size_t n;
};

struct tpl_run {
    const struct skf_template_env *env;
    struct skf_arena *arena;
    const char *text;
    size_t at; /* of the call being made, for errors */
    struct skf_err *err;
    size_t steps;
    size_t made; /* bytes of strings made by functions, against runaway repeats */
};

/* A function: args are evaluated. Returns 0, or the code of run->err. */
typedef int (*tpl_function)(struct tpl_run *run, const struct tpl_value *args, size_t n,
                            struct tpl_value *out);
struct tpl_function_entry {
    const char *name;
    tpl_function run;
    int min, max; /* arguments; max -1 = any number */
};
/* Ends with { 0 }. `and` and `or` are not there: they do not evaluate all. */
extern const struct tpl_function_entry tpl_builtins[], tpl_sprig[];
/* Is the name a function of either list, or and/or? *sprig_only: not one of Go's own. */
bool tpl_function_known(const char *name, bool *sprig_only);

bool tpl_truth(const struct tpl_value *v);
/* As {{.}} prints it. */
void tpl_print(struct skf_buf *out, const struct tpl_value *v);
struct tpl_value tpl_string(struct tpl_run *run, const char *text);
struct tpl_value tpl_stringn(struct tpl_run *run, const char *text, size_t len);
struct tpl_value tpl_int(long long n);
struct tpl_value tpl_bool(bool yes);
/* The text of a value, in the arena. */
const char *tpl_text(struct tpl_run *run, const struct tpl_value *v);
int tpl_run_fail(struct tpl_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif

/* lib/config/template.c: evaluation, and what a template asks for. */
#include "lib/config/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/template_tree.h"

struct variable {
    const char *name;
    struct tpl_value value;
};

struct eval {
    struct tpl_run run; /* first */
    const struct tpl *t;
    struct skf_buf *out;
    struct variable *vars;
    size_t n_vars, cap_vars;
    unsigned depth;
};

enum flow { GO_ON, BROKEN, CONTINUED };

int tpl_run_fail(struct tpl_run *run, const char *fmt, ...)
{
    va_list ap;
    char text[600];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return tpl_fail(run->text, run->at, run->err, "%s", text);
}

static int step(struct eval *e)
{
    if (++e->run.steps > TPL_MAX_STEPS || e->out->len > TPL_MAX_OUT ||
        e->run.made > TPL_MAX_OUT * 4)
        return tpl_run_fail(&e->run, "the template does too much work: it was stopped");
    return 0;
}

static struct tpl_value from_data(const struct skf_tvalue *v)
{
    struct tpl_value r = {
        .str = v->str ? v->str : "", .num = v->num, .yes = v->yes, .map = v->map
    };
    r.kind = v->kind == SKF_TV_STRING ? TPL_V_STRING
             : v->kind == SKF_TV_INT  ? TPL_V_INT
             : v->kind == SKF_TV_BOOL ? TPL_V_BOOL
             : v->kind == SKF_TV_MAP  ? TPL_V_MAP
                                      : TPL_V_ABSENT;
    return r;
}

/* The source of the operand, for "at <.Env.X>". */
static void chain_words(const struct tpl_operand *o, size_t upto, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    if (o->kind == TPL_VARIABLE)
        len += (size_t)snprintf(out, size, "%.60s", o->name);
    for (size_t i = 0; i <= upto && i < o->n_fields && len + 80 < size; i++)
        len += (size_t)snprintf(out + len, size - len, ".%.60s", o->fields[i]);
}

static int walk_fields(struct eval *e, const struct tpl_operand *o, struct tpl_value *v)
{
    for (size_t i = 0; i < o->n_fields; i++) {
        char words[400];
        chain_words(o, i, words, sizeof words);
        e->run.at = o->at;
        if (v->kind == TPL_V_ABSENT || v->kind == TPL_V_NIL) {
            if (e->run.env->fail_missing)
                return tpl_run_fail(&e->run, "nil data at <%s>: no entry for key \"%s\"", words,
                                    o->fields[i]);
            v->kind = TPL_V_ABSENT;
            continue;
        }
        if (v->kind != TPL_V_MAP)
            return tpl_run_fail(&e->run, "can't evaluate field %s at <%s>: it has no fields",
                                o->fields[i], words);
        struct skf_tvalue got = { 0 };
        if (!v->map->get(v->map, o->fields[i], &got) || got.kind == SKF_TV_ABSENT) {
            if (e->run.env->fail_missing)
                return tpl_run_fail(&e->run, "map has no entry for key \"%s\" at <%s>",
                                    o->fields[i], words);
            *v = (struct tpl_value){ .kind = TPL_V_ABSENT, .str = "" };
            continue;
        }
        *v = from_data(&got);
    }
    return 0;
}

static int eval_pipe(struct eval *e, const struct tpl_pipe *p, const struct tpl_value *dot,
                     struct tpl_value *out);
static int call(struct eval *e, const struct tpl_command *c, const struct tpl_value *dot,
                const struct tpl_value *piped, struct tpl_value *out);

static const struct tpl_value *variable(const struct eval *e, const char *name)
{
    for (size_t i = e->n_vars; i > 0; i--) {
        if (strcmp(e->vars[i - 1].name, name) == 0)
            return &e->vars[i - 1].value;
    }
    return NULL;
}

static void push_variable(struct eval *e, const char *name, struct tpl_value value)
{
    if (e->n_vars == e->cap_vars) {
        e->cap_vars = e->cap_vars ? e->cap_vars * 2 : 8;
        e->vars = skf_xreallocarray(e->vars, e->cap_vars, sizeof *e->vars);
    }
    e->vars[e->n_vars++] = (struct variable){ name, value };
}

static int eval_operand(struct eval *e, const struct tpl_operand *o, const struct tpl_value *dot,
                        struct tpl_value *out)
{
    const struct tpl_value *var;
    int rc = step(e);
    if (rc)
        return rc;
    *out = (struct tpl_value){ .kind = TPL_V_NIL, .str = "" };
    switch (o->kind) {
    case TPL_DOT:
        *out = *dot;
        return walk_fields(e, o, out);
    case TPL_VARIABLE:
        var = variable(e, o->name);
        if (!var) {
            e->run.at = o->at;
            return tpl_run_fail(&e->run, "undefined variable \"%s\"", o->name);
        }
        *out = *var;
        return walk_fields(e, o, out);
    case TPL_PAREN:
        rc = eval_pipe(e, o->pipe, dot, out);
        return rc ? rc : walk_fields(e, o, out);
    case TPL_FUNCTION: {
        struct tpl_operand copy = *o;
        const struct tpl_command c = { &copy, 1 };
        return call(e, &c, dot, NULL, out);
    }
    case TPL_STRING:
        out->kind = TPL_V_STRING;
        out->str = o->name;
        return 0;
    case TPL_NUMBER:
        *out = tpl_int(o->number);
        return 0;
    case TPL_BOOL:
        *out = tpl_bool(o->yes);
        return 0;
    case TPL_NIL:
        return 0;
    }
    return 0;
}

/* and/or: stop at the first that decides. */
static int call_lazy(struct eval *e, const struct tpl_command *c, const struct tpl_value *dot,
                     const struct tpl_value *piped, struct tpl_value *out)
{
    bool is_and = c->v[0].name[0] == 'a';
    size_t n = c->n - 1 + (piped ? 1 : 0);
    if (!n)
        return tpl_run_fail(&e->run, "%s needs at least one argument", c->v[0].name);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < c->n) {
            int rc = eval_operand(e, &c->v[i + 1], dot, out);
            if (rc)
                return rc;
        } else {
            *out = *piped;
        }
        if (tpl_truth(out) != is_and)
            return 0;
    }
    return 0;
}

static const struct tpl_function_entry *find_function(const struct tpl_function_entry *list,
                                                      const char *name)
{
    for (; list->name; list++) {
        if (strcmp(list->name, name) == 0)
            return list;
    }
    return NULL;
}

bool tpl_function_known(const char *name, bool *sprig_only)
{
    bool own = strcmp(name, "and") == 0 || strcmp(name, "or") == 0 ||
               find_function(tpl_builtins, name) != NULL;
    *sprig_only = !own;
    return own || find_function(tpl_sprig, name) != NULL;
}

static int call(struct eval *e, const struct tpl_command *c, const struct tpl_value *dot,
                const struct tpl_value *piped, struct tpl_value *out)
{
    const char *name = c->v[0].name;
    e->run.at = c->v[0].at;
    if (strcmp(name, "and") == 0 || strcmp(name, "or") == 0)
        return call_lazy(e, c, dot, piped, out);
    const struct tpl_function_entry *f = find_function(tpl_builtins, name);
    if (!f && e->run.env->sprig)
        f = find_function(tpl_sprig, name);
    if (!f)
        return tpl_run_fail(&e->run, "function \"%s\" is not defined here", name);
    size_t n = c->n - 1 + (piped ? 1 : 0);
    if ((int)n < f->min || (f->max >= 0 && (int)n > f->max))
        return tpl_run_fail(&e->run, "wrong number of arguments for %s: %zu", name, n);
    struct tpl_value *args = skf_arena_calloc(e->run.arena, n + 1, sizeof *args);
    for (size_t i = 0; i + 1 < c->n; i++) {
        int rc = eval_operand(e, &c->v[i + 1], dot, &args[i]);
        if (rc)
            return rc;
    }
    if (piped)
        args[n - 1] = *piped;
    e->run.at = c->v[0].at;
    e->run.made += 64;
    return f->run(&e->run, args, n, out);
}

static int eval_pipe(struct eval *e, const struct tpl_pipe *p, const struct tpl_value *dot,
                     struct tpl_value *out)
{
    struct tpl_value value = { 0 };
    for (size_t i = 0; i < p->n; i++) {
        const struct tpl_command *c = &p->v[i];
        struct tpl_value piped = value;
        int rc;
        if (c->v[0].kind == TPL_FUNCTION) {
            rc = call(e, c, dot, i ? &piped : NULL, &value);
        } else if (c->n > 1) {
            e->run.at = c->v[1].at;
            rc = tpl_run_fail(&e->run, "unexpected argument: the value in front is no function");
        } else {
            rc = eval_operand(e, &c->v[0], dot, &value);
        }
        if (rc)
            return rc;
    }
    *out = value;
    return 0;
}

/* Declares or assigns the variables of a pipe that is no range. */
static int set_variables(struct eval *e, const struct tpl_pipe *p, const struct tpl_value *value)
{
    if (p->n_vars > 1) {
        e->run.at = p->at;
        return tpl_run_fail(&e->run, "two variables are possible in {{range}} only");
    }
    if (!p->n_vars)
        return 0;
    if (!p->assign) {
        push_variable(e, p->vars[0], *value);
        return 0;
    }
    for (size_t i = e->n_vars; i > 0; i--) {
        if (strcmp(e->vars[i - 1].name, p->vars[0]) == 0) {
            e->vars[i - 1].value = *value;
            return 0;
        }
    }
    e->run.at = p->at;
    return tpl_run_fail(&e->run, "undefined variable \"%s\"", p->vars[0]);
}

static int run_nodes(struct eval *e, const struct tpl_node *n, const struct tpl_value *dot,
                     enum flow *flow);

static int run_body(struct eval *e, const struct tpl_node *n, const struct tpl_value *dot,
                    enum flow *flow)
{
    if (++e->depth > TPL_MAX_DEPTH)
        return tpl_run_fail(&e->run, "the template is nested too deeply");
    size_t vars = e->n_vars;
    int rc = run_nodes(e, n, dot, flow);
    e->n_vars = vars;
    e->depth--;
    return rc;
}

static int range_one(struct eval *e, const struct tpl_node *n, struct tpl_value key,
                     struct tpl_value item, enum flow *flow)
{
    size_t vars = e->n_vars;
    int rc = step(e);
    if (rc)
        return rc;
    if (n->pipe->n_vars == 1)
        push_variable(e, n->pipe->vars[0], item);
    if (n->pipe->n_vars == 2) {
        push_variable(e, n->pipe->vars[0], key);
        push_variable(e, n->pipe->vars[1], item);
    }
    rc = run_body(e, n->body, &item, flow);
    if (*flow == CONTINUED)
        *flow = GO_ON;
    e->n_vars = vars;
    return rc;
}

static int run_range(struct eval *e, const struct tpl_node *n, const struct tpl_value *dot)
{
    struct tpl_value v;
    int rc = eval_pipe(e, n->pipe, dot, &v);
    if (rc)
        return rc;
    enum flow flow = GO_ON;
    size_t count = 0;
    e->run.at = n->pipe->at;
    if (v.kind == TPL_V_LIST) {
        for (; count < v.n && rc == 0 && flow != BROKEN; count++)
            rc = range_one(e, n, tpl_int((long long)count), v.list[count], &flow);
    } else if (v.kind == TPL_V_INT) {
        for (; (long long)count < v.num && rc == 0 && flow != BROKEN; count++)
            rc = range_one(e, n, tpl_int((long long)count), tpl_int((long long)count), &flow);
    } else if (v.kind == TPL_V_MAP && v.map->keys) {
        skf_autostrv struct skf_strv keys = SKF_STRV_INIT;
        v.map->keys(v.map, &keys);
        for (; count < keys.n && rc == 0 && flow != BROKEN; count++) {
            struct skf_tvalue got = { 0 };
            v.map->get(v.map, keys.v[count], &got);
            rc = range_one(e, n, tpl_string(&e->run, keys.v[count]), from_data(&got), &flow);
        }
    } else if (v.kind != TPL_V_ABSENT && v.kind != TPL_V_NIL) {
        return tpl_run_fail(&e->run, "range can't iterate over this value");
    }
    enum flow ignored = GO_ON;
    return rc || count ? rc : run_body(e, n->other, dot, &ignored);
}

static int run_call(struct eval *e, const struct tpl_node *n, const struct tpl_value *dot)
{
    struct tpl_value inner = { .kind = TPL_V_NIL, .str = "" };
    e->run.at = n->at;
    for (const struct tpl_define *d = e->t->defines; d; d = d->next) {
        if (strcmp(d->name, n->text) != 0)
            continue;
        int rc = n->pipe ? eval_pipe(e, n->pipe, dot, &inner) : 0;
        if (rc)
            return rc;
        /* Variables of the caller are not seen inside; "$" is what was passed. */
        size_t vars = e->n_vars;
        enum flow flow = GO_ON;
        push_variable(e, "$", inner);
        rc = run_body(e, d->body, &inner, &flow);
        e->n_vars = vars;
        return rc;
    }
    return tpl_run_fail(&e->run, "template \"%s\" not defined", n->text);
}

static int run_nodes(struct eval *e, const struct tpl_node *n, const struct tpl_value *dot,
                     enum flow *flow)
{
    struct tpl_value v;
    for (; n && *flow == GO_ON; n = n->next) {
        size_t vars;
        int rc = step(e);
        if (rc)
            return rc;
        switch (n->kind) {
        case TPL_TEXT:
            skf_buf_add(e->out, n->text, n->len);
            break;
        case TPL_ACTION:
            rc = eval_pipe(e, n->pipe, dot, &v);
            if (rc == 0 && n->pipe->n_vars)
                rc = set_variables(e, n->pipe, &v);
            else if (rc == 0)
                tpl_print(e->out, &v);
            break;
        case TPL_IF:
        case TPL_WITH:
            rc = eval_pipe(e, n->pipe, dot, &v);
            vars = e->n_vars;
            if (rc == 0)
                rc = set_variables(e, n->pipe, &v);
            if (rc == 0 && tpl_truth(&v))
                rc = run_body(e, n->body, n->kind == TPL_WITH ? &v : dot, flow);
            else if (rc == 0)
                rc = run_body(e, n->other, dot, flow);
            if (!n->pipe->assign)
                e->n_vars = vars;
            break;
        case TPL_RANGE:
            rc = run_range(e, n, dot);
            break;
        case TPL_CALL:
            rc = run_call(e, n, dot);
            break;
        case TPL_BREAK:
            *flow = BROKEN;
            break;
        case TPL_CONTINUE:
            *flow = CONTINUED;
            break;
        }
        if (rc)
            return rc;
    }
    return 0;
}

int skf_template_expand(const char *text, const struct skf_template_env *env, char **out,
                        struct skf_err *err)
{
    if (!skf_template_has(text)) {
        *out = skf_xstrdup(text);
        return 0;
    }
    struct skf_arena arena = SKF_ARENA_INIT;
    skf_autobuf struct skf_buf got = SKF_BUF_INIT;
    struct tpl t;
    int rc = tpl_parse(text, &arena, &t, err);
    if (rc == 0) {
        struct eval e = {
            .run = { .env = env, .arena = &arena, .text = text, .err = err },
            .t = &t,
            .out = &got,
        };
        struct tpl_value dot = { .kind = env->root ? TPL_V_MAP : TPL_V_NIL,
                                 .str = "",
                                 .map = env->root };
        enum flow flow = GO_ON;
        push_variable(&e, "$", dot);
        rc = run_nodes(&e, t.body, &dot, &flow);
        free(e.vars);
    }
    skf_arena_release(&arena);
    if (rc == 0)
        *out = skf_buf_take(&got);
    return rc;
}

bool skf_template_has(const char *text)
{
    return strstr(text, "{{") != NULL;
}

/* --- what a template asks for ----------------------------------------------------------------- */

struct roots {
    struct skf_strv *out;
    bool blind;      /* "." is not the root, and not known */
    const char *dot; /* path of ".", "" = the root */
};

static void roots_pipe(struct roots *r, const struct tpl_pipe *p);

static void roots_chain(struct roots *r, const char *base, const struct tpl_operand *o)
{
    skf_autobuf struct skf_buf path = SKF_BUF_INIT;
    skf_buf_adds(&path, base);
    for (size_t i = 0; i < o->n_fields; i++)
        skf_buf_addf(&path, "%s%s", path.len ? "." : "", o->fields[i]);
    skf_strv_add(r->out, path.len ? path.data : ".");
}

static void roots_operand(struct roots *r, const struct tpl_operand *o)
{
    if (o->kind == TPL_DOT && !r->blind)
        roots_chain(r, r->dot, o);
    else if (o->kind == TPL_VARIABLE && strcmp(o->name, "$") == 0)
        roots_chain(r, "", o);
    else if (o->kind == TPL_PAREN)
        roots_pipe(r, o->pipe);
}

static void roots_pipe(struct roots *r, const struct tpl_pipe *p)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->v[i].n; k++)
            roots_operand(r, &p->v[i].v[k]);
    }
}

static void roots_nodes(struct roots *r, const struct tpl_node *n)
{
    for (; n; n = n->next) {
        if (n->pipe)
            roots_pipe(r, n->pipe);
        struct roots inner = *r;
        skf_autobuf struct skf_buf path = SKF_BUF_INIT;
        if (n->kind == TPL_WITH) {
            const struct tpl_operand *o = n->pipe->v[0].v;
            bool plain = n->pipe->n == 1 && n->pipe->v[0].n == 1 && o->kind == TPL_DOT && !r->blind;
            skf_buf_adds(&path, r->dot);
            for (size_t i = 0; plain && i < o->n_fields; i++)
                skf_buf_addf(&path, "%s%s", path.len ? "." : "", o->fields[i]);
            inner.dot = path.data;
            inner.blind = !plain;
        } else if (n->kind == TPL_RANGE) {
            inner.blind = true; /* its items were named by the pipe */
        }
        roots_nodes(&inner, n->body);
        roots_nodes(r, n->other);
    }
}

int skf_template_roots(const char *text, struct skf_strv *out, struct skf_err *err)
{
    struct skf_arena arena = SKF_ARENA_INIT;
    struct tpl t;
    int rc = tpl_parse(text, &arena, &t, err);
    if (rc == 0) {
        struct roots r = { .out = out, .dot = "" };
        roots_nodes(&r, t.body);
        /* What "." is in a {{define}} depends on who calls it: assume the root. */
        for (const struct tpl_define *d = t.defines; d; d = d->next)
            roots_nodes(&r, d->body);
        skf_strv_sort(out);
        skf_strv_uniq(out);
    }
    skf_arena_release(&arena);
    return rc;
}

bool skf_template_names(const struct skf_strv *roots, const char *root)
{
    size_t len = strlen(root);
    for (size_t i = 0; i < roots->n; i++) {
        const char *r = roots->v[i];
        size_t n = strlen(r);
        if (strcmp(r, ".") == 0 || strcmp(r, root) == 0 ||
            (strncmp(r, root, len) == 0 && r[len] == '.') ||
            (strncmp(root, r, n) == 0 && root[n] == '.'))
            return true;
    }
    return false;
}

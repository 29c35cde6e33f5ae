/* lib/config/template_parse.c: text to tree. Recursive descent; depth is capped. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/config/template_tree.h"

struct parser {
    struct tpl *t;
    const char *p; /* next character */
    unsigned depth;
    unsigned loops; /* open {{range}} */
    bool trim_next; /* the last action ended with "-}}" */
    struct skf_strv
        vars; /* declared so far, for unknown ones; never shrunk: good enough for messages */
    struct skf_err *err;
};

int tpl_fail(const char *text, size_t at, struct skf_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    skf_err_clear(err);
    skf_err_setv(err, SKF_ECONFIG, fmt, ap);
    va_end(ap);
    int line = 1, col = 1;
    for (size_t i = 0; i < at && text[i]; i++) {
        if (text[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            col++;
        }
    }
    return skf_err_at(err, NULL, line, col);
}

static size_t at_of(const struct parser *s, const char *p)
{
    return (size_t)(p - s->t->text);
}

#define FAIL(s, p, ...) tpl_fail((s)->t->text, at_of((s), (p)), (s)->err, __VA_ARGS__)

static void blanks(struct parser *s)
{
    while (*s->p && strchr(" \t\r\n", *s->p))
        s->p++;
}

static bool at_end(const struct parser *s)
{
    return strncmp(s->p, "}}", 2) == 0 ||
           (strncmp(s->p, "-}}", 3) == 0 && s->p > s->t->text && strchr(" \t\r\n", s->p[-1]));
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || ((unsigned char)c & 0x80);
}

static size_t word_len(const char *p)
{
    size_t n = 0;
    while (word_char(p[n]))
        n++;
    return n;
}

static int end_of_action(struct parser *s)
{
    blanks(s);
    if (!at_end(s)) {
        if (!*s->p)
            return FAIL(s, s->p, "the '{{' is never closed with '}}'");
        return FAIL(s, s->p, "unexpected '%.10s' in the template", s->p);
    }
    s->trim_next = *s->p == '-';
    s->p += s->trim_next ? 3 : 2;
    return 0;
}

static int pipeline(struct parser *s, struct tpl_pipe **out, bool in_paren);

/* "text", with Go's escapes. */
static int quoted(struct parser *s, char quote, struct skf_buf *out)
{
    const char *start = s->p++;
    for (; *s->p != quote; s->p++) {
        if (!*s->p || *s->p == '\n')
            return FAIL(s, start, "a string without its closing %c", quote);
        if (*s->p != '\\') {
            skf_buf_addc(out, *s->p);
            continue;
        }
        s->p++;
        static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
        const char *hit = *s->p ? strchr(from, *s->p) : NULL;
        if (hit) {
            skf_buf_addc(out, to[hit - from]);
            continue;
        }
        unsigned long code = 0;
        int digits = *s->p == 'x' ? 2 : *s->p == 'u' ? 4 : 0;
        for (int i = 0; i < digits; i++) {
            unsigned char c = (unsigned char)s->p[1 + i];
            if (!isxdigit(c))
                digits = 0;
            else
                code = code * 16 + (unsigned long)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
        }
        if (!digits || !code || (code >= 0xd800 && code < 0xe000))
            return FAIL(s, s->p - 1, "an unknown escape in a string");
        if (code < 0x80 || digits == 2) {
            skf_buf_addc(out, (char)code);
        } else if (code < 0x800) {
            skf_buf_addc(out, (char)(0xc0 | code >> 6));
            skf_buf_addc(out, (char)(0x80 | (code & 0x3f)));
        } else {
            skf_buf_addc(out, (char)(0xe0 | code >> 12));
            skf_buf_addc(out, (char)(0x80 | (code >> 6 & 0x3f)));
            skf_buf_addc(out, (char)(0x80 | (code & 0x3f)));
        }
        s->p += digits;
    }
    s->p++;
    return 0;
}

static int number(struct parser *s, struct tpl_operand *o)
{
    size_t n = *s->p == '-' || *s->p == '+';
    while (word_char(s->p[n]) || s->p[n] == '.')
        n++;
    skf_autofree char *text = skf_xstrndup(s->p + (*s->p == '+'), n - (*s->p == '+'));
    o->kind = TPL_NUMBER;
    if (!skf_num_parse(text, -0x7fffffffffffffffLL, 0x7fffffffffffffffLL, &o->number)) {
        char *end;
        if (strncmp(text, "0x", 2) == 0 && strlen(text) < 17)
            o->number = strtoll(text + 2, &end, 16);
        else
            return FAIL(s, s->p, "the number '%.20s' is not supported: whole numbers only", text);
        if (*end)
            return FAIL(s, s->p, "'%.20s' is not a number", text);
    }
    s->p += n;
    return 0;
}

static int identifier(struct parser *s, struct tpl_operand *o)
{
    size_t n = word_len(s->p);
    o->name = skf_arena_strndup(s->t->arena, s->p, n);
    if (strcmp(o->name, "true") == 0 || strcmp(o->name, "false") == 0) {
        o->kind = TPL_BOOL;
        o->yes = o->name[0] == 't';
    } else if (strcmp(o->name, "nil") == 0) {
        o->kind = TPL_NIL;
    } else {
        bool sprig_only;
        o->kind = TPL_FUNCTION;
        if (!tpl_function_known(o->name, &sprig_only))
            return FAIL(s, s->p, "function \"%s\" is not defined (or not supported by skiff)",
                        o->name);
    }
    s->p += n;
    return 0;
}

/* ".A.B" behind an operand. */
static int fields(struct parser *s, struct tpl_operand *o)
{
    size_t cap = 0;
    while (*s->p == '.') {
        size_t n = word_len(s->p + 1);
        if (!n)
            return FAIL(s, s->p, "expected a name behind '.'");
        if (o->n_fields == cap) {
            cap = cap ? cap * 2 : 4;
            const char **more = skf_arena_calloc(s->t->arena, cap, sizeof *more);
            if (o->n_fields)
                memcpy(more, o->fields, o->n_fields * sizeof *more);
            o->fields = more;
        }
        o->fields[o->n_fields++] = skf_arena_strndup(s->t->arena, s->p + 1, n);
        s->p += 1 + n;
    }
    return 0;
}

static int operand(struct parser *s, struct tpl_operand *o)
{
    int rc = 0;
    o->at = at_of(s, s->p);
    char c = *s->p;
    if (c == '.') {
        o->kind = TPL_DOT;
        if (!word_len(s->p + 1)) {
            s->p++;
            return 0;
        }
        return fields(s, o);
    }
    if (c == '$') {
        size_t n = 1 + word_len(s->p + 1);
        o->kind = TPL_VARIABLE;
        o->name = skf_arena_strndup(s->t->arena, s->p, n);
        if (n > 1 && !skf_strv_has(&s->vars, o->name))
            return FAIL(s, s->p, "undefined variable \"%s\"", o->name);
        s->p += n;
        return fields(s, o);
    }
    if (c == '(') {
        o->kind = TPL_PAREN;
        s->p++;
        rc = pipeline(s, &o->pipe, true);
        blanks(s);
        if (rc == 0 && *s->p != ')')
            rc = FAIL(s, s->p, "expected ')'");
        if (rc)
            return rc;
        s->p++;
        return fields(s, o);
    }
    if (c == '"' || c == '`' || c == '\'') {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        if (c == '`') {
            const char *end = strchr(s->p + 1, '`');
            if (!end)
                return FAIL(s, s->p, "a string without its closing `");
            skf_buf_add(&text, s->p + 1, (size_t)(end - s->p - 1));
            s->p = end + 1;
        } else {
            rc = quoted(s, c, &text);
        }
        o->kind = c == '\'' ? TPL_NUMBER : TPL_STRING;
        o->name = skf_arena_strndup(s->t->arena, text.data, text.len);
        if (rc == 0 && c == '\'') {
            if (text.len != 1)
                return FAIL(s, s->p, "expected one character between single quotes");
            o->number = (unsigned char)text.data[0];
        }
        return rc;
    }
    if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && isdigit((unsigned char)s->p[1])))
        return number(s, o);
    if (word_len(s->p))
        return identifier(s, o);
    if (!c)
        return FAIL(s, s->p, "the '{{' is never closed with '}}'");
    return FAIL(s, s->p, "unexpected '%c' in the template", c);
}

static int command(struct parser *s, struct tpl_command *cmd)
{
    size_t cap = 0;
    for (;;) {
        blanks(s);
        if (at_end(s) || *s->p == '|' || *s->p == ')')
            break;
        if (cmd->n == cap) {
            cap = cap ? cap * 2 : 4;
            struct tpl_operand *more = skf_arena_calloc(s->t->arena, cap, sizeof *more);
            if (cmd->n)
                memcpy(more, cmd->v, cmd->n * sizeof *more);
            cmd->v = more;
        }
        int rc = operand(s, &cmd->v[cmd->n]);
        if (rc)
            return rc;
        cmd->n++;
        if (*s->p && !strchr(" \t\r\n|)}", *s->p) && !at_end(s))
            return FAIL(s, s->p, "unexpected '%.10s' in the template", s->p);
    }
    if (!cmd->n)
        return FAIL(s, s->p, "a value is missing");
    return 0;
}

/* "$x :=", "$i, $x :=", "$x =" in front of a pipeline. */
static int declaration(struct parser *s, struct tpl_pipe *pipe)
{
    const char *start = s->p;
    const char *names[2];
    size_t lens[2], n = 0;
    const char *p = s->p;
    while (*p == '$' && n < 2) {
        names[n] = p;
        lens[n] = 1 + word_len(p + 1);
        p += lens[n++];
        p += strspn(p, " \t\r\n");
        if (*p != ',')
            break;
        p++;
        p += strspn(p, " \t\r\n");
    }
    bool define = strncmp(p, ":=", 2) == 0, assign = !define && *p == '=';
    if (!n || (!define && !assign))
        return 0;
    for (size_t i = 0; i < n; i++) {
        pipe->vars[i] = skf_arena_strndup(s->t->arena, names[i], lens[i]);
        if (assign && !skf_strv_has(&s->vars, pipe->vars[i]))
            return FAIL(s, start, "undefined variable \"%s\"", pipe->vars[i]);
    }
    pipe->n_vars = n;
    pipe->assign = assign;
    s->p = p + (define ? 2 : 1);
    return 0;
}

static int pipeline(struct parser *s, struct tpl_pipe **out, bool in_paren)
{
    if (++s->depth > TPL_MAX_DEPTH)
        return FAIL(s, s->p, "the template is nested too deeply");
    struct tpl_pipe *pipe = skf_arena_alloc(s->t->arena, sizeof *pipe);
    blanks(s);
    pipe->at = at_of(s, s->p);
    int rc = declaration(s, pipe);
    size_t cap = 0;
    while (rc == 0) {
        if (pipe->n == cap) {
            cap = cap ? cap * 2 : 2;
            struct tpl_command *more = skf_arena_calloc(s->t->arena, cap, sizeof *more);
            if (pipe->n)
                memcpy(more, pipe->v, pipe->n * sizeof *more);
            pipe->v = more;
        }
        rc = command(s, &pipe->v[pipe->n]);
        if (rc)
            break;
        const struct tpl_operand *first = &pipe->v[pipe->n].v[0];
        if (pipe->n && first->kind != TPL_FUNCTION)
            rc = tpl_fail(s->t->text, first->at, s->err, "expected a function behind '|'");
        pipe->n++;
        if (*s->p != '|')
            break;
        s->p++;
    }
    if (rc == 0 && *s->p == ')' && !in_paren)
        rc = FAIL(s, s->p, "unexpected ')'");
    for (size_t i = 0; i < pipe->n_vars && !pipe->assign; i++)
        skf_strv_add(&s->vars, pipe->vars[i]);
    s->depth--;
    *out = pipe;
    return rc;
}

/* --- nodes ------------------------------------------------------------------------------------ */

enum stop { STOP_END, STOP_ELSE, STOP_TEXT };

static int nodes(struct parser *s, struct tpl_node **out, enum stop *why);

static bool keyword(struct parser *s, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(s->p, word, n) != 0 || word_char(s->p[n]))
        return false;
    s->p += n;
    return true;
}

static int branch(struct parser *s, enum tpl_kind kind, struct tpl_node *n);

/* Behind {{else}}: "if ..." and "with ..." continue the chain. */
static int other_branch(struct parser *s, struct tpl_node *n, enum stop *why)
{
    blanks(s);
    bool chain_if = keyword(s, "if"), chain_with = !chain_if && keyword(s, "with");
    if (!chain_if && !chain_with) {
        int rc = end_of_action(s);
        return rc ? rc : nodes(s, &n->other, why);
    }
    n->other = skf_arena_alloc(s->t->arena, sizeof *n->other);
    n->other->at = at_of(s, s->p);
    *why = STOP_END; /* the inner one takes the {{end}} */
    return branch(s, chain_if ? TPL_IF : TPL_WITH, n->other);
}

static int branch(struct parser *s, enum tpl_kind kind, struct tpl_node *n)
{
    if (++s->depth > TPL_MAX_DEPTH)
        return FAIL(s, s->p, "the template is nested too deeply");
    n->kind = kind;
    s->loops += kind == TPL_RANGE;
    int rc = pipeline(s, &n->pipe, false);
    if (rc == 0)
        rc = end_of_action(s);
    enum stop why = STOP_TEXT;
    if (rc == 0)
        rc = nodes(s, &n->body, &why);
    s->loops -= kind == TPL_RANGE;
    if (rc == 0 && why == STOP_ELSE)
        rc = other_branch(s, n, &why);
    if (rc == 0 && why != STOP_END)
        rc = tpl_fail(s->t->text, n->at, s->err,
                      why == STOP_ELSE ? "a second {{else}}"
                                       : "the {{if}}, {{with}} or {{range}} is never "
                                         "closed with {{end}}");
    s->depth--;
    return rc;
}

static int template_name(struct parser *s, const char **out)
{
    struct tpl_operand o = { 0 };
    blanks(s);
    const char *at = s->p;
    int rc = operand(s, &o);
    if (rc == 0 && o.kind != TPL_STRING)
        rc = FAIL(s, at, "expected the name of a template in quotes");
    *out = o.name;
    return rc;
}

static int define(struct parser *s, struct tpl_node *call)
{
    struct tpl_define *d = skf_arena_alloc(s->t->arena, sizeof *d);
    size_t at = at_of(s, s->p);
    int rc = template_name(s, &d->name);
    blanks(s);
    if (rc == 0 && call) {
        call->kind = TPL_CALL;
        call->text = d->name;
        if (!at_end(s))
            rc = pipeline(s, &call->pipe, false);
    }
    if (rc == 0)
        rc = end_of_action(s);
    enum stop why = STOP_TEXT;
    if (++s->depth > TPL_MAX_DEPTH)
        return FAIL(s, s->p, "the template is nested too deeply");
    if (rc == 0)
        rc = nodes(s, &d->body, &why);
    s->depth--;
    if (rc == 0 && why != STOP_END)
        rc = tpl_fail(s->t->text, at, s->err, "the {{define}} is never closed with {{end}}");
    d->next = s->t->defines;
    s->t->defines = d;
    return rc;
}

/* One action behind "{{". *n stays without kind TPL_TEXT content when it puts nothing out. */
static int action(struct parser *s, struct tpl_node *n, bool *stopped, enum stop *why)
{
    n->at = at_of(s, s->p);
    *stopped = false;
    if (strncmp(s->p, "/*", 2) == 0) {
        const char *end = strstr(s->p + 2, "*/");
        if (!end)
            return FAIL(s, s->p, "a comment without its closing */");
        s->p = end + 2;
        return end_of_action(s);
    }
    if (keyword(s, "if"))
        return branch(s, TPL_IF, n);
    if (keyword(s, "with"))
        return branch(s, TPL_WITH, n);
    if (keyword(s, "range"))
        return branch(s, TPL_RANGE, n);
    if (keyword(s, "define"))
        return define(s, NULL);
    if (keyword(s, "block"))
        return define(s, n);
    if (keyword(s, "template")) {
        n->kind = TPL_CALL;
        int rc = template_name(s, &n->text);
        blanks(s);
        if (rc == 0 && !at_end(s))
            rc = pipeline(s, &n->pipe, false);
        return rc ? rc : end_of_action(s);
    }
    if (keyword(s, "break") || keyword(s, "continue")) {
        if (!s->loops)
            return tpl_fail(s->t->text, n->at, s->err,
                            "{{break}} or {{continue}} outside {{range}}");
        n->kind = s->p[-1] == 'k' ? TPL_BREAK : TPL_CONTINUE;
        return end_of_action(s);
    }
    if (keyword(s, "end")) {
        *stopped = true;
        *why = STOP_END;
        return end_of_action(s);
    }
    if (keyword(s, "else")) {
        *stopped = true;
        *why = STOP_ELSE;
        return 0; /* the rest of it is other_branch's */
    }
    n->kind = TPL_ACTION;
    int rc = pipeline(s, &n->pipe, false);
    return rc ? rc : end_of_action(s);
}

/* Text up to the next "{{", trimmed where the actions around it ask for it. */
static void text_node(struct parser *s, struct tpl_node *n)
{
    const char *start = s->p, *open = strstr(s->p, "{{");
    const char *end = open ? open : s->p + strlen(s->p);
    s->p = end;
    if (s->trim_next) {
        while (start < end && strchr(" \t\r\n", *start))
            start++;
    }
    s->trim_next = false;
    if (open) {
        s->p = open + 2;
        if (s->p[0] == '-' && s->p[1] && strchr(" \t\r\n", s->p[1])) {
            s->p++;
            while (end > start && strchr(" \t\r\n", end[-1]))
                end--;
        }
        blanks(s);
    }
    n->kind = TPL_TEXT;
    n->text = start;
    n->len = (size_t)(end - start);
}

static int nodes(struct parser *s, struct tpl_node **out, enum stop *why)
{
    struct tpl_node **tail = out;
    for (;;) {
        bool opens = strstr(s->p, "{{") != NULL;
        struct tpl_node *n = skf_arena_alloc(s->t->arena, sizeof *n);
        text_node(s, n);
        if (n->len) {
            *tail = n;
            tail = &n->next;
        }
        if (!opens) {
            *why = STOP_TEXT;
            return 0;
        }
        n = skf_arena_alloc(s->t->arena, sizeof *n);
        n->text = "";
        bool stopped;
        int rc = action(s, n, &stopped, why);
        if (rc || stopped)
            return rc;
        *tail = n;
        tail = &n->next;
    }
}

int tpl_parse(const char *text, struct skf_arena *arena, struct tpl *out, struct skf_err *err)
{
    if (strlen(text) > TPL_MAX_TEXT)
        return skf_err_set(err, SKF_ETOOBIG, "the template has more than %d bytes", TPL_MAX_TEXT);
    *out = (struct tpl){ .arena = arena, .text = text };
    struct parser s = { .t = out, .p = text, .err = err };
    enum stop why;
    int rc = nodes(&s, &out->body, &why);
    if (rc == 0 && why != STOP_TEXT)
        rc =
            tpl_fail(text, (size_t)(s.p - text), err, "an {{end}} or {{else}} that closes nothing");
    skf_strv_release(&s.vars);
    return rc;
}
